"""Tokenising on one core, against mistral-common's own encoding and transformers' fast tokenizer.

    python -m benchmarks.tokenizing SOURCE [--tokenizer PLACE] [--megabytes N] [--rounds N]

SOURCE is a release, whose documents are read, or a folder with Elixir and Erlang files. PLACE is a
tokenizer's folder or Hub name; left out, it is the Tekken that mistral-common ships, whose 131,072
tokens are Devstral's, and which transformers reads as it would a model's. Figures are tokens a
second of processor time, every library held to one thread; the best of the rounds counts, in which
all take turns. All must give the same ids, or the run fails.
"""

import argparse
import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from shutil import copyfile
from typing import Any

import numpy as np

from benchmarks.edited_sources import read_sources
from corpus.release import Release
from corpus.release.manifest import MANIFEST_NAME
from train.tokenizer.interface import Ids, Tokenizer
from train.tokenizer.opening import open_tokenizer

Encoders = dict[str, Callable[[str], Any]]
ONE_THREAD = {"RAYON_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "TOKENIZERS_PARALLELISM": "false"}
TARGET = 1_000_000
"""Tokens a second on one core."""


def read_texts(place: Path, limit: float) -> list[str]:
    """Return the texts of a release's documents or a folder's files, `limit` megabytes at most."""
    if (place / MANIFEST_NAME).is_file():
        batches = Release.open(place).batches("documents", ["text"])
        texts = [text for batch in batches for text in batch.column(0).to_pylist()]
    else:
        texts = [source.text.decode() for source in read_sources([place])]
    sizes = np.cumsum([len(text.encode()) for text in texts])
    return texts[: int(np.searchsorted(sizes, limit * 1e6, side="right"))]


def shipped_tekken(folder: Path) -> Path:
    """Lay the Tekken that mistral-common ships into a folder as a model has it."""
    import mistral_common

    data = Path(mistral_common.__file__).parent / "data"
    copyfile(data / "tekken_240911.json", folder / "tekken.json")
    return folder


def peers(folder: Path) -> Encoders:
    """Return the other ways to encode with the same files."""
    if not (folder / "tekken.json").is_file():
        from transformers import AutoTokenizer

        fast: Any = AutoTokenizer.from_pretrained(folder, trust_remote_code=False)
        return {"transformers": lambda text: fast.encode(text, add_special_tokens=False)}
    from mistral_common.tokens.tokenizers.tekken import Tekkenizer
    from transformers.integrations.mistral import convert_tekken_tokenizer

    path = folder / "tekken.json"
    tekken, converted = Tekkenizer.from_file(path), convert_tekken_tokenizer(str(path))
    return {
        "mistral-common": lambda text: tekken.encode(text, bos=False, eos=False),
        "transformers": lambda text: converted.encode(
            text, add_special_tokens=False, split_special_tokens=True
        ),
    }


def measure(encoders: Encoders, texts: list[str], rounds: int) -> dict[str, float]:
    """Return processor seconds by encoder, the least of the rounds."""
    seconds = {name: float("inf") for name in encoders}
    for _ in range(rounds):
        for name, encode in encoders.items():
            started = time.process_time()
            for text in texts:
                encode(text)
            seconds[name] = min(seconds[name], time.process_time() - started)
    return seconds


def unlike(encoders: Encoders, ours: list[Ids], texts: list[str]) -> dict[str, int]:
    """Return by encoder how many texts it gives other ids than ours, where there are any."""
    return {
        name: count
        for name, encode in encoders.items()
        if (count := sum(encode(t) != ids.tolist() for t, ids in zip(texts, ours, strict=True)))
    }


def compare(tokenizer: Tokenizer, others: Encoders, texts: list[str], rounds: int) -> bool:
    """Print the figures; say whether ids are alike and the target is met."""
    ids = [tokenizer.encode(text) for text in texts]
    tokens, size = sum(map(len, ids)), sum(len(text.encode()) for text in texts)
    print(
        f"{len(texts):,} documents, {size / 1e6:.1f} MB, {tokens:,} tokens, "
        f"{size / tokens:.2f} bytes a token"
    )
    encoders: Encoders = {"encode": tokenizer.encode, "document": tokenizer.document}
    seconds = measure(encoders | others, texts, rounds)
    print(f"{'':16}{'tokens/s':>12}{'MB/s':>8}{'ours is':>9}")
    for name, each in seconds.items():
        ratio = f"{each / seconds['encode']:8.2f}x" if name in others else ""
        print(f"{name:16}{tokens / each:12,.0f}{size / each / 1e6:8.1f}{ratio}")
    differing = unlike(others, ids, texts)
    for name, count in differing.items():
        print(f"{name} gives other ids for {count:,} documents")
    return not differing and tokens / seconds["document"] >= TARGET


def main() -> int:
    """Measure; the exit status is 1 where ids differ or the target is missed."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("source", type=Path)
    parser.add_argument("--tokenizer")
    parser.add_argument("--megabytes", type=float, default=8.0, help="how much text is read")
    parser.add_argument("--rounds", type=int, default=5)
    given = parser.parse_args()
    os.environ.update(ONE_THREAD)  # before the libraries are imported, which read it but once
    texts = read_texts(given.source, given.megabytes)
    if not texts or given.rounds < 1:
        parser.error("there must be a text to read and a round to read it in")
    with tempfile.TemporaryDirectory() as folder:
        place = given.tokenizer or shipped_tekken(Path(folder))
        others = peers(Path(place)) if Path(place).is_dir() else {}
        good = compare(open_tokenizer(place), others, texts, given.rounds)
    return 0 if good else 1


if __name__ == "__main__":
    raise SystemExit(main())
