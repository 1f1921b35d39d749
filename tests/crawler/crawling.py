"""Runs `scrapy crawl` against a peer, in a process of its own as a user would.

Importing Scrapy takes longer than a small crawl, so the processes are forked from a server that has
imported it. The command line is that of a user all the same, and so is all that follows from it.
"""

import json
import multiprocessing
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from multiprocessing.context import ForkServerProcess
from pathlib import Path

from corpus.store import ArchiveStore, RejectedArchive
from crawler.spiders.github import GitHubSpider
from demo.hex_repository import public_pem
from tests.peers.github_server import TOKEN, GitHubServer
from tests.peers.hex_repository_server import REPOSITORY, HexRepositoryServer

PROJECT = Path(__file__).parents[2]
QUICK = {
    "DOWNLOAD_DELAY": "0.002",
    "AUTOTHROTTLE_ENABLED": "0",
    "RATE_LIMIT_FIRST_WAIT": "0.05",
    "RETRY_WAIT": "0.02",
    "DOWNLOAD_SLOTS": "{}",
}
TIMEOUT = 60.0
"""Seconds that a crawl may take."""

forks = multiprocessing.get_context("forkserver")
forks.set_forkserver_preload(["tests.crawler.preloaded"])


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a crawl ended."""

    status: int
    errors: str


class Crawling:
    """Crawls of one spider into one store."""

    spider: str

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.store = ArchiveStore(folder / "store")
        self.errors = folder / "stderr"

    def __call__(self, *arguments: str, **settings: str) -> Outcome:
        """Run a crawl to its end; `arguments` are the spider's, such as "versions=all"."""
        process = self.start(*arguments, **settings)
        process.join(TIMEOUT)
        assert process.exitcode is not None, f"no end after {TIMEOUT} s: {self.errors.read_text()}"
        return Outcome(process.exitcode, self.errors.read_text())

    def start(self, *arguments: str, **settings: str) -> ForkServerProcess:
        """Start a crawl and return its process."""
        command = self.command(*arguments, **settings)
        process = forks.Process(
            target=run_scrapy, args=(command, self.environment(), self.errors), daemon=True
        )
        process.start()
        return process

    def command(self, *arguments: str, **settings: str) -> list[str]:
        """Return the command line; `settings` have precedence over those of tests."""
        command = ["scrapy", "crawl", self.spider]
        for argument in arguments:
            command += ["-a", argument]
        for name, value in {**QUICK, **self.quick(), **settings}.items():
            command += ["-s", f"{name}={value}"]
        return command

    def environment(self) -> dict[str, str]:
        """Return what names the peer and the store."""
        return {"ARCHIVE_STORE": str(self.store.root)}

    def quick(self) -> dict[str, str]:
        """Return further settings that save time."""
        return {}

    def stored(self) -> list[str]:
        """Return what is in the store, as "NAME VERSION"."""
        return [f"{row.name} {row.version}" for row in self.store.archives()]

    def refused(self) -> dict[str, str]:
        """Return what was refused: reasons by "NAME VERSION"."""
        return {f"{row.name} {row.version}": row.reject.reason for row in self.store.rejects()}


class Crawl(Crawling):
    """Crawls of a peer that is a Hex repository."""

    spider = "hex"

    def __init__(self, peer: HexRepositoryServer, folder: Path) -> None:
        super().__init__(folder)
        self.peer = peer
        (folder / "key.pem").write_bytes(public_pem(peer.key))

    def environment(self) -> dict[str, str]:
        """Return what names the peer and the store."""
        return {
            **super().environment(),
            "HEX_REPO_URL": self.peer.url,
            "HEX_PUBLIC_KEY": str(self.folder / "key.pem"),
            "HEX_REPOSITORY_NAME": REPOSITORY,
        }

    def reject(self, name: str, version: str = "1.0.0") -> RejectedArchive:
        """Return the record of a refused release."""
        row = self.store.rejected("hex", name, version)
        assert row
        return row


class GitHubCrawl(Crawling):
    """Crawls of a peer that is GitHub."""

    spider = "github"

    def __init__(self, peer: GitHubServer, folder: Path) -> None:
        super().__init__(folder)
        self.peer = peer

    def environment(self) -> dict[str, str]:
        """Return what names the peer and the store, and the token."""
        return {**super().environment(), "GITHUB_API_URL": self.peer.url, "GITHUB_TOKEN": TOKEN}

    def quick(self) -> dict[str, str]:
        """Return the slots of the spider without their delays; one request at a time stays."""
        given = GitHubSpider.custom_settings["DOWNLOAD_SLOTS"]
        assert isinstance(given, dict)
        slots = {name: {**slot, "delay": 0.002} for name, slot in given.items()}
        return {"DOWNLOAD_SLOTS": json.dumps(slots)}


def run_scrapy(command: list[str], environment: Mapping[str, str], errors: Path) -> None:
    """Be the process of one command."""
    from scrapy.cmdline import execute

    os.dup2(os.open(errors, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), 2)
    os.chdir(PROJECT)
    os.environ.update(environment)
    sys.argv = command
    execute()
