import hashlib
import os
import shutil
import signal
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from corpus.build import NothingToBuild, build
from corpus.configuration import BuildConfig
from corpus.executor import Cluster, Executor, connect
from corpus.ingest.bundle import IngestConfig
from corpus.reasons import Reason
from corpus.release import DamagedRelease, GateSummary, Release, finalize, verify
from corpus.release.planning import ShardLimits
from corpus.store import ArchiveStore, Link
from quality.report.publishing import compose
from tests import programs
from tests.executors import LASTING
from tests.stores import MIT, WORDS, add, module, small_store

COMMAND = ["corpus", "build"]


def contents(folder: Path) -> dict[str, str]:
    """Return the digest of every file of a release or candidate, by path.

    `timings.json` is no part of it: no build takes the same seconds twice.
    """
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name != "timings.json"
    }


def built(store: ArchiveStore, out: Path, executor: Executor = LASTING) -> Release:
    return build(store, out, BuildConfig(), executor)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> ArchiveStore:
    return small_store(tmp_path_factory.mktemp("store"))


@pytest.fixture(scope="module")
def candidate(store: ArchiveStore, tmp_path_factory: pytest.TempPathFactory) -> Release:
    with connect(0, None) as executor:
        return built(store, tmp_path_factory.mktemp("out"), executor)


def test_documents_and_rejects_are_all_files_that_were_seen(candidate: Release) -> None:
    documents = candidate.read("documents", ["package", "path"]).to_pylist()
    rejects = candidate.read("rejects", ["package", "path", "reason"]).to_pylist()
    assert len(documents) == 12
    files = [row for row in rejects if row["path"]]
    assert sorted((row["package"], row["path"], row["reason"]) for row in files) == [
        ("anchor", "LICENSE", "not_source_code"),
        ("copied", "LICENSE", "not_source_code"),
        ("copied", "lib/again.ex", "exact_duplicate"),
        ("ember", "LICENSE", "not_source_code"),
        ("gnu", "lib/gnu.ex", "license_not_permitted"),
        ("island", "LICENSE", "not_source_code"),
        ("meadow", "LICENSE", "not_source_code"),
        ("quarry", "LICENSE", "not_source_code"),
        ("umbrella", "LICENSE", "not_source_code"),
    ]
    assert candidate.manifest.files_seen == 12 + 9
    assert candidate.manifest.stages[-1].files_out == 12


def test_an_archive_that_was_never_fetched_is_in_the_account(candidate: Release) -> None:
    rejects = candidate.read("rejects", ["package", "path", "stage", "reason"]).to_pylist()
    assert {"package": "lost", "path": "", "stage": "crawl", "reason": "gone"} in rejects
    assert candidate.manifest.archives_seen == 9
    assert candidate.manifest.archives_rejected == {"gone": 1}


def test_a_file_under_another_licence_is_credited_and_told(tmp_path: Path) -> None:
    store = small_store(tmp_path / "store")
    own = b"# SPDX-License-Identifier: ISC\n" + module("Mixed", "gravel hollow ivory")
    closed = b"# Copyright Acme. Strictly confidential.\n" + module("Closed", "jasper kiln")
    add(store, "mixed", {"LICENSE": MIT, "lib/mixed.ex": own, "lib/closed.ex": closed})
    release = built(store, tmp_path / "out")
    rows = pq.read_table(release.path / "attribution.parquet").to_pylist()
    (row,) = [row for row in rows if row["package"] == "mixed"]
    assert (row["license_expression"], row["documents"]) == ("MIT", 1)
    assert row["document_licenses"] == [{"expression": "ISC", "documents": 1}]
    assert compose(release, None)["licenses"]["own"] == [
        {"package": "MIT", "expression": "ISC", "documents": 1}
    ]
    reasons = {
        row["path"]: (row["stage"], row["reason"], row["detail"])
        for row in release.read("rejects", ["path", "stage", "reason", "detail"]).to_pylist()
    }
    assert reasons["lib/closed.ex"] == (
        "license",
        "file_license_proprietary",
        "'Strictly confidential' in lib/closed.ex",
    )


def test_a_candidate_verifies(candidate: Release) -> None:
    assert verify(candidate) == []


