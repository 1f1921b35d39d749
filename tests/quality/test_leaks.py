from pathlib import Path

import numpy as np

from quality.leaks import PAIRS_AT_ONCE, Leak, jaccard, near_duplicates_across_splits
from tests.releases import Row, document, write_release


def code(count: int, name: str) -> str:
    body = "\n".join(f"  def step{n}(value), do: value * {n} + offset({n})" for n in range(count))
    return f"defmodule {name} do\n{body}\nend\n"


def unlike(name: str) -> str:
    body = "\n".join(f"  def {name}_{n}({name}), do: [{n}, :{name}_{n}]" for n in range(60))
    return f"defmodule Other do\n{body}\nend\n"


def the_documents() -> list[Row]:
    return [
        document("one", "lib/a.ex", code(60, "One")),
        document("two", "lib/b.ex", code(59, "Two"), "test"),
        document("three", "lib/c.ex", code(58, "Three"), "validation"),
        document("three", "lib/d.ex", code(57, "Three.Again"), "validation"),
        document("four", "lib/e.ex", unlike("four"), "test"),
        document("five", "lib/f.ex", "# nothing but a comment\n", "test"),
    ]


def paths(found: list[Leak]) -> set[frozenset[str]]:
    of = {row["document_id"]: row["path"] for row in the_documents()}
    return {frozenset((of[leak.first], of[leak.second])) for leak in found}


ACROSS = {
    frozenset(pair)
    for pair in [
        ("lib/a.ex", "lib/b.ex"),
        ("lib/a.ex", "lib/c.ex"),
        ("lib/a.ex", "lib/d.ex"),
        ("lib/b.ex", "lib/c.ex"),
        ("lib/b.ex", "lib/d.ex"),
    ]
}
"""All that resemble each other but c and d, which are held out together."""


def test_every_pair_across_splits_is_found_and_none_within_one(tmp_path: Path) -> None:
    found = near_duplicates_across_splits(write_release(tmp_path, the_documents()))
    assert paths(found) == ACROSS
    assert found == sorted(found)
    assert all(leak.first < leak.second and 0.7 <= leak.similarity < 1 for leak in found)


def test_no_pair_is_lost_where_there_are_more_than_are_compared_at_once(tmp_path: Path) -> None:
    copies = [
        document(f"{split}{n}", "lib/a.ex", code(20, f"Copy{n}"), split)
        for split in ("train", "test")
        for n in range(70)
    ]
    assert PAIRS_AT_ONCE < 70 * 70
    assert len(near_duplicates_across_splits(write_release(tmp_path, copies))) == 70 * 70


def test_nothing_leaks_where_nothing_is_held_out(tmp_path: Path) -> None:
    trained = [row for row in the_documents() if row["split"] == "train"]
    assert near_duplicates_across_splits(write_release(tmp_path, trained)) == []


def test_nothing_has_nothing_in_common() -> None:
    nothing = np.empty(0, np.uint64)
    assert jaccard(nothing, nothing) == 0
    assert jaccard(np.array([1, 2, 3], np.uint64), np.array([2, 3, 4], np.uint64)) == 0.5


def test_a_release_without_any_code_has_no_leaks(tmp_path: Path) -> None:
    rows = [document("five", "lib/f.ex", "# nothing but a comment\n", "test")]
    assert near_duplicates_across_splits(write_release(tmp_path, rows)) == []
