"""What authors asked to be left out is left out, with the reason, and does not come back."""

import hashlib
from dataclasses import replace
from datetime import date
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from corpus.build import build, plan_build
from corpus.configuration import BuildConfig
from corpus.identifiers import swhid
from corpus.inputs import names_of
from corpus.optout.ledger import Kind, Ledger, removal
from corpus.optout.releases import unmatched
from corpus.optout.removals import Removals, origin
from corpus.packages import Link
from corpus.progress import Silent
from corpus.release import Release
from corpus.sources.github import snapshot
from corpus.store import ArchiveStore
from corpus.tables import SHARDED
from demo.github_archive import Tree, packed
from elixir_corpus.pipeline import judge_and_tell
from quality.gate import judge
from quality.report import write as write_report
from tests.executors import LASTING
from tests.stores import MIT, WORDS, add, at_commit, module, small_store

ASKED = "asked, discussion 12"
DAY = date(2026, 11, 30)
ANCHOR = module("Anchor", WORDS[0])
TOLD = f"entry 1 of 2026-11-30: {ASKED}"


def ledger(*named: tuple[str, str]) -> Ledger:
    return Ledger().with_removals([removal(Kind(kind), what, ASKED) for kind, what in named], DAY)


def built(store: ArchiveStore, out: Path, *named: tuple[str, str]) -> Release:
    return build(store, out, BuildConfig(), LASTING, ledger=ledger(*named))


def documents(release: Release) -> set[str]:
    rows = release.read("documents", ["package", "path"]).to_pylist()
    return {f"{row['package']}/{row['path']}" for row in rows}


def opted_out(release: Release) -> dict[str, str]:
    columns = ["package", "path", "stage", "reason", "detail", "representative_id", "content_id"]
    rows = release.read("rejects", columns).to_pylist()
    assert all(row["reason"] != "opted_out" or row["stage"] == "opt_out" for row in rows)
    chosen = [row for row in rows if row["reason"] == "opted_out"]
    assert {(row["representative_id"], row["content_id"]) for row in chosen} <= {(None, None)}
    return {f"{row['package']}/{row['path']}": row["detail"] for row in chosen}


@pytest.fixture
def store(tmp_path: Path) -> ArchiveStore:
    return small_store(tmp_path / "store")


def test_a_package_is_left_out_as_a_whole_with_its_reason(
    store: ArchiveStore, tmp_path: Path
) -> None:
    whole = documents(built(store, tmp_path / "one"))
    assert {"ember/lib/ember.ex", "ember/mix.exs"} <= whole
    release = built(store, tmp_path / "two", ("package", "ember"))
    assert documents(release) == whole - {"ember/lib/ember.ex", "ember/mix.exs"}
    assert opted_out(release) == dict.fromkeys(
        ["ember/", "ember/LICENSE", "ember/lib/ember.ex", "ember/mix.exs"], TOLD
    )
    manifest = release.manifest
    assert manifest.archives_rejected["opted_out"] == 1
    assert {item.kept for item in manifest.inputs if item.package == "ember"} == {False}
    files = [row for row in release.read("rejects", ["path"]).to_pylist() if row["path"]]
    assert manifest.files_seen == len(documents(release)) + len(files)
    kept = release.read("documents", ["document_id"])["document_id"].to_pylist()
    assert set(release.read("functions", ["document_id"])["document_id"].to_pylist()) <= set(kept)
    of_rows = release.read("instruct", ["document_ids"])["document_ids"].to_pylist()
    assert {each for row in of_rows for each in row} <= set(kept)


def test_no_text_of_an_archive_that_is_opted_out_is_written_anywhere(
    store: ArchiveStore, tmp_path: Path
) -> None:
    secret = b'defmodule Vault do\n  def code, do: "turquoise-marmalade"\nend\n'
    license = MIT.replace(b"Ada", b"Vera Vaultkeeper")
    add(store, "vault", {"LICENSE": license, "lib/vault.ex": secret})
    built(store, tmp_path / "with")
    assert holding(tmp_path / "with", b"marmalade") != []
    built(store, tmp_path / "without", ("package", "vault"))
    assert holding(tmp_path / "without", b"marmalade") == []
    assert holding(tmp_path / "without", b"Vaultkeeper") == []


def holding(folder: Path, words: bytes) -> list[str]:
    """Return the files below a folder whose bytes, or whose table's values, hold some words."""
    from corpus.parts import read_part

    found = []
    for path in sorted(each for each in folder.rglob("*") if each.is_file()):
        text = path.read_bytes()
        if path.suffix == ".arrow":
            text = repr(read_part(path).to_pylist()).encode()
        elif path.suffix == ".parquet":
            text = repr(pq.read_table(path).to_pylist()).encode()
        if words in text:
            found.append(path.relative_to(folder).as_posix())
    return found


