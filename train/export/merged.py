"""The base model with its adapter merged in, in 16 bits, as any program loads it.

The adapter is merged into the base in 16 bits, not into the form that training quantised.
"""

import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

from corpus.atomic import whole_folder
from train.checkpoint import ADAPTER
from train.errors import TrainError
from train.export.checking import MULTIPLE, Compared, Learnt, prompts, refer_to
from train.export.run import (
    FinishedRun,
    NotARun,
    card_of,
    copy_tokenizer,
    existing,
    made_from,
    told_place,
    write_card,
    write_record,
)
from train.model.loading import from_files, readable
from train.model.quantization import is_fp8, settle, told_quantization, widened

if TYPE_CHECKING:
    import torch
    from peft import PeftModel
    from transformers import PretrainedConfig, PreTrainedModel

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
    said: dict[str, Any] = {} if multiple == MULTIPLE else {"noise_multiple": multiple}
    card = card_of(run, "merged", base, said)
    told_base = told_place(*run.base_place(base))
    source = made_from(run, "merged", card, base=told_base, noise_multiple=multiple)
    if found := existing(out, source, Compared):
        return found
    with whole_folder(out, replaces=True) as folder:
        words = copy_tokenizer(run, folder)
        model, stored = base_and_adapter(run, base)
        reference = refer_to(model, prompts(words), rounds_to=stored)
        learnt = Learnt.by(model, stored)
        write_merged(model, folder)
        del model  # or two would lie in memory
        bounds = reference.bounds(multiple)
        exported = load_base(str(folder))
        weights = exported.state_dict()
        learnt.check(lambda name, rows: weights[name][rows].float(), "The merged model")
        told = reference.check(exported, bounds, "The merged model", ADVICE)
        told["held"] = learnt.held
        if told["outweighed"]:
            said |= {"outweighed": told}
        write_card(folder, card_of(run, "merged", base, said))
        write_record(folder, source, told)
    return told


def base_and_adapter(run: FinishedRun, base: str | None) -> "tuple[PeftModel, torch.dtype]":
    """Return a run's base and adapter beside each other, and the 16 bits that both merge into.

    Raises NotARun, QuantisedBase, OtherBase, BaseDoesNotFit, NoSuchModel and NeedsItsCode.
    """
    name, revision = run.base_place(base)
    model = load_base(name, revision)
    check_base(model, run, name)
    return adapted(model, run, name), sixteen_bits(model.dtype)


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
    """Return the model with the run's adapter. Raises NotARun and BaseDoesNotFit."""
    from peft import PeftModel
    from safetensors import SafetensorError

    try:
        with warnings.catch_warnings():
            # Tied embeddings that were trained come apart, which is what an export has to keep.
            warnings.filterwarnings("ignore", message="Model has `tie_word_embeddings=True`")
            return PeftModel.from_pretrained(model, str(run.adapter))
    except SafetensorError as error:
        raise NotARun(run.folder, f"adapter/{ADAPTER} cannot be read: {error}") from error
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


def load_base(name: str, revision: str = "") -> "PreTrainedModel":
    """Return a model on the processor, in the type that it is stored in.

    One of 8-bit floats with scales is widened to bfloat16, as training did. Raises QuantisedBase
    before any weight is read, NoSuchModel and NeedsItsCode.
    """
    import torch
    from transformers import AutoConfig

    commit = revision or None
    with readable(name):
        config = AutoConfig.from_pretrained(name, revision=commit, trust_remote_code=False)
        fp8 = is_fp8(config)
        if not fp8 and (kind := quantised_as(config)):
            raise QuantisedBase(name, kind)
        how = {"quantization_config": widened()} if fp8 else {}
        model = from_files(config, name, revision=commit, dtype="auto", **how)
    if fp8:
        settle(model, torch.bfloat16)
    return model


def quantised_as(config: "PretrainedConfig") -> str | None:
    """Return how a configuration says that weights are quantised; None if they are not."""
    told = told_quantization(config)
    if not told:
        return None
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
