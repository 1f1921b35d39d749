"""From a release's shards to packed rows on one core, step by step.

    python -m benchmarks.packing RELEASE [--tokenizer PLACE] [--length N]

PLACE is a tokenizer's folder or Hub name; left out, it is the Tekken that mistral-common ships.
Figures are tokens a second of processor time, of stage 1 and the split `train`. The peer of packing
is next fit: samples in the order of the epoch, a new row for each that no longer fits.
"""

import argparse
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import numpy as np

from benchmarks.tokenizing import shipped_tekken
from corpus.progress import Silent
from corpus.release import Release
from train.dataset.packing import Integers, packed
from train.dataset.rows import Rows, prepare
from train.dataset.sources import documents
from train.recipe import Recipe
from train.tokenizer.opening import open_tokenizer

TARGET, FILL = 1_000_000, 0.97
"""Tokens a second on one core, and how full rows are to be."""


Result = TypeVar("Result")


def timed(work: Callable[[], Result]) -> tuple[Result, float]:
    """Return what the work gives and the seconds of processor time that it took."""
    began = time.process_time()
    return work(), time.process_time() - began


def next_fit(lengths: Integers, length: int) -> int:
    """Return the rows that samples fill in their order."""
    rows, left = 0, 0
    for needed in lengths.tolist():
        if needed > left:
            rows, left = rows + 1, length
        left -= needed
    return rows


def read_all(rows: Rows) -> int:
    """Read an epoch as a run does; return its tokens."""
    return sum(sum(rows.row(0, number).lengths) for number in range(rows.rows_in(0)))


def main() -> None:
    """Measure and print."""
    formatter = argparse.RawTextHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=formatter)
    parser.add_argument("release", type=Path)
    parser.add_argument("--tokenizer")
    parser.add_argument("--length", type=int, default=2048)
    told = parser.parse_args()
    release, recipe = Release.open(told.release), Recipe(length=told.length)
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        tokenizer = open_tokenizer(told.tokenizer or str(shipped_tekken(folder)))
        tokenizer.encode("defmodule Warm do\nend\n")
        read, reading = timed(lambda: sum(len(each.text) for each in documents(release, "train")))
        rows, laying_out = timed(
            lambda: prepare(release, 1, "train", recipe, tokenizer, folder / "work", Silent())
        )
        tokens = rows.tokens(0)
        lengths = np.random.default_rng(1).permutation(rows.store.lengths())
        best, packing = timed(lambda: packed(lengths, told.length))
        seen, rereading = timed(lambda: read_all(rows))
    assert seen == tokens
    fill = tokens / (len(best) * told.length)
    whole = tokens / (laying_out + rereading)
    print(f"{tokens:,} tokens of {read:,} characters in {len(best):,} rows of {told.length}")
    print(f"read shards            {tokens / reading:14,.0f} tokens/s")
    print(f"tokenise, store, pack  {tokens / laying_out:14,.0f} tokens/s")
    print(f"pack alone             {tokens / packing:14,.0f} tokens/s")
    print(f"read rows              {tokens / rereading:14,.0f} tokens/s")
    print(f"all of it              {whole:14,.0f} tokens/s, {whole / TARGET:.2f} of the target")
    print(f"rows are {fill:.2%} full, {fill / FILL:.3f} of the target; next fit "
          f"{tokens / (next_fit(lengths, told.length) * told.length):.2%}")  # fmt: skip


if __name__ == "__main__":
    main()
