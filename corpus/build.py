"""The pipeline: from an archive store to a candidate release, as a list of stages.

Every stage writes to names that hold the digest of what it was made from, so a build that was
killed resumes where it stopped, and one that is repeated finds everything done.
"""

import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import chain
from pathlib import Path
from typing import TypeVar

from corpus.configuration import BuildConfig
from corpus.deduplicate import cluster
from corpus.errors import CorpusError
from corpus.executor import Executor, Killed
from corpus.ingest import Bundle, plan_bundles, read_bundle
from corpus.inputs import Inputs, read_inputs
from corpus.instructions import (
    DraftTask,
    InstructTask,
    count_repeats,
    find_repeats,
    leave_out_repeats,
    write_rows,
)
from corpus.progress import Progress, Silent, tracked
from corpus.provenance import (
    RELEASE,
    code_commit,
    code_digest,
    code_version,
    digest_of,
    plain,
    tool_versions,
)
from corpus.release import DamagedRelease, Manifest, Parent, Release, Shard, verify
from corpus.release.assembly import assemble, write_archive_rejects
from corpus.release.planning import Part, Table, plan_table
from corpus.release.runs import plan_runs, write_run
from corpus.release.shards import write_shard
from corpus.release.versions import next_version, release_with, releases_in
from corpus.selection import Parts, select
from corpus.split import PackageLinks, assign
from corpus.store import ArchiveStore, store_near

Task = TypeVar("Task")
Result = TypeVar("Result")


class NothingToBuild(CorpusError):
    """The archive store is empty, or none of its archives can be read."""

    def __init__(self, root: Path, inputs: Inputs) -> None:
        told = f"no archives here. Fetch some with `scrapy crawl hex -s ARCHIVE_STORE={root}`."
        if (nearby := store_near(root)) is not None:
            told = f"no archives here, but {nearby} is an archive store. Name that one."
        if inputs.refused:
            first = inputs.refused[0]
            told = (
                f"none of {len(inputs.refused)} archives can be read. The first is "
                f"{first.name} {first.version}: {first.reject.reason} ({first.reject.detail})"
            )
        super().__init__(f"{root}: {told}")


