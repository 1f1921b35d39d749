"""Checks of untrusted values: JSON, names, digests, counts, and paths below a folder.

A manifest, a checkpoint or a benchmark comes from a download or a shared disk. A check
returns a safe value or raises ValueError with the cause; the reader of a file turns that into an
error about this file.
"""

import json
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NoReturn

LONGEST_NAME = 100
"""Characters in a name or a version: two of them, and what a temporary name adds, fit in a
file name of 255 bytes."""
LONGEST_PATH = 1024
"""Bytes in a path within a folder of ours."""
LARGEST_COUNT = 2**63 - 1
"""What Arrow and Parquet hold."""
NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.+-]*")
"""What may become a file name. Hex's own names, versions and git object ids all match."""
DIGEST = re.compile(r"[0-9a-f]{64}")
COMMIT = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
TIME = re.compile(r"[0-9]{4}-(?:0[1-9]|1[0-2])-[0-3][0-9](?:T[0-9:.]{5,20}(?:Z|[+-][0-9:]{5})?)?")
"""ISO 8601, a date alone or with a time."""
WORD = re.compile(r"[a-z][a-z0-9_]{0,63}")
"""What our own enumerations are made of."""


def parse_json(data: bytes | str) -> Any:
    """Parse JSON. Raises ValueError for anything else.

    That includes excessive nesting, for which `json.loads` raises RecursionError, repeated keys,
    and NaN and Infinity, which are not JSON.
    """
    try:
        return json.loads(data, object_pairs_hook=_object, parse_constant=_no_number)
    except RecursionError:
        raise ValueError("it nests too deeply") from None


def parse_object(data: bytes | str) -> dict[str, Any]:
    """Parse a JSON object. Raises ValueError for anything else."""
    value = parse_json(data)
    if not isinstance(value, dict):
        raise ValueError("it is no JSON object")
    return value


def _object(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("an object has a key twice")
    return found


def _no_number(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is no number of JSON")


def check_matches(pattern: re.Pattern[str], what: str, *values: object) -> None:
    """Raise ValueError unless every value is text that the whole pattern matches."""
    for value in values:
        if not isinstance(value, str) or not pattern.fullmatch(value):
            raise ValueError(f"{shown(value)} is no {what}")


def check_digest(*values: object) -> None:
    """Raise ValueError unless every value is a SHA-256 in lower-case hexadecimal."""
    check_matches(DIGEST, "SHA-256 digest", *values)


def check_name(what: str, value: object) -> None:
    """Raise ValueError unless a value may be a part of a path: no separator, no dot in front."""
    if not isinstance(value, str) or len(value) > LONGEST_NAME or not NAME.fullmatch(value):
        raise ValueError(
            f"{shown(value)} cannot be a {what}: up to {LONGEST_NAME} letters, digits and _.+- are "
            "allowed, beginning with a letter, digit or _"
        )


def check_package(what: str, value: object) -> None:
    """Raise ValueError unless a value may name a package: NAME, or OWNER/NAME as hosts have it.

    Below an owner a name does not end as the files of a store do, which stand beside owners.
    """
    owner, slash, name = value.rpartition("/") if isinstance(value, str) else ("", "", value)
    for part in (owner, name) if slash else (name,):
        check_name(what, part)
    if slash and str(name).endswith((".json", ".tar")):
        raise ValueError(f"{shown(value)} cannot be a {what}: it ends like a file of the store")


def check_counts(*values: object) -> None:
    """Raise ValueError unless every value is a whole number from 0 on that Arrow can hold."""
    for value in values:
        if type(value) is not int or not 0 <= value <= LARGEST_COUNT:
            raise ValueError(f"{shown(value)} is no count")


def check_text(*values: object) -> None:
    """Raise ValueError unless every value is text without characters that control a terminal."""
    for value in values:
        if not isinstance(value, str) or not value.isprintable():
            raise ValueError(f"{shown(value)} is no plain text")


def check_path(path: object) -> None:
    """Raise ValueError unless a path stays below the folder that it is taken from, on any system.

    That is what the text alone can tell; `below` also sees links.
    """
    if not isinstance(path, str) or not path.isprintable() or "\\" in path:
        raise ValueError(f"{shown(path)} is no path")
    parts = path.split("/")
    if any(part in ("", ".", "..") for part in parts) or re.match("[A-Za-z]:", path):
        raise ValueError(f"{shown(path)} is no path below its folder")
    if len(path.encode()) > LONGEST_PATH:
        raise ValueError(f"{shown(path)} is longer than {LONGEST_PATH} bytes")


def below(root: Path, path: str) -> Path:
    """Return where a path leads, links followed. Raises ValueError if that is not below `root`.

    A snapshot in the cache of huggingface_hub is links to the repository's own blobs, so those
    count as below it.
    """
    check_path(path)
    whole = root.resolve()
    found = (whole / path).resolve()
    if not found.is_relative_to(whole) or found == whole:
        if whole.parent.name == "snapshots" and found.parent == whole.parent.parent / "blobs":
            return found
        raise ValueError(f"{shown(path)} leads out of its folder")
    return found


def check_unique(what: str, values: Iterable[str]) -> None:
    """Raise ValueError if a value is repeated."""
    seen: set[str] = set()
    for value in values:
        if value in seen:
            raise ValueError(f"the {what} {shown(value)} stands twice")
        seen.add(value)


def shown(value: object) -> str:
    """Return a value as a message may show it: escaped and short."""
    text = ascii(value) if isinstance(value, str | int | float | None) else type(value).__name__
    return text if len(text) <= 100 else f"{text[:90]}..."


def quoted(text: str, longest: int, start: int = 0) -> str:
    """Return at most `longest` characters of a text from `start` on, as a message may quote them.

    A run of blanks becomes one space. A word is not cut unless it alone is longer than that.
    Invisible characters, and those that control a terminal, are escaped.
    """
    first, end = start, start + 2 * longest
    while max(0, first - longest) < start and not any(
        map(str.isspace, text[start - 1 : start + 1])
    ):
        start -= 1
    while end < len(text) and end < first + 3 * longest and not text[end].isspace():
        end += 1
    words = " ".join(text[start:end].split())
    if not words.isprintable():
        words = "".join(
            each if each.isprintable() else each.encode("unicode_escape").decode() for each in words
        )
    if len(words) <= longest:
        return words
    return words[: longest + 1].rpartition(" ")[0] or words[:longest]
