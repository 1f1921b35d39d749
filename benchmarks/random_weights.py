"""A folder with a quantised model of any shape and random weights: for memory and speed alone.

    python -m benchmarks.random_weights build/devstral-shape
    python -m benchmarks.random_weights build/small-shape --layers 2 --hidden 256 --words 1000

The shape is Devstral Small's (2505, 2507) unless told otherwise. A layer is quantised once and
written as often as there are layers, so the whole model is never in memory; 12 GiB of disk at full
size.
"""

import argparse
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from train.architecture import shipped

DEVSTRAL = {
    **shipped()["unsloth/Devstral-Small-2507"],
    "rms_norm_eps": 1e-5,
    "hidden_act": "silu",
    "attention_dropout": 0.0,
    "bos_token_id": 1,
    "eos_token_id": 2,
    "dtype": "bfloat16",
}
"""As the model's own config.json has it."""

SEED = 24


def quantized_config(shape: dict[str, Any]) -> dict[str, Any]:
    """Return the configuration of a model whose linear layers are NF4, doubly quantised."""
    from transformers import BitsAndBytesConfig

    quantization = BitsAndBytesConfig(
        load_in_4bit=True,
        bnb_4bit_quant_type="nf4",
        bnb_4bit_use_double_quant=True,
        bnb_4bit_compute_dtype="bfloat16",
    )
    return shape | {"quantization_config": quantization.to_dict()}


def linear_layers(shape: dict[str, Any]) -> dict[str, tuple[int, int]]:
    """Return outputs and inputs of every linear layer of one block, by name."""
    hidden, inner = shape["hidden_size"], shape["intermediate_size"]
    queries = shape["num_attention_heads"] * shape["head_dim"]
    keys = shape["num_key_value_heads"] * shape["head_dim"]
    return {
        "self_attn.q_proj": (queries, hidden),
        "self_attn.k_proj": (keys, hidden),
        "self_attn.v_proj": (keys, hidden),
        "self_attn.o_proj": (hidden, queries),
        "mlp.gate_proj": (inner, hidden),
        "mlp.up_proj": (inner, hidden),
        "mlp.down_proj": (hidden, inner),
    }


def quantized(outputs: int, inputs: int, device: str) -> dict[str, Any]:
    """Return what a file holds of one random linear layer."""
    import bitsandbytes
    import torch

    layer = bitsandbytes.nn.Linear4bit(
        inputs, outputs, bias=False, quant_type="nf4", compress_statistics=True
    )
    values = torch.randn(outputs, inputs, dtype=torch.bfloat16, device=device) * inputs**-0.5
    layer.weight = bitsandbytes.nn.Params4bit(
        values.cpu(), requires_grad=False, quant_type="nf4", compress_statistics=True
    )
    return {name: each.cpu() for name, each in layer.to(device).state_dict().items()}


def block(shape: dict[str, Any], device: str) -> dict[str, Any]:
    """Return what a file holds of one block, by names without the block's number."""
    import torch

    tensors = {
        f"{name}.{part}": each
        for name, (outputs, inputs) in linear_layers(shape).items()
        for part, each in quantized(outputs, inputs, device).items()
    }
    ones = torch.ones(shape["hidden_size"], dtype=torch.bfloat16)
    return tensors | {"input_layernorm.weight": ones, "post_attention_layernorm.weight": ones}


def files(shape: dict[str, Any], device: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the files of the model: one for what stands outside the blocks, one for every block."""
    import torch

    torch.manual_seed(SEED)
    width, words = shape["hidden_size"], shape["vocab_size"]
    yield (
        "model-outside.safetensors",
        {
            "model.embed_tokens.weight": torch.randn(words, width, dtype=torch.bfloat16),
            "lm_head.weight": torch.randn(words, width, dtype=torch.bfloat16) * width**-0.5,
            "model.norm.weight": torch.ones(width, dtype=torch.bfloat16),
        },
    )
    one = block(shape, device)
    for number in range(shape["num_hidden_layers"]):
        named = {f"model.layers.{number}.{name}": each.clone() for name, each in one.items()}
        yield f"model-layer-{number:03d}.safetensors", named


def write_tokenizer(folder: Path) -> None:
    """Write a tokenizer of four words. Nothing is tokenised, but Unsloth opens no model without."""
    from tokenizers import Tokenizer, models

    special = {"pad_token": "<pad>", "bos_token": "<s>", "eos_token": "</s>", "unk_token": "<unk>"}
    words = {word: number for number, word in enumerate(special.values())}
    Tokenizer(models.WordLevel(words, unk_token="<unk>")).save(str(folder / "tokenizer.json"))
    config = {"tokenizer_class": "PreTrainedTokenizerFast"} | special
    (folder / "tokenizer_config.json").write_text(json.dumps(config), encoding="utf-8")


def write(folder: Path, shape: dict[str, Any]) -> Path:
    """Write the model into a folder; existing means done."""
    import torch
    from safetensors.torch import save_file

    if (folder / "config.json").exists():
        return folder
    folder.mkdir(parents=True, exist_ok=True)
    write_tokenizer(folder)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    weights: dict[str, str] = {}
    for name, tensors in files(shape, device):
        save_file(tensors, folder / name, metadata={"format": "pt"})
        weights |= dict.fromkeys(tensors, name)
    index = {"metadata": {}, "weight_map": weights}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index), encoding="utf-8")
    config = json.dumps(quantized_config(shape), indent=2)
    (folder / "config.json").write_text(config, encoding="utf-8")
    return folder


def main() -> None:
    """Write the model that the command line describes."""
    formatter = argparse.RawTextHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=formatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--layers", type=int, default=DEVSTRAL["num_hidden_layers"])
    parser.add_argument("--hidden", type=int, default=DEVSTRAL["hidden_size"])
    parser.add_argument("--words", type=int, default=DEVSTRAL["vocab_size"])
    told = parser.parse_args()
    shape = DEVSTRAL | {
        "num_hidden_layers": told.layers,
        "hidden_size": told.hidden,
        "vocab_size": told.words,
    }
    print(write(told.folder, shape))


if __name__ == "__main__":
    main()
