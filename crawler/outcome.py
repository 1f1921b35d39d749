"""The outcome of a crawl: an exit status for scripts, and a text for people.

0  everything requested is stored, or refused for a permanent reason
1  the crawl ended early or code failed: the log says why
2  the crawl could not begin: an argument or a setting is wrong
3  the repository did not deliver all that it lists: the next crawl requests it again
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from corpus.reasons import Reason, Stage
from corpus.sources import HEX
from crawler.items import Refusal
from crawler.patience import OUT_OF_ORDER

COMPLETE, FAILED, LOST = 0, 1, 3

NOT_DELIVERED = frozenset(
    {
        Reason.BAD_SIGNATURE,
        Reason.CHECKSUM_MISMATCH,
        Reason.MALFORMED_REGISTRY,
        Reason.TRUNCATED,
        Reason.UNAVAILABLE,
        Reason.WRONG_REPOSITORY,
    }
)
"""Reasons of refusal that are caused by the repository or the network."""
Stats = Mapping[str, object]
"""Scrapy's stats: numbers by name, and the finish reason of a crawl."""
NAMED = 10
"""Number of archives that the text names; the store has a record of each."""


@dataclass(slots=True)
class Losses:
    """Releases that a crawl did not get, as "NAME VERSION (why)"."""

    lost: list[str] = field(default_factory=list)
    gone: list[str] = field(default_factory=list)
    """Releases that the registry lists and the repository answered 404 or 410 for."""
    unread: list[str] = field(default_factory=list)
    """Packages whose entry could not be read, but of which no archive is known to be missing."""
    unlisted: list[str] = field(default_factory=list)
    """Sentences about what a search did not list."""

    def note(self, refusal: Refusal) -> None:
        """Record a refusal if it is of these kinds."""
        reason = refusal.reject.reason
        if refusal.reject.stage is Stage.CRAWL and reason in NOT_DELIVERED:
            self.lost.append(f"{refusal.name} {refusal.version} ({reason})")
        elif reason is Reason.GONE and refusal.source == HEX:
            self.gone.append(f"{refusal.name} {refusal.version}")


def status(stats: Stats) -> int:
    """Return the exit status of a crawl from its final stats."""
    if any(map(stats.get, ("spider_exceptions/count", "item_exceptions/count"))):
        return FAILED
    reason = stats.get("finish_reason")
    if reason == OUT_OF_ORDER:
        return LOST
    if reason != "finished":
        return FAILED
    lost = any(map(stats.get, ("archives/lost", "packages/unavailable", "packages/unlisted")))
    return LOST if lost else COMPLETE


def words(
    stats: Stats,
    reason: str,
    losses: Losses,
    unfinished: Sequence[str],
    store: Path,
    things: tuple[str, str] = ("package", "packages"),
) -> list[str]:
    """Return what is missing and what to do about it, as sentences; none if nothing is missing.

    `things` are what the crawl lists, as one and as several.
    """
    said = [*losses.unlisted]
    if lost := [*losses.lost, *(f"{each} (not reached)" for each in unfinished)]:
        said.append(
            f"{counted(lost, 'archive')} could not be fetched: {listed(lost)}. Crawl again: the "
            "next crawl requests what is missing. Those with a reason are recorded in "
            f"{store}/rejects."
        )
    if losses.gone:
        said.append(
            f"{counted(losses.gone, 'archive')} of the registry answered 404 or 410: "
            f"{listed(losses.gone)}. The next crawls request them again, for GONE_AFTER_DAYS days."
        )
    if losses.unread:
        said.append(
            f"It is not known whether {counted(losses.unread, *things)} changed: "
            f"{listed(losses.unread)}. Their stored archives stay; the next crawl checks again."
        )
    ahead = packages_ahead(stats)
    if reason != "finished" and ahead:
        said.append(
            f"{ahead} of {count_of(stats, 'packages/listed')} {things[1]} were not checked. Stored "
            "archives are complete; the next crawl continues from here."
        )
    return said


def packages_ahead(stats: Stats) -> int:
    """Count the packages that the crawl has not checked yet."""
    seen = ("packages/settled", "packages/opened", "packages/unusable")
    return max(0, count_of(stats, "packages/listed") - sum(count_of(stats, name) for name in seen))


def count_of(stats: Stats, name: str) -> int:
    """Return a number of the stats; 0 if it was never counted."""
    found = stats.get(name, 0)
    assert isinstance(found, int), f"{name} is a number"
    return found


def counted(things: Sequence[str], one: str, several: str | None = None) -> str:
    """Return a number with its noun."""
    return f"{len(things):,} {one if len(things) == 1 else several or f'{one}s'}"


def listed(things: Sequence[str]) -> str:
    """List the first of many things."""
    named = ", ".join(sorted(things)[:NAMED])
    return f"{named} and {len(things) - NAMED:,} more" if len(things) > NAMED else named
