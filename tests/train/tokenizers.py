"""Small tokenizers for tests, made on the spot: Tekken cut short, and byte-level BPE."""

import json
from functools import cache
from pathlib import Path
from typing import Any

import mistral_common

from train.tokenizer.tekken import TekkenTokenizer

SHIPPED = Path(mistral_common.__file__).parent / "data" / "tekken_240911.json"
"""A Tekken of full size, 131,072 tokens, as Mistral's models of 2024 and 2025 have."""

SPECIAL = """
<unk> <s> </s> [INST] [/INST] [AVAILABLE_TOOLS] [/AVAILABLE_TOOLS] [TOOL_RESULTS] [/TOOL_RESULTS]
[TOOL_CALLS] [IMG] <pad> [IMG_BREAK] [IMG_END] [PREFIX] [MIDDLE] [SUFFIX] [SYSTEM_PROMPT]
[/SYSTEM_PROMPT] [TOOL_CONTENT] [ARGS] [CALL_ID]
"""

CHATML = """\
{%- for message in messages %}
{%- if loop.first and message['role'] != 'system' %}
{{- '<|im_start|>system\\nYou write Elixir.<|im_end|>\\n' }}
{%- endif %}
{{- '<|im_start|>' + message['role'] + '\\n' + message['content'] + '<|im_end|>\\n' }}
{%- endfor %}
{%- if add_generation_prompt %}{{- '<|im_start|>assistant\\n' }}{%- endif %}
"""
SOURCE = """\
defmodule Shop.Price do
  @doc "Adds the tax."
  def gross(net, rate), do: net + net * rate
  def net(gross, rate), do: gross / (1 + rate)
end
"""


@cache
def full_tekken() -> TekkenTokenizer:
    """Return the tokenizer of the shipped file, which is read in a second."""
    return TekkenTokenizer(SHIPPED)


@cache
def shipped() -> dict[str, Any]:
    return dict(json.loads(SHIPPED.read_bytes()))


def small_tekken(folder: Path, version: str = "v11", text_tokens: int = 2000) -> Path:
    """Write a tekken.json with the commonest tokens and 100 special ones; return the folder."""
    config = shipped()["config"] | {
        "version": version,
        "num_vocab_tokens": text_tokens,
        "default_vocab_size": text_tokens + 100,
        "default_num_special_tokens": 100,
    }
    special = [
        {"rank": rank, "token_str": text, "is_control": True}
        for rank, text in enumerate(SPECIAL.split())
    ]
    vocab = shipped()["vocab"][:text_tokens]
    tekken = {"config": config, "vocab": vocab, "special_tokens": special}
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "tekken.json").write_text(json.dumps(tekken), encoding="utf-8")
    return folder


def small_chatml(folder: Path, template: str = CHATML, **config: Any) -> Path:
    """Write a tokenizer.json of 311 tokens with a chat template; return the folder."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=400,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        special_tokens=["<|endoftext|>", "<|im_start|>", "<|im_end|>"],
        show_progress=False,
    )
    tokenizer.train_from_iterator([SOURCE] * 3, trainer)
    folder.mkdir(parents=True, exist_ok=True)
    tokenizer.save(str(folder / "tokenizer.json"))
    named = {"bos_token": "<|im_start|>", "eos_token": "<|im_end|>", "pad_token": "<|endoftext|>"}
    (folder / "tokenizer_config.json").write_text(json.dumps(named | config), encoding="utf-8")
    if template:
        (folder / "chat_template.jinja").write_text(template, encoding="utf-8")
    return folder
