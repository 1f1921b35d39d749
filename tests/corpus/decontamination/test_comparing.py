"""Documents that hold a problem of a benchmark are rejects, with all that follows from them."""

from collections.abc import Callable, Iterator, Sequence
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from corpus.build import build, plan_build
from corpus.configuration import BuildConfig
from corpus.decontamination.benchmarks import Benchmark, read_benchmarks
from corpus.decontamination.comparing import write_matches
from corpus.executor import Killed, Serial
from corpus.ingest.bundle import IngestConfig
from corpus.optout.ledger import Kind, Ledger, removal
from corpus.release import Release
from corpus.store import ArchiveStore
from elixir_corpus import build_release
from quality.gate import judge
from quality.report.publishing import compose
from quality.verdict import Outcome
from tests.corpus.decontamination.problems import (
    PROMPT,
    RENAMED,
    SOLUTION,
    TESTS,
    harbour,
    lines,
)
from tests.executors import LASTING, Result, Task
from tests.stores import MIT, add, module, small_store

OAR = module("Oar", "blade shaft grip collar")
FILES = {
    "LICENSE": MIT,
    "lib/oar.ex": OAR,
    "lib/tolls.ex": SOLUTION.encode(),
    "lib/costs.ex": b"# Notes on the zoo.\n" + RENAMED.encode(),
    "test/tolls_test.exs": TESTS.encode(),
}


@pytest.fixture
def store(tmp_path: Path) -> ArchiveStore:
    store = small_store(tmp_path / "store")
    add(store, "ferry", FILES)
    add(store, "pier", {"LICENSE": MIT, "lib/tolls.ex": b"# Ours.\n" + SOLUTION.encode()})
    return store


@pytest.fixture
def benchmarks(tmp_path: Path) -> tuple[Benchmark, ...]:
    return read_benchmarks([harbour(tmp_path / "benchmarks")])


def rejects(release: Release) -> dict[str, dict[str, Any]]:
    columns = ["package", "path", "stage", "reason", "detail", "content_id", "representative_id"]
    rows = release.read("rejects", columns).to_pylist()
    names = ("ferry", "pier", "deck", "mast")
    return {
        f"{row['package']}/{row['path']}": row
        for row in rows
        if row["package"] in names and row["path"] != "LICENSE"
    }


def documents(release: Release) -> set[str]:
    """Return the documents of the packages that are added to the small store."""
    rows = release.read("documents", ["package", "path"]).to_pylist()
    names = ("ferry", "pier", "deck", "mast")
    return {f"{row['package']}/{row['path']}" for row in rows if row["package"] in names}


def subjects(release: Release) -> set[str]:
    """Return what instruction rows ask for."""
    return {row["subject"] for row in release.read("instruct", ["subject"]).to_pylist()}


def test_documents_with_problems_are_rejects_with_all_that_is_made_of_them(
    store: ArchiveStore, tmp_path: Path, benchmarks: tuple[Benchmark, ...]
) -> None:
    release = build(store, tmp_path / "out", BuildConfig(), Serial(), benchmarks=benchmarks)
    assert documents(release) == {"ferry/lib/oar.ex"}
    found = rejects(release)
    assert {(row["stage"], row["reason"]) for row in found.values()} == {
        ("decontaminate", "contaminated")
    }
    assert all(row["content_id"] and not row["representative_id"] for row in found.values())
    assert {name: row["detail"].partition(", lines ")[2] for name, row in found.items()} == {
        "ferry/lib/tolls.ex": "1 to 19",
        "pier/lib/tolls.ex": "2 to 20",
        "ferry/lib/costs.ex": "2 to 18",
        "ferry/test/tolls_test.exs": "1 to 10",
    }
    assert found["ferry/lib/costs.ex"]["detail"].startswith(
        "solution of harbour tolls by structure"
    )
    modules = {row["module"] for row in release.read("functions", ["module"]).to_pylist()}
    assert {"Oar", "Ember"} <= modules
    assert not {name for name in modules if name.startswith(("Ferry", "Zoo"))}
    assert not {each for each in subjects(release) if each.startswith(("Ferry", "Zoo"))}
    assert "pier" not in release.read("origin", ["package"])["package"].to_pylist()
    assert judge(release).summary().failed == ()


def test_the_manifest_and_the_report_tell_both_sides(
    store: ArchiveStore, tmp_path: Path, benchmarks: tuple[Benchmark, ...]
) -> None:
    release = build(store, tmp_path / "out", BuildConfig(), Serial(), benchmarks=benchmarks)
    (told,) = release.manifest.benchmarks
    assert (told.name, told.digest) == ("harbour", benchmarks[0].digest)
    assert (told.files, told.problems, told.compared, told.documents) == (1, 1, 1, 4)
    assert told.found == {"tolls": 4}
    section: Any = compose(release, None)["contamination"]
    assert section["measured"] is True
    assert section["documents"] == 4
    assert "Every document was compared with harbour before" in section["statement"]
    assert section["benchmarks"][0]["most_copied"] == [{"problem": "tolls", "documents": 4}]


def test_the_report_names_no_benchmark_whose_problems_are_all_too_short(
    store: ArchiveStore, tmp_path: Path
) -> None:
    path = tmp_path / "short.jsonl"
    path.write_text(lines({"id": "one", "prompt": "Add two numbers."}))
    short = read_benchmarks([str(path)])
    release = build(store, tmp_path / "out", BuildConfig(), Serial(), benchmarks=short)
    assert [each.compared for each in release.manifest.benchmarks] == [0]
    section: Any = compose(release, None)["contamination"]
    assert "not compared with any benchmark" in section["statement"]


