"""What authors asked to be left out is left out, with the reason, and does not come back."""

import hashlib
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from corpus.__main__ import app
from corpus.build import build
from corpus.configuration import BadConfiguration, BuildConfig, load
from corpus.optout import BadExclusions, Exclusion, Exclusions, entries, read_exclusions
from corpus.release import Release
from corpus.store import ArchiveStore
from quality.gate import judge
from quality.report import write as write_report
from tests.executors import LASTING
from tests.stores import MIT, WORDS, add, module, small_store

ASKED = "asked by its author"
ANCHOR = module("Anchor", WORDS[0])


def built(store: ArchiveStore, out: Path, *exclude: Exclusion) -> Release:
    return build(store, out, replace(BuildConfig(), exclude=exclude), LASTING)


def documents(release: Release) -> set[str]:
    rows = release.read("documents", ["package", "path"]).to_pylist()
    return {f"{row['package']}/{row['path']}" for row in rows}


def opted_out(release: Release) -> dict[str, str]:
    columns = ["package", "path", "stage", "reason", "detail", "representative_id"]
    rows = release.read("rejects", columns).to_pylist()
    assert all(row["reason"] != "opted_out" or row["stage"] == "opt_out" for row in rows)
    chosen = [row for row in rows if row["reason"] == "opted_out"]
    assert [row["representative_id"] for row in chosen] == [None] * len(chosen)
    return {f"{row['package']}/{row['path']}": row["detail"] for row in chosen}


@pytest.fixture
def store(tmp_path: Path) -> ArchiveStore:
    return small_store(tmp_path / "store")


