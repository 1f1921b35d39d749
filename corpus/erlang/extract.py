"""From the bytes of one Erlang file to its module and functions, form by form.

Conditional forms (`-ifdef`) are read as if all conditions were true; functions have their branch. A
file without `-module`, such as a header, defines nothing by itself. Texts and quoted atoms have the
value that the compiler gives them: Erlang reference manual, Data Types (escape sequences,
triple-quoted strings, sigils; the latter two since OTP 27, EEP 64 and EEP 66).
"""

import re
from collections.abc import Callable
from typing import Final

from tree_sitter import Node

from corpus.erlang import edoc, grammar
from corpus.erlang.grammar import child, children
from corpus.erlang.processes import Reader as ProcessReader
from corpus.erlang.processes import is_of_processes
from corpus.erlang.record import FileRecord, Key
from corpus.erlang.repair import Mended, mend, root_of
from corpus.erlang_tokens import ESCAPE, escaped_character
from corpus.extraction import Clause, Extraction, TypeDefinition, new
from corpus.parsing import count_errors, refuse_deep_brackets, unread_bytes

Reader = Callable[[FileRecord, Node], None]

_NAME_AND_PARENTHESIS: Final = re.compile(rb"([a-z][a-zA-Z0-9_@]*)\(")
_PLAIN: Final = rb"[^()\[\]{}<>\"'$%~]*"
_LEAF: Final = rb"\"[^\"\\\n]*(?:\\.[^\"\\\n]*)*\"(?!\")|'[^'\\\n]*'|\$(?:\\.|[^\\])"
"""A string, a quoted atom or a character: tokens that may contain any mark."""


def _group(leaf: bytes, opening: bytes = rb"\[{", closing: bytes = rb"\]}") -> bytes:
    """Return a pattern for brackets, for matches of `leaf` inside them, and for a leaf."""
    inside = rb"%b(?:(?:%b)%b)*" % (_PLAIN, leaf, _PLAIN)
    return rb"[%b]%b[%b]|<<%b>>|%b" % (opening, inside, closing, inside, _LEAF)


_GROUP: Final = _group(_group(_LEAF))
_PLAIN_HEAD: Final = re.compile(
    rb"([a-z][a-zA-Z0-9_@]*)\((%b(?:(%b)%b)*)\)" % (_PLAIN, _GROUP, _PLAIN)
    + rb"[ \t\r\n]*(?:->|when[ \t\r\n]([^%\"'$-]*)->)"
)
"""A head whose arguments have no call, no comment, and at most two levels of brackets."""
_TYPE_GROUP: Final = _group(_group(_LEAF, rb"(\[{", rb")\]}"), rb"(\[{", rb")\]}")
_PLAIN_SPEC: Final = re.compile(
    rb"-spec[ \t]+(([a-z][a-zA-Z0-9_@]*)\((%b(?:(?:%b)%b)*)\)" % (_PLAIN, _TYPE_GROUP, _PLAIN)
    + rb"[ \t\r\n]*->[^%\x80-\xff]*[!-~])\.\Z"
)
"""A whole specification, under the same conditions, but its arguments may have calls of types."""
_GROUPS: Final = re.compile(_GROUP)
_TYPE_GROUPS: Final = re.compile(_TYPE_GROUP)
_STOPS: Final = frozenset(b".;")
_CONSTANT: Final = re.compile(
    rb"-define\([ \t]*([A-Za-z_]\w*)[ \t]*,[ \t\r\n]*([a-z][a-zA-Z0-9_@]*)[ \t]*\)"
)
_EXPORT_ALL: Final = re.compile(rb"\bexport_all\b")
_EXPORT: Final = re.compile(rb"([a-z][a-zA-Z0-9_@]*)/([0-9]{1,3})")
_EXPORTED: Final = re.compile(
    r"(?<![\w@])([a-z][a-zA-Z0-9_@]*)/([0-9]{1,3})(?=[ \t\r\n,\]])", re.ASCII
)


def extract(source: bytes) -> Extraction:
    """Read the module, its exports, types, callbacks and functions.

    Any bytes are accepted: code that the parser cannot read counts as `parse_errors` and
    `unread_bytes`, and the rest is extracted. Raises NestedTooDeeply and Unparsable like
    `corpus.elixir.extract`.
    """
    refuse_deep_brackets(source)
    root = root_of(source)
    mended, record = Mended(source, 0, 0), FileRecord(source, is_as_written=True)
    if root.has_error or not read_forms(record, root.named_children):
        mended, record = mend(source, root), FileRecord(source)
        root = root_of(mended.source)
        read_forms(record, root.named_children)
    errors = mended.errors + count_errors(root)
    unread = mended.unread + unread_bytes(root, mended.source)
    return record.extraction(errors, unread)


