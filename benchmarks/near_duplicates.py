"""Fingerprints and near-duplicates against exact all-pairs, their limits and their peers.

    python -m benchmarks.near_duplicates FOLDER... [--peer-python PYTHON] [--copies 10]

FOLDERs hold Elixir and Erlang sources, such as Debian's elixir and rabbitmq-server. PYTHON is one
of another environment that has datatrove (with spaCy) and text-dedup; without it peers are left
out. Everything runs one after the other on the same files:

- fingerprint: MB a second against a bare tree-sitter parse, and where its time goes;
- candidates: sorted band keys against datasketch's MinHashLSH, same signatures;
- exactness: recall and precision against all pairs by a sparse product, on the files, and on the
  files with three copies each in which up to a fifth of the lines is edited, so that similarities
  lie densely around the threshold;
- peers: documents a processor second from texts in memory to clusters on disk, documentation
  included;
- memory: peak of a process that clusters the files, and of one that clusters many edited copies.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
from rich.console import Console
from rich.table import Table

from benchmarks.edited_sources import Source, edited, read_sources, write_parts
from corpus.deduplicate import NearDuplicates, band_keys, buckets, cluster
from corpus.fingerprint import (
    Code,
    FingerprintConfig,
    code_only,
    comment_spans,
    fingerprint,
    fingerprints,
    tokenize,
)
from corpus.fingerprint.signature import signatures
from corpus.fingerprint.tokens import shingle
from corpus.ingest.opened import SEVERAL_BYTES
from corpus.parts import read_part

PEERS = ("datatrove", "datatrove-whitespace", "text-dedup")
CONFIG = NearDuplicates()
ROUNDS = 3


def best(work: Callable[[], object]) -> float:
    """Return the shortest processor time in seconds of a few rounds."""
    times = []
    for _ in range(ROUNDS):
        started = time.process_time()
        work()
        times.append(time.process_time() - started)
    return min(times)


def parse_all(sources: Sequence[Source]) -> None:
    import tree_sitter_elixir
    from tree_sitter import Language, Parser
    from tree_sitter_language_pack import get_parser

    elixir = Parser(Language(tree_sitter_elixir.language()))
    parsers = {"elixir": elixir.parse, "erlang": get_parser("erlang").parse}
    for source in sources:
        parsers[source.language](source.text)


def grouped(sources: Sequence[Source]) -> Iterator[list[Source]]:
    """Yield groups as large as ingest takes together."""
    group: list[Source] = []
    for source in sources:
        if group and sum(len(each.text) for each in [*group, source]) > SEVERAL_BYTES:
            yield group
            group = []
        group.append(source)
    if group:
        yield group


def code_of(group: list[Source]) -> list[Code]:
    """Return the code of some sources, with their documentation."""
    return [Code(code_only(source.text, source.language, ())) for source in group]


def measure_fingerprint(sources: Sequence[Source], table: Table) -> None:
    """Compare with the parser, and take the fingerprint apart."""
    size = sum(len(source.text) for source in sources) / 1e6
    parse = best(lambda: parse_all(sources))
    groups = list(grouped(sources))
    whole = best(lambda: [fingerprints(code_of(group), FingerprintConfig()) for group in groups])
    code = [[each.text for each in code_of(group)] for group in groups]
    tokens = [tokenize(*texts) for texts in code]
    hashes = [(found.hashes(), found.bounds) for found in tokens]
    shingles = [shingle(*found, 5) for found in hashes]
    parts = {
        "find comments": best(lambda: [list(comment_spans(s.text, s.language)) for s in sources]),
        "find tokens": best(lambda: [tokenize(*texts) for texts in code]),
        "digest tokens": best(lambda: [found.digests() for found in tokens]),
        "hash tokens": best(lambda: [found.hashes() for found in tokens]),
        "shingle": best(lambda: [shingle(*found, 5) for found in hashes]),
        "sign": best(lambda: [signatures(*found, 128, 1) for found in shingles]),
    }
    count = sum(map(len, tokens))
    table.add_row("fingerprint", f"{len(sources)} files, {size:.1f} MB, {count / 1e6:.2f}M tokens")
    table.add_row("  bare parse", f"{size / parse:.1f} MB/s")
    table.add_row("  fingerprint", f"{size / whole:.1f} MB/s, {whole / parse:.2f} of parse time")
    for name, seconds in parts.items():
        table.add_row(f"    {name}", f"{seconds / parse:.3f}")


def measure_candidates(signatures: npt.NDArray[np.uint32], table: Table) -> None:
    """Compare with datasketch's index in dicts: time from signatures to candidates."""
    from datasketch import MinHash, MinHashLSH

    everyone = np.ones(len(signatures), dtype=bool)
    minhashes = [MinHash(hashvalues=found, scheme="affine32") for found in signatures]

    def in_dicts() -> None:
        index = MinHashLSH(num_perm=128, params=CONFIG.bands)
        for number, minhash in enumerate(minhashes):
            index.insert(number, minhash)
        for minhash in minhashes:
            index.query(minhash)

    ours = best(lambda: buckets(band_keys(signatures, CONFIG.bands), everyone))
    theirs = best(in_dicts)
    table.add_row("candidates", f"{len(signatures)} signatures")
    table.add_row("  sorted band keys", f"{ours * 1e3:.0f} ms")
    table.add_row("  datasketch's dicts", f"{theirs * 1e3:.0f} ms, {theirs / ours:.0f} times")


