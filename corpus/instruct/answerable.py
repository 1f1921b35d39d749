"""What an answer needs from around it: found in its file, shown in the question, and checked.

A function is answerable if every name in it is explained by itself, by the question, by Kernel, or
by the module that it names. Private functions that it reaches become part of the answer as long as
that stays short; what is left is shown: directives, attributes, types, the struct, and the other
functions of the module that it calls. `unresolved` then reads the answer in what the question shows
as one file, and returns the names that are still unknown. It does not know how the question was
made.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from corpus.elixir import KERNEL, Signature, Surroundings, Uses
from corpus.elixir.layout import ModuleBody, Statement, module_bodies
from corpus.elixir.repair import read
from corpus.instruct.left_out import Left
from corpus.instruct.material import (
    Material,
    Package,
    clauses_of,
    dedented,
    documentation_of,
    line_start,
    spans_of,
)
from corpus.rows import FunctionRow, ModuleRow

MOST_INLINED = 8
"""Private functions that an answer takes along."""
LONGEST_SHOWN = 500
"""Characters of a helper that is shown whole; of longer ones the heads are shown."""
LONGEST_PIECE = 1_500
"""Characters of an attribute, a type or a struct that is shown."""
LONGEST_CONTEXT = 5_000
"""Characters of all that is shown around an answer."""
LONGEST_MODULE = 7_000
"""Characters of a module that is shown around a hole."""
IMPLEMENTS = re.compile(rb"\n[ \t]*@impl [\w.]+[ \t]*\r?\n\s*\Z")
"""An `@impl` before a function that is cut out."""
SEVERAL_BLANK = re.compile(r"\n[ \t]*\n(?:[ \t]*\n)+")
MOST_ELSEWHERE = 8
"""Functions of other modules of the package that a question tells of."""
MOST_ROUNDS = 20
"""Steps from an attribute or type to those that it uses."""
MOST_HEADS = 4
STANDARD = frozenset({"eex", "elixir", "ex_unit", "iex", "logger", "mix"})
"""Packages whose documented functions every user of Elixir can look up."""
SILENT_USES = frozenset({"Agent", "Application", "DynamicSupervisor", "GenServer", "Supervisor"})
"""Modules whose `use` brings no function that code of the module would call."""
HEAD = re.compile(r"(.{1,400}?)(?:\s+do\b(?!:)|,\s*do:)", re.DOTALL)
BOUND_AS = re.compile(r"\bas:\s*([A-Z]\w*)")
MANY = re.compile(r"\.\{([^}]*)\}", re.DOTALL)
SEGMENT = re.compile(r"[A-Z]\w*")
TYPE = re.compile(r"(?<![\w.@:%&])([a-z_]\w*)\(")
PLAIN_TYPE = re.compile(r"(?<![\w.@:%&])([a-z_]\w*)\b(?![\w(:.])")
NOT_CODE = re.compile(r'"(?:[^"\\]|\\.)*"')
WRITTEN_TYPE = re.compile(
    r"^[ \t]*@(?:spec|type|typep|opaque|callback) (.*(?:\n[ \t]+.*)*)", re.MULTILINE
)
TYPE_WORDS = """
    any none atom map pid port reference struct tuple float integer neg_integer non_neg_integer
    pos_integer list nonempty_list maybe_improper_list nonempty_improper_list
    nonempty_maybe_improper_list term arity as_boolean binary nonempty_binary bitstring
    nonempty_bitstring boolean byte char charlist nonempty_charlist fun function identifier iodata
    iolist keyword mfa module no_return node number timeout dynamic var optional required when or
    and not fn do end size unit nil true false
