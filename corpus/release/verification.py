"""Checking that a release on disk is the one its manifest describes."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from itertools import chain
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from corpus.atomic import sha256_file
from corpus.errors import CorpusError
from corpus.executor import SERIAL, Executor, in_order
from corpus.places import files_below
from corpus.provenance import code_commit, code_version
from corpus.release.logical import logical_digest
from corpus.release.manifest import MANIFEST_NAME, TIMINGS_NAME, Artifact, Shard
from corpus.release.reading import Release, batches_of, open_shard
from corpus.release.statement import ENVELOPE_NAME, STATEMENT_NAME
from corpus.release.statement import check as check_statement
from corpus.tables import SHARDED

DIGEST_ROWS = 2048


class Difference(StrEnum):
    """Causes of problems; each has its own advice."""

    ALTERED = (
        "What is missing or differs was altered or copied badly: fetch the release again, or move "
        "the folder away and run `python -m corpus build` again."
    )
    UNLISTED = "What is not in the manifest is no part of the release: move it elsewhere."
    OTHER_VERSION = (
        "Files that are as their manifest digests them, but have other columns, were written by "
        "another version of this project. Read them with that version, or build the release again "
        "with this one."
    )


@dataclass(frozen=True, slots=True)
class Problem:
    """One difference between a file and the manifest, or between a file and the expected format."""

    path: str
    detail: str
    cause: Difference = Difference.ALTERED

    def __str__(self) -> str:
        return f"{self.path}: {self.detail}"


class DamagedRelease(CorpusError):
    """A release differs from its manifest, or another version of this project wrote it."""

    def __init__(self, release: Release, problems: list[Problem]) -> None:
        self.problems = problems
        of_others = all(problem.cause is Difference.OTHER_VERSION for problem in problems)
        listed = "".join(f"  {problem}\n" for problem in problems)
        super().__init__(
            f"{release.path}: {len(problems)} file(s) differ from "
            f"{'what this version reads' if of_others else 'the manifest'}:\n{listed}"
            + "\n".join(advice(release, problems))
        )


def advice(release: Release, problems: list[Problem]) -> list[str]:
    """Return advice about problems, one or two sentences for each cause."""
    causes = {problem.cause for problem in problems}
    said = [cause.value for cause in Difference if cause in causes]
    if Difference.OTHER_VERSION in causes:
        theirs = _named(release.manifest.code_version, release.manifest.code_commit)
        said.append(f"This is {_named(code_version(), code_commit())}; the release names {theirs}.")
    return said


def _named(version: str, commit: str | None) -> str:
    return f"version {version}, commit {commit[:12]}" if commit else f"version {version}"


def verify(release: Release, executor: Executor = SERIAL, key: Path | None = None) -> list[Problem]:
    """Return the problems of all digests, row counts and schemas, and of the provenance.

    With a public key, the release has to be signed by it. Files that the manifest does not list are
    problems too, except the statement, its signature, `timings.json` and hidden files beside it,
    which the Hub's tools write. The manifest of a candidate lists shards only. Raises UnusableKey.
    """
    manifest = release.manifest
    shards = [(release.path, shard) for shard in manifest.shards]
    return [
        *chain.from_iterable(in_order(executor, "check digests", _shard_problems, shards)),
        *chain.from_iterable(_file_problems(release.path, item) for item in manifest.artifacts),
        *_statement_problems(release, key),
        *_unlisted(release),
    ]


def _statement_problems(release: Release, key: Path | None) -> Iterator[Problem]:
    if release.manifest.artifacts or key is not None:
        for path, detail in check_statement(release.path, release.manifest, key):
            yield Problem(path, detail)


def _file_problems(folder: Path, expected: Shard | Artifact) -> Iterator[Problem]:
    path = folder / expected.path
    if not path.is_file():
        yield Problem(expected.path, "missing")
        return
    found = sha256_file(path)
    if found != expected.sha256:
        said = expected.sha256[:12]
        yield Problem(expected.path, f"sha256 is {found[:12]}..., the manifest says {said}...")


def _shard_problems(task: tuple[Path, Shard]) -> list[Problem]:
    folder, shard = task
    differs = list(_file_problems(folder, shard))
    if differs:
        return differs
    try:
        with open_shard(folder / shard.path) as file:
            return list(_row_problems(file, shard))
    except (OSError, pa.ArrowException) as error:
        return [Problem(shard.path, f"cannot be read: {str(error).splitlines()[0]}")]


def _row_problems(file: pq.ParquetFile, shard: Shard) -> Iterator[Problem]:
    expected = SHARDED[shard.config].schema
    if not file.schema_arrow.equals(expected):
        told = _columns(file.schema_arrow, expected)
        yield Problem(shard.path, told, Difference.OTHER_VERSION)
    elif file.metadata.num_rows != shard.rows:
        yield Problem(shard.path, f"{file.metadata.num_rows} rows, not {shard.rows}")
    elif _logical(file, shard.config) != shard.logical_digest:
        yield Problem(shard.path, "its rows are not the ones that the manifest digests")


def _columns(found: pa.Schema, expected: pa.Schema) -> str:
    """Return the columns in which two schemas differ, as a text."""
    shared = sorted(set(found.names) & set(expected.names))
    differing = {
        "lacks": sorted(set(expected.names) - set(found.names)),
        "has besides": sorted(set(found.names) - set(expected.names)),
        "has another type of": [n for n in shared if found.field(n) != expected.field(n)],
    }
    told = [f"{what} {', '.join(names)}" for what, names in differing.items() if names]
    return f"other columns: {'; '.join(told) or 'in another order'}"


def _logical(file: pq.ParquetFile, config: str) -> str:
    return logical_digest(config, lambda columns: _stream(file, columns))


def _stream(file: pq.ParquetFile, columns: list[str]) -> Iterator[pa.RecordBatch]:
    yield from batches_of(file, DIGEST_ROWS, columns)


def _unlisted(release: Release) -> Iterator[Problem]:
    listed = {shard.path for shard in release.manifest.shards}
    listed |= {
        MANIFEST_NAME,
        TIMINGS_NAME,
        STATEMENT_NAME,
        ENVELOPE_NAME,
        *(artifact.path for artifact in release.manifest.artifacts),
    }
    is_sealed = bool(release.manifest.artifacts)
    for path in files_below(release.path if is_sealed else release.path / "data"):
        name = path.relative_to(release.path).as_posix()
        if name not in listed and not name.startswith("."):
            yield Problem(name, "not in the manifest", Difference.UNLISTED)
