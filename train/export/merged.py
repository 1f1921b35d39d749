"""The base model with its adapter merged in, in 16 bits, as any program loads it.

The adapter is merged into the base in 16 bits, not into the form that training quantised.
"""

import warnings
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Required, TypedDict, TypeVar

from corpus.atomic import whole_folder
from train.errors import TrainError
from train.export.checking import MULTIPLE, Compared, Learnt, Reference, prompts, refer_to
from train.export.run import (
    FinishedRun,
    card_of,
    copy_tokenizer,
    existing,
    made_from,
    told_place,
    write_card,
    write_record,
)
from train.model.loading import FROM_TEXT_AND_IMAGES, readable
from train.model.quantization import is_fp8, settle, widened

if TYPE_CHECKING:
    import torch
    from peft import PeftModel
    from transformers import PretrainedConfig, PreTrainedModel

Taken = TypeVar("Taken")


class BasePlace(TypedDict, total=False):
    """Where transformers finds a model."""

    pretrained_model_name_or_path: Required[str | Path]
    revision: str | None


SHARD = "5GB"
"""Largest file of weights; what the Hub recommends."""

ADVICE = (
    "Check that --base is the model that the run trained. --noise-multiple accepts more, "
    "and the card says so."
)


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


def export_merged(
    run: FinishedRun, out: Path, base: str | None = None, multiple: float = MULTIPLE
) -> Compared:
    """Write weights, configuration, tokenizer, card and export.json; return the comparison.

    `base` names the 16-bit base where the run trained a quantised one. The folder appears only
    after the weights, loaded again, gave the logits of base and adapter within `multiple`
    amplitudes of the model's rounding noise. One that is there already, whole and with the same
    card, is kept. Raises QuantisedBase, OtherBase, BaseDoesNotFit, NoSuchModel, NeedsItsCode,
    AdapterTooWeak, AdapterMissing, ExportDiffers and OutputTaken.
    """
    place = base_place(run, base)
    said: dict[str, Any] = {} if multiple == MULTIPLE else {"noise_multiple": multiple}
    card = card_of(run, "merged", base, said)
    source = made_from(run, "merged", card, base=told_base(place), noise_multiple=multiple)
    if found := existing(out, source, Compared):
        return found
    with whole_folder(out, replaces=True) as folder:
        words = copy_tokenizer(run, folder)

        def refer(model: "PreTrainedModel", stored: "torch.dtype") -> tuple[Reference, Learnt]:
            return refer_to(model, prompts(words), rounds_to=stored), Learnt.by(model, stored)

        reference, learnt = merge(run, place, folder, refer)
        bounds = reference.bounds(multiple)
        exported = load_exported(folder)
        learnt.check(rows_of(exported), "The merged model")
        comparison = reference.check(exported, bounds, "The merged model", ADVICE)
        told = comparison.record(bounds)
        told["held"] = learnt.held
        if comparison.outweighed:
            said |= {"outweighed": told}
        write_card(folder, card_of(run, "merged", base, said))
        write_record(folder, source, told)
    return told


def rows_of(model: "PreTrainedModel") -> "Callable[[str, torch.Tensor], torch.Tensor]":
    """Return what reads rows of a loaded model's weights, in float32."""
    weights = model.state_dict()

    def read(name: str, rows: "torch.Tensor") -> "torch.Tensor":
        found: torch.Tensor = weights[name][rows].float()
        return found

    return read


def merge(
    run: FinishedRun,
    place: BasePlace,
    folder: Path,
    refer: "Callable[[PreTrainedModel, torch.dtype], Taken]",
) -> Taken:
    """Write base and adapter as one model into `folder`.

    Returns what `refer` takes from both apart, given the peft model and the type to be written.
    """
    name = str(place["pretrained_model_name_or_path"])
    base = load_base(place)
    check_base(base, run, name)
    stored = sixteen_bits(base.dtype)
    model = adapted(base, run, name)
    taken = refer(model, stored)
    write_merged(model, folder)
    return taken