def parses(source: bytes) -> bool:
    """Return whether the grammar reads all of a text, be it forms, expressions or terms.

    Raises NestedTooDeeply and Unparsable.
    """
    refuse_deep_brackets(source)
    return not root_of(source).has_error


def _text(record: FileRecord, node: Node) -> str:
    return record.source[node.start_byte : node.end_byte].decode("utf-8", "replace")


def _atom(record: FileRecord, node: Node | None) -> str | None:
    """Return the name of an atom, without quotes; None for a macro or a variable."""
    if node is None or node.kind_id != grammar.ATOM:
        return None
    text = _text(record, node)
    if text.startswith("?"):  # In a repaired form, an atom may replace a macro.
        return record.name if text == "?MODULE" else None
    return unescaped(text[1:-1]) if text.startswith("'") else text


def _arity(record: FileRecord, arguments: Node | None) -> int:
    """Count arguments without comments."""
    if arguments is None:
        return 0
    if record.source.find(b"%", arguments.start_byte, arguments.end_byte) < 0:
        return arguments.named_child_count
    return sum(each.kind_id != grammar.COMMENT for each in arguments.named_children)


def _commas_and_one(arguments: bytes) -> int:
    """Count arguments without brackets and comments."""
    return arguments.count(b",") + 1 if arguments and not arguments.isspace() else 0


def _module(record: FileRecord, form: Node) -> None:
    name = _atom(record, child(form, grammar.NAME))
    if name is not None and record.name is None:
        record.name, record.start_line = name, form.start_point.row + 1
        if record.moduledoc is None and record.comments:
            record.moduledoc = record.take_comments()


def _behaviour(record: FileRecord, form: Node) -> None:
    node = child(form, grammar.NAME)
    name = _atom(record, node)
    if name is None and node is not None:
        name = _constant(record, node)
    if name is not None:
        record.behaviours[name] = None


def _constant(record: FileRecord, macro: Node) -> str | None:
    """Return the atom that the file defines a macro as: `-define(SUPERVISOR, supervisor2).`"""
    name = _text(record, macro)
    if not name.startswith("?"):
        return None
    if record.constants is None:
        found = _CONSTANT.findall(record.source)
        record.constants = {key.decode(): value.decode() for key, value in reversed(found)}
    return record.constants.get(name[1:])


def _name_arities(record: FileRecord, nodes: list[Node]) -> list[Key]:
    """Read `start/1`, `'start link'/2`."""
    found = [_name_arity(record, node) for node in nodes]
    return [key for key in found if key is not None]


def _name_arity(record: FileRecord, node: Node) -> Key | None:
    plain = _EXPORT.match(record.source, node.start_byte, node.end_byte)
    if plain is not None and plain.end() == node.end_byte:
        return plain.group(1).decode(), int(plain.group(2))
    name = _atom(record, child(node, grammar.FUNCTION))
    arity = child(node, grammar.ARITY)
    digits = "" if arity is None else _text(record, arity).lstrip("/").strip()
    if name is None or not re.fullmatch(r"[0-9]{1,3}", digits):
        return None
    return name, int(digits)


def _exports(record: FileRecord, form: Node) -> None:
    text = record.source[form.start_byte : form.end_byte].decode("utf-8", "replace")
    plain = _EXPORTED.findall(text) if record.is_as_written and text.isascii() else []
    if text.count("/") == len(plain) and not ("%" in text or "'" in text or "?" in text):
        record.exports.update({(name, int(arity)): None for name, arity in plain})
        return
    names = _name_arities(record, children(form, grammar.FUNCTIONS))
    record.exports.update(dict.fromkeys(names))


def _compile(record: FileRecord, form: Node) -> None:
    if _EXPORT_ALL.search(record.source, form.start_byte, form.end_byte):
        record.export_all = True


def _optional(record: FileRecord, form: Node) -> None:
    record.optional.update(_name_arities(record, children(form, grammar.CALLBACKS)))


def _signature(record: FileRecord, form: Node, function: Node | None) -> Key | None:
    """Read the name and arity of a `-spec` or `-callback`; None if it names another module."""
    name = _atom(record, function)
    first = child(form, grammar.SIGNATURES)
    module = _atom(record, child(child(form, grammar.MODULE), grammar.NAME))
    if name is None or first is None or module not in (None, record.name):
        return None
    return name, _arity(record, child(first, grammar.ARGUMENTS))


