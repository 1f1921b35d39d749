"""Annotations: files with the licences of other files, by the REUSE specification.

`REUSE.toml` (specification 3.3) may be in any folder and applies to what is below it;
`.reuse/dep5` (3.0) is a Debian copyright file at the root, and a licence file at the root may be
written as one. In all of them the last match of a file wins. A file that cannot be read, or is
larger than `LARGEST`, is an unreadable statement about everything below its folder.
"""

import re
import tomllib
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from corpus.licenses.declarations import read_tag
from corpus.licenses.notices import EXCERPT, Notice, Standing
from corpus.untrusted import quoted

LARGEST = 65_536
"""Maximum size of a file of annotations. The largest that was found has 3 KB."""
LONGEST_PATTERNS = 8_192
"""Maximum length of all patterns of one file: matching a path takes time proportional to it."""
DEEPEST = 32
"""Maximum depth of brackets, for which the TOML reader is recursive, and number of dots in a key,
for which it takes quadratic time."""
DOTTED = re.compile(r"\"[^\"\n]*\"|'[^'\n]*'|[\w-]+|[ \t]+|[^\w-]", re.DOTALL)
TOKEN = re.compile(r"\\.|\*+|.", re.DOTALL)
TOML, DEP5 = "REUSE.toml", ".reuse/dep5"
DEBIAN = re.compile(
    rb"(?:\xef\xbb\xbf)?(?:#[^\n]*\n|[ \t\r]*\n)*Format(?:-Specification)?:[ \t]*\S*"
    rb"(?:copyright-format|dep5|/dep/)",
    re.IGNORECASE,
)
"""The first field of a Debian copyright file; before version 1.0 of the format it had others."""


class Precedence(StrEnum):
    """Whether an annotation or the file's own statement applies (specification 3.3, 4.4)."""

    CLOSEST = "closest"
    AGGREGATE = "aggregate"
    OVERRIDE = "override"


@dataclass(frozen=True, slots=True)
class Annotation:
    """One statement about the files that some patterns match."""

    patterns: tuple[str, ...]
    precedence: Precedence
    notice: Notice | None
    copyright: tuple[str, ...] = ()


@dataclass(slots=True)
class Globs:
    """Patterns that are matched all at once, character by character of a path.

    A set of positions in all patterns is one integer, so that there is no backtracking ("bitap",
    Baeza-Yates and Gonnet 1992, with stars as states with a loop). The time is the length of the
    path times that of the patterns over 64, independent of the stars.
    """

    tokens: Iterable[Sequence[str]]
    literals: dict[str, int] = field(default_factory=dict)
    any_one: int = 0
    stays: int = 0
    stays_in_folder: int = 0
    start: int = 0
    accepting: list[int] = field(default_factory=list)
    accepts: int = 0
    states: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Concatenate the patterns."""
        place = 0
        for tokens in self.tokens:
            self.start |= 1 << place
            for token in tokens:
                bit = 1 << place
                match token:
                    case "**":
                        self.stays |= bit
                    case "*":
                        self.stays_in_folder |= bit
                    case "?":
                        self.any_one |= bit
                    case _:
                        self.literals[token[-1]] = self.literals.get(token[-1], 0) | bit
                place += 1
            self.accepting.append(place)
            self.accepts |= 1 << place
            place += 1

    def last_match(self, path: str) -> int | None:
        """Return the index of the last pattern that matches a whole path, or None."""
        folder, slash, name = path.rpartition("/")
        state = self._after(name, self._folder(folder + slash))
        found = state & self.accepts
        return bisect_left(self.accepting, found.bit_length() - 1) if found else None

    def _folder(self, folder: str) -> int:
        """Return the state after a folder, which its files share."""
        known = self.states.get(folder)
        if known is None:
            known = self._after(folder, self._closed(self.start))
            self.states[folder] = known
        return known

    def _after(self, text: str, state: int) -> int:
        for char in text:
            moved = (state & (self.literals.get(char, 0) | self.any_one)) << 1
            kept = state & (self.stays | (0 if char == "/" else self.stays_in_folder))
            state = self._closed(moved | kept)
            if not state:
                break
        return state

    def _closed(self, state: int) -> int:
        """Add the positions after stars, which may match nothing. No two stars are adjacent."""
        return state | ((state & (self.stays | self.stays_in_folder)) << 1)


@dataclass(frozen=True, slots=True)
class Annotations:
    """One file of annotations, and what its patterns match; `folder` ends with a slash or is ""."""

    path: str
    folder: str
    annotations: tuple[Annotation, ...]
    globs: Globs
    owners: tuple[int, ...]
    """The annotation of each pattern."""

    def of(self, path: str) -> Annotation | None:
        """Return the annotation of a file, which is the last that matches it."""
        if not path.startswith(self.folder):
            return None
        found = self.globs.last_match(path[len(self.folder) :])
        return None if found is None else self.annotations[self.owners[found]]


@dataclass(frozen=True, slots=True)
class Project:
    """All annotations of a package, by their folder."""

    by_folder: Mapping[str, Annotations]

    def of(self, path: str) -> Iterator[tuple[str, Annotation]]:
        """Yield the annotations of a file with their folder, the nearest to the root first."""
        end = 0
        while self.by_folder and end >= 0:
            known = self.by_folder.get(path[:end])
            found = known.of(path) if known else None
            if known and found:
                yield known.path, found
            end = path.find("/", end) + 1 or -1

    def notices(self) -> Iterator[Notice]:
        """Yield the annotations."""
        for known in self.by_folder.values():
            yield from (one.notice for one in known.annotations if one.notice)


def is_debian(data: bytes) -> bool:
    """Return whether a licence file has the format of Debian's machine-readable copyright files."""
    return DEBIAN.match(data) is not None


