"""`make real`: the main job on real code, packed and signed by the reference implementation.

Debian's sources of Elixir and RabbitMQ stand in for hex.pm: each of their applications becomes a
Hex tarball, and a registry is signed over them, both by the implementation inside rebar3.
"""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path

from rich.table import Table

from corpus.atomic import write_bytes
from corpus.console import output
from corpus.errors import CorpusError
from corpus.release import Release
from corpus.release.versions import releases_in
from demo.agreement import Agreement, compare
from demo.applications import RABBITMQ, Application, find_applications
from demo.debian import fetch_sources
from demo.hex_repository import private_key, public_pem, serve
from demo.main_job import Workplace, build, crawl
from demo.reference import (
    Packed,
    PackJob,
    ReferenceUnavailable,
    RegistryRelease,
    pack_many,
    sign_registry,
    unavailable,
)
from pages.formats import plural

SOURCES = ("elixir", "rabbitmq-server")
REPOSITORY = "debian"
CONFIG = Path(__file__).with_name("real.toml")


class ReadersDiffer(CorpusError):
    """Our reader and the reference do not agree on a tarball."""

    def __init__(self, differences: Sequence[str]) -> None:
        listed = "\n".join(f"  {each}" for each in differences[:10])
        super().__init__(
            f"the reference reads {plural(len(differences), 'tarball')} differently:\n{listed}\n"
            "That is a defect of corpus.sources; please report it."
        )


@dataclass(slots=True)
class Clock:
    """Measures steps, in seconds of wall time, and says which one begins."""

    steps: list[tuple[str, float]] = field(default_factory=list)

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        """Measure one step."""
        output.print(name, style="bold")
        start = time.perf_counter()
        yield
        self.steps.append((name, time.perf_counter() - start))


@dataclass(frozen=True, slots=True)
class RealRun:
    """The release, how far the readers agree, and where the time went."""

    release: Release
    agreement: Agreement
    steps: tuple[tuple[str, float], ...]

    def table(self) -> Table:
        """Return the times for the terminal."""
        table = Table(box=None, show_header=False, pad_edge=False)
        for name, seconds in self.steps:
            table.add_row(name, f"{seconds:.1f} s")
        table.add_row("altogether", f"{sum(seconds for _, seconds in self.steps):.1f} s")
        return table


def run(out: Path, workers: int | None = None) -> RealRun:
    """Fetch, pack, sign, compare, crawl and build below `out`.

    What is there already is kept. Raises ReferenceUnavailable or SourcesUnavailable where something
    is missing on this machine, ReadersDiffer, and StepFailed.
    """
    if reason := unavailable():
        raise ReferenceUnavailable(reason)
    workplace = Workplace(out.resolve())
    clock = Clock()
    with clock.step("fetch sources"):
        fetch_sources(SOURCES, workplace.root / "sources")
        applications = find_applications(workplace.root / "sources" / "unpacked")
    with clock.step("pack and sign"):
        paths = publish(applications, workplace)
    with clock.step("compare readers"):
        agreement = compare(paths)
        if agreement.differences:
            raise ReadersDiffer(agreement.differences)
        output.print(f"both readers agree on {agreement}")
    with clock.step("crawl"), serve(workplace.repository) as url:
        # What the build is configured to permit is worth fetching.
        permitted = {"PERMITTED_LICENSES": ",".join(RABBITMQ)}
        crawl(workplace, url, repository=REPOSITORY, settings=permitted)
    with clock.step("build, gate and render"):
        build(workplace, config=CONFIG, workers=workers)
    return RealRun(releases_in(workplace.releases)[-1], agreement, tuple(clock.steps))


def publish(applications: Sequence[Application], workplace: Workplace) -> list[Path]:
    """Pack every application and sign a registry over them; return the tarballs."""
    packed = pack_many([pack_job(each, workplace) for each in applications])
    releases = {
        application.name: [registry_release(application, written)]
        for application, written in zip(applications, packed, strict=True)
    }
    key = private_key(workplace.key)
    pem = (workplace.key / "private_key.pem").read_bytes()
    resources = sign_registry(releases, repository=REPOSITORY, private_key=pem)
    for name, body in chain(resources.items(), [("public_key", public_pem(key))]):
        write_bytes(workplace.repository / name, body)
    return [written.path for written in packed]


def pack_job(application: Application, workplace: Workplace) -> PackJob:
    """Say how an application is packed and where to."""
    name = f"{application.name}-{application.version}.tar"
    return PackJob(
        destination=workplace.repository / "tarballs" / name,
        metadata=application.metadata(),
        files=application.files,
    )


def registry_release(application: Application, packed: Packed) -> RegistryRelease:
    """Return what the registry says of a packed application."""
    return RegistryRelease(
        version=application.version,
        inner_checksum=packed.inner_checksum,
        outer_checksum=packed.outer_checksum,
    )
