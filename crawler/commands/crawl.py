"""`scrapy crawl`, with an exit status for the outcome of the crawl (crawler/outcome.py)."""

import argparse
import logging

from scrapy.commands import ScrapyHelpFormatter
from scrapy.commands.crawl import Command as ScrapyCrawl
from scrapy.exceptions import UsageError

from corpus.errors import CorpusError
from crawler.arguments import overview
from crawler.github import order
from crawler.outcome import FAILED, status

EXAMPLES = """Examples:
  scrapy crawl hex
  scrapy crawl hex -a packages=plug,ecto -a versions=3
  scrapy crawl github -a min_stars=10
  scrapy crawl github -a repositories=elixir-lang/elixir,erlang/otp"""


NO_FEED = (
    "-o and -O do not apply: fetched archives are stored in the folder of the setting "
    "ARCHIVE_STORE, and refused ones are recorded in its rejects"
)


class HelpFormatter(ScrapyHelpFormatter, argparse.RawDescriptionHelpFormatter):
    """Does not wrap the lines of the last paragraph."""


class Command(ScrapyCrawl):
    """Checks a spider's arguments before the crawl, and exits with the status of its outcome.

    A spider class may offer `check(settings, arguments)`, which raises CorpusError with a message
    for the user. Archives that were refused are results, not failures.
    """

    def add_options(self, parser: argparse.ArgumentParser) -> None:
        """Add the arguments of the spider at the end of the help."""
        super().add_options(parser)
        parser.formatter_class = HelpFormatter
        parser.epilog = (
            f"Spider arguments for hex, as -a NAME=VALUE:\n{overview()}\n\n"
            f"Spider arguments for github:\n{order.overview()}\n\n{EXAMPLES}"
        )

    def run(self, args: list[str], opts: argparse.Namespace) -> None:
        """Run the spider that `args` names."""
        if len(args) != 1:
            raise UsageError("name one spider, such as: scrapy crawl hex", print_help=False)
        if opts.output or opts.overwrite_output:
            raise UsageError(NO_FEED, print_help=False)
        assert self.crawler_process
        spiders = self.crawler_process.spider_loader.list()
        if args[0] not in spiders:
            message = f"there is no spider {args[0]!r}; available: {', '.join(spiders)}"
            raise UsageError(message, print_help=False)
        self.crawler_process.settings.set("PROGRESS_BAR", True, priority="project")
        crawler = self.crawler_process.create_crawler(args[0])
        if check := getattr(crawler.spidercls, "check", None):
            try:
                check(crawler.settings, opts.spargs)
            except CorpusError as error:
                raise UsageError(str(error), print_help=False) from error
        if not opts.loglevel:
            quieten()
        self.crawler_process.crawl(crawler, **opts.spargs)
        self.crawler_process.start()
        ended = status(crawler.stats.get_stats())
        self.exitcode = FAILED if self.crawler_process.bootstrap_failed else ended


def quieten() -> None:
    """Hide Scrapy's own messages in the log, unless `--loglevel` is given."""
    for name in ("scrapy.addons", "scrapy.core.engine", "scrapy.crawler", "scrapy.middleware"):
        logging.getLogger(name).setLevel(logging.WARNING)