def write_merged(model: "PreTrainedModel", folder: Path) -> None:
    """Merge a peft model and write it in 16 bits.

    peft adds the adapter's product, in float32, to the stored weight in place: one rounding.
    """
    with warnings.catch_warnings():
        # Where embeddings were trained apart from the head. That is as it should be.
        warnings.filterwarnings("ignore", message="Input and output embeddings are no longer tied")
        merged = model.merge_and_unload()
    merged.to(sixteen_bits(merged.dtype))
    merged.save_pretrained(folder, max_shard_size=SHARD)


def adapted(model: "PreTrainedModel", run: FinishedRun, name: str) -> "PeftModel":
    """Return the model with the run's adapter. Raises BaseDoesNotFit."""
    from peft import PeftModel

    try:
        with warnings.catch_warnings():
            # Tied embeddings that were trained come apart, which is what an export has to keep.
            warnings.filterwarnings("ignore", message="Model has `tie_word_embeddings=True`")
            return PeftModel.from_pretrained(model, str(run.adapter))
    except (RuntimeError, ValueError) as error:
        raise BaseDoesNotFit(name, str(error).strip().splitlines()[-1].strip()) from error


def check_base(model: "PreTrainedModel", run: FinishedRun, name: str) -> None:
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


def base_place(run: FinishedRun, base: str | None) -> BasePlace:
    """Return name and revision of the 16-bit base: the one given, or the run's own."""
    if base is not None:
        return {"pretrained_model_name_or_path": base, "revision": None}
    return {
        "pretrained_model_name_or_path": run.model["name"],
        "revision": run.model.get("revision") or None,
    }


def told_base(place: BasePlace) -> dict[str, object]:
    """Return a base's place for the record."""
    name = told_place(str(place["pretrained_model_name_or_path"]))
    return {"name": name, "revision": place["revision"]}


def load_base(place: BasePlace) -> "PreTrainedModel":
    """Return the model of a place on the processor, in the type that it is stored in.

    One of 8-bit floats with scales is widened to bfloat16, as training did. Raises QuantisedBase
    before any weight is read, NoSuchModel and NeedsItsCode.
    """
    import torch
    from transformers import AutoConfig

    name = str(place["pretrained_model_name_or_path"])
    with readable(name):
        config = AutoConfig.from_pretrained(**place, trust_remote_code=False)
        fp8 = is_fp8(config)
        if not fp8 and (kind := quantised_as(config)):
            raise QuantisedBase(name, kind)
        model = _class_for(config).from_pretrained(
            **place,
            dtype="auto",
            use_safetensors=True,
            trust_remote_code=False,
            **({"quantization_config": widened()} if fp8 else {}),
        )
    if fp8:
        settle(model, torch.bfloat16)
    return model


def load_exported(folder: Path) -> "PreTrainedModel":
    """Return a model that was just written. Raises what transformers raises: it is our own."""
    from transformers import AutoConfig

    config = AutoConfig.from_pretrained(folder, trust_remote_code=False)
    return _class_for(config).from_pretrained(
        folder, dtype="auto", use_safetensors=True, trust_remote_code=False
    )


def quantised_as(config: "PretrainedConfig") -> str | None:
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


def stored_type(folder: Path) -> str:
    """Return the name of the type that a model's configuration names."""
    from transformers import AutoConfig

    dtype = AutoConfig.from_pretrained(folder, trust_remote_code=False).dtype
    return str(dtype).removeprefix("torch.")


def _class_for(config: "PretrainedConfig") -> "type[PreTrainedModel]":
    from transformers import AutoModelForCausalLM, AutoModelForImageTextToText

    is_from_images = config.model_type in FROM_TEXT_AND_IMAGES
    chosen: type[PreTrainedModel] = (
        AutoModelForImageTextToText if is_from_images else AutoModelForCausalLM
    )
    return chosen
