"""How Elixir's own constructs are tokenised, on a sample, and what further tokens would save.

The sample are the Elixir documents with the smallest ids, which are digests, so it is the same for
equal releases. A token belongs to the construct that most of its bytes are of, blanks apart.
"""

from collections import Counter
from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from corpus.elixir.constructs import CONSTRUCTS, constructs
from corpus.release import Span
from corpus.tokens import bytes_of, encode
from quality.report.figures import Section, share
from quality.report.sources import First, Partial, Sources

DOCUMENTS: Final = 120
LARGEST: Final = 60_000
"""Bytes of a document of the sample."""
ENTRIES: Final = (10, 100)
"""Numbers of further tokens that are looked at."""
SHOWN: Final = 12
MARK: Final = -1
"""What stands between documents, and is no token."""
Ids = npt.NDArray[np.int64]


class Sampled(Partial):
    """The Elixir documents of the sample, with their texts."""

    table = "documents"
    columns = ("document_id", "language", "parse_errors", "bytes", "text")
    batch_rows = 256

    def __init__(self) -> None:
        self.first = First([("document_id", "ascending")], DOCUMENTS)

    def add(self, batch: pa.RecordBatch, span: Span) -> None:
        """Consider the documents that were read whole."""
        is_elixir = pc.equal(batch["language"], "elixir")
        is_read = pc.and_(pc.equal(batch["parse_errors"], 0), pc.less(batch["bytes"], LARGEST))
        self.first.add(batch.filter(pc.and_(is_elixir, is_read)).select(["document_id", "text"]))


def tokens(sources: Sources) -> Section:
    """Return tokens and bytes a token by construct, and what further tokens would save."""
    texts = [str(row["text"]) for row in sources.of(Sampled).first.rows()]
    encoded = [encode(text) for text in texts]
    return {
        "documents": len(texts),
        "bytes": sum(len(text.encode()) for text in texts),
        "tokens": sum(map(len, encoded)),
        "constructs": _by_construct(texts, encoded),
        "entries": further_entries(encoded, ENTRIES),
    }


def _by_construct(texts: list[str], encoded: list[list[int]]) -> list[Section]:
    """Count tokens and their bytes by construct, the most tokens first, with frequent examples."""
    counts, sizes = np.zeros((2, len(CONSTRUCTS)), dtype=np.int64)
    examples: list[Counter[int]] = [Counter() for _ in CONSTRUCTS]
    for text, ids in zip(texts, encoded, strict=True):
        lengths = np.array([len(bytes_of(each)) for each in ids], dtype=np.int64)
        owners = owners_of(constructs(text.encode()), lengths)
        counts += np.bincount(owners, minlength=len(CONSTRUCTS))
        sizes += np.bincount(owners, weights=lengths, minlength=len(CONSTRUCTS)).astype(np.int64)
        for owner, each in zip(owners.tolist(), ids, strict=True):
            examples[owner][each] += 1
    order = sorted(range(len(CONSTRUCTS)), key=lambda place: (-int(counts[place]), place))
    return [
        {
            "name": CONSTRUCTS[place],
            "tokens": int(counts[place]),
            "share": share(int(counts[place]), int(counts.sum())),
            "bytes_per_token": round(int(sizes[place]) / max(1, int(counts[place])), 2),
            "examples": [_shown(bytes_of(each)) for each, _ in _most(examples[place], 4)],
        }
        for place in order
    ]


def owners_of(labels: npt.NDArray[np.uint8], lengths: Ids) -> Ids:
    """Return for each token the construct that most of its bytes are of, blanks apart."""
    tokens, kinds = np.repeat(np.arange(len(lengths)), lengths), len(CONSTRUCTS)
    cells = np.bincount(tokens * kinds + labels, minlength=len(lengths) * kinds)
    table = cells.reshape(len(lengths), kinds)
    table[:, 0] = np.where(table[:, 1:].any(axis=1), 0, table[:, 0])
    return np.asarray(table.argmax(axis=1))


def _most(counts: Counter[int], number: int) -> list[tuple[int, int]]:
    return sorted(counts.items(), key=lambda each: (-each[1], each[0]))[:number]


def _shown(data: bytes) -> str:
    """Return a token as it is shown: blanks visible, no broken characters."""
    text = data.decode(errors="replace")
    return text.replace("\n", "↵").replace("\t", "⇥").replace(" ", "·")


def further_entries(encoded: list[list[int]], numbers: tuple[int, ...]) -> Section:
    """Return the share of tokens that the best further entries of the vocabulary would save.

    An entry joins two tokens that follow each other, or an entry and a token. In each step the most
    frequent pair of one half of the documents becomes an entry; what it saves is counted on the
    other half, since the best entries of a text always save more on that text.
    """
    chosen, judged = (_joined(encoded[half::2]) for half in (0, 1))
    whole = int((judged != MARK).sum())
    words: dict[int, bytes] = {}
    found: list[Section] = []
    saved, number = 0, 0
    largest = max((int(each.max()) for each in (chosen, judged) if len(each)), default=0)
    while number < max(numbers) and (pair := _commonest(chosen)) is not None:
        number += 1
        entry = largest + number
        words[entry] = b"".join(words.get(each) or bytes_of(each) for each in pair)
        chosen, (before, judged) = (
            _merged(chosen, pair, entry),
            (judged, _merged(judged, pair, entry)),
        )
        saved += len(before) - len(judged)
        if number in numbers:
            found.append({"entries": number, "saved_share": share(saved, whole)})
    return {
        "judged_tokens": whole,
        "saved": found,
        "best": [_shown(each) for each in list(words.values())[:SHOWN]],
    }


def _joined(encoded: list[list[int]]) -> Ids:
    """Return the tokens of documents in a row, with a mark behind each document."""
    return np.array([each for ids in encoded for each in (*ids, MARK)], dtype=np.int64)


def _commonest(ids: Ids) -> tuple[int, int] | None:
    """Return the pair that occurs most often, the smallest of several; None if none does twice."""
    left, right = ids[:-1], ids[1:]
    is_pair = (left != MARK) & (right != MARK)
    codes, counts = np.unique((left[is_pair] << 32) | right[is_pair], return_counts=True)
    if not len(codes) or counts.max() < 2:
        return None
    code = int(codes[counts.argmax()])
    return code >> 32, code & 0xFFFFFFFF


def _merged(ids: Ids, pair: tuple[int, int], entry: int) -> Ids:
    """Replace a pair by an entry, from the left: of three equal tokens the first two are joined."""
    places = np.flatnonzero((ids[:-1] == pair[0]) & (ids[1:] == pair[1]))
    if pair[0] == pair[1] and len(places):
        starts = np.flatnonzero(np.diff(places, prepend=-2) != 1)
        offsets = np.arange(len(places)) - np.repeat(starts, np.diff([*starts, len(places)]))
        places = places[offsets % 2 == 0]
    joined = ids.copy()
    joined[places] = entry
    return np.delete(joined, places + 1)
