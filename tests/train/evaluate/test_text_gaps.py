from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.releases import document, function, write_release
from tests.train.tokenizers import small_chatml
from train.evaluate.subject import NOWHERE, Sampling, Stops, Subject
from train.evaluate.text import Gap, cut_out, fill, gaps
from train.tokenizer.interface import InfillingUnsupported
from train.tokenizer.opening import open_tokenizer

if TYPE_CHECKING:
    from train.tokenizer.interface import Ids, Tokenizer

TEXT = """\
defmodule Quay do
  def moor(ship) do
    check(ship)

    {:ok, ship}
  end

  def leave(ship), do: {:ok, ship}
end
"""


GAPS = [cut_out(str(number), TEXT, [line]) for number, line in enumerate((3, 5, 8))]


class Recites(Subject):
    """Stands in for a model: finds in a text what lies between the two parts of its prompt."""

    def __init__(self, tokenizer: "Tokenizer", text: str) -> None:
        self.tokenizer = tokenizer
        self.text = text

    def complete(
        self, prompt: "Ids", samples: int, sampling: Sampling, stops: Stops = NOWHERE
    ) -> list[str]:
        asked = self.tokenizer.decode(prompt)
        for start in range(len(self.text)):
            suffix, prefix = asked[: len(asked) - start], asked[len(asked) - start :]
            if self.text.startswith(prefix) and self.text.endswith(suffix):
                return [self.text[start:]] * samples
        return [""] * samples


def clause(first: int, last: int) -> dict[str, object]:
    return {"start_line": first, "end_line": last, "start_byte": 0, "end_byte": 1, "guard": None}


def test_a_line_inside_a_function_is_cut_out(tmp_path: Path) -> None:
    row = document("quay", "lib/quay.ex", TEXT, "test")
    functions = [
        function(row, "Quay", "moor", 1, clauses=[clause(2, 6)]),
        function(row, "Quay", "leave", 1, clauses=[clause(8, 8)]),
    ]
    release = write_release(tmp_path / "release", [row], functions)
    (gap,) = gaps(release, "test", 10)
    assert gap.line in ("    check(ship)", "    {:ok, ship}")
    assert gap.prefix + gap.line + gap.suffix == TEXT
    assert list(gaps(release, "test", 10)) == [gap]
    assert list(gaps(release, "validation", 10)) == []


def test_an_empty_line_is_not_asked_for() -> None:
    assert {cut_out(str(n), TEXT, [3, 4, 5]).line for n in range(50)} == {
        "    check(ship)",
        "    {:ok, ship}",
    }


def test_what_stands_far_away_is_left_out() -> None:
    long = "# far\n" * 2000
    gap = cut_out("a", f"{long}    here\n{long}", [2001])
    assert gap.line == "    here"
    assert len(gap.prefix) == len(gap.suffix) == 4000
    assert gap.prefix.endswith("# far\n")
    assert gap.suffix.startswith("\n# far")


def test_a_file_without_such_functions_has_no_gap(tmp_path: Path) -> None:
    row = document("quay", "lib/quay.ex", TEXT, "test")
    short = [function(row, "Quay", "leave", 1, clauses=[clause(8, 8)])]
    release = write_release(tmp_path / "release", [row], short)
    assert list(gaps(release, "test", 10)) == []


def test_one_gap_a_document_and_no_more_than_asked_for(tmp_path: Path) -> None:
    rows = [document("quay", f"lib/quay_{n}.ex", f"{TEXT}# {n}\n", "test") for n in range(4)]
    functions = [function(each, "Quay", "moor", 1, clauses=[clause(2, 6)]) for each in rows]
    release = write_release(tmp_path / "release", rows, functions)
    every = list(gaps(release, "test", 10))
    assert {each.document_id for each in every} == {row["document_id"] for row in rows}
    assert len(every) == 4
    assert list(gaps(release, "test", 2)) == every[:2]


def test_a_model_that_knows_the_file_fills_every_gap(tiny_model: Path) -> None:
    tokenizer = open_tokenizer(str(tiny_model))
    knows = [fill(Recites(tokenizer, TEXT), each, Sampling()) for each in GAPS]
    assert knows == [
        "    check(ship)",
        "    {:ok, ship}",
        "  def leave(ship), do: {:ok, ship}",
    ]
    assert all(map(Gap.is_filled_by, GAPS, knows))
    recites = Recites(tokenizer, "defmodule Pier do\nend\n")
    does_not = [fill(recites, each, Sampling()) for each in GAPS]
    assert not any(map(Gap.is_filled_by, GAPS, does_not))


@pytest.mark.parametrize(
    ("written", "is_exact"),
    [
        ("    {:ok, ship}", True),
        ("{:ok, ship}  ", True),
        ("    {:ok,  ship}", False),
        ("    {:ok, ship", False),
        ("    {:ok, ship} # moored", False),
        ("", False),
    ],
)
def test_blanks_around_a_line_are_all_that_may_differ(written: str, is_exact: bool) -> None:
    gap = Gap("a", "def moor(ship) do\n", "    {:ok, ship}", "\nend\n")
    assert gap.is_filled_by(written) is is_exact


def test_a_tokenizer_without_the_tokens_cannot_be_asked(tmp_path: Path) -> None:
    tokenizer = open_tokenizer(small_chatml(tmp_path / "chatml"))
    with pytest.raises(InfillingUnsupported, match="chatml"):
        fill(Recites(tokenizer, TEXT), GAPS[0], Sampling())
