import re
from collections import Counter
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from corpus.elixir import extract
from corpus.instruct.configuration import Caps, InstructConfig
from corpus.instruct.conversation import parses, stands_in
from corpus.instruct.drafting import Failed, draft_rows, raised
from corpus.instruct.fence import fenced, unfenced
from corpus.instruct.registry import KINDS
from corpus.parsing import Unparsable
from corpus.tables import (
    DIFFICULTIES,
    DOCUMENTS,
    FUNCTIONS,
    INSTRUCT,
    INSTRUCTION_KINDS,
    MODULE,
    MODULES,
    PROCESSES,
)

Tables = tuple[pa.Table, pa.Table, pa.Table]
KIND = {kind.name: kind for kind in KINDS}


def material(*sources: str, **columns: Any) -> Tables:
    """Return documents, functions and modules, read from source as ingest does."""
    documents, functions, modules = [], [], []
    for number, source in enumerate(sources):
        extraction = extract(source.encode())
        document = {
            **dict.fromkeys(DOCUMENTS.names),
            "document_id": f"document{number}",
            "archive_sha256": f"archive{number}",
            "package": "shop",
            "path": f"lib/{number}.ex",
            "bytes": len(source.encode()),
            "purl": f"pkg:hex/shop@1.{number}.0",
            "language": "elixir",
            "role": "library",
            "text": source,
            "parse_errors": extraction.parse_errors,
            "license_expression": "MIT",
            "split": "validation",
            "modules": [module[: len(MODULE)] for module in extraction.modules],
            **columns,
        }
        documents.append(document)
        for function in extraction.functions:
            clauses = [clause._asdict() for clause in function.clauses]
            row = {**function._asdict(), "clauses": clauses}
            functions.append({"document_id": document["document_id"], **row})
        for each in extraction.modules:
            line = {"document_id": document["document_id"], "start_line": each.start_line}
            told = {field.name: getattr(each.processes, field.name) for field in PROCESSES}
            modules.append({**line, **told})
    return (
        pa.Table.from_pylist(documents, schema=DOCUMENTS),
        pa.Table.from_pylist(functions, schema=FUNCTIONS),
        pa.Table.from_pylist(modules, schema=MODULES),
    )


def rows_of(
    name: str, tables: Tables, config: InstructConfig | None = None, failed: Failed = raised
) -> list[dict[str, Any]]:
    """Return the rows of one kind."""
    made = draft_rows([KIND[name]], *tables, config or InstructConfig(), failed)
    found: list[dict[str, Any]] = made.rows.to_pylist()
    return found


def left_out(name: str, *sources: str) -> dict[str, int]:
    """Return why candidates of a kind gave no row."""
    made = draft_rows([KIND[name]], *material(*sources), InstructConfig())
    return dict(made.left_out[name])


def question(row: dict[str, Any]) -> str:
    """Return what the user says."""
    text: str = row["messages"][1]["content"]
    return text


def answer(row: dict[str, Any]) -> str:
    """Return what the assistant says, without the fence."""
    return unfenced(row["messages"][2]["content"])


SHOP = '''
defmodule Shop.Cart do
  @moduledoc """
  Keeps what a visitor wants to buy, from the first visit until the order is paid or given up.
  """
  use GenServer

  @doc """
  Returns the price of everything in the cart, in cents, without shipping.
  """
  def total(cart), do: cart |> Map.values() |> Enum.map(&(&1.price * &1.count)) |> Enum.sum()

  @impl true
  def init(items), do: {:ok, Map.new(items, fn item -> {item.id, item} end)}

  @impl true
  def handle_call(:list, _from, items), do: {:reply, Map.values(items), items}
end
'''


BOTH = ("documentation_to_function", "behaviour_module")


def test_rows_have_the_schema_and_the_kinds_of_the_registry() -> None:
    made = draft_rows(KINDS, *material(SHOP), InstructConfig())
    assert made.rows.schema.equals(INSTRUCT)
    assert set(BOTH) <= set(made.rows["kind"].to_pylist())
    assert tuple(kind.name for kind in KINDS) == INSTRUCTION_KINDS
    assert set(made.rows["difficulty"].to_pylist()) <= set(DIFFICULTIES)


@pytest.mark.parametrize("name", BOTH)
def test_a_row_says_where_it_comes_from_and_inherits_licence_and_split(name: str) -> None:
    (row,) = rows_of(name, material("# nothing", SHOP))
    assert re.fullmatch("[0-9a-f]{64}", row["id"])
    assert row["document_ids"] == ["document1"]
    assert row["purls"] == ["pkg:hex/shop@1.1.0"]
    assert (row["package"], row["paths"]) == ("shop", ["lib/1.ex"])
    assert row["license_expression"] == "MIT"
    assert row["split"] == "validation"
    assert row["needs"] == []
    assert row["verification"] == "parsed"
    assert row["toolchain"].startswith("tree-sitter-elixir 0.3")
    assert [message["role"] for message in row["messages"]] == ["system", "user", "assistant"]


def test_the_same_material_gives_the_same_rows_in_any_order() -> None:
    def by_id(tables: Tables) -> dict[str, object]:
        rows = draft_rows(KINDS, *tables, InstructConfig()).rows.to_pylist()
        return {row["id"]: row for row in rows}

    documents, functions, modules = material(SHOP, SHOP.replace("Cart", "Till"))
    found = by_id((documents, functions, modules))
    backwards = functions.take(list(range(len(functions)))[::-1])
    assert by_id((documents.take([1, 0]), functions, modules)) == found
    assert by_id((documents.take([1, 0]), backwards, modules)).keys() == found.keys()
    assert len(found) >= 4


def test_a_record_batch_will_do() -> None:
    documents, functions, modules = material(SHOP)
    assert len(rows_of(BOTH[0], (documents.to_batches()[0], functions, modules))) == 1


