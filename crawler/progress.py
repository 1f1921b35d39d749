"""Display of the progress of a crawl, and of its results at the end."""

import logging
import sys
import time
from collections import deque
from dataclasses import dataclass
from datetime import timedelta
from typing import Self

from rich.progress import BarColumn, Progress, TextColumn
from rich.table import Table
from rich.text import Text
from scrapy import Spider, signals
from scrapy.crawler import Crawler
from scrapy.utils.asyncio import create_looping_call
from scrapy.utils.log import get_scrapy_root_handler

from corpus.console import PlainFormatter, Terminal
from crawler.archive_spider import ArchiveSpider
from crawler.outcome import Stats, count_of, packages_ahead, words

logger = logging.getLogger(__name__)

REFUSED = "archives/refused/"
REFRESH = 0.5
"""Seconds between two updates from the stats."""
WINDOW = 60.0
"""Seconds over which the rate is averaged."""


@dataclass(frozen=True, slots=True)
class Reading:
    """The progress of a crawl at one moment; `at` is in seconds on the monotonic clock."""

    at: float
    done: int
    """Archives that are stored or refused."""
    wanted: int
    """Archives of the packages that were checked."""
    packages_ahead: int
    packages_opened: int

    @property
    def ahead(self) -> int:
        """Remaining archives: those that wait, and an estimate for packages not checked yet.

        The estimate assumes as many archives per package as before.
        """
        each = self.wanted / self.packages_opened if self.packages_opened else 1.0
        return max(0, self.wanted - self.done) + round(self.packages_ahead * each)


class CrawlProgress:
    """A progress bar on a terminal, a line in the log elsewhere, and a summary at the end.

    It reads the stats of the spider and the pipelines. It adds `item_exceptions/count`, by which
    the crawl command knows that code failed. LOGSTATS_INTERVAL is the time between two lines in
    seconds. The bar must be the only output of the process, so it is shown only if PROGRESS_BAR
    allows it.
    """

    def __init__(self, crawler: Crawler, console: Terminal) -> None:
        self.crawler = crawler
        self.console = console
        may_draw = console.is_terminal and crawler.settings.getbool("PROGRESS_BAR")
        self.bar = progress_bar(console) if may_draw else None
        self.interval = crawler.settings.getfloat("LOGSTATS_INTERVAL")
        self.last_line = time.monotonic()
        self.readings: deque[Reading] = deque()
        self.looping = create_looping_call(self.look)

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        """Connect to the signals of the crawl; log messages are plain text from here on."""
        if handler := get_scrapy_root_handler():
            handler.setFormatter(PlainFormatter(handler.formatter))
        progress = cls(crawler, Terminal(stderr=True))
        crawler.signals.connect(progress.opened, signals.spider_opened)
        crawler.signals.connect(progress.failed, signals.item_error)
        crawler.signals.connect(progress.closed, signals.spider_closed)
        return progress

    def opened(self, spider: Spider) -> None:
        """Start the updates from the stats."""
        if self.bar:
            self.bar.start()
            redirect_log()
        self.looping.start(min(REFRESH, self.interval or REFRESH), now=False)

    def look(self) -> None:
        """Show the progress of the crawl."""
        now = read(self.crawler.stats.get_stats(), time.monotonic())
        self.readings.append(now)
        while self.readings[0].at < now.at - WINDOW:
            self.readings.popleft()
        said = tell(self.readings[0], now)
        if self.bar:
            total = now.done + now.ahead or None
            self.bar.update(self.bar.task_ids[0], completed=now.done, total=total, said=said)
        elif now.at - self.last_line >= self.interval:
            self.last_line = now.at
            logger.info("archives: %s", said)

    def failed(self) -> None:
        """Count code that failed on an item."""
        self.crawler.stats.inc_value("item_exceptions/count")

    def closed(self, spider: Spider, reason: str) -> None:
        """Print the summary, and then what is missing."""
        if self.looping.running:
            self.looping.stop()
        if self.bar:
            self.bar.stop()
            redirect_log()
        stats = self.crawler.stats.get_stats()
        assert isinstance(spider, ArchiveSpider)
        self.console.print(summary(stats, reason, spider.things[1]))
        unfinished = list(spider.unfinished())
        for sentence in words(stats, reason, spider.losses, unfinished, spider.root, spider.things):
            self.console.print(Text(sentence), soft_wrap=True)


def read(stats: Stats, at: float) -> Reading:
    """Read the progress of a crawl from the stats."""
    return Reading(
        at=at,
        done=dealt_with(stats),
        wanted=count_of(stats, "archives/wanted"),
        packages_ahead=packages_ahead(stats),
        packages_opened=count_of(stats, "packages/opened"),
    )


def tell(before: Reading, now: Reading) -> str:
    """Return the progress of a crawl, its rate, and the remaining time."""
    said = f"{now.done:,} done, {now.ahead:,} waiting"
    seconds = now.at - before.at
    rate = (now.done - before.done) / seconds if seconds else 0.0
    if not rate:
        return said
    left = timedelta(seconds=round(now.ahead / rate))
    return f"{said}, {rate:.1f}/s, about {left} left"


def progress_bar(console: Terminal) -> Progress:
    """Make a bar that is removed when it is done, and fits into 80 columns."""
    columns = (BarColumn(bar_width=10), TextColumn("{task.fields[said]}"))
    bar = Progress(TextColumn("archives"), *columns, console=console, transient=True)
    bar.add_task("archives", total=None, said="")
    return bar


def redirect_log() -> None:
    """Write the log to the current standard error: above the bar, while there is one."""
    handler = get_scrapy_root_handler()
    if isinstance(handler, logging.StreamHandler) and not isinstance(handler, logging.FileHandler):
        handler.setStream(sys.stderr)


def dealt_with(stats: Stats) -> int:
    """Count the archives that were stored or refused."""
    return count_of(stats, "archives/stored") + sum(refusals(stats).values())


def refusals(stats: Stats) -> dict[str, int]:
    """Return how many archives were refused, by reason."""
    names = sorted(name for name in stats if name.startswith(REFUSED))
    return {name.removeprefix(REFUSED): count_of(stats, name) for name in names}


def summary(stats: Stats, reason: str, things: str = "packages") -> Table:
    """Return the table of results for the packages, or other things, and archives of a crawl."""
    title = "Crawl finished" if reason == "finished" else f"Crawl ended early: {reason}"
    # A title is wrapped at the width of its table.
    table = Table(
        title=title, title_justify="left", show_header=False, box=None, min_width=len(title)
    )
    table.add_column()
    table.add_column(justify="right")
    rows = {
        f"{things} listed": count_of(stats, "packages/listed"),
        "  unchanged since an earlier crawl": count_of(stats, "packages/settled"),
        "archives stored": count_of(stats, "archives/stored"),
        "  already there": count_of(stats, "archives/kept"),
        "  brought up to date": count_of(stats, "archives/updated"),
    }
    refused = refusals(stats)
    rows["archives refused"] = sum(refused.values())
    rows |= {f"  {reason}": count for reason, count in refused.items()}
    for name, count in rows.items():
        table.add_row(name, str(count))
    return table
