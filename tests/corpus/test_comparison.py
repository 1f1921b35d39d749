import json
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from corpus.__main__ import app
from corpus.comparison import Cause, Comparison, Example, Moved, Why, compare
from corpus.release import Parent, Release, UnreadableRelease
from corpus.terminal import comparison_lines
from tests.releases import (
    document,
    example_documents,
    example_functions,
    example_instruct,
    example_rejects,
    example_release,
    function,
    reject,
    sha,
    write_release,
)


def pair(
    folder: Path,
    before: Sequence[dict[str, Any]],
    now: Sequence[dict[str, Any]],
    rejects_before: Sequence[dict[str, Any]] = (),
    rejects_now: Sequence[dict[str, Any]] = (),
    **manifest: Any,
) -> Comparison:
    """Compare two releases of these documents and rejects."""
    old = write_release(folder / "2026.10.1", before, rejects=rejects_before, version="2026.10.1")
    new = write_release(folder / "2026.11.1", now, rejects=rejects_now, **manifest)
    return compare(old, new)


def whys(causes: Sequence[Cause]) -> list[tuple[str, str | None, int]]:
    """Return the causes without their examples."""
    return [(cause.why.value, cause.reason, cause.documents) for cause in causes]


def test_equal_releases_have_no_difference(tmp_path: Path) -> None:
    release = example_release(tmp_path)
    found = compare(release, release)
    assert found.relation == "same"
    assert found.notes == ("Both are the same release.",)
    assert [(t.table, t.kept, t.changed, t.added, t.removed) for t in found.tables] == [
        ("documents", 5, 0, 0, 0),
        ("functions", 6, 0, 0, 0),
        ("instruct", 2, 0, 0, 0),
        ("licenses", 4, 0, 0, 0),
        ("rejects", 9, 0, 0, 0),
    ]
    packages = (*found.packages_added, *found.packages_removed, *found.packages_changed)
    documents = (*found.documents_added, *found.documents_removed, *found.documents_moved)
    assert packages == documents == ()


def test_a_document_that_went_has_the_reason_for_which_it_is_left_out(tmp_path: Path) -> None:
    shop = document("shop", "lib/a.ex", "a\n")
    rest = [document("shop", "lib/b.ex", "b\n"), document("shop", "lib/c.ex", "c\n")]
    left_out = [
        reject("shop", "lib/a.ex", "opt_out", "opted_out", content_id=sha("a\n")),
        reject(
            "shop",
            "lib/b.ex",
            "deduplicate",
            "near_duplicate",
            content_id=sha("b\n"),
            detail="similarity 0.9",
            representative_id=sha("shop/lib/c.ex"),
        ),
    ]
    found = pair(tmp_path, [shop, *rest], rest[1:], (), left_out)
    assert found.documents_removed == (
        Cause(
            Why.LEFT_OUT,
            "near_duplicate",
            1,
            (
                Example(
                    "shop",
                    "1.0.0",
                    "lib/b.ex",
                    "similarity 0.9; kept instead: shop/lib/c.ex 1.0.0",
                ),
            ),
        ),
        Cause(
            Why.LEFT_OUT,
            "opted_out",
            1,
            (Example("shop", "1.0.0", "lib/a.ex", "because of opted_out"),),
        ),
    )
    figures = {each.name: (each.before, each.now) for each in found.rejects}
    assert figures == {"deduplicate: near_duplicate": (0, 1), "opt_out: opted_out": (0, 1)}


def test_documents_that_came_and_went_have_every_other_cause(tmp_path: Path) -> None:
    before = [
        document("shop", "lib/edited.ex", "one\n"),
        document("shop", "lib/worse.ex", "fine\n"),
        document("shop", "lib/gone.ex", "gone\n"),
        document("lost", "lib/lost.ex", "lost\n"),
        document("retired", "lib/retired.ex", "retired\n"),
    ]
    now = [
        document("shop", "lib/edited.ex", "two\n"),
        document("fresh", "lib/fresh.ex", "fresh\n"),
    ]
    left_out = [
        reject("shop", "lib/worse.ex", "filter", "minified", content_id=sha("worse\n")),
        reject("retired", "", "crawl", "retired", archive_sha256=None),
    ]
    found = pair(tmp_path, before, now, (), left_out)
    assert whys(found.documents_removed) == [
        ("changed_and_left_out", "minified", 1),
        ("content_changed", None, 1),
        ("not_in_version", None, 1),
        ("not_read", None, 1),
        ("package_left_out", "retired", 1),
    ]
    assert whys(found.documents_added) == [("content_changed", None, 1), ("not_read", None, 1)]
    removed = [(each.package, each.why, each.reason) for each in found.packages_removed]
    assert removed == [("lost", "not_read", None), ("retired", "package_left_out", "retired")]
    assert [each.package for each in found.packages_added] == ["fresh"]