def test_a_removal_reads_only_the_bundle_of_its_archive_again(
    store: ArchiveStore, tmp_path: Path
) -> None:
    config = replace(BuildConfig(), ingest=replace(BuildConfig().ingest, bundle_bytes=1))
    with_all = plan_build(store, tmp_path, config)
    without = plan_build(store, tmp_path, config, ledger=ledger(("package", "ember")))
    before = {bundle.destination for bundle in with_all.layout.bundles}
    again = {bundle.destination for bundle in without.layout.bundles} - before
    assert (len(before), len(again)) == (8, 1)


def test_a_release_with_removals_keeps_every_promise(store: ArchiveStore, tmp_path: Path) -> None:
    named = (("package", "ember"), ("package", "gnu"), ("path", "island:lib/island.ex"))
    release = built(store, tmp_path / "out", *named)
    verdict = judge(release)
    broken = [check.name for check in verdict.checks if check.outcome.value != "passed"]
    assert [name for name in broken if "archives" in name or "files" in name] == []
    told = write_report(release, verdict)
    assert '"opted_out": {\n      "archives": 2,\n      "files": 5\n    }' in told.json.read_text()


def test_one_file_is_left_out_and_its_package_stays(store: ArchiveStore, tmp_path: Path) -> None:
    release = built(store, tmp_path / "out", ("path", "ember:lib/ember.ex"))
    assert opted_out(release) == {"ember/lib/ember.ex": TOLD}
    assert "ember/mix.exs" in documents(release)


def test_a_copy_does_not_come_back_for_the_original(store: ArchiveStore, tmp_path: Path) -> None:
    near = ANCHOR + b"# a word more\n"
    add(store, "near", {"LICENSE": MIT, "lib/near.ex": near})
    release = built(store, tmp_path / "out", ("package", "anchor"))
    copied = f"a copy of anchor/lib/anchor.ex, which is left out by {TOLD}"
    found = opted_out(release)
    assert (found["copied/lib/again.ex"], found["near/lib/near.ex"]) == (copied, copied)
    assert not {"copied/lib/again.ex", "near/lib/near.ex"} & documents(release)


def test_the_original_stays_where_only_a_copy_is_left_out(
    store: ArchiveStore, tmp_path: Path
) -> None:
    release = built(store, tmp_path / "out", ("package", "copied"))
    assert set(opted_out(release)) == {"copied/", "copied/LICENSE", "copied/lib/again.ex"}
    assert "anchor/lib/anchor.ex" in documents(release)


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("content", hashlib.sha256(ANCHOR).hexdigest()),
        ("swhid", swhid(ANCHOR)),
    ],
)
def test_a_content_is_left_out_wherever_it_stands_and_is_told_nowhere(
    store: ArchiveStore, tmp_path: Path, kind: str, value: str
) -> None:
    add(store, "vendors", {"LICENSE": MIT, "lib/v.ex": module("V", "v"), "deps/a/lib/a.ex": ANCHOR})
    digest, identifier = hashlib.sha256(ANCHOR).hexdigest(), swhid(ANCHOR)
    before = built(store, tmp_path / "before")
    assert tables_that_tell(before, digest) >= {"documents", "rejects"}
    release = built(store, tmp_path / "out", (kind, value))
    judge_and_tell(release, LASTING, Silent())
    assert opted_out(release) == dict.fromkeys(
        ["anchor/lib/anchor.ex", "copied/lib/again.ex", "vendors/deps/a/lib/a.ex"], TOLD
    )
    assert tables_that_tell(release, digest) == set()
    assert tables_that_tell(release, identifier) == set()
    removed = {
        row["document_id"]
        for row in release.read("rejects", ["document_id", "reason"]).to_pylist()
        if row["reason"] == "opted_out"
    }
    clusters = release.read("documents", ["cluster_id"])["cluster_id"].to_pylist()
    assert removed & set(clusters) == set()
    text = ANCHOR.decode()
    told = {
        path.relative_to(release.path).as_posix()
        for path in release.path.rglob("*")
        if path.is_file() and path.suffix != ".parquet"
        for content in [path.read_text()]
        if digest in content or identifier in content or text in content
    }
    assert told == {"optout.jsonl"}


def tables_that_tell(release: Release, words: str) -> set[str]:
    """Return the tables of a release, as the registry has them, that hold some words anywhere."""
    names = [*SHARDED, "attribution"]
    return {name for name in names if words in repr(release.read(name).to_pylist())}


def test_a_cluster_is_not_named_after_a_file_that_is_left_out(tmp_path: Path) -> None:
    store = ArchiveStore(tmp_path / "store")
    for number in range(6):
        near = ANCHOR + f"# copy {number}\n".encode()
        add(store, f"copy{number}", {"LICENSE": MIT, "lib/a.ex": near})
    whole = built(store, tmp_path / "whole").read("documents").to_pylist()
    (kept,) = [row for row in whole if row["path"] == "lib/a.ex"]
    others = [("package", f"copy{n}") for n in range(6) if f"copy{n}" != kept["package"]]
    (row,) = built(store, tmp_path / "out", *others).read("documents").to_pylist()
    assert row["cluster_id"] == row["document_id"] == kept["document_id"]


