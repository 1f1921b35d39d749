"""The gate: hold a release against its promises, row by row and as a whole.

First every digest is checked, because nothing can be said of rows that are not the ones which the
manifest describes. Then each shard is read once for the row promises, and a few columns are read
again for the corpus promises. What fails and what could not be checked are told apart throughout.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence

import pyarrow as pa

from corpus.release import Release, advice, verify
from corpus.tables import SHARDED
from quality.examination import Examiner, Finding
from quality.frames import frames
from quality.lookup import read_lookup
from quality.metrics import Metrics, Value, explain, measure
from quality.settings import built_under
from quality.suites import corpus as corpus_suite
from quality.suites import rows as row_suite
from quality.suites.promise import Promise
from quality.thresholds import GateConfig
from quality.verdict import Check, GateVerdict, Level, Outcome

INTACT = "corpus.digests"
READABLE = (OSError, pa.ArrowException, LookupError, ValueError, TypeError, AttributeError)
"""What reading a table raises that is broken in a way its digest does not show."""


DEFAULT = GateConfig()


def judge(release: Release, config: GateConfig = DEFAULT) -> GateVerdict:
    """Hold a release or candidate against every promise; problems are checks, not exceptions."""
    intact = _intact(release)
    if intact.outcome is not Outcome.PASSED:
        return GateVerdict.of((intact,))
    measured = _measured(release, config)
    examiner = Examiner(config.examples)
    corpus = list(_corpus_checks(measured, examiner, config))
    rows = [check for table in SHARDED for check in _row_checks(release, table, examiner, config)]
    return GateVerdict.of((intact, *corpus, *rows))


def _intact(release: Release) -> Check:
    """Check the digests of all shards and files; a damaged release cannot be judged."""
    try:
        found = verify(release)
        problems, told = [str(problem) for problem in found], advice(release, found)
    except READABLE as error:
        problems, told = [explain(error, release)], []
    shards = len(release.manifest.shards)
    return Check(
        name=INTACT,
        level=Level.CORPUS,
        outcome=Outcome.UNCHECKED if problems else Outcome.PASSED,
        observed=f"{len(problems)} problem{'s' * (len(problems) != 1)} in {shards} shards",
        expected="every file is the one that the manifest describes",
        detail="\n".join([*problems, *told]),
    )


def _measured(release: Release, config: GateConfig) -> Metrics | str:
    """Work out the figures, or say why they cannot be.

    Before Great Expectations is loaded, so that it fills the memory that the search for leaks let
    go of: the other way round the gate takes a tenth more.
    """
    try:
        return measure(release, config)
    except READABLE as error:
        return explain(error, release)


def _corpus_checks(
    metrics: Metrics | str, examiner: Examiner, config: GateConfig
) -> Iterable[Check]:
    promises = corpus_suite.promises(config)
    if isinstance(metrics, str):
        yield from (_unchecked(promise, Level.CORPUS, metrics) for promise in promises)
        return
    table = pa.table({name: [value] for name, value in metrics.values.items()})
    for finding in examiner.examine(promises, table):
        yield _corpus_check(finding, metrics)


def _corpus_check(finding: Finding, metrics: Metrics) -> Check:
    column = finding.promise.column
    value = metrics.values.get(column)
    return Check(
        name=finding.promise.name,
        level=Level.CORPUS,
        outcome=_outcome([finding]),
        observed="unknown" if value is None else _figure(value),
        expected=finding.promise.expected,
        detail=metrics.failures.get(column) or finding.error or _blame(finding, metrics),
    )


def _blame(finding: Finding, metrics: Metrics) -> str:
    """Name who breaks a promise, or the figure that another was to be equal to."""
    blamed = metrics.blame.get(finding.promise.column)
    if blamed:
        return blamed
    other = str(getattr(finding.promise.expectation, "column_B", None) or "")
    if finding.kept or other not in metrics.values:
        return ""
    return f"{other} is {_figure(metrics.values[other])}"


def _figure(value: Value) -> str:
    return f"{value:.2%}" if isinstance(value, float) else f"{value:,}"


def _row_checks(
    release: Release, table: str, examiner: Examiner, config: GateConfig
) -> Iterable[Check]:
    promises = row_suite.promises(table, built_under(release))
    findings: dict[str, list[Finding]] = defaultdict(list)
    try:
        lookup = read_lookup(release)
        for frame in frames(release, table, lookup, config.frame_rows):
            for finding in examiner.examine(promises, frame):
                findings[finding.promise.name].append(finding)
    except READABLE as error:
        why = explain(error, release)
        return [_unchecked(promise, Level.ROW, why) for promise in promises]
    return [_row_check(promise, findings[promise.name], config) for promise in promises]


def _row_check(promise: Promise, findings: Sequence[Finding], config: GateConfig) -> Check:
    rows = sum(finding.rows for finding in findings)
    unexpected = sum(finding.unexpected for finding in findings)
    errors = [finding.error for finding in findings if finding.error]
    examples = [value for finding in findings for value in finding.examples]
    shown = ", ".join(list(dict.fromkeys(examples))[: config.examples])
    return Check(
        name=promise.name,
        level=Level.ROW,
        outcome=_outcome(findings),
        observed=f"{unexpected:,} of {rows:,} rows break it" if unexpected else f"{rows:,} rows",
        expected=promise.expected,
        detail=errors[0] if errors else f"for example {shown}" if unexpected else "",
    )


def _outcome(findings: Sequence[Finding]) -> Outcome:
    """Judge the findings on one promise: one that broke it outweighs one that raised."""
    if any(not finding.kept and finding.error is None for finding in findings):
        is_warning = findings[0].promise.warning
        return Outcome.WARNED if is_warning else Outcome.FAILED
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
