"""The base model in 16 bits, which is what an adapter is merged into."""

import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

from train.errors import TrainError
from train.export.run import FinishedRun
from train.model.loading import FROM_TEXT_AND_IMAGES, readable

if TYPE_CHECKING:
    import torch


class QuantisedBase(TrainError):
    """The base holds quantised weights."""

    def __init__(self, name: str, kind: str) -> None:
        super().__init__(
            f"{name!r} holds quantised weights ({kind}). What is merged into them is quantised "
            "again: the result would be no 16-bit model, and most of what was learnt would be "
            "rounded away. Name the same model in 16 bits with --base, a folder or a Hub name."
        )


class BaseDoesNotFit(TrainError):
    """The adapter was not trained on this base."""

    def __init__(self, name: str, why: str) -> None:
        super().__init__(
            f"{name!r}: the adapter does not fit this model ({why}). Give --base the 16-bit form "
            "of the very model that the run trained."
        )


class OtherBase(TrainError):
    """The model has the shape of the one that was trained, and other weights."""

    def __init__(self, name: str, trained: str) -> None:
        super().__init__(
            f"{name!r} holds other weights than the run trained, which was {trained!r}: token "
            "embeddings, norms or head differ, which are the same in every form of one model. "
            "Put that very model back in its place, or name it with --base, in the state it had "
            "then."
        )


def check_base(model: Any, run: FinishedRun, name: str) -> None:
    """Raise OtherBase if a loaded model is not the one that a run trained.

    Runs of older versions tell nothing of that; the comparison of logits cannot, for it holds an
    export against the base that is given.
    """
    from train.model.fingerprint import of_unquantised

    if not run.fingerprint:
        return
    found = of_unquantised(model)
    if found is not None and found != run.fingerprint:
        raise OtherBase(name, run.base)


def base_place(run: FinishedRun, base: str | None) -> dict[str, Any]:
    """Return name and revision of the 16-bit base: the one given, or the run's own."""
    if base is not None:
        return {"pretrained_model_name_or_path": base, "revision": None}
    return {
        "pretrained_model_name_or_path": run.model["name"],
        "revision": run.model.get("revision") or None,
    }


def load_base(place: dict[str, Any]) -> Any:
    """Return the model of a place on the processor, in the type that it is stored in.

    Raises QuantisedBase before any weight is read, and NoSuchModel.
    """
    from transformers import AutoConfig

    name = place["pretrained_model_name_or_path"]
    with readable(name):
        config = AutoConfig.from_pretrained(**place, trust_remote_code=False)
        if kind := quantised_as(config):
            raise QuantisedBase(name, kind)
        return _class_for(config).from_pretrained(
            **place, dtype="auto", use_safetensors=True, trust_remote_code=False
        )


def load_exported(folder: Path) -> Any:
    """Return a model that was just written. Raises what transformers raises: it is our own."""
    from transformers import AutoConfig

    config = AutoConfig.from_pretrained(folder, trust_remote_code=False)
    return _class_for(config).from_pretrained(
        folder, dtype="auto", use_safetensors=True, trust_remote_code=False
    )


def quantised_as(config: Any) -> str | None:
    """Return how a configuration says that weights are quantised; None if they are not."""
    settings = getattr(config, "quantization_config", None)
    if settings is None:
        return None
    told = settings if isinstance(settings, dict) else settings.to_dict()
    if told.get("load_in_4bit") or told.get("_load_in_4bit"):
        return "4 bits, bitsandbytes"
    return str(told.get("quant_method", "in a way that it does not name"))


def sixteen_bits(stored: "torch.dtype") -> "torch.dtype":
    """Return the 16-bit type for weights stored as `stored`: the same, or bfloat16."""
    import torch

    return stored if stored in (torch.bfloat16, torch.float16) else torch.bfloat16


def adapted(model: Any, run: FinishedRun, name: str) -> Any:
    """Return the model with the run's adapter. Raises BaseDoesNotFit."""
    from peft import PeftModel

    try:
        with warnings.catch_warnings():
            # Tied embeddings that were trained come apart, which is what an export has to keep.
            warnings.filterwarnings("ignore", message="Model has `tie_word_embeddings=True`")
            return PeftModel.from_pretrained(model, str(run.adapter))
    except (RuntimeError, ValueError) as error:
        raise BaseDoesNotFit(name, str(error).strip().splitlines()[-1].strip()) from error


def _class_for(config: Any) -> Any:
    from transformers import AutoModelForCausalLM, AutoModelForImageTextToText

    if config.model_type in FROM_TEXT_AND_IMAGES:
        return AutoModelForImageTextToText
    return AutoModelForCausalLM


def stored_type(folder: Path) -> str:
    """Return the name of the type that a model's configuration names."""
    from transformers import AutoConfig

    dtype = AutoConfig.from_pretrained(folder, trust_remote_code=False).dtype
    return str(dtype).removeprefix("torch.")
