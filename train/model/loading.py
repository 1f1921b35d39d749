"""Loading a base model and giving it adapters, behind one seam.

Unsloth on CUDA, transformers with peft and bitsandbytes elsewhere; the adapters of both are peft's.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, TypedDict

from train.errors import TrainError
from train.model.quantization import (
    check_quantized,
    is_fp8,
    keep_format,
    pack,
    quantization_config,
    settle,
    widened,
)
from train.recipe import AdapterSettings, ModelSettings, UnknownTarget

if TYPE_CHECKING:
    import torch
    from peft import PeftModel
    from transformers import PreTrainedConfig, PreTrainedModel


def check_targets(model: "PreTrainedModel", targets: tuple[str, ...]) -> None:
    """Raise UnknownTarget if no linear layer of the decoder has one of the names."""
    known = {
        name.rpartition(".")[2]
        for name, module in model.named_modules()
        if hasattr(module, "in_features")
    }
    if unknown := [target for target in targets if target not in known]:
        raise UnknownTarget(unknown, sorted(known))


def beside_decoder(model: "PreTrainedModel") -> str | None:
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


LAYER = re.compile(r"\blayers\.\d+\.")
"""A weight of a layer, by its name."""

FROM_TEXT_AND_IMAGES = ("mistral3",)
"""Model types whose language model stands beside a vision tower (Devstral of 2512)."""


class NoSuchModel(TrainError):
    """Nothing can be loaded from the given place."""

    def __init__(self, name: str, why: str) -> None:
        super().__init__(
            f"{name!r}: no model can be loaded from there ({why}). Name a folder with config.json "
            "and safetensors, or a model on the Hub; a private one needs HF_TOKEN."
        )


class NeedsItsCode(TrainError):
    """The model's folder brings Python code, without which it cannot be loaded."""

    def __init__(self, name: str) -> None:
        super().__init__(
            f"{name!r} can only be loaded by Python code of its own, and code that comes with a "
            "model is never executed here. Take a model whose architecture transformers knows."
        )


class NoAccelerator(TrainError):
    """What was asked for needs a GPU, and there is none."""

    def __init__(self, what: str, instead: str) -> None:
        super().__init__(
            f"{what} needs a CUDA GPU, and torch sees none. On a CPU take a small model and "
            f"`--recipe smoke-cpu`, or set {instead}."
        )


class NoUnsloth(TrainError):
    """There is a GPU, and Unsloth is not installed."""

    def __init__(self) -> None:
        super().__init__(
            "Unsloth runs models on a GPU, and it is not installed. Install the extra for GPUs in "
            "an environment of its own, `pip install '.[train]'`, or set --model.backend "
            "transformers, which is slower."
        )


def place_of(name: str) -> str:
    """Return a model's name on the Hub, or its folder's whole path, which is no such name."""
    return str(Path(name).resolve()) if Path(name).is_dir() else name


def uses_unsloth(settings: ModelSettings) -> bool:
    """Tell whether Unsloth runs the model. Raises NoAccelerator and NoUnsloth where it cannot."""
    import torch

    if settings.backend == "unsloth" and not torch.cuda.is_available():
        raise NoAccelerator("--model.backend unsloth", "--model.backend transformers")
    if settings.sharded:
        return False
    wanted = torch.cuda.is_available() and settings.backend != "transformers"
    if wanted and find_spec("unsloth") is None:
        raise NoUnsloth
    return wanted


def prepare(settings: ModelSettings) -> None:
    """Import Unsloth where it runs the model: what it patches must not have been imported before.

    Raises NoAccelerator and NoUnsloth.
    """
    if uses_unsloth(settings):
        import unsloth  # noqa: F401


def compute_type(settings: ModelSettings) -> "torch.dtype":
    """Return the type of activations. Single precision on a CPU: bfloat16 is far slower there."""
    import torch

    if settings.compute != "auto":
        chosen: torch.dtype = getattr(torch, settings.compute)
        return chosen
    return torch.bfloat16 if torch.cuda.is_available() else torch.float32


