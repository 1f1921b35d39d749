import math

import pytest
import torch

from train.export.comparison import ROUNDED, SAME, compare, divergence


def test_divergence_is_that_of_kullback_and_leibler() -> None:
    fair, loaded = torch.tensor([[0.5, 0.5]]).log(), torch.tensor([[0.9, 0.1]]).log()
    expected = 0.5 * math.log(0.5 / 0.9) + 0.5 * math.log(0.5 / 0.1)
    assert divergence(fair, loaded) == pytest.approx(expected)
    assert divergence(fair, fair + 3.0) == pytest.approx(0.0, abs=1e-12)


def test_the_same_logits_are_the_same() -> None:
    logits = torch.tensor([[1.0, 2.0, 4.0], [0.0, -1.0, 2.0]])
    found = compare(logits, logits.clone(), torch.zeros(2, 3))
    assert (found.tokens, found.largest, found.divergence, found.agreement) == (2, 0.0, 0.0, 1.0)
    assert found.effect > 0.1
    assert found.exceeded(SAME) is None


def test_one_logit_far_off_is_out_of_bounds() -> None:
    torch.manual_seed(0)
    logits = torch.randn(50, 400)
    other = logits.clone()
    other[7, 13] -= 0.4
    found = compare(logits, other, torch.randn(50, 400))
    assert found.divergence < ROUNDED.divergence
    assert found.exceeded(ROUNDED) == (
        "the largest difference of logits, in standard deviations is 0.4, allowed is 0.25"
    )


def test_small_differences_everywhere_are_out_of_bounds() -> None:
    torch.manual_seed(0)
    logits = torch.randn(50, 400)
    found = compare(logits, logits + 0.06 * torch.randn(50, 400).clip(-3, 3), torch.zeros(50, 400))
    assert found.largest < ROUNDED.largest
    assert "divergence in nats a token is 0.001" in str(found.exceeded(ROUNDED))


def test_an_adapter_that_is_lost_is_noticed_however_weak_it_is() -> None:
    torch.manual_seed(0)
    base = torch.randn(50, 400)
    found = compare(base + 0.001 * torch.randn(50, 400), base, base)
    assert found.divergence < 1e-6
    assert "beside what the adapter itself makes" in str(found.exceeded(ROUNDED))


def test_logits_that_are_no_numbers_are_out_of_bounds() -> None:
    logits = torch.ones(2, 3).cumsum(-1)
    found = compare(logits, logits * math.nan, torch.zeros(2, 3))
    assert "nan" in str(found.exceeded(ROUNDED))
