"""Releases carry the ledger, refuse a build that lost an entry, and answer authors."""

import hashlib
from datetime import date
from pathlib import Path

import pytest
from typer.testing import CliRunner

import elixir_corpus.__main__
from corpus.__main__ import app
from corpus.build import build
from corpus.configuration import BuildConfig
from corpus.optout.ledger import BadLedger, Kind, Ledger, Removal, add, read_ledger, removal
from corpus.optout.releases import LostEntries, NotTold, ask, ledger_of, refuse_lost_entries
from corpus.release import GateSummary, Release, finalize, verify
from corpus.store import ArchiveStore
from tests.executors import LASTING
from tests.stores import MIT, WORDS, module, small_store
from tests.stores import add as add_package

DAY = date(2026, 11, 30)
PASSED = GateSummary(outcome="passed", checks=1, failed=())
PLUG = Ledger().with_removals([Removal(Kind.PACKAGE, "ember", "asked")], DAY)
TWO = PLUG.with_removals([Removal(Kind.REPOSITORY, "github.com/acme/quarry", "asked")], DAY)
EMBER = module("Ember", WORDS[1])


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two releases: one before anyone opted out, and one after."""
    folder = tmp_path_factory.mktemp("optout")
    store = small_store(folder / "store")
    add_package(store, "ember", {"LICENSE": MIT, "lib/new.ex": module("New", "n")}, version="1.1.0")
    for ledger in (Ledger(), PLUG):
        candidate = build(store, folder / "out", BuildConfig(), LASTING, ledger=ledger)
        (candidate.path / "report.json").write_text("{}")
        finalize(candidate, PASSED, folder / "out" / candidate.manifest.version)
    return folder / "out"


@pytest.fixture
def store(out: Path) -> ArchiveStore:
    return ArchiveStore(out.parent / "store")


def test_a_release_carries_the_ledger_it_was_built_with(out: Path) -> None:
    first, second = (Release.open(out / name) for name in ("2026.11.1", "2026.11.2"))
    assert (first.manifest.removed, ledger_of(first)) == (None, Ledger())
    assert second.manifest.removed is not None
    assert (second.manifest.removed.entries, second.manifest.removed.head) == (1, PLUG.head)
    assert ledger_of(second) == PLUG
    assert "optout.jsonl" in second.manifest.paths()
    assert verify(second) == []


@pytest.mark.parametrize(
    "ledger",
    [
        Ledger(),
        Ledger().with_removals([Removal(Kind.PACKAGE, "plug", "asked")], DAY),
        Ledger().with_removals([Removal(Kind.PACKAGE, "ember", "another reason")], DAY),
    ],
    ids=["none", "another", "rewritten"],
)
def test_a_build_refuses_a_ledger_that_lacks_an_entry_of_the_parent(
    store: ArchiveStore, out: Path, ledger: Ledger
) -> None:
    with pytest.raises(LostEntries, match=r"entry 1 of 2026-11-30 \(package ember\)") as caught:
        build(store, out, BuildConfig(), LASTING, ledger=ledger)
    assert str(out / "2026.11.2" / "optout.jsonl") in str(caught.value)
    assert not list(out.glob("*.candidate-*"))


def test_a_longer_ledger_is_taken(out: Path) -> None:
    refuse_lost_entries(Release.open(out / "2026.11.2"), TWO)


@pytest.mark.parametrize(
    ("kind", "value", "before", "after"),
    [
        (
            "package",
            "ember",
            "holds 3 documents of ember 1.0.0, ember 1.1.0",
            "holds nothing of ember; removed by entry 1 of 2026-11-30",
        ),
        ("package", "quarry", "holds 2 documents of quarry 1.0.0", None),
        ("package", "plug", "holds nothing of plug", None),
        (
            "path",
            "ember:lib/ember.ex",
            "holds 1 document of ember 1.0.0",
            "holds nothing of ember:lib/ember.ex; removed by entry 1 of 2026-11-30",
        ),
        ("path", "quarry:lib/*", "holds 1 document of quarry 1.0.0", None),
        (
            "content",
            hashlib.sha256(EMBER).hexdigest(),
            "holds 1 document of ember 1.0.0",
            f"holds nothing of {hashlib.sha256(EMBER).hexdigest()}",
        ),
        ("repository", "github.com/a/b", "holds nothing of github.com/a/b", None),
        ("owner", "github.com:a", "holds nothing of github.com:a", None),
    ],
)
def test_an_author_is_answered_in_one_sentence_a_release(
    out: Path, kind: str, value: str, before: str, after: str | None
) -> None:
    for name, said in (("2026.11.1", before), ("2026.11.2", after or before)):
        assert ask(Release.open(out / name), Kind(kind), value).sentence == f"{name} {said}"


def test_what_a_release_does_not_tell_is_said(out: Path) -> None:
    with pytest.raises(NotTold, match="Ask for each package"):
        ask(Release.open(out / "2026.11.1"), Kind.OWNER, "hex:ann")


def run(*words: str) -> tuple[int, str]:
    said = CliRunner().invoke(app, ["optout", *words])
    return said.exit_code, " ".join(said.output.split())


def test_the_commands_add_check_and_list(out: Path, tmp_path: Path) -> None:
    ledger = str(tmp_path / "optout.jsonl")
    named = ("--package", "ember", "--reason", "discussion 3", "--ledger", ledger)
    code, said = run("add", *named)
    assert (code, said.endswith(": package ember")) == (0, True)
    assert "nothing was added" in run("add", *named)[1]
    kept = read_ledger(Path(ledger))
    assert run("check", "--ledger", ledger) == (
        0,
        f"{ledger}: 1 entry, unbroken; head {kept.head}",
    )
    assert run("list", "--ledger", ledger) == (
        0,
        f"{kept.entries[0].name}: package ember (discussion 3)",
    )
    assert run("list", "--ledger", ledger, "--json")[1] == kept.to_bytes().decode().strip()
    both = [str(out / name) for name in ("2026.11.1", "2026.11.2")]
    assert run("check", "--package", "ember", *both) == (
        1,
        "2026.11.1 holds 3 documents of ember 1.0.0, ember 1.1.0 "
        "2026.11.2 holds nothing of ember; removed by entry 1 of 2026-11-30",
    )
    assert run("check", "--package", "ember", both[1])[0] == 0
    code, said = run("check", "--ledger", ledger, both[1])
    assert (code, "and the ledger of this build has 1 entry without it" in said) == (2, True)


def test_an_entry_may_have_the_day_on_which_it_was_asked_for(tmp_path: Path) -> None:
    ledger = tmp_path / "optout.jsonl"
    named = ("--package", "ember", "--reason", "discussion 3", "--ledger", str(ledger))
    assert run("add", *named, "--date", "2026-10-01")[0] == 0
    assert read_ledger(ledger).entries[0].date == "2026-10-01"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["add", "--package", "a", "--reason", "x", "--date", "2999-01-01"], "is after today"),
        (["add", "--package", "plug"], "give --reason"),
        (["add", "--path", "lib/a.ex", "--reason", "x"], "give --package too"),
        (["add", "--package", "a", "--owner", "hex:b", "--reason", "x"], "name one thing"),
        (["check", "--package", "plug"], "name the releases"),
        (["add", "--from", "none.toml"], "No such file"),
    ],
)
def test_wrong_options_end_in_one_sentence(words: list[str], said: str, tmp_path: Path) -> None:
    code, told = run(*words, *(["--ledger", str(tmp_path / "x")] if "add" in words else []))
    assert (code, said in told) == (2, True)
    assert not (tmp_path / "x").exists()


def test_the_console_command_has_the_ledger_too(tmp_path: Path) -> None:
    (tmp_path / "optout.jsonl").write_bytes(PLUG.to_bytes()[:-1])
    words = ["optout", "list", "--ledger", str(tmp_path / "optout.jsonl")]
    said = CliRunner().invoke(elixir_corpus.__main__.app, words)
    assert said.exit_code == 2
    assert "line 1: the line is cut off" in " ".join(said.output.split())


def test_a_build_with_the_command_tells_entries_that_left_out_nothing(
    store: ArchiveStore, tmp_path: Path
) -> None:
    ledger = tmp_path / "optout.jsonl"
    add(ledger, [removal(Kind.PACKAGE, "embre", "misspelt"), *_removals(PLUG)], DAY)
    command = ["build", "--archives", str(store.root), "--out", str(tmp_path / "out")]
    said = CliRunner().invoke(app, [*command, "--workers", "0", "--optout", str(ledger)])
    told = " ".join(said.output.split())
    assert "left out nothing: entry 1 of 2026-11-30, package embre" in told
    assert told.count("left out nothing") == 1


def _removals(ledger: Ledger) -> list[Removal]:
    return [entry.removal for entry in ledger.entries]


def test_a_damaged_copy_of_the_ledger_stops_the_build(store: ArchiveStore, tmp_path: Path) -> None:
    candidate = build(store, tmp_path, BuildConfig(), LASTING, ledger=PLUG)
    (candidate.path / "report.json").write_text("{}")
    release = finalize(candidate, PASSED, tmp_path / candidate.manifest.version)
    (release.path / "optout.jsonl").write_bytes(b"")
    with pytest.raises(BadLedger):
        build(store, tmp_path, BuildConfig(), LASTING, ledger=PLUG)
