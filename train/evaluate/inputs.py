"""What an evaluation measures models on, gathered and found sound before a model is opened."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from corpus.release import Release
from corpus.tables import SPLIT_NAMES
from train.dataset.sources import NoReplayText, replayed
from train.errors import TrainError
from train.evaluate.executed import problems_of
from train.evaluate.infilling import Gap, gaps
from train.evaluate.likelihood import HeldOutDocument, held_out_documents
from train.evaluate.problems import Problem


class NoHeldOutText(TrainError):
    """The split that is to be measured holds no document."""

    def __init__(self, release: Release, split: str) -> None:
        shards = release.shards("documents")
        others = ", ".join(dict.fromkeys(shard.split for shard in shards if shard.rows))
        super().__init__(
            f"{release.path}: no document in the split {split!r}. --split can be {others or split}."
        )


class NoGaps(TrainError):
    """No line can be cut out of the held-out functions."""

    def __init__(self, release: Release, split: str) -> None:
        super().__init__(
            f"--gaps: no function of three lines or more in the first documents of the split "
            f"{split!r} of {release.path}. Raise --gaps, name another --split, or leave it out."
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class Inputs:
    """Held-out text, and what is to be written."""

    documents: Sequence[HeldOutDocument]
    general: Sequence[HeldOutDocument]
    """Text that is not source."""
    gaps: Sequence[Gap]
    problems: Sequence[Problem]


def gathered(
    release: Release,
    split: str,
    *,
    documents: int,
    general: Path | None,
    gaps: int,
    benchmarks: Sequence[str],
) -> Inputs:
    """Read everything that is asked for.

    A split without documents is refused where nothing else is to be measured.
    Raises NoHeldOutText, NoReplayText, NoGaps and what `problems_of` raises.
    """
    has_text = any(shard.rows for shard in release.shards("documents", split))
    needs_none = split in SPLIT_NAMES and (benchmarks or general or gaps)
    if not has_text and not needs_none:
        raise NoHeldOutText(release, split)
    return Inputs(
        documents=list(held_out_documents(release, split, documents)),
        general=general_documents(general) if general is not None else (),
        gaps=missing_lines(release, split, gaps) if gaps else (),
        problems=problems_of(benchmarks, release, (split,)),
    )


def general_documents(path: Path) -> list[HeldOutDocument]:
    """Read general text. Raises NoReplayText, also where there is none."""
    found = [
        HeldOutDocument(each.key, "", "", "", (), each.text) for each in replayed(path) if each.text
    ]
    if not found:
        raise NoReplayText(path, "it holds no text")
    return found


def missing_lines(release: Release, split: str, limit: int) -> list[Gap]:
    """Return at most so many gaps. Raises NoGaps where there is none."""
    found = list(gaps(release, split, limit))
    if not found:
        raise NoGaps(release, split)
    return found