def read_annotations(files: Mapping[str, bytes], licenses: Iterable[str] = ()) -> Project:
    """Read all files of annotations among `files` (path to content).

    `licenses` are licence files at the root; the first with the format of Debian's copyright files
    annotates if there is no `.reuse/dep5`. If there is a `REUSE.toml` at the root, both are ignored
    (specification 3.3).
    """
    paths = [path for path in files if path == TOML or path.endswith(f"/{TOML}")]
    if TOML not in files:
        debian = sorted(path for path in licenses if "/" not in path and is_debian(files[path]))
        paths += [DEP5] if DEP5 in files else debian[:1]
    read_files = [read(path, files[path]) for path in sorted(paths)]
    return Project({each.folder: each for each in read_files})


def read(path: str, data: bytes) -> Annotations:
    """Read one file of annotations."""
    is_toml = path.rpartition("/")[2] == TOML
    folder = path.removesuffix(TOML) if is_toml else ""
    try:
        if len(data) > LARGEST:
            raise ValueError(f"larger than {LARGEST:,} bytes")
        text = data.decode("utf-8-sig")
        annotations = tuple(toml(text) if is_toml else dep5(text))
        if sum(len(each) for one in annotations for each in one.patterns) > LONGEST_PATTERNS:
            raise ValueError(f"patterns of more than {LONGEST_PATTERNS:,} characters")
    except ValueError as error:
        said = Notice(Standing.UNKNOWN, None, quoted(f"cannot be read: {error}", EXCERPT))
        annotations = (Annotation(("**",), Precedence.CLOSEST, said),)
    owned = [(n, pattern) for n, one in enumerate(annotations) for pattern in one.patterns]
    tokens = toml_tokens if is_toml else debian_tokens
    globs = Globs([tokens(pattern) for _, pattern in owned])
    return Annotations(path, folder, annotations, globs, tuple(n for n, _ in owned))


def toml(text: str) -> Iterator[Annotation]:
    """Yield the annotations of a REUSE.toml. Raises ValueError if it has another form."""
    if too_deep(text):
        raise ValueError("nested too deeply")
    table = tomllib.loads(text)
    annotations = table.get("annotations", [])
    if not isinstance(annotations, list):
        raise ValueError("annotations is not an array")
    for each in annotations:
        if not isinstance(each, dict):
            raise ValueError("an annotation is not a table")
        patterns = strings(each.get("path"))
        if not patterns:
            raise ValueError("an annotation without a path")
        yield Annotation(
            patterns=tuple(patterns),
            precedence=Precedence(each.get("precedence", "closest")),
            notice=together(strings(each.get("SPDX-License-Identifier"))),
            copyright=tuple(strings(each.get("SPDX-FileCopyrightText"))),
        )


