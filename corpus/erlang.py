"""Erlang source to its module and functions, through the grammar of tree-sitter-language-pack.

Forms lie flat in the tree, so this is one loop. Conditional forms (`-ifdef`) are taken as if all
of them held. A file without `-module`, such as a header, defines nothing by itself.
"""

import re
from collections.abc import Callable
from functools import cache
from typing import Final

from tree_sitter import Node, Parser

from corpus.extraction import (
    Behaviour,
    Callback,
    Clause,
    Evidence,
    Extraction,
    Function,
    Module,
    TypeDefinition,
)
from corpus.nesting import refuse_deep_brackets
from corpus.parsing import count_errors, parse

Doc = tuple[str, str | None]


def extract(source: bytes) -> Extraction:
    """Read the module, its exports, types, callbacks and functions.

    Any bytes will do: what the parser cannot read counts as `parse_errors` and the rest is
    extracted. Raises NestedTooDeeply and Unparsable like `corpus.elixir.extract`.
    """
    refuse_deep_brackets(source)
    root = _parse(source)
    forms = _Forms(source)
    for form in root.named_children:
        read = _READERS.get(form.type)
        if read is not None:
            read(forms, form)
    return forms.extraction(root)


def _parse(source: bytes) -> Node:
    """Parse once, or twice where `maybe` may be a plain atom.

    It is reserved since OTP 27 (EEP 49), and so in the grammar; until then it was a fine name for
    a type, as in rabbit_types. A stand-in of the same length keeps every offset.
    """
    root = parse(_parser(), source).root_node
    if not root.has_error or b"maybe(" not in source:
        return root
    other = parse(_parser(), source.replace(b"maybe(", b"mayb_(")).root_node
    return min(root, other, key=count_errors)


@cache
def _parser() -> Parser:
    import tree_sitter_language_pack

    return Parser(tree_sitter_language_pack.get_language("erlang"))


class _Function:
    """One function under way."""

    __slots__ = ("clauses", "doc")

    def __init__(self) -> None:
        self.clauses: list[Clause] = []
        self.doc: Doc | None = None


class _Forms:
    """What the forms of one file have said so far; `doc` waits for what it documents."""

    def __init__(self, source: bytes) -> None:
        self.source = source
        self.name: str | None = None
        self.start_line = 0
        self.moduledoc: Doc | None = None
        self.doc: Doc | None = None
        self.behaviours: dict[str, None] = {}
        self.exports: dict[tuple[str, int], None] = {}
        self.types: list[TypeDefinition] = []
        self.callbacks: list[tuple[str, int, int]] = []
        self.optional: set[tuple[str, int]] = set()
        self.specs: dict[tuple[str, int], list[str]] = {}
        self.functions: dict[tuple[str, int], _Function] = {}
        self.doc_spans: list[tuple[int, int]] = []

    def text(self, node: Node) -> str:
        return self.source[node.start_byte : node.end_byte].decode("utf-8", "replace")

    def atom(self, node: Node | None) -> str | None:
        """Return the name that an atom spells, without quotes; None for a macro or a variable."""
        if node is None or node.type != "atom":
            return None
        text = self.text(node)
        return text[1:-1] if text.startswith("'") else text

    def extraction(self, root: Node) -> Extraction:
        errors, spans = count_errors(root), tuple(self.doc_spans)
        if self.name is None:
            return Extraction(errors, (), (), spans)
        functions = tuple(self._function(self.name, *item) for item in self.functions.items())
        return Extraction(errors, (self._module(self.name, root),), functions, spans)

    def _module(self, name: str, root: Node) -> Module:
        last = root.named_children[-1].end_point.row + 1
        doc_kind, doc = self.moduledoc or (None, None)
        behaviours = tuple(Behaviour(each, Evidence.DIRECT, 1.0) for each in self.behaviours)
        callbacks = tuple(
            Callback(callback, arity, "callback", (callback, arity) in self.optional, line)
            for callback, arity, line in self.callbacks
        )
        return Module(
            name, "module", self.start_line, last, doc, doc_kind, (), behaviours,
            tuple(self.types), callbacks, tuple(self.exports),
        )  # fmt: skip

    def _function(self, module: str, key: tuple[str, int], function: _Function) -> Function:
        name, arity = key
        doc_kind, doc = function.doc or (None, None)
        specs = tuple(self.specs.get(key, ()))
        clauses = tuple(function.clauses)
        return Function(module, name, arity, 0, "function", clauses, doc, doc_kind, specs, None)


def _read_module(forms: _Forms, form: Node) -> None:
    name = forms.atom(form.child_by_field_name("name"))
    if name is not None and forms.name is None:
        forms.name, forms.start_line = name, form.start_point.row + 1


def _read_behaviour(forms: _Forms, form: Node) -> None:
    name = forms.atom(form.child_by_field_name("name"))
    if name is not None:
        forms.behaviours[name] = None


def _name_arities(forms: _Forms, nodes: list[Node]) -> list[tuple[str, int]]:
    """Read `[start/1, stop/0]`."""
    found = []
    for node in nodes:
        name = forms.atom(node.child_by_field_name("fun"))
        arity = node.child_by_field_name("arity")
        digits = "" if arity is None else forms.text(arity).lstrip("/").strip()
        if name is not None and re.fullmatch(r"[0-9]{1,3}", digits):
            found.append((name, int(digits)))
    return found