def test_every_row_says_where_it_came_from(candidate: Release, store: ArchiveStore) -> None:
    checksums = {archive.sha256: archive.name for archive in store.archives()}
    for row in candidate.read("documents", ["archive_sha256", "package", "path"]).to_pylist():
        assert checksums[row["archive_sha256"]] == row["package"]


def test_two_workers_give_the_same_bytes_as_none(
    store: ArchiveStore, candidate: Release, tmp_path: Path
) -> None:
    with connect(2, None) as executor:
        assert contents(built(store, tmp_path, executor).path) == contents(candidate.path)


def test_a_cluster_that_already_runs_gives_the_same_bytes(
    store: ArchiveStore, candidate: Release, tmp_path: Path
) -> None:
    from distributed import LocalCluster

    with (
        LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address="127.0.0.1:0") as cluster,
        connect(1, Cluster(cluster.scheduler_address)) as executor,
    ):
        release = built(store, tmp_path, executor)
        assert len(cluster.workers) == 2
    assert contents(release.path) == contents(candidate.path)


def test_what_a_killed_build_left_in_its_candidate_is_swept(
    store: ArchiveStore, tmp_path: Path
) -> None:
    whole = built(store, tmp_path)
    expected = contents(whole.path)
    (whole.path / "data" / ".train.parquet.x.tmp").write_bytes(b"half")
    assert contents(built(store, tmp_path).path) == expected


def test_versions_of_a_package_may_link_to_different_places(tmp_path: Path) -> None:
    store = ArchiveStore(tmp_path / "store")
    for version, address in (("1.0.0", "https://one.example"), ("1.1.0", "https://two.example")):
        files = {"lib/a.ex": module("A", f"alpha{version[2]}")}
        archive = add(store, "moved", files, version=version)
        linked = replace(archive, links=(Link("Source", address),))
        store.put(linked, store.read(archive))
    assert built(store, tmp_path / "out").manifest.files_seen == 2


def test_the_version_is_the_month_of_the_newest_publication(tmp_path: Path) -> None:
    store = ArchiveStore(tmp_path / "store")
    for name, published in (("old", "2024-02-01T00:00:00Z"), ("new", "2025-07-09T00:00:00Z")):
        archive = add(store, name, {f"lib/{name}.ex": module(name.title(), f"{name}est")})
        store.put(replace(archive, published_at=published), store.read(archive))
    assert built(store, tmp_path / "out").manifest.version == "2025.07.1"


def test_an_empty_store_says_how_to_fill_it(tmp_path: Path) -> None:
    with pytest.raises(NothingToBuild, match="scrapy crawl hex"):
        build(ArchiveStore(tmp_path), tmp_path, BuildConfig(), LASTING)


def test_a_damaged_archive_costs_itself_only(tmp_path: Path) -> None:
    store = small_store(tmp_path / "store")
    add(store, "torn", {}, body=b"not a tarball")
    altered = add(store, "altered", {"lib/a.ex": b"1"})
    store.path(altered).write_bytes(b"something else")
    store.path(add(store, "removed", {"lib/b.ex": b"2"})).unlink()
    release = built(store, tmp_path / "out")
    assert release.manifest.archives_rejected == {
        Reason.CHECKSUM_MISMATCH: 2,
        Reason.GONE: 1,
        Reason.NOT_A_TARBALL: 1,
    }
    assert release.read("documents", ["path"]).num_rows == 12
    told = release.read("rejects", ["package", "detail"]).to_pylist()
    details = {row["package"]: row["detail"] for row in told}
    assert details["altered"].startswith("altered-1.0.0.tar: 14 bytes with sha256")
    assert details["removed"].startswith("removed-1.0.0.tar is not in the store any more")


def test_an_archive_that_was_mended_is_read_by_the_next_build(tmp_path: Path) -> None:
    store = ArchiveStore(tmp_path / "store")
    add(store, "good", {"lib/a.ex": module("A", "alpha")})
    path = store.path(add(store, "torn", {"lib/b.ex": module("B", "bravo")}))
    whole = path.read_bytes()
    path.write_bytes(whole[:-5])
    assert built(store, tmp_path / "out").manifest.files_seen == 1
    path.write_bytes(whole)
    assert built(store, tmp_path / "out").manifest.files_seen == 2


