import json
from pathlib import Path

import pytest

from corpus.release import Release
from tests.releases import document, function, write_release
from train.dataset.sources import NoReplayText
from train.evaluate.benchmarks import UnusableBenchmark
from train.evaluate.comparison import CannotEvaluate, Inputs, Request, gathered


@pytest.fixture(scope="module")
def release(tmp_path_factory: pytest.TempPathFactory) -> Release:
    rows = [document("quay", "lib/quay.ex", "defmodule Quay do\nend\n", "test")]
    short = [function(rows[0], "Quay", "moor", 1)]
    return write_release(tmp_path_factory.mktemp("release") / "one", rows, short)


def asked(
    release: Release, general: Path | None = None, gaps: int = 0, benchmarks: tuple[str, ...] = ()
) -> Inputs:
    request = Request(
        run=Path("run"), documents=0, general=general, gaps=gaps, benchmarks=benchmarks
    )
    return gathered(request, release)


def multipl_e(path: Path, *names: str) -> str:
    """Write a benchmark of problems with these names; return how it is asked for."""
    rows = [
        {"name": name, "prompt": "", "tests": "", "stop_tokens": [], "language": "elixir"}
        for name in names
    ]
    path.write_text("".join(f"{json.dumps(row)}\n" for row in rows), encoding="utf-8")
    return f"multipl-e={path}"


def test_nothing_more_is_gathered_than_was_asked_for(release: Release) -> None:
    inputs = asked(release)
    assert [each.package for each in inputs.documents] == ["quay"]
    assert (*inputs.general, *inputs.gaps, *inputs.problems) == ()


def test_a_split_without_documents_will_do_where_nothing_needs_them(release: Release) -> None:
    def asked_of(
        split: str, *benchmarks: str, general: Path | None = None, gaps: int = 0
    ) -> Inputs:
        request = Request(
            run=Path("run"),
            split=split,
            documents=0,
            general=general,
            gaps=gaps,
            benchmarks=benchmarks,
        )
        return gathered(request, release)

    inputs = asked_of("validation", "otp")
    assert (len(inputs.documents), len(inputs.problems)) == (0, 8)
    with pytest.raises(CannotEvaluate, match="no document in the split 'validation'"):
        asked_of("validation")
    with pytest.raises(CannotEvaluate, match="no document in the split 'tset'"):
        asked_of("tset", "otp")
    with pytest.raises(UnusableBenchmark, match="no function for it in the split validation"):
        asked_of("validation", "otp", "doctests")
    with pytest.raises(CannotEvaluate, match="--gaps: no function"):
        asked_of("validation", gaps=3)


def test_a_benchmark_that_is_named_twice_is_asked_once(release: Release, tmp_path: Path) -> None:
    file = multipl_e(tmp_path / "a.jsonl", "one", "two")
    once = asked(release, benchmarks=("otp", file)).problems
    assert asked(release, benchmarks=("otp", file, "otp", file)).problems == once
    assert [each.identity for each in once[-2:]] == ["multipl-e/one", "multipl-e/two"]


def test_a_problem_of_two_benchmarks_is_refused(release: Release, tmp_path: Path) -> None:
    both = multipl_e(tmp_path / "a.jsonl", "one", "two"), multipl_e(tmp_path / "b.jsonl", "two")
    with pytest.raises(UnusableBenchmark, match=r"b\.jsonl: multipl-e/two is in another benchmark"):
        asked(release, benchmarks=both)


def test_a_folder_with_variants_of_one_problem_is_refused(release: Release, tmp_path: Path) -> None:
    multipl_e(tmp_path / "keep.jsonl", "one", "two")
    multipl_e(tmp_path / "reworded.jsonl", "two", "three")
    with pytest.raises(UnusableBenchmark, match="multipl-e/two is there twice; name one file"):
        asked(release, benchmarks=(f"multipl-e={tmp_path}",))


def test_a_benchmark_without_a_problem_is_refused(release: Release, tmp_path: Path) -> None:
    for cut in ("doctests", "callbacks"):
        with pytest.raises(UnusableBenchmark, match="has no function for it in the split test"):
            asked(release, benchmarks=(cut,))
    with pytest.raises(UnusableBenchmark, match="it holds no problem in Elixir"):
        asked(release, benchmarks=(multipl_e(tmp_path / "a.jsonl"),))


def test_gaps_that_nothing_can_be_cut_out_of_are_refused(release: Release) -> None:
    with pytest.raises(CannotEvaluate, match="three lines or more"):
        asked(release, gaps=5)


def test_general_text_that_holds_none_is_refused(release: Release, tmp_path: Path) -> None:
    (tmp_path / "empty.jsonl").write_text('{"text": ""}\n')
    with pytest.raises(NoReplayText, match=r"empty\.jsonl: it holds no text"):
        asked(release, general=tmp_path / "empty.jsonl")
