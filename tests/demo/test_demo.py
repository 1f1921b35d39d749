"""The demo from end to end, as `make demo` runs it."""

import json
import re
import subprocess
from collections import Counter
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from corpus.release import Release
from corpus.release import verify as problems_of
from corpus.release.versions import releases_in
from tests import programs

PROJECT = Path(__file__).parents[2]

Row = dict[str, Any]


def run_demo(out: Path) -> subprocess.CompletedProcess[str]:
    return programs.run(["demo", "run", "--out", str(out), "--workers", "0"])


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """Return the folder of the first run, and what it printed."""
    folder = tmp_path_factory.mktemp("demo")
    done = run_demo(folder)
    assert done.returncode == 0, done.stdout + done.stderr
    return folder, done.stdout


@pytest.fixture(scope="module")
def out(ran: tuple[Path, str]) -> Path:
    return ran[0]


@pytest.fixture(scope="module")
def told(ran: tuple[Path, str]) -> str:
    return ran[1]


@pytest.fixture(scope="module")
def release(out: Path) -> Release:
    (built,) = releases_in(out / "releases")
    return built


@pytest.fixture(scope="module")
def rejects(release: Release) -> list[Row]:
    rows: list[Row] = release.read("rejects").to_pylist()
    return rows


@pytest.fixture(scope="module")
def documents(release: Release) -> list[Row]:
    rows: list[Row] = release.read("documents").to_pylist()
    return rows


def test_its_page_names_the_release_that_it_makes(release: Release) -> None:
    page = (PROJECT / "docs" / "how-to" / "demo.md").read_text(encoding="utf-8")
    assert set(re.findall(r"build/demo/releases/(\d{4}\.\d{2}\.\d+)", page)) == {
        release.manifest.version
    }


