"""What a module offers to packages that require it, as a short text.

The text has the first sentence of its documentation, the callbacks that it asks for, and its public
functions with their specifications. It reads as code, so that it can stand before the files of a
package that calls it.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypedDict

import pyarrow as pa
import pyarrow.compute as pc

from corpus.atomic import replacing
from corpus.parts import read_part, write_part
from corpus.precedence import in_order
from corpus.rows import FunctionRow, ModuleRow
from corpus.selection import of_kept
from corpus.store import Archive
from corpus.tables import INTERFACES, PLACES

LONGEST: Final = 4_000
"""Bytes of an interface; further functions are counted only."""
LONGEST_HEAD: Final = 300
"""Characters of the head of a function; of a longer one name and arity are told."""
LONGEST_SENTENCE: Final = 200
PUBLIC: Final = ("def", "defmacro", "defguard", "defdelegate")
_SENTENCE: Final = re.compile(r"[^\n]*?[.!?:](?=\s|$)|[^\n]+")
_BLANKS: Final = re.compile(r"\s+")
_HEAD: Final = re.compile(r"def[a-z]*\s+(?P<name>[^\s(,]+)")
_STRINGS: Final = ('"', "'")
_CLOSING: Final = {"(": ")", "[": "]", "{": "}"}
_ENDS: Final = re.compile(r"\s+do\b|\s*,|\s+when\b|\s*\n|\s*;")


class InterfaceRow(TypedDict):
    """A row of `tables.INTERFACES`."""

    archive_sha256: str
    purl: str
    document_id: str
    module: str
    split: str
    license_expression: str
    text: str
    tokens: int


@dataclass(frozen=True, slots=True)
class InterfaceTask:
    """The parts of one bundle, what archives require, and the file for the interfaces.

    There are none unless `is_wanted`.
    """

    documents: Path
    functions: Path
    kept: Path
    reach: Path
    destination: Path
    is_wanted: bool


def write_interfaces(task: InterfaceTask) -> None:
    """Write the interfaces of the modules of archives that others require.

    An existing file is not changed.
    """
    if task.destination.exists():
        return
    rows = list(_rows(task)) if task.is_wanted else []
    with replacing(task.destination) as temporary:
        write_part(pa.Table.from_pylist(rows, schema=INTERFACES), temporary)


def _rows(task: InterfaceTask) -> Iterator[InterfaceRow]:
    from corpus.tokens import count

    required = read_part(task.reach, ["required"])["required"].unique()
    names = [
        *("document_id", "archive_sha256", "purl", "language", "role", "path", "text"),
        *("modules", "license_expression"),
    ]
    documents = read_part(task.documents, names)
    documents = documents.filter(pc.is_in(documents["archive_sha256"], required))
    documents = documents.filter(pc.equal(documents["role"], "library"))
    documents = of_kept(documents, task.kept).sort_by("path")
    functions = read_part(task.functions)
    functions = functions.filter(pc.is_in(functions["document_id"], documents["document_id"]))
    owned = defaultdict[str, list[FunctionRow]](list)
    for function in functions.to_pylist():
        owned[function["document_id"]].append(function)
    for batch in documents.to_batches(256):
        for row in batch.to_pylist():
            told = interfaces(
                row["text"].encode(), row["language"], row["modules"], owned[row["document_id"]]
            )
            for (module, text), tokens in zip(told.items(), count(told.values()), strict=True):
                yield {
                    "archive_sha256": row["archive_sha256"],
                    "purl": row["purl"],
                    "document_id": row["document_id"],
                    "module": module,
                    "split": row["split"],
                    "license_expression": row["license_expression"],
                    "text": text,
                    "tokens": tokens,
                }


def write_places(
    archives: Sequence[Archive], reach: Path, parts: Sequence[Path], destination: Path
) -> None:
    """Write the place of each archive, behind those that it requires, and the part of its
    interfaces. An existing file is not changed.
    """
    if destination.exists():
        return
    needs = defaultdict[str, list[str]](list)
    edges = read_part(reach, ["archive_sha256", "required"]).to_pydict()
    for archive, required in zip(edges["archive_sha256"], edges["required"], strict=True):
        needs[archive].append(required)
    named = sorted(archives, key=lambda each: (each.source, each.name, each.version, each.sha256))
    order = in_order(list(dict.fromkeys(each.sha256 for each in named)), needs)
    part_of = {
        archive: number
        for number, path in enumerate(parts)
        for archive in read_part(path, ["archive_sha256"])["archive_sha256"].unique().to_pylist()
    }
    rows = [
        {"archive_sha256": archive, "place": place, "part": part_of.get(archive)}
        for place, archive in enumerate(order)
    ]
    with replacing(destination) as temporary:
        write_part(pa.Table.from_pylist(rows, schema=PLACES), temporary)


def interfaces(
    text: bytes, language: str, modules: Iterable[ModuleRow], functions: Iterable[FunctionRow]
) -> dict[str, str]:
    """Return the interface of each module of a file that is documented as public and offers any.

    Offsets in `functions` are into `text`.
    """
    if language not in ("elixir", "erlang"):
        return {}
    owned = defaultdict[str, list[FunctionRow]](list)
    for function in functions:
        if function["doc_kind"] != "hidden":
            owned[function["module"]].append(function)
    found = dict[str, str]()
    for module in modules:
        if module["doc_kind"] == "hidden" or module["kind"] == "defimpl":
            continue
        tell = _elixir if language == "elixir" else _erlang
        told = tell(text, module, owned[module["name"]])
        if told is not None:
            found.setdefault(module["name"], told)
    return found


def _elixir(text: bytes, module: ModuleRow, functions: Iterable[FunctionRow]) -> str | None:
    offered = [each for each in functions if each["kind"] in PUBLIC]
    if not offered and not module["callbacks"]:
        return None
    lines = [f"  # {sentence}" for sentence in _first_sentence(module)]
    lines += [f"  # @{each['kind']} {each['name']}/{each['arity']}" for each in module["callbacks"]]
    pieces = (
        "\n".join([*(f"  @spec {_flat(spec)}" for spec in each["specs"]), f"  {_head(text, each)}"])
        for each in offered
    )
    told = _within(len("".join(lines)), pieces, len(offered))
    name = module["name"]
    return "\n".join([f"{module['kind']} {name} do", *lines, *told, "end"]) + "\n"


def _erlang(text: bytes, module: ModuleRow, functions: Iterable[FunctionRow]) -> str | None:
    exported = {(each["name"], each["arity"]) for each in module["exports"]}
    offered = [each for each in functions if (each["name"], each["arity"]) in exported]
    if not offered and not module["callbacks"]:
        return None
    lines = [f"%% {sentence}" for sentence in _first_sentence(module)]
    lines += [f"%% {each['kind']} {each['name']}/{each['arity']}" for each in module["callbacks"]]
    pieces = (
        "\n".join(f"-spec {_flat(spec).removesuffix('.')}." for spec in each["specs"])
        or f"-export([{each['name']}/{each['arity']}])."
        for each in offered
    )
    told = _within(len("".join(lines)), pieces, len(offered), "%%")
    return "\n".join([f"-module({module['name']}).", *lines, *told]) + "\n"


def _within(used: int, pieces: Iterable[str], count: int, comment: str = "  #") -> Iterator[str]:
    """Yield pieces as long as there is room, then the number of the others."""
    for told, piece in enumerate(pieces):
        used += len(piece.encode())
        if used > LONGEST:
            yield f"{comment} and {count - told} more functions"
            return
        yield piece


def _first_sentence(module: ModuleRow) -> Iterator[str]:
    match = _SENTENCE.match((module["doc"] or "").strip())
    if match is not None and len(match[0]) <= LONGEST_SENTENCE:
        yield match[0]


def _flat(source: str) -> str:
    return _BLANKS.sub(" ", source).strip()


def _head(text: bytes, function: FunctionRow) -> str:
    """Return the head of a function's first clause on one line, without its guard."""
    clause = function["clauses"][0]
    source = text[clause["start_byte"] : clause["end_byte"]][: 4 * LONGEST_HEAD]
    head = _cut(source.decode("utf-8", "ignore"))
    if head is None or len(head) > LONGEST_HEAD:
        return f"# {function['kind']} {function['name']}/{function['arity']}"
    return head


def _cut(source: str) -> str | None:
    """Return a definition up to its body; None if it does not end within the text."""
    match = _HEAD.match(source)
    if match is None:
        return None
    at, expected = match.end(), list[str]()
    while at < len(source):
        character = source[at]
        if not expected and _ENDS.match(source, at):
            return _flat(source[:at])
        if character in _STRINGS:
            at = source.find(character, at + 1)
            if at < 0:
                return None
        elif character in _CLOSING:
            expected.append(_CLOSING[character])
        elif expected and character == expected[-1]:
            expected.pop()
        at += 1
    return None if expected else _flat(source)


def interfaces_of(
    wanted: Mapping[str, int | None], parts: Sequence[Path]
) -> dict[str, list[InterfaceRow]]:
    """Return the interfaces of archives, each with the number of the part that has them."""
    found = defaultdict[str, list[InterfaceRow]](list)
    for number in sorted({number for number in wanted.values() if number is not None}):
        archives = pa.array(sorted(name for name, at in wanted.items() if at == number))
        rows = read_part(parts[number])
        for row in rows.filter(pc.is_in(rows["archive_sha256"], archives)).to_pylist():
            found[row["archive_sha256"]].append(row)
    return found
