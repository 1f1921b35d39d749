"""Which problems this machine can decide: their reference passes and an empty answer does not."""

from collections.abc import Sequence
from dataclasses import dataclass

from sandbox import Limits, Sandbox
from train.evaluate.execution import LIMITS, Verdict, judge_all
from train.evaluate.problems import Problem


@dataclass(frozen=True, slots=True)
class Calibration:
    """Problems by what was found of them."""

    problems: list[Problem]
    """Fit to be asked; those without a reference are among them."""
    left_out: dict[str, list[str]]
    """Identities of the others by reason: toolchain_too_old, reference_VERDICT, empty_passes."""


def calibrate(
    problems: Sequence[Problem], sandbox: Sandbox, *, workers: int = 0, limits: Limits = LIMITS
) -> Calibration:
    """Run each problem's reference and an empty answer, and sort out what cannot be decided.

    A reference fails where this machine's toolchain differs from the one it was written for, or
    where a package's function needs other packages; asking a model then would measure the machine.
    """
    tried = [each for each in problems if each.reference is not None]
    answers = [(each.reference or "", "") for each in tried]
    judgements = judge_all(tried, answers, sandbox, workers=workers, limits=limits)
    reasons = {
        problem.identity: why_not(reference.verdict, empty.verdict)
        for problem, (reference, empty) in zip(tried, judgements, strict=True)
    }
    left_out: dict[str, list[str]] = {}
    for identity, reason in reasons.items():
        if reason:
            left_out.setdefault(reason, []).append(identity)
    kept = [each for each in problems if not reasons.get(each.identity)]
    return Calibration(kept, left_out)


def why_not(reference: Verdict, empty: Verdict) -> str:
    """Return why a problem cannot be asked; empty where it can."""
    if reference is Verdict.TOOLCHAIN_TOO_OLD:
        return str(reference)
    if reference is not Verdict.PASSED:
        return f"reference_{reference}"
    return "empty_passes" if empty is Verdict.PASSED else ""
