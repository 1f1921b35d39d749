from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from corpus.instruct.configuration import InstructConfig
from corpus.instructions import (
    DRAFTS,
    PREFERENCE,
    DraftTask,
    InstructTask,
    count_left_out,
    find_repeats,
    leave_out_repeats,
    sketched,
    write_rows,
)
from corpus.parts import read_part, write_part
from corpus.tables import FINGERPRINTS, INSTRUCT, KEPT
from tests.corpus.test_instruct import SHOP, material
from tests.releases import sha


def draft(folder: Path, number: int, rows: Sequence[tuple[str, str, str]]) -> Path:
    """Write a part of rows, each given as document, subject and answer."""
    folder.mkdir(exist_ok=True)
    made = [
        {
            "id": sha(f"{document}/{subject}/{answer}"),
            "kind": "documentation_to_function",
            "subject": subject,
            "messages": [
                {"role": "user", "content": f"Write {subject}."},
                {"role": "assistant", "content": answer},
            ],
            "difficulty": "easy",
            "needs": [],
            "document_ids": [sha(document)],
            "purls": ["pkg:hex/shop@1.0.0"],
            "package": "shop",
            "paths": ["lib/shop.ex"],
            "license_expression": "MIT",
            "verification": "parsed",
            "toolchain": None,
            "split": "train",
        }
        for document, subject, answer in rows
    ]
    path = folder / f"{number}.arrow"
    table = pa.Table.from_pylist(made, schema=INSTRUCT)
    sketches = pa.array(sketched(table), DRAFTS.field("sketch").type)
    write_part(table.append_column(DRAFTS.field("sketch"), sketches), path)
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
    per_kind: int = 100,
) -> tuple[list[tuple[str, str]], dict[str, int]]:
    """Return subjects and answers that stay, and what was counted of the one kind."""
    drafts = [draft(folder, number, rows) for number, rows in enumerate(parts)]
    repeats = folder / "repeats.arrow"
    find_repeats(drafts, [fingerprints(folder, packages)], repeats, published, per_kind)
    found: list[dict[str, Any]] = []
    for number, path in enumerate(drafts):
        destination = folder / f"made{number}.arrow"
        task = DraftTask(number=number, draft=path, repeats=repeats, destination=destination)
        leave_out_repeats(task)
        found += read_part(destination).to_pylist()
    stays = [(row["subject"], row["messages"][-1]["content"]) for row in found]
    return stays, count_left_out(repeats).get("documentation_to_function", {})


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
    documents, functions, modules = map(pa.concat_tables, zip(*tables, strict=True))
    kept = {name: [None] * 2 for name in KEPT.names} | {
        "document_id": documents["document_id"].to_pylist(), "split": ["train"] * 2,
    }  # fmt: skip
    task = InstructTask(
        documents=tmp_path / "documents.arrow",
        functions=tmp_path / "functions.arrow",
        modules=tmp_path / "modules.arrow",
        kept=tmp_path / "kept.arrow",
        destination=tmp_path / "draft.arrow",
        config=InstructConfig(),
    )
    write_part(documents.drop_columns(["cluster_id", "split"]), task.documents)
    write_part(functions, task.functions)
    write_part(modules, task.modules)
    write_part(pa.table(kept, schema=KEPT), task.kept)
    write_rows(task)
    repeats, made = tmp_path / "repeats.arrow", tmp_path / "made.arrow"
    ranks = fingerprints(tmp_path, dict.fromkeys(sources, "shop"))
    find_repeats([task.destination], [ranks], repeats, {}, 100)
    leave_out_repeats(
        DraftTask(number=0, draft=task.destination, repeats=repeats, destination=made)
    )
    rows = read_part(made)
    assert set(rows["document_ids"].to_pylist()[0]) == {sha(SHOP)}
    assert {"Shop.Cart.total/1", "Shop.Cart"} <= set(rows["subject"].to_pylist())
    assert b"failures" not in (rows.schema.metadata or {})
    assert count_left_out(repeats)["any"] == {"extraction_failed": 1}


LONG = "def total(cart) do\n  Enum.sum(Enum.map(cart, fn item -> item.price * item.{} end))\nend"


def test_of_similar_answers_the_preferred_one_stays(tmp_path: Path) -> None:
    answers = [f"{LONG.format('count')}\n\ndef f{n}, do: :ok" for n in range(2)]
    body = "\n".join(f"  x{n} = Shop.Far.count(cart, {n})" for n in range(40))
    one, two = (f"def total(cart) do\n{body}\n  {each}\nend" for each in answers)
    parts = [[("d1", "A.f/1", one), ("d1", "A.h/1", "def h(a), do: a")], [("d2", "A.g/1", two)]]
    assert left(tmp_path, parts, PACKAGES, {("hex", "zeta"): 1, ("hex", "alpha"): 2}) == (
        [("A.f/1", one), ("A.h/1", "def h(a), do: a")],
        {"similar_answer": 1},
    )


def test_a_kind_has_no_more_rows_than_its_cap_whatever_the_bundles(tmp_path: Path) -> None:
    rows = [("d1", f"A.f{n}/1", f"def f{n}(a), do: {n * n}") for n in range(9)]
    whole = left(tmp_path / "one", [rows], PACKAGES, {}, 4)
    parts = left(tmp_path / "two", [rows[:5], rows[5:]], PACKAGES, {}, 4)
    assert whole == parts
    assert (len(whole[0]), whole[1]) == (4, {"kind_cap": 5})
