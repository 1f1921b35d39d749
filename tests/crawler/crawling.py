"""Runs `scrapy crawl hex` against a peer, in a process of its own as a user would."""

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from corpus.store import ArchiveReject, ArchiveStore
from demo.hex_repository import public_pem
from tests.peers.hex_repository_server import REPOSITORY, HexRepositoryServer

PROJECT = Path(__file__).parents[2]
QUICK = {
    "DOWNLOAD_DELAY": "0.002",
    "AUTOTHROTTLE_ENABLED": "0",
    "RATE_LIMIT_FIRST_WAIT": "0.05",
    "DOWNLOAD_SLOTS": "{}",
}


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a crawl ended."""

    status: int
    errors: str


class Crawl:
    """A crawl of one peer into one store."""

    def __init__(self, peer: HexRepositoryServer, folder: Path) -> None:
        self.peer = peer
        self.folder = folder
        self.store = ArchiveStore(folder / "store")
        (folder / "key.pem").write_bytes(public_pem(peer.key))

    def __call__(self, *arguments: str, **settings: str) -> Outcome:
        """Run a crawl to its end; `arguments` are the spider's, such as "versions=all"."""
        done = subprocess.run(
            self.command(*arguments, **settings),
            cwd=PROJECT,
            env=self.environment(),
            capture_output=True,
            text=True,
            timeout=60,
        )
        return Outcome(done.returncode, done.stderr)

    def start(self, *arguments: str, **settings: str) -> "subprocess.Popen[bytes]":
        """Start a crawl and return its process."""
        return subprocess.Popen(
            self.command(*arguments, **settings),
            cwd=PROJECT,
            env=self.environment(),
            stderr=subprocess.DEVNULL,
        )

    def command(self, *arguments: str, **settings: str) -> list[str]:
        """Return the command line."""
        command = [sys.executable, "-m", "scrapy", "crawl", "hex"]
        for argument in arguments:
            command += ["-a", argument]
        for name, value in {**QUICK, **settings}.items():
            command += ["-s", f"{name}={value}"]
        return command

    def environment(self) -> dict[str, str]:
        """Return the environment, which names the peer and the store."""
        return {
            **os.environ,
            "HEX_REPO_URL": self.peer.url,
            "HEX_PUBLIC_KEY": str(self.folder / "key.pem"),
            "HEX_REPOSITORY_NAME": REPOSITORY,
            "ARCHIVE_STORE": str(self.store.root),
        }

    def stored(self) -> list[str]:
        """Return what is in the store, as "NAME VERSION"."""
        return [f"{row.name} {row.version}" for row in self.store.archives()]

    def refused(self) -> dict[str, str]:
        """Return what was refused: reasons by "NAME VERSION"."""
        return {f"{row.name} {row.version}": row.reason for row in self.store.rejects()}

    def reject(self, name: str, version: str = "1.0.0") -> ArchiveReject:
        """Return the record of a refused release."""
        row = self.store.rejected("hex", name, version)
        assert row
        return row
