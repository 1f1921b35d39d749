"""The opt-out ledger: an append-only file of removals, each chained to the one before.

A line is one entry in canonical JSON (RFC 8785): `sequence` from 1, `date`, `kind`, `value`,
`reason`, `previous` with the digest of the entry before (zeros for the first), and `digest`, the
SHA-256 of the entry's canonical JSON without it. An entry that is changed, moved or removed in the
middle breaks the chain at its line. If entries are removed at the end, the rest is a valid chain;
a build detects this, because its parent release has a copy of the ledger that it was built with.

Entries cannot be revoked, because a published release can be copied by anyone.
"""

import hashlib
import json
import re
import tomllib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from pathlib import Path

from corpus.atomic import write_bytes
from corpus.errors import CorpusError
from corpus.locking import claim
from corpus.split.repository import repository_at
from corpus.untrusted import (
    check_digest,
    check_matches,
    check_package,
    check_path,
    check_text,
    parse_object,
    shown,
)

LEDGER_NAME = "optout.jsonl"
"""The ledger's file in a release."""
FIRST_PREVIOUS = "0" * 64
LONGEST_REASON = 500
"""Maximum number of characters of a reason, which is in every row of a removed file."""
LONGEST_LINE = 16_384
"""Maximum number of bytes of a line: a path has up to 1,024, a reason up to 2,000."""
LARGEST_LEDGER = 256 << 20
"""Maximum number of bytes of a ledger, about half a million entries."""
SWHID = re.compile(r"swh:1:cnt:[0-9a-f]{40}")
"""A content in ISO/IEC 18670, without qualifiers."""
ACCOUNT = re.compile(
    r"(?:hex|[a-z0-9-]{1,63}(?:\.[a-z0-9-]{1,63}){1,8}):[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}"
)
"""An account: `hex:NAME`, or the host of a forge and the name, `github.com:acme`."""
ADDRESS = re.compile(r"\S@\S")
KEYS = ("sequence", "date", "kind", "value", "reason", "previous", "digest")


class Kind(StrEnum):
    """The kinds of things that an entry removes."""

    OWNER = "owner"
    """An account, `hex:NAME` or `github.com:NAME`: all packages and repositories that it owns."""
    REPOSITORY = "repository"
    """A repository, `github.com/acme/shop`, and the packages that are published from it."""
    PACKAGE = "package"
    """A package in all versions, by its name."""
    PATH = "path"
    """Files of a package, `PACKAGE:PATH`; `*`, `?` and `[...]` as in `fnmatch`, where `*` also
    stands for slashes."""
    CONTENT = "content"
    """A file in any package, by the SHA-256 of its bytes."""
    SWHID = "swhid"
    """A file in any package, by its Software Heritage identifier."""


class BadLedger(CorpusError):
    """A ledger cannot be read, or its chain is broken; the message names the line."""

    def __init__(self, path: Path, detail: str, line: int | None = None) -> None:
        where = f"{path}, line {line}" if line else f"{path}"
        super().__init__(
            f"{where}: {detail}. Nothing was read from this ledger. Put back the whole file: from "
            f"your backup, or {LEDGER_NAME} of the newest release, which is the ledger that it was "
            "built with; then add later entries again."
        )


class BadRemoval(CorpusError):
    """A removal has a value that its kind does not permit."""


@dataclass(frozen=True, slots=True)
class Removal:
    """Code that is left out, and the reason, which is published with every release."""

    kind: Kind
    value: str
    reason: str

    def __post_init__(self) -> None:
        """Raise ValueError for a value that its kind does not permit."""
        if not self.reason.strip() or len(self.reason) > LONGEST_REASON:
            raise ValueError(f"a reason has 1 to {LONGEST_REASON} characters")
        check_text(self.reason, self.value)
        if ADDRESS.search(self.reason):
            raise ValueError("a reason is published, so it names no e-mail address")
        match self.kind:
            case Kind.OWNER:
                check_matches(ACCOUNT, "account: hex:NAME or github.com:NAME", self.value)
            case Kind.REPOSITORY:
                if repository_at(f"https://{self.value}") != self.value:
                    raise ValueError(f"{shown(self.value)} is no repository: HOST/OWNER/NAME")
            case Kind.PACKAGE:
                check_package("package", self.value)
            case Kind.PATH:
                package, _, path = self.value.partition(":")
                check_package("package", package)
                check_path(path)
            case Kind.CONTENT:
                check_digest(self.value)
            case Kind.SWHID:
                check_matches(SWHID, "SWHID of a content", self.value)


