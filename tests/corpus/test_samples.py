from pathlib import Path

import pytest

from corpus.samples import NoSuchKind, samples
from tests.releases import document, instruction, write_release

KINDS = ("documentation_to_function", "behaviour_module")


def test_a_seed_chooses_rows_of_each_kind(tmp_path: Path) -> None:
    of = document("shop", "lib/a.ex", "defmodule A do\nend\n")
    rows = [
        instruction(of, kind, f"Write {kind} {n}.", f"def a{n}, do: {n}")
        for kind, count in zip(KINDS, (9, 2), strict=True)
        for n in range(count)
    ]
    release = write_release(tmp_path, [of], instruct=rows)

    def chosen(seed: int, kind: str | None = None) -> dict[str, tuple[int, list[str]]]:
        return {
            each.kind: (each.rows, [row["subject"] for row in each.sample])
            for each in samples(release, kind, 3, seed)
            if each.rows
        }

    found = chosen(1)
    assert {kind: (rows, len(subjects)) for kind, (rows, subjects) in found.items()} == {
        KINDS[0]: (9, 3),
        KINDS[1]: (2, 2),
    }
    assert chosen(1) == found
    assert chosen(1, KINDS[0]) == {KINDS[0]: found[KINDS[0]]}
    assert chosen(2) != found
    with pytest.raises(NoSuchKind, match=r"the kinds are .*behaviour_module"):
        list(samples(release, "whim", 3, 1))
