from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import torch

from train.export.logits import logits, prompts, single_precision
from train.model.loading import load_base
from train.model.settings import ModelSettings
from train.tokenizer import open_tokenizer


def load(folder: Path, dtype: torch.dtype) -> torch.nn.Module:
    from transformers import AutoModelForCausalLM

    model: torch.nn.Module = AutoModelForCausalLM.from_pretrained(folder, dtype=dtype)
    return model


def test_prompts_begin_as_documents_do_and_do_not_end(tiny_model: Path) -> None:
    tokenizer = open_tokenizer(tiny_model)
    found = prompts(tokenizer)
    assert len(found) == 4
    assert all(ids[0] == tokenizer.bos and tokenizer.eos not in ids for ids in found)


def test_sixteen_bit_weights_are_computed_with_in_single_precision(tiny_model: Path) -> None:
    narrow = load(tiny_model, torch.bfloat16)
    wide = load(tiny_model, torch.bfloat16).float()
    prompted = [np.arange(5, 40, dtype=np.int32)]
    assert torch.equal(logits(narrow, prompted), logits(wide, prompted))


def test_weights_are_as_stored_afterwards_also_after_an_error(tiny_model: Path) -> None:
    model = load(tiny_model, torch.bfloat16)
    before = {name: each.clone() for name, each in model.state_dict().items()}
    try:
        with single_precision(model):
            model(input_ids=torch.tensor([[5, 100_000]]))
    except IndexError:
        pass
    after = model.state_dict()
    assert all(each.dtype is torch.bfloat16 for each in after.values())
    assert all(torch.equal(before[name], after[name]) for name in before)


class Bigrams(torch.nn.Module):
    """The least that has logits; transformers' models look at values, which "meta" has not."""

    def __init__(self) -> None:
        super().__init__()
        self.words = torch.nn.Embedding(50, 8, dtype=torch.bfloat16)
        self.head = torch.nn.Linear(8, 50, dtype=torch.bfloat16)

    def forward(self, input_ids: torch.Tensor, use_cache: bool) -> SimpleNamespace:
        assert input_ids.device == self.words.weight.device  # CUDA insists, "meta" does not
        assert not use_cache
        return SimpleNamespace(logits=self.head(self.words(input_ids)))


def test_tokens_go_to_where_the_model_lies() -> None:
    prompted = [np.arange(5, 40, dtype=np.int32), np.arange(9, dtype=np.int32)]
    found = logits(Bigrams().to("meta"), prompted)
    assert (found.device.type, found.shape, found.dtype) == ("meta", (44, 50), torch.float32)


def test_packed_weights_kept_in_a_float_type_are_not_widened(tiny_model: Path) -> None:
    prompted = [np.arange(5, 40, dtype=np.int32)]
    settings = ModelSettings(name=str(tiny_model), compute="bfloat16")
    whole, divisible = load_base(settings), load_base(replace(settings, sharded=True))
    kept = {each.dtype for each in divisible.model.layers[0].self_attn.parameters()}
    assert kept == {torch.bfloat16}
    assert torch.equal(logits(divisible, prompted), logits(whole, prompted))
