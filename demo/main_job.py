"""The main job, run as a user would run it: crawl a repository, build a release from it.

Both steps are subprocesses with the commands that the README names, so that what a demo shows is
what a user gets. They inherit the terminal; their progress is the demo's.
"""

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from corpus.errors import CorpusError
from corpus.release import Release


class StepFailed(CorpusError):
    """A step of the main job ended with an error, which it has already explained."""

    def __init__(self, step: str, status: int) -> None:
        super().__init__(
            f"the {step} ended with status {status}; what it says of it stands above. "
            "Finished work is kept, so the same command resumes."
        )
        self.status = status


@dataclass(frozen=True, slots=True)
class Workplace:
    """The folders of one demo, all below one."""

    root: Path

    @property
    def repository(self) -> Path:
        """What is served: the signed registry, the tarballs and the public key."""
        return self.root / "repository"

    @property
    def key(self) -> Path:
        """The private key that signs the registry; it is not served."""
        return self.root / "key"

    @property
    def archives(self) -> Path:
        """The archive store that the crawl fills."""
        return self.root / "archives"

    @property
    def releases(self) -> Path:
        """The releases, each in a folder named by its version."""
        return self.root / "releases"


def crawl(
    workplace: Workplace,
    url: str,
    *,
    repository: str,
    versions: str = "latest",
    settings: Mapping[str, str] | None = None,
) -> None:
    """Crawl the repository at `url` into the archive store. Raises StepFailed."""
    addresses = {
        "HEX_REPO_URL": url,
        "HEX_API_URL": "",
        "HEX_PUBLIC_KEY": str(workplace.repository / "public_key"),
        "HEX_REPOSITORY_NAME": repository,
        "ARCHIVE_STORE": str(workplace.archives),
        "SCRAPY_SETTINGS_MODULE": "crawler.settings",
    }
    # The politeness that hex.pm is owed would only slow the loopback down.
    unhurried = {"DOWNLOAD_DELAY": "0", "AUTOTHROTTLE_ENABLED": "0", **(settings or {})}
    options = [part for name, value in unhurried.items() for part in ("-s", f"{name}={value}")]
    command = ["-m", "scrapy", "crawl", "hex", "-a", f"versions={versions}", *options]
    run_python("crawl", command, addresses)


def build(workplace: Workplace, *, config: Path | None = None, workers: int | None = None) -> None:
    """Build, gate and render a release from the archive store. Raises StepFailed."""
    command = ["-m", "corpus", "build"]
    command += ["--archives", str(workplace.archives), "--out", str(workplace.releases)]
    command += ["--config", str(config)] if config else []
    command += ["--workers", str(workers)] if workers is not None else []
    run_python("build", command, {})


def show_publishing(release: Release, repository: str) -> None:
    """Print what publishing a release would send. The Hub is not asked. Raises StepFailed."""
    command = ["-m", "datacards", "publish", str(release.path), repository, "--dry-run"]
    run_python("dry run of publishing", command, {"HF_HUB_OFFLINE": "1"})


def run_python(step: str, arguments: Sequence[str], environment: Mapping[str, str]) -> None:
    """Run this Python with arguments, importing nothing from the working directory.

    Raises StepFailed.
    """
    command = [sys.executable, "-P", *arguments]
    done = subprocess.run(command, env={**os.environ, **environment}, check=False)
    if done.returncode:
        raise StepFailed(step, done.returncode)