def test_an_unchanged_file_of_a_new_version_is_the_same_document(tmp_path: Path) -> None:
    old = document("shop", "lib/a.ex", "a\n")
    new = old | {"version": "1.1.0", "document_id": sha("new"), "archive_sha256": sha("shop 2")}
    functions = [function(each, "Shop", "sell", 1) for each in (old, new)]
    sides = [
        write_release(tmp_path / str(place), [each], [made])
        for place, (each, made) in enumerate(zip((old, new), functions, strict=True))
    ]
    found = compare(*sides)
    documents, of_functions = found.tables[:2]
    assert (documents.kept, documents.added, documents.removed) == (1, 0, 0)
    assert documents.columns == {"archive_sha256": 1, "document_id": 1, "version": 1}
    assert (of_functions.carried_before, of_functions.carried_now) == (1, 1)
    assert (of_functions.added, of_functions.removed) == (0, 0)
    (package,) = found.packages_changed
    assert (package.before, package.now) == (("1.0.0",), ("1.1.0",))


def moved(
    tmp_path: Path, families: tuple[str | None, str | None], **columns: Any
) -> tuple[Moved, str]:
    """Return why a document moved to the test split, whose package has families."""
    rows = [document("shop", "lib/a.ex", "a\n"), document("shop", "lib/a.ex", "a\n", "test")]
    rows[1] |= columns
    settings = {"split": {"validation": 0.05, "test": 0.05}}
    sides = []
    for place, (row, family) in enumerate(zip(rows, families, strict=True)):
        release = write_release(tmp_path / str(place), [row], config=settings)
        path = release.path / "attribution.parquet"
        table = pq.read_table(path)
        where = table.schema.get_field_index("family")
        values = pa.array([family] * len(table), pa.string())
        pq.write_table(table.set_column(where, table.schema.field(where), values), path)
        sides.append(release)
    (move,) = compare(*sides).documents_moved
    assert (move.before, move.now, move.documents) == ("train", "test", 1)
    return move.why, move.examples[0].detail


def test_a_document_moves_with_the_family_of_its_package(tmp_path: Path) -> None:
    why = moved(tmp_path, ("shop", "kiosk"))
    assert why == (Moved.OTHER_FAMILY, "family shop before, now kiosk")


def test_a_document_moves_with_the_package_that_it_is_taken_from(tmp_path: Path) -> None:
    why = moved(tmp_path, ("shop", "kiosk"), package="kiosk")
    assert why == (Moved.OTHER_PACKAGE, "taken from shop before")


def test_a_family_moves_to_fill_a_split(tmp_path: Path) -> None:
    # The hash of "shop" lies in the range of train, so only an empty split moves it to test.
    why = moved(tmp_path, ("shop", "shop"))
    assert why == (Moved.EMPTY_SPLIT, "without it test was empty in 2026.11.1")


def test_a_move_that_nothing_explains_is_said_to_be_unknown(tmp_path: Path) -> None:
    assert moved(tmp_path, (None, "shop"))[0] is Moved.UNKNOWN


def test_licences_and_tokens_are_compared(tmp_path: Path) -> None:
    before = document("shop", "lib/a.ex", "a b c\n")
    now = before | {"license_expression": "MIT", "license_evidence": "declared_only", "tokens": 5}
    found = pair(tmp_path, [before], [now])
    licenses = [(each.name, each.before, each.now) for each in found.licenses]
    assert licenses == [("Apache-2.0", 1, 0), ("MIT", 0, 1)]
    assert [(each.before, each.now) for each in found.relicensed] == [
        ("Apache-2.0", "MIT"),
        ("verified", "declared_only"),
    ]
    assert [(each.name, each.before, each.now) for each in found.tokens] == [
        ("all", 3, 5),
        ("language elixir", 3, 5),
        ("split train", 3, 5),
    ]