def too_deep(text: str) -> bool:
    """Return whether brackets or dots are nested deeper than the TOML reader may be given."""
    depth = dots = 0
    for token in DOTTED.findall(text):
        if token in "[{":
            depth += 1
        elif token in "]}":
            depth = max(0, depth - 1)
        dots = dots + 1 if token == "." else 0 if token in "=\n,[]{}" else dots
        if max(depth, dots) > DEEPEST:
            return True
    return False


def strings(value: object) -> list[str]:
    """Return a string or a list of them as a list. Raises ValueError for anything else."""
    values = value if isinstance(value, list) else [] if value is None else [value]
    if not all(isinstance(each, str) for each in values):
        raise ValueError("not a string")
    return [str(each) for each in values]


def dep5(text: str) -> Iterator[Annotation]:
    """Yield the `Files` paragraphs of a Debian copyright file (format 1.0)."""
    paragraphs = [debian_fields(each) for each in re.split(r"\n[ \t\r]*\n", text)]
    licenses = [each.get("license", "").strip().partition("\n") for each in paragraphs]
    texts = {name.lower(): words for name, _, words in licenses if words}
    read: dict[tuple[str, str], Notice | None] = {}
    for fields, (name, _, words) in zip(paragraphs, licenses, strict=True):
        if "files" in fields:
            stated = name, words or texts.get(name.lower(), "")
            if stated not in read:
                read[stated] = debian_notice(*stated)
            yield Annotation(
                patterns=tuple(fields["files"].split()),
                precedence=Precedence.AGGREGATE,
                notice=read[stated],
                copyright=tuple(filter(None, fields.get("copyright", "").split("\n"))),
            )


def debian_fields(paragraph: str) -> dict[str, str]:
    """Return the fields of a paragraph by name, without the indent of further lines."""
    lines: dict[str, list[str]] = {}
    name = ""
    for line in paragraph.splitlines():
        if line.startswith("#"):
            continue
        if line[:1] in (" ", "\t"):
            lines.setdefault(name, []).append(line.strip())
        else:
            name, _, value = line.partition(":")
            name = name.strip().lower()
            lines[name] = [value.strip()]
    return {name: "\n".join(each) for name, each in lines.items()}


def debian_notice(name: str, words: str) -> Notice | None:
    """Return what a paragraph says: the licence that it names or, if that is no name, its text."""
    notice = together([debian_name(name)]) if name else None
    if words and (notice is None or notice.standing is not Standing.LICENSED):
        from corpus.licenses.classifier import identify

        if ids := sorted({match.id for match in identify(words)}):
            said = quoted(f"License: {name}", EXCERPT)
            return Notice(Standing.LICENSED, read_tag(" AND ".join(ids)), said, in_full=True)
    return notice


def debian_name(text: str) -> str:
    """Return Debian's short name of a licence in the form of SPDX, if only the form differs."""
    text = re.sub(r",\s*(and|or)\b", r" \1", text, flags=re.IGNORECASE)
    return re.sub(r"\b(A?GPL|LGPL)-(\d)(?!\.?\d)", r"\1-\2.0", text)


def together(values: Sequence[str]) -> Notice | None:
    """Return the AND of several identifiers, None for none."""
    if not values:
        return None
    read = [read_tag(value.strip()) for value in values]
    if any(each is None for each in read):
        words = f"SPDX-License-Identifier: {', '.join(values)}"
        return Notice(Standing.UNKNOWN, None, quoted(words, EXCERPT))
    expression = read_tag(" AND ".join(f"({each})" for each in dict.fromkeys(read)))
    words = quoted(f"SPDX-License-Identifier: {expression}", EXCERPT)
    return Notice(Standing.LICENSED, expression, words)


def toml_tokens(pattern: str) -> list[str]:
    r"""Read a pattern of REUSE.toml: `*` in one folder, `**` through all, `\` before a literal."""
    return [
        ("**" if len(found) > 1 else "*") if found[0] == "*" else f"={found[-1]}"
        for found in re.findall(TOKEN, pattern)
    ]


def debian_tokens(pattern: str) -> list[str]:
    r"""Read a pattern of Debian: `*` also matches slashes, `?` matches one character."""
    return [
        "**" if found[0] == "*" else "?" if found == "?" else f"={found[-1]}"
        for found in re.findall(TOKEN, pattern.removeprefix("./"))
    ]
