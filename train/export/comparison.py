"""Do two models say the same? Told from their logits on the same prompts."""

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from train.errors import TrainError

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True, kw_only=True, slots=True)
class Tolerance:
    """How far an export may be from the base with its adapter."""

    largest: float
    """Largest difference of two logits, in standard deviations of the logits."""
    divergence: float
    """Mean Kullback-Leibler divergence, in nats a token."""
    share: float
    """Divergence as a share of what the adapter itself makes, so that a weak one is not lost."""


SAME = Tolerance(largest=1e-5, divergence=1e-9, share=1e-3)
"""The same weights computed twice."""

ROUNDED = Tolerance(largest=0.25, divergence=1e-3, share=0.25)
"""The same weights rounded to 16 bits. bfloat16 keeps 8 bits, so a weight moves by 2^-9 of itself
at most, 0.1% as a rule. Errors of layers add up like the steps of a random walk: to 1% of a logit's
standard deviation after 40 layers, five times that at the worst of some million logits. The
divergence is half the error's variance, some 1e-4 nats. SmolLM2-135M has 0.045 and 7e-5; the bounds
leave five and fourteen times that. The share refuses what both would let pass: an adapter too weak
for the type, whose every change is rounded away."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Comparison:
    """How far an export is from the base with its adapter."""

    tokens: int
    largest: float
    """Largest difference of two logits, in standard deviations of the logits."""
    divergence: float
    """Mean Kullback-Leibler divergence from the adapted base to the export, in nats a token."""
    effect: float
    """The same from the adapted base to the base alone: what the adapter does."""
    agreement: float
    """Share of the tokens after which both put the same token first."""

    def exceeded(self, tolerance: Tolerance) -> str | None:
        """Say what is out of bounds, or None. A figure that is not a number is."""
        bounds = {
            "largest difference of logits, in standard deviations": (
                self.largest,
                tolerance.largest,
            ),
            "divergence in nats a token": (self.divergence, tolerance.divergence),
            "divergence, beside what the adapter itself makes,": (
                self.divergence,
                max(tolerance.share * self.effect, SAME.divergence),
            ),
        }
        for name, (found, allowed) in bounds.items():
            if not found <= allowed:
                return f"the {name} is {found:.2g}, allowed is {allowed:.2g}"
        return None

    def record(self, tolerance: Tolerance) -> dict[str, Any]:
        """Return the figures with their bounds, for export.json."""
        return {**asdict(self), "tolerance": asdict(tolerance)}


class ExportDiffers(TrainError):
    """An export does not say what the base says with its adapter, so there is none."""

    def __init__(self, what: str, why: str, comparison: Comparison, advice: str) -> None:
        super().__init__(
            f"{what} does not say what base and adapter say together: {why} "
            f"({comparison.tokens} tokens compared). Nothing was kept. {advice}"
        )
        self.comparison = comparison


def compare(reference: "Tensor", exported: "Tensor", base: "Tensor") -> Comparison:
    """Compare logits, each [tokens, vocabulary] in float32.

    `reference` is the base with its adapter, `base` the base alone.
    """
    return Comparison(
        tokens=len(reference),
        largest=float((reference - exported).abs().max() / reference.std()),
        divergence=divergence(reference, exported),
        effect=divergence(reference, base),
        agreement=float((reference.argmax(-1) == exported.argmax(-1)).double().mean()),
    )


def divergence(reference: "Tensor", other: "Tensor") -> float:
    """Return the mean Kullback-Leibler divergence from `reference` to `other`, in nats a token."""
    told, found = (each.double().log_softmax(-1) for each in (reference, other))
    return float((told.exp() * (told - found)).sum(-1).mean())
