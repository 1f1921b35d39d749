from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from corpus.ingest.bundle import Bundle, IngestConfig, ingest, plan_bundles
from corpus.ingest.isolation import ReaderDied, read_bundle
from corpus.ingest.opened import WHOLE, ReadConfig
from corpus.parts import read_part
from corpus.reasons import Reason, Reject, Stage
from corpus.store import ArchiveStore
from corpus.supervision import Budget, end_helpers
from tests.stores import MIT, add, module

SLOW = b";?+\n" * 16_000
"""Erlang on which the parser's recovery takes time that grows with the square of the length."""


def within(archive_seconds: int) -> IngestConfig:
    budget = Budget(file_seconds=1, archive_seconds=archive_seconds, clock=100)
    return IngestConfig(read=ReadConfig(budget=budget))


QUICK = within(archive_seconds=4)


@pytest.fixture(autouse=True)
def _end() -> Iterator[None]:
    yield
    end_helpers()


def one_bundle(store: ArchiveStore, tmp_path: Path, config: IngestConfig = QUICK) -> Bundle:
    (bundle,) = plan_bundles(store.archives(), store, tmp_path / "parts", config)
    return bundle


def rejects(part: Path) -> set[tuple[str, str, str, str, str]]:
    names = ("package", "path", "stage", "reason", "detail")
    rows = read_part(part / "rejects.arrow").to_pylist()
    return {tuple(row[name] for name in names) for row in rows if row["path"] != "LICENSE"}


def test_files_over_their_budget_cost_themselves_only(tmp_path: Path) -> None:
    store = ArchiveStore(tmp_path / "store")
    good = {"lib/a.ex": module("A", "alpha"), "lib/b.ex": module("B", "bravo")}
    add(store, "bad", {"LICENSE": MIT, "src/x.erl": SLOW, **good, "src/y.erl": SLOW})
    add(store, "good", {"LICENSE": MIT, "lib/g.ex": module("G", "golf")})
    part = read_bundle(one_bundle(store, tmp_path))
    documents = read_part(part / "documents.arrow")["path"].to_pylist()
    assert sorted(documents) == ["lib/a.ex", "lib/b.ex", "lib/g.ex"]
    detail = "a step on it took more than 1 s of processor time"
    assert rejects(part) == {
        ("bad", f"src/{name}.erl", "parse", "over_budget", detail) for name in "xy"
    }


def test_an_archive_whose_files_use_up_its_budget_is_one_reject(tmp_path: Path) -> None:
    store = ArchiveStore(tmp_path / "store")
    add(store, "bad", {"LICENSE": MIT, **{f"src/{n}.erl": SLOW for n in "abcdefgh"}})
    add(store, "good", {"LICENSE": MIT, "lib/g.ex": module("G", "golf")})
    part = read_bundle(one_bundle(store, tmp_path, within(archive_seconds=2)))
    assert read_part(part / "documents.arrow")["path"].to_pylist() == ["lib/g.ex"]
    detail = "its files took more than 2 s of processor time together"
    assert rejects(part) == {("bad", "", "unpack", "over_budget", detail)}


def dies_of(monkeypatch: pytest.MonkeyPatch, folder: Path, code: str) -> None:
    """Let every process that starts anew, as helpers do, run `code` first."""
    (folder / "sitecustomize.py").write_text(code)
    monkeypatch.syspath_prepend(str(folder))
    end_helpers()


DIES_ONCE = """
import os, pathlib, signal
from corpus.ingest import source_file

extract = source_file.EXTRACTORS["elixir"]
mark = pathlib.Path(__file__).with_name("died")

def extract_or_die(text):
    if b"fragile" in text and not mark.exists():
        mark.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return extract(text)

source_file.EXTRACTORS["elixir"] = extract_or_die
"""


def test_a_reader_that_the_system_killed_once_costs_no_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = ArchiveStore(tmp_path / "store")
    files = {"LICENSE": MIT, "lib/a.ex": module("A", "alpha"), "lib/b.ex": module("B", "fragile")}
    add(store, "good", files)
    dies_of(monkeypatch, tmp_path, DIES_ONCE)
    part = read_bundle(one_bundle(store, tmp_path))
    assert (tmp_path / "died").exists()
    assert rejects(part) == set()


DIES_ELSEWHERE = """
import os, pathlib, signal
from corpus.ingest import source_file

extract = source_file.EXTRACTORS["elixir"]
deaths = pathlib.Path(__file__).with_name("deaths")
left = len(deaths.read_text()) if deaths.exists() else 0

def extract_or_die(text):
    global left
    if not left:
        deaths.open("a").write("x")
        os.kill(os.getpid(), signal.SIGKILL)
    left -= 1
    return extract(text)

source_file.EXTRACTORS["elixir"] = extract_or_die
"""


def test_a_reader_that_dies_at_another_place_each_time_is_no_fault_of_the_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = ArchiveStore(tmp_path / "store")
    files = {f"lib/{name}.ex": module(name.upper(), name) for name in "abcdefgh"}
    add(store, "good", {"LICENSE": MIT, **files})
    dies_of(monkeypatch, tmp_path, DIES_ELSEWHERE)
    with pytest.raises(ReaderDied, match="none of their files was found to be the cause: good"):
        read_bundle(one_bundle(store, tmp_path))
    assert (tmp_path / "deaths").read_text() == "x" * 6


