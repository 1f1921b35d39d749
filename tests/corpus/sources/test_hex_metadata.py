import pytest
from hypothesis import given
from hypothesis import strategies as st

from corpus.reasons import Reason
from corpus.sources import ArchiveError, HexMetadata, open_hex_tarball
from corpus.store import Link, Requirement
from tests.corpus.tarballs import hex_tarball_of

IDENTITY = '{<<"name">>,<<"decimal">>}. {<<"version">>,<<"1.0.0">>}. '


def metadata(text: str | bytes) -> HexMetadata:
    data = text if isinstance(text, bytes) else (IDENTITY + text).encode()
    return open_hex_tarball(hex_tarball_of({}, data)).metadata


def test_metadata_as_mix_writes_it() -> None:
    found = metadata("""
        {<<"app">>,<<"decimal">>}.
        {<<"build_tools">>,[<<"mix">>]}.
        {<<"description">>,<<"Arbitrary precision">>}.
        {<<"elixir">>,<<"~> 1.14">>}.
        {<<"files">>,[<<"lib">>,<<"lib/decimal.ex">>]}.
        {<<"licenses">>,[<<"Apache-2.0">>,<<"MIT">>]}.
        {<<"links">>,[{<<"GitHub">>,<<"https://forge.example/decimal">>}]}.
        {<<"requirements">>,
         [[{<<"name">>,<<"ecto">>},
           {<<"app">>,<<"ecto">>},
           {<<"optional">>,true},
           {<<"requirement">>,<<"~> 3.0">>},
           {<<"repository">>,<<"hexpm">>}]]}.
    """)
    assert found == HexMetadata(
        name="decimal",
        version="1.0.0",
        app="decimal",
        licenses=("Apache-2.0", "MIT"),
        requirements=(Requirement("ecto", "~> 3.0", True),),
        links=(Link("GitHub", "https://forge.example/decimal"),),
        build_tools=("mix",),
        files=("lib", "lib/decimal.ex"),
        description="Arbitrary precision",
        elixir="~> 1.14",
        extra={},
    )


def test_metadata_without_anything_but_an_identity() -> None:
    found = metadata("")
    assert (found.name, found.app, found.licenses, found.requirements) == ("decimal", None, (), ())


@pytest.mark.parametrize(
    "text",
    [
        '[{<<"ecto">>,[{<<"optional">>,true},{<<"requirement">>,<<"~> 3.0">>}]}]',
        '[{<<"ecto">>,#{<<"optional">> => true,<<"requirement">> => <<"~> 3.0">>}}]',
        '#{<<"ecto">> => #{<<"optional">> => true,<<"requirement">> => <<"~> 3.0">>}}',
        '[[{<<"name">>,<<"ecto">>},{<<"optional">>,true},{<<"requirement">>,<<"~> 3.0">>}]]',
        '[{ecto,[{optional,true},{requirement,"~> 3.0"}]}]',
        '[{<<"ecto">>,[{<<"optional">>,true},{<<"requirement">>,<<"1">>},'
        '{<<"requirement">>,<<"~> 3.0">>}]}]',
    ],
)
def test_requirements_in_every_shape_that_packers_wrote(text: str) -> None:
    found = metadata(f'{{<<"requirements">>,{text}}}.')
    assert found.requirements == (Requirement("ecto", "~> 3.0", True),)


def test_a_requirement_may_be_its_version_alone_or_nothing() -> None:
    found = metadata('{<<"requirements">>,[{<<"a">>,<<"~> 1.0">>},{<<"b">>,[]}]}.')
    assert found.requirements == (Requirement("a", "~> 1.0", False), Requirement("b", "", False))


def test_of_equal_keys_the_last_wins() -> None:
    found = metadata('{<<"licenses">>,[<<"MIT">>]}. {<<"licenses">>,[<<"ISC">>]}.')
    assert found.licenses == ("ISC",)


def test_metadata_in_latin1_is_read() -> None:
    found = metadata(IDENTITY.encode() + b'{<<"description">>,<<"D\xe9cimal">>}.')
    assert found.description == "Décimal"


def test_binaries_as_numbers_are_text() -> None:
    assert metadata('{<<"description">>,<<68,195,169>>}.').description == "Dé"


def test_values_that_stand_for_nothing_are_nothing() -> None:
    found = metadata(
        '{<<"description">>,nil}. {<<"licenses">>,undefined}. {<<"links">>,nil}. '
        '{<<"requirements">>,nil}. {<<"build_tools">>,[<<"mix">>,7]}.'
    )
    assert (found.description, found.licenses, found.links) == (None, (), ())
    assert (found.requirements, found.build_tools) == ((), ("mix",))


def test_a_single_licence_need_not_be_a_list() -> None:
    assert metadata('{<<"licenses">>,<<"MIT">>}.').licenses == ("MIT",)


def test_extra_keeps_its_structure() -> None:
    found = metadata('{<<"extra">>,[{<<"a">>,[1,2.5,<<"x">>,{b}]},{<<"m">>,#{<<"k">> => true}}]}.')
    assert found.extra == {"a": [1, 2.5, "x", ["b"]], "m": {"k": "true"}}