def test_the_same_archive_under_another_name_is_read_once(tmp_path: Path) -> None:
    store = ArchiveStore(tmp_path / "store")
    body = store.read(add(store, "first", {"lib/a.ex": module("A", "alpha")}))
    add(store, "second", {}, body=body)
    release = built(store, tmp_path / "out")
    assert release.manifest.archives_rejected == {Reason.DUPLICATE_ARCHIVE: 1}
    (row,) = release.read("rejects", ["package", "path", "detail"]).to_pylist()
    assert row == {
        "package": "second",
        "path": "",
        "detail": "the same bytes as hex first 1.0.0",
    }
    assert release.manifest.archives_seen == 2


def test_equal_bytes_in_two_languages_are_one_document(tmp_path: Path) -> None:
    store = ArchiveStore(tmp_path / "store")
    # To EEx all of it is one token after the other; to Elixir half of it is comments.
    page = b"defmodule Page do\n  # %> what follows <% is a comment\n  def a(b), do: {b, 1}\nend\n"
    add(store, "web", {"lib/page.ex": page, "priv/templates/page.ex": page})
    release = built(store, tmp_path / "out")
    documents = release.read("documents", ["path", "language"]).to_pylist()
    assert documents == [{"path": "lib/page.ex", "language": "elixir"}]
    rejects = release.read("rejects", ["path", "reason"]).to_pylist()
    assert rejects == [{"path": "priv/templates/page.ex", "reason": "exact_duplicate"}]


def test_rows_are_cut_into_shards_and_row_groups_and_nothing_is_lost(
    store: ArchiveStore, candidate: Release, tmp_path: Path
) -> None:
    limits = ShardLimits(
        shard_text_bytes=2000, row_group_text_bytes=700, shard_rows=9, row_group_rows=4
    )
    config = BuildConfig(shards=limits, ingest=IngestConfig(bundle_bytes=1))
    small = build(store, tmp_path, config, LASTING)
    assert verify(small) == []
    assert len(small.shards("documents")) > len(candidate.shards("documents"))
    for table in ("documents", "functions", "modules", "signals", "instruct", "rejects", "origin"):
        assert small.read(table).equals(candidate.read(table))


def test_shards_of_work_that_was_deleted_are_not_mixed_with_others(
    store: ArchiveStore, tmp_path: Path
) -> None:
    whole = built(store, tmp_path)
    expected = contents(whole.path)
    shard = whole.path / whole.shards("documents", "train")[0].path
    shard.write_bytes((whole.path / whole.shards("documents", "test")[0].path).read_bytes())
    shutil.rmtree(tmp_path / "work")
    assert contents(built(store, tmp_path).path) == expected


def test_archives_that_all_changed_are_not_called_missing(tmp_path: Path) -> None:
    store = ArchiveStore(tmp_path / "store")
    path = store.path(add(store, "torn", {"lib/a.ex": module("A", "alpha")}))
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(NothingToBuild, match=r"no archive of 1 can be read. .* torn 1\.0\.0"):
        built(store, tmp_path / "out")


def test_one_text_that_defines_two_modules_is_left_out_once(tmp_path: Path) -> None:
    store = ArchiveStore(tmp_path / "store")
    source = b"""defimpl Shown, for: [Date, Time] do
  @doc "Shows a value to people, with its unit, in the language that they asked for."
  def show(value, language), do: Words.translate(to_string(value), language, unit: value.unit)
end
"""
    add(store, "shown", {"lib/shown.ex": source})
    release = built(store, tmp_path / "out")
    assert release.read("functions", ["name"]).num_rows == 2
    assert release.read("instruct", ["id"]).num_rows == 0
    left_out = release.manifest.instructions_left_out_by_kind
    assert left_out == {"documentation_to_function": {"unresolved": 1}}


def test_a_release_that_was_damaged_is_not_taken_for_the_result(
    store: ArchiveStore, tmp_path: Path
) -> None:
    candidate = built(store, tmp_path)
    (candidate.path / "report.json").write_text("{}")
    gate = GateSummary(outcome="passed", checks=1, failed=())
    release = finalize(candidate, gate, tmp_path / candidate.manifest.version)
    assert built(store, tmp_path) == release
    (release.path / release.manifest.shards[0].path).write_bytes(b"")
    with pytest.raises(DamagedRelease, match="move the folder away and run"):
        built(store, tmp_path)


