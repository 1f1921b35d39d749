"""Reads all results of a search of GitHub, although GitHub returns at most 1,000 of them.

A search is divided by the creation time of repositories until each range is below that limit. A
range is one qualifier `created:A..B`, inclusive at both ends; GitHub does not intersect a second
one in the same query with the first.

The results are compared with GitHub's own count: for each range on each of its pages, and at the
end for all ranges together. A range is read again, then in halves, if its count changed while it
was read or a result is missing. `Survey` sends no requests: it yields them and receives the
responses.
"""

from collections.abc import Generator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from crawler.github.api import Found

MOST_RESULTS = 1_000
"""Maximum number of results of a search (REST and GraphQL documentation of search)."""
FIRST_REPOSITORY = datetime(2007, 10, 1, tzinfo=UTC)
"""Before GitHub's first repository, of 29 October 2007."""
ATTEMPTS = 3
"""How often a changing range is read before it is divided or counted as incomplete."""
PASSES = 3
"""How often all ranges are counted again if their sum differs from the count of the search."""
MOST_RANGES = 10_000
"""Maximum number of ranges; 30,000 repositories need about 60."""
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
        """Whether it is longer than one second."""
        return self.first < self.last

    def halves(self) -> tuple["Range", "Range"]:
        """Return two disjoint ranges that cover this one."""
        seconds = (self.last - self.first) // SECOND
        middle = self.first + (seconds // 2) * SECOND
        return Range(self.first, middle), Range(middle + SECOND, self.last)


@dataclass(frozen=True, slots=True)
class Ask:
    """A request for a page of results, or for their number if `size` is 0."""

    query: str
    size: int
    after: str | None = None


@dataclass(frozen=True, slots=True)
class Page:
    """A response; `hidden` is the number of results that GitHub counts but does not return."""

    count: int
    found: Sequence[Found] = ()
    hidden: int = 0
    after: str | None = None
    """The cursor of the next page, None if this is the last."""


@dataclass(frozen=True, slots=True)
class TooExpensive:
    """A response without data, because the query exceeded a resource limit."""


Reply = Page | TooExpensive
Steps = Generator[Ask, Reply, None]


@dataclass(frozen=True, slots=True)
class Read:
    """GitHub's count of a range, and the number of results that were read."""

    span: Range
    count: int
    results: int

    @property
    def is_complete(self) -> bool:
        """Whether all counted results were read."""
        return self.count == self.results


@dataclass(slots=True)
class Survey:
    """One search, of which all results are read."""

    qualifiers: str
    whole: Range
    page_size: int
    most_results: int = MOST_RESULTS
    """Maximum number of results that GitHub returns."""
    total: int = 0
    """GitHub's latest count of the search."""
    read: dict[Range, Read] = field(default_factory=dict)
    """The ranges that were read."""

    @property
    def is_complete(self) -> bool:
        """Whether all results were read and their sum is GitHub's count of the search."""
        ranges = self.read.values()
        return all(each.is_complete for each in ranges) and self.results == self.total

    @property
    def results(self) -> int:
        """The number of results that were read."""
        return sum(each.results for each in self.read.values())

    def steps(self) -> Steps:
        """Yield one request at a time and receive its response."""
        self.total = yield from self.counted(self.whole)
        yield from self.cover(self.whole, self.total)
        for _ in range(PASSES):
            self.total = yield from self.counted(self.whole)
            if self.is_complete:
                return
            yield from self.read_what_moved()

    def read_what_moved(self) -> Steps:
        """Count each range again, and read the changed or incomplete ones."""
        for before in list(self.read.values()):
            count = yield from self.counted(before.span)
            if not before.is_complete or count != before.count:
                del self.read[before.span]
                yield from self.cover(before.span, count)

    def cover(self, whole: Range, count: int) -> Steps:
        """Read a range with a known count, and divide it as often as necessary."""
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
        """Read a range until it is complete, up to three times.

        A range with too many results is abandoned at once if it can be divided, otherwise it is
        read as far as GitHub returns results.
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
        """Return GitHub's count of a range, or more than the maximum if it cannot be counted."""
        reply = yield Ask(self.query(span), 0)
        return reply.count if isinstance(reply, Page) else self.most_results + 1

    def query(self, span: Range) -> str:
        """Return the search for a range."""
        return f"{self.qualifiers} created:{span}"
