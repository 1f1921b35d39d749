"""Contexts for pretraining: order, interfaces, budget, and what may stand together."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from corpus.build import build
from corpus.configuration import BuildConfig
from corpus.context.interfaces import interfaces
from corpus.context.references import references
from corpus.context.windows import ContextConfig
from corpus.ingest.bundle import IngestConfig
from corpus.packages import Requirement
from corpus.release import Release
from corpus.store import ArchiveStore
from corpus.tokens import count
from quality.gate import judge
from quality.verdict import Outcome
from tests.executors import LASTING, Backwards
from tests.stores import MIT, add

CONN = b'''\
defmodule Wire.Conn do
  @moduledoc """
  A connection. It holds what was asked and what is answered.
  """
  @callback opened(conn :: map) :: :ok

  @doc "Sends an answer."
  @spec send_resp(map, integer,
          binary) :: map
  def send_resp(conn, status \\\\ 200, body)

  def send_resp(conn, status, body) when is_integer(status) do
    secret(conn, status, body)
  end

  @doc false
  def hidden(conn), do: conn

  defp secret(conn, status, body), do: Map.merge(conn, %{status: status, body: body})
end
'''
CONN_INTERFACE = """\
defmodule Wire.Conn do
  # A connection.
  # @callback opened/1
  @spec send_resp(map, integer, binary) :: map
  def send_resp(conn, status \\\\ 200, body)
end
"""
SHOP = {
    "LICENSE": MIT,
    "lib/a.ex": b"""\
defmodule Shop.Front do
  use Shop.Page
  alias Wire.{Conn, Other}
  alias Shop.Price, as: Money
  def show(conn), do: Conn.send_resp(conn, 200, Money.told(%Shop.Item{}))
end
""",
    "lib/item.ex": b"""\
defmodule Shop.Item do
  defstruct name: "item", cents: 0
  def cents(%__MODULE__{cents: cents}), do: cents
end
""",
    "lib/page.ex": b"""\
defmodule Shop.Page do
  defmacro __using__(_options), do: quote(do: import(Kernel))
end
""",
    "lib/price.ex": b"""\
defmodule Shop.Price do
  def told(item), do: "costs " <> Integer.to_string(Shop.Item.cents(item))
end
""",
    "test/item_test.exs": b"""\
defmodule Shop.ItemTest do
  use ExUnit.Case
  test "costs nothing", do: assert Shop.Item.cents(%Shop.Item{}) == 0
