import argparse
import subprocess
import sys
from pathlib import Path

from scrapy.settings import Settings

from crawler.commands.crawl import Command

PROJECT = Path(__file__).parents[2]


def test_the_help_ends_with_what_the_spider_can_be_told_one_a_line() -> None:
    command = Command()
    command.settings = Settings()
    parser = argparse.ArgumentParser(prog="scrapy")

    command.add_options(parser)

    assert parser.format_help().endswith("""
Spider arguments for hex, as -a NAME=VALUE:
  packages     only these packages, such as plug,ecto
  limit        only this number of packages from the start of the registry, such as 100
  versions     latest (the default), all, or the number of newest versions
  prereleases  yes to count pre-releases like releases
  retired      yes to also fetch retired releases

Spider arguments for github:
  languages    elixir, erlang or both, which is the default
  min_stars    only repositories with at least this number of stars
  pushed_after only repositories with a push since this day, such as 2024-01-31
  topics       only repositories with all of these topics, such as phoenix,liveview
  owners       only repositories of these users and organisations
  repositories these repositories instead of a search, such as elixir-lang/elixir
  forks        yes to also fetch forks
  archived     no to leave out archived repositories
  mirrors      yes to also fetch mirrors
  templates    no to leave out templates
  prefilter    yes to leave out what GitHub says is under a licence that is not permitted
  tags         yes to also fetch the tags of versions whose packages are in the store
  limit        only this number of repositories, such as 100
  fetch        no to search only, and tell how many repositories are not in the store

Examples:
  scrapy crawl hex
  scrapy crawl hex -a packages=plug,ecto -a versions=3
  scrapy crawl github -a min_stars=10
  scrapy crawl github -a repositories=elixir-lang/elixir,erlang/otp
""")


def test_a_spider_that_does_not_exist_is_named_with_those_that_do() -> None:
    command = [sys.executable, "-m", "scrapy", "crawl", "hexx"]
    done = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "there is no spider 'hexx'; available: github, hex" in done.stdout + done.stderr
    assert "Traceback" not in done.stderr


def test_an_output_file_for_items_is_refused_before_anything_is_asked_for(tmp_path: Path) -> None:
    output = tmp_path / "items.json"
    command = [sys.executable, "-m", "scrapy", "crawl", "hex", "-O", str(output)]
    done = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "-o and -O do not apply" in done.stdout + done.stderr
    assert not output.exists()
