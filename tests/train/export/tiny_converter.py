"""A converter to GGUF with the command line of llama.cpp's, for the tiny Mistral alone.

    tiny_converter.py FOLDER --outfile FILE --outtype bf16

With FAULT=heads in the environment it forgets that GGUF stores query and key rows of rotary
positions in another order, which is the classic mistake.
"""

import argparse
import json
import os
from pathlib import Path
from typing import Any

import torch
from gguf import GGMLQuantizationType, GGUFWriter
from safetensors.torch import load_file

OUTSIDE = {
    "model.embed_tokens.weight": "token_embd.weight",
    "model.norm.weight": "output_norm.weight",
    "lm_head.weight": "output.weight",
}
INSIDE = {
    "self_attn.q_proj": "attn_q",
    "self_attn.k_proj": "attn_k",
    "self_attn.v_proj": "attn_v",
    "self_attn.o_proj": "attn_output",
    "mlp.gate_proj": "ffn_gate",
    "mlp.up_proj": "ffn_up",
    "mlp.down_proj": "ffn_down",
    "input_layernorm": "attn_norm",
    "post_attention_layernorm": "ffn_norm",
}


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("--outfile", type=Path, required=True)
    parser.add_argument("--outtype", choices=["bf16"], required=True)
    told = parser.parse_args()
    config = json.loads((told.folder / "config.json").read_bytes())
    writer = GGUFWriter(told.outfile, "llama")
    describe(writer, config, told.folder)
    for name, weight in load_file(told.folder / "model.safetensors").items():
        add(writer, config, name, weight)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def describe(writer: GGUFWriter, config: dict[str, Any], folder: Path) -> None:
    writer.add_block_count(config["num_hidden_layers"])
    writer.add_context_length(config["max_position_embeddings"])
    writer.add_embedding_length(config["hidden_size"])
    writer.add_feed_forward_length(config["intermediate_size"])
    writer.add_head_count(config["num_attention_heads"])
    writer.add_head_count_kv(config["num_key_value_heads"])
    writer.add_key_length(config["head_dim"])
    writer.add_value_length(config["head_dim"])
    writer.add_rope_dimension_count(config["head_dim"])
    writer.add_rope_freq_base(config["rope_parameters"]["rope_theta"])
    writer.add_layer_norm_rms_eps(config["rms_norm_eps"])
    writer.add_vocab_size(config["vocab_size"])
    model = json.loads((folder / "tokenizer.json").read_bytes())["model"]
    writer.add_tokenizer_model("gpt2")
    writer.add_token_list(sorted(model["vocab"], key=model["vocab"].get))
    writer.add_token_merges([" ".join(pair) for pair in model["merges"]])


def add(writer: GGUFWriter, config: dict[str, Any], name: str, weight: torch.Tensor) -> None:
    if name in OUTSIDE:
        told = OUTSIDE[name]
    else:
        number, _, rest = name.removeprefix("model.layers.").partition(".")
        told = f"blk.{number}.{INSIDE[rest.removesuffix('.weight')]}.weight"
    if os.environ.get("FAULT") != "heads":
        if "q_proj" in name:
            weight = rotary_pairs_together(weight, config["num_attention_heads"])
        elif "k_proj" in name:
            weight = rotary_pairs_together(weight, config["num_key_value_heads"])
    if weight.ndim == 1:
        writer.add_tensor(told, weight.float().numpy())
    else:
        raw = weight.contiguous().view(torch.uint8).numpy()
        writer.add_tensor(told, raw, raw_dtype=GGMLQuantizationType.BF16)


def rotary_pairs_together(weight: torch.Tensor, heads: int) -> torch.Tensor:
    """Put the two rows that one angle turns beside each other; transformers has them half apart."""
    rows, columns = weight.shape
    halves = weight.reshape(heads, 2, rows // heads // 2, columns)
    return halves.swapaxes(1, 2).reshape(rows, columns)


if __name__ == "__main__":
    main()
