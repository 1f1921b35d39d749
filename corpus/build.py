"""The build: from an archive store to a candidate release, as a list of stages.

`STAGES`, below the functions of the stages, lists for each stage its inputs, outputs and sections
of the configuration. The outputs of a stage are in `work/` under a name with the digest of their
origin (`corpus/stages.py`), so a killed build resumes where it stopped, and a repeated build has
nothing to do.
"""

import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cache, partial
from itertools import chain
from pathlib import Path
from typing import TypeVar

from corpus.atomic import erase, is_complete, make_folder, write_bytes, write_json
from corpus.behaviours.modules import ResolveTask, write_macros, write_modules
from corpus.configuration import BuildConfig
from corpus.context.interfaces import InterfaceTask, write_interfaces, write_places
from corpus.context.windows import ContextTask, write_contexts
from corpus.counterparts import align, pairs, preference
from corpus.decontamination.benchmarks import Benchmark
from corpus.decontamination.comparing import (
    CompareTask,
    compared,
    write_matches,
    write_passages,
)
from corpus.deduplicate import cluster
from corpus.errors import CorpusError
from corpus.executor import Executor, Killed, WorkerDied
from corpus.ingest.bundle import Bundle, plan_bundles
from corpus.ingest.isolation import read_bundle
from corpus.inputs import Inputs, read_inputs
from corpus.instructions import (
    DraftTask,
    InstructTask,
    count_left_out,
    find_repeats,
    leave_out_repeats,
    summed,
    write_rows,
)
from corpus.optout.ledger import Ledger
from corpus.optout.releases import refuse_lost_entries
from corpus.optout.removals import OptedOut, opted_out
from corpus.origin.index import OriginTask, write_copies, write_origins
from corpus.places import is_remote
from corpus.progress import Progress, Silent, tracked
from corpus.provenance import (
    RELEASE,
    code_commit,
    code_digest,
    code_version,
    digest_of,
    plain_fields,
    tool_versions,
)
from corpus.release import DamagedRelease, Manifest, Parent, Release, Shard, verify
from corpus.release.assembly import assemble, write_archive_rejects
from corpus.release.manifest import MANIFEST_NAME, ComparedTag, VerifiedWith
from corpus.release.planning import Part, ShardPlan, TableParts, plan_table
from corpus.release.runs import plan_runs, write_run
from corpus.release.shards import write_shard
from corpus.release.versions import next_version, release_with, releases_in
from corpus.selection import Parts, select
from corpus.signals import SignalsTask, write_signals
from corpus.split import assign, links_of
from corpus.stages import (
    Origin,
    Sources,
    Stage,
    Step,
    carry_out,
    folder_of,
    folders_of_stages,
    origins,
    plan,
    write_timings,
)
from corpus.store import Archive, ArchiveStore, store_near
from corpus.tables import SHARDED
from corpus.verification.order import NeedsTask, levels, read_needs, write_needs
from corpus.verification.package import verify_package
from corpus.verification.stage import (
    COMPILED,
    JoinTask,
    Verifying,
    package_tasks,
    write_verdicts,
)
from corpus.verification.toolchains import UNVERIFIED, Toolchains
from corpus.withdrawn import without_withdrawn

Task = TypeVar("Task")
Result = TypeVar("Result")


class NothingToBuild(CorpusError):
    """The archive store is empty, or none of its archives can be read."""

    def __init__(self, root: Path, inputs: Inputs) -> None:
        command = f"scrapy crawl hex -s ARCHIVE_STORE={root}"
        if is_remote(root):
            command = f"python -m corpus copy-archives FOLDER {root}"
        told = f"there are no archives. Fetch some with `{command}`."
        if (nearby := store_near(root)) is not None:
            told = f"there are no archives, but {nearby} is an archive store. Use that folder."
        if inputs.refused:
            first = inputs.refused[0]
            told = (
                f"no archive of {len(inputs.refused)} can be read. The first is "
                f"{first.name} {first.version}: {first.reject.reason} ({first.reject.detail})"
            )
        super().__init__(f"{root}: {told}")