def removal(kind: Kind, value: str, reason: str) -> Removal:
    """Return a removal from a value in another spelling, such as the URL of a repository.

    Raises BadRemoval.
    """
    try:
        if kind is Kind.REPOSITORY:
            found = repository_at(value) or repository_at(f"https://{value}")
            value = found or value
        elif kind is Kind.OWNER and not value.startswith("hex:"):
            value = value.lower()
        elif kind in (Kind.CONTENT, Kind.SWHID):
            value = value.strip().lower().partition(";")[0]
        return Removal(kind, value, reason)
    except ValueError as error:
        raise BadRemoval(f"{kind}: {error}. Nothing was added.") from error


@dataclass(frozen=True, slots=True)
class Entry:
    """A removal with its position in the ledger."""

    sequence: int
    date: str
    """When it was added, YYYY-MM-DD in UTC."""
    removal: Removal
    previous: str
    """Digest of the entry before it."""

    @property
    def digest(self) -> str:
        """The SHA-256 of the entry, which the next one names."""
        return hashlib.sha256(_canonical(self._fields())).hexdigest()

    @property
    def name(self) -> str:
        """The entry as a message names it."""
        return f"entry {self.sequence} of {self.date}"

    def line(self) -> bytes:
        """Return the entry as a line of the ledger."""
        return _canonical({**self._fields(), "digest": self.digest}) + b"\n"

    def _fields(self) -> dict[str, str | int]:
        return {
            "sequence": self.sequence,
            "date": self.date,
            "kind": self.removal.kind.value,
            "value": self.removal.value,
            "reason": self.removal.reason,
            "previous": self.previous,
        }