def near_pairs(sets: Sequence[npt.NDArray[np.uint64]]) -> dict[tuple[int, int], float]:
    """Find all pairs at the threshold by multiplying the incidence matrix with itself."""
    from scipy.sparse import csr_matrix, triu

    columns = np.unique(np.concatenate(sets), return_inverse=True)[1]
    sizes = np.array([len(found) for found in sets])
    matrix = csr_matrix((np.ones(len(columns), np.int32), columns, np.append(0, np.cumsum(sizes))))
    pairs: dict[tuple[int, int], float] = {}
    for start in range(0, len(sets), 500):
        block = triu(matrix[start : start + 500] @ matrix.T, k=start + 1).tocoo()
        left, right = block.row + start, block.col
        similarity = block.data / (sizes[left] + sizes[right] - block.data)
        near = similarity >= CONFIG.threshold
        found = zip(left[near].tolist(), right[near].tolist(), strict=True)
        pairs.update(zip(found, similarity[near].tolist(), strict=True))
    return pairs


def measure_exactness(name: str, sources: Sequence[Source], folder: Path, table: Table) -> None:
    """Compare candidates and clusters with all pairs of different code."""
    parts = write_parts(sources, folder / name)
    columns = ["document_id", "normalized_id", "shingles", "signature"]
    rows = [row for part in parts for row in read_part(part, columns=columns).to_pylist()]
    different = {row["normalized_id"]: row for row in rows if row["shingles"]}
    places = {normalized: place for place, normalized in enumerate(different)}
    place_of = {row["document_id"]: places.get(row["normalized_id"], -1) for row in rows}
    truth = near_pairs([np.array(row["shingles"], np.uint64) for row in different.values()])
    signatures = np.stack([np.frombuffer(r["signature"], "<u4") for r in different.values()])

    settled = read_part(cluster(parts, folder / f"{name}.arrow", CONFIG)).to_pylist()
    near = [row for row in settled if row["relation"] == "near"]
    edges = [(place_of[row["document_id"]], place_of[row["representative_id"]]) for row in near]
    below = sum((min(edge), max(edge)) not in truth for edge in edges)
    kept = {place_of[r["document_id"]] for r in settled if r["relation"] == "representative"}
    table.add_row(name, f"{len(rows)}, {len(different)} of different code")
    table.add_row("  pairs at 0.7 or above", f"{len(truth)}")
    for bands in (CONFIG.bands, (32, 4)):
        recall = share_found(truth, signatures, bands)
        table.add_row(f"  recall of {bands[0]} bands of {bands[1]}", f"{recall:.5f}")
    table.add_row(
        "  pairs of which both are kept", f"{sum(a in kept and b in kept for a, b in truth)}"
    )
    table.add_row("  dropped as near", f"{len(near)}, for one below 0.7: {below}")


