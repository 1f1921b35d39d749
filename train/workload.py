"""How many tokens a recipe reads of a release, estimated without its text.

Documents are counted by their column of sizes, instruction rows by that of kinds; of their text a
sample is read.
"""

import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from corpus.release import Release
from train.dataset.packing import Order
from train.recipe import Recipe, StageSettings

BYTES_PER_TOKEN = 3.42
"""Of Tekken on Elixir source, measured over 566 files of Elixir's own repository."""
FILL = 0.97
"""Share of a row that packing fills at least."""
AROUND = {1: 2, 2: 8}
"""Tokens that a sample has besides its text: begin and end; what a template puts around turns."""
SAMPLED_ROWS = 4096
"""Instruction rows that are read; they are in the order of a digest, so the first are as any."""


@dataclass(frozen=True, slots=True)
class SourceSize:
    """What a release has of one kind of text in its training split."""

    samples: float
    bytes: float


@dataclass(frozen=True, slots=True)
class Workload:
    """What one stage reads."""

    stage: int
    sources: Mapping[str, float]
    """Bytes that an epoch reads of each source, by its name."""
    epoch_tokens: int
    """Estimated; padding not counted."""
    epoch_rows: int
    steps: int
    """Of the whole stage."""
    row_tokens: int
    """Tokens of all rows of the whole stage, padding included: what takes time."""


def workload(
    release: Release, recipe: Recipe, stage: int, bytes_per_token: float = BYTES_PER_TOKEN
) -> Workload:
    """Estimate what a stage of `recipe` reads of a release. Raises UnknownSource."""
    settings = recipe.stage1 if stage == 1 else recipe.stage2
    sources = document_sources(release) if stage == 1 else instruction_sources(release)
    sources |= chat_sources(settings.data.chats)
    parts = mixed(sources, settings.data.mixture)
    around = AROUND[stage] + (prompt_bytes(recipe) / bytes_per_token if stage == 2 else 0)
    tokens = sum(part.bytes / bytes_per_token + around * part.samples for part in parts.values())
    if settings.data.replay.path:
        tokens /= 1 - settings.data.replay.share
    rows = math.ceil(tokens / (FILL * recipe.length))
    return Workload(
        stage,
        {name: part.bytes for name, part in parts.items()},
        round(tokens),
        rows,
        *steps_and_tokens(rows, recipe, settings),
    )


def mixed(sources: Mapping[str, SourceSize], passes: Mapping[str, float]) -> dict[str, SourceSize]:
    """Return what an epoch reads of each source. Raises UnknownSource."""
    from train.dataset.packing import UnknownSource

    for name in passes:
        if name not in sources:
            raise UnknownSource(name, sorted(sources))
    rates = passes or dict.fromkeys(sources, 1.0)
    return {
        name: SourceSize(sources[name].samples * rate, sources[name].bytes * rate)
        for name, rate in rates.items()
    }


def document_sources(release: Release) -> dict[str, SourceSize]:
    """Count documents and their bytes by language."""
    samples, size = Counter[str](), Counter[str]()
    for batch in release.batches("documents", ("language", "bytes"), "train", 65536):
        for language, count in zip(*(column.to_pylist() for column in batch.columns), strict=True):
            samples[f"documents.{language}"] += 1
            size[f"documents.{language}"] += count
    return {name: SourceSize(samples[name], size[name]) for name in sorted(samples)}


def instruction_sources(release: Release) -> dict[str, SourceSize]:
    """Count instruction rows by kind, and estimate their bytes from the first rows there are.

    A kind that is not among those is taken to have rows of the usual size.
    """
    rows, sampled, size = Counter[str](), Counter[str](), Counter[str]()
    for batch in release.batches("instruct", ("kind",), "train", 65536):
        rows.update(batch.column("kind").to_pylist())
    for batch in release.batches("instruct", ("kind", "messages"), "train"):
        for row in batch.to_pylist():
            sampled[row["kind"]] += 1
            size[row["kind"]] += sum(len(each["content"].encode()) for each in row["messages"])
        if sampled.total() >= SAMPLED_ROWS:
            break
    usual = size.total() / max(1, sampled.total())
    means = {kind: size[kind] / sampled[kind] if sampled[kind] else usual for kind in rows}
    return {
        f"instruct.{kind}": SourceSize(rows[kind], rows[kind] * means[kind])
        for kind in sorted(rows)
    }


def chat_sources(chats: Mapping[str, str]) -> dict[str, SourceSize]:
    """Count lines and bytes of own chats; those on the Hub, which are not fetched, as none."""
    found = {}
    for name, place in chats.items():
        path = Path(place)
        files = [path] if path.is_file() else sorted(path.rglob("*.jsonl"))
        lines = 0
        for file in files:
            with file.open("rb") as opened:
                lines += sum(1 for _ in opened)
        found[f"chat.{name}"] = SourceSize(lines, sum(file.stat().st_size for file in files))
    return found


def prompt_bytes(recipe: Recipe) -> int:
    """Return the bytes of a system prompt that the recipe spells out; else it is not known here."""
    setting = recipe.system_prompt
    return (
        0
        if setting in ("default", "none") or setting.startswith("file:")
        else len(setting.encode())
    )


def steps_and_tokens(rows: int, recipe: Recipe, settings: StageSettings) -> tuple[int, int]:
    """Return the steps of a stage whose epochs have so many rows, and the tokens of their rows."""
    order = Order(lambda epoch: rows, settings.epochs, recipe.batch, settings.steps)
    if not rows or not order.steps:
        return 0, 0
    whole = sum(order.counts)
    read = whole if order.steps == order.ends[-1] else min(whole, order.steps * recipe.batch)
    return order.steps, read * recipe.length