def test_a_package_is_left_out_as_a_whole_with_its_reason(
    store: ArchiveStore, tmp_path: Path
) -> None:
    whole = documents(built(store, tmp_path / "one"))
    assert {"ember/lib/ember.ex", "ember/mix.exs"} <= whole
    release = built(store, tmp_path / "two", Exclusion(package="ember", reason=ASKED))
    assert documents(release) == whole - {"ember/lib/ember.ex", "ember/mix.exs"}
    assert opted_out(release) == dict.fromkeys(
        ["ember/", "ember/lib/ember.ex", "ember/mix.exs"], ASKED
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


def test_a_release_with_exclusions_keeps_every_promise(store: ArchiveStore, tmp_path: Path) -> None:
    exclude = (
        Exclusion(package="ember", reason=ASKED),
        Exclusion(package="gnu", reason=ASKED),
        Exclusion(package="island", path="lib/island.ex", reason=ASKED),
    )
    release = built(store, tmp_path / "out", *exclude)
    verdict = judge(release)
    broken = [check.name for check in verdict.checks if check.outcome.value != "passed"]
    assert [name for name in broken if "archives" in name or "files" in name] == []
    told = write_report(release, verdict)
    assert '"opted_out": {\n      "archives": 2,\n      "files": 3\n    }' in told.json.read_text()


def test_one_file_is_left_out_and_its_package_stays(store: ArchiveStore, tmp_path: Path) -> None:
    entry = Exclusion(package="ember", path="lib/ember.ex", reason=ASKED)
    release = built(store, tmp_path / "out", entry)
    assert opted_out(release) == {"ember/lib/ember.ex": ASKED}
    assert "ember/mix.exs" in documents(release)


def test_a_copy_does_not_come_back_for_the_original(store: ArchiveStore, tmp_path: Path) -> None:
    near = ANCHOR + b"# a word more\n"
    add(store, "near", {"LICENSE": MIT, "lib/near.ex": near})
    release = built(store, tmp_path / "out", Exclusion(package="anchor", reason=ASKED))
    copied = f"a copy of anchor/lib/anchor.ex, which is left out: {ASKED}"
    found = opted_out(release)
    assert (found["copied/lib/again.ex"], found["near/lib/near.ex"]) == (copied, copied)
    assert not {"copied/lib/again.ex", "near/lib/near.ex"} & documents(release)


def test_the_original_stays_where_only_a_copy_is_left_out(
    store: ArchiveStore, tmp_path: Path
) -> None:
    release = built(store, tmp_path / "out", Exclusion(package="copied", reason=ASKED))
    assert set(opted_out(release)) == {"copied/", "copied/lib/again.ex"}
    assert "anchor/lib/anchor.ex" in documents(release)


def test_a_content_is_left_out_wherever_it_stands(store: ArchiveStore, tmp_path: Path) -> None:
    content = hashlib.sha256(ANCHOR).hexdigest()
    release = built(store, tmp_path / "out", Exclusion(content_id=content, reason=ASKED))
    assert opted_out(release) == dict.fromkeys(
        ["anchor/lib/anchor.ex", "copied/lib/again.ex"], ASKED
    )


def test_exclusions_make_another_build(store: ArchiveStore, tmp_path: Path) -> None:
    one = built(store, tmp_path / "out")
    two = built(store, tmp_path / "out", Exclusion(package="ember", reason=ASKED))
    again = built(store, tmp_path / "other", Exclusion(package="ember", reason=ASKED))
    assert one.manifest.build_digest != two.manifest.build_digest
    assert two.identity == again.identity


EXAMPLE = """
[[exclude]]
package = "shop"
reason = "b"

[[exclude]]
package = "shop"
path = "lib/a.ex"
reason = "a"
"""
READ: Exclusions = (
    Exclusion(package="shop", path="lib/a.ex", reason="a"),
    Exclusion(package="shop", reason="b"),
)


def test_a_file_and_a_configuration_name_the_same(tmp_path: Path) -> None:
    file = tmp_path / "exclude.toml"
    file.write_text(EXAMPLE)
    assert read_exclusions(file) == READ
    assert load(file).exclude == READ


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("exclude = 1", "no list"),
        ("[[exclude]]\npackage = 'a'", "gives no reason"),
        ("[[exclude]]\npackage = 'a'\nreason = ''", "reason is empty"),
        ("[[exclude]]\npackage = 'a'\nreason = ' '", "a reason has 1 to 500"),
        ("[[exclude]]\npackage = 'a'\nreason = 'x'\nwhy = 'y'", "unknown key why"),
        ("[[exclude]]\npackage = 'a'\npath = '../b'\nreason = 'x'", "is no path below"),
        ("[[exclude]]\npackage = '../a'\nreason = 'x'", "cannot be a package"),
        ("[[exclude]]\npath = 'lib/a.ex'\nreason = 'x'", "either a package or a content_id"),
        ("[[exclude]]\ncontent_id = 'abc'\nreason = 'x'", "is no SHA-256 digest"),
        ("[[exclude]]\npackage = 7\nreason = 'x'", "that is no text"),
        ("[[exclude]]\npackage = 'a'\nreason = \"x\\u001b[2J\"", "is no plain text"),
        ("[[exclude]", "."),
        ("a = " + "[" * 5000, "."),
    ],
)
def test_a_bad_file_is_a_clear_error(tmp_path: Path, text: str, said: str) -> None:
    file = tmp_path / "exclude.toml"
    file.write_text(text)
    with pytest.raises(BadExclusions, match=said) as caught:
        read_exclusions(file)
    assert str(caught.value).startswith(f"{file}: ")
    with pytest.raises(BadConfiguration):
        load(file)


def test_a_file_that_is_not_there_is_a_clear_error(tmp_path: Path) -> None:
    with pytest.raises(BadExclusions, match="No such file"):
        read_exclusions(tmp_path / "none.toml")


VALUES = st.none() | st.integers() | st.text(max_size=5) | st.just("a" * 64)


@given(
    st.lists(
        st.dictionaries(st.sampled_from(["package", "path", "content_id", "reason", "x"]), VALUES)
    )
)
def test_any_tables_are_entries_or_a_value_error(told: list[dict[str, object]]) -> None:
    try:
        found = entries(told)
    except ValueError:
        return
    assert len(found) <= len(told)


def test_the_command_names_entries_that_match_nothing(store: ArchiveStore, tmp_path: Path) -> None:
    file = tmp_path / "exclude.toml"
    file.write_text(
        "[[exclude]]\npackage = 'embre'\nreason = 'misspelt'\n"
        "[[exclude]]\npackage = 'ember'\nreason = 'asked'\n"
        "[[exclude]]\npackage = 'ember'\npath = 'LICENSE'\nreason = 'asked'\n"
    )
    command = ["build", "--archives", str(store.root), "--out", str(tmp_path / "out")]
    said = CliRunner().invoke(app, [*command, "--workers", "0", "--exclude", str(file)])
    told = " ".join(said.output.split())
    assert "matches nothing: embre (misspelt)" in told
    assert told.count("matches nothing") == 1
