"""Opt-outs in releases: the copy of the ledger in each, and answers to authors."""

from collections import Counter
from dataclasses import dataclass
from fnmatch import translate
from re import compile as compiled

import pyarrow as pa
import pyarrow.compute as pc

from corpus.errors import CorpusError
from corpus.optout.ledger import LEDGER_NAME, BadLedger, Entry, Kind, Ledger, read_ledger
from corpus.optout.removals import GITHUB, Entries, Origin, Removals
from corpus.release.reading import Release
from corpus.tables import SHARDED
from pages.formats import plural

NAMED_VERSIONS = 3
"""Maximum number of versions that an answer lists; it counts the others."""
BATCH = 65_536


class LostEntries(CorpusError):
    """The ledger of a build lacks an entry of its parent release."""

    def __init__(self, parent: Release, entry: Entry, has: int) -> None:
        removal = entry.removal
        given = f"has {plural(has, 'entry', 'entries')} without it" if has else "is not given"
        super().__init__(
            f"{parent.path} was built with {entry.name} ({removal.kind} {removal.value}), and the "
            f"ledger of this build {given}. "
            "What was opted out stays out: give `--optout` the ledger that release was built with. "
            f"{parent.path / LEDGER_NAME} is a copy of it, to which later entries can be added."
        )


class NotTold(CorpusError):
    """A release has no column that answers the question."""


def ledger_of(release: Release) -> Ledger:
    """Return the ledger of a release, empty if it has none. Raises BadLedger."""
    if release.manifest.removed is None:
        return Ledger()
    path = release.path / LEDGER_NAME
    ledger = read_ledger(path)
    if ledger.head != release.manifest.removed.head:
        raise BadLedger(path, "it is not the ledger that the manifest of the release names")
    return ledger


def refuse_lost_entries(parent: Release, ledger: Ledger) -> None:
    """Raise LostEntries if a ledger lacks an entry of the parent, and BadLedger for its copy."""
    if (lost := ledger.lacks(ledger_of(parent))) is not None:
        raise LostEntries(parent, lost, len(ledger.entries))


def unmatched(release: Release) -> Entries:
    """Return the entries of a release's ledger that removed nothing from it."""
    ledger = ledger_of(release)
    if not ledger.entries:
        return ()
    found: set[int] = set()
    for batch in release.batches("rejects", ["removed_by"], None, BATCH):
        found.update(batch["removed_by"].flatten().to_pylist())
    return tuple(entry for entry in ledger.entries if entry.sequence not in found)


@dataclass(frozen=True, slots=True)
class Answer:
    """The documents of a release that match a question, or the entry that removed them."""

    release: str
    asked: str
    documents: int
    held: tuple[str, ...]
    """The packages with versions that the documents are of, as "plug 1.19.2", sorted."""
    entry: Entry | None

    @property
    def sentence(self) -> str:
        """The answer as one sentence."""
        if self.documents:
            more = len(self.held) - NAMED_VERSIONS
            held = ", ".join(self.held[:NAMED_VERSIONS]) + (f" and {more} more" if more > 0 else "")
            noun = "document" if self.documents == 1 else "documents"
            return f"{self.release} holds {self.documents:,} {noun} of {held}"
        by = f"; removed by {self.entry.name}" if self.entry else ""
        return f"{self.release} holds nothing of {self.asked}{by}"


def ask(release: Release, kind: Kind, value: str) -> Answer:
    """Return whether a release has documents of a package, a repository, a file, ...

    `value` has the form of a removal of this kind. Raises NotTold, BadLedger, OSError and
    pyarrow.ArrowException.
    """
    if kind is Kind.OWNER and value.startswith("hex:"):
        raise NotTold("a release does not tell who owns a package on Hex. Ask for each package.")
    if kind is Kind.SWHID and "swhid" not in SHARDED["documents"].schema.names:
        raise NotTold("a release does not tell SWHIDs. Ask for the SHA-256 of the file.")
    found: Counter[str] = Counter()
    columns = ["package", "version", *COLUMNS[kind]]
    for batch in release.batches("documents", columns, None, BATCH):
        held = batch.filter(_holds(batch, kind, value))
        found.update(map(" ".join, zip(*(held[name].to_pylist() for name in NAME), strict=True)))
    entry = None if found else _removed_by(release, kind, value)
    held_packages = tuple(sorted(found))
    return Answer(release.manifest.version, value, found.total(), held_packages, entry)


NAME = ("package", "version")
COLUMNS = {
    Kind.OWNER: ["repository"],
    Kind.REPOSITORY: ["repository", "source"],
    Kind.PACKAGE: [],
    Kind.PATH: ["path"],
    Kind.CONTENT: ["content_id"],
    Kind.SWHID: ["swhid"],
}
"""The columns of documents that answer a question, besides package and version."""


def _holds(rows: pa.RecordBatch, kind: Kind, value: str) -> pa.Array:
    """Return a mask of the rows of documents that match a question."""
    match kind:
        case Kind.OWNER:
            under = f"https://{value.replace(':', '/', 1)}/"
            return pc.starts_with(pc.fill_null(rows["repository"], ""), pattern=under)
        case Kind.REPOSITORY:
            linked = pc.equal(pc.fill_null(rows["repository"], ""), f"https://{value}")
            named = pc.equal(pc.ascii_lower(rows["package"]), value.removeprefix("github.com/"))
            return pc.or_(linked, pc.and_(pc.equal(rows["source"], GITHUB), named))
        case Kind.PACKAGE:
            return pc.equal(rows["package"], value)
        case Kind.PATH:
            package, _, path = value.partition(":")
            pattern = compiled(translate(path))
            of_package = pc.equal(rows["package"], package).to_pylist()
            paths = zip(of_package, rows["path"].to_pylist(), strict=True)
            return pa.array(
                [own and (each == path or bool(pattern.match(each))) for own, each in paths],
                pa.bool_(),
            )
        case Kind.CONTENT | Kind.SWHID:
            return pc.equal(rows[COLUMNS[kind][0]], value)


def _removed_by(release: Release, kind: Kind, value: str) -> Entry | None:
    """Return the first entry of a release's ledger that matches a question."""
    ledger = ledger_of(release)
    if not ledger.entries:
        return None
    removals = Removals(ledger.entries)
    package, _, path = value.partition(":")
    if (told := removals.by_value.get((kind, value))) is not None:
        return told
    match kind:
        case Kind.REPOSITORY:
            found = removals.of_archive(Origin("", "", None, frozenset({value})))
        case Kind.PATH:
            found = (*removals.of_archive(Origin("", package)), *removals.of_file(package, path))
        case _:
            found = ()
    numbers = {entry.sequence for entry in found}
    if kind in (Kind.PACKAGE, Kind.PATH):
        numbers |= _numbers_of(release, package)
    return ledger.entries[min(numbers) - 1] if numbers else None


def _numbers_of(release: Release, package: str) -> set[int]:
    """Return the numbers of the entries that removed whole archives of a package."""
    numbers: set[int] = set()
    for batch in release.batches("rejects", ["package", "path", "removed_by"], None, BATCH):
        whole = pc.and_(pc.equal(batch["package"], package), pc.equal(batch["path"], ""))
        numbers.update(batch.filter(whole)["removed_by"].flatten().to_pylist())
    return numbers
