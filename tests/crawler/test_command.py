import argparse

from scrapy.settings import Settings

from crawler.commands.crawl import Command


def test_the_help_ends_with_what_the_spider_can_be_told_one_a_line() -> None:
    command = Command()
    command.settings = Settings()
    parser = argparse.ArgumentParser(prog="scrapy")

    command.add_options(parser)

    assert parser.format_help().endswith("""
What -a tells the spider hex, as NAME=VALUE:
  packages     only these packages, such as plug,ecto
  limit        only the first so many packages, such as 100
  versions     latest (the default), all, or a number: so many of the newest
  prereleases  yes to count pre-releases like releases
  retired      yes to take retired releases too
""")
