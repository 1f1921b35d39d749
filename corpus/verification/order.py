"""Which archives the code of an archive needs to compile, and the order in which they come.

An archive needs what it declares, and the applications that its own files name: those of its
application resource, and those that it includes headers of. Repositories and many Erlang packages
declare nothing. Of a package the newest version that satisfies the requirement is taken, as for
behaviours. Where archives need each other in a cycle, `corpus.precedence` says which come first,
and those are compiled without the others.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Final

import pyarrow as pa

from corpus.atomic import replacing
from corpus.behaviours.reach import Wanted, choose
from corpus.erlang_terms import MalformedTerms, consult
from corpus.parts import open_part, read_part, write_part
from corpus.places import copied_here
from corpus.precedence import in_order
from corpus.provenance import digest_of
from corpus.sources import ArchiveError, ArchiveLimits, Member, source_named
from corpus.store import Archive
from corpus.supervision import Budget, Ended, Watch, watched

NEEDS: Final = pa.schema(
    [
        ("archive_sha256", pa.string()),
        ("documents", pa.string()),
        ("app", pa.string()),
        ("applications", pa.list_(pa.string())),
    ]
)
"""One row an archive that is not opted out: a digest of its documents, empty without any, the
application that it is, and the applications that its files name."""
OF_THE_SYSTEM: Final = frozenset(
    {
        *("kernel", "stdlib", "compiler", "crypto", "public_key", "ssl", "sasl", "inets", "mnesia"),
        *(
            "tools",
            "runtime_tools",
            "syntax_tools",
            "xmerl",
            "eunit",
            "os_mon",
            "asn1",
            "parsetools",
        ),
        *("elixir", "eex", "ex_unit", "iex", "logger", "mix"),
    }
)
"""Applications that the toolchain has."""
INCLUDED: Final = re.compile(
    rb"(?:-include_lib\(\s*\"|from_lib:\s*\")([a-z][a-z0-9_]{0,63})/", re.MULTILINE
)
RESOURCE: Final = re.compile(r"(?:src|ebin)/([a-z][a-z0-9_]{0,63})\.app(?:\.src)?")
OPENING_SECONDS: Final = 60.0


@dataclass(frozen=True, kw_only=True, slots=True)
class NeedsTask:
    """The archives of a bundle, their documents, and the file for what they need."""

    archives: tuple[Archive, ...]
    paths: tuple[Path, ...]
    documents: Path
    opted_out: frozenset[str]
    """Digests of archives that are not used for anything."""
    limits: ArchiveLimits
    budget: Budget
    destination: Path


def write_needs(task: NeedsTask) -> None:
    """Write what the archives of a bundle need; an existing file is not changed."""
    if task.destination.exists():
        return
    digests = _document_digests(task.documents)
    rows = []
    with copied_here(task.paths) as paths:
        for archive, path in zip(task.archives, paths, strict=True):
            if archive.sha256 not in task.opted_out:
                found = watched(_named, (path, archive.source, task.limits), task.budget)
                app, named = ("", []) if isinstance(found, Ended) else found
                rows.append(
                    {
                        "archive_sha256": archive.sha256,
                        "documents": digests.get(archive.sha256, ""),
                        "app": app or archive.name,
                        "applications": named,
                    }
                )
    with replacing(task.destination) as temporary:
        write_part(pa.Table.from_pylist(rows, schema=NEEDS), temporary)


def _document_digests(documents: Path) -> dict[str, str]:
    """Return a digest of the documents of each archive: of what they are made of, without texts."""
    found: dict[str, list[object]] = {}
    columns = ["archive_sha256", "document_id", "content_id", "language", "role", "redactions"]
    with open_part(documents, columns) as part:
        for number in range(part.num_record_batches):
            for row in part.get_batch(number).to_pylist():
                found.setdefault(row.pop("archive_sha256"), []).append(row)
    return {archive: digest_of(rows) for archive, rows in found.items()}


def _named(request: tuple[Path, str, ArchiveLimits], watch: Watch) -> tuple[str, list[str]]:
    path, source, limits = request
    with watch.group(0, OPENING_SECONDS):
        try:
            members = source_named(source).open(path.read_bytes(), limits).members
        except ArchiveError:
            return "", []
        files = (each for each in members if isinstance(each, Member))
        return applications_of({each.path: each.data for each in files})


def applications_of(files: Mapping[str, bytes]) -> tuple[str, list[str]]:
    """Return the application that files are, "" where they do not say, and those that they name."""
    own, named = "", set[str]()
    for path, data in files.items():
        if (match := RESOURCE.fullmatch(path)) is not None:
            own = match[1]
            named.update(_resource(data))
        elif PurePosixPath(path).suffix in (".erl", ".hrl", ".ex"):
            named.update(name.decode() for name in INCLUDED.findall(data))
    return own, sorted(named - OF_THE_SYSTEM - {own})


def _resource(data: bytes) -> Iterable[str]:
    """Yield the applications in an application resource file (app(4))."""
    try:
        terms = consult(data)
    except MalformedTerms:
        return
    match terms:
        case [(_, _, list(settings))]:
            for setting in settings:
                match setting:
                    case (("applications" | "included_applications"), list(names)):
                        yield from (str(name) for name in names if isinstance(name, str))


@dataclass(frozen=True, slots=True)
class Unit:
    """An archive in its place: all that it needs comes before it."""

    archive: str
    documents: str
    """Digest of its documents, empty if none of its files may be released."""
    required: tuple[str, ...]
    """Digests of the archives that it is compiled with, those that they need included, sorted."""
    missing: tuple[str, ...]
    """Names of what it requires and the store lacks, sorted."""
    cut: tuple[str, ...]
    """Digests of the archives that it needs, and that need it."""


def read_needs(parts: Sequence[Path]) -> pa.Table:
    """Return what all archives need."""
    return pa.concat_tables([NEEDS.empty_table(), *map(read_part, parts)])


def levels(archives: Sequence[Archive], needs: pa.Table) -> list[list[Unit]]:
    """Return archives in levels, so that each needs archives of earlier levels only.

    These are the archives with documents, and those that they need.
    """
    rows = {row["archive_sha256"]: row for row in needs.to_pylist()}
    mine = sorted(
        (archive for archive in archives if archive.sha256 in rows),
        key=lambda each: (each.source, each.name, each.version, each.sha256),
    )
    versions: dict[str, list[tuple[str, str]]] = {}
    for archive in mine:
        names = {archive.name, str(rows[archive.sha256]["app"])}
        for name in names:
            held = versions.setdefault(f"{archive.source}/{name}", [])
            held.append((archive.version, archive.sha256))
    direct: dict[str, list[str]] = {}
    missing: dict[str, tuple[str, ...]] = {}
    for archive in mine:
        wanted = _wanted(archive, rows[archive.sha256]["applications"])
        chosen = {each.archive for each in choose(wanted, versions)} - {archive.sha256}
        direct[archive.sha256] = sorted(chosen)
        missing[archive.sha256] = tuple(
            sorted(
                {each.package.partition("/")[2] for each in wanted if each.package not in versions}
            )
        )
    depth: dict[str, int] = {}
    reached: dict[str, frozenset[str]] = {}
    for name in in_order([archive.sha256 for archive in mine], direct):
        kept = [other for other in direct[name] if other in depth]
        depth[name] = 1 + max((depth[other] for other in kept), default=-1)
        reached[name] = frozenset(kept).union(*(reached[other] for other in kept))
    released = {name for name in reached if rows[name]["documents"]}
    taken = released.union(*(reached[name] for name in released))
    found: list[list[Unit]] = [[] for _ in range(1 + max(depth.values(), default=-1))]
    for archive in mine:
        if (name := archive.sha256) not in taken:
            continue
        found[depth[name]].append(
            Unit(
                archive=name,
                documents=rows[name]["documents"],
                required=tuple(sorted(reached[name])),
                missing=missing[name],
                cut=tuple(other for other in direct[name] if other not in reached[name]),
            )
        )
    return found


def _wanted(archive: Archive, applications: Iterable[str]) -> list[Wanted]:
    declared = {each.name: each.requirement for each in archive.requirements}
    apps = {each.app or each.name for each in archive.requirements}
    named = {name: "" for name in applications if name not in declared and name not in apps}
    wanted = {**declared, **named}
    return [Wanted(f"{archive.source}/{name}", wanted[name]) for name in sorted(wanted)]