def _read_exports(forms: _Forms, form: Node) -> None:
    forms.exports.update(dict.fromkeys(_name_arities(forms, form.children_by_field_name("funs"))))


def _read_optional(forms: _Forms, form: Node) -> None:
    forms.optional.update(_name_arities(forms, form.children_by_field_name("callbacks")))


def _arity(arguments: Node | None) -> int:
    """Count arguments; a comment among them is none."""
    if arguments is None:
        return 0
    return sum(child.type != "comment" for child in arguments.named_children)


def _signature(forms: _Forms, form: Node) -> tuple[str, int] | None:
    """Read the name and arity of a `-spec` or `-callback`; None where it names another module."""
    name = forms.atom(form.child_by_field_name("fun"))
    first = form.child_by_field_name("sigs")
    module = forms.atom(_field(form.child_by_field_name("module"), "name"))
    if name is None or first is None or module not in (None, forms.name):
        return None
    return name, _arity(first.child_by_field_name("args"))


def _field(node: Node | None, name: str) -> Node | None:
    return None if node is None else node.child_by_field_name(name)


def _read_spec(forms: _Forms, form: Node) -> None:
    signature, name = _signature(forms, form), form.child_by_field_name("fun")
    signatures = form.children_by_field_name("sigs")
    if signature is not None and name is not None:
        text = forms.source[name.start_byte : signatures[-1].end_byte]
        forms.specs.setdefault(signature, []).append(text.decode("utf-8", "replace"))


def _read_callback(forms: _Forms, form: Node) -> None:
    signature = _signature(forms, form)
    forms.doc = None
    if signature is not None:
        forms.callbacks.append((*signature, form.start_point.row + 1))


def _read_type(forms: _Forms, form: Node) -> None:
    forms.doc = None
    head = form.child_by_field_name("name")
    name = forms.atom(_field(head, "name"))
    if name is not None:
        kind = "type" if form.type == "type_alias" else form.type
        arity = _arity(_field(head, "args"))
        forms.types.append(TypeDefinition(name, arity, kind, form.start_point.row + 1))


def _read_function(forms: _Forms, form: Node) -> None:
    """Read one clause: the grammar makes a form of each; its bytes include the `;` or `.`."""
    doc, forms.doc = forms.doc, None
    clause = form.child_by_field_name("clause")
    name = forms.atom(_field(clause, "name"))
    if clause is None or name is None:
        return
    arity = _arity(clause.child_by_field_name("args"))
    function = forms.functions.setdefault((name, arity), _Function())
    function.doc = doc or function.doc
    guard = clause.child_by_field_name("guard")
    text = None if guard is None else forms.text(guard)
    first, last = form.start_point.row + 1, form.end_point.row + 1
    function.clauses.append(Clause(first, last, form.start_byte, form.end_byte, text))


def _read_attribute(forms: _Forms, form: Node) -> None:
    """Read `-doc` and `-moduledoc` (OTP 27); a map is metadata and changes nothing."""
    name = forms.atom(_field(form.child_by_field_name("name"), "name"))
    value = form.child_by_field_name("value")
    if name not in ("doc", "moduledoc") or value is None:
        return
    forms.doc_spans.append((form.start_byte, form.end_byte))
    if value.type == "paren_expr":
        value = value.child_by_field_name("expr") or value
    if value.type == "map_expr":
        return
    doc = ("hidden", None) if value.type == "atom" else ("string", _literal(forms, value))
    if name == "doc":
        forms.doc = doc
    else:
        forms.moduledoc = doc


_STRING: Final = re.compile(r'(~[bBsS]?)?("{3,}[^\n"]*\n|")(.*?)(\n[ \t]*"{3,}|")\Z', re.DOTALL)
_ESCAPE: Final = re.compile(r"\\(?:x\{([0-9a-fA-F]+)\}|x([0-9a-fA-F]{2})|(.))", re.DOTALL)
_SINGLE: Final = {"n": "\n", "t": "\t", "r": "\r", "s": " ", "e": "\x1b", "d": "\x7f"}
"""The escapes that prose uses (Erlang reference manual, Escape Sequences)."""


def _literal(forms: _Forms, node: Node) -> str | None:
    """Return the value of a string literal; None for a file reference or an expression."""
    match = _STRING.match(forms.text(node)) if node.type == "string" else None
    if match is None:
        return None
    sigil, opening, body, closing = match.groups()
    if len(opening) > 1:
        body = re.sub(rf"^[ \t]{{1,{len(closing.strip(chr(34))) - 1}}}", "", body, flags=re.M)
    verbatim = len(opening) > 1 or sigil in ("~", "~B", "~S")
    return body if verbatim else _ESCAPE.sub(_character, body)


def _character(match: re.Match[str]) -> str:
    code = match.group(1) or match.group(2)
    if not code:
        return _SINGLE.get(match.group(3), match.group(3))
    value = int(code[:8], 16)
    return chr(value) if value <= 0x10FFFF and not 0xD800 <= value <= 0xDFFF else match.group()


_READERS: Final[dict[str, Callable[[_Forms, Node], None]]] = {
    "module_attribute": _read_module,
    "behaviour_attribute": _read_behaviour,
    "export_attribute": _read_exports,
    "optional_callbacks_attribute": _read_optional,
    "spec": _read_spec,
    "callback": _read_callback,
    "type_alias": _read_type,
    "opaque": _read_type,
    "nominal": _read_type,
    "fun_decl": _read_function,
    "wild_attribute": _read_attribute,
}
