from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from corpus.instruct import InstructConfig
from corpus.instructions import (
    PREFERENCE,
    DraftTask,
    InstructTask,
    count_repeats,
    find_repeats,
    leave_out_repeats,
    write_rows,
)
from corpus.parts import read_part, write_part
from corpus.tables import FINGERPRINTS, INSTRUCT, KEPT
from tests.corpus.test_instruct import SHOP, material
from tests.releases import sha


def draft(folder: Path, number: int, rows: Sequence[tuple[str, str, str]]) -> Path:
    """Write a part of rows, each given as document, subject and answer."""
    made = [
        {
            "id": sha(f"{document}/{subject}/{answer}"),
            "kind": "documentation_to_function",
            "subject": subject,
            "messages": [
                {"role": "user", "content": f"Write {subject}."},
                {"role": "assistant", "content": answer},
            ],
            "needs": [],
            "document_ids": [sha(document)],
            "purls": ["pkg:hex/shop@1.0.0"],
            "license_expression": "MIT",
            "verification": "parsed",
            "toolchain": None,
            "split": "train",
        }
        for document, subject, answer in rows
    ]
    path = folder / f"{number}.arrow"
    write_part(pa.Table.from_pylist(made, schema=INSTRUCT), path)
    return path


def fingerprints(folder: Path, packages: dict[str, str]) -> Path:
    """Write what deduplication knows of documents, given with their packages."""
    rows = [
        {
            "document_id": sha(document),
            "source": "hex",
            "package": package,
            "version": "1.0.0",
            "path": f"lib/{document}.ex",
            "role": "library",
            "license_evidence": "verified",
        }
        for document, package in packages.items()
    ]
    path = folder / "fingerprints.arrow"
    schema = pa.schema([FINGERPRINTS.field(name) for name in PREFERENCE])
    write_part(pa.Table.from_pylist(rows, schema=schema), path)
    return path


def left(
    folder: Path,
    parts: Sequence[Sequence[tuple[str, str, str]]],
    packages: dict[str, str],
    published: dict[tuple[str, str], int],
) -> tuple[list[tuple[str, str]], dict[str, int]]:
    """Return subjects and answers that stay, and what was counted."""
    drafts = [draft(folder, number, rows) for number, rows in enumerate(parts)]
    repeats = folder / "repeats.arrow"
    find_repeats(drafts, [fingerprints(folder, packages)], repeats, published)
    found: list[dict[str, Any]] = []
    for number, path in enumerate(drafts):
        destination = folder / f"made{number}.arrow"
        task = DraftTask(number=number, draft=path, repeats=repeats, destination=destination)
        leave_out_repeats(task)
        found += read_part(destination).to_pylist()
    stays = [(row["subject"], row["messages"][-1]["content"]) for row in found]
    return stays, count_repeats(repeats)


PACKAGES = {"d1": "zeta", "d2": "alpha"}


def test_of_equal_answers_the_one_published_first_stays(tmp_path: Path) -> None:
    parts = [[("d2", "Copy.f/1", "x"), ("d2", "Copy.g/1", "y")], [("d1", "Original.f/1", "x")]]
    published = {("hex", "zeta"): 1, ("hex", "alpha"): 2}
    assert left(tmp_path, parts, PACKAGES, published) == (
        [("Copy.g/1", "y"), ("Original.f/1", "x")],
        {"repeated_answer": 1},
    )


def test_what_is_asked_for_twice_has_one_answer(tmp_path: Path) -> None:
    parts = [[("d1", "M.f/1", "x")], [("d2", "M.f/1", "y"), ("d2", "M.f/2", "z")]]
    assert left(tmp_path, parts, PACKAGES, {}) == (
        [("M.f/1", "y"), ("M.f/2", "z")],
        {"repeated_subject": 1},
    )


def test_a_row_that_is_left_out_stands_for_nothing(tmp_path: Path) -> None:
    parts = [[("d1", "A.f/1", "x"), ("d1", "B.f/1", "x"), ("d1", "B.f/1", "y")]]
    assert left(tmp_path, parts, PACKAGES, {}) == (
        [("A.f/1", "x"), ("B.f/1", "y")],
        {"repeated_answer": 1},
    )


@pytest.mark.parametrize("parts", [[], [[]], [[], []]])
def test_nothing_has_no_repeats(tmp_path: Path, parts: list[list[tuple[str, str, str]]]) -> None:
    assert left(tmp_path, parts, {}, {}) == ([], {})


@settings(max_examples=30, deadline=None)
@given(
    st.lists(
        st.tuples(st.sampled_from(["d1", "d2"]), st.sampled_from("abc"), st.sampled_from("xyz")),
        unique=True,
    ),
    st.integers(0, 5),
)
def test_how_rows_are_bundled_changes_nothing(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[str, str, str]], middle: int
) -> None:
    # Within a document rows keep their order, as a document is in one bundle.
    rows = sorted(rows, key=lambda row: row[0])
    cut = next((n for n in range(middle, len(rows)) if rows[n - 1][0] != rows[n][0]), 0)
    whole = left(tmp_path_factory.mktemp("one"), [rows], PACKAGES, {})
    parts = left(tmp_path_factory.mktemp("two"), [rows[cut:], rows[:cut]], PACKAGES, {})
    assert (sorted(whole[0]), whole[1]) == (sorted(parts[0]), parts[1])
    assert len({answer for _, answer in whole[0]}) == len(whole[0])
    assert len({subject for subject, _ in whole[0]}) == len(whole[0])


def test_a_mistake_in_one_document_costs_its_rows(tmp_path: Path) -> None:
    imports = "".join(f"  import A{number}\n" for number in range(501))
    sources = [SHOP, SHOP.replace("Shop", "Bad").replace("  use GenServer\n", imports)]
    tables = [material(each, document_id=sha(each)) for each in sources]
    documents, functions = (pa.concat_tables(each) for each in zip(*tables, strict=True))
    kept = {name: [None] * 2 for name in KEPT.names} | {
        "document_id": documents["document_id"].to_pylist(), "split": ["train"] * 2,
    }  # fmt: skip
    task = InstructTask(
        documents=tmp_path / "documents.arrow",
        functions=tmp_path / "functions.arrow",
        kept=tmp_path / "kept.arrow",
        destination=tmp_path / "draft.arrow",
        config=InstructConfig(),
    )
    write_part(documents.drop_columns(["cluster_id", "split"]), task.documents)
    write_part(functions, task.functions)
    write_part(pa.table(kept, schema=KEPT), task.kept)
    write_rows(task)
    repeats, made = tmp_path / "repeats.arrow", tmp_path / "made.arrow"
    ranks = fingerprints(tmp_path, dict.fromkeys(sources, "shop"))
    find_repeats([task.destination], [ranks], repeats, {})
    leave_out_repeats(
        DraftTask(number=0, draft=task.destination, repeats=repeats, destination=made)
    )
    rows = read_part(made)
    assert rows["subject"].to_pylist() == ["Shop.Cart.total/1", "Shop.Cart"]
    assert b"failures" not in (rows.schema.metadata or {})
    assert count_repeats(repeats) == {"extraction_failed": 1}
