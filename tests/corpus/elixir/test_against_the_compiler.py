import shutil
from pathlib import Path

import pytest

from benchmarks.extraction import compiler, score

HARD_CASES = Path(__file__).with_name("hard_cases.ex")

pytestmark = [
    pytest.mark.toolchain,
    pytest.mark.skipif(shutil.which("elixir") is None, reason="needs Debian's package elixir"),
]


def test_the_hard_cases_read_as_the_compiler_reads_them() -> None:
    scores, refused = score({HARD_CASES: HARD_CASES.read_bytes()})
    assert refused == []
    differences = {
        kind: (each.only_compiler, each.only_ours)
        for kind, each in scores.items()
        if each.only_compiler or each.only_ours
    }
    assert differences == {}
    assert {kind: each.both for kind, each in scores.items()} == {
        "modules": 30, "functions": 103, "clause lines": 113, "docs": 18, "moduledocs": 4,
        "doc texts": 16, "specs": 8, "defaults": 6, "impl": 5, "uses": 12, "behaviours": 14,
    }  # fmt: skip


def test_syntax_newer_than_the_toolchain_is_told_apart_from_a_difference(tmp_path: Path) -> None:
    newer = tmp_path / "newer.ex"
    newer.write_text("defmodule A do\n  def f(, do: 1\nend\n")
    scores, (refusal,) = score({newer: newer.read_bytes()})
    assert refusal["path"] == str(newer)
    assert refusal["error"].startswith("unexpected reserved word: end")
    assert all(each.both == 0 for each in scores.values())


def test_the_compiler_is_asked_about_each_file_in_order(tmp_path: Path) -> None:
    paths = [tmp_path / name for name in ("b.ex", "a.exs")]
    for path in paths:
        path.write_text(f"defmodule {path.stem.upper()} do\nend\n")
    assert [report["modules"][0]["name"] for report in compiler(paths)] == ["B", "A"]
