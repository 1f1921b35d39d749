import time
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from corpus.erlang_terms import Atom, MalformedTerms, Map, Term, Unkept, consult

CHARACTERS = st.characters(exclude_categories=["Cs"])
SCALARS: st.SearchStrategy[Term] = st.one_of(
    st.integers(-(10**30), 10**30),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(CHARACTERS, max_size=8),
    st.binary(max_size=8),
    st.text(CHARACTERS, max_size=8).map(Atom),
)


def nested(inner: st.SearchStrategy[Term]) -> st.SearchStrategy[Term]:
    pairs = st.lists(st.tuples(inner, inner), max_size=3)
    return st.one_of(
        st.lists(inner, max_size=4),
        st.lists(inner, max_size=4).map(tuple),
        pairs.map(lambda items: Map(tuple(items))),
    )


TERMS = st.recursive(SCALARS, nested, max_leaves=20)


def printed(term: Term) -> str:
    """Print a term the way Erlang would, without its line breaks."""
    match term:
        case Map():
            pairs = (f"{printed(key)} => {printed(value)}" for key, value in term.pairs)
            return f"#{{{', '.join(pairs)}}}"
        case Atom():
            return quoted(term, "'")
        case str():
            return quoted(term, '"')
        case bytes():
            return f"<<{','.join(map(str, term))}>>"
        case list():
            return f"[{','.join(map(printed, term))}]"
        case tuple():
            return f"{{{','.join(map(printed, term))}}}"
        case float():
            mantissa, _, exponent = f"{term:.17e}".partition("e")
            return f"{mantissa}e{exponent}"
        case _:
            return str(term)


def quoted(text: str, quote: str) -> str:
    return quote + text.replace("\\", "\\\\").replace(quote, f"\\{quote}") + quote


@given(st.lists(TERMS, max_size=4))
def test_what_is_printed_is_read_back(terms: list[Term]) -> None:
    text = "".join(f"{printed(term)}.\n" for term in terms)
    read = consult(text.encode())
    assert read == terms
    assert list(map(printed, read)) == list(map(printed, terms))


@given(st.text(CHARACTERS))
def test_any_text_is_terms_or_malformed(text: str) -> None:
    with suppress(MalformedTerms):
        consult(text.encode())


def test_metadata_as_the_reference_prints_it() -> None:
    data = (
        '%% a comment. {"not", "a", "term"}.\n'
        '{<<"name">>,<<"decimal">>}.\n'
        '{<<"requirements">>,\n'
        ' [{<<"ecto">>,\n'
        '   [{<<"optional">>,false},{<<"requirement">>,<<"~> 3.0">>}]}]}.\n'
        '{<<"description">>,<<"A long text, wrapped "\n  "by the printer: é"/utf8>>}.\n'
    )
    assert consult(data.encode()) == [
        (b"name", b"decimal"),
        (
            b"requirements",
            [(b"ecto", [(b"optional", Atom("false")), (b"requirement", b"~> 3.0")])],
        ),
        (b"description", "A long text, wrapped by the printer: é".encode()),
    ]


@pytest.mark.parametrize(
    ("text", "term"),
    [
        ("-12", -12),
        ("+1_000", 1000),
        ("16#fF", 255),
        ("1.5e-3", 0.0015),
        ("$a", 97),
        ("$\\n", 10),
        ("$ ", 32),
        ("foo@Bar_1", Atom("foo@Bar_1")),
        (r"'it\'s'", Atom("it's")),
        ("''", Atom("")),
        ('"a\\tb\\x41\\x{20ac}\\101\\s\\^A\\q"', "a\tbA€A \x01q"),
        ('"one" "two"', "onetwo"),
        ("<<>>", b""),
        ('<<1,$b,"c",-1,300>>', b"\x01bc\xff\x2c"),
        ('<<"é">>', b"\xe9"),
        ('<<"é"/utf8,233/utf8>>', "éé".encode()),
        ("[]", []),
        ("{}", ()),
        ("#{}", Map(())),
        ("#{a => [1]}", Map(((Atom("a"), [1]),))),
        ("[1,[2,{3}]]", [1, [2, (3,)]]),
    ],
)
def test_a_term_of_each_kind(text: str, term: Term) -> None:
    assert consult(f"{text}.".encode()) == [term]


def test_an_atom_is_not_a_string() -> None:
    atom, string = consult(b'abc. "abc".')
    assert isinstance(atom, Atom)
    assert not isinstance(string, Atom)


def test_text_that_is_not_utf8_is_latin1() -> None:
    assert consult(b'{<<"name">>,<<"Jos\xe9">>}.') == [(b"name", b"Jos\xe9")]


def test_no_text_is_no_terms() -> None:
    assert consult(b" \n % nothing here\n") == []


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{a}", "line 1: expected a full stop, found the end of the text"),
        ("{a,\n\n b]}.", "line 3: expected '}', found ']'"),
        ("[a|b].", "line 1: a list with a tail is not supported"),
        ("[1,].", "line 1: expected a term, found ']'"),
        ("#{a}.", "line 1: expected '=>', found '}'"),
        ("<<1.0>>.", "line 1: a float in a binary is not supported"),
        ("<<1:4>>.", "line 1: expected ',', found ':'"),
        ("<<55296/utf8>>.", "line 1: not a Unicode character"),
        ("Variable.", "line 1: expected a term, found 'Variable.'"),
        ("end.", "line 1: 'end' is not an atom"),
        ("1#0.", "line 1: '1#0' is not a number"),
        ("2#12.", "line 1: '2#12' is not a number"),
        ("1.0e400.", "line 1: '1.0e400' is not a number"),
        ('"\\x{110000}".', "line 1: '\"\\\\x{110000}\"' holds a bad escape"),
        ("'unfinished.", 'line 1: expected a term, found "\'unfinished."'),
        ("a.b", "line 1: expected a full stop, found '.b'"),
        ("\ufeffa.", "line 1: expected a term, found '\\ufeffa.'"),
        ("9" * 1001 + ".", "line 1: expected a term, found '99999999999999999999'"),
    ],
)
def test_what_is_not_terms_is_refused_with_its_line(text: str, message: str) -> None:
    with pytest.raises(MalformedTerms) as caught:
        consult(text.encode())
    assert str(caught.value) == message


def test_what_nests_more_than_a_hundred_deep_is_read_and_not_kept() -> None:
    (term, b) = consult(b"[" * 102 + b"1" + b"]" * 102 + b". b.")
    depth = 0
    while isinstance(term, list):
        (term,) = term
        depth += 1
    assert (depth, term, b) == (100, Unkept(), Atom("b"))


def test_a_mebibyte_of_nesting_is_read_in_seconds() -> None:
    begun = time.process_time()
    consult(b"[" * 500_000 + b"]" * 500_000 + b".")
    assert time.process_time() - begun < 10


@pytest.mark.parametrize(
    "text", ["[" * 1_000_000, "'" + "\\a" * 500_000, "[1," * 90 + "1," * 300_000, "9" * 1_000_000]
)
def test_hostile_text_of_a_mebibyte_takes_seconds_at_most(text: str) -> None:
    begun = time.process_time()
    with pytest.raises(MalformedTerms):
        consult(text.encode())
    assert time.process_time() - begun < 10
