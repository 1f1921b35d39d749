"""The gate: check the promises of a release, for each row and for the release as a whole.

First every digest is checked, because other checks make no sense on rows that differ from those in
the manifest. Then the spans of each table are read once for the row promises, and a few columns
again for the corpus promises. Both run as tasks on the executor. A broken promise and one that
could not be checked have different outcomes.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import pyarrow as pa

from corpus.executor import SERIAL, Executor, in_order
from corpus.progress import Progress, Silent
from corpus.release import Release, Span, advice, verify
from corpus.tables import SHARDED
from pages.formats import plural
from quality.frames import frames
from quality.metrics import Metrics, Value, corpus_promises, measure
from quality.partial import READABLE, explain, worked_out
from quality.promises import Finding, Promise, row_promises
from quality.settings import GateConfig, built_under
from quality.verdict import Check, GateVerdict, Level, Outcome

INTACT = "corpus.digests"
DEFAULT = GateConfig()


def judge(
    release: Release,
    config: GateConfig = DEFAULT,
    executor: Executor = SERIAL,
    progress: Progress | None = None,
) -> GateVerdict:
    """Check every promise of a release or candidate; problems are reported as checks, not raised.

    For example, a worker that was killed twice is reported as an unchecked promise.
    """
    progress = progress or Silent()
    progress.start("gate", 2 + len(SHARDED))
    intact = _intact(release, executor)
    progress.advance()
    if intact.outcome is not Outcome.PASSED:
        return GateVerdict.of((intact,))
    checks = [intact, *_corpus_checks(release, config, executor)]
    progress.advance()
    for table in SHARDED:
        checks += _row_checks(release, table, config, executor)
        progress.advance()
    return GateVerdict.of(tuple(checks))


def _intact(release: Release, executor: Executor) -> Check:
    """Check the digests of all shards and files; the other checks need an undamaged release."""
    try:
        found = verify(release, executor)
        problems, told = [str(problem) for problem in found], advice(release, found)
    except READABLE as error:
        problems, told = [explain(error, release.path)], []
    shards = len(release.manifest.shards)
    return Check(
        name=INTACT,
        level=Level.CORPUS,
        outcome=Outcome.UNCHECKED if problems else Outcome.PASSED,
        observed=f"{plural(len(problems), 'problem')} in {plural(shards, 'shard')}",
        expected="every file has the digest in the manifest",
        detail="\n".join([*problems, *told]),
    )


def _corpus_checks(release: Release, config: GateConfig, executor: Executor) -> list[Check]:
    promises = corpus_promises(config)
    try:
        metrics = measure(release, config, executor)
        table = pa.table({name: [value] for name, value in metrics.values.items()})
        task = Frame(tuple(promises), table, config.examples)
        (findings,) = in_order(executor, "gate", _examine_frame, [task])
    except READABLE as error:
        why = explain(error, release.path)
        return [_unchecked(promise, Level.CORPUS, why) for promise in promises]
    return [
        _corpus_check(promise, finding, metrics)
        for promise, finding in zip(promises, findings, strict=True)
    ]


@dataclass(frozen=True, slots=True)
class Frame:
    """Rows to check in a process, which then loads Great Expectations."""

    promises: tuple[Promise, ...]
    table: pa.Table
    examples: int


def _examine_frame(task: Frame) -> list[Finding]:
    from quality.examination import examiner

    return examiner(task.examples).examine(task.promises, task.table)


def _corpus_check(promise: Promise, finding: Finding, metrics: Metrics) -> Check:
    value = metrics.values.get(promise.column)
    blamed = metrics.failures.get(promise.column) or finding.error
    return Check(
        name=promise.name,
        level=Level.CORPUS,
        outcome=_outcome(promise, [finding]),
        observed="unknown" if value is None else _figure(value),
        expected=promise.expected,
        detail=blamed or _blame(promise, finding, metrics),
    )


def _blame(promise: Promise, finding: Finding, metrics: Metrics) -> str:
    """Return examples that break a promise, or the figure that should be equal."""
    blamed = metrics.blame.get(promise.column)
    if blamed:
        return blamed
    if finding.kept or promise.other not in metrics.values:
        return ""
    return f"{promise.other} is {_figure(metrics.values[promise.other])}"


def _figure(value: Value) -> str:
    return f"{value:.2%}" if isinstance(value, float) else f"{value:,}"


@dataclass(frozen=True, slots=True)
class Rows:
    """Spans of one table, whose rows are checked together as far as they fit a frame.

    An expectation takes some 30 ms, however few rows it is given.
    """

    spans: tuple[Span, ...]
    config: GateConfig


def _examine_rows(task: Rows) -> list[list[Finding]]:
    """Return the findings on each promise in each frame of some spans."""
    from quality.examination import examiner

    span = task.spans[0]
    promises = row_promises(span.shard.config, built_under(span.release))
    examine = examiner(task.config.examples).examine
    return [examine(promises, frame) for frame in frames(task.spans, task.config.frame_rows)]


def _together(spans: Iterable[Span], rows: int) -> Iterator[tuple[Span, ...]]:
    """Yield consecutive spans, of at most `rows` rows together or one alone."""
    taken: list[Span] = []
    for span in spans:
        if taken and sum(each.rows for each in taken) + span.rows > rows:
            yield tuple(taken)
            taken = []
        taken.append(span)
    if taken:
        yield tuple(taken)


def _row_checks(
    release: Release, table: str, config: GateConfig, executor: Executor
) -> Iterable[Check]:
    promises = row_promises(table, built_under(release))
    try:
        groups = _together(release.spans(table), config.frame_rows)
        tasks = [Rows(spans, config) for spans in groups]
        done = worked_out(executor, "gate", _examine_rows, tasks, release.path)
        found = [findings for frames_of_task in done for findings in frames_of_task]
    except READABLE as error:
        why = explain(error, release.path)
        return [_unchecked(promise, Level.ROW, why) for promise in promises]
    return [
        _row_check(promise, [findings[place] for findings in found], config)
        for place, promise in enumerate(promises)
    ]


def _row_check(promise: Promise, findings: Sequence[Finding], config: GateConfig) -> Check:
    rows = sum(finding.rows for finding in findings)
    unexpected = sum(finding.unexpected for finding in findings)
    errors = [finding.error for finding in findings if finding.error]
    examples = [value for finding in findings for value in finding.examples]
    shown = ", ".join(list(dict.fromkeys(examples))[: config.examples])
    return Check(
        name=promise.name,
        level=Level.ROW,
        outcome=_outcome(promise, findings),
        observed=f"{unexpected:,} of {rows:,} rows break it" if unexpected else plural(rows, "row"),
        expected=promise.expected,
        detail=errors[0] if errors else f"for example {shown}" if unexpected else "",
    )


def _outcome(promise: Promise, findings: Sequence[Finding]) -> Outcome:
    """Combine the findings on one promise: a broken one has precedence over one that raised."""
    if any(not finding.kept and finding.error is None for finding in findings):
        return Outcome.WARNED if promise.warning else Outcome.FAILED
    if any(finding.error for finding in findings):
        return Outcome.UNCHECKED
    return Outcome.PASSED


def _unchecked(promise: Promise, level: Level, why: str) -> Check:
    return Check(
        name=promise.name,
        level=level,
        outcome=Outcome.UNCHECKED,
        observed="unknown",
        expected=promise.expected,
        detail=why,
    )
