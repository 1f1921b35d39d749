"""Reads a search of GitHub completely, though each answer ends after 1,000 results.

A search is divided by the time when repositories were created, until each range is below that
limit. A range is one qualifier `created:A..B`, inclusive at both ends: a second one in the same
query does not intersect with the first.

What was read is held against GitHub's own count: of each range on each of its pages, and at the end
of all ranges together. A range whose count changed while it was read, or of which a result is
missing, is read again, then in halves. `Survey` knows no network: it asks, and is told.
"""

from collections.abc import Generator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from crawler.github.api import Found

MOST_RESULTS = 1_000
"""GitHub shows no more results of a search (REST and GraphQL documentation of search)."""
FIRST_REPOSITORY = datetime(2007, 10, 1, tzinfo=UTC)
"""Before GitHub's first repository, of 29 October 2007."""
ATTEMPTS = 3
"""How often a range that moves is read before it is divided, or counted as not complete."""
PASSES = 3
"""How often all ranges are counted again if their sum is not the count of the search."""
MOST_RANGES = 10_000
"""A search is not divided into more; 30,000 repositories take about 60."""
SECOND = timedelta(seconds=1)


@dataclass(frozen=True, order=True, slots=True)
class Range:
    """Times of creation in UTC, both ends inclusive, to the second."""

    first: datetime
    last: datetime

    def __str__(self) -> str:
        return f"{self.first:%Y-%m-%dT%H:%M:%SZ}..{self.last:%Y-%m-%dT%H:%M:%SZ}"

    @property
    def is_divisible(self) -> bool:
        """Whether it has more than one second."""
        return self.first < self.last

    def halves(self) -> tuple["Range", "Range"]:
        """Return two ranges that together are this one and have nothing in common."""
        seconds = (self.last - self.first) // SECOND
        middle = self.first + (seconds // 2) * SECOND
        return Range(self.first, middle), Range(middle + SECOND, self.last)


@dataclass(frozen=True, slots=True)
class Ask:
    """A request to make: of a page of results, or of their number if `size` is 0."""

    query: str
    size: int
    after: str | None = None


@dataclass(frozen=True, slots=True)
class Page:
    """An answer; `hidden` is the number of results that GitHub counts and does not show."""

    count: int
    found: Sequence[Found] = ()
    hidden: int = 0
    after: str | None = None
    """The cursor of the next page, None if this is the last."""


@dataclass(frozen=True, slots=True)
class TooExpensive:
    """An answer without data, because the query took more than GitHub allows."""


Reply = Page | TooExpensive
Steps = Generator[Ask, Reply, None]


@dataclass(frozen=True, slots=True)
class Read:
    """How often a range was counted by GitHub, and how many of it were read."""

    span: Range
    count: int
    results: int

    @property
    def is_complete(self) -> bool:
        """Whether all that GitHub counts was read."""
        return self.count == self.results


@dataclass(slots=True)
class Survey:
    """One search, read completely."""

    qualifiers: str
    whole: Range
    page_size: int
    most_results: int = MOST_RESULTS
    """Results after which an answer ends."""
    total: int = 0
    """Results of the search by GitHub's latest count."""
    read: dict[Range, Read] = field(default_factory=dict)
    """The ranges that the whole was divided into."""

    @property
    def is_complete(self) -> bool:
        """Whether the ranges have as many results as GitHub counts in all, and all were read."""
        ranges = self.read.values()
        return all(each.is_complete for each in ranges) and self.results == self.total

    @property
    def results(self) -> int:
        """The number of results that were read."""
        return sum(each.results for each in self.read.values())

    def steps(self) -> Steps:
        """Yield what to ask for, one at a time, and take the answer of each."""
        self.total = yield from self.counted(self.whole)
        yield from self.cover(self.whole, self.total)
        for _ in range(PASSES):
            self.total = yield from self.counted(self.whole)
            if self.is_complete:
                return
            yield from self.read_what_moved()

    def read_what_moved(self) -> Steps:
        """Count each range again, and read those of which something is missing."""
        for before in list(self.read.values()):
            count = yield from self.counted(before.span)
            if not before.is_complete or count != before.count:
                del self.read[before.span]
                yield from self.cover(before.span, count)

    def cover(self, whole: Range, count: int) -> Steps:
        """Read a range of which GitHub counts so many, dividing it as often as necessary."""
        waiting: list[tuple[Range, int | None]] = [(whole, count)]
        while waiting:
            span, known = waiting.pop()
            may_divide = span.is_divisible and len(self.read) + len(waiting) < MOST_RANGES
            count = known if known is not None else (yield from self.counted(span))
            if count > self.most_results and may_divide:
                waiting += [(half, None) for half in reversed(span.halves())]
                continue
            done = (yield from self.read_range(span, may_divide)) if count else Read(span, 0, 0)
            is_long = done.count > self.most_results or done.count > self.page_size
            if not done.is_complete and is_long and may_divide:
                waiting += [(half, None) for half in reversed(span.halves())]
            else:
                self.read[span] = done

    def read_range(self, span: Range, may_divide: bool) -> Generator[Ask, Reply, Read]:
        """Read a range until all of it was read, up to three times.

        One that is too long is given up at once if it may be divided, else read as far as shown.
        """
        size, done = self.page_size, Read(span, 0, 0)
        for _ in range(ATTEMPTS):
            results: set[int] = set()
            counts: set[int] = set()
            hidden, after, is_last = 0, None, False
            while not is_last:
                reply = yield Ask(self.query(span), size, after)
                if isinstance(reply, Page):
                    results.update(each.id for each in reply.found)
                    counts.add(reply.count)
                    hidden, after = hidden + reply.hidden, reply.after
                    is_too_long = reply.count > self.most_results
                    is_last = after is None or (is_too_long and may_divide)
                elif size > 1:
                    size //= 2
                else:
                    return Read(span, max(counts, default=1), len(results) + hidden)
            done = Read(span, max(counts), len(results) + hidden)
            if done.count > self.most_results or (done.is_complete and len(counts) == 1):
                break
        return done

    def counted(self, span: Range) -> Generator[Ask, Reply, int]:
        """Return GitHub's count of a range; one that it cannot count is too long."""
        reply = yield Ask(self.query(span), 0)
        return reply.count if isinstance(reply, Page) else self.most_results + 1

    def query(self, span: Range) -> str:
        """Return the search for a range."""
        return f"{self.qualifiers} created:{span}"
