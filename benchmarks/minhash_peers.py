"""MinHash deduplication by datatrove and text-dedup, run in an environment that has them.

    PEER_PYTHON benchmarks/minhash_peers.py datatrove|datatrove-whitespace|text-dedup TEXTS

TEXTS is a file with one JSON string a line. Prints one JSON object: processor seconds from texts
in memory to clusters, and how many documents the peer would remove. Imports and one warming
document are not counted. This file imports nothing of the project.

The peers run as shipped, in 5-grams and the bands of ours (25 of 5), save where the name says
otherwise: datatrove's default tokenizer for English is spaCy's, made without any download.
`datatrove-whitespace` gives it the cheapest of its own instead.
"""

import json
import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any

BANDS, ROWS = 25, 5


def processor_seconds() -> float:
    """Return what this process and its finished children have used, whoever else is running."""
    return sum(os.times()[:4])


def datatrove(texts: list[str], tokenizer: Any) -> tuple[float, int]:
    """Run signatures, buckets and clusters; filtering the texts is left out."""
    minhash = import_module("datatrove.pipeline.dedup.minhash")
    new = import_module("datatrove.data").Document
    config = minhash.MinhashConfig(num_buckets=BANDS, hashes_per_bucket=ROWS)
    documents = [new(text=text, id=str(place)) for place, text in enumerate(texts)]
    with tempfile.TemporaryDirectory() as folder:
        at = {name: f"{folder}/{name}" for name in ("signatures", "buckets", "clusters")}
        signing = minhash.MinhashDedupSignature(at["signatures"], config, language=tokenizer)
        signing.get_shingles("one document to load the tokenizer")
        started = processor_seconds()
        signing.run(iter(documents), 0, 1)
        for rank in range(BANDS):
            matching = minhash.MinhashDedupBuckets(at["signatures"], at["buckets"], config=config)
            matching.run(None, rank, BANDS)
        clustering = minhash.MinhashDedupCluster(at["buckets"], at["clusters"], config)
        clustering.run(None, 0, 1)
        seconds = processor_seconds() - started
        removed = sum(path.stat().st_size // 4 for path in Path(at["clusters"]).glob("*.remove"))
    return seconds, removed


class ProcessorTimer:
    """Stands in for text-dedup's timer, which reads the clock on the wall."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    @contextmanager
    def __call__(self, name: str) -> Iterator[None]:
        """Time one step of its command."""
        started = processor_seconds()
        yield
        self.seconds[name] = processor_seconds() - started

    def report(self, **_: object) -> None:
        """Say nothing."""


def text_dedup(texts: list[str]) -> tuple[float, int]:
    """Run its command; only what it times as MinHashing and Clustering counts."""
    datasets = import_module("datasets")
    minhash: Any = import_module("text_dedup.minhash")
    timer = ProcessorTimer()
    minhash.Timer = lambda: timer
    datasets.disable_progress_bars()
    with tempfile.TemporaryDirectory() as folder:
        datasets.Dataset.from_dict({"text": texts}).save_to_disk(f"{folder}/in")
        options = f"--local --path {folder}/in --output {folder}/out --column text --num_proc 1"
        settings = f"--num_perm 128 --ngram 5 --b {BANDS} --r {ROWS}"
        minhash.main([*options.split(), *settings.split()], standalone_mode=False)
        left = len(datasets.load_from_disk(f"{folder}/out"))
    return timer.seconds["MinHashing"] + timer.seconds["Clustering"], len(texts) - left


def run(peer: str, texts: list[str]) -> tuple[float, int]:
    """Return seconds, and how many documents the peer removes."""
    if peer == "text-dedup":
        return text_dedup(texts)
    if peer == "datatrove":
        return datatrove(texts, "eng")
    tokenizers = import_module("datatrove.utils.word_tokenizers")
    return datatrove(texts, tokenizers.WhitespaceTokenizer())


def main() -> None:
    """Read the arguments, run one peer, print its figures."""
    _, peer, path = sys.argv
    with Path(path).open(encoding="utf-8") as file:
        texts = [json.loads(line) for line in file]
    seconds, removed = run(peer, texts)
    print(json.dumps({"seconds": seconds, "removed": removed}))


if __name__ == "__main__":
    main()