def share_found(
    truth: Iterable[tuple[int, int]], signatures: npt.NDArray[np.uint32], bands: tuple[int, int]
) -> float:
    """Return the share of pairs that are candidates."""
    keys = band_keys(signatures, bands)
    return float(np.mean([(keys[:, a] == keys[:, b]).any() for a, b in truth]))


def measure_peers(
    sources: Sequence[Source], python: str | None, folder: Path, table: Table
) -> None:
    """Time ours and every peer from texts in memory to clusters."""
    started = time.process_time()
    parts = write_parts(sources, folder / "speed")
    settled = read_part(cluster(parts, folder / "speed.arrow", CONFIG))
    ours = len(sources) / (time.process_time() - started)
    removed = sum(relation != "representative" for relation in settled["relation"].to_pylist())
    table.add_row("documents a processor second", f"{len(sources)} files, texts to clusters")
    table.add_row("  ours", f"{ours:.0f}, removes {removed}")
    texts = folder / "texts.jsonl"
    texts.write_text("".join(json.dumps(source.text.decode()) + "\n" for source in sources))
    for peer in PEERS if python else ():
        command = [str(python), str(Path(__file__).with_name("minhash_peers.py")), peer, str(texts)]
        answer = subprocess.run(command, check=True, capture_output=True, text=True, cwd=folder)
        figures = json.loads(answer.stdout.splitlines()[-1])
        speed = len(sources) / figures["seconds"]
        removes = f"removes {figures['removed']}"
        table.add_row(f"  {peer}", f"{speed:.0f}, {removes}; ours {ours / speed:.1f} times")


MEMORY_PROGRAM = """
import sys
from pathlib import Path
from corpus.deduplicate import NearDuplicates, cluster
cluster(sorted(Path(sys.argv[1]).iterdir()), Path(sys.argv[1] + ".clusters"), NearDuplicates())
status = Path("/proc/self/status").read_text().split()
print(int(status[status.index("VmHWM:") + 1]) / 1024)
"""
"""Not getrusage: its peak would include the parent's memory, inherited at the fork."""


def measure_memory(sources: Sequence[Source], copies: int, folder: Path, table: Table) -> None:
    """Cluster once and `copies` times the files, each in a process of its own."""
    table.add_row("peak memory of clustering", "one process")
    peaks = []
    for count in (1, copies):
        parts = folder / f"memory{count}"
        for copy in range(count):
            changed = [edited(source, copy) if copy else source for source in sources]
            write_parts(changed, parts, prefix=f"{copy:03}-")
        started = time.perf_counter()
        command = [sys.executable, "-c", MEMORY_PROGRAM, str(parts)]
        answer = subprocess.run(command, check=True, capture_output=True, text=True)
        seconds = time.perf_counter() - started
        peaks.append(float(answer.stdout))
        table.add_row(f"  {count * len(sources)} files", f"{peaks[-1]:.0f} MB, {seconds:.1f} s")
    table.add_row("  ratio", f"{peaks[1] / peaks[0]:.2f}")


def main() -> None:
    """Read the arguments, measure, print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folders", nargs="+", type=Path)
    parser.add_argument("--peer-python")
    parser.add_argument("--copies", type=int, default=10)
    arguments = parser.parse_args()
    sources = read_sources(arguments.folders)
    spread = [edited(source, copy) for copy in range(1, 4) for source in sources]
    signatures = [
        fingerprint(s.text, s.language, (), FingerprintConfig()).signature for s in spread
    ]
    table = Table("what", "figure")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        measure_fingerprint(sources, table)
        measure_candidates(np.stack(signatures), table)
        measure_exactness("files", sources, folder, table)
        measure_exactness("files and edited copies", [*sources, *spread], folder, table)
        measure_peers(sources, arguments.peer_python, folder, table)
        measure_memory(sources, arguments.copies, folder, table)
    Console().print(table)


if __name__ == "__main__":
    main()
