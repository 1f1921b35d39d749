"""The stage: from what ingest read of modules to the table of modules with their behaviours.

One task collects the modules with macros of all archives, and which archive stands for each
requirement. Then each part is resolved on its own. A worker keeps what was collected in memory from
one task to the next.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc

from corpus.atomic import replacing
from corpus.behaviours.reach import Macros, Reached, Shelf, Wanted, choose
from corpus.behaviours.resolution import MOST_STEPS, WEAKNESS, Resolved, resolve
from corpus.extraction import BehaviourEvidence
from corpus.parts import read_part, write_part
from corpus.rows import ResolvedBehaviourRow, UseRow
from corpus.store import Archive
from corpus.tables import MACROS, MODULES, REACH, RESOLVED_BEHAVIOUR, USE

COLLECTED: Final = [
    *("archive_sha256", "source", "package", "version", "role", "path", "module", "macros"),
]
LIBRARY: Final = "library"
"""The role of documents whose modules are preferred if an archive defines one twice."""
MOST_STEPS_OF_ARCHIVE: Final = 2_000_000
"""Work for all modules of an archive, about two seconds; 31 packages together take 8,000."""


@dataclass(frozen=True, slots=True)
class ResolveTask:
    """The modules of one bundle, what was collected of all, and the file for the result."""

    declared: Path
    macros: Path
    reach: Path
    destination: Path


def write_macros(
    parts: Sequence[Path], archives: Sequence[Archive], macros: Path, reach: Path
) -> None:
    """Write the modules that can be used, and what stands for each requirement.

    Existing files are not changed.
    """
    if not macros.exists():
        with replacing(macros) as temporary:
            write_part(_collected(parts), temporary)
    if not reach.exists():
        with replacing(reach) as temporary:
            write_part(_required(archives), temporary)


def _collected(parts: Sequence[Path]) -> pa.Table:
    """Return the modules with macros: library code first, then by archive, path and place."""
    found = []
    for path in parts:
        rows = read_part(path, COLLECTED)
        found.append(rows.filter(pc.not_equal(rows["macros"], "")))
    rows = pa.concat_tables(found)
    package = pc.binary_join_element_wise(rows["source"], rows["package"], "/")
    is_other = pc.not_equal(rows["role"], LIBRARY)
    rows = rows.set_column(2, "package", package).append_column("is_other", is_other)
    keys = ("is_other", "archive_sha256", "path", "module", "macros")
    rows = rows.sort_by([(key, "ascending") for key in keys])
    return rows.select(MACROS.names).cast(MACROS)


def _required(archives: Sequence[Archive]) -> pa.Table:
    versions = defaultdict[str, list[tuple[str, str]]](list)
    for archive in archives:
        versions[f"{archive.source}/{archive.name}"].append((archive.version, archive.sha256))
    rows = [
        {"archive_sha256": archive.sha256, "required": each.archive, "confidence": each.confidence}
        for archive in archives
        for each in choose(_wanted(archive), versions)
    ]
    rows.sort(key=lambda row: (str(row["archive_sha256"]), str(row["required"])))
    return pa.Table.from_pylist(rows, schema=REACH)


def _wanted(archive: Archive) -> Iterator[Wanted]:
    for each in archive.requirements:
        yield Wanted(f"{archive.source}/{each.name}", each.requirement)


@lru_cache(maxsize=1)
def shelf_of(macros: Path, reach: Path) -> Shelf:
    """Return what was collected; it takes as much memory as the texts of the macros."""
    columns = read_part(macros).to_pydict()
    modules = map(Macros, *(columns[name] for name in MACROS.names))
    required = read_part(reach).to_pydict()
    near = defaultdict[str, list[Reached]](list)
    for archive, other, confidence in zip(*(required[name] for name in REACH.names), strict=True):
        near[archive].append(Reached(other, confidence))
    return Shelf(modules, near)


def write_modules(task: ResolveTask) -> None:
    """Resolve the modules of one bundle; an existing file is not changed."""
    if task.destination.exists():
        return
    rows = read_part(task.declared)
    shelf = shelf_of(task.macros, task.reach)
    names = ("module", "archive_sha256", "own", "used")
    left, resolved = dict[str, int](), []
    for module, archive, own, used in zip(*(rows[name].to_pylist() for name in names), strict=True):
        may = left.setdefault(archive, MOST_STEPS_OF_ARCHIVE)
        told = resolve(module, archive, _own(own), used, shelf, min(may, MOST_STEPS))
        left[archive] -= told.steps
        resolved.append(told)
    columns = {name: rows[name] for name in MODULES.names if name in rows.column_names}
    behaviours = [behaviour_rows(each) for each in resolved]
    columns["behaviours"] = pa.array(behaviours, pa.list_(RESOLVED_BEHAVIOUR))
    columns["uses"] = pa.array([use_rows(each) for each in resolved], pa.list_(USE))
    schema = pa.schema([field for field in MODULES if field.name != "split"])
    with replacing(task.destination) as temporary:
        write_part(pa.table([columns[name] for name in schema.names], schema=schema), temporary)


def _own(rows: Iterable[dict[str, str]]) -> list[tuple[str, BehaviourEvidence]]:
    return [(row["name"], BehaviourEvidence(row["evidence"])) for row in rows]


def behaviour_rows(of: Resolved) -> list[ResolvedBehaviourRow]:
    """Return the behaviours of a module, the best known first."""
    ordered = sorted(of.behaviours.values(), key=lambda each: (WEAKNESS[each.evidence], each.name))
    return [
        {
            "name": each.name,
            "evidence": each.evidence.value,
            "confidence": each.confidence,
            "through": each.through,
        }
        for each in ordered
    ]


def use_rows(of: Resolved) -> list[UseRow]:
    """Return what a module uses: what its file names, then what macros use."""
    ordered = sorted(of.uses.values(), key=lambda each: (WEAKNESS[each.evidence], each.name))
    return [
        {
            "name": each.name,
            "evidence": each.evidence.value,
            "leaves_behaviour": each.leaves_behaviour,
            "unresolved": each.unresolved,
        }
        for each in ordered
    ]
