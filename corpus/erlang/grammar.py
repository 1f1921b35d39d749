"""The Erlang grammar of tree-sitter-language-pack: one parser, and node kinds and fields as ids.

Comparing small integers takes a third of the time of names, which are created for each access.
"""

from typing import Final

import tree_sitter_language_pack
from tree_sitter import Node, Parser

LANGUAGE: Final = tree_sitter_language_pack.get_language("erlang")
PARSER: Final = Parser(LANGUAGE)


def kind(name: str) -> int:
    """Return the id of a kind of named node; AssertionError if the grammar has none."""
    found = LANGUAGE.id_for_node_kind(name, True)
    assert found is not None, f"the grammar has no node kind {name!r}"
    return found


def _field(name: str) -> int:
    found = LANGUAGE.field_id_for_name(name)
    assert found is not None, f"the grammar has no field {name!r}"
    return found


ATOM: Final = kind("atom")
BINARY: Final = kind("binary_op_expr")
CALL: Final = kind("call")
COMMENT: Final = kind("comment")
DEFINE: Final = kind("pp_define")
FORMS: Final = frozenset(
    kind(name)
    for name in [
        "behaviour_attribute",
        "callback",
        "comment",
        "compile_options_attribute",
        "deprecated_attribute",
        "export_attribute",
        "export_type_attribute",
        "feature_attribute",
        "file_attribute",
        "fun_decl",
        "import_attribute",
        "module_attribute",
        "nominal",
        "opaque",
        "optional_callbacks_attribute",
        "pp_define",
        "pp_elif",
        "pp_else",
        "pp_endif",
        "pp_if",
        "pp_ifdef",
        "pp_ifndef",
        "pp_include",
        "pp_include_lib",
        "pp_undef",
        "record_decl",
        "shebang",
        "spec",
        "type_alias",
        "wild_attribute",
    ]
)
"""The forms of a file; the grammar also accepts expressions, such as terms and words of prose."""
FUNCTION_DECLARATION: Final = kind("fun_decl")
FUNCTION_CLAUSE: Final = kind("function_clause")
LIST: Final = kind("list")
MACRO: Final = kind("macro_call_expr")
MAP: Final = kind("map_expr")
MATCH: Final = kind("match_expr")
PARENTHESES: Final = kind("paren_expr")
RECORD: Final = kind("record_expr")
REMOTE: Final = kind("remote")
SPEC: Final = kind("spec")
STRING: Final = kind("string")
STRINGS: Final = kind("concatables")
TUPLE: Final = kind("tuple")
VARIABLE: Final = kind("var")

ARGUMENTS: Final = _field("args")
ARITY: Final = _field("arity")
BODY: Final = _field("body")
CALLBACKS: Final = _field("callbacks")
CLAUSE: Final = _field("clause")
EXPRESSION: Final = _field("expr")
FUNCTION: Final = _field("fun")
FUNCTIONS: Final = _field("funs")
GUARD: Final = _field("guard")
KEY: Final = _field("key")
LHS: Final = _field("lhs")
MODULE: Final = _field("module")
NAME: Final = _field("name")
RHS: Final = _field("rhs")
SIGNATURES: Final = _field("sigs")
VALUE: Final = _field("value")


def child(node: Node | None, field: int) -> Node | None:
    """Return the child in a field; None if there is none, or no node."""
    return None if node is None else node.child_by_field_id(field)


def children(node: Node, field: int) -> list[Node]:
    """Return all children in a field."""
    return node.children_by_field_id(field)