end
""",
}


def store_of(tmp_path: Path) -> ArchiveStore:
    store = ArchiveStore(tmp_path / "archives")
    add(store, "wire", {"LICENSE": MIT, "lib/conn.ex": CONN})
    required = Requirement(name="wire", requirement="~> 1.0", optional=False)
    add(store, "shop", SHOP, requirements=(required,))
    return store


@pytest.fixture(scope="module")
def release(tmp_path_factory: pytest.TempPathFactory) -> Release:
    folder = tmp_path_factory.mktemp("context")
    config = BuildConfig(context=ContextConfig(tokens=1024))
    return build(store_of(folder), folder / "out", config, LASTING)


def contexts_of(release: Release, package: str) -> list[dict[str, Any]]:
    rows = release.read("context").to_pylist()
    return sorted(
        (row for row in rows if row["package"] == package), key=lambda row: int(row["window"])
    )


def test_files_follow_what_they_need_and_tests_come_last(release: Release) -> None:
    [context] = contexts_of(release, "shop")
    assert [each["path"] for each in context["files"]] == [
        *("lib/item.ex", "lib/page.ex", "lib/price.ex", "lib/a.ex", "test/item_test.exs")
    ]


def test_every_byte_of_a_file_is_found_where_its_row_says(release: Release) -> None:
    [context] = contexts_of(release, "shop")
    text = context["text"].encode()
    for each in context["files"]:
        length = each["end_byte"] - each["start_byte"]
        assert text[each["at_byte"] :][:length] == SHOP[each["path"]]
    assert context["text"].count("# lib/item.ex\ndefmodule Shop.Item do\n") == 1
    assert context["bytes"] == len(text)
    assert context["tokens"] == count([context["text"]])[0]


def test_the_interface_of_a_required_package_stands_first(release: Release) -> None:
    [context], [required] = contexts_of(release, "shop"), contexts_of(release, "wire")
    if required["split"] in ("train", context["split"]):
        assert context["text"].startswith(CONN_INTERFACE)
        told = [(each["purl"], each["module"]) for each in context["interfaces"]]
        assert told == [("pkg:hex/wire@1.0.0", "Wire.Conn")]
    else:
        assert context["interfaces"] == []
    assert required["interfaces"] == []
    assert required["place"] < context["place"]


def test_the_gate_accepts_contexts(release: Release) -> None:
    checks = [each for each in judge(release).checks if each.name.startswith("context.")]
    assert len(checks) > 10
    assert {each.outcome for each in checks} == {Outcome.PASSED}


def test_without_a_budget_there_are_no_contexts(tmp_path: Path) -> None:
    release = build(store_of(tmp_path), tmp_path / "out", BuildConfig(), LASTING)
    assert release.read("context").num_rows == 0


def test_a_file_above_the_budget_is_continued_at_a_line(tmp_path: Path) -> None:
    store = ArchiveStore(tmp_path / "archives")
    lines = "".join(f"  def step_{n}(state), do: {{:ok, state + {n}}}\n" for n in range(200))
    long = f"defmodule Long do\n{lines}end\n".encode()
    add(store, "long", {"LICENSE": MIT, "lib/long.ex": long, "lib/wide.ex": b"# " + b"x y" * 2000})
    config = BuildConfig(context=ContextConfig(tokens=512))
    found = contexts_of(build(store, tmp_path / "out", config, LASTING), "long")
    assert all(row["tokens"] <= 512 for row in found)
    assert sum(row["text"].count("# lib/long.ex (continued)\n  def ") for row in found) >= 5
    pieces = [each for row in found for each in row["files"] if each["path"] == "lib/long.ex"]
    assert [each["start_byte"] for each in pieces] == [
        0,
        *(each["end_byte"] for each in pieces[:-1]),
    ]
    assert pieces[-1]["end_byte"] == len(long)


def test_the_order_of_tasks_does_not_change_a_context(tmp_path: Path, release: Release) -> None:
    limits = IngestConfig(bundle_bytes=1)
    config = BuildConfig(ingest=limits, context=ContextConfig(tokens=1024))
    other = build(store_of(tmp_path), tmp_path / "out", config, Backwards())
    assert other.read("context").equals(release.read("context"))


def test_names_are_expanded_by_aliases_and_comments_do_not_count() -> None:
    code = b'''\
defmodule Shop.Front do
  @moduledoc """
      use Not.This
  """
  # import Nor.That
  alias Shop.{Cart, Price.List}
  alias Wire.Conn, as: C
  require Logger
  @behaviour C.Adapter
  defmodule Inner do
    def x, do: %Cart.Item{}
  end
  def y, do: {List.all(), Inner.x(), :wire_nif.start(), __MODULE__.Deep.z()}
end
'''
    found = references(code, "elixir", ["Shop.Front", "Shop.Front.Inner"])
    assert found.needed == {"Logger", "Wire.Conn.Adapter", "Shop.Cart.Item"}
    assert {"Shop.Price.List", "wire_nif", "Wire.Conn"} <= found.mentioned
    assert not {"Not.This", "Nor.That", "Shop.Front.Inner"} & found.mentioned


def test_erlang_files_name_modules_and_headers() -> None:
    code = b"""\
-module(till).
-behaviour(gen_server).
-include_lib("shop/include/item.hrl").
-compile({parse_transform, lager_transform}).
% lists:map(
total(Items) -> lists:sum([item:cents(I) || I <- Items]).
"""
    found = references(code, "erlang", ["till"])
    assert found.needed == {"gen_server", "item.hrl", "lager_transform"}
    assert found.mentioned == {"lists", "item"}


@given(st.binary(max_size=300), st.sampled_from(["elixir", "erlang", "heex", "markdown"]))
def test_any_bytes_have_references(text: bytes, language: str) -> None:
    found = references(text, language, ["A", "A.B"])
    assert not found.needed & found.mentioned


@pytest.mark.parametrize(
    ("source", "head"),
    [
        ("def a(x, y \\\\ %{z: ')'}), do: x", "def a(x, y \\\\ %{z: ')'})"),
        ("def a([h | t]) when h > 0 do\n h\nend", "def a([h | t])"),
        ("defmacro a(do: block) do\nend", "defmacro a(do: block)"),
        ("def a do\n 1\nend", "def a"),
        ("def a(", "# def a/1"),
    ],
)
def test_an_interface_has_heads_without_guards_and_bodies(source: str, head: str) -> None:
    kind = source.partition(" ")[0]
    clause = {"start_byte": 0, "end_byte": len(source)}
    function: Any = {"module": "M", "name": "a", "arity": 1, "kind": kind, "clauses": [clause]}
    function |= {"doc_kind": None, "specs": []}
    module: Any = {"name": "M", "kind": "defmodule", "doc": None, "doc_kind": None, "callbacks": []}
    found = interfaces(source.encode(), "elixir", [module], [function])
    assert found == {"M": f"defmodule M do\n  {head}\nend\n"}
