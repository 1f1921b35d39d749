"""Which modules a file defines and names, for the order of the files of a package.

Names are found with regular expressions in the text without comments and documentation, and are
expanded by the file's aliases. A name that is found wrongly changes an order, and nothing else.
All expressions take time linear in the text.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from posixpath import basename
from typing import Final

from corpus.fingerprint import comment_spans

_A: Final = rb"[A-Z][\w\x80-\xff]*(?:\.[A-Z][\w\x80-\xff]*)*"
_NAME: Final = rb"(?:__MODULE__\.)?%b" % _A
_MENTIONED: Final = re.compile(rb"(?<![\w.:@?~])%b" % _NAME)
_NEEDED: Final = (
    re.compile(rb"(?<![\w.:@])(?:use|import|require|defimpl)[ \t(]+(%b)" % _NAME),
    re.compile(rb"@behaviour[ \t(]+(%b)" % _NAME),
    re.compile(rb"%%(%b)\{" % _NAME),
)
"""What is needed to compile a file: macros, protocols, behaviours and structs."""
_ALIAS: Final = re.compile(
    rb"(?<![\w.:@])alias[ \t(]+(?P<base>__MODULE__|%(name)b)"
    rb"(?:\.\{(?P<several>[^{}]{0,4000})\}|[ \t]*,[ \t]*as:[ \t]*(?P<as>%(a)b))?"
    % {b"name": _NAME, b"a": _A}
)
_DOCUMENTATION: Final = re.compile(
    rb"@(?:module|type)?doc[ \t(]+(?:~[sS])?(?P<quote>\"\"\"|''')[ \t]*\r?\n"
)
_ATOM: Final = rb"[a-z][\w@]*"
_ERLANG_MENTIONED: Final = re.compile(rb"(?<![\w@'.])(%b):%b[(/]" % (_ATOM, _ATOM))
_ERLANG_NEEDED: Final = (
    re.compile(rb"^-behaviou?r\(\s*(%b)" % _ATOM, re.MULTILINE),
    re.compile(rb"^-import\(\s*(%b)" % _ATOM, re.MULTILINE),
    re.compile(rb"\{\s*parse_transform\s*,\s*(%b)" % _ATOM),
)
_INCLUDED: Final = re.compile(rb"^-include(?:_lib)?\(\s*\"([^\"\r\n]{1,400})\"", re.MULTILINE)
_CALLED_IN_ERLANG: Final = re.compile(rb"(?<![\w:]):(%b)\.%b" % (_ATOM, _ATOM))
_TEMPLATES: Final = ("heex", "eex")


@dataclass(frozen=True, slots=True)
class References:
    """The names that a file needs to be compiled, and all other names in it.

    Modules of Elixir are written `Plug.Conn`, modules of Erlang `gen_server`, header files as
    `records.hrl`.
    """

    needed: frozenset[str]
    mentioned: frozenset[str]


NOTHING: Final = References(frozenset(), frozenset())


def references(text: bytes, language: str, modules: Sequence[str]) -> References:
    """Return what a file names; `modules` are those that it defines.

    A language without modules names nothing.
    """
    if language == "elixir":
        return _of_elixir(_code(text, language), modules)
    if language == "erlang":
        return _of_erlang(_code(text, language), modules)
    if language in _TEMPLATES:
        return References(frozenset(), frozenset(_names(_MENTIONED.findall(text))))
    return NOTHING


def defined(path: str, modules: Iterable[str]) -> tuple[str, ...]:
    """Return the names under which other files name a file."""
    return (*modules, basename(path)) if path.endswith(".hrl") else tuple(modules)


def _of_elixir(code: bytes, modules: Sequence[str]) -> References:
    aliases = _aliases(code, modules)

    def expanded(found: Iterable[bytes]) -> Iterator[str]:
        for name in _names(set(found)):
            first, dot, rest = name.partition(".")
            yield aliases[first] + dot + rest if first in aliases else name

    needed = set(expanded(chain.from_iterable(each.findall(code) for each in _NEEDED)))
    mentioned = {*expanded(_MENTIONED.findall(code)), *_names(_CALLED_IN_ERLANG.findall(code))}
    mentioned |= {target for alias, target in aliases.items() if alias != "__MODULE__"}
    own = {*modules}
    return References(frozenset(needed - own), frozenset(mentioned - needed - own))


def _aliases(code: bytes, modules: Sequence[str]) -> dict[str, str]:
    """Return what each alias of a file stands for: nested modules, then `alias` in any scope."""
    found = {"__MODULE__": modules[0]} if modules else {}
    own = {*modules}
    for module in modules:
        parent, _, last = module.rpartition(".")
        if parent in own:
            found[last] = module
    for match in _ALIAS.finditer(code):
        base = match["base"].decode("utf-8", "replace")
        if base.startswith("__MODULE__"):
            if not modules:
                continue
            base = modules[0] + base.removeprefix("__MODULE__")
        if match["several"] is not None:
            for name in _names(_MENTIONED.findall(match["several"])):
                found[name.rpartition(".")[2]] = f"{base}.{name}"
        elif match["as"] is not None:
            found[match["as"].decode("utf-8", "replace")] = base
        else:
            found[base.rpartition(".")[2]] = base
    return found


def _of_erlang(code: bytes, modules: Sequence[str]) -> References:
    included = {basename(path) for path in _names(_INCLUDED.findall(code))}
    needed = included.union(*(_names(each.findall(code)) for each in _ERLANG_NEEDED))
    mentioned = set(_names(_ERLANG_MENTIONED.findall(code)))
    own = {*modules}
    return References(frozenset(needed - own), frozenset(mentioned - needed - own))


def _names(found: Iterable[bytes]) -> Iterator[str]:
    return (name.decode("utf-8", "replace") for name in found)


def _code(text: bytes, language: str) -> bytes:
    """Return a text without its comments and the heredocs of its documentation."""
    kept, at = [], 0
    for start, end in comment_spans(text, language):
        kept.append(text[at:start])
        at = end
    code = b"".join((*kept, text[at:]))
    return b"".join(_without_documentation(code)) if language == "elixir" else code


def _without_documentation(code: bytes) -> Iterator[bytes]:
    at = 0
    while (match := _DOCUMENTATION.search(code, at)) is not None:
        yield code[at : match.start()]
        end = code.find(match["quote"], match.end())
        if end < 0:
            return
        at = end + 3
    yield code[at:]