@pytest.mark.parametrize(
    ("text", "detail"),
    [
        (b"<html></html>", "line 1: expected a term, found '<html></html>'"),
        (b"\x1f\x8b\x08\xa4", "line 1: expected a term, found '¤'"),
        (b'{<<"name">>,\n<<"a">>', "line 2: expected '}', found the end of the text"),
        (b"", "name is missing"),
        (b'{<<"name">>,<<"a">>}.', "version is missing"),
        (b'{<<"name">>,<<"">>}. {<<"version">>,<<"1">>}.', "name is missing"),
        (b'{<<"name">>,7}. {<<"version">>,<<"1">>}.', "name is missing"),
        (b"[1].", "metadata.config holds something else than pairs"),
    ],
)
def test_metadata_that_cannot_be_used_is_refused(text: bytes, detail: str) -> None:
    with pytest.raises(ArchiveError) as caught:
        metadata(text)
    assert caught.value.reject.reason is Reason.MALFORMED_METADATA
    assert caught.value.reject.detail == f"metadata.config: {detail}"


ODD: dict[str, tuple[str, str, object, tuple[str, ...]]] = {
    "links, a text": ('{<<"links">>,<<"a.example">>}.', "links", (Link("", "a.example"),), ()),
    "links, texts": (
        '{<<"links">>,[<<"https://a.example/x">>,{<<"Docs">>,<<"https://b.example">>}]}.',
        "links",
        (Link("", "https://a.example/x"), Link("Docs", "https://b.example")),
        (),
    ),
    "links, a number": ('{<<"links">>,7}.', "links", (), ("links is not a list",)),
    "links, a triple": (
        '{<<"links">>,[{<<"a">>,<<"b">>,<<"c">>},{<<"GitHub">>,<<"d">>}]}.',
        "links",
        (Link("GitHub", "d"),),
        ("links holds something else than pairs",),
    ),
    "links, an address that is a list": (
        '{<<"links">>,[{<<"a">>,[1]}]}.',
        "links",
        (),
        ("links holds an address that is no text",),
    ),
    "extra, texts": (
        '{<<"extra">>,[<<"flag">>]}.',
        "extra",
        {},
        ("extra holds something else than pairs",),
    ),
    "extra, a text": ('{<<"extra">>,<<"flag">>}.', "extra", {}, ("extra is not a list",)),
    "requirements, a triple": (
        '{<<"requirements">>,[{<<"cowlib">>,<<"git">>,<<"https://a.example">>}]}.',
        "requirements",
        (Requirement("cowlib", "", False),),
        ("requirements holds a tuple of more than two",),
    ),
    "requirements, names": (
        '{<<"requirements">>,[<<"cowlib">>,{<<"a">>,<<"~> 1.0">>}]}.',
        "requirements",
        (Requirement("cowlib", "", False), Requirement("a", "~> 1.0", False)),
        (),
    ),
    "requirements, a number": (
        '{<<"requirements">>,7}.',
        "requirements",
        (),
        ("requirements is not a list",),
    ),
    "requirements, a number among them": (
        '{<<"requirements">>,[7,[],{<<"a">>,<<"1">>}]}.',
        "requirements",
        (Requirement("a", "1", False),),
        ("requirements holds something without a name",),
    ),
    "requirements, legacy and not": (
        '{<<"requirements">>,[[{<<"name">>,<<"a">>}],{<<"b">>,[{<<"requirement">>,7}]}]}.',
        "requirements",
        (Requirement("a", "", False), Requirement("b", "", False)),
        (),
    ),
    "a description that is a list": (
        '{<<"description">>,[<<"a">>]}.',
        "description",
        None,
        ("description is no text",),
    ),
    "an app that is a map": ('{<<"app">>,#{}}.', "app", None, ("app is no text",)),
    "files that are pairs": (
        '{<<"files">>,[{<<"a">>,<<"b">>},<<"c">>]}.',
        "files",
        ("c",),
        ("files holds something else than texts",),
    ),
    "licences that are numbers": (
        '{<<"licenses">>,[1,<<"MIT">>]}.',
        "licenses",
        ("MIT",),
        ("licenses holds something else than texts",),
    ),
    "a key of ours": ('{<<"colour">>,{[],{}}}.', "app", None, ()),
}


@pytest.mark.parametrize("name", ODD)
def test_what_is_odd_is_read_as_far_as_it_goes_and_noted(name: str) -> None:
    text, field, expected, notes = ODD[name]
    found = metadata(text)
    assert (getattr(found, field), found.notes) == (expected, notes)


TERMS = st.recursive(
    st.sampled_from(["7", "1.5", "nil", "true", '<<"a">>', "<<255>>", '"text"', "[]", "{}", "#{}"]),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3).map(lambda items: f"[{','.join(items)}]"),
        st.lists(inner, max_size=4).map(lambda items: f"{{{','.join(items)}}}"),
        st.tuples(inner, inner).map(lambda pair: f"#{{{pair[0]} => {pair[1]}}}"),
    ),
    max_leaves=8,
)
FIELDS = (
    "app",
    "licenses",
    "requirements",
    "links",
    "build_tools",
    "files",
    "description",
    "extra",
)


@given(st.dictionaries(st.sampled_from(FIELDS), TERMS))
def test_no_value_of_a_field_that_identifies_nothing_refuses_an_archive(
    fields: dict[str, str],
) -> None:
    found = metadata("".join(f'{{<<"{key}">>,{value}}}.\n' for key, value in fields.items()))
    assert (found.name, found.version) == (metadata("").name, metadata("").version)
    assert len(found.notes) <= 10
