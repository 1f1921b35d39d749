"""What an export is held against: the base with its adapter, and the base alone."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from train.export.comparison import Comparison, ExportDiffers, Tolerance, compare
from train.export.logits import logits

if TYPE_CHECKING:
    from torch import Tensor

    from train.tokenizer import Ids


@dataclass(frozen=True, slots=True)
class Reference:
    """Logits of the base with its adapter and of the base alone, and the prompts they follow."""

    prompts: "list[Ids]"
    adapted: "Tensor"
    base: "Tensor"

    def against(self, exported: Any) -> Comparison:
        """Compare a model that was exported and loaded again."""
        return compare(self.adapted, logits(exported, self.prompts), self.base)

    def check(self, exported: Any, tolerance: Tolerance, what: str, advice: str) -> Comparison:
        """Compare, and raise ExportDiffers where that is out of bounds."""
        comparison = self.against(exported)
        if why := comparison.exceeded(tolerance):
            raise ExportDiffers(what, why, comparison, advice)
        return comparison


def refer_to(adapted: Any, prompts: "list[Ids]") -> Reference:
    """Take the logits of a peft model, with its adapter and without."""
    with_adapter = logits(adapted, prompts)
    with adapted.disable_adapter():
        return Reference(prompts, with_adapter, logits(adapted, prompts))