def test_a_duplicate_of_a_matching_document_goes_with_it(
    tmp_path: Path, benchmarks: tuple[Benchmark, ...]
) -> None:
    store = small_store(tmp_path / "store")
    shared = b"\n".join(module(f"Sail{number}", "luff leech foot clew") for number in range(9))
    told = b'defmodule Told do\n  @moduledoc "%s"\nend\n' % PROMPT.encode()
    add(store, "deck", {"LICENSE": MIT, "lib/sail.ex": told + shared})
    add(store, "mast", {"LICENSE": MIT, "lib/sail.ex": b"defmodule Told do\nend\n" + shared})
    release = build(store, tmp_path / "out", BuildConfig(), Serial(), benchmarks=benchmarks)
    assert documents(release) == set()
    found = rejects(release)
    assert found["deck/lib/sail.ex"]["detail"].startswith("prompt of harbour tolls by words, ")
    assert found["mast/lib/sail.ex"]["detail"].startswith(
        "a duplicate of deck/lib/sail.ex, which holds prompt of harbour tolls by words, "
    )
    assert release.manifest.benchmarks[0].found == {"tolls": 1}
    assert judge(release).summary().failed == ()


def test_what_is_opted_out_is_not_told_as_contaminated(
    store: ArchiveStore, tmp_path: Path, benchmarks: tuple[Benchmark, ...]
) -> None:
    asked = [removal(Kind.PACKAGE, "ferry", "asked"), removal(Kind.PACKAGE, "pier", "asked")]
    ledger = Ledger().with_removals(asked, date(2026, 12, 1))
    release = build(
        store, tmp_path / "out", BuildConfig(), Serial(), ledger=ledger, benchmarks=benchmarks
    )
    assert {row["reason"] for row in rejects(release).values()} == {"opted_out"}
    assert release.manifest.benchmarks[0].found == {}


def test_the_same_rows_follow_from_any_number_of_workers(
    store: ArchiveStore, tmp_path: Path, benchmarks: tuple[Benchmark, ...]
) -> None:
    one = build(store, tmp_path / "one", BuildConfig(), Serial(), benchmarks=benchmarks)
    two = build(store, tmp_path / "two", BuildConfig(), LASTING, benchmarks=benchmarks)
    assert one.manifest == two.manifest


def test_other_benchmarks_read_no_archive_again(
    store: ArchiveStore, tmp_path: Path, benchmarks: tuple[Benchmark, ...]
) -> None:
    out, config = tmp_path / "out", BuildConfig()
    plain = build(store, out, config, Serial())
    assert plain.manifest.benchmarks == ()
    assert len(documents(plain)) == 4
    assert {"Ferry.Tolls.total/2", "Zoo.Costs line 4"} <= subjects(plain)
    planned = plan_build(store, out, config, benchmarks=benchmarks)
    runs = {step.stage: step.because for step in planned.steps if step.runs}
    assert runs["compare with benchmarks"] == ("input: benchmarks",)
    assert runs["select documents"] == ("input: matches",)
    assert not runs.keys() & {"read archives", "find duplicates", "assign splits"}


def test_the_main_job_takes_places(store: ArchiveStore, tmp_path: Path) -> None:
    place = f"exam={harbour(tmp_path / 'benchmarks')}"
    built = build_release(store.root, tmp_path / "out", workers=0, benchmarks=[place])
    assert built.failed == ()
    card = (built.release.path / "README.md").read_text()
    assert "| exam | 1 | 1 | 1 | 4 |" in card
    page = (built.release.path / "report.html").read_text()
    assert "Problems in most documents" in page


class Stopped(Serial):
    """Is interrupted before the second comparison."""

    def map(
        self, function: Callable[[Task], Result], tasks: Sequence[Task]
    ) -> Iterator[tuple[Task, Result | Killed[Task]]]:
        """Run tasks in this process."""
        done = super().map(function, tasks)
        if function is not write_matches:
            yield from done
            return
        yield next(iter(done))
        raise KeyboardInterrupt


def test_an_interrupted_comparison_goes_on(
    store: ArchiveStore, tmp_path: Path, benchmarks: tuple[Benchmark, ...]
) -> None:
    config = BuildConfig(ingest=IngestConfig(bundle_bytes=1))
    whole = build(store, tmp_path / "whole", config, LASTING, benchmarks=benchmarks)
    out = tmp_path / "stopped"
    with pytest.raises(KeyboardInterrupt):
        build(store, out, config, Stopped(), benchmarks=benchmarks)
    planned = plan_build(store, out, config, benchmarks=benchmarks)
    (step,) = (each for each in planned.steps if each.stage == "compare with benchmarks")
    assert (step.runs, step.goes_on, step.there) == (True, True, 2)
    assert build(store, out, config, LASTING, benchmarks=benchmarks).manifest == whole.manifest


def test_a_problem_in_many_documents_is_a_warning_of_the_gate(
    store: ArchiveStore, tmp_path: Path, benchmarks: tuple[Benchmark, ...]
) -> None:
    release = build(store, tmp_path / "out", BuildConfig(), Serial(), benchmarks=benchmarks)
    (check,) = [c for c in judge(release).checks if c.name == "corpus.commonest_problem_share"]
    assert check.outcome is Outcome.WARNED
    assert check.expected == "at most 2% of documents hold the same problem of a benchmark"
    (decontaminated,) = [s for s in release.manifest.stages if s.stage == "decontaminate"]
    assert check.observed == f"{4 / decontaminated.files_in:.2%}"
    plain = build(store, tmp_path / "plain", BuildConfig(), Serial())
    (check,) = [c for c in judge(plain).checks if c.name == "corpus.commonest_problem_share"]
    assert check.outcome is Outcome.PASSED
