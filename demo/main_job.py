"""The main job, run as a user would run it: crawl, opt-out, build, and what publishing would send.

Each step is a subprocess with the command that a user would type, which is printed before it, so
that what a demo shows is what a user gets. They inherit the terminal; their progress is the demo's.
"""

import os
import shlex
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from corpus.console import output
from corpus.errors import CorpusError
from corpus.release import Release
from demo.github_host import TOKEN

OPTED_OUT = "2026-10-01"
"""When the authors of the demo asked for it."""


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
    def ledger(self) -> Path:
        """The ledger of opt-outs; a demo without one has no such file."""
        return self.root / "optout.jsonl"

    @property
    def releases(self) -> Path:
        """The releases, each in a folder named by its version."""
        return self.root / "releases"


def opt_out(workplace: Workplace, named: Sequence[str], reason: str) -> None:
    """Add an entry to the ledger; `named` are the options that name it. Raises StepFailed."""
    # With a date, because an entry that was made another day would change the release.
    command = ["optout", "add", *named, "--reason", reason, "--date", OPTED_OUT]
    run_command("opt-out", [*command, "--ledger", str(workplace.ledger)])


def crawl(
    workplace: Workplace,
    url: str,
    *,
    repository: str,
    versions: str = "latest",
    settings: Mapping[str, str] | None = None,
) -> None:
    """Crawl the Hex repository at `url` into the archive store. Raises StepFailed."""
    environment = {
        "HEX_REPO_URL": url,
        "HEX_API_URL": "",
        "HEX_PUBLIC_KEY": str(workplace.repository / "public_key"),
        "HEX_REPOSITORY_NAME": repository,
        **store(workplace),
    }
    # The politeness that hex.pm is owed would only slow the loopback down.
    unhurried = {"DOWNLOAD_DELAY": "0", "AUTOTHROTTLE_ENABLED": "0", **(settings or {})}
    options = [part for name, value in unhurried.items() for part in ("-s", f"{name}={value}")]
    run_command("crawl", ["crawl", "hex", "-a", f"versions={versions}", *options], environment)


def crawl_github(workplace: Workplace, url: str, *, owner: str) -> None:
    """Crawl the repositories of an owner at `url` into the archive store. Raises StepFailed."""
    environment = {
        "GITHUB_API_URL": url,
        "GITHUB_TOKEN": TOKEN,
        "GITHUB_APP_ID": "",
        "GITHUB_APP_PRIVATE_KEY": "",
        **store(workplace),
    }
    run_command("crawl", ["crawl", "github", "-a", f"owners={owner}"], environment)


def store(workplace: Workplace) -> dict[str, str]:
    """Return the settings that every crawl of a workplace has."""
    ledger = str(workplace.ledger) if workplace.ledger.exists() else ""
    return {"ARCHIVE_STORE": str(workplace.archives), "OPTOUT_LEDGER": ledger}


def build(workplace: Workplace, *, config: Path | None = None, workers: int | None = None) -> None:
    """Build, gate and render a release from the archive store. Raises StepFailed."""
    command = ["build", "--archives", str(workplace.archives), "--out", str(workplace.releases)]
    command += ["--optout", str(workplace.ledger)] if workplace.ledger.exists() else []
    command += ["--config", str(config)] if config else []
    command += ["--workers", str(workers)] if workers is not None else []
    run_command("build", command)


def check_opt_out(release: Release, named: Sequence[str]) -> None:
    """Print what a release holds of what was opted out, in a sentence.

    Raises StepFailed if it holds anything of it.
    """
    run_command("check of the opt-out", ["optout", "check", *named, str(release.path)])


def show_publishing(release: Release, repository: str) -> None:
    """Print what publishing a release would send. The Hub is not asked. Raises StepFailed."""
    command = ["publish", str(release.path), repository, "--dry-run"]
    run_command("dry run of publishing", command, {"HF_HUB_OFFLINE": "1"})


def run_command(
    step: str, arguments: Sequence[str], environment: Mapping[str, str] | None = None
) -> None:
    """Print and run `elixir-corpus` with arguments, importing nothing from the working directory.

    Raises StepFailed.
    """
    variables = dict(environment or {})
    output.print(f"\n$ {written(['elixir-corpus', *arguments], variables)}", style="bold")
    command = [sys.executable, "-P", "-m", "elixir_corpus", *arguments]
    done = subprocess.run(command, env={**os.environ, **variables}, check=False)
    if done.returncode:
        raise StepFailed(step, done.returncode)


def written(command: Sequence[str], environment: Mapping[str, str]) -> str:
    """Return a command as a user would type it here: paths below this folder are relative."""
    here = f"{Path.cwd()}{os.sep}"
    settings = [f"{name}={shlex.quote(value)}" for name, value in environment.items()]
    return " ".join([*settings, shlex.join(command)]).replace(here, "")
