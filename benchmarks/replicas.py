"""Copies of a store: the same packages with other names and other identifiers.

A copy parses as the original does, and is no near-duplicate of it: of the 1,977 sources of `make
real`, none gains a parse error and 9 stay similar (empty modules and tables of numbers). What a
filter leaves out, and what is no code, licences first of all, stays as it is.
"""

import hashlib
import re
from dataclasses import replace

from corpus.erlang_tokens import RESERVED
from corpus.filters import Limits, judge
from corpus.source import language_of
from corpus.sources import Member, open_hex_tarball
from corpus.store import Archive, ArchiveStore
from demo.hex_tarball import pack

NAMES = {
    "elixir": re.compile(rb"(?<![\w@#$\\/~?-])[a-z]\w{2,}"),
    "erlang": re.compile(rb"(?<![\w@#$\\/~-])[A-Za-z]\w+"),
}
"""Names that may be changed: not what a mark before them makes an attribute (`@doc`, `-spec`), a
part of a number (`16#ff`), a character (`$a`, `?a`), an escape, the name or a modifier of a sigil,
or a type in a binary (`/unsigned-little`). Elixir's modules keep their names, for what
they `use`."""
KEYWORDS = frozenset(
    b"alias and case catch cond def defdelegate defexception defguard defguardp defimpl defmacro "
    b"defmacrop defmodule defoverridable defp defprotocol defstruct else end false fun import "
    b"maybe nil not quote raise receive require rescue super true try unless unquote "
    b"unquote_splicing use when with".split()
) | {word.encode() for word in RESERVED}
"""Words that the grammars, or what is extracted, depend on."""
LIMITS = Limits()


def replicate(store: ArchiveStore, target: ArchiveStore, times: int) -> None:
    """Fill `target` with every archive `times` times, the first time unchanged but for its name."""
    for archive in store.archives():
        tarball = open_hex_tarball(store.read(archive))
        members = [member for member in tarball.members() if isinstance(member, Member)]
        for number in range(times):
            put(target, archive, f"{archive.name}_{number}", files(members, number))


def files(members: list[Member], number: int) -> dict[str, bytes]:
    """Return the files of one copy by path; number 0 is the original."""
    return {
        member.path: renamed(member.path, member.data, number) if number else member.data
        for member in members
    }


def renamed(path: str, data: bytes, number: int) -> bytes:
    """End every name in a source file in a number, so that shingles differ but syntax holds.

    Names keep their length, so that a copy takes the memory that the original does; those that are
    no longer than the number stay.
    """
    names = NAMES.get(language_of(path) or "")
    if names is None or judge(path, data, LIMITS):
        return data
    mark = b"%d" % number

    def change(match: re.Match[bytes]) -> bytes:
        name = match[0]
        if name in KEYWORDS or len(name) <= len(mark):  # it would become a number
            return name
        return name[: -len(mark)] + mark

    return names.sub(change, data)


def put(target: ArchiveStore, archive: Archive, name: str, contents: dict[str, bytes]) -> None:
    """Pack files and store them under a new name."""
    licenses = list(archive.licenses)
    body = pack({"name": name, "version": archive.version, "licenses": licenses}, contents)
    digest = hashlib.sha256(body).hexdigest()
    target.put(replace(archive, name=name, sha256=digest, bytes=len(body), links=()), body)