class WorkerDied(CorpusError):
    """A worker died in a stage where no single file can be the cause."""

    def __init__(self, stage: str) -> None:
        super().__init__(
            f"A worker process died while it ran the stage {stage!r}; it was probably out of "
            "memory. Run the same command again with fewer --workers; finished parts are kept."
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class Job:
    """One build: what goes in, where its intermediate tables lie, and who does the work."""

    inputs: Inputs
    bundles: Sequence[Bundle]
    config: BuildConfig
    digest: str
    version: str
    parent: Parent | None
    work: Path
    candidate: Path
    executor: Executor
    progress: Progress

    def parts(self, table: str) -> list[Path]:
        """Return the parts of one table, one a bundle, in the order of the bundles."""
        return [bundle.destination / f"{table}.parquet" for bundle in self.bundles]

    def made(self, table: str) -> list[Path]:
        """Return the parts of a table that is made of those of ingest, in the same order."""
        return [self.work / table / f"{b.destination.name}.parquet" for b in self.bundles]

    def run(self, stage: str, function: Callable[[Task], Result], tasks: Sequence[Task]) -> None:
        """Run one task after another on the executor, each a step of progress."""
        for _ in self.results(stage, function, tasks):
            pass

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
    """Unpack, judge, parse and fingerprint every archive; refuse the files that take too much.

    A bundle is read once more if its worker was killed: files do their harm in another process.
    """
    waiting = [bundle for bundle in job.bundles if not bundle.destination.exists()]
    done = job.executor.map(read_bundle, waiting)
    retry = [
        bundle
        for bundle, result in tracked(job.progress, "read archives", len(waiting), done)
        if isinstance(result, Killed)
    ]
    if retry:
        job.run("read archives of killed workers", read_bundle, retry)
    if waiting:
        job.executor.renew()


def find_duplicates(job: Job) -> None:
    """Group documents that say the same."""
    clusters, published = job.work / "clusters.parquet", job.inputs.published
    task = partial(cluster, job.parts("fingerprints"), clusters, published=published)
    job.run("find duplicates", task, [job.config.duplicates])


def assign_splits(job: Job) -> None:
    """Give every package its split."""
    packages = dict.fromkeys((item.name, item.links) for item in job.inputs.archives)
    task = partial(
        assign,
        [PackageLinks(name, links) for name, links in packages],
        job.work / "clusters.parquet",
        job.parts("fingerprints"),
        job.work / "splits.parquet",
        published=job.inputs.published,
    )
    job.run("assign splits", task, [job.config.split])


def select_documents(job: Job) -> None:
    """Keep the representatives; what they stand for, and what is opted out, becomes rejects."""
    clusters, splits = job.work / "clusters.parquet", job.work / "splits.parquet"
    parts = Parts(job.parts("fingerprints"), job.parts("archives"), job.made("kept"))
    task = partial(select, parts, clusters, splits, job.config.exclude)
    job.run("select documents", task, [job.work / "duplicates.parquet"])
    write_archive_rejects(job.inputs.refused, job.work / "refused.parquet")


def write_instructions(job: Job) -> None:
    """Draft instruction rows from the documents that stay; then leave out what says it again."""
    tables = map(job.parts, ("documents", "functions"))
    tasks = [
        InstructTask(
            documents=documents,
            functions=functions,
            kept=kept,
            destination=destination,
            config=job.config.instruct,
        )
        for documents, functions, kept, destination in zip(
            *tables, job.made("kept"), job.made("drafts"), strict=True
        )
    ]
    job.run("write instructions", write_rows, tasks)
    repeats = job.work / "repeats.parquet"
    drafted, published = job.made("drafts"), job.inputs.published
    task = partial(find_repeats, drafted, job.parts("fingerprints"), published=published)
    job.run("find repeated answers", task, [repeats])
    drafts = zip(drafted, job.made("instruct"), strict=True)
    job.run(
        "leave out repeated answers",
        leave_out_repeats,
        [DraftTask(draft=draft, repeats=repeats, destination=made) for draft, made in drafts],
    )


def write_tables(job: Job) -> None:
    """Write every table of the candidate as shards, then attribution, then the manifest."""
    tables = [(table, job.config.shards) for table in _tables(job)]
    planned = list(job.results("plan shards", plan_table, tables))
    runs = {
        table.config: plan_runs(table.config, table.parts, plans, job.work / "runs")
        for table, plans in planned
    }
    waiting = list(chain.from_iterable(runs.values()))
    if not all(run.destination.exists() for run in waiting):
        # Shards of other runs: the work folder was deleted, and a file may have died meanwhile.
        shutil.rmtree(job.candidate, ignore_errors=True)
    job.run("sort rows", write_run, waiting)
    tasks = [
        ([run.destination for run in runs[plan.config]], plan, job.candidate)
        for _, plans in planned
        for plan in plans
    ]
    shards = list(job.results("write shards", write_shard, tasks))
    made = job.parts("archives"), _rejects(job), job.work / "splits.parquet", job.candidate
    task = partial(assemble, *made, job.config.exclude)
    job.run("write manifest", task, [_unfinished_manifest(job, shards)])


def _tables(job: Job) -> list[Table]:
    return [
        *(
            Table(name, tuple(map(Part, job.parts(name), job.made("kept"))))
            for name in ("documents", "functions")
        ),
        Table("instruct", tuple(Part(path, None) for path in job.made("instruct"))),
        Table("rejects", tuple(Part(path, None) for path in _rejects(job))),
    ]


def _rejects(job: Job) -> list[Path]:
    made = [job.work / f"{name}.parquet" for name in ("duplicates", "refused")]
    return [*job.parts("rejects"), *made]


def _unfinished_manifest(job: Job, shards: Sequence[Shard]) -> Manifest:
    """Return the manifest without what the reject table will say."""
    return Manifest(
        version=job.version,
        build_digest=job.digest,
        config=plain(job.config),
        config_digest=digest_of(job.config),
        code_version=code_version(),
        code_commit=code_commit(),
        code_digest=code_digest(RELEASE),
        tools=tool_versions(),
        parent=job.parent,
        shards=tuple(sorted(shards, key=lambda shard: shard.path)),
        inputs=(),
        archives_seen=len(job.inputs.archives) + len(job.inputs.refused),
        archives_rejected={},
        files_seen=0,
        stages=(),
        instructions_left_out=count_repeats(job.work / "repeats.parquet"),
    )


STAGES: tuple[Callable[[Job], None], ...] = (
    read_archives,
    find_duplicates,
    assign_splits,
    select_documents,
    write_instructions,
    write_tables,
)


def build(
    store: ArchiveStore,
    out: Path,
    config: BuildConfig,
    executor: Executor,
    progress: Progress | None = None,
) -> Release:
    """Run every stage and return the candidate, or the release if there already is one like it.

    `out` holds releases by version and `work/`, which may be deleted at any time; it costs only
    the time to build again. Raises NothingToBuild, WorkerDied, DamagedRow,
    DamagedArchive, DamagedRelease, MalformedManifest and OSError.
    """
    progress = progress or Silent()
    inputs = read_inputs(store, progress)
    if not inputs.archives:
        raise NothingToBuild(store.root, inputs)
    digest = digest_of(inputs.digest, config, code_digest(RELEASE), tool_versions())
    releases = releases_in(out)
    existing = release_with(digest, releases)
    if existing is not None:
        return _intact(existing)
    version = next_version(inputs.newest, releases)
    job = Job(
        inputs=inputs,
        bundles=plan_bundles(inputs.archives, store, out / "work" / "parts", config.ingest),
        config=config,
        digest=digest,
        version=version,
        parent=_parent(releases),
        work=out / "work" / digest,
        candidate=out / f"{version}.candidate-{digest[:12]}",
        executor=executor,
        progress=progress,
    )
    sweep(out / "work", job.candidate)
    for stage in STAGES:
        stage(job)
    return Release.open(job.candidate)


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
    """Remove what a killed build left half written."""
    for path in chain.from_iterable(folder.glob("**/.*") for folder in folders):
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)