@pytest.mark.parametrize("name", BOTH)
def test_only_libraries_in_elixir_without_errors_are_material(name: str) -> None:
    for column, value in [("language", "erlang"), ("role", "script"), ("parse_errors", 1)]:
        assert rows_of(name, material(SHOP, **{column: value})) == []


def test_nothing_gives_no_rows() -> None:
    assert len(draft_rows(KINDS, *material(), InstructConfig()).rows) == 0


@pytest.mark.parametrize("name", BOTH)
def test_an_answer_with_a_hole_is_no_answer(name: str) -> None:
    holed = SHOP.replace("item.id, item", "item.id, encoded_2048_bytes").replace(
        "&1.price", "encoded_512_bytes"
    )
    assert rows_of(name, material(holed)) == []
    assert left_out(name, holed) == {"cut": 1}


def test_caps_spread_a_sample_over_the_levels_and_hold_back_glue() -> None:
    doc = '  @doc "Counts what customers of the shop have paid so far, without taxes."\n'
    glue = "  def glue{n}(cart, options), do: Shop.Counting.count_everything(cart, options)\n"
    easy = "  def easy{n}(cart), do: cart |> Enum.map(& &1.price) |> Enum.sum() |> div(2 + {n})\n"
    hard = """  def hard{n}(cart) do
    case Enum.sort(cart) do
      [] -> if cart, do: {n}, else: 1
      [one] when one > 1 -> Enum.find([one], fn each -> each == {n} end)
      [_ | rest] -> Enum.count(Enum.map(rest, fn each -> if each, do: 1, else: {n} end))
      _ -> cond do: (cart == 1 -> 2; true -> Enum.max(cart))
    end
  end
"""
    code = "".join(
        doc + each.replace("{n}", str(n)) for n in range(8) for each in (glue, easy, hard)
    )
    tables = material(f"defmodule Shop do\n{code}end\n")

    def levels(**caps: Any) -> tuple[dict[str, int], dict[str, int]]:
        config = InstructConfig(caps=Caps(**caps))
        made = draft_rows([KIND[BOTH[0]]], *tables, config)
        return Counter(made.rows["difficulty"].to_pylist()), dict(made.left_out[BOTH[0]])

    assert levels(per_package=100, per_module=100) == (
        {"hard": 8, "easy": 8, "glue": 1},
        {"glue": 7},
    )
    assert levels(per_package=100, per_module=100, glue_share=1.0)[0]["glue"] == 8
    assert levels(per_package=8, per_module=100)[0] == {"hard": 4, "easy": 4}
    found, why = levels(per_package=100, per_module=6)
    assert found == {"hard": 3, "easy": 3}
    assert why == {"module_cap": 18}


def test_an_answer_stands_in_a_question_whatever_the_blanks() -> None:
    assert stands_in("def a(x), do: x", "Write it:\n\n    def a(x),\n      do: x\n")


def test_half_of_the_telling_lines_give_an_answer_away() -> None:
    answer = "def total(cart) do\n  Enum.sum_by(cart, & &1.price)\n  |> Money.round(:half_up)\nend"
    assert stands_in(answer, "Equivalent to `Enum.sum_by(cart, & &1.price)`.")
    assert not stands_in(answer, "Sums up `total(cart)` with Enum.sum_by/2.")
    assert not stands_in(answer, "def total(cart) do")


def test_what_a_head_says_gives_nothing_away() -> None:
    answer = "def wrap(list) when is_list(list), do: list"
    assert not stands_in(answer, "Takes wrap(list) when is_list(list).")


@pytest.mark.parametrize(
    ("documentation", "fence"),
    [
        ("Adds one.", "```"),
        ("Adds ``one``.", "```"),
        ("```\nadd(1)\n```", "````"),
        ("`" * 6, "`" * 7),
    ],
)
def test_a_fence_in_the_answer_does_not_close_the_one_around_it(
    documentation: str, fence: str
) -> None:
    source = f'@doc """\n{documentation}\n"""\ndef add(a), do: a + 1'
    assert fenced(source) == f"{fence}elixir\n{source}\n{fence}"


@given(st.text())
def test_what_was_fenced_comes_out_again(source: str) -> None:
    assert unfenced(fenced(source)) == source


@given(st.text(alphabet="abdef() \n,:", max_size=40), st.text(max_size=40))
def test_a_quoted_answer_always_stands_in_its_question(answer: str, around: str) -> None:
    assert stands_in(answer, around + answer + around)


def test_what_the_parser_gives_up_on_is_no_answer() -> None:
    assert not parses("&&" + "\r\na\n0x" * 48_000)


def test_what_a_question_cannot_show_is_not_asked_for() -> None:
    attributes = "".join(f"  @a{n} {'0 + ' * 150}0\n" for n in range(10))
    body = " + ".join(f"@a{n}" for n in range(10))
    source = SHOP.replace("  use GenServer\n", attributes).replace("Enum.sum()", f"Enum.at({body})")
    assert rows_of(BOTH[0], material(source)) == []
    assert left_out(BOTH[0], source) == {"too_long": 1}


def test_an_error_in_one_document_costs_its_rows() -> None:
    failed: dict[str, str] = {}
    tables = material(SHOP, SHOP.replace("  use GenServer\n", "  alias A, as: B\n" * 501))
    found = rows_of(BOTH[0], tables, None, lambda id_, error: failed.update({id_: str(error)}))
    assert [row["document_ids"] for row in found] == [["document0"]]
    assert {id_: told[:34] for id_, told in failed.items()} == {
        "document1": "more than 500 aliases and imports;",
    }
    with pytest.raises(Unparsable):
        rows_of(BOTH[0], tables)
