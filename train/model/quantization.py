"""Weights in fewer bits, by bitsandbytes."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from train.errors import TrainError

if TYPE_CHECKING:
    import torch
    from transformers import (
        BitsAndBytesConfig,
        FineGrainedFP8Config,
        PreTrainedConfig,
        PreTrainedModel,
    )

    from train.recipe import ModelSettings


class NotQuantized(TrainError):
    """A model was loaded whole, though fewer bits were asked for."""

    def __init__(self, name: str, quantization: str) -> None:
        super().__init__(
            f"{name}: --model.quantization {quantization}, and no weight was quantised. "
            "bitsandbytes does not work here (`python -m bitsandbytes` says why), or the "
            "repository's weights are kept in another form."
        )


def quantization_config(
    settings: "ModelSettings", compute: "torch.dtype"
) -> "BitsAndBytesConfig | None":
    """Return transformers' configuration for the wanted quantisation, or None for none of it.

    Weights that are to be sharded are stored in a floating type, which FSDP can divide and gather.
    """
    if settings.quantization == "none":
        return None
    from transformers import BitsAndBytesConfig

    if settings.quantization == "int8":
        return BitsAndBytesConfig(load_in_8bit=True)
    return BitsAndBytesConfig(
        load_in_4bit=True,
        bnb_4bit_quant_type="nf4",
        bnb_4bit_use_double_quant=True,
        bnb_4bit_compute_dtype=compute,
        bnb_4bit_quant_storage=compute if settings.sharded else None,
    )


def told_quantization(config: "PreTrainedConfig") -> Mapping[str, object]:
    """Return what a model's configuration says of how its files are quantised."""
    stored = getattr(config, "quantization_config", None) or {}
    return stored if isinstance(stored, dict) else stored.to_dict()


def is_fp8(config: "PreTrainedConfig") -> bool:
    """Tell whether a model's configuration says that its files hold 8-bit floats."""
    return str(told_quantization(config).get("quant_method")) == "fp8"


def widened() -> "FineGrainedFP8Config":
    """Return transformers' configuration that multiplies 8-bit floats with their scales on loading.

    No library trains through 8-bit floats with static scales, as Devstral's of 2512 are.
    """
    from transformers import FineGrainedFP8Config

    return FineGrainedFP8Config(dequantize=True)


def settle(model: "PreTrainedModel", dtype: "torch.dtype") -> None:
    """Give the weights of a model that was widened one type, and let it be saved as it is.

    Widening leaves products in float32. Buffers keep their type: frequencies of positions are
    float32. transformers (5.17) divides by scales again on saving, unless it forgets them.
    """
    from transformers.conversion_mapping import get_model_conversion_mapping

    for weight in model.parameters():
        weight.data = weight.data.to(dtype)
    model._weight_conversions = get_model_conversion_mapping(model)


def pack(
    model: "PreTrainedModel", settings: "ModelSettings", compute: "torch.dtype", device: str
) -> None:
    """Quantise the projections of a model that lies in host memory, one by one, onto a device.

    For files of a form from which transformers does not quantise while it loads. What is not a
    projection of the decoder's layers keeps its type.
    """
    import torch
    from bitsandbytes.nn import Int8Params, Linear4bit, Linear8bitLt, Params4bit

    storage = compute if settings.sharded else torch.uint8
    for layer in model.get_decoder().layers:
        for name, linear in list(layer.named_modules()):
            if type(linear) is not torch.nn.Linear:
                continue
            shape = (linear.in_features, linear.out_features, linear.bias is not None)
            packed: Any
            if settings.quantization == "int8":
                packed = Linear8bitLt(*shape, has_fp16_weights=False, device="meta")
                packed.weight = Int8Params(linear.weight.data, False, has_fp16_weights=False)
            else:
                packed = Linear4bit(*shape, compute, True, "nf4", storage, device="meta")
                packed.weight = Params4bit(
                    linear.weight.data,
                    requires_grad=False,
                    compress_statistics=True,
                    quant_type="nf4",
                    quant_storage=storage,
                    module=packed,
                )
            packed.bias = linear.bias
            layer.set_submodule(name, packed.to(device))
            del linear.weight  # or the model would lie in memory twice
    model.to(device)
    kind = "8bit" if settings.quantization == "int8" else "4bit"
    setattr(model, f"is_loaded_in_{kind}", True)  # what peft chooses its layers by


def is_packed(weight: "torch.nn.Parameter") -> bool:
    """Tell whether a weight is bitsandbytes' own, which only its layer can read."""
    from bitsandbytes.nn import Int8Params, Params4bit

    return isinstance(weight, (Int8Params, Params4bit))


def check_quantized(model: "torch.nn.Module", settings: "ModelSettings") -> None:
    """Raise NotQuantized where a model was to be quantised and none of its weights is.

    Unsloth loads such a model in 16 bits, with a line on the terminal, where bitsandbytes fails.
    """
    packed = any(is_packed(weight) for weight in model.parameters())
    if settings.quantization != "none" and not packed:
        raise NotQuantized(settings.name, settings.quantization)


def scales(weight: "torch.nn.Parameter") -> list["torch.Tensor"]:
    """Return what bitsandbytes multiplies a packed weight with, before it was run.

    Where scales are quantised themselves that is their mean, in bfloat16: a GPU may add them up in
    another order than the next. Scales that are not are maxima, the same everywhere.
    """
    import torch

    state = getattr(weight, "quant_state", None)
    if state is not None:
        return [state.offset.to(torch.bfloat16) if state.nested else state.absmax]
    found = getattr(weight, "SCB", None)
    return [] if found is None else [found]


def keep_format(model: "torch.nn.Module") -> None:
    """Keep bitsandbytes from packing 4-bit weights anew on processors with AVX-512 BF16.

    It does so in place in the first forward pass in evaluation mode, rounds the scales to bfloat16
    and never takes it back (bitsandbytes 0.50.2, `Linear4bit.forward`): training would go on with
    other weights after the first held-out loss, and a resumed run would differ.
    """
    import bitsandbytes

    for module in model.modules():
        if isinstance(module, bitsandbytes.nn.Linear4bit):
            module.support_avx512bf16_for_cpu = False
