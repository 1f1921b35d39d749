"""Opt-out: packages, files, or contents (by digest) that authors asked to leave out.

A build leaves out the files of an entry, and their copies and near-duplicates if the named file is
the preferred one. Therefore an opted-out file does not come back from a package that copied it. If
the named file is itself the copy, the original is kept, because its author did not ask for it.
(docs/duplicates.md has the order of preference.) A content digest leaves out the same bytes in any
package.
"""

import hashlib
import tomllib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypedDict

import pyarrow as pa
import pyarrow.compute as pc

from corpus.errors import CorpusError
from corpus.parts import read_part
from corpus.reasons import Reason, Reject, Stage
from corpus.rows import IdentityRow, RejectRow, reject_row
from corpus.tables import REJECTS
from corpus.untrusted import check_digest, check_package, check_path, check_text

LONGEST_REASON = 500
"""Maximum number of characters of a reason, which is in every row that it leaves out."""
NAMED = ["document_id", "package", "path", "content_id"]


class BadExclusions(CorpusError):
    """A file of exclusions cannot be used."""

    def __init__(self, path: Path, detail: str) -> None:
        super().__init__(
            f"{path}: {detail}. Each [[exclude]] has a `package`, a `package` and a `path`, or a "
            "`content_id`, and a `reason`, all in quotation marks."
        )


@dataclass(frozen=True, kw_only=True, slots=True, order=True)
class Exclusion:
    """One entry: a package, a file of it, or a content (SHA-256 of a file's bytes), and why."""

    reason: str
    package: str = ""
    path: str = ""
    content_id: str = ""

    def __post_init__(self) -> None:
        """Raise ValueError for an entry that names nothing, or both a package and a content."""
        check_text(self.reason)
        if not self.reason.strip() or len(self.reason) > LONGEST_REASON:
            raise ValueError(f"a reason has 1 to {LONGEST_REASON} characters")
        if bool(self.package) == bool(self.content_id):
            raise ValueError("name either a package or a content_id")
        if self.content_id:
            check_digest(self.content_id)
            if self.path:
                raise ValueError("a content_id has no path")
        else:
            check_package("package", self.package)
            if self.path:
                check_path(self.path)

    @property
    def named(self) -> str:
        """The named package, file or content, for messages."""
        return self.content_id or "/".join(filter(None, (self.package, self.path)))


Exclusions = tuple[Exclusion, ...]


class NamedRow(TypedDict):
    """The columns of a file that an entry can match, and others."""

    document_id: str
    package: str
    path: str
    content_id: str | None


class ArchiveRow(TypedDict):
    """The columns of an archive for its reject."""

    source: str
    package: str
    version: str
    sha256: str
    failure: str | None


def read_exclusions(path: Path) -> Exclusions:
    """Read a TOML file of `[[exclude]]` tables; sorted, each once. Raises BadExclusions."""
    try:
        told = tomllib.loads(path.read_text(encoding="utf-8"))
        if told.keys() - {"exclude"}:
            raise ValueError("it may have only [[exclude]] tables")
        return entries(told.get("exclude", []))
    except OSError as error:
        raise BadExclusions(path, error.strerror or str(error)) from error
    except (ValueError, RecursionError) as error:
        raise BadExclusions(path, str(error)) from error


def entries(told: object) -> Exclusions:
    """Return the entries of `[[exclude]]` tables, sorted, each once. Raises ValueError."""
    if not isinstance(told, list):
        raise ValueError("exclude is no list of [[exclude]] tables")
    return tuple(sorted(set(map(_entry, told))))


def _entry(told: object) -> Exclusion:
    if not isinstance(told, dict):
        raise ValueError(f"{told!r} is no table")
    if unknown := sorted(told.keys() - {"package", "path", "content_id", "reason"}):
        raise ValueError(f"unknown key {unknown[0]}")
    if not all(isinstance(value, str) for value in told.values()):
        raise ValueError(f"the entry {told!r} has a value that is no text")
    if empty := sorted(key for key, value in told.items() if not value):
        raise ValueError(f"{empty[0]} is empty")
    if "reason" not in told:
        raise ValueError(f"the entry {told!r} gives no reason")
    return Exclusion(**told)


