from itertools import groupby
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from corpus.alignment import OutOfOrder, aligned, columns_of, differing
from corpus.release import Release, UnreadableRelease
from tests.releases import document, function, sha, write_release

KEY = ("document_id", "module", "name", "arity")


def functions_of(folder: Path, rows: list[tuple[int, str, int]]) -> Release:
    """Write a release with functions: the number of their document, their name and arity."""
    documents = {number for number, _, _ in rows}
    named = {number: document("shop", f"lib/{number}.ex", f"{number}\n") for number in documents}
    made = [function(named[number], "Shop", name, arity) for number, name, arity in rows]
    return write_release(folder, list(named.values()), made, row_group_rows=3)


def walked(old: Release, new: Release) -> tuple[int, int, int]:
    """Return how many functions both have, only the old one, only the new one."""
    schema = columns_of(old, "functions")
    assert schema is not None
    columns = pa.schema([schema.field(name) for name in KEY])
    both = gone = fresh = 0
    for window in aligned(old, new, "functions", KEY, columns):
        before, after = window.pairs()
        assert before.to_pylist() == after.to_pylist()
        both += len(before)
        gone, fresh = gone + len(window.only_old()), fresh + len(window.only_new())
    return both, gone, fresh


def test_rows_are_matched_over_windows_and_splits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = [(number, name, 1) for number in range(40) for name in ("a", "b", "c")]
    old = functions_of(tmp_path / "old", rows)
    new = functions_of(tmp_path / "new", [*rows[3:], (50, "a", 1), (50, "b", 2)])
    assert walked(old, new) == (117, 3, 2)
    assert walked(new, old) == (117, 2, 3)


def test_rows_with_the_same_key_are_counted_one_by_one(tmp_path: Path) -> None:
    old = functions_of(tmp_path / "old", [(1, "a", 1)] * 3 + [(2, "a", 1)])
    new = functions_of(tmp_path / "new", [(1, "a", 1)] * 5)
    assert walked(old, new) == (3, 1, 2)


def test_an_empty_release_has_no_rows_to_match(tmp_path: Path) -> None:
    empty = write_release(tmp_path / "empty", [])
    assert walked(empty, functions_of(tmp_path / "new", [(1, "a", 1)])) == (0, 0, 1)
    assert walked(empty, empty) == (0, 0, 0)


def test_rows_out_of_order_are_refused(tmp_path: Path) -> None:
    release = functions_of(tmp_path, [(number, "a", 1) for number in range(9)])
    (shard,) = (each for each in release.shards("functions", "train"))
    rows = release.read("functions", split="train").sort_by([("document_id", "descending")])
    pa.parquet.write_table(rows, release.path / shard.path)
    with pytest.raises(OutOfOrder, match="the table functions is not sorted by document_id"):
        walked(release, release)


def test_a_key_that_is_no_digest_is_refused(tmp_path: Path) -> None:
    release = functions_of(tmp_path, [(1, "a", 1)])
    (shard,) = (each for each in release.shards("functions", "train"))
    rows = release.read("functions", split="train")
    rows = rows.set_column(0, rows.schema.field(0), pa.array(["short"]))
    pa.parquet.write_table(rows, release.path / shard.path)
    with pytest.raises(OutOfOrder, match="a document_id that is no digest"):
        walked(release, release)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    old = functions_of(tmp_path / "old", [(1, "a", 1)])
    new = functions_of(tmp_path / "new", [(1, "a", 1)])
    (new.path / new.shards("functions", "train")[0].path).unlink()
    with pytest.raises(UnreadableRelease, match="python -m corpus verify"):
        walked(old, new)


VALUES: st.SearchStrategy[dict[str, Any] | None] = st.none() | st.builds(
    dict,
    name=st.none() | st.sampled_from(["a", "b"]),
    sizes=st.none() | st.lists(st.none() | st.integers(0, 2), max_size=3),
    parts=st.none() | st.lists(st.builds(dict, n=st.integers(0, 1)), max_size=2),
)
KIND = pa.struct(
    {
        "name": pa.string(),
        "sizes": pa.list_(pa.int64()),
        "parts": pa.list_(pa.struct({"n": pa.int8()})),
    }
)


@given(st.lists(st.tuples(st.lists(VALUES, max_size=2), st.lists(VALUES, max_size=2)), max_size=8))
def test_values_of_any_depth_differ_where_python_says_so(
    pairs: list[tuple[list[Any], list[Any]]],
) -> None:
    kind = pa.list_(KIND)
    old, new = (pa.table({"x": pa.array([p[n] for p in pairs], kind)}) for n in (0, 1))
    assert differing(old, new, "x").tolist() == [one != other for one, other in pairs]


def test_digests_of_documents_are_in_the_order_of_the_split(tmp_path: Path) -> None:
    release = functions_of(tmp_path, [(number, "a", 1) for number in range(9)])
    ids = release.read("functions", ["document_id"])["document_id"].to_pylist()
    assert [each for each, _ in groupby(ids)] == sorted(
        sha(f"shop/lib/{number}.ex") for number in range(9)
    )
