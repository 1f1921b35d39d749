"""Which layers get adapters, checked against those there are."""

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