MILESTONES = (
    "work/parts/*/documents.arrow",
    "work/*/clusters.arrow",
    "work/*/runs/*.arrow",
    "*.candidate-*/manifest.json",
)
"""Files that say how far a build is, in order."""


def test_a_build_that_was_killed_goes_on_and_ends_in_the_same_bytes(
    store: ArchiveStore, tmp_path: Path
) -> None:
    def command(out: Path, workers: int) -> list[str]:
        told = ["--archives", str(store.root), "--out", str(out), "--workers", str(workers)]
        return [*COMMAND, *told]

    whole, killed = tmp_path / "whole", tmp_path / "killed"
    done = programs.run(command(whole, workers=0))
    assert done.returncode == 0, done.stderr
    for milestone in MILESTONES:
        with programs.started(command(killed, workers=1)) as running:
            while not list(killed.glob(milestone)):
                assert running.poll() is None
                time.sleep(0.005)
            os.killpg(running.pid, signal.SIGKILL)
            assert running.wait() == -signal.SIGKILL
    parts = {path: path.stat().st_ino for path in killed.glob(MILESTONES[0])}
    resumed = programs.run(command(killed, workers=0))
    assert resumed.returncode == 0, resumed.stderr
    assert {path: path.stat().st_ino for path in killed.glob(MILESTONES[0])} == parts
    assert contents(killed / "2026.11.1") == contents(whole / "2026.11.1")


POISON = """
import os, signal
from corpus.ingest import source_file

extract = source_file.EXTRACTORS["elixir"]

def extract_or_die(text):
    if b"poison" in text:
        os.kill(os.getpid(), signal.SIGKILL)
    return extract(text)

source_file.EXTRACTORS["elixir"] = extract_or_die
"""


def test_a_file_that_kills_its_worker_costs_itself_only(tmp_path: Path) -> None:
    store = small_store(tmp_path / "store")
    files = {"lib/good.ex": module("Good", "fine"), "lib/bad.ex": module("Bad", "poison")}
    add(store, "bad", files)
    (tmp_path / "path").mkdir()
    (tmp_path / "path" / "sitecustomize.py").write_text(POISON)
    told = ["--archives", str(store.root), "--out", str(tmp_path / "out"), "--workers", "1"]
    done = programs.run([*COMMAND, *told], {"PYTHONPATH": str(tmp_path / "path")})
    assert done.returncode == 0, done.stderr
    release = Release.open(tmp_path / "out" / "2026.11.1")
    assert release.read("documents", ["path"]).num_rows == 13
    rejects = release.read("rejects", ["path", "stage", "reason"]).to_pylist()
    assert {"path": "lib/bad.ex", "stage": "parse", "reason": "killed_worker"} in rejects