def _spec(record: FileRecord, form: Node) -> None:
    if record.is_as_written:
        plain = _PLAIN_SPEC.match(record.source, form.start_byte, form.end_byte)
        if plain is not None:
            text, name, arguments = plain.groups()
            key = name.decode(), _commas_and_one(_TYPE_GROUPS.sub(b"a", arguments))
            record.specs.setdefault(key, []).append((record.branch, text.decode()))
            return
    function = child(form, grammar.FUNCTION)
    signature = _signature(record, form, function)
    if signature is not None and function is not None:
        last = children(form, grammar.SIGNATURES)[-1]
        text = record.source[function.start_byte : last.end_byte]
        told = text.decode("utf-8", "replace")
        record.specs.setdefault(signature, []).append((record.branch, told))


def _callback(record: FileRecord, form: Node) -> None:
    signature = _signature(record, form, child(form, grammar.FUNCTION))
    record.doc = None
    if signature is not None:
        record.callbacks.append((*signature, form.start_point.row + 1))


def _type_reader(kind: str) -> Reader:
    def read(record: FileRecord, form: Node) -> None:
        record.doc = None
        head = child(form, grammar.NAME)
        name = _atom(record, child(head, grammar.NAME))
        if name is not None:
            arity = _arity(record, child(head, grammar.ARGUMENTS))
            record.types.append(TypeDefinition(name, arity, kind, form.start_point.row + 1))

    return read


def _attribute(record: FileRecord, form: Node) -> None:
    """Read `-doc` and `-moduledoc` (OTP 27); a map is metadata and changes nothing."""
    name = _atom(record, child(child(form, grammar.NAME), grammar.NAME))
    value = child(form, grammar.VALUE)
    if name not in ("doc", "moduledoc") or value is None:
        return
    record.doc_spans.append((form.start_byte, form.end_byte))
    if value.kind_id == grammar.PARENTHESES:
        value = child(value, grammar.EXPRESSION) or value
    if value.kind_id == grammar.MAP:
        return
    hidden = value.kind_id == grammar.ATOM
    doc = ("hidden", None) if hidden else ("string", _string(record, value))
    if name == "doc":
        record.doc = doc
    else:
        record.moduledoc = doc


def _condition(record: FileRecord, form: Node) -> None:
    """Read `-ifdef(TEST).`, `-else.` and similar forms."""
    word, _, rest = _text(record, form).strip("-. \t\r\n").partition("(")
    condition = " ".join([*word.split(), *rest.removesuffix(")").split()])
    if word.startswith("el"):
        record.next_branch(condition)
    else:
        record.begin_branch(condition)


def _end_condition(record: FileRecord, _: Node) -> None:
    record.end_branch()


def _string(record: FileRecord, node: Node) -> str | None:
    """Return the value of a string, or of several in a row; None for a file or an expression.

    The grammar reads an empty triple-quoted string as several.
    """
    if node.kind_id == grammar.STRING or record.source.startswith(b'"""', node.start_byte):
        return literal_text(_text(record, node))
    if node.kind_id != grammar.STRINGS:
        return None
    pieces = [each for each in node.named_children if each.kind_id != grammar.COMMENT]
    texts = [_string(record, each) for each in pieces]
    return None if None in texts else "".join(text for text in texts if text is not None)


_READERS: Final[dict[int, Reader]] = {
    grammar.kind(name): reader
    for name, reader in {
        "module_attribute": _module,
        "behaviour_attribute": _behaviour,
        "export_attribute": _exports,
        "compile_options_attribute": _compile,
        "optional_callbacks_attribute": _optional,
        "spec": _spec,
        "callback": _callback,
        "type_alias": _type_reader("type"),
        "opaque": _type_reader("opaque"),
        "nominal": _type_reader("nominal"),
        "wild_attribute": _attribute,
        **dict.fromkeys(("pp_ifdef", "pp_ifndef", "pp_if", "pp_elif", "pp_else"), _condition),
        "pp_endif": _end_condition,
    }.items()
}
"""Readers by the kind of the form; clauses of functions, the most frequent, are read in the loop.
"""