SLOW_HEADS = """
from corpus.ingest import opened

statements_of = opened.statements_of

def slowly(path, data):
    while b"endless" in data:
        pass
    return statements_of(path, data)

opened.statements_of = slowly
"""


def test_a_head_whose_licence_takes_too_long_costs_its_file_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = ArchiveStore(tmp_path / "store")
    files = {"LICENSE": MIT, "lib/a.ex": module("A", "endless"), "lib/b.ex": module("B", "bravo")}
    add(store, "bad", files)
    dies_of(monkeypatch, tmp_path, SLOW_HEADS)
    part = read_bundle(one_bundle(store, tmp_path))
    assert read_part(part / "documents.arrow")["path"].to_pylist() == ["lib/b.ex"]
    detail = "a step on it took more than 1 s of processor time"
    assert rejects(part) == {("bad", "lib/a.ex", "parse", "over_budget", detail)}


DEADLY_FINGERPRINT = """
import os, signal
from corpus.ingest import source_file

fingerprints = source_file.fingerprints

def fingerprints_or_die(codes, config):
    if any(b"fragile" in code.text for code in codes):
        os.kill(os.getpid(), signal.SIGKILL)
    return fingerprints(codes, config)

source_file.fingerprints = fingerprints_or_die
"""


def test_a_file_that_is_deadly_to_fingerprint_costs_none_of_those_taken_with_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = ArchiveStore(tmp_path / "store")
    files = {f"lib/{name}.ex": module(name.upper(), name) for name in ("alpha", "fragile", "golf")}
    add(store, "bad", {"LICENSE": MIT, **files})
    dies_of(monkeypatch, tmp_path, DEADLY_FINGERPRINT)
    part = read_bundle(one_bundle(store, tmp_path))
    documents = read_part(part / "documents.arrow")["path"].to_pylist()
    assert sorted(documents) == ["lib/alpha.ex", "lib/golf.ex"]
    detail = "reading it ended the worker process"
    assert rejects(part) == {("bad", "lib/fragile.ex", "parse", "killed_worker", detail)}


def test_a_file_that_cannot_be_fingerprinted_costs_none_of_those_taken_with_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = ArchiveStore(tmp_path / "store")
    files = {f"lib/{name}.ex": module(name.upper(), name) for name in ("alpha", "fragile", "golf")}
    add(store, "bad", {"LICENSE": MIT, **files})
    code = DEADLY_FINGERPRINT.replace("os.kill(os.getpid(), signal.SIGKILL)", "raise OSError(5)")
    dies_of(monkeypatch, tmp_path, code)
    part = read_bundle(one_bundle(store, tmp_path))
    documents = read_part(part / "documents.arrow")["path"].to_pylist()
    assert sorted(documents) == ["lib/alpha.ex", "lib/golf.ex"]
    detail = "a fault of this program, please report it with this file: OSError(5)"
    assert rejects(part) == {("bad", "lib/fragile.ex", "parse", "extraction_failed", detail)}


def test_a_bundle_read_in_a_process_of_its_own_is_that_read_here(tmp_path: Path) -> None:
    store = ArchiveStore(tmp_path / "store")
    add(store, "good", {"LICENSE": MIT, "lib/g.ex": module("G", "golf"), "a.png": b"1"})
    there = read_bundle(one_bundle(store, tmp_path))
    here = ingest(one_bundle(store, tmp_path / "here"))
    names = ["archives", "documents", "fingerprints", "functions", "rejects"]
    for name in names:
        assert (there / f"{name}.arrow").read_bytes() == (here / f"{name}.arrow").read_bytes()


def test_an_archive_that_is_refused_as_a_whole_is_one_reject(tmp_path: Path) -> None:
    store = ArchiveStore(tmp_path / "store")
    add(store, "bad", {"LICENSE": MIT, "lib/a.ex": module("A", "alpha")})
    bundle = one_bundle(store, tmp_path)
    part = ingest(
        replace(bundle, refusals={0: {WHOLE: Reject(Stage.UNPACK, Reason.KILLED_WORKER, "died")}})
    )
    assert rejects(part) == {("bad", "", "unpack", "killed_worker", "died")}


def test_a_refused_file_is_a_reject_row_and_the_rest_is_read(tmp_path: Path) -> None:
    store = ArchiveStore(tmp_path / "store")
    files = {"LICENSE": MIT, "lib/a.ex": module("A", "alpha"), "lib/b.ex": module("B", "bravo")}
    add(store, "bad", files)
    bundle = one_bundle(store, tmp_path)
    part = ingest(
        replace(bundle, refusals={0: {1: Reject(Stage.PARSE, Reason.KILLED_WORKER, "died")}})
    )
    assert read_part(part / "documents.arrow")["path"].to_pylist() == ["lib/b.ex"]
    assert rejects(part) == {("bad", "lib/a.ex", "parse", "killed_worker", "died")}
