from pathlib import Path

import pytest

from corpus.build import build
from corpus.configuration import BuildConfig
from corpus.explain import NothingFound, explain
from corpus.release import Release, UnreadableRelease
from corpus.terminal import show_explanation
from tests.executors import LASTING
from tests.releases import example_release
from tests.stores import small_store


@pytest.fixture(scope="module")
def release(tmp_path_factory: pytest.TempPathFactory) -> Release:
    folder: Path = tmp_path_factory.mktemp("explain")
    return build(small_store(folder / "store"), folder / "out", BuildConfig(), LASTING)


def test_a_kept_file_comes_with_licence_and_evidence(release: Release) -> None:
    found = explain(release, "ember/lib/ember.ex")
    (kept,) = found.kept
    assert (kept.license_expression, kept.license_evidence) == ("MIT", "verified")
    assert found.dropped == ()
    assert [archive.package for archive in found.archives] == ["ember"]


def test_a_duplicate_names_what_is_kept_instead(release: Release) -> None:
    (dropped,) = explain(release, "copied/lib/again.ex").dropped
    assert (dropped.stage, dropped.reason) == ("deduplicate", "exact_duplicate")
    assert dropped.representative is not None
    assert dropped.representative.path == "lib/anchor.ex"


def test_a_package_is_explained_file_by_file(release: Release) -> None:
    found = explain(release, "anchor")
    assert [kept.path for kept in found.kept] == ["lib/anchor.ex", "mix.exs"]
    assert [(row.path, row.reason) for row in found.dropped] == [("LICENSE", "not_source_code")]


def test_an_archive_that_was_not_fetched_is_explained(release: Release) -> None:
    (dropped,) = explain(release, "lost").dropped
    assert (dropped.path, dropped.stage, dropped.reason) == ("", "crawl", "gone")


def test_the_beginning_of_a_content_hash_is_enough(release: Release) -> None:
    (kept,) = explain(release, "quarry/lib/quarry.ex").kept
    assert explain(release, kept.content_id[:12]).kept == (kept,)
    assert explain(release, kept.swhid).kept == (kept,)
    assert explain(release, kept.swhid[:24]).kept == (kept,)
    assert explain(release, kept.document_id).kept == (kept,)


def test_a_folder_is_explained_with_all_that_lies_below_it(release: Release) -> None:
    found = explain(release, "anchor/lib")
    assert [kept.path for kept in found.kept] == ["lib/anchor.ex"]
    assert explain(release, "anchor/lib/") == found
    with pytest.raises(NothingFound):
        explain(release, "anchor/li")


def test_a_reason_is_explained_by_all_that_was_left_out_for_it(release: Release) -> None:
    found = explain(release, "exact_duplicate")
    assert [(row.package, row.path) for row in found.dropped] == [("copied", "lib/again.ex")]
    assert (found.kept, found.archives) == ((), ())
    assert explain(release, "gone").dropped[0].package == "lost"


def test_a_reason_for_which_nothing_was_left_out_is_named(release: Release) -> None:
    with pytest.raises(NothingFound, match=r"nothing was left out for the reason 'minified'\.$"):
        explain(release, "minified")


@pytest.mark.parametrize(
    ("wanted", "meant"),
    [("exact_duplicates", "exact_duplicate"), ("anchors", "anchor"), ("Ember", "ember")],
)
def test_a_misspelt_name_is_answered_with_the_nearest(
    release: Release, wanted: str, meant: str
) -> None:
    with pytest.raises(NothingFound, match=f"Did you mean '{meant}'"):
        explain(release, wanted)


def test_every_line_of_an_explanation_tells_the_version(
    release: Release, capsys: pytest.CaptureFixture[str]
) -> None:
    show_explanation(explain(release, "copied/lib/again.ex"))
    show_explanation(explain(release, "lost"))
    show_explanation(explain(release, "anchor/lib/anchor.ex"))
    lines = capsys.readouterr().out.splitlines()
    assert [line for line in lines if "sha256" not in line] == [
        "dropped  copied/lib/again.ex 1.0.0  deduplicate: exact_duplicate (Jaccard similarity "
        "1.000 to its representative); kept instead: anchor/lib/anchor.ex 1.0.0",
        "dropped  lost 1.0.0  crawl: gone (for a test)",
        "kept     anchor/lib/anchor.ex 1.0.0  MIT (verified)  library  train",
    ]


def test_what_is_unknown_says_what_to_ask(release: Release) -> None:
    with pytest.raises(NothingFound, match="Give a package"):
        explain(release, "absent/lib/absent.ex")


def test_bytes_that_are_no_text_are_unknown(release: Release) -> None:
    with pytest.raises(NothingFound, match=r"a.udcffb"):
        explain(release, "a\udcffb")


def test_a_file_that_was_never_seen_is_not_explained_by_its_package(release: Release) -> None:
    with pytest.raises(NothingFound):
        explain(release, "anchor/lib/never.ex")


def test_a_damaged_release_is_named_with_what_finds_the_damage(tmp_path: Path) -> None:
    release = example_release(tmp_path)
    shard = tmp_path / release.shards("rejects")[0].path
    shard.write_bytes(shard.read_bytes()[:100])
    with pytest.raises(UnreadableRelease, match="python -m corpus verify"):
        explain(release, "shop")
    shard.unlink()
    with pytest.raises(UnreadableRelease, match="python -m corpus verify"):
        explain(release, "shop")
