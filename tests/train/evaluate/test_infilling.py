from pathlib import Path

from tests.releases import document, function, write_release
from train.evaluate.infilling import cut_out, gaps

TEXT = """\
defmodule Quay do
  def moor(ship) do
    check(ship)

    {:ok, ship}
  end

  def leave(ship), do: {:ok, ship}
end
"""


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
