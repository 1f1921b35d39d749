"""How two models are compared, and how far rounding alone moves one."""

import math
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from train.export.checking import (
    SAME,
    AdapterMissing,
    Jitter,
    Learnt,
    Reference,
    Tolerance,
    compare,
    divergences,
    exceeded,
    logits,
    prompts,
    single_precision,
)
from train.model.loading import load_base
from train.recipe import ModelSettings
from train.tokenizer.opening import open_tokenizer

ROUNDED = Tolerance(largest=0.25, divergence=1e-3)


def test_divergence_is_that_of_kullback_and_leibler() -> None:
    fair, loaded = torch.tensor([[0.5, 0.5]]).log(), torch.tensor([[0.9, 0.1]]).log()
    expected = 0.5 * math.log(0.5 / 0.9) + 0.5 * math.log(0.5 / 0.1)
    assert float(divergences(fair, loaded)) == pytest.approx(expected)
    assert float(divergences(fair, fair + 3.0)) == pytest.approx(0.0, abs=1e-12)


def test_the_same_logits_are_the_same() -> None:
    logits = torch.tensor([[1.0, 2.0, 4.0], [0.0, -1.0, 2.0]])
    found = compare(logits, logits.clone(), 0.5)
    expected = {"tokens": 2, "largest": 0.0, "divergence": 0.0, "agreement": 1.0, "effect": 0.5}
    assert {**found, **expected} == found
    assert exceeded(found, SAME) is None


def test_the_worst_tokens_are_told_beside_the_mean() -> None:
    fair, loaded = torch.tensor([[0.5, 0.5]]).log(), torch.tensor([[0.9, 0.1]]).log()
    found = compare(fair.repeat(200, 1), torch.cat([loaded, fair.repeat(199, 1)]), 1.0)
    worst = 0.5 * math.log(0.5 / 0.9) + 0.5 * math.log(0.5 / 0.1)
    assert found["divergence_most"] == pytest.approx(worst)
    assert found["divergence"] == pytest.approx(worst / 200)
    assert found["divergence_p99"] == pytest.approx(0.0, abs=1e-12)


def test_one_logit_far_off_is_out_of_bounds() -> None:
    torch.manual_seed(0)
    logits = torch.randn(50, 400)
    other = logits.clone()
    other[7, 13] -= 0.4
    found = compare(logits, other, 1.0)
    assert found["divergence"] < ROUNDED["divergence"]
    assert exceeded(found, ROUNDED) == (
        "the largest difference of logits, in standard deviations is 0.4, allowed is 0.25"
    )


def test_small_differences_everywhere_are_out_of_bounds() -> None:
    torch.manual_seed(0)
    logits = torch.randn(50, 400)
    found = compare(logits, logits + 0.06 * torch.randn(50, 400).clip(-3, 3), 1.0)
    assert found["largest"] < ROUNDED["largest"]
    assert "divergence in nats a token is 0.001" in str(exceeded(found, ROUNDED))


@pytest.mark.parametrize("noise", [0.0, 0.03])
@pytest.mark.parametrize("share", [1.0, 0.0, -1.0, 2.0, math.nan])
def test_an_adapter_that_is_lost_is_noticed_however_weak_it_is(share: float, noise: float) -> None:
    torch.manual_seed(0)
    rows, base = torch.arange(16), torch.randn(16, 4096)
    added = 0.003 * torch.randn(16, 4096)
    weights = base + share * added + noise * torch.randn(16, 4096)
    learnt = Learnt({"layer.weight": (rows, base, added)}, 1.0)
    if share == 1.0:
        learnt.check(lambda _, rows: weights[rows], "It")
        return
    with pytest.raises(AdapterMissing, match=r"It, layer\.weight, holds"):
        learnt.check(lambda _, rows: weights[rows], "It")


def test_logits_that_are_no_numbers_are_out_of_bounds() -> None:
    logits = torch.ones(2, 3).cumsum(-1)
    found = compare(logits, logits * math.nan, 1.0)
    assert "nan" in str(exceeded(found, ROUNDED))


def test_bounds_are_multiples_of_the_noise_in_amplitude() -> None:
    torch.manual_seed(0)
    said = torch.randn(50, 400)
    noise = compare(said, said, 1.0)
    noise["largest"], noise["divergence"] = 0.02, 1e-5
    reference = Reference([], said, 1.0, noise)
    usual, wide = reference.bounds(), reference.bounds(10.0)
    assert (usual["largest"], usual["divergence"]) == pytest.approx((0.06, 9e-5))
    assert (wide["largest"], wide["divergence"]) == pytest.approx((0.2, 1e-3))


@pytest.mark.parametrize(("bits", "type_"), [(7, torch.bfloat16), (10, torch.float16)])
def test_jitter_moves_numbers_as_far_as_rounding_does(bits: int, type_: torch.dtype) -> None:
    torch.manual_seed(0)
    values = torch.randn(100_000)
    rounding = (values.to(type_).float() - values).abs()
    moved = (Jitter(bits)(values) - values).abs()
    assert float(moved.mean()) == pytest.approx(float(rounding.mean()), rel=0.05)
    assert float((moved / values.abs()).max()) <= 2.0 ** -(bits + 1) * 1.001
    assert torch.equal(Jitter(bits)(values), Jitter(bits)(values))
    assert torch.equal(Jitter(bits)(torch.zeros(4)), torch.zeros(4))


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


def test_jitter_leaves_weights_as_they_were_and_moves_logits_as_rounding_does(
    tiny_model: Path,
) -> None:
    model = load(tiny_model, torch.float32)
    before = {name: each.clone() for name, each in model.state_dict().items()}
    prompted = [np.arange(5, 40, dtype=np.int32)]
    said = logits(model, prompted)
    rounded = compare(said, logits(load(tiny_model, torch.bfloat16), prompted), 1.0)
    noise = compare(said, logits(model, prompted, Jitter(7)), 1.0)
    assert 0.3 < rounded["divergence"] / noise["divergence"] < 3
    both = compare(said, logits(model, prompted, Jitter(7, activations=True)), 1.0)
    assert both["divergence"] > noise["divergence"]
    assert all(torch.equal(each, before[name]) for name, each in model.state_dict().items())


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
