"""Whether two models write the line that was cut out of a held-out function, to the character."""

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from corpus.progress import Progress, tracked
from corpus.release import Release
from train.evaluate.scores import Measure, shares
from train.evaluate.subject import Pair, Sampling, Stops, Subject

CONTEXT_BYTES = 4_000
"""Of source kept before and behind the line that is asked for."""

LINE = Stops(("\n",), skipped="\n")
"""Empty lines before the one that is written do not count."""


@dataclass(frozen=True, slots=True)
class Gap:
    """A line of a function that is missing, and what stands around it."""

    document_id: str
    prefix: str
    line: str
    suffix: str
    package: str = ""


@dataclass(frozen=True, slots=True)
class Filled:
    """What a model wrote into a gap."""

    gap: Gap
    written: str

    @property
    def is_exact(self) -> bool:
        """Whether it is the line that was there, but for blanks around it."""
        return self.written.strip() == self.gap.line.strip()


def check_infilling(pair: Pair) -> None:
    """Raise InfillingUnsupported unless both models can be asked for what is missing."""
    for subject in (pair.base, pair.adapter):
        subject.tokenizer.infilling_prompt("", "")


def infilling(
    pair: Pair, found: Sequence[Gap], sampling: Sampling, progress: Progress
) -> list[Measure]:
    """Compare how many missing lines are written exactly."""
    if not found:
        return []
    with pair.as_base():
        base = _filled(pair.base, found, sampling, progress)
    adapter = _filled(pair.adapter, found, sampling, progress)
    packages = [each.package or each.document_id for each in found]
    return [shares("missing line, exact", base, adapter, packages, "fill in the middle")]


def _filled(
    subject: Subject, found: Sequence[Gap], sampling: Sampling, progress: Progress
) -> list[float]:
    written: list[Filled] = list(
        tracked(progress, "fill gaps", len(found), fill(subject, found, sampling))
    )
    return [float(each.is_exact) for each in written]


def gaps(release: Release, split: str, limit: int) -> Iterator[Gap]:
    """Yield one gap a document, in the release's order, `limit` at most.

    The line is one inside a function of at least three lines, chosen by the document's id.
    """
    wanted = set(_documents(release, split, limit))
    lines: dict[str, list[int]] = {each: [] for each in wanted}
    for batch in release.batches("functions", ("document_id", "clauses"), split):
        for row in batch.to_pylist():
            if row["document_id"] in lines:
                lines[row["document_id"]] += _inner_lines(row["clauses"])
    for batch in release.batches("documents", ("document_id", "package", "text"), split):
        for row in batch.to_pylist():
            if row["document_id"] in wanted and lines[row["document_id"]]:
                gap = cut_out(row["document_id"], row["text"], lines[row["document_id"]])
                yield replace(gap, package=row["package"])


def cut_out(document_id: str, text: str, candidates: Sequence[int]) -> Gap:
    """Cut one of the candidate lines (counted from 1) out of a text."""
    digest = hashlib.sha256(document_id.encode()).digest()
    written = [line for line in sorted(set(candidates)) if text.split("\n")[line - 1].strip()]
    number = written[int.from_bytes(digest[:4], "big") % len(written)] if written else candidates[0]
    parts = text.split("\n")
    prefix = "".join(f"{line}\n" for line in parts[: number - 1])
    suffix = "\n" + "\n".join(parts[number:])
    return Gap(document_id, prefix[-CONTEXT_BYTES:], parts[number - 1], suffix[:CONTEXT_BYTES])


def fill(subject: Subject, found: Iterable[Gap], sampling: Sampling) -> Iterator[Filled]:
    """Let a model write each missing line. Raises InfillingUnsupported."""
    for gap in found:
        prompt = subject.tokenizer.infilling_prompt(gap.prefix, gap.suffix)
        (written,) = subject.complete(prompt, 1, sampling, LINE)
        yield Filled(gap, written.lstrip("\n").partition("\n")[0])


def _documents(release: Release, split: str, limit: int) -> list[str]:
    found: list[str] = []
    for batch in release.batches("documents", ("document_id",), split):
        found += batch.column(0).to_pylist()
    return found[:limit]


def _inner_lines(clauses: Sequence[dict[str, int]]) -> Iterator[int]:
    for clause in clauses:
        if clause["end_line"] - clause["start_line"] >= 2:
            yield from range(clause["start_line"] + 1, clause["end_line"])