@dataclass(frozen=True, kw_only=True, slots=True)
class Layout:
    """Where the outputs of all stages are.

    Parts of a table are files, one per bundle, in the order of the bundles. Parts that are read
    from archives are in one folder per bundle, so that a bundle is read only once even if the store
    changes. `folders` has the folder of every other output; shards and manifest are in the
    candidate.
    """

    bundles: Sequence[Bundle]
    folders: Mapping[str, Path]
    candidate: Path

    def files(self, output: str) -> list[Path]:
        """Return the files or folders of an output."""
        folder = self.folders[output]
        if output in READ:
            return [bundle.destination / f"{output}.arrow" for bundle in self.bundles]
        if output in PARTS:
            names = [bundle.destination.name for bundle in self.bundles]
            return [folder / output / f"{name}.arrow" for name in names]
        if output == "compiled":
            return [folder / "compiled.json"]
        if output == "manifest":
            return [self.candidate / MANIFEST_NAME]
        if output == "shards":
            return [folder / "shards.json", self.candidate / "data"]
        if output == "runs":
            return [folder / "runs.json", folder / "runs"]
        return [folder / f"{output}.arrow"]


READ = (
    *("documents", "functions", "declared", "fragments", "fingerprints", "rejects"),
    *("archives", "licenses"),
)
"""Tables that are read from archives."""
PARTS_FOLDER = "parts"
"""Their folder in `work/`, with one folder for each bundle."""
PARTS = (
    *("needs", "verdicts", "modules", "matches", "kept", "rejected", "signals", "drafts"),
    *("instruct", "interfaces", "context", "origin"),
)
"""Tables that are made from these, with one file for each bundle."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Identity:
    """The name and origin of a candidate, for its manifest."""

    version: str
    digest: str
    parent: Parent | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Job:
    """The data for a stage: its inputs, the paths of its files, and the executor.

    `layout` has the inputs and outputs of this stage only.
    """

    inputs: Inputs
    opted_out: OptedOut
    benchmarks: tuple[Benchmark, ...]
    toolchains: Toolchains
    config: BuildConfig
    release: Identity
    layout: Layout
    folder: Path
    executor: Executor
    progress: Progress

    def parts(self, table: str) -> list[Path]:
        """Return the parts of one table, one per bundle, in the order of the bundles."""
        return self.layout.files(table)

    def file(self, output: str) -> Path:
        """Return the file of an output that is one file."""
        return self.layout.files(output)[0]

    def run(self, stage: str, function: Callable[[Task], Result], tasks: Sequence[Task]) -> None:
        """Run tasks on the executor, each as one step of progress."""
        for _ in self.results(stage, function, tasks):
            pass

    def run_twice(
        self, stage: str, function: Callable[[Task], Result], tasks: Sequence[Task]
    ) -> None:
        """Run tasks; repeat once those whose worker was killed. Raises WorkerDied."""
        done = self.executor.map(function, tasks)
        retry = [
            task
            for task, result in tracked(self.progress, stage, len(tasks), done)
            if isinstance(result, Killed)
        ]
        if retry:
            self.run(f"{stage} of killed workers", function, retry)

    def results(
        self, stage: str, function: Callable[[Task], Result], tasks: Sequence[Task]
    ) -> Iterator[Result]:
        """Yield the results in order of completion. Raises WorkerDied."""
        done = self.executor.map(function, tasks)
        for _, result in tracked(self.progress, stage, len(tasks), done):
            if isinstance(result, Killed):
                raise WorkerDied(stage)
            yield result


def read_archives(job: Job) -> None:
    """Unpack, judge, parse and fingerprint every archive; refuse files that exceed their budget.

    Files are read in helper processes and cannot kill a worker, so the bundle of a killed worker is
    read once more.
    """
    waiting = [bundle for bundle in job.layout.bundles if not is_complete(bundle.destination)]
    job.run_twice("read archives", read_bundle, waiting)
    if waiting:
        job.executor.renew()


def resolve_behaviours(job: Job) -> None:
    """Collect the macros of all archives, and follow what each module uses."""
    macros, reach = job.file("macros"), job.file("reach")
    task = partial(write_macros, job.parts("declared"), job.inputs.archives, macros)
    job.run("collect macros", task, [reach])
    parts = zip(job.parts("declared"), job.parts("modules"), strict=True)
    job.run(
        "resolve behaviours",
        write_modules,
        [ResolveTask(declared, macros, reach, made) for declared, made in parts],
    )


def verify_documents(job: Job) -> None:
    """Read, format and compile every document with the toolchains, package by package."""
    read, found = job.config.ingest.read, job.toolchains
    places: dict[str, tuple[Archive, Path, Path]] = {}
    bundles = list(zip(job.layout.bundles, *map(job.parts, ("documents", "needs")), strict=True))
    for bundle, documents, _ in bundles:
        for archive, path in zip(bundle.archives, bundle.paths, strict=True):
            places[archive.sha256] = archive, path, documents
    tasks = [
        NeedsTask(
            archives=bundle.archives if found.found else (),
            paths=bundle.paths if found.found else (),
            documents=documents,
            opted_out=frozenset(job.opted_out.archives),
            limits=read.archive,
            budget=read.budget,
            destination=needs,
        )
        for bundle, documents, needs in bundles
    ]
    job.run_twice("read requirements", write_needs, tasks)
    used = sources().used_by("corpus.verification.package", "verify_package")
    common = Verifying(
        places=places,
        toolchains=found,
        config=job.config.verification,
        limits=read.archive,
        budget=read.budget,
        code=digest_of(used.sources, used.tools),
        folder=job.folder.parent,
    )
    needs = read_needs(job.parts("needs"))
    in_order = levels(job.inputs.archives, needs) if found.found else []
    folders: dict[str, list[Path]] = {}
    for toolchain in found.found:
        for number, waiting in enumerate(package_tasks(in_order, toolchain, common), 1):
            for task in waiting:
                folders.setdefault(task.archive.sha256, []).append(task.destination)
            left = [task for task in waiting if not is_complete(task.destination)]
            job.run_twice(f"verify packages, level {number}", verify_package, left)
    joins = [
        JoinTask(
            documents=documents,
            packages=tuple(
                folder for archive in bundle.archives for folder in folders.get(archive.sha256, ())
            ),
            note=found.note,
            destination=verdicts,
        )
        for (bundle, documents, _), verdicts in zip(bundles, job.parts("verdicts"), strict=True)
    ]
    job.run("write verdicts", write_verdicts, joins)
    write_json(
        job.file("compiled"), sorted(each.name for made in folders.values() for each in made)
    )


def align_repositories(job: Job) -> None:
    """Find the commits that have the files of packages."""
    parts = job.parts("fingerprints"), job.parts("rejects")
    task = partial(align, job.inputs.archives, *parts, tags=job.inputs.tags)
    job.run("align repositories", task, [job.file("alignments")])


def find_duplicates(job: Job) -> None:
    """Group documents that are exact duplicates or near-duplicates."""
    task = partial(
        cluster, job.parts("fingerprints"), job.file("clusters"), published=_preference(job)
    )
    job.run("find duplicates", task, [job.config.duplicates])


def _preference(job: Job) -> Mapping[tuple[str, str], int]:
    """Return the order in which packages are preferred among duplicates."""
    return preference(job.inputs.archives, job.inputs.published, job.file("alignments"))


def assign_splits(job: Job) -> None:
    """Give every package its split."""
    task = partial(
        assign,
        links_of(job.parts("archives")),
        job.file("clusters"),
        job.parts("fingerprints"),
        job.file("splits"),
        published=job.inputs.published,
        aligned=pairs(job.file("alignments")),
    )
    job.run("assign splits", task, [job.config.split])


def compare_with_benchmarks(job: Job) -> None:
    """Find the documents that hold problems of benchmarks."""
    passages = job.file("passages")
    job.run("read benchmarks", partial(write_passages, job.benchmarks), [passages])
    parts = zip(*map(job.parts, ("documents", "matches")), strict=True)
    tasks = [
        CompareTask(
            documents=documents,
            passages=passages,
            destination=destination,
            config=job.config.decontamination,
        )
        for documents, destination in parts
    ]
    job.run("compare with benchmarks", write_matches, tasks)


def select_documents(job: Job) -> None:
    """Keep the representatives; duplicates, opted-out and contaminated documents become rejects."""
    tables = ("fingerprints", "archives", "rejects", "matches", "kept", "rejected")
    parts = Parts(*map(job.parts, tables))
    clusters, splits, alignments = map(job.file, ("clusters", "splits", "alignments"))
    task = partial(
        select, parts, clusters, splits, alignments, job.opted_out, job.file("contamination")
    )
    job.run("select documents", task, [job.file("duplicates")])
    write_archive_rejects(job.inputs.refused, job.file("refused"), job.opted_out)


def measure_signals(job: Job) -> None:
    """Measure the signals of quality of the documents that stay."""
    known = job.inputs.standings
    parts = zip(*map(job.parts, ("documents", "kept", "signals")), strict=True)
    tasks = [
        SignalsTask(
            documents=documents,
            kept=kept,
            destination=destination,
            standings={each.sha256: known[each.sha256] for each in bundle.archives},
            config=job.config.signals,
        )
        for bundle, (documents, kept, destination) in zip(job.layout.bundles, parts, strict=True)
    ]
    job.run("measure signals", write_signals, tasks)


def write_instructions(job: Job) -> None:
    """Make instruction rows from kept documents, and leave out repeated answers."""
    tables = ("documents", "functions", "modules", "kept", "drafts")
    tasks = [
        InstructTask(
            documents=documents,
            functions=functions,
            modules=modules,
            kept=kept,
            destination=destination,
            config=job.config.instruct,
        )
        for documents, functions, modules, kept, destination in zip(
            *map(job.parts, tables), strict=True
        )
    ]
    job.run("write instructions", write_rows, tasks)
    drafts, repeats = job.parts("drafts"), job.file("repeats")
    task = partial(
        find_repeats,
        drafts,
        job.parts("fingerprints"),
        published=_preference(job),
        per_kind=job.config.instruct.caps.per_kind,
    )
    job.run("find repeated answers", task, [repeats])
    job.run(
        "leave out repeated answers",
        leave_out_repeats,
        [
            DraftTask(number=number, draft=draft, repeats=repeats, destination=made)
            for number, (draft, made) in enumerate(zip(drafts, job.parts("instruct"), strict=True))
        ],
    )


def write_package_contexts(job: Job) -> None:
    """Put the files of each package in order, after the interfaces that they build on."""
    reach, places, interfaces = job.file("reach"), job.file("places"), job.parts("interfaces")
    parts = zip(*map(job.parts, ("documents", "functions", "kept")), interfaces, strict=True)
    tasks = [
        InterfaceTask(documents, functions, kept, reach, made, job.config.context.tokens > 0)
        for documents, functions, kept, made in parts
    ]
    job.run("tell interfaces", write_interfaces, tasks)
    ordering = partial(write_places, job.inputs.archives, reach, interfaces)
    job.run("order packages", ordering, [places])
    job.run(
        "write contexts",
        write_contexts,
        [
            ContextTask(documents, kept, reach, places, interfaces, made, job.config.context)
            for documents, kept, made in zip(
                *map(job.parts, ("documents", "kept", "context")), strict=True
            )
        ],
    )


def index_origins(job: Job) -> None:
    """Write the keys by which the origin of a file or a piece of code is found."""
    parts = zip(*map(job.parts, ("documents", "kept", "origin")), strict=True)
    job.run("index origins", write_origins, [OriginTask(*paths) for paths in parts])
    task = partial(write_copies, job.file("duplicates"), job.parts("fingerprints"))
    job.run("index duplicates", task, [job.file("copies")])


@dataclass(frozen=True, slots=True)
class SortedTable:
    """A table with the files of its runs and the plans of its shards."""

    config: str
    runs: tuple[str, ...]
    plans: tuple[ShardPlan, ...]


def sort_rows(job: Job) -> None:
    """Plan the shards of every table and sort its rows into runs by that plan."""
    written, folder = job.layout.files("runs")
    tables = [(table, job.config.shards) for table in _tables(job)]
    found, waiting = [], []
    for table, plans in job.results("plan shards", plan_table, tables):
        runs = plan_runs(table.config, table.parts, plans, folder)
        waiting += runs
        names = tuple(run.destination.name for run in runs)
        found.append(SortedTable(table.config, names, tuple(plans)))
    job.run("sort rows", write_run, waiting)
    make_folder(folder)
    write_json(written, [asdict(each) for each in found])


def write_shards(job: Job) -> None:
    """Merge the runs of every table into the shards of the candidate."""
    written, candidate = job.file("shards"), job.layout.candidate
    laid_out, folder = job.layout.files("runs")
    begun = job.folder / "begun"
    if not begun.exists():
        # These shards are from a work folder that was deleted. Reading again may have rejected
        # other files, if the system killed a helper process, so they are not used.
        erase(candidate)
        write_bytes(begun, b"")
    tasks = [
        ([folder / name for name in table.runs], plan, candidate)
        for table in _read(tuple[SortedTable, ...], laid_out)
        for plan in table.plans
    ]
    shards = sorted(job.results("write shards", write_shard, tasks), key=lambda shard: shard.path)
    write_json(written, [asdict(shard) for shard in shards])


def write_manifest(job: Job) -> None:
    """Write attribution and manifest of the candidate."""
    shards = _read(tuple[Shard, ...], job.file("shards"))
    made = job.parts("archives"), _rejects(job), job.file("splits"), job.file("alignments")
    task = partial(assemble, *made, job.layout.candidate, job.opted_out)
    job.run("write manifest", task, [_unfinished_manifest(job, shards)])


def _tables(job: Job) -> list[TableParts]:
    return [TableParts(name, tuple(_parts(job, name))) for name in SHARDED]


def _parts(job: Job, name: str) -> Iterable[Part]:
    """Return the parts of a table of the release, with the kept rows of each."""
    if SHARDED[name].is_of_documents:
        return map(Part, job.parts(name), job.parts("kept"))
    paths = {
        "rejects": lambda: _rejects(job),
        "origin": lambda: [*job.parts("origin"), job.file("copies")],
    }.get(name, lambda: job.parts(name))()
    return (Part(path, None) for path in paths)


def _rejects(job: Job) -> list[Path]:
    return [*job.parts("rejected"), job.file("duplicates"), job.file("refused")]


def _unfinished_manifest(job: Job, shards: Sequence[Shard]) -> Manifest:
    """Return the manifest without the counts from the reject table."""
    left_out = count_left_out(job.file("repeats"))
    return Manifest(
        version=job.release.version,
        build_digest=job.release.digest,
        config=plain_fields(job.config),
        config_digest=digest_of(job.config),
        code_version=code_version(),
        code_commit=code_commit(),
        code_digest=code_digest(RELEASE),
        tools=tool_versions(),
        parent=job.release.parent,
        shards=tuple(shards),
        inputs=(),
        tags=tuple(_compared_tags(job)),
        archives_seen=len(job.inputs.archives) + len(job.inputs.refused),
        archives_rejected={},
        files_seen=0,
        stages=(),
        instructions_left_out=summed(left_out),
        instructions_left_out_by_kind=left_out,
        benchmarks=compared(job.benchmarks, job.file("passages"), job.file("contamination")),
        verification=VerifiedWith(
            toolchains=tuple(each.name for each in job.toolchains.found),
            is_confined=job.toolchains.is_confined,
            note=job.toolchains.note,
        ),
    )


def _compared_tags(job: Job) -> Iterator[ComparedTag]:
    """Yield the commits of tags, except for those of repositories that opted out."""
    for archive, _ in job.inputs.tags:
        host = archive.repository
        if host and host.tag and archive.sha256 not in job.opted_out.archives:
            yield ComparedTag(
                source=archive.source,
                package=archive.name,
                version=archive.version,
                tag=host.tag,
                sha256=archive.sha256,
            )


def _read(kind: type[Result], path: Path) -> Result:
    """Read the JSON output of an earlier stage."""
    from pydantic import TypeAdapter

    return TypeAdapter(kind).validate_json(path.read_bytes())


STAGES: tuple[Stage[Job], ...] = (
    Stage(
        "read archives",
        inputs=("inputs.archives", "optout.archives"),
        outputs=READ,
        config=("ingest",),
        run=read_archives,
        is_internal=True,
    ),
    Stage(
        "resolve behaviours",
        inputs=("declared", "inputs.archives"),
        outputs=("macros", "reach", "modules"),
        config=(),
        run=resolve_behaviours,
        is_internal=True,
    ),
    Stage(
        "verify documents",
        inputs=("documents", "inputs.archives", "optout.archives", "toolchains"),
        outputs=("needs", "compiled", "verdicts"),
        config=("ingest", "verification"),
        run=verify_documents,
        is_internal=True,
    ),
    Stage(
        "align repositories",
        inputs=("fingerprints", "rejects", "inputs.archives", "inputs.tags"),
        outputs=("alignments",),
        config=(),
        run=align_repositories,
        is_internal=True,
    ),
    Stage(
        "find duplicates",
        inputs=("fingerprints", "alignments", "inputs.archives", "inputs.published"),
        outputs=("clusters",),
        config=("duplicates",),
        run=find_duplicates,
        is_internal=True,
    ),
    Stage(
        "assign splits",
        inputs=("archives", "fingerprints", "clusters", "alignments", "inputs.published"),
        outputs=("splits",),
        config=("split",),
        run=assign_splits,
        is_internal=True,
    ),
    Stage(
        "compare with benchmarks",
        inputs=("documents", "benchmarks"),
        outputs=("passages", "matches"),
        config=("decontamination",),
        run=compare_with_benchmarks,
        is_internal=True,
    ),
    Stage(
        "select documents",
        inputs=(
            *("fingerprints", "archives", "rejects", "clusters", "splits", "alignments"),
            *("matches", "inputs.refused", "optout.ledger"),
        ),
        outputs=("kept", "rejected", "contamination", "duplicates", "refused"),
        config=(),
        run=select_documents,
        is_internal=True,
    ),
    Stage(
        "measure signals",
        inputs=("documents", "kept", "inputs.standings"),
        outputs=("signals",),
        config=("signals",),
        run=measure_signals,
        is_internal=True,
    ),
    Stage(
        "write instructions",
        inputs=(
            *("documents", "functions", "modules", "fingerprints", "kept"),
            *("alignments", "inputs.archives", "inputs.published"),
        ),
        outputs=("drafts", "repeats", "instruct"),
        config=("instruct",),
        run=write_instructions,
        is_internal=True,
    ),
    Stage(
        "write contexts",
        inputs=("documents", "functions", "kept", "reach", "inputs.archives"),
        outputs=("interfaces", "places", "context"),
        config=("context",),
        run=write_package_contexts,
        is_internal=True,
    ),
    Stage(
        "index origins",
        inputs=("documents", "fingerprints", "kept", "duplicates"),
        outputs=("origin", "copies"),
        config=(),
        run=index_origins,
        is_internal=True,
    ),
    Stage(
        "sort rows",
        inputs=(
            *("documents", "functions", "modules", "fragments", "verdicts", "licenses"),
            *("rejected", "kept", "duplicates", "refused", "signals", "instruct"),
            *("context", "origin", "copies"),
        ),
        outputs=("runs",),
        config=("shards",),
        run=sort_rows,
        is_internal=True,
    ),
    Stage(
        "write shards",
        inputs=("runs", "release"),
        outputs=("shards",),
        config=(),
        run=write_shards,
    ),
    Stage(
        "write manifest",
        inputs=(
            *("shards", "archives", "rejected", "splits", "duplicates", "refused", "repeats"),
            *("alignments", "inputs.archives", "inputs.refused", "inputs.tags"),
            *("optout.ledger", "release", "benchmarks", "passages", "contamination", "toolchains"),
        ),
        outputs=("manifest",),
        config=tuple(BuildConfig.__dataclass_fields__),
        run=write_manifest,
    ),
)
"""The given inputs: `inputs.*`, for the fields of `Inputs`, `optout.*`, for the ledger and what it
leaves out as a whole, `benchmarks`, `toolchains`, and `release`, for the name of the release.
"""


@dataclass(frozen=True, kw_only=True, slots=True)
class BuildPlan:
    """The plan of a build: return an existing release, or run these steps."""

    work: Path
    """The folder for the outputs of stages."""
    release: Release | None
    """The release from the same inputs, configuration and code, if it exists."""
    steps: tuple[Step, ...]
    """One step for every stage, in order; none if there is such a release."""
    inputs: Inputs
    opted_out: OptedOut
    benchmarks: tuple[Benchmark, ...]
    toolchains: Toolchains
    identity: Identity
    layout: Layout
    origins: Mapping[str, Origin]


def plan_build(
    store: ArchiveStore,
    out: Path,
    config: BuildConfig,
    progress: Progress | None = None,
    ledger: Ledger | None = None,
    work: Path | None = None,
    benchmarks: tuple[Benchmark, ...] = (),
    toolchains: Toolchains = UNVERIFIED,
) -> BuildPlan:
    """Check the archives and return what a build would do, and why; nothing is written.

    `ledger` has what is opted out; `work` is `out/work` unless given. Documents that hold problems
    of `benchmarks` are left out. Documents are verified with `toolchains`. Raises LostEntries,
    NothingToBuild, DamagedRow, DamagedArchive, MalformedManifest, BadLedger and OSError.
    """
    ledger, releases = ledger or Ledger(), releases_in(out)
    if releases:
        refuse_lost_entries(releases[-1], ledger)
    inputs = without_withdrawn(read_inputs(store, progress or Silent()), config.withdrawn)
    if not inputs.archives:
        raise NothingToBuild(store.root, inputs)
    tagged = (archive for archive, _ in inputs.tags)
    leaving = opted_out(ledger, (*inputs.archives, *tagged), inputs.names)
    removed = digest_of(sorted(leaving.archives), sorted(leaving.removals.paths))
    digests = inputs.digests()
    compared_with = digest_of([(each.name, each.digest) for each in benchmarks])
    made_of = (digests, config, code_digest(RELEASE), tool_versions(), ledger.head, removed)
    digest = digest_of(*made_of, compared_with, toolchains.digest)
    identity = Identity(
        version=next_version(inputs.newest, releases), digest=digest, parent=_parent(releases)
    )
    given = {f"inputs.{name}": each for name, each in digests.items()}
    given |= {
        "optout.ledger": ledger.head,
        "optout.archives": removed,
        "benchmarks": compared_with,
        "toolchains": toolchains.digest,
    }
    made_from = origins(STAGES, {**given, "release": digest_of(identity)}, config, sources())
    work, reading = work or out / "work", made_from[STAGES[0].name]
    made_by = digest_of(reading.sources, reading.tools)
    parts = work / PARTS_FOLDER
    bundles = plan_bundles(
        inputs.archives, store, parts, config.ingest, made_by, leaving.archives.keys()
    )
    layout = Layout(
        bundles=bundles,
        folders={
            output: folder_of(work, stage, made_from[stage.name])
            for stage in STAGES
            for output in stage.outputs
        },
        candidate=out / f"{identity.version}.candidate-{digest[:12]}",
    )
    existing = release_with(digest, releases)
    steps = () if existing else tuple(plan(STAGES, made_from, work, layout.files))
    return BuildPlan(
        work=work,
        release=existing,
        steps=steps,
        inputs=inputs,
        opted_out=leaving,
        benchmarks=benchmarks,
        toolchains=toolchains,
        identity=identity,
        layout=layout,
        origins=made_from,
    )


@cache
def sources() -> Sources:
    """Return the sources of this code, which are parsed once per process."""
    return Sources()


def build(
    store: ArchiveStore,
    out: Path,
    config: BuildConfig,
    executor: Executor,
    progress: Progress | None = None,
    ledger: Ledger | None = None,
    benchmarks: tuple[Benchmark, ...] = (),
    toolchains: Toolchains = UNVERIFIED,
) -> Release:
    """Run every stage and return the candidate, or an existing release from the same origin.

    `out` contains releases by version and `work/`, which may be deleted at any time; then the next
    build takes longer. The candidate has the seconds of every stage in `timings.json`. `ledger` has
    what is opted out; documents that hold problems of `benchmarks` are left out. Documents are
    verified with `toolchains`, which `find_toolchains` looks for. Raises WorkerDied,
    DamagedRelease, and what `plan_build` does.
    """
    progress = progress or Silent()
    planned = plan_build(
        store, out, config, progress, ledger, benchmarks=benchmarks, toolchains=toolchains
    )
    return carry_out_plan(planned, config, executor, progress)


def carry_out_plan(
    planned: BuildPlan, config: BuildConfig, executor: Executor, progress: Progress
) -> Release:
    """Run a plan for a configuration; returns and raises the same as `build`."""
    if planned.release is not None:
        return _intact(planned.release)
    layout, work = planned.layout, planned.work
    sweep(work, layout.candidate)

    def job_of(stage: Stage[Job], folder: Path) -> Job:
        known = {name for name in (*stage.inputs, *stage.outputs) if name in layout.folders}
        return Job(
            inputs=planned.inputs,
            opted_out=planned.opted_out,
            benchmarks=planned.benchmarks,
            toolchains=planned.toolchains,
            config=config,
            release=planned.identity,
            layout=replace(layout, folders={name: layout.folders[name] for name in known}),
            folder=folder,
            executor=executor,
            progress=progress,
        )

    timings = carry_out(STAGES, planned.steps, planned.origins, work, job_of)
    write_timings(layout.candidate, timings)
    return Release.open(layout.candidate)


def leftovers(planned: BuildPlan) -> list[Path]:
    """Return the folders in its `work` that a plan does not use, sorted.

    They are outputs for other archives, settings or code; if removed, they can be built again.
    """
    work, layout = planned.work, planned.layout
    named = {*layout.folders.values(), *(bundle.destination for bundle in layout.bundles)}
    named |= {work / COMPILED / name for name in _compiled(layout)}
    kept = (*(work / PARTS_FOLDER).glob("[!.]*"), *(work / COMPILED).glob("[!.]*"))
    return sorted({*folders_of_stages(work), *kept} - named)


def _compiled(layout: Layout) -> list[str]:
    """Return the folders of packages that a build used, none before it verified them."""
    try:
        return _read(list[str], layout.files("compiled")[0])
    except OSError:
        return []


def _intact(release: Release) -> Release:
    problems = verify(release)
    if problems:
        raise DamagedRelease(release, problems)
    return release


def _parent(releases: Sequence[Release]) -> Parent | None:
    if not releases:
        return None
    return Parent(version=releases[-1].manifest.version, identity=releases[-1].identity)


def sweep(*folders: Path) -> None:
    """Remove incomplete files of a killed build. At a URL there are none: an upload is atomic."""
    here = (folder for folder in folders if not is_remote(folder))
    for path in chain.from_iterable(folder.glob("**/.*") for folder in here):
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)
