"""Gleam as text: the module by its path, its documentation, and its public functions."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from corpus.extraction import Module
from corpus.fingerprint import fingerprint
from corpus.gleam import extract, module_name
from corpus.parsing import NestedTooDeeply, Unparsable

CART = b"""\
//// What a visitor
//// wants to buy.

import gleam/list

/// How many things there are.
pub fn count(of cart: Cart) -> Int {
  list.length(cart.items) // "all"
}

pub fn empty() { Cart([]) }

fn hidden(a, b) { a + b }
"""


def test_a_module_is_named_by_its_path_and_exports_what_is_public() -> None:
    found = extract(CART, "src/shop/cart.gleam")
    assert found.modules == (
        Module(
            *("shop/cart", "module", 1, 13, "What a visitor\nwants to buy.", "string"),
            *((), (), (), (), (("count", 1), ("empty", 0))),
        ),
    )
    assert (found.functions, found.parse_errors, found.unread_bytes) == ((), 0, 0)


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("src/shop.gleam", "shop"),
        ("test/shop/cart_test.gleam", "shop/cart_test"),
        ("apps/shop/src/a/b.gleam", "a/b"),
        ("cart.gleam", "cart"),
    ],
)
def test_folders_of_sources_are_no_part_of_a_name(path: str, name: str) -> None:
    assert module_name(path) == name


def test_what_is_no_gleam_is_unread() -> None:
    found = extract(b"defmodule A do\n  def a, do: 1\nend\n" * 9)
    assert found.parse_errors > 0
    assert found.unread_bytes > 50


def test_comments_do_not_count_in_a_fingerprint_but_texts_do() -> None:
    texts = (
        b'pub fn a() { "b // c" } // d',
        b'/// e\npub fn a() { "b // c" }',
        b'pub fn a() { "b" }',
    )
    one, other, third = (fingerprint(text, "gleam", ()).normalized_id for text in texts)
    assert one == other != third


@given(st.text(alphabet='pub fn(){}<>/"@#|.,=\n aé', max_size=80))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        found = extract(text.encode(), "src/a.gleam")
    except (NestedTooDeeply, Unparsable):
        return
    assert [module.name for module in found.modules] == ["a"]
    assert 0 <= found.unread_bytes <= len(text.encode())
