"""Knows what is still open of each package, and settles a package when nothing is."""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from hashlib import sha256
from typing import Any

from corpus.atomic import canonical_json
from corpus.licenses import LicensePolicy
from corpus.reasons import Reason, Stage
from crawler.items import Refusal
from crawler.memory import Settlement, Settlements, listing
from crawler.registry import PackageVersions
from crawler.versions import Selection

LASTING = frozenset({Reason.GONE, Reason.RETIRED, Reason.ARCHIVE_TOO_LARGE})
"""Refusals by the crawl that another attempt would not change."""


@dataclass(slots=True)
class Account:
    """What is open of one package."""

    package: PackageVersions
    pending: dict[str, str | None]
    """Versions on their way, with their checksums."""
    refused: dict[str, str]
    is_sound: bool
    """Whether all that was dealt with so far was dealt with for good."""


class Ledger:
    """Opens an account for each package of a crawl; a closed and sound one is remembered.

    `terms` are what the crawl asks for (see Settlement). `is_complete` tells whether what came of
    a package is still there.
    """

    def __init__(
        self,
        settlements: Settlements,
        terms: dict[str, Any],
        is_complete: Callable[[PackageVersions], bool],
    ) -> None:
        self.settlements = settlements
        self.terms = terms
        self.is_complete = is_complete
        self.accounts: dict[str, Account] = {}

    def is_settled(self, package: PackageVersions) -> bool:
        """Whether an earlier crawl dealt with this very state of a package on these terms.

        A package of which something is missing since then is not settled any more.
        """
        known = self.settlements.read(package.name)
        if known is None or (known.listed, known.terms) != (listing(package), self.terms):
            return False
        return self.is_complete(package)

    def refused(self, name: str) -> dict[str, str]:
        """Return the content that was refused on these terms: checksums by version."""
        known = self.settlements.read(name)
        return known.refused if known and known.terms == self.terms else {}

    def open(
        self,
        package: PackageVersions,
        pending: dict[str, str | None],
        refused: dict[str, str] | None = None,
        *,
        is_sound: bool = True,
    ) -> None:
        """Open a package's account and close it at once if nothing is pending. Raises OSError.

        An account that is not sound, say because the registry contradicts itself, is not
        remembered whatever comes.
        """
        self.accounts[package.name] = Account(package, pending, refused or {}, is_sound)
        self.close_if_done(package.name)

    def settle(self, name: str, version: str, refusal: Refusal | None) -> None:
        """Note that a version is stored, or refused. Raises OSError."""
        account = self.accounts.get(name)
        if account is None or version not in account.pending:
            return
        checksum = account.pending.pop(version)
        if refusal and refusal.stage is not Stage.CRAWL and checksum:
            account.refused[version] = checksum
        if refusal and not lasts(refusal):
            account.is_sound = False
        self.close_if_done(name)

    def close_if_done(self, name: str) -> None:
        """Close an account in which nothing is pending."""
        account = self.accounts[name]
        if account.pending:
            return
        del self.accounts[name]
        if account.is_sound:
            settlement = Settlement(
                listed=listing(account.package), terms=self.terms, refused=account.refused
            )
            self.settlements.write(name, settlement)


def lasts(refusal: Refusal) -> bool:
    """Whether a refusal would come out the same another time."""
    return refusal.stage is not Stage.CRAWL or refusal.reason in LASTING


def terms(selection: Selection, policy: LicensePolicy) -> dict[str, Any]:
    """Say what a crawl asks for, in a form that JSON keeps."""
    licenses = canonical_json(sorted(policy.permitted | policy.permitted_extra))
    return {**asdict(selection), "licenses": sha256(licenses).hexdigest()}
