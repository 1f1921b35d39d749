"""The wanted releases of each package that are neither stored nor refused yet.

A package without such releases is settled: the next crawl skips it unless it changes.
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
"""Reasons of refusal that another attempt would not change."""
GONE_AFTER_DAYS = 30.0
"""How long a release must be missing until it counts as permanently gone."""
NEVER: dict[str, list[str]] = {}
"""The digest of a package that is not settled; no listed package has it."""


def utc_now() -> str:
    """Return the time in ISO 8601, UTC, to the second."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


@dataclass(slots=True)
class Account:
    """The releases of one package that the crawl must still store or refuse."""

    package: PackageVersions
    pending: dict[str, str | None]
    """Versions that are neither stored nor refused yet, with their checksums."""
    refused: dict[str, str]
    is_sound: bool
    """Whether all refusals so far are permanent."""
    missing_since: dict[str, str]
    """When an earlier crawl first found that a version is missing."""
    gone: dict[str, str] = field(default_factory=dict)


class Ledger:
    """Keeps an account for each package of a crawl; packages with permanent refusals only are
    settled.

    `terms` are the selection and policy of the crawl (see Settlement). `is_complete` returns
    whether the archives and records of a package are still in the store. `changes` has each
    package's last change from the index of names, if there is one.
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
        """Return whether an earlier crawl settled this state of a package on these terms.

        A package is no longer settled if archives or records are missing.
        """
        known = self.settlements.read(package.name)
        if known is None or (known.listed, known.terms) != (listing(package), self.terms):
            return False
        return self.is_complete(package)

    def is_unchanged(self, name: str) -> bool:
        """Return whether a package was not published again since it was settled.

        The index of versions does not show this; the index of names does, if it has times.
        """
        known, now = self.settlements.read(name), self.changes.get(name)
        return known is not None and now is not None and known.updated == now

    def renew(self, name: str) -> None:
        """Record that a settled package is unchanged. Raises OSError."""
        known, now = self.settlements.read(name), self.changes.get(name)
        if known is not None and known.updated != now:
            self.settlements.write(name, replace(known, updated=now))

    def refused(self, name: str) -> dict[str, str]:
        """Return the checksums of content that was refused on these terms, by version."""
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
        """Open a package's account, and close it immediately if nothing is pending. Raises OSError.

        If an account is not sound, for example because the registry contradicts itself, the next
        crawl requests the package again in any case.
        """
        known = self.settlements.read(package.name)
        since = known.gone if known else {}
        account = Account(package, pending, refused or {}, is_sound, missing_since=since)
        self.accounts[package.name] = account
        self.close_if_done(package.name)

    def settle(self, name: str, version: str, reject: Reject | None) -> None:
        """Record that a version is stored or refused. Raises OSError."""
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
        """Return whether a release missing since then counts as gone; an invalid time counts as
        now.
        """
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
        """Yield "NAME VERSION" for each release that the crawl began and did not finish."""
        for name, account in self.accounts.items():
            yield from (f"{name} {version}" for version in account.pending)


def lasts(reject: Reject) -> bool:
    """Return whether another attempt would give the same refusal."""
    return reject.stage is not Stage.CRAWL or reject.reason in LASTING


def terms(selection: Selection, policy: LicensePolicy) -> Terms:
    """Return the selection and policy of a crawl in a form for JSON."""
    licenses = canonical_json(sorted(policy.permitted | policy.permitted_extra))
    return {
        "count": selection.count,
        "prereleases": selection.prereleases,
        "retired": selection.retired,
        "licenses": sha256(licenses).hexdigest(),
    }
