"""Which layers get adapters, checked against those there are."""

import re
from typing import Any

from train.errors import TrainError


class UnknownTarget(TrainError):
    """No layer of the model has the name of an adapter's target."""

    def __init__(self, targets: list[str], known: list[str]) -> None:
        super().__init__(
            f"--adapter.targets: the model has no linear layer named {', '.join(targets)}; it has "
            f"{', '.join(known)}."
        )


def check_targets(model: Any, targets: tuple[str, ...]) -> None:
    """Raise UnknownTarget if no linear layer of the decoder has one of the names."""
    known = {
        name.rpartition(".")[2]
        for name, module in model.named_modules()
        if hasattr(module, "in_features")
    }
    if unknown := [target for target in targets if target not in known]:
        raise UnknownTarget(unknown, sorted(known))


def beside_decoder(model: Any) -> str | None:
    """Return a pattern of what stands beside the decoder, such as a vision tower; None if nothing.

    Layers there have the same names as the decoder's, but text alone never passes through them.
    """
    decoder = model.get_decoder()
    path = next(name for name, module in model.named_modules() if module is decoder)
    head = model.get_output_embeddings()
    has_others = any(
        module is not head and not name.startswith(f"{path}.")
        for name, module in model.named_modules()
        if hasattr(module, "in_features")
    )
    return rf"(?!{re.escape(path)}\.).*" if has_others else None
