from pathlib import Path

import numpy as np
import torch

from train.export.logits import logits, prompts, single_precision
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