def readme_block(language: str, number: int) -> str:
    text = (PROJECT / "README.md").read_text(encoding="utf-8")
    blocks = re.finditer(rf"^```{language}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    return list(blocks)[number][1]


def test_the_readme_shows_a_row_of_it(documents: list[Row]) -> None:
    shown = json.loads(readme_block("json", 0))
    modules = shown.pop("modules")
    (row,) = [each for each in documents if each["document_id"] == shown["document_id"]]
    assert {key: row[key] for key in shown} == shown
    assert len(modules) == len(row["modules"])
    for told, module in zip(modules, row["modules"], strict=True):
        assert {key: module[key] for key in told} == told


def test_the_readme_loads_it(
    out: Path, documents: list[Row], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "build").mkdir()
    (tmp_path / "build" / "demo").symlink_to(out)
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {}
    exec(readme_block("python", 1), names)
    training = [row for row in documents if row["split"] == "train"]
    assert names["documents"].num_rows == len(training) > 0


def test_the_funnel_adds_up_to_what_is_written_here(release: Release) -> None:
    manifest = release.manifest
    assert manifest.archives_seen == 36
    assert manifest.archives_rejected == {
        "license_not_permitted": 1,
        "opted_out": 1,
        "retired": 1,
    }
    assert manifest.files_seen == 278
    assert [(each.stage, each.files_in, each.files_out) for each in manifest.stages] == [
        ("unpack", 278, 276),
        ("license", 276, 268),
        ("filter", 268, 223),
        ("parse", 223, 221),
        ("opt_out", 221, 219),
        ("decontaminate", 219, 219),
        ("deduplicate", 219, 201),
    ]


def test_documents_and_rejects_are_all_files_seen(
    release: Release, documents: list[Row], rejects: list[Row]
) -> None:
    rejected_files = [row for row in rejects if row["path"]]
    assert (len(documents), len(rejected_files)) == (201, 77)
    assert release.manifest.files_seen == 201 + 77


def test_every_odd_file_has_the_reason_that_it_was_made_for(rejects: list[Row]) -> None:
    found = {
        f"{row['package']}/{row['path']}": row["reason"]
        for row in rejects
        if row["reason"] not in {"not_source_code", "exact_duplicate", "near_duplicate"}
    }
    assert found == {
        "abacus_events/": "retired",
        "borrowed_plumes/LICENSE": "license_contradicted",
        "borrowed_plumes/lib/borrowed_plumes.ex": "license_contradicted",
        "borrowed_plumes/mix.exs": "license_contradicted",
        "drossel/README.md": "too_short",
        "elixir-corpus-demo/ferry_board/README.md": "too_short",
        "elixir-corpus-demo/ferry_board/lib/ferry_board/crew/rota.ex": "opted_out",
        "elixir-corpus-demo/ferry_board/test/ferry_board/crew/rota_test.exs": "opted_out",
        "elixir-corpus-demo/morse_key/lessons": "submodule",
        "elixir-corpus-demo/morse_key/priv/key.wav": "lfs_pointer",
        "elixir-corpus-demo/pilot_log/": "opted_out",
        "elixir-corpus-demo/tide_tables/COPYING": "license_not_permitted",
        "elixir-corpus-demo/tide_tables/lib/tide_tables.ex": "license_not_permitted",
        "elixir-corpus-demo/tide_tables/mix.exs": "license_not_permitted",
        "noted/lib/noted.ex": "license_unknown",
        "noted/mix.exs": "license_unknown",
        "rough_edges/assets/node_modules/thing/build.exs": "vendored",
        "rough_edges/deps/leftpad/lib/leftpad.ex": "vendored",
        "rough_edges/lib/rough_edges/broken.ex": "unparsable",
        "rough_edges/lib/rough_edges/deep.ex": "nested_too_deeply",
        "rough_edges/lib/rough_edges/empty.ex": "empty",
        "rough_edges/lib/rough_edges/latin1.ex": "not_utf8",
        "rough_edges/lib/rough_edges/minified.ex": "minified",
        "rough_edges/lib/rough_edges/nul.ex": "binary",
        "rough_edges/lib/rough_edges/only_comments.ex": "empty",
        "rough_edges/lib/rough_edges/oversized.ex": "oversized",
        "tally_book/": "license_not_permitted",
        "wirebuf/lib/wirebuf/telemetry.pb.ex": "generated",
    }


def test_duplicates_name_the_document_that_stands_for_them(
    documents: list[Row], rejects: list[Row]
) -> None:
    place = {row["document_id"]: f"{row['package']}/{row['path']}" for row in documents}
    found = {
        row["path"]: (row["reason"], place[row["representative_id"]])
        for row in rejects
        if row["package"] == "signal_flags" and row["stage"] == "deduplicate"
    }
    assert found == {
        "lib/signal/board.ex": ("near_duplicate", "lantern_flags/lib/lantern/board.ex"),
        "lib/signal/flag.ex": ("near_duplicate", "lantern_flags/lib/lantern/flag.ex"),
        "lib/signal/rule.ex": ("exact_duplicate", "lantern_flags/lib/lantern/rule.ex"),
    }


def test_of_two_versions_the_newer_keeps_what_both_have(documents: list[Row]) -> None:
    old = {row["path"] for row in documents if row["version"] == "0.1.0" and in_workbench(row)}
    new = {row["path"] for row in documents if row["version"] == "0.2.0" and in_workbench(row)}
    assert old == {"lib/workbench/queue.ex", "mix.exs"}
    assert "lib/workbench/job.ex" in new


def in_workbench(row: Row) -> bool:
    return bool(row["package"] == "workbench")


def test_a_fork_shares_the_split_of_its_original(documents: list[Row]) -> None:
    splits = {row["package"]: row["split"] for row in documents}
    assert splits["lantern_flags"] == splits["signal_flags"]
    assert set(splits.values()) == {"train", "validation", "test"}


def test_odd_bytes_that_are_good_source_stay(documents: list[Row]) -> None:
    texts = {row["path"]: row["text"] for row in documents if row["package"] == "rough_edges"}
    assert texts["lib/rough_edges/byte_order_mark.ex"].startswith("defmodule")
    assert "\r\n" in texts["lib/rough_edges/carriage_return.ex"]


def test_one_release_has_packages_and_repositories(documents: list[Row]) -> None:
    found = Counter(row["package"] for row in documents if row["source"] == "github")
    assert found == {
        "elixir-corpus-demo/cronline": 3,
        "elixir-corpus-demo/ferry_board": 11,
        "elixir-corpus-demo/morse_key": 2,
    }
    assert {row["source"] for row in documents} == {"hex", "github"}


def test_a_repository_adds_what_the_tarball_of_its_package_lacks(
    documents: list[Row], rejects: list[Row]
) -> None:
    name = "elixir-corpus-demo/cronline"
    repository = [row for row in documents if row["package"] == name]
    assert {row["path"] for row in repository} == {
        "bench/next.exs",
        "lib/cronline/words.ex",
        "test/cronline/words_test.exs",
    }
    assert {(row["stars"], row["purl"].partition("@")[0]) for row in repository} == {
        (230, f"pkg:github/{name}")
    }
    place = {row["document_id"]: (row["package"], row["path"]) for row in documents}
    copies = {
        row["path"]: place[row["representative_id"]]
        for row in rejects
        if row["package"] == name and row["reason"] == "exact_duplicate"
    }
    assert set(copies) == {
        "lib/cronline/expression.ex",
        "lib/cronline/next.ex",
        "lib/cronline/scheduler.ex",
        "mix.exs",
        "test/cronline_test.exs",
    }
    assert all(copy == ("cronline", path) for path, copy in copies.items())
    splits = {row["split"] for row in documents if row["package"] in (name, "cronline")}
    assert len(splits) == 1


def test_a_package_is_aligned_with_the_commit_that_has_its_files(
    release: Release, documents: list[Row]
) -> None:
    """The repository is older than the package on Hex, and represents nothing that both have."""
    (commit,) = {row["commit"] for row in documents if row["package"].endswith("/cronline")}
    aligned = {
        row["path"]: (row["stars"], row["commit"])
        for row in documents
        if row["package"] == "cronline" and row["path"] != "mix.exs"
    }
    assert aligned == {
        "lib/cronline/expression.ex": (230, commit),
        "lib/cronline/next.ex": (230, commit),
        "lib/cronline/scheduler.ex": (230, commit),
        "test/cronline_test.exs": (230, commit),
    }
    rows = pq.read_table(release.path / "attribution.parquet").to_pylist()
    (told,) = (row for row in rows if row["package"] == "cronline")
    assert (told["commit"], told["aligned_files"], told["aligned_share"]) == (commit, 4, 1.0)


PLANTED = {
    "credential": b"eBI2Y1rzw27jkoo" + b"EKqazwJ7QFMPd3W",
    "email": b"ada.brandt" + b"@rough-edges-demo.org",
    "ip_address": b"{8, 8, " + b"4, 4}",
    "salt": b"JC06" + b"DPdR",
    "secret_key_base": b"ujPeIxdGcBefB0hoO8Kz+c2sjht0lLOx" + b"JednRBuLDtYSpKH4Us+hAWjFcQWK4uSM",
    "url_password": b"O9YrxPbC" + b"khdVipy2",
}
"""What is private in the file `secrets.ex` of rough_edges, by the rule that finds it."""


def test_what_is_private_becomes_tags_that_report_and_card_count(
    release: Release, documents: list[Row]
) -> None:
    (row,) = (row for row in documents if row["path"] == "lib/rough_edges/secrets.ex")
    spans = {cut["rule"]: cut["end"] - cut["start"] for cut in row["redactions"]}
    assert spans == {rule: len(value) for rule, value in PLANTED.items()}
    assert 'secret_key_base: "redacted_secret"' in row["text"]
    assert "Questions go to redacted_email, who" in row["text"]
    assert "{:redacted, :ip, :address, :v4}" in row["text"]
    assert row["parse_errors"] == 0

    report = json.loads((release.path / "report.json").read_bytes())
    assert {rule["name"] for rule in report["redactions"]["rules"]} == {*PLANTED, "encoded"}
    card = (release.path / "README.md").read_text(encoding="utf-8")
    assert "removed from 2 documents (4.39 kB in 7 spans): 1 encoded, 1 secret key base" in card


def test_nothing_private_is_in_any_table_or_page(release: Release) -> None:
    private = [value.decode() for value in PLANTED.values()]
    for config in ("documents", "functions", "instruct", "rejects"):
        told = json.dumps(release.read(config).to_pylist(), default=str)
        assert [value for value in private if value in told] == []
    for page in release.path.glob("*.*"):
        data = page.read_bytes()
        assert [value for value in PLANTED.values() if value in data] == [], page.name


def test_no_file_of_the_demo_has_a_secret_in_one_piece() -> None:
    for path in (PROJECT / "demo").rglob("*"):
        if path.is_file():
            data = path.read_bytes()
            assert [value for value in PLANTED.values() if value in data] == [], path


def test_what_authors_opted_out_is_left_out_by_crawl_and_build(
    release: Release, rejects: list[Row]
) -> None:
    removed = {
        (row["package"], row["path"], row["stage"], *row["removed_by"])
        for row in rejects
        if row["reason"] == "opted_out"
    }
    board = "elixir-corpus-demo/ferry_board"
    assert removed == {
        (board, "lib/ferry_board/crew/rota.ex", "opt_out", 1),
        (board, "test/ferry_board/crew/rota_test.exs", "opt_out", 1),
        ("elixir-corpus-demo/pilot_log", "", "opt_out", 2),
    }
    report = json.loads((release.path / "report.json").read_bytes())
    assert report["limits"]["opted_out"] == {"archives": 1, "files": 2}
    assert "1 whole archive, and 2 files" in (release.path / "README.md").read_text(
        encoding="utf-8"
    )


COMMANDS = (
    "optout add --package elixir-corpus-demo/ferry_board --path '*/crew/*' --reason",
    "optout add --repository github.com/elixir-corpus-demo/pilot_log --reason",
    "crawl hex -a versions=all",
    "crawl github -a owners=elixir-corpus-demo",
    "build --archives",
    "optout check --package elixir-corpus-demo/ferry_board --path '*/crew/*'",
    "optout check --repository github.com/elixir-corpus-demo/pilot_log",
    "publish",
)


def test_every_step_prints_its_command(told: str) -> None:
    printed = re.findall(r"^\$ (?:\w+=\S+ )*elixir-corpus (.*)$", told, re.MULTILINE)
    assert len(printed) == len(COMMANDS)
    for line, begins in zip(printed, COMMANDS, strict=True):
        assert line.startswith(begins)


def test_authors_are_answered_in_a_sentence(told: str, release: Release) -> None:
    version = release.manifest.version
    board = "elixir-corpus-demo/ferry_board:*/crew/*"
    log = "github.com/elixir-corpus-demo/pilot_log"
    assert f"{version} holds nothing of {board}; removed by entry 1 of " in told
    assert f"{version} holds nothing of {log}; removed by entry 2 of " in told


def test_an_image_is_cut_out_of_a_file_that_stays(documents: list[Row]) -> None:
    (favicon,) = (row for row in documents if row["path"].endswith("favicon.ex"))
    assert [(cut["rule"], cut["end"] - cut["start"]) for cut in favicon["redactions"]] == [
        ("encoded", 4232)
    ]
    assert "encoded_4232_bytes" in favicon["text"]


def test_licences_come_with_their_evidence(documents: list[Row]) -> None:
    evidence = {
        row["package"]: (row["license_expression"], row["license_evidence"]) for row in documents
    }
    assert evidence["geocell"] == ("Apache-2.0", "verified")
    assert evidence["mergekind"] == ("MIT", "text_only")
    assert evidence["quillmark"] == ("MIT", "declared_only")
    assert {"noted", "borrowed_plumes", "tally_book", "abacus_events"}.isdisjoint(evidence)


def test_there_are_instruction_rows_of_several_kinds(release: Release) -> None:
    rows = release.read("instruct", columns=["kind", "split"]).to_pylist()
    kinds = Counter(row["kind"] for row in rows)
    assert kinds == {
        "documentation_to_function": 188,
        "typespecs": 173,
        "fill_in_the_middle": 126,
        "function_to_documentation": 95,
        "callback_completion": 30,
        "doctest_to_assertion": 21,
        "behaviour_module": 12,
        "message_protocol": 8,
    }
    left_out = release.manifest.instructions_left_out_by_kind
    assert left_out["message_protocol"] == {"repeated_answer": 1, "unresolved": 1}
    assert {row["split"] for row in rows} == {"train", "validation", "test"}


def test_the_release_is_sealed_and_whole(release: Release) -> None:
    gate = release.manifest.gate
    assert gate is not None
    assert gate.outcome == "passed"
    assert problems_of(release) == []
    assert (release.path / "report.html").stat().st_size > 10_000
    assert (release.path / "README.md").read_text(encoding="utf-8").startswith("---\n")


def test_a_second_run_finds_everything_done(out: Path, release: Release) -> None:
    identity = release.identity
    done = run_demo(out)
    assert done.returncode == 0, done.stdout + done.stderr
    told = done.stdout + done.stderr
    assert re.findall(r"archives stored +(\d+) ", told) == ["0", "0"]
    assert re.search(r"packages listed +30 .*\n +already there +30 ", told, re.DOTALL)
    assert re.search(r"repositories listed +5 \n +unchanged since an earlier crawl +4 ", told)
    assert done.stdout.count("has all of this already; nothing was added") == 2
    (still,) = releases_in(out / "releases")
    assert still.identity == identity
    assert "you/elixir-corpus: not asked what it holds, because HF_HUB_OFFLINE is" in done.stdout
    files = len([*release.manifest.paths(), "manifest.json", "provenance.intoto.json"])
    assert f"{release.manifest.version}: {files} of {files} files to send" in done.stdout


def test_row_groups_are_what_the_viewer_of_the_hub_reads(release: Release) -> None:
    """It reads row groups up to 286 MiB before compression, and pages by their index."""
    for shard in release.manifest.shards:
        footer = pq.ParquetFile(release.path / shard.path).metadata
        for group in map(footer.row_group, range(footer.num_row_groups)):
            assert group.total_byte_size < 286 << 20
            columns = map(group.column, range(group.num_columns))
            assert all(each.has_offset_index and each.has_column_index for each in columns)
