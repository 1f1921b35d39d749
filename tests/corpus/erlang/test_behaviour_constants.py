"""`-behaviour` with a macro in place of the name."""

from corpus.erlang import extract


def test_a_macro_for_an_atom_is_read() -> None:
    source = b"""\
-module(shop_sup).
-define(SUPERVISOR, supervisor2).
-define(OTHER(X), X).
-behaviour(?SUPERVISOR).
-behaviour(?OTHER).
-behaviour(gen_server).
"""
    (module,) = extract(source).modules
    assert [each.name for each in module.behaviours] == ["supervisor2", "gen_server"]