def load_adapted(
    settings: ModelSettings, adapter: AdapterSettings, length: int, seed: int
) -> "PeftModel":
    """Return the base model with fresh adapters, which are the only weights that train.

    The weights of adapters follow from `seed`. Raises NoSuchModel, NoAccelerator, NoUnsloth and
    UnknownTarget.
    """
    import torch

    torch.manual_seed(seed)
    if uses_unsloth(settings):
        with readable(settings.name):
            return load_by_unsloth(settings, adapter, length, seed, compute_type(settings))
    return adapt(load_base(settings), settings, adapter)


@contextmanager
def readable(name: str) -> Iterator[None]:
    """Turn what libraries raise of a model that is missing or damaged into NoSuchModel.

    Raises NeedsItsCode where loading it would execute code that comes with it.
    """
    from huggingface_hub.errors import StrictDataclassError
    from safetensors import SafetensorError

    try:
        yield
    except (OSError, ValueError, SafetensorError) as error:
        if "trust_remote_code" in str(error):
            raise NeedsItsCode(name) from error
        raise NoSuchModel(name, (str(error).strip() or repr(error)).splitlines()[0]) from error
    except (AttributeError, KeyError, OverflowError, StrictDataclassError, TypeError) as error:
        # of a value in config.json that nothing checked before it was used
        said = (str(error).strip() or repr(error)).splitlines()[0]
        raise NoSuchModel(name, f"its configuration cannot be used: {said}") from error


def load_base(settings: ModelSettings) -> "PreTrainedModel":
    """Return the base model in its quantised form, frozen, in evaluation mode.

    Safetensors are mapped into memory and quantised layer by layer, so the model is never there
    twice. Files of 8-bit floats are widened first: to be quantised anew they lie in host memory in
    the compute type for a while. Raises NoSuchModel and NeedsItsCode.
    """
    from transformers import AutoConfig

    compute = compute_type(settings)
    revision = settings.revision or None
    with readable(settings.name):
        config = AutoConfig.from_pretrained(
            settings.name, revision=revision, trust_remote_code=False
        )
        packs = is_fp8(config) and settings.quantization != "none"
        model = from_files(
            config,
            settings.name,
            revision=revision,
            dtype=compute,
            quantization_config=(
                widened() if is_fp8(config) else quantization_config(settings, compute)
            ),
            attn_implementation="sdpa",
            device_map={"": "cpu" if packs else _device()},
        )
    if is_fp8(config):
        settle(model, compute)
    if packs:
        pack(model, settings, compute, _device())
    if settings.quantization == "nf4":
        keep_format(model)
    model.requires_grad_(False)
    return model


def from_files(config: "PreTrainedConfig", name: str, **how: object) -> "PreTrainedModel":
    """Load the model of a configuration, without code that comes with it.

    Raises NoSuchModel where the configuration is not that of the weights. transformers alone would
    fill a weight that is missing with random numbers and leave out a layer that is too many.
    """
    from transformers import AutoModelForCausalLM, AutoModelForImageTextToText

    both = config.model_type in FROM_TEXT_AND_IMAGES
    loaded: PreTrainedModel
    loaded, found = (AutoModelForImageTextToText if both else AutoModelForCausalLM).from_pretrained(
        name,
        trust_remote_code=False,
        use_safetensors=True,
        ignore_mismatched_sizes=True,
        output_loading_info=True,
        **how,
    )
    if differs := next(chain(differences(found), misfits(loaded)), None):
        raise NoSuchModel(
            name, f"config.json is not that of the weights: {differs}; both have to be of one model"
        )
    return loaded


class Found(TypedDict):
    """What transformers says of loading: names of weights, some with both shapes."""

    mismatched_keys: Iterable[tuple[str, Sequence[int], Sequence[int]]]
    missing_keys: Iterable[str]
    unexpected_keys: Iterable[str]


