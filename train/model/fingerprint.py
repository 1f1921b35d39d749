"""What tells a base model's weights from others under the same name and of the same shape.

Digests of an evenly strided sample of every weight: to read all of them would take minutes with
large models, and two models that were trained apart differ almost everywhere.
"""

import hashlib
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

import torch

from train.model.quantization import is_packed, scales

if TYPE_CHECKING:
    from peft import PeftModel
    from transformers import PreTrainedModel

SAMPLED = 4096
"""Values of a weight that are looked at, at most."""

SAMPLED_PACKED = 256
"""Bytes of a quantised weight that are looked at, at most. Few are enough, since a model that was
tuned differs in some percent of its 4-bit codes; and each more could differ between two kinds of
GPU, whose division need not round alike."""

SMALLEST = 2.0**-14
"""What float16 holds with all digits of bfloat16 is no smaller than this."""


def of_stored(adapted: torch.nn.Module) -> str:
    """Return a SHA-256 of a model's frozen weights as they lie in memory, quantised or not.

    Adapters are left out, and so are the copies of embeddings and head that train. The model has to
    be whole, as it was loaded: not yet distributed, and not yet run, which moves int8's scales.
    """
    return digest(
        (f"{name} {part}", values)
        for name, weight in base_weights(adapted).items()
        for part, values in parts(weight)
    )


def of_unquantised(model: "PreTrainedModel | PeftModel") -> str | None:
    """Return a SHA-256 of what a model and its quantised forms share; None if that is quantised.

    Those are token embeddings, norms and the head, by their names in the decoder, in bfloat16. So
    it is the same for any floating type, as far as its copies round once, with adapters or without.
    """
    base = model.get_base_model() if hasattr(model, "get_base_model") else model
    decoder = base_weights(base.get_decoder())
    shared = {name: each for name, each in decoder.items() if is_shared(name)}
    head = base_weights(base.get_output_embeddings())
    shared |= {f"head.{name}": each for name, each in head.items()}
    if any(is_packed(each) or not each.is_floating_point() for each in shared.values()):
        return None
    return digest(
        (f"{name} {list(each.shape)}", rounded(sample(each, SAMPLED)))
        for name, each in shared.items()
    )


def base_weights(module: torch.nn.Module) -> dict[str, torch.nn.Parameter]:
    """Return the weights without those that peft added, by the names they had before."""
    found = {}
    for name, weight in module.named_parameters():
        path = name.split(".")
        if not any(part.startswith("lora_") or part == "modules_to_save" for part in path):
            kept = (part for part in path if part not in ("base_layer", "original_module"))
            found[".".join(kept)] = weight
    return found


def is_shared(name: str) -> bool:
    """Tell whether a weight of the decoder is one that quantising leaves alone."""
    module = name.removesuffix(".weight").rpartition(".")[2]
    return module == "embed_tokens" or module.endswith("norm")


def parts(weight: torch.nn.Parameter) -> Iterator[tuple[str, torch.Tensor]]:
    """Yield what a weight consists of, described, with a sample of each."""
    if not is_packed(weight):
        yield f"{weight.dtype} {list(weight.shape)}", sample(weight, SAMPLED)
        return
    packed = as_bytes(weight.data)  # whatever type 4 bits are stored in: sharding wants another
    yield f"packed {len(packed)}", sample(packed, SAMPLED_PACKED)
    for each in scales(weight):
        yield f"scales {each.numel()}", sample(each, SAMPLED_PACKED)


def sample(weight: torch.Tensor, limit: int) -> torch.Tensor:
    """Return at most `limit` values, evenly over the weight.

    The stride is odd: an even one often divides the width, and would see a single column.
    """
    flat = weight.detach().reshape(-1)
    return flat[:: -(-len(flat) // limit) | 1]


def rounded(values: torch.Tensor) -> torch.Tensor:
    """Return values as every 16-bit type can hold them; what float16 cannot is 0."""
    narrow = values.to(torch.bfloat16)
    return narrow.masked_fill(narrow.abs() < SMALLEST, 0.0)


def digest(described: Iterable[tuple[str, torch.Tensor]]) -> str:
    """Return the SHA-256 of descriptions and values, in order of the descriptions."""
    found = hashlib.sha256()
    for description, values in sorted(described, key=lambda each: each[0]):
        found.update(f"{description}\n".encode())
        found.update(as_bytes(values).cpu().numpy().tobytes())
    return found.hexdigest()


def as_bytes(values: torch.Tensor) -> torch.Tensor:
    """Return what a tensor is stored as."""
    return values.contiguous().reshape(-1).view(torch.uint8)
