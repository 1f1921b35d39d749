import shutil
from pathlib import Path

import pytest

from benchmarks.extraction import ERLANG, compiler, score

HARD_CASES = Path(__file__).with_name("hard_cases.erl")

pytestmark = [
    pytest.mark.toolchain,
    pytest.mark.skipif(shutil.which("escript") is None, reason="needs Debian's package erlang"),
]


def test_the_hard_cases_read_as_erlang_reads_them() -> None:
    scores, refused = score({HARD_CASES: HARD_CASES.read_bytes()}, ERLANG)
    assert refused == []
    differences = {
        kind: (each.only_compiler, each.only_ours)
        for kind, each in scores.items()
        if each.only_compiler or each.only_ours
    }
    assert differences == {}
    assert {kind: each.both for kind, each in scores.items()} == {
        "modules": 1, "functions": 11, "clause lines": 13, "docs": 4, "moduledocs": 1,
        "doc texts": 4, "specs": 2, "behaviours": 1, "exports": 4, "types": 2, "callbacks": 2,
    }  # fmt: skip


def test_triple_quotes_are_read_by_a_toolchain_before_otp_27_too(tmp_path: Path) -> None:
    newer = tmp_path / "newer.erl"
    newer.write_text(
        '-module(newer).\n-moduledoc """\n  It\'s "quoted", \\\\ and ".\n\n  """.\n'
        '%% """\n-doc """"\nIn """ three.\n"""".\nf() -> {$", "\\"""", \'"""\'}.\n'
        'g() -> """\n a. b\n """.\n'
    )
    scores, refused = score({newer: newer.read_bytes()}, ERLANG)
    assert refused == []
    assert all(each.only_compiler == each.only_ours == [] for each in scores.values())
    found = {kind: scores[kind].both for kind in ("functions", "docs", "moduledocs", "doc texts")}
    assert found == {"functions": 2, "docs": 1, "moduledocs": 1, "doc texts": 2}


def test_a_file_that_erlang_cannot_scan_is_told_apart_from_a_difference(tmp_path: Path) -> None:
    broken = tmp_path / "broken.erl"
    broken.write_text('-module(broken).\nf() -> "open.\n')
    (refusal,) = compiler([broken], ERLANG)
    assert refusal["path"] == str(broken)
    assert refusal["error"].startswith("2: unterminated string")
