import re
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from corpus.elixir import extract
from corpus.instruct import KINDS, InstructConfig, behaviour_module
from corpus.instruct.conversation import parsed, stands_in
from corpus.instruct.fence import fenced, unfenced
from corpus.parsing import Unparsable
from corpus.tables import DOCUMENTS, FUNCTIONS, INSTRUCT, INSTRUCTION_KINDS, MODULE


def material(*sources: str, **columns: Any) -> tuple[pa.Table, pa.Table]:
    """Return documents and functions, read from source as ingest does."""
    documents, functions = [], []
    for number, source in enumerate(sources):
        extraction = extract(source.encode())
        document = {
            **dict.fromkeys(DOCUMENTS.names),
            "document_id": f"document{number}",
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
    return (
        pa.Table.from_pylist(documents, schema=DOCUMENTS),
        pa.Table.from_pylist(functions, schema=FUNCTIONS),
    )


SHOP = '''
defmodule Shop.Cart do
  @moduledoc """
  Keeps what a visitor wants to buy, from the first visit until the order is paid or given up.
  """
  use GenServer

  @doc """
  Returns the price of everything in the cart, in cents, without shipping.
  """
  def total(cart), do: cart |> list() |> Enum.map(&(&1.price * &1.count)) |> Enum.sum()

  @impl true
  def init(items), do: {:ok, Map.new(items, fn item -> {item.id, item} end)}

  @impl true
  def handle_call(:list, _from, items), do: {:reply, Map.values(items), items}
end
'''


def test_every_kind_gives_rows_of_the_schema() -> None:
    for rows in KINDS.values():
        table = rows(*material(SHOP), InstructConfig())
        assert table.schema.equals(INSTRUCT)
        assert len(table) == 1


def test_a_row_says_where_it_comes_from_and_inherits_licence_and_split() -> None:
    for rows in KINDS.values():
        row = rows(*material("# nothing", SHOP), InstructConfig()).to_pylist()[0]
        assert re.fullmatch("[0-9a-f]{64}", row["id"])
        assert row["document_ids"] == ["document1"]
        assert row["purls"] == ["pkg:hex/shop@1.1.0"]
        assert row["license_expression"] == "MIT"
        assert row["split"] == "validation"
        assert row["verification"] == "parsed"
        assert row["toolchain"].startswith("tree-sitter-elixir 0.3")
        assert [message["role"] for message in row["messages"]] == ["user", "assistant"]


def test_the_same_material_gives_the_same_rows_in_any_order() -> None:
    for rows in KINDS.values():
        documents, functions = material(SHOP, SHOP.replace("Cart", "Till"))
        turned = documents.take([1, 0]), functions.take(list(range(len(functions)))[::-1])
        one = rows(documents, functions, InstructConfig()).to_pylist()
        again = rows(documents, functions, InstructConfig()).to_pylist()
        other = rows(documents.take([1, 0]), functions, InstructConfig()).to_pylist()
        assert one == again == other[::-1]
        assert {row["id"] for row in rows(*turned, InstructConfig()).to_pylist()} == {
            row["id"] for row in one
        }
        assert len({row["id"] for row in one}) == 2


def test_a_record_batch_will_do() -> None:
    documents, functions = material(SHOP)
    for rows in KINDS.values():
        assert len(rows(documents.to_batches()[0], functions, InstructConfig())) == 1


def test_only_libraries_in_elixir_without_errors_are_material() -> None:
    for rows in KINDS.values():
        for column, value in [("language", "erlang"), ("role", "test"), ("parse_errors", 1)]:
            assert len(rows(*material(SHOP, **{column: value}), InstructConfig())) == 0


def test_nothing_gives_no_rows() -> None:
    for rows in KINDS.values():
        assert len(rows(*material(), InstructConfig())) == 0


def test_an_answer_with_a_hole_is_no_answer() -> None:
    for rows in KINDS.values():
        holed = SHOP.replace("item.id, item", "item.id, encoded_2048_bytes").replace(
            "&1.price", "encoded_512_bytes"
        )
        assert len(rows(*material(holed), InstructConfig())) == 0


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


def test_a_module_whose_documentation_shows_code_is_one_block() -> None:
    documentation = """Returns the price of everything in the cart, in cents, without shipping.

  ```elixir
  Shop.Cart.total(cart)
  ```
"""
    source = SHOP.replace(documentation.split("\n")[0] + "\n", documentation)
    row = behaviour_module.rows(*material(source), InstructConfig()).to_pylist()[0]
    answer = row["messages"][1]["content"]
    assert answer.startswith("````elixir\ndefmodule Shop.Cart do\n")
    assert answer.endswith("\nend\n````")
    assert "\n  ```elixir\n  Shop.Cart.total(cart)\n  ```\n" in answer


@given(st.text(alphabet="abdef() \n,:", max_size=40), st.text(max_size=40))
def test_a_quoted_answer_always_stands_in_its_question(answer: str, around: str) -> None:
    assert stands_in(answer, around + answer + around)


def test_what_the_parser_gives_up_on_is_no_answer() -> None:
    assert parsed("&&" + "\r\na\n0x" * 48_000) is None


def test_an_answer_that_needs_more_than_anyone_can_show_is_none() -> None:
    def subjects(count: int) -> list[str]:
        imports = "".join(f"  import A{number}\n" for number in range(count))
        tables = material(SHOP.replace("  use GenServer\n", imports))
        rows = KINDS["documentation_to_function"](*tables, InstructConfig())
        return [str(each) for each in rows["subject"].to_pylist()]

    assert subjects(100) == ["Shop.Cart.total/1"]
    assert subjects(101) == []


def test_a_mistake_is_raised_where_nobody_is_told() -> None:
    failed: dict[str, str] = {}
    tables = material(SHOP, SHOP.replace("  use GenServer\n", "  alias A, as: B\n" * 501))
    rows = KINDS["documentation_to_function"]
    found = rows(*tables, InstructConfig(), lambda id_, error: failed.update({id_: str(error)}))
    assert found["document_ids"].to_pylist() == [["document0"]]
    assert {id_: told[:34] for id_, told in failed.items()} == {
        "document1": "more than 500 aliases and imports;",
    }
    with pytest.raises(Unparsable):
        rows(*tables, InstructConfig())


def test_the_registry_of_tables_names_every_kind() -> None:
    assert tuple(KINDS) == INSTRUCTION_KINDS