def left_out(
    exclusions: Exclusions, fingerprints: Sequence[Path], clusters: pa.Table
) -> dict[str, str]:
    """Return, by document_id, why a document is left out: it is named, or a copy of a named one.

    `clusters` has the columns of `tables.CLUSTERS`.
    """
    if not exclusions:
        return {}
    why: dict[str, str] = {}
    places: dict[str, str] = {}
    for part in fingerprints:
        for row, entry in named_rows(exclusions, read_part(part, columns=NAMED)):
            why[row["document_id"]] = entry.reason
            places[row["document_id"]] = f"{row['package']}/{row['path']}"
    named = pa.array(sorted(why), pa.string())
    follows = clusters.filter(pc.is_in(clusters["representative_id"], value_set=named))
    for pair in follows.select(["document_id", "representative_id"]).to_pylist():
        first = pair["representative_id"]
        copied = f"a copy of {places[first]}, which is left out: {why[first]}"
        why.setdefault(pair["document_id"], copied)
    return why


def named_rows(exclusions: Exclusions, rows: pa.Table) -> Iterator[tuple[NamedRow, Exclusion]]:
    """Yield the rows (at least package, path and content_id) that entries match, each with an
    entry.

    The time is linear in the rows, not in rows times entries.
    """
    entries = {(each.package, each.path, each.content_id): each for each in reversed(exclusions)}
    packages = pa.array(sorted({each.package for each in exclusions} - {""}), pa.string())
    contents = pa.array(sorted({each.content_id for each in exclusions} - {""}), pa.string())
    of_package = pc.is_in(rows["package"], value_set=packages)
    of_content = pc.is_in(rows["content_id"], value_set=contents)
    for row in rows.filter(pc.or_(of_package, of_content)).to_pylist():
        package, path, content = row["package"], row["path"], row["content_id"]
        for key in ((package, "", ""), (package, path, ""), ("", "", content)):
            if key in entries:
                yield row, entries[key]
                break


def without_packages(exclusions: Exclusions, archives: Sequence[Path]) -> pa.Table:
    """Return a reject, with an empty path, for every archive of a package that is left out.

    `archives` are parts of `tables.READ_ARCHIVES`. One that could not be opened has its own reject.
    """
    whole = {
        entry.package: entry.reason for entry in exclusions if entry.package and not entry.path
    }
    columns = list(ArchiveRow.__annotations__)
    rows: list[RejectRow] = []
    for part in archives if whole else ():
        for row in read_part(part, columns=columns).to_pylist():
            if row["package"] in whole and row["failure"] is None:
                rows.append(_archive_reject(row, whole[row["package"]]))
    return pa.Table.from_pylist(rows, schema=REJECTS)


def _archive_reject(row: ArchiveRow, reason: str) -> RejectRow:
    identity: IdentityRow = {
        "document_id": hashlib.sha256(f"{row['sha256']}\0".encode()).hexdigest(),
        "content_id": None,
        "source": row["source"],
        "package": row["package"],
        "version": row["version"],
        "archive_sha256": row["sha256"],
        "path": "",
    }
    return reject_row(identity, Reject(Stage.OPT_OUT, Reason.OPTED_OUT, reason))


def unmatched(exclusions: Exclusions, files: Iterable[pa.Table]) -> Exclusions:
    """Return the entries that match nothing in some tables of package, path and content_id."""
    if not exclusions:
        return ()
    left = set(exclusions)
    for rows in files:
        # Repeated, so that an entry covered by another, or a second for a file, also counts.
        waiting = tuple(sorted(left))
        while found := {entry for _, entry in named_rows(waiting, rows)}:
            left -= found
            waiting = tuple(sorted(left))
    return tuple(sorted(left))
