"""The result for a package, folder or file, with the reason; or the files left out for a reason."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from difflib import get_close_matches

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds

from corpus.errors import CorpusError
from corpus.places import arrow_filesystem, key
from corpus.reasons import Reason
from corpus.release import Input, Release, UnreadableRelease

HASH = re.compile(r"(?:swh:1:cnt:)?[0-9a-f]{8,64}")
PLACE = ["document_id", "content_id", "swhid", "package", "version", "purl", "path"]
KEPT_COLUMNS = [*PLACE, "license_expression", "license_evidence", "role", "cluster_id", "split"]
DROPPED_COLUMNS = [*PLACE, "stage", "reason", "detail", "representative_id"]


class NothingFound(CorpusError):
    """The release has nothing about the name or hash, or left nothing out for the reason."""

    def __init__(self, release: Release, wanted: str) -> None:
        if wanted in frozenset(Reason):
            super().__init__(f"{release.path}: nothing was left out for the reason {wanted!r}.")
            return
        known = {item.package for item in release.manifest.inputs} | set(map(str, Reason))
        near = get_close_matches(wanted.partition("/")[0], sorted(known), 1)
        super().__init__(
            f"{release.path}: nothing known about {wanted!r}. "
            + (f"Did you mean {near[0]!r}? " if near else "")
            + "Give a package (`plug`), a file or folder (`plug/lib/plug.ex`, `plug/lib`), at "
            "least 8 digits of a document, content or archive hash, a SWHID "
            "(`swh:1:cnt:...`), or a reason "
            "(`near_duplicate`)."
        )


@dataclass(frozen=True, slots=True)
class KeptFile:
    """A file that is a document of the release."""

    document_id: str
    content_id: str
    swhid: str
    package: str
    version: str
    purl: str
    path: str
    license_expression: str
    license_evidence: str
    role: str
    cluster_id: str
    split: str


@dataclass(frozen=True, slots=True)
class DroppedFile:
    """A file, or with an empty path an archive, that was left out.

    `representative` is the document that represents a duplicate.
    """

    document_id: str
    content_id: str | None
    swhid: str | None
    package: str
    version: str
    purl: str
    path: str
    stage: str
    reason: str
    detail: str
    representative: KeptFile | None


@dataclass(frozen=True, slots=True)
class Explanation:
    """The result of a lookup."""

    archives: tuple[Input, ...]
    kept: tuple[KeptFile, ...]
    dropped: tuple[DroppedFile, ...]


@dataclass(frozen=True, slots=True)
class _Question:
    """Conditions on documents and on rejects (None for no rows), and the archives of the query."""

    kept: ds.Expression | None
    dropped: ds.Expression
    archives: tuple[Input, ...] = ()
    names_a_file: bool = False


def explain(release: Release, wanted: str) -> Explanation:
    """Look up `wanted`: PACKAGE, PACKAGE/PATH, a hash of a document, its content or archive, a
    SWHID, or a reason. A package has precedence over a reason or a hash of the same name.

    Raises NothingFound and UnreadableRelease.
    """
    if not _is_text(wanted):
        raise NothingFound(release, wanted)
    question = _question(release, wanted)
    kept = () if question.kept is None else tuple(_kept(release, question.kept))
    dropped = tuple(_dropped(release, question.dropped))
    if not (kept or dropped or (question.archives and not question.names_a_file)):
        raise NothingFound(release, wanted)
    return Explanation(question.archives, kept, dropped)


def _is_text(wanted: str) -> bool:
    """Show an argument with bytes that are not UTF-8, for which Python has surrogates."""
    try:
        wanted.encode()
    except UnicodeEncodeError:
        return False
    return True


def _question(release: Release, wanted: str) -> _Question:
    inputs = release.manifest.inputs
    package, path = _package_and_path(wanted, {item.package for item in inputs})
    named = tuple(item for item in inputs if item.package == package)
    if not named and HASH.fullmatch(wanted):
        condition = ds.scalar(False)
        for column in ("document_id", "content_id", "swhid", "archive_sha256"):
            condition = condition | pc.starts_with(ds.field(column), wanted)
        found = tuple(item for item in inputs if item.sha256.startswith(wanted))
        return _Question(condition, condition, found)
    condition = ds.field("package") == package
    if not named and wanted in frozenset(Reason):
        return _Question(None, condition | (ds.field("reason") == wanted))
    if path:
        below = pc.starts_with(ds.field("path"), path.rstrip("/") + "/")
        condition = condition & ((ds.field("path") == path) | below)
        if not named:  # OWNER/NAME, of which no archive could be read
            condition = condition | (ds.field("package") == wanted)
    return _Question(condition, condition, named, bool(path))


def _package_and_path(wanted: str, packages: set[str]) -> tuple[str, str]:
    """Divide PACKAGE/PATH, where the package may be OWNER/NAME if the release has one."""
    parts = wanted.split("/", 2)
    if (owned := "/".join(parts[:2])) in packages and len(parts) > 1:
        return owned, "".join(parts[2:])
    package, _, path = wanted.partition("/")
    return package, path


def _table(release: Release, config: str, columns: list[str], condition: ds.Expression) -> pa.Table:
    paths = [release.path / shard.path for shard in release.shards(config)]
    try:
        found = ds.dataset(list(map(key, paths)), filesystem=arrow_filesystem(release.path))
        table = found.to_table(columns=columns, filter=condition)
    except (pa.ArrowException, OSError) as error:
        raise UnreadableRelease(release, error) from error
    return table.sort_by([("package", "ascending"), ("path", "ascending")])


def _kept(release: Release, condition: ds.Expression) -> Iterator[KeptFile]:
    found = _table(release, "documents", KEPT_COLUMNS, condition)
    return (KeptFile(**row) for row in found.to_pylist())


def _dropped(release: Release, condition: ds.Expression) -> Iterator[DroppedFile]:
    rows = _table(release, "rejects", DROPPED_COLUMNS, condition).to_pylist()
    wanted = [row["representative_id"] for row in rows if row["representative_id"]]
    found = _kept(release, ds.field("document_id").isin(wanted)) if wanted else ()
    representatives = {kept.document_id: kept for kept in found}
    for row in rows:
        representative = representatives.get(row.pop("representative_id"))
        yield DroppedFile(**row, representative=representative)
