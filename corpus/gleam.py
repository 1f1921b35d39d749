"""From the bytes of one Gleam file to its module, its documentation and its public functions.

Gleam is in the corpus as text, so functions have no rows of their own: the module lists the public
ones as exports. A module is named by its path below `src`, `test` or `dev`.
"""

import re
from functools import cache
from typing import Final

from tree_sitter import Node, Parser

from corpus.extraction import Extraction, Module
from corpus.parsing import count_errors, parse, refuse_deep_brackets, unread_bytes
from corpus.source import MOST_ARGUMENTS

_FOLDER: Final = re.compile(r"(?:.*/)?(?:src|test|dev)/(?=[^/])")


@cache
def _parser() -> Parser:
    import tree_sitter_language_pack

    return Parser(tree_sitter_language_pack.get_language("gleam"))


def extract(source: bytes, path: str = "") -> Extraction:
    """Read a Gleam file at a path of its package; without a path nothing names its module.

    Raises NestedTooDeeply, and Unparsable if the parser cannot finish.
    """
    refuse_deep_brackets(source)
    root = parse(_parser(), source).root_node
    errors = count_errors(root)
    unread = unread_bytes(root, source) if errors or root.has_error else 0
    doc, exports, spans = list[str](), dict[tuple[str, int], None](), list[tuple[int, int]]()
    for node in root.named_children:
        if node.type == "function":
            if (found := _public(source, node)) is not None:
                exports[found] = None
        elif node.type in ("module_comment", "statement_comment"):
            spans.append((node.start_byte, node.end_byte))
            if node.type == "module_comment":
                text = source[node.start_byte : node.end_byte].decode("utf-8", "replace")
                doc.append(text.removeprefix("////").removeprefix(" ").rstrip())
    name = module_name(path)
    if not name:
        return Extraction(errors, (), (), tuple(spans), unread)
    lines = max(1, source.count(b"\n") + (not source.endswith(b"\n")))
    told = "\n".join(doc).strip() or None
    kind = None if told is None else "string"
    listed = tuple(exports)
    module = Module(name, "module", 1, lines, told, kind, (), (), (), (), listed)
    return Extraction(errors, (module,), (), tuple(spans), unread)


def module_name(path: str) -> str:
    """Return the name of the module in a file: src/shop/cart.gleam is shop/cart."""
    return _FOLDER.sub("", path, count=1).removesuffix(".gleam")


def _public(source: bytes, node: Node) -> tuple[str, int] | None:
    """Return name and arity of a function that others can call; None for another."""
    name = node.child_by_field_name("name")
    parameters = node.child_by_field_name("parameters")
    if name is None or not any(c.type == "visibility_modifier" for c in node.named_children):
        return None
    arity = 0 if parameters is None else parameters.named_child_count
    if arity > MOST_ARGUMENTS:
        return None
    return source[name.start_byte : name.end_byte].decode("utf-8", "replace"), arity