def test_removals_make_another_build(store: ArchiveStore, tmp_path: Path) -> None:
    one = built(store, tmp_path / "out")
    two = built(store, tmp_path / "out", ("package", "ember"))
    again = built(store, tmp_path / "other", ("package", "ember"))
    assert one.manifest.build_digest != two.manifest.build_digest
    assert two.identity == again.identity


def test_entries_that_left_out_nothing_are_told(store: ArchiveStore, tmp_path: Path) -> None:
    named = (("package", "embre"), ("package", "ember"), ("path", "ember:LICENSE"))
    release = built(store, tmp_path / "out", *named)
    assert [entry.sequence for entry in unmatched(release)] == [1]
    detail = opted_out(release)["ember/LICENSE"]
    assert detail == f"entry 2 of 2026-11-30: {ASKED} (also entry 3)"


GITHUB = Link("GitHub", "https://github.com/Acme/Shop")


@pytest.mark.parametrize(
    ("kind", "value", "leaves_out"),
    [
        ("package", "shop", ["hex shop"]),
        ("package", "acme/shop", ["github acme/shop"]),
        ("repository", "https://github.com/acme/shop.git", ["hex shop", "github acme/shop"]),
        ("repository", "github.com/acme/other", []),
        ("owner", "github.com:ACME", ["hex shop", "github acme/shop", "github acme/till"]),
        ("owner", "hex:ann", ["hex shop"]),
        ("owner", "hex:acme", []),
    ],
)
def test_archives_are_left_out_by_owner_repository_and_package(
    kind: str, value: str, leaves_out: list[str]
) -> None:
    removals = Removals(ledger((kind, value)).entries)
    origins = {
        "hex shop": origin("hex", "shop", ("ann", "bob"), (GITHUB,)),
        "hex till": origin("hex", "till", ("bob",), ()),
        "github acme/shop": origin("github", "acme/shop"),
        "github acme/till": origin("github", "acme/till"),
        "github else/shop": origin("github", "else/shop"),
    }
    assert [name for name, each in origins.items() if removals.of_archive(each)] == leaves_out


@pytest.mark.parametrize(
    ("pattern", "path", "is_left_out"),
    [
        ("lib/a.ex", "lib/a.ex", True),
        ("lib/a.ex", "lib/a.exs", False),
        ("lib/private/*", "lib/private/deep/a.ex", True),
        ("*.exs", "test/a_test.exs", True),
        ("lib/[id].ex", "lib/[id].ex", True),
        ("lib/[id].ex", "lib/i.ex", True),
        ("*" * 500 + "b", "a" * 1000, False),
        ("*a" * 500, "a" * 1000 + "b", False),
    ],
)
def test_paths_are_matched_as_by_fnmatch(pattern: str, path: str, is_left_out: bool) -> None:
    removals = Removals(ledger(("path", f"shop:{pattern}")).entries)
    assert bool(removals.of_file("shop", path)) is is_left_out
    assert not removals.of_file("till", path)


@pytest.mark.parametrize(
    ("kind", "named", "left"),
    [
        ("repository", "https://github.com/acme/shop", set()),
        ("repository", "https://github.com/grace/basket", set()),
        ("owner", "github.com:acme", set()),
        ("package", "acme/shop", {"shop/lib/shop.ex"}),
        ("path", "acme/shop:lib/*", {"shop/lib/shop.ex"}),
    ],
)
def test_a_renamed_repository_is_left_out_by_any_name_that_the_store_knows(
    tmp_path: Path, kind: str, named: str, left: set[str]
) -> None:
    store = ArchiveStore(tmp_path / "store")
    commit = "c" * 40
    files = {"LICENSE": MIT, "lib/basket.ex": module("Basket", "weave carry")}
    body = snapshot(packed(Tree(files=files), commit, folder="x"), commit).body
    before, now = (at_commit(name, commit, body) for name in ("acme/shop", "grace/basket"))
    store.put(before, body)
    store.put(now, body)
    store.supersede(before, now)
    link = (Link("GitHub", "https://github.com/acme/shop"),)
    add(store, "shop", {"LICENSE": MIT, "lib/shop.ex": module("Shop", "sell buy")}, links=link)
    add(store, "kept", {"LICENSE": MIT, "lib/kept.ex": module("Kept", "keep hold")})

    release = built(store, tmp_path / "out", (kind, named))

    assert documents(release) == {"kept/lib/kept.ex"} | left


def test_the_earlier_name_of_a_repository_is_that_of_another_one_which_has_it_now() -> None:
    one, two = (at_commit("acme/shop", each * 40, b"", id=id) for each, id in (("a", 1), ("b", 2)))
    renamed = replace(one, name="grace/basket")
    assert names_of([renamed], [one]) == {
        "acme/shop": ("acme/shop", "grace/basket"),
        "grace/basket": ("acme/shop", "grace/basket"),
    }
    assert names_of([renamed, two], [one]) == {"grace/basket": ("acme/shop", "grace/basket")}