@pytest.fixture
def interruptible() -> Iterator[None]:
    """Processes started meanwhile heed SIGINT, as those in the background of a shell do not."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("interruptible")
def test_an_interrupted_build_says_how_to_go_on(store: ArchiveStore, tmp_path: Path) -> None:
    command = [*COMMAND, "--archives", str(store.root), "--out", str(tmp_path), "--workers", "2"]
    with (
        (tmp_path / "said").open("wb") as file,
        programs.started(command, streams=(0, 1, file.fileno())) as running,
    ):
        while not list(tmp_path.glob("work/parts/*/documents.arrow")):
            assert running.poll() is None
            time.sleep(0.05)
        os.killpg(running.pid, signal.SIGINT)
        # Python ends itself by the signal where that came inside exec(), although it was handled.
        assert running.wait(60) in (130, -signal.SIGINT)
    said = (tmp_path / "said").read_text(encoding="utf-8")
    assert said.splitlines()[-1] == (
        "error: interrupted. Finished parts are kept; the same command resumes."
    )


MODULES = (
    "anchor basket candle dragon ember falcon",
    "garden harbor island jungle kettle lantern",
    "meadow needle orchard pepper quarry ribbon",
    "saddle temple umbrella valley window yonder",
)


def well_known(root: Path, published: str | None, copied: str | None) -> ArchiveStore:
    """Return a store with a package `web`, and `aaa_web`, a copy of it with three changed lines."""
    store = ArchiveStore(root)
    files = {"LICENSE": MIT} | {
        f"lib/{words.split()[0]}.ex": module(words.split()[0].title(), words) for words in MODULES
    }
    copies = {
        path: text.replace(b"candle_value * 2", b"candle_value * 22")
        .replace(b"kettle_value * 4", b"kettle_value + 4")
        .replace(b"saddle_value, times", b"saddle_value, n")
        for path, text in files.items()
    }
    assert sum(copies[path] != text for path, text in files.items()) == 3
    add(store, "web", files, version="3.1.0", published_at=published)
    add(store, "aaa_web", copies, version="0.0.1", published_at=copied)
    for index, words in enumerate(WORDS[:3]):
        add(
            store,
            f"other{index}",
            {"LICENSE": MIT, "lib/o.ex": module(f"O{index}", words.replace(" ", "s "))},
        )
    return store


@pytest.mark.parametrize("copied", ["2024-03-01T10:00:00Z", None])
def test_a_later_copy_under_another_name_does_not_displace_the_original(
    tmp_path: Path, copied: str | None
) -> None:
    store = well_known(tmp_path / "store", "2015-06-01T10:00:00Z", copied)
    release = built(store, tmp_path / "out")
    documents = release.read("documents", ["package", "path"]).to_pylist()
    assert sorted(row["path"] for row in documents if row["package"] == "web") == [
        "lib/anchor.ex",
        "lib/garden.ex",
        "lib/meadow.ex",
        "lib/saddle.ex",
    ]
    assert "aaa_web" not in {row["package"] for row in documents}
    attribution = pq.read_table(release.path / "attribution.parquet").to_pylist()
    assert {row["package"]: row["documents"] for row in attribution} == {
        "web": 4,
        "other0": 1,
        "other1": 1,
        "other2": 1,
    }
    rejects = release.read("rejects", ["package", "path", "reason", "functions_lost"]).to_pylist()
    assert sorted(tuple(r.values())[1:] for r in rejects if r["package"] == "aaa_web") == [
        ("LICENSE", "not_source_code", None),
        ("lib/anchor.ex", "near_duplicate", 1),
        ("lib/garden.ex", "near_duplicate", 1),
        ("lib/meadow.ex", "exact_duplicate", 0),
        ("lib/saddle.ex", "near_duplicate", 1),
    ]


CHECK = """defmodule Shop.Check.{name}Literals do
  use Shop.Check, category: :readability, explanations: [check: "Literals are written one way."]

  def run(source_file, params) do
    issue_meta = IssueMeta.for(source_file, params)
    Shop.Code.prewalk(source_file, &traverse(&1, &2, issue_meta))
  end

  defp traverse({{:sigil, meta, [text, modifiers]}} = ast, issues, issue_meta) do
    if modifiers == [] and literal?(text), do: {{ast, [issue(meta, issue_meta) | issues]}},
      else: {{ast, issues}}
  end

  defp traverse(ast, issues, _issue_meta), do: {{ast, issues}}

  defp literal?(text), do: {literal}

  defp issue(meta, issue_meta) do
    format_issue(issue_meta, message: "Prefer plain literals.", line_no: meta[:line], column: 1)
  end
end
"""


def test_modules_of_one_package_that_share_a_shape_are_all_kept(tmp_path: Path) -> None:
    """The string and the charlist variant of one check, and a copy that only has another name."""
    store = ArchiveStore(tmp_path / "store")
    files = {
        "LICENSE": MIT,
        "lib/string.ex": CHECK.format(name="String", literal="is_binary(text)").encode(),
        "lib/charlist.ex": CHECK.format(name="Charlist", literal="is_list(text)").encode(),
        "lib/text.ex": CHECK.format(name="Text", literal="is_binary(text)").encode(),
    }
    add(store, "shop", files, published_at="2015-06-01T10:00:00Z")
    fork = {path.replace("lib", "src"): text for path, text in files.items() if "text" not in path}
    fork["src/string.ex"] = fork["src/string.ex"].replace(b"column: 1", b"column: 2")
    add(store, "afork", fork, published_at="2016-06-01T10:00:00Z")
    release = built(store, tmp_path / "out")
    documents = release.read("documents", ["package", "path"]).to_pylist()
    assert sorted((row["package"], row["path"]) for row in documents) == [
        ("shop", "lib/charlist.ex"),
        ("shop", "lib/string.ex"),
    ]
