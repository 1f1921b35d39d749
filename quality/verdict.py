"""The result of the gate: one check per promise, and the verdict that follows from them."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from enum import StrEnum

from corpus.release import GateSummary


class Level(StrEnum):
    """The subject of a promise."""

    ROW = "row"
    CORPUS = "corpus"


class Outcome(StrEnum):
    """How a check, or the gate, ended. A verdict is never `warned`."""

    PASSED = "passed"
    WARNED = "warned"
    """The promise does not hold, but the release may be published."""
    FAILED = "failed"
    UNCHECKED = "unchecked"
    """Unknown: the check raised an error, or its data could not be read."""


EXIT_CODES = {Outcome.PASSED: 0, Outcome.FAILED: 1, Outcome.UNCHECKED: 2}


@dataclass(frozen=True, kw_only=True, slots=True)
class Check:
    """One promise, checked on a release. `observed` and `expected` are texts for readers."""

    name: str
    level: Level
    outcome: Outcome
    observed: str
    expected: str
    detail: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class GateVerdict:
    """All checks, and the outcome that follows from them."""

    outcome: Outcome
    checks: tuple[Check, ...]

    @classmethod
    def of(cls, checks: tuple[Check, ...]) -> "GateVerdict":
        """Return the outcome: failed if a promise is broken, else unchecked if one could not be
        checked or if there are no checks.
        """
        outcomes = {check.outcome for check in checks}
        if Outcome.FAILED in outcomes:
            return cls(outcome=Outcome.FAILED, checks=checks)
        if Outcome.UNCHECKED in outcomes or not checks:
            return cls(outcome=Outcome.UNCHECKED, checks=checks)
        return cls(outcome=Outcome.PASSED, checks=checks)

    @property
    def exit_code(self) -> int:
        """0 passed, 1 failed, 2 could not check."""
        return EXIT_CODES[self.outcome]

    def with_outcome(self, *outcomes: Outcome) -> Iterator[Check]:
        """Yield the checks that ended in one of `outcomes`."""
        return (check for check in self.checks if check.outcome in outcomes)

    def summary(self) -> GateSummary:
        """Return the part for the manifest; its `failed` lists broken and unchecked promises."""
        held_back = self.with_outcome(Outcome.FAILED, Outcome.UNCHECKED)
        return GateSummary(
            outcome=self.outcome.value,
            checks=len(self.checks),
            failed=tuple(check.name for check in held_back),
        )

    def to_json(self) -> dict[str, object]:
        """Return plain values for `--json` and the report."""
        return {
            "outcome": self.outcome.value,
            "checks": [_plain(check) for check in self.checks],
        }


def _plain(check: Check) -> dict[str, str]:
    return {name: str(value) for name, value in asdict(check).items()}
