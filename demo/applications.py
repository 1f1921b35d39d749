"""The applications inside the sources of Elixir and RabbitMQ, as packages to be packed.

Licences are what each application says of itself, in its .app.src and its LICENSE files (RabbitMQ
3.10.8, Elixir 1.14.0); both projects name one licence for all the rest.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from corpus.errors import CorpusError
from corpus.source import language_of
from demo.hex_tarball import Term

ELIXIR = ("Apache-2.0",)
RABBITMQ = ("MPL-2.0",)
DUAL = ("Apache-2.0", "MPL-2.0")
EXCEPTIONS: dict[str, tuple[str, ...]] = {
    "accept": ("MIT",),
    "aten": DUAL,
    "base64url": ("MIT",),
    "cowboy": ("ISC",),
    "cowlib": ("ISC",),
    "credentials_obfuscation": DUAL,
    "cuttlefish": ("Apache-2.0",),
    "eetcd": ("Apache-2.0",),
    "enough": ("Apache-2.0",),
    "gen_batch_server": DUAL,
    "getopt": ("BSD-3-Clause",),
    "gun": ("ISC",),
    "jose": ("MIT",),
    "jsx": ("MIT",),
    "observer_cli": ("MIT",),
    "osiris": DUAL,
    "prometheus": ("MIT",),
    "quantile_estimator": (),
    "ra": DUAL,
    "rabbitmq_aws": ("BSD-3-Clause",),
    "rabbitmq_random_exchange": DUAL,
    "ranch": ("ISC",),
    "recon": ("BSD-3-Clause",),
    "seshat": DUAL,
    "stdout_formatter": DUAL,
    "syslog": ("MIT",),
    "sysmon_handler": DUAL,
    "systemd": ("Apache-2.0",),
}
"""RabbitMQ's dependencies; quantile_estimator says "N/A" and ships no text."""

VERSIONS = (
    re.compile(r'\{vsn,\s*"(\d+\.\d+\.\d+)"'),
    re.compile(r"^PROJECT_VERSION\s*[?:]?=\s*(\d+\.\d+\.\d+)\s*$", re.MULTILINE),
)


class NoApplications(CorpusError):
    """The unpacked sources are not laid out as expected."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Application:
    """One application: its identity, its licences, and its files by their path in the package."""

    name: str
    version: str
    licenses: tuple[str, ...]
    source: str
    files: dict[str, Path]

    def metadata(self) -> dict[str, Term]:
        """Return what metadata.config says, with a link to the upstream project."""
        return {
            "name": self.name,
            "version": self.version,
            "app": self.name,
            "description": f"{self.name}, from Debian's source of {self.source}",
            "licenses": list(self.licenses),
            "links": {"Source": f"https://packages.debian.org/source/stable/{self.source}"},
            "requirements": {},
            "build_tools": ["mix" if "mix.exs" in self.files else "rebar3"],
            "files": sorted(self.files),
        }


def find_applications(unpacked: Path) -> list[Application]:
    """Return every application with source code, sorted by name. Raises NoApplications."""
    found = sorted([*elixir(unpacked), *rabbitmq(unpacked)], key=lambda each: each.name)
    if not found:
        raise NoApplications(
            f"{unpacked}: no elixir-*/lib and no rabbitmq-server-*/deps. Remove the folder above "
            "it and run the command again."
        )
    return found


def elixir(unpacked: Path) -> Iterator[Application]:
    """Yield Elixir's applications, each with the licence of the whole."""
    for root in sorted(unpacked.glob("elixir-*")):
        version = (root / "VERSION").read_text(encoding="utf-8").strip()
        for folder in folders(root / "lib"):
            files = {**files_below(folder), "LICENSE": root / "LICENSE", "NOTICE": root / "NOTICE"}
            yield Application(
                name=folder.name,
                version=version,
                licenses=ELIXIR,
                source="elixir-lang",
                files=files,
            )


def rabbitmq(unpacked: Path) -> Iterator[Application]:
    """Yield RabbitMQ's applications and what it depends on."""
    for root in sorted(unpacked.glob("rabbitmq-server-*")):
        whole = root.name.rpartition("-")[2]
        for folder in folders(root / "deps"):
            yield Application(
                name=folder.name,
                version=version_of(folder) or whole,
                licenses=EXCEPTIONS.get(folder.name, RABBITMQ),
                source="rabbitmq-server",
                files=files_below(folder),
            )


def folders(parent: Path) -> Iterator[Path]:
    """Yield the folders of `parent` that hold source code in src or lib."""
    for folder in sorted(parent.iterdir() if parent.is_dir() else ()):
        below = (path for part in ("src", "lib") for path in folder.glob(f"{part}/**/*"))
        if not folder.name.startswith(".") and any(language_of(path.name) for path in below):
            yield folder


def files_below(folder: Path) -> dict[str, Path]:
    """Return the regular files of a folder by relative path; links and hidden files stay out."""
    return {
        relative.as_posix(): path
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not path.is_symlink()
        if not (relative := path.relative_to(folder)).name.startswith(".")
    }


def version_of(folder: Path) -> str | None:
    """Return an application's own version, where it states one."""
    for path in (*sorted(folder.glob("src/*.app.src")), folder / "Makefile"):
        text = path.read_text(encoding="utf-8", errors="replace") if path.is_file() else ""
        for pattern in VERSIONS:
            if found := pattern.search(text):
                return found[1]
    return None