def read_forms(record: FileRecord, forms: list[Node]) -> bool:
    """Read the forms of a file; False if a clause continues in the next form.

    The grammar accepts that; a repaired tree is read to its end.
    """
    source, is_as_written = record.source, record.is_as_written
    count, head, has_edoc = source.count, _PLAIN_HEAD.match, edoc.MARK.search(source) is not None
    offset, line = 0, 1
    reader: ProcessReader | None = None
    behaviours = 0
    before, clauses = (b"", 0, record.branch), list[Clause]()
    function, comment, clause = grammar.FUNCTION_DECLARATION, grammar.COMMENT, Clause
    for form in forms:
        kind = form.kind_id
        if kind == function:
            start, end = form.start_byte, form.end_byte
            if is_as_written and source[end - 1] not in _STOPS and form is not forms[-1]:
                return False
            first = line + count(b"\n", offset, start)
            line = first + count(b"\n", start, end)
            offset = end
            if len(record.behaviours) != behaviours:
                behaviours = len(record.behaviours)
                if reader is None and is_of_processes(record.behaviours):
                    reader = ProcessReader(source, record.name)
            if reader is not None and reader.holds(start, end):
                reader.read(form, first, line)
            plain = head(source, start, end) if is_as_written else None
            name, arguments, group, guard = _NO_HEAD if plain is None else plain.groups()
            if plain is None or b"end" in arguments:  # `begin a, b end` is one argument.
                _unusual_function(record, form, (first, line, start, end))
            else:
                if group is not None:
                    arguments = _GROUPS.sub(b"a", arguments)
                arity = _commas_and_one(arguments)
                key = (name, arity, record.branch)
                if key != before or record.doc is not None:
                    before, clauses = key, record.clauses_of((name.decode(), arity))
                text = None if guard is None else guard.strip().decode("utf-8", "replace")
                clauses.append(new(clause, (first, line, start, end, text)))
        elif kind == comment:
            if has_edoc:
                record.comments.append(form)
            continue
        elif (read := _READERS.get(kind)) is not None:
            read(record, form)
        elif kind not in grammar.FORMS:
            record.other_bytes += form.end_byte - form.start_byte
        if has_edoc and kind not in _PASSED:
            record.comments.clear()
    if reader is not None:
        record.processes = reader.record.processes()
    record.last_line = line + count(b"\n", offset, len(source.rstrip()))
    return True


_NO_HEAD: Final = (b"", b"", None, None)
_PASSED: Final = frozenset(
    grammar.kind(name)
    for name in (
        *("spec", "callback", "type_alias", "opaque", "record_decl", "pp_define", "pp_undef"),
        *("pp_include", "pp_include_lib", "pp_ifdef", "pp_ifndef", "pp_if", "pp_elif", "pp_else"),
        "pp_endif",
    )
)
"""Forms that may stand between a comment and the function that it documents: EDoc keeps comments
over types and records (edoc_extract:collect/3) and does not see what is for the preprocessor.
"""


def _unusual_function(record: FileRecord, form: Node, place: tuple[int, int, int, int]) -> None:
    clause = form.child_by_field_id(grammar.CLAUSE)
    if clause is None or clause.kind_id != grammar.FUNCTION_CLAUSE:
        record.doc = None
        return
    plain = _NAME_AND_PARENTHESIS.match(record.source, place[2])
    name = plain.group(1).decode() if plain else _atom(record, child(clause, grammar.NAME))
    if name is None:
        record.doc = None
        return
    arity = _arity(record, clause.child_by_field_id(grammar.ARGUMENTS))
    guard = clause.child_by_field_id(grammar.GUARD)
    text = None if guard is None else _text(record, guard)
    record.clauses_of((name, arity)).append(Clause(*place, text))


_OPENING: Final = re.compile(r'(?:~([bBsS]?))?(?:("{3,})[^\n"]*\n|.)', re.DOTALL)
_VERBATIM: Final = frozenset("BS")


def literal_text(literal: str) -> str | None:
    """Return the value of one string literal, with or without a sigil; None for other nodes."""
    opening = _OPENING.match(literal)
    if opening is None:
        return None
    sigil, quotes = opening.groups()
    if quotes is None:
        text = literal[opening.end() : -1]
        return text if sigil in _VERBATIM else unescaped(text)
    text = _dedent(literal[opening.end() :], len(quotes))
    return unescaped(text) if sigil in ("b", "s") else text


def _dedent(text: str, quotes: int) -> str:
    """Drop the line of the closing quotes, the line break before it and its indentation."""
    body, _, last = text.rpartition("\n")
    margin = len(last) - quotes
    body = body.removesuffix("\r")
    return re.sub(rf"^[ \t]{{1,{margin}}}", "", body, flags=re.MULTILINE) if margin > 0 else body


def unescaped(text: str) -> str:
    """Resolve escape sequences; invalid ones stay as they are written."""
    return ESCAPE.sub(_character, text) if "\\" in text else text


def _character(match: re.Match[str]) -> str:
    try:
        return escaped_character(match)
    except ValueError:
        return match.group()
