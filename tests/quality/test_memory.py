import random
import tracemalloc
from pathlib import Path

from corpus.release import Release
from quality.leaks import near_duplicates_across_splits
from quality.metrics import measure
from quality.report.publishing import compose
from quality.settings import GateConfig
from tests.releases import document, write_release


def release_of(folder: Path, count: int) -> Release:
    """Write documents that differ, one in eight of them held out."""
    draw = random.Random(1)
    documents = [
        document(f"package{n % 50}", f"lib/{n}.ex", _code(draw), _split(n % 50))
        for n in range(count)
    ]
    return write_release(folder, documents)


def _split(package: int) -> str:
    return {0: "validation", 1: "test"}.get(package % 16, "train")


def _code(draw: random.Random) -> str:
    lines = [f"  def f{draw.randrange(10**6)}(x), do: x + {draw.random()}" for _ in range(30)]
    return "\n".join(["defmodule A do", *lines, "end", ""])


def peak(release: Release) -> int:
    """Return the most memory that Python and NumPy take to judge and report a release."""
    tracemalloc.start()
    try:
        measure(release, GateConfig())
        near_duplicates_across_splits(release)
        compose(release, None)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_four_times_the_documents_take_little_more_memory(tmp_path: Path) -> None:
    once = release_of(tmp_path / "once", 400)
    peak(once)  # what is imported and compiled on first use
    small, large = peak(once), peak(release_of(tmp_path / "more", 1600))
    assert large - small < 1200 * 200, "more than two hundred bytes a document"