"""
TYPES = frozenset(TYPE_WORDS.split())
"""Types that need no definition (Elixir's page "Typespecs reference"), and words inside types."""


@dataclass(slots=True)
class Around:
    """What is shown around the answer: pieces of the module in order, and the place of the answer.

    `outer` stands before the module. `aliases` are the names of other modules that the answer uses
    under a name that a directive explains. `helpers` are the functions of the answer besides the
    one that is asked for.
    """

    module: str
    answer: str
    place: int
    pieces: list[tuple[int, str]] = field(default_factory=list)
    outer: list[str] = field(default_factory=list)
    aliases: frozenset[str] = frozenset()
    helpers: Sequence[FunctionRow] = ()
    elsewhere: Sequence[str] = ()

    def shown(self, hole: str) -> str:
        """Return the module with `hole` in place of the answer; empty if nothing is around it."""
        if not self.pieces and not self.outer:
            return ""
        return self._with(f"# {hole}")[0]

    def whole(self) -> tuple[str, tuple[tuple[int, int], ...]]:
        """Return the module with the answer in its place, and the byte range of the answer."""
        text, span = self._with(self.answer)
        return text, (span,)

    def _with(self, middle: str) -> tuple[str, tuple[int, int]]:
        before = [text for place, text in self.pieces if place < self.place]
        after = [text for place, text in self.pieces if place >= self.place]
        head = "".join(f"{each}\n" for each in self.outer) + ("\n" if self.outer else "")
        head += f"defmodule {self.module} do\n"
        head += "".join(f"{indented(each)}\n\n" for each in before)
        inside = indented(middle)
        tail = "".join(f"\n\n{indented(each)}" for each in after)
        start = len(head.encode())
        return f"{head}{inside}{tail}\nend", (start, start + len(inside.encode()))


def indented(source: str) -> str:
    """Return source indented as the content of a module."""
    return "\n".join(f"  {line}" if line else "" for line in source.split("\n"))


def around(
    package: Package,
    material: Material,
    function: FunctionRow,
    longest: int,
    *,
    with_specs: bool = True,
    hidden: Sequence[FunctionRow] = (),
) -> Around | Left:
    """Return what a function needs around it, with the private functions that it takes along.

    The answer has at most `longest` characters. With `with_specs`, the types of its specifications
    are shown. `hidden` functions are not shown although they are called.
    """
    body = body_of(material, function)
    if body is None:
        return Left.UNRESOLVED
    own = material.callable.get(function["module"], {})
    functions = taken_along(material, function, own, longest)
    functions.sort(key=lambda each: each["clauses"][0]["start_byte"])
    answer = "\n\n".join(clauses_of(material.text, each["clauses"]) for each in functions)
    spans = spans_of(functions)
    uses = material.surroundings.uses(spans, function["module"])
    found = Around(function["module"], answer, spans[0][0])
    found.helpers = [each for each in functions if each is not function]
    found.aliases = uses.aliases
    collector = _Collector(material, body, function["module"], found)
    collector.take(uses, [spec for each in functions for spec in each["specs"] if with_specs])
    taken = {id(each) for each in (*functions, *hidden)}
    collector.show_functions(uses, own, taken)
    if collector.is_over:
        return Left.TOO_LONG
    elsewhere = functions_elsewhere(package, material, body, uses)
    if len(elsewhere) > MOST_ELSEWHERE:
        return Left.TOO_MANY_NAMES
    found.elsewhere = elsewhere
    found.pieces.sort()
    return found


def surroundings(found: Around, hole: str) -> Iterator[str]:
    """Yield the parts of a question that tell what is around an answer."""
    if shown := found.shown(hole):
        yield f"What there is of the module:\n\n```elixir\n{shown}\n```"
    yield from told_elsewhere(found)


def told_elsewhere(found: Around) -> Iterator[str]:
    """Yield the part of a question that tells of functions of other modules, if there are any."""
    if found.elsewhere:
        listed = "\n".join(found.elsewhere)
        yield f"Other modules of the package have:\n\n{listed}"


def body_of(material: Material, function: FunctionRow) -> ModuleBody | None:
    """Return the body of a function's module, or None if it is written in an unusual way."""
    row = material.module_at(function["module"], function["clauses"][0]["start_byte"])
    if row is None or row["kind"] != "defmodule":
        return None
    return material.bodies.get(row["start_line"])


def outer_directives(material: Material, module: ModuleRow) -> str:
    """Return the directives before a module in its file, as lines before its source."""
    body = material.bodies.get(module["start_line"])
    around = () if body is None else body.around
    told = [dedented(material.text[each.start : each.end]) for each in around]
    return "".join(f"{each}\n" for each in told) + ("\n" if told else "")


def taken_along(
    material: Material,
    function: FunctionRow,
    own: Mapping[Signature, FunctionRow],
    longest: int,
) -> list[FunctionRow]:
    """Return a function with the private ones that it reaches, nearest first, if that is short."""
    found, waiting, size = [function], [function], size_of(function)
    while waiting:
        uses = material.surroundings.uses(spans_of([waiting.pop(0)]), function["module"])
        for call in sorted(uses.calls):
            helper = own.get(call)
            if helper is None or helper["kind"] != "defp" or any(helper is each for each in found):
                continue
            size += size_of(helper)
            if len(found) > MOST_INLINED or size > longest or helper["branch"] is not None:
                return [function]
            found.append(helper)
            waiting.append(helper)
    return found


def size_of(function: FunctionRow) -> int:
    """Return the bytes of a function's clauses."""
    return sum(each["end_byte"] - each["start_byte"] for each in function["clauses"])


class _Collector:
    """Collects pieces of one module, within the limits of length."""

    def __init__(self, material: Material, body: ModuleBody, module: str, found: Around) -> None:
        self._material, self._body, self._module, self._found = material, body, module, found
        self._seen: set[int] = set()
        self._names: set[str] = set()
        self._left = LONGEST_CONTEXT
        self.is_over = False

    def take(self, uses: Uses, specs: Sequence[str]) -> None:
        """Show what explains some uses and specifications: all but functions."""
        attributes = set(uses.attributes)
        types = type_names(specs)
        aliases, has_struct = set(uses.aliases) | first_segments(specs), uses.has_struct
        for _ in range(MOST_ROUNDS):
            fresh = [
                *(each for each in self._before("attribute") if each.name in attributes),
                *(each for each in self._body.of("type") if each.name in types),
                *(each for each in self._body.of("struct") if has_struct),
            ]
            fresh = [each for each in fresh if self._show(each)]
            if not fresh:
                break
            for each in fresh:
                inside = self._material.surroundings.uses([(each.start, each.end)], self._module)
                attributes |= inside.attributes
                text = self._text(each.start, each.end)
                aliases |= inside.aliases
                if each.kind == "type":
                    aliases |= first_segments([text])
                    types |= type_names([text])
        self._show_directives(aliases)
        for each in self._body.of("module"):
            if each.name.partition(".")[0] in aliases:
                self._add(each.start, f"defmodule {each.name} do\n  # ...\nend")

    def show_functions(
        self, uses: Uses, own: Mapping[Signature, FunctionRow], taken: set[int]
    ) -> None:
        """Show the functions of the module that are called and not among those `taken`."""
        for call in sorted(uses.calls):
            function = own.get(call)
            if function is not None and id(function) not in taken:
                taken.add(id(function))
                self._add(function["clauses"][0]["start_byte"], told(self._material, function))

    def _before(self, kind: str) -> Iterator[Statement]:
        return (each for each in self._body.of(kind) if each.start < self._found.place)

    def _show_directives(self, aliases: set[str]) -> None:
        for each in self._body.around:
            if self._is_used(each, aliases) and each.start not in self._seen:
                self._seen.add(each.start)
                self._found.outer.append(self._text(each.start, each.end))
        for each in self._body.statements:
            if each.kind in ("alias", "import", "require", "use") and self._is_used(each, aliases):
                self._show(each)

    def _is_used(self, directive: Statement, aliases: set[str]) -> bool:
        if directive.end - directive.start > LONGEST_PIECE:
            return False
        if directive.kind in ("use", "import"):
            return True
        text = self._text(directive.start, directive.end)
        bound = bound_names(text)
        if directive.kind == "require" and "as:" not in text:
            return bool(set(SEGMENT.findall(self._found.answer)) & bound)
        return bool(aliases & bound)

    def _show(self, statement: Statement) -> bool:
        if statement.start in self._seen:
            return False
        self._seen.add(statement.start)
        if statement.end - statement.start > 2 * LONGEST_PIECE:
            self.is_over = True
            return False
        self._add(statement.start, self._text(statement.start, statement.end))
        return True

    def _add(self, place: int, text: str) -> None:
        self._left -= len(text)
        if len(text) > LONGEST_PIECE or self._left < 0:
            self.is_over = True
        else:
            self._found.pieces.append((place, text))

    def _text(self, start: int, end: int) -> str:
        return dedented(self._material.text[line_start(self._material.text, start) : end])


def bound_names(directive: str) -> set[str]:
    """Return the names that an `alias` or `require` makes usable."""
    if renamed := BOUND_AS.search(directive):
        return {renamed[1]}
    if many := MANY.search(directive):
        return {each.strip().rpartition(".")[2] for each in many[1].split(",")}
    return set(SEGMENT.findall(directive)[-1:])


def first_segments(texts: Sequence[str]) -> set[str]:
    """Return the first parts of the module names in types."""
    return {each for text in texts for each in re.findall(r"(?<![\w.])([A-Z]\w*)", text)}


def type_names(texts: Sequence[str]) -> set[str]:
    """Return the names in types that are no built-in types."""
    found: set[str] = set()
    for text in texts:
        code = NOT_CODE.sub('""', text)
        found |= {*TYPE.findall(code), *PLAIN_TYPE.findall(code)}
    return found - TYPES


def told(material: Material, function: FunctionRow) -> str:
    """Return a function as a question shows it: whole if it is short, else its heads."""
    source = clauses_of(material.text, function["clauses"])
    specs = "".join(f"@spec {each}\n" for each in function["specs"][:MOST_HEADS])
    if len(source) <= LONGEST_SHOWN:
        return specs + source
    return specs + "\n\n".join(heads_of(material, function))


def heads_of(material: Material, function: FunctionRow) -> list[str]:
    """Return the heads of a function's clauses, each with an empty body."""
    found = []
    for clause in function["clauses"][:MOST_HEADS]:
        text = clauses_of(material.text, [clause])
        head = HEAD.match(text)
        found.append(f"{head[1]} do\n  # ...\nend" if head else text.partition("\n")[0])
    if (more := len(function["clauses"]) - MOST_HEADS) > 0:
        found.append(f"# ... and {more} more {'clause' if more == 1 else 'clauses'}")
    return found


def functions_elsewhere(
    package: Package, material: Material, body: ModuleBody, uses: Uses
) -> list[str]:
    """Return what the answer calls in other modules of its package, each as a line of a list."""
    names: dict[str, str] = {}
    for each in (*body.around, *(each for each in body.statements if each.kind == "alias")):
        if each.kind == "alias":
            names.update(full_names(material.text[each.start : each.end].decode()))
    found: dict[str, None] = {}
    for called, arity in sorted(uses.remote):
        module, _, name = called.rpartition(".")
        first, dot, rest = module.partition(".")
        module = names.get(first, first) + dot + rest
        for function in package.public.get((module, name), ()):
            if not function["arity"] - function["defaults"] <= arity <= function["arity"]:
                continue
            if material.package in STANDARD and function["doc_kind"] == "string":
                continue
            spec = f" with `@spec {function['specs'][0]}`" if function["specs"] else ""
            about = documentation_of(function).partition("\n\n")[0].replace("\n", " ")
            about = f": {about}" if 0 < len(about) <= 200 else ""
            found[f"- `{module}.{name}/{function['arity']}`{spec}{about}"] = None
            break
    return list(found)


def full_names(directive: str) -> Iterator[tuple[str, str]]:
    """Yield the short and the full name of what an `alias` explains."""
    match = re.match(r"alias\s*\(?\s*([A-Z][\w.]*)", directive)
    if match is None:
        return
    base = match[1].rstrip(".")
    if many := MANY.search(directive):
        for each in many[1].split(","):
            name = each.strip()
            yield name.rpartition(".")[2], f"{base}.{name}"
    elif renamed := BOUND_AS.search(directive):
        yield renamed[1], base
    else:
        yield base.rpartition(".")[2], base


def unresolved(
    whole: str,
    spans: Sequence[tuple[int, int]],
    module: str,
    aliases: frozenset[str],
) -> list[str]:
    """Return the names in `spans` that the file `whole` does not explain, sorted.

    `aliases` are names that a directive explained where the answer comes from; the same has to hold
    here. Raises Unparsable.
    """
    source = whole.encode()
    root = read(source).root
    surroundings = Surroundings(source, ((0, len(source)),), root)
    bodies = module_bodies(source, root)
    defined, attributes, types, has_struct, brings = _explained(source, bodies)
    uses = surroundings.uses(spans, module)
    found = {
        f"{name}/{arity}"
        for name, arity in uses.certain
        if name not in KERNEL and (name, arity) not in defined and not brings
    }
    found |= {f"@{name}" for name in uses.attributes - attributes}
    if uses.has_struct and not has_struct:
        found.add("%__MODULE__{}")
    known = set(uses.aliases) | {name for name in aliases if _is_own(source, name, spans)}
    found |= set(aliases) - known
    for start, end in spans:
        inside = source[start:end].decode("utf-8", "replace")
        written = WRITTEN_TYPE.findall(inside)
        called = {name for each in written for name in TYPE.findall(NOT_CODE.sub('""', each))}
        named = {each.partition("(")[0] for each in written}
        unknown = called - TYPES - types - named - _type_variables(written)
        found |= {f"{name}()" for name in unknown}
    return sorted(found)


def _type_variables(specs: Sequence[str]) -> set[str]:
    return {name for spec in specs for name in re.findall(r"\b(\w+):", spec)}


def _is_own(source: bytes, name: str, spans: Sequence[tuple[int, int]]) -> bool:
    """Return whether the answer itself has the directive or the module that explains a name."""
    explains = re.compile(
        rb"\b(?:alias|require|defmodule)\b[^\n]*\b%b\b" % re.escape(name.encode())
    )
    return any(explains.search(source, start, end) for start, end in spans)


def _explained(
    source: bytes, bodies: Sequence[ModuleBody]
) -> tuple[set[Signature], set[str], set[str], bool, bool]:
    """Return the functions, attributes and types of a file, and whether it defines a struct.

    The last value says whether a directive may bring functions of any name.
    """
    defined: set[Signature] = set()
    attributes: set[str] = set()
    types: set[str] = set()
    has_struct = brings = False
    for body in bodies:
        for each in body.around:
            brings = brings or each.kind == "import"
        for each in body.statements:
            if each.kind == "function":
                first = each.arity - each.defaults
                defined |= {(each.name, arity) for arity in range(first, each.arity + 1)}
            elif each.kind == "attribute":
                attributes.add(each.name)
            elif each.kind == "type":
                types.add(each.name)
            elif each.kind == "struct":
                has_struct = True
            elif each.kind == "import" or (each.kind == "use" and each.name not in SILENT_USES):
                brings = True
    return defined, attributes, types, has_struct, brings


@dataclass(frozen=True, slots=True)
class Hole:
    """A module without some of its functions: what is shown, what is missing, and the whole."""

    shown: str
    answer: str
    whole: str
    spans: tuple[tuple[int, int], ...]


def cut_out(
    material: Material,
    module: ModuleRow,
    functions: Sequence[FunctionRow],
    comment: str,
    longest: int = LONGEST_MODULE,
) -> Hole | Left:
    """Return a module without some functions; `comment` stands where the first of them was.

    The directives before the module are shown as well. What the functions use is in the rest of the
    module, or in the module that they name.
    """
    starts, text = material.line_starts, material.text
    start, end = starts[module["start_line"] - 1], starts[module["end_line"]] - 1
    if end - start > 2 * longest:
        return Left.TOO_LONG
    outer = outer_directives(material, module)
    spans = [(line_start(text, first), last) for first, last in spans_of(functions)]
    first_line = text[spans[0][0] : spans[0][0] + 200]
    indentation = " " * (len(first_line) - len(first_line.lstrip(b" ")))
    pieces, position = [], start
    for number, (first, last) in enumerate(spans):
        pieces.append(IMPLEMENTS.sub(b"\n", text[position:first]))
        if number == 0:
            pieces.append(f"{indentation}# {comment}".encode())
        position = last
    pieces.append(text[position:end])
    shown = SEVERAL_BLANK.sub("\n\n", outer + dedented(b"".join(pieces)))
    if len(shown) > longest:
        return Left.TOO_LONG
    answer = "\n\n".join(
        (f"@impl {each['impl']}\n" if each["impl"] else "") + clauses_of(text, each["clauses"])
        for each in functions
    )
    head = outer.encode()
    whole = head + text[start:end]
    shifted = tuple((first - start + len(head), last - start + len(head)) for first, last in spans)
    return Hole(shown, answer, whole.decode("utf-8", "replace"), shifted)
