"""How a crawl ended: for a script as an exit status, for people in words.

0  all that was asked for is stored, or refused for a reason that stays
1  the crawl ended early or code failed: the log says why
2  the crawl could not begin: an argument or a setting is wrong
3  the repository did not deliver all that it lists: the next crawl asks for it again
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from corpus.reasons import Reason, Stage
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
"""Refusals by the crawl that are the repository's fault, or that of the way to it."""
Stats = Mapping[str, object]
"""Of Scrapy: numbers by name, and the reason for which a crawl ended."""
NAMED = 10
"""Archives that the words name; the store has a record of each."""


@dataclass(slots=True)
class Losses:
    """What a crawl did not get, as "NAME VERSION (why)"."""

    lost: list[str] = field(default_factory=list)
    gone: list[str] = field(default_factory=list)
    """What the registry lists and the repository says that it does not have."""
    unread: list[str] = field(default_factory=list)
    """Packages whose entry could not be had, while nothing of them is missing so far."""

    def note(self, refusal: Refusal) -> None:
        """Note a refusal, if it is of these kinds."""
        reason = refusal.reject.reason
        if refusal.reject.stage is Stage.CRAWL and reason in NOT_DELIVERED:
            self.lost.append(f"{refusal.name} {refusal.version} ({reason})")
        elif reason is Reason.GONE:
            self.gone.append(f"{refusal.name} {refusal.version}")


def status(stats: Stats) -> int:
    """Return the exit status of a crawl, from its stats when it is over."""
    if any(map(stats.get, ("spider_exceptions/count", "item_exceptions/count"))):
        return FAILED
    reason = stats.get("finish_reason")
    if reason == OUT_OF_ORDER:
        return LOST
    if reason != "finished":
        return FAILED
    lost = any(map(stats.get, ("archives/lost", "packages/unavailable")))
    return LOST if lost else COMPLETE


def words(
    stats: Stats, reason: str, losses: Losses, unfinished: Sequence[str], store: Path
) -> list[str]:
    """Say what is missing and what to do about it, in sentences; nothing where all is well."""
    said = []
    if lost := [*losses.lost, *(f"{each} (not reached)" for each in unfinished)]:
        said.append(
            f"{counted(lost, 'archive')} could not be had: {listed(lost)}. Crawl again: the next "
            f"crawl asks for what is missing. Those with a reason are recorded in {store}/rejects."
        )
    if losses.gone:
        said.append(
            f"{counted(losses.gone, 'archive')} of the registry answered 404 or 410: "
            f"{listed(losses.gone)}. The next crawls ask again, for GONE_AFTER_DAYS days."
        )
    if losses.unread:
        said.append(
            f"Whether {counted(losses.unread, 'package')} changed could not be learnt: "
            f"{listed(losses.unread)}. What is stored of them stays; the next crawl looks again."
        )
    ahead = packages_ahead(stats)
    if reason != "finished" and ahead:
        said.append(
            f"{ahead} of {count_of(stats, 'packages/listed')} packages were not looked at. What is "
            "stored is whole; the next crawl continues from here."
        )
    return said


def packages_ahead(stats: Stats) -> int:
    """Count the packages that the crawl has not looked at yet."""
    seen = ("packages/settled", "packages/opened", "packages/unusable")
    return max(0, count_of(stats, "packages/listed") - sum(count_of(stats, name) for name in seen))


def count_of(stats: Stats, name: str) -> int:
    """Return a number of the stats, 0 for one that was never counted."""
    found = stats.get(name, 0)
    assert isinstance(found, int), f"{name} counts something"
    return found


def counted(things: Sequence[str], name: str) -> str:
    """Return a number with its noun."""
    return f"{len(things):,} {name}" if len(things) == 1 else f"{len(things):,} {name}s"


def listed(things: Sequence[str]) -> str:
    """Name the first of many things."""
    named = ", ".join(sorted(things)[:NAMED])
    return f"{named} and {len(things) - NAMED:,} more" if len(things) > NAMED else named
