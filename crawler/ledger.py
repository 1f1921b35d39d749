"""Which wanted releases of each package are neither stored nor refused yet.

A package without any is settled: the next crawl need not look at it while it stays as it is.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256

from corpus.atomic import canonical_json
from corpus.licenses import LicensePolicy
from corpus.reasons import Reason, Reject, Stage
from crawler.memory import Settlement, Settlements, Terms, listing
from crawler.registry import PackageVersions
from crawler.versions import Selection

LASTING = frozenset({Reason.RETIRED, Reason.ARCHIVE_TOO_LARGE, Reason.NO_CHECKSUM})
"""Refusals by the crawl that another attempt would not change."""
GONE_AFTER_DAYS = 30.0
"""How long a release must be missing to count as gone for good."""
NEVER: dict[str, list[str]] = {}
"""What a settlement says of a package that is not settled: no package is listed so."""


def utc_now() -> str:
    """Return the time in ISO 8601, UTC, to the second."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


@dataclass(slots=True)
class Account:
    """The releases of one package that the crawl still has to store or refuse."""

    package: PackageVersions
    pending: dict[str, str | None]
    """Versions that are neither stored nor refused yet, with their checksums."""
    refused: dict[str, str]
    is_sound: bool
    """Whether no refusal so far is one that another attempt may change."""
    missing_since: dict[str, str]
    """When an earlier crawl saw first that a version is not there."""
    gone: dict[str, str] = field(default_factory=dict)


class Ledger:
    """Keeps an account for each package of a crawl; packages whose refusals last are settled.

    `terms` are what the crawl asks for (see Settlement). `is_complete` tells whether what came of
    a package is still there. `changes` is what the index of names says of each package's last
    change, as far as there is one.
    """

    def __init__(
        self,
        settlements: Settlements,
        terms: Terms,
        is_complete: Callable[[PackageVersions], bool],
        *,
        gone_after_days: float = GONE_AFTER_DAYS,
        clock: Callable[[], str] = utc_now,
    ) -> None:
        self.settlements = settlements
        self.terms = terms
        self.is_complete = is_complete
        self.patience = timedelta(days=gone_after_days)
        self.clock = clock
        self.changes: Mapping[str, str] = {}
        self.accounts: dict[str, Account] = {}

    def is_settled(self, package: PackageVersions) -> bool:
        """Whether an earlier crawl dealt with this very state of a package on these terms.

        A package of which something is missing since then is not settled any more.
        """
        known = self.settlements.read(package.name)
        if known is None or (known.listed, known.terms) != (listing(package), self.terms):
            return False
        return self.is_complete(package)

    def is_unchanged(self, name: str) -> bool:
        """Whether a package was not published again since it was settled.

        The index of versions does not tell that, that of names does, where it tells anything.
        """
        known, now = self.settlements.read(name), self.changes.get(name)
        return known is not None and now is not None and known.updated == now

    def renew(self, name: str) -> None:
        """Note that a settled package proved to be as it was. Raises OSError."""
        known, now = self.settlements.read(name), self.changes.get(name)
        if known is not None and known.updated != now:
            self.settlements.write(name, replace(known, updated=now))

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

        An account that is not sound, say because the registry contradicts itself, is asked for
        again by the next crawl whatever comes.
        """
        known = self.settlements.read(package.name)
        since = known.gone if known else {}
        account = Account(package, pending, refused or {}, is_sound, missing_since=since)
        self.accounts[package.name] = account
        self.close_if_done(package.name)

    def settle(self, name: str, version: str, reject: Reject | None) -> None:
        """Note that a version is stored, or refused. Raises OSError."""
        account = self.accounts.get(name)
        if account is None or version not in account.pending:
            return
        checksum = account.pending.pop(version)
        if reject and reject.stage is not Stage.CRAWL and checksum:
            account.refused[version] = checksum
        if reject and reject.reason is Reason.GONE:
            account.gone[version] = account.missing_since.get(version, self.clock())
            account.is_sound = account.is_sound and self.is_for_good(account.gone[version])
        elif reject and not lasts(reject):
            account.is_sound = False
        self.close_if_done(name)

    def is_for_good(self, since: str) -> bool:
        """Whether what is missing since then counts as gone; a time that is none begins anew."""
        try:
            age = datetime.fromisoformat(self.clock()) - datetime.fromisoformat(since)
        except (ValueError, TypeError):
            return False
        return age >= self.patience

    def close_if_done(self, name: str) -> None:
        """Close an account in which nothing is pending."""
        account = self.accounts[name]
        if account.pending:
            return
        del self.accounts[name]
        settlement = Settlement(
            listed=listing(account.package) if account.is_sound else NEVER,
            terms=self.terms,
            refused=account.refused,
            gone=account.gone,
            updated=self.changes.get(name),
        )
        self.settlements.write(name, settlement)

    def unfinished(self) -> Iterator[str]:
        """Yield "NAME VERSION" for what the crawl began and did not bring to its end."""
        for name, account in self.accounts.items():
            yield from (f"{name} {version}" for version in account.pending)


def lasts(reject: Reject) -> bool:
    """Whether a refusal would come out the same another time."""
    return reject.stage is not Stage.CRAWL or reject.reason in LASTING


def terms(selection: Selection, policy: LicensePolicy) -> Terms:
    """Say what a crawl asks for, in a form that JSON keeps."""
    licenses = canonical_json(sorted(policy.permitted | policy.permitted_extra))
    return {
        "count": selection.count,
        "prereleases": selection.prereleases,
        "retired": selection.retired,
        "licenses": sha256(licenses).hexdigest(),
    }
