"""What the gate said."""

from collections import Counter

from quality.report.figures import Section
from quality.verdict import GateVerdict, Outcome


def gate(verdict: GateVerdict | None) -> Section | None:
    """Return the verdict with a count of outcomes, or None if the gate has not judged."""
    if verdict is None:
        return None
    counts = Counter(check.outcome.value for check in verdict.checks)
    return {**verdict.to_json(), "counts": {name.value: counts[name.value] for name in Outcome}}