def differences(found: Found) -> Iterator[str]:
    """Yield where a configuration and weights differ."""
    for weight, there, expected in sorted(found["mismatched_keys"]):
        yield f"{weight} has the shape {list(there)}, and by config.json {list(expected)}"
    for weight in sorted(found["missing_keys"]):
        yield f"{weight} is not in the files"
    for weight in filter(LAYER.search, sorted(found["unexpected_keys"])):
        yield f"{weight} is in the files, and by config.json there is no such layer"


def misfits(model: "PreTrainedModel") -> Iterator[str]:
    """Yield the layers whose weights have another shape than the configuration gives them.

    transformers compares no shapes while it quantises.
    """
    import torch

    for name, module in model.named_modules():
        weight = getattr(module, "weight", None)
        if isinstance(module, torch.nn.Linear):
            expected = module.out_features, module.in_features
        elif isinstance(module, torch.nn.Embedding):
            expected = module.num_embeddings, module.embedding_dim
        else:
            continue
        quantised = getattr(weight, "quant_state", None)
        there = tuple(getattr(quantised or weight, "shape", expected))
        if len(there) == len(expected) and there != expected:
            yield f"{name}.weight has the shape {list(there)}, and by config.json {list(expected)}"


def adapt(
    model: "PreTrainedModel", settings: ModelSettings, adapter: AdapterSettings
) -> "PeftModel":
    """Wrap a base model with fresh adapters. Raises UnknownTarget."""
    from peft import LoraConfig, get_peft_model

    check_targets(model, adapter.targets)
    if settings.gradient_checkpointing:
        model.gradient_checkpointing_enable(
            gradient_checkpointing_kwargs={"use_reentrant": False},
        )
    adapted = get_peft_model(
        model,
        LoraConfig(
            r=adapter.rank,
            lora_alpha=adapter.alpha,
            lora_dropout=adapter.dropout,
            use_rslora=adapter.rslora,
            use_dora=adapter.dora,
            target_modules=list(adapter.targets),
            exclude_modules=beside_decoder(model),
            modules_to_save=["embed_tokens", "lm_head"] if adapter.embeddings else None,
            task_type="CAUSAL_LM",
        ),
    )
    for weight in adapted.parameters():
        if weight.requires_grad:  # steps of usual rates round away in bfloat16
            weight.data = weight.data.float()
    return adapted


def _device() -> str:
    import os

    import torch

    return f"cuda:{os.environ.get('LOCAL_RANK', 0)}" if torch.cuda.is_available() else "cpu"


def load_by_unsloth(
    settings: ModelSettings,
    adapter: AdapterSettings,
    length: int,
    seed: int,
    compute: "torch.dtype",
) -> "PeftModel":
    """Return the base model with fresh adapters, both made by Unsloth.

    Raises NotQuantized and UnknownTarget.
    """
    from unsloth import FastLanguageModel  # before transformers, which it patches

    model, _ = FastLanguageModel.from_pretrained(
        model_name=settings.name,
        revision=settings.revision or None,
        trust_remote_code=False,
        max_seq_length=length,
        dtype=compute,
        load_in_4bit=settings.quantization == "nf4",
        load_in_8bit=settings.quantization == "int8",
        use_exact_model_name=True,  # it would take a quantised repository of its own instead
        fix_tokenizer=False,  # ours is another, and fixing fails where there is only a tekken.json
    )
    check_quantized(model, settings)
    check_targets(model, adapter.targets)
    return FastLanguageModel.get_peft_model(
        model,
        r=adapter.rank,
        lora_alpha=adapter.alpha,
        lora_dropout=adapter.dropout,
        use_rslora=adapter.rslora,
        target_modules=list(adapter.targets),
        modules_to_save=["embed_tokens", "lm_head"] if adapter.embeddings else None,
        bias="none",
        use_gradient_checkpointing="unsloth" if settings.gradient_checkpointing else False,
        random_state=seed,
    )
