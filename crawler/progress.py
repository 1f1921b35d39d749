"""Tells how far a crawl is, and in the end what became of everything."""

import logging
import sys
import time
from collections.abc import Mapping
from typing import Any, Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table
from scrapy import Spider, signals
from scrapy.crawler import Crawler
from scrapy.utils.asyncio import create_looping_call
from scrapy.utils.log import get_scrapy_root_handler

logger = logging.getLogger(__name__)

REFUSED = "archives/refused/"
REFRESH = 0.5
"""Seconds between two looks at the stats."""


class CrawlProgress:
    """A progress bar on a terminal, a line in the log elsewhere, and a summary at the end.

    It reads the stats of the spider and the pipelines, and adds `item_exceptions/count`, which
    tells the crawl command that code failed. LOGSTATS_INTERVAL is the seconds between two lines.
    """

    def __init__(self, crawler: Crawler, console: Console) -> None:
        self.crawler = crawler
        self.console = console
        self.bar = progress_bar(console) if console.is_terminal else None
        self.interval = crawler.settings.getfloat("LOGSTATS_INTERVAL")
        self.last_line = time.monotonic()
        self.looping = create_looping_call(self.look)

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        """Follow the crawl through its signals."""
        progress = cls(crawler, Console(stderr=True))
        crawler.signals.connect(progress.opened, signals.spider_opened)
        crawler.signals.connect(progress.failed, signals.item_error)
        crawler.signals.connect(progress.closed, signals.spider_closed)
        return progress

    def opened(self, spider: Spider) -> None:
        """Begin to look at the stats."""
        if self.bar:
            self.bar.start()
            redirect_log()
        self.looping.start(REFRESH, now=False)

    def look(self) -> None:
        """Show how far the crawl is."""
        stats = self.crawler.stats.get_stats()
        done, wanted = dealt_with(stats), stats.get("archives/wanted", 0)
        if self.bar:
            self.bar.update(self.bar.task_ids[0], completed=done, total=wanted or None)
        elif time.monotonic() - self.last_line >= self.interval:
            self.last_line = time.monotonic()
            logger.info("%d of %d archives dealt with so far", done, wanted)

    def failed(self) -> None:
        """Count code that failed on an item."""
        self.crawler.stats.inc_value("item_exceptions/count")

    def closed(self, reason: str) -> None:
        """Print the summary."""
        if self.looping.running:
            self.looping.stop()
        if self.bar:
            self.bar.stop()
            redirect_log()
        self.console.print(summary(self.crawler.stats.get_stats(), reason))


def progress_bar(console: Console) -> Progress:
    """Make a bar that leaves no trace when it is done."""
    columns = (BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    bar = Progress(TextColumn("archives"), *columns, console=console, transient=True)
    bar.add_task("archives", total=None)
    return bar


def redirect_log() -> None:
    """Let the log go where standard error goes now: above the bar, while there is one."""
    handler = get_scrapy_root_handler()
    if isinstance(handler, logging.StreamHandler) and not isinstance(handler, logging.FileHandler):
        handler.setStream(sys.stderr)


def dealt_with(stats: Mapping[str, Any]) -> int:
    """Count the archives that were stored or refused."""
    refused = sum(count for name, count in stats.items() if name.startswith(REFUSED))
    stored: int = stats.get("archives/stored", 0)
    return stored + int(refused)


def summary(stats: Mapping[str, Any], reason: str) -> Table:
    """Say what became of the packages and archives of a crawl."""
    table = Table(title=f"Crawl {reason}", title_justify="left", show_header=False, box=None)
    table.add_column()
    table.add_column(justify="right")
    rows = {
        "packages listed": stats.get("packages/listed", 0),
        "  unchanged since an earlier crawl": stats.get("packages/settled", 0),
        "archives stored": stats.get("archives/stored", 0),
        "  already there": stats.get("archives/kept", 0),
        "  brought up to date": stats.get("archives/updated", 0),
    }
    refused = {name: count for name, count in stats.items() if name.startswith(REFUSED)}
    rows["archives refused"] = sum(refused.values())
    rows |= {f"  {name.removeprefix(REFUSED)}": refused[name] for name in sorted(refused)}
    for name, count in rows.items():
        table.add_row(name, str(count))
    return table
