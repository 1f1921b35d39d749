"""What the gate said."""

from collections import Counter
from typing import Any

from quality.verdict import GateVerdict, Outcome


def gate(verdict: GateVerdict | None) -> dict[str, Any] | None:
    """Return the verdict with a count of outcomes, or None if the gate has not judged."""
    if verdict is None:
        return None
    counts = Counter(check.outcome.value for check in verdict.checks)
    return {**verdict.to_json(), "counts": {name.value: counts[name.value] for name in Outcome}}
