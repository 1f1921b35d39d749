"""The stage: what archives need, each package with each toolchain, and the table of verdicts.

Packages come in levels (`order.py`). Each is written to a folder that is named by a digest of all
that its verdicts depend on, beside the folders of stages, so that one package more in the store
compiles again only what needs it, and a killed build goes on with the package where it stopped.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pyarrow as pa

from corpus.atomic import replacing
from corpus.parts import open_part, read_part, write_part
from corpus.provenance import digest_of
from corpus.sources import ArchiveLimits
from corpus.store import Archive
from corpus.supervision import Budget
from corpus.verification.beam import Toolchain
from corpus.verification.order import Unit
from corpus.verification.package import (
    COLUMNS,
    PackageTask,
    VerificationConfig,
    untried,
)
from corpus.verification.toolchains import Toolchains

COMPILED: Final = "compiled"
"""The folder in `work/` with one folder for each package and toolchain."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Verifying:
    """What the tasks of all packages have in common."""

    places: Mapping[str, tuple[Archive, Path, Path]]
    """For each archive its row, its file, and the part with its documents."""
    toolchains: Toolchains
    config: VerificationConfig
    limits: ArchiveLimits
    budget: Budget
    code: str
    """Digest of the code that makes verdicts."""
    folder: Path


def package_tasks(
    levels: Sequence[Sequence[Unit]], toolchain: Toolchain, common: Verifying
) -> Iterator[list[PackageTask]]:
    """Yield the tasks of each level; those of a level do not need each other."""
    folders: dict[str, Path] = {}
    for level in levels:
        tasks = []
        for unit in level:
            archive, path, documents = common.places[unit.archive]
            required = tuple(folders[other] for other in unit.required)
            name = digest_of(
                *(unit.archive, unit.documents, unit.missing, unit.cut),
                *([each.name for each in required], toolchain.name, archive.source),
                *(archive.name, archive.version, common.toolchains.is_confined),
                *(common.config, common.limits, common.code),
            )
            folders[unit.archive] = common.folder / COMPILED / name
            tasks.append(
                PackageTask(
                    archive=archive,
                    path=path,
                    documents=documents,
                    required=required,
                    missing=unit.missing,
                    cut=tuple(common.places[other][0].name for other in unit.cut),
                    toolchain=toolchain,
                    is_confined=common.toolchains.is_confined,
                    config=common.config,
                    limits=common.limits,
                    budget=common.budget,
                    destination=folders[unit.archive],
                )
            )
        yield tasks


@dataclass(frozen=True, slots=True)
class JoinTask:
    """The documents of a part, the folders of their packages, and the file for the verdicts."""

    documents: Path
    packages: tuple[Path, ...]
    note: str
    destination: Path


def write_verdicts(task: JoinTask) -> None:
    """Write the verdicts of a part; an existing file is not changed.

    Without folders of packages, they say that nothing was tried.
    """
    if task.destination.exists():
        return
    with replacing(task.destination) as temporary:
        if task.packages:
            tables = [read_part(package / "verdicts.arrow") for package in task.packages]
            write_part(pa.concat_tables(tables), temporary)
        else:
            with open_part(task.documents, COLUMNS) as part:
                rows = part.read_all()
            write_part(untried(rows, task.note), temporary)