def test_releases_of_other_columns_are_compared_in_those_that_both_have(tmp_path: Path) -> None:
    old = example_release(tmp_path / "old")
    new = example_release(tmp_path / "new", code_digest=sha("later code"))
    for shard in old.shards("documents"):
        table = pq.read_table(old.path / shard.path, partitioning=None)
        pq.write_table(table.drop_columns(["role", "tokens"]), old.path / shard.path)
    for shard in old.shards("instruct"):
        table = pq.read_table(old.path / shard.path, partitioning=None)
        pq.write_table(table.drop_columns(["id"]), old.path / shard.path)
    found = compare(old, new)
    assert found.notes == (
        "Different code wrote the releases, so the same file may have given other rows.",
        "documents: not compared, as only one release has it so: role, tokens.",
        "instruct is not comparable: only one release has id in a form that can be compared.",
    )
    assert found.tables[0].kept == 5
    assert found.tables[2].problem is not None


def test_releases_without_a_common_package_are_said_to_be_unrelated(tmp_path: Path) -> None:
    one, other = document("shop", "lib/a.ex", "a\n"), document("kiosk", "lib/b.ex", "b\n")
    assert "The releases have no package in common." in pair(tmp_path, [one], [other]).notes


def test_a_damaged_release_is_named(tmp_path: Path) -> None:
    old, new = example_release(tmp_path / "old"), example_release(tmp_path / "new")
    (new.path / new.shards("documents", "train")[0].path).write_bytes(b"PAR1")
    with pytest.raises(UnreadableRelease, match=str(new.path)):
        compare(old, new)
    (old.path / "attribution.parquet").unlink()
    with pytest.raises(UnreadableRelease, match=str(old.path)):
        compare(old, new)


def example_pair(folder: Path) -> tuple[Release, Release]:
    """Write a release and its parent: one file is edited, and a package came."""
    old = example_release(folder / "2026.11.1")
    documents = example_documents()
    rows = [*documents[:1], document("shop", "lib/price.ex", "new\n"), *documents[2:]]
    rows.append(document("fresh", "lib/fresh.ex", "fresh\n"))
    new = write_release(
        folder / "2026.11.2",
        rows,
        example_functions(documents),
        example_instruct(documents),
        example_rejects(documents),
        version="2026.11.2",
        parent=Parent(version="2026.11.1", identity=old.identity),
    )
    return old, new


def test_the_command_prints_what_differs(tmp_path: Path) -> None:
    old, new = example_pair(tmp_path)
    lines = list(comparison_lines(compare(old, new)))
    assert lines == [
        f"{new.path} compared with {old.path} (its parent)",
        "documents: 5 rows before, 6 now; 4 in both; 2 added; 1 removed",
        "functions: 6 rows before, 6 now; 6 in both; 0 added; 0 removed",
        "instruct: 2 rows before, 2 now; 2 in both; 0 added; 0 removed",
        "licenses: 4 rows before, 5 now; 4 in both; 1 added; 0 removed",
        "rejects: 9 rows before, 9 now; 9 in both; 0 added; 0 removed",
        "+ package fresh 1.0.0: not read; 0 to 1 documents",
        "+ 1 document: 2026.11.1 has other content at the same path",
        "    shop/lib/price.ex 1.0.0",
        "+ 1 document: the package is not among the archives of 2026.11.1",
        "    fresh/lib/fresh.ex 1.0.0",
        "- 1 document: 2026.11.2 has other content at the same path",
        "    shop/lib/price.ex 1.0.0",
        "licence Apache-2.0: 3 to 4 (+1)",
        "evidence verified: 4 to 5 (+1)",
        "tokens all: 89 to 65 (-24)",
        "tokens language elixir: 82 to 58 (-24)",
        "tokens split train: 72 to 48 (-24)",
    ]
    done = CliRunner().invoke(app, ["diff", str(old.path), str(new.path)])
    assert done.exit_code == 0
    assert done.output.splitlines()[1:] == lines[1:]


def test_json_has_every_field_of_a_comparison(tmp_path: Path) -> None:
    old, new = example_pair(tmp_path)
    done = CliRunner().invoke(app, ["diff", str(old.path), str(new.path), "--json"])
    assert json.loads(done.output) == json.loads(json.dumps(asdict(compare(old, new))))


def test_what_is_no_release_ends_the_command_with_2(tmp_path: Path) -> None:
    old, _ = example_pair(tmp_path)
    done = CliRunner().invoke(app, ["diff", str(old.path), str(tmp_path / "nothing")])
    assert done.exit_code == 2
    assert "this is not a release" in done.output
    manifest = replace(old.manifest, schema_version=2)
    manifest.write(old.path)
    done = CliRunner().invoke(app, ["diff", str(old.path), str(old.path)])
    assert done.exit_code == 2
    assert "schema version 2, this code reads 1" in done.output