def _canonical(fields: dict[str, str | int]) -> bytes:
    """Serialise as RFC 8785 does; keys are ASCII and numbers are integers, so `json` suffices."""
    text = json.dumps(fields, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return text.encode()


@dataclass(frozen=True, slots=True)
class Ledger:
    """The entries of a ledger, in their order; the chain was checked."""

    entries: tuple[Entry, ...] = ()

    @property
    def head(self) -> str:
        """Digest of the last entry: two ledgers with the same head have the same entries."""
        return self.entries[-1].digest if self.entries else FIRST_PREVIOUS

    def to_bytes(self) -> bytes:
        """Return the ledger as it is in a file."""
        return b"".join(entry.line() for entry in self.entries)

    def with_removals(self, removals: Sequence[Removal], day: date) -> "Ledger":
        """Return the ledger with an entry added for each removal that it does not have."""
        entries = list(self.entries)
        known = {(each.removal.kind, each.removal.value) for each in entries}
        previous = self.head
        for each in removals:
            if (each.kind, each.value) not in known:
                known.add((each.kind, each.value))
                entry = Entry(len(entries) + 1, day.isoformat(), each, previous)
                previous = entry.digest
                entries.append(entry)
        return Ledger(tuple(entries))

    def lacks(self, earlier: "Ledger") -> Entry | None:
        """Return the first entry of an earlier ledger that this one lacks at the same position."""
        for number, entry in enumerate(earlier.entries):
            if number >= len(self.entries) or self.entries[number] != entry:
                return entry
        return None


def read_ledger(path: Path) -> Ledger:
    """Read a ledger and check its chain. Raises BadLedger."""
    try:
        size = path.stat().st_size
        if size > LARGEST_LEDGER:
            raise BadLedger(path, f"{size} bytes, over {LARGEST_LEDGER}")
        data = path.read_bytes()
    except OSError as error:
        raise BadLedger(path, error.strerror or str(error)) from error
    return Ledger(tuple(_entries(data, path)))


def add(path: Path, removals: Sequence[Removal], day: date) -> tuple[Ledger, int]:
    """Append removals, all or none; return the new ledger and how many entries are new.

    A file that does not exist begins a ledger. Removals that the ledger has already are not added
    again. The file is replaced by a rename, so a killed process leaves the old ledger or the new
    one. Raises BadLedger, FolderInUse while another process adds, and OSError.
    """
    with claim(path.parent, "optout"):
        old = read_ledger(path) if path.exists() else Ledger()
        new = old.with_removals(removals, day)
        if new != old:
            write_bytes(path, new.to_bytes())
        return new, len(new.entries) - len(old.entries)


def _entries(data: bytes, path: Path) -> Iterator[Entry]:
    """Yield the entries of a file, each checked against the one before."""
    previous, start, number = FIRST_PREVIOUS, 0, 0
    seen: dict[tuple[Kind, str], int] = {}
    while start < len(data):
        number += 1
        end = data.find(b"\n", start, start + LONGEST_LINE)
        if end < 0:
            is_cut = len(data) - start < LONGEST_LINE
            detail = "the line is cut off" if is_cut else f"it is over {LONGEST_LINE} bytes long"
            raise BadLedger(path, detail, number)
        try:
            entry = _entry(data[start:end], number, previous)
            key = entry.removal.kind, entry.removal.value
            if (first := seen.setdefault(key, number)) != number:
                raise ValueError(f"it removes the same as line {first}")
        except UnicodeDecodeError as error:
            detail = f"it is not UTF-8 at byte {error.start + 1}"
            raise BadLedger(path, detail, number) from error
        except ValueError as error:
            raise BadLedger(path, str(error), number) from error
        yield entry
        previous, start = entry.digest, end + 1


def _entry(line: bytes, number: int, previous: str) -> Entry:
    """Read the entry of a line. Raises ValueError."""
    line.decode()  # so that invalid UTF-8 has a message of its own
    try:
        fields = parse_object(line)
    except json.JSONDecodeError as error:
        raise ValueError(f"it is not JSON ({error.msg} at character {error.colno})") from error
    if unlike := sorted(fields.keys() ^ set(KEYS)):
        raise ValueError(f"it has other keys than an entry: {shown(unlike[0])}")
    texts = {key: fields[key] for key in KEYS if key != "sequence"}
    check_text(*texts.values())
    if type(fields["sequence"]) is not int or fields["sequence"] != number:
        found = shown(fields["sequence"])
        raise ValueError(f"it is entry {found} in the place of entry {number}: lines were moved")
    if fields["kind"] not in list(Kind):
        raise ValueError(f"{shown(fields['kind'])} is no kind of removal that this version knows")
    if date.fromisoformat(fields["date"]).isoformat() != fields["date"]:
        raise ValueError(f"{shown(fields['date'])} is no date")
    told = Removal(Kind(fields["kind"]), fields["value"], fields["reason"])
    entry = Entry(number, fields["date"], told, fields["previous"])
    if fields["digest"] != entry.digest:
        raise ValueError("its digest is not that of its content: it was edited")
    if fields["previous"] != previous:
        raise ValueError("it does not follow the line before: one of them was replaced")
    if entry.line() != line + b"\n":
        raise ValueError("it is not in canonical JSON: it was written by another program")
    return entry


def read_exclusions(path: Path) -> list[Removal]:
    """Read the `[[exclude]]` tables that version 0.1.0 used instead of a ledger.

    Raises BadRemoval.
    """
    try:
        told = tomllib.loads(path.read_text(encoding="utf-8"))
        if told.keys() != {"exclude"} or not isinstance(told["exclude"], list):
            raise ValueError("it has to have [[exclude]] tables and nothing else")
        return [_exclusion(each) for each in told["exclude"]]
    except OSError as error:
        raise BadRemoval(f"{path}: {error.strerror or error}. Nothing was added.") from error
    except (ValueError, RecursionError) as error:
        raise BadRemoval(f"{path}: {error}. Nothing was added.") from error


def _exclusion(told: object) -> Removal:
    if not isinstance(told, dict) or not all(isinstance(each, str) for each in told.values()):
        raise ValueError(f"{shown(told)} is no table of texts")
    match sorted(told):
        case ["package", "reason"]:
            return Removal(Kind.PACKAGE, told["package"], told["reason"])
        case ["package", "path", "reason"]:
            return Removal(Kind.PATH, f"{told['package']}:{told['path']}", told["reason"])
        case ["content_id", "reason"]:
            return Removal(Kind.CONTENT, told["content_id"], told["reason"])
    raise ValueError(
        "a table has a reason, and a package, or a package and a path, or a content_id"
    )
