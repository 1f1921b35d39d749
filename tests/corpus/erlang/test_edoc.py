import pytest

from corpus.erlang import extract
from corpus.fingerprint import fingerprint


def docs(source: str) -> dict[str, tuple[str | None, str | None]]:
    return {
        function.name: (function.doc_kind, function.doc)
        for function in extract(f"-module(m).\n{source}\n".encode()).functions
    }


@pytest.mark.parametrize(
    ("comment", "doc"),
    [
        ("%% @doc Adds one.", "Adds one."),
        ("% @doc Adds\n%  one.", "Adds\none."),
        ("%% @doc\n%% Adds one.\n%%   <pre>f(1)</pre>\n%% @end", "Adds one.\n  <pre>f(1)</pre>"),
        ("%%-----\n%% @doc Adds one.\n%%\n%% More.\n%%-----", "Adds one.\n\nMore."),
        ("%% @spec f(integer()) -> integer()\n%% @doc Adds one.\n%% @see g/0", "Adds one."),
        ("%% Not this.\n%% @doc: Adds {@link g}.\n%% TODO: more", "Adds {@link g}."),
        ("%% @doc For nobody.\n\n%% @doc Adds one.", "Adds one."),
        ("%% @doc Adds one.\n\n%% A note.", "Adds one."),
        ("%%\t@doc Übersetzt.\r", "Übersetzt."),
        ("%% @doc Adds one.\n-spec f(integer()) -> integer().", "Adds one."),
        ("-spec f(integer()) -> integer().\n%% @doc Adds one.", "Adds one."),
        ("%% @doc Adds one.\n-type t() :: a.\n-opaque u() :: b.\n-record(r, {a}).", "Adds one."),
        ("%% @doc Adds one.\n-ifdef(A).\n-define(B, 1).\n-endif.\n-undef(B).", "Adds one."),
        ('%% @doc Adds one.\n-include("a.hrl").\n-callback g() -> ok.', "Adds one."),
    ],
)
def test_a_comment_with_a_doc_tag_documents_the_function_below(comment: str, doc: str) -> None:
    assert docs(f"{comment}\nf(X) -> X + 1;\n%% @doc Not this.\nf(_) -> 0.\ng() -> 1.") == {
        "f": ("string", doc),
        "g": (None, None),
    }


@pytest.mark.parametrize(
    "comment",
    [
        "%% Adds one; @doc is a tag.",
        "%% @doc",
        "%% @documented Adds one.",
        "%% me@doc Adds one.",
        "%% @equiv g()",
        "%% @doc Of an export.\n-export([f/1]).",
        "%% @doc Of an attribute.\n-author(ada).",
        "%% @doc Of another.\ne() -> ok.",
        "e() -> ok. %% @doc Of e.",
        'e() -> "\n%% @doc A text.\n".',
    ],
)
def test_other_comments_document_nothing(comment: str) -> None:
    assert docs(f"{comment}\nf(X) -> X + 1.")["f"] == (None, None)


def test_private_and_hidden_functions_are_hidden() -> None:
    source = "%% @private\nf() -> 1.\n%% @doc Odd.\n%% @hidden\ng() -> 1.\n%% @private_x\nh() -> 1."
    assert docs(source) == {"f": ("hidden", None), "g": ("hidden", None), "h": (None, None)}


def test_an_attribute_has_precedence_over_a_comment() -> None:
    assert docs('%% @doc Old.\n-doc "New.".\nf() -> 1.') == {"f": ("string", "New.")}


def test_the_comment_above_the_module_attribute_documents_the_module() -> None:
    head = b"%% Copyright.\n\n%% @author me\n%% @doc About m.\n%%   More.\n%% @end\n"
    (module,) = extract(head + b"-module(m).\n").modules
    assert (module.doc_kind, module.doc) == ("string", "About m.\nMore.")
    (hidden,) = extract(b"%% @hidden\n-module(m).\n").modules
    assert (hidden.doc_kind, hidden.doc) == ("hidden", None)
    (newer,) = extract(head + b'-module(m).\n-moduledoc "New.".\n').modules
    assert newer.doc == "New."


def test_documenting_comments_are_prose_to_those_who_compare_code() -> None:
    plain = b"-module(m).\nf() -> 1.\n"
    source = b"-module(m).\n%% @doc One.\n%% More.\nf() -> 1.\n"
    found = extract(source)
    assert [source[start:end] for start, end in found.doc_spans] == [b"%% @doc One.", b"%% More."]
    assert (
        fingerprint(source, "erlang", found.doc_spans).normalized_id
        == fingerprint(plain, "erlang", ()).normalized_id
    )
