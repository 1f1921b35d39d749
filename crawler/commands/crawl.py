"""`scrapy crawl`, with an exit status that tells how the crawl ended (crawler/outcome.py)."""

import argparse
import logging

from scrapy.commands import ScrapyHelpFormatter
from scrapy.commands.crawl import Command as ScrapyCrawl
from scrapy.exceptions import UsageError

from corpus.errors import CorpusError
from crawler.arguments import overview
from crawler.outcome import FAILED, status

EXAMPLES = """Examples:
  scrapy crawl hex
  scrapy crawl hex -a packages=plug,ecto -a versions=3"""


NO_FEED = """-o and -O do not apply: what is fetched goes to the folder that the setting
ARCHIVE_STORE names, and what is refused to its rejects"""


class HelpFormatter(ScrapyHelpFormatter, argparse.RawDescriptionHelpFormatter):
    """Leaves the lines of the last paragraph as they are."""


class Command(ScrapyCrawl):
    """Checks a spider's arguments before it starts, and exits with the status of its outcome.

    A spider class may offer `check(settings, arguments)`, which raises CorpusError with a message
    for the user. Archives that were refused are results, not failures.
    """

    def add_options(self, parser: argparse.ArgumentParser) -> None:
        """End the help with the arguments of the spider."""
        super().add_options(parser)
        parser.formatter_class = HelpFormatter
        parser.epilog = f"What -a tells the spider hex, as NAME=VALUE:\n{overview()}\n\n{EXAMPLES}"

    def run(self, args: list[str], opts: argparse.Namespace) -> None:
        """Run the spider that `args` names."""
        if len(args) != 1:
            raise UsageError("name one spider, such as: scrapy crawl hex", print_help=False)
        if opts.output or opts.overwrite_output:
            raise UsageError(NO_FEED, print_help=False)
        assert self.crawler_process
        spiders = self.crawler_process.spider_loader.list()
        if args[0] not in spiders:
            message = f"no spider is named {args[0]!r}; there is: {', '.join(spiders)}"
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
    """Leave out of the log what Scrapy is made of; `--loglevel` brings it back."""
    for name in ("scrapy.addons", "scrapy.core.engine", "scrapy.crawler", "scrapy.middleware"):
        logging.getLogger(name).setLevel(logging.WARNING)
