from collections.abc import Mapping
from pathlib import Path

import pytest
import torch

from tests.train.rows import packed
from train.loop.consolidation import Consolidation, fisher_diagonal, snapshot
from train.model.loading import load_adapted
from train.model.next_token import NextToken, batch_of
from train.recipe import AdapterSettings, ElasticSettings, ModelSettings

SAMPLES = ([5, 6, 7, 8, 9, 10, 11], [12, 13, 14], [15, 16, 17, 18, 19])
ROWS = [packed(SAMPLES, length=20), packed(SAMPLES[::-1], length=16)]


@pytest.fixture
def model(tiny_model: Path) -> NextToken:
    settings = ModelSettings(name=str(tiny_model), quantization="none")
    adapted = load_adapted(settings, AdapterSettings(dropout=0.5), length=64, seed=3)
    for name, weight in adapted.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(weight, std=0.05)
    return NextToken(adapted, torch.float32)


def test_the_fisher_of_true_labels_is_the_mean_of_squared_gradients_a_token(
    model: NextToken,
) -> None:
    settings = ElasticSettings(samples=3, labels="true")
    found = fisher_diagonal(model, ROWS, settings, seed=1, device="cpu")
    model.eval()
    expected: Mapping[str, torch.Tensor] = {
        name: torch.zeros_like(weight) for name, weight in model.trained().items()
    }
    for sample in SAMPLES:
        model.zero_grad()
        model(batch_of([packed([sample], length=len(sample))], "cpu")).backward()
        for name, weight in model.trained().items():
            assert weight.grad is not None
            expected[name].add_(weight.grad**2 / 12)
    for name, each in found.items():
        torch.testing.assert_close(each, expected[name], rtol=1e-3, atol=1e-9)


def test_sampled_labels_follow_from_the_seed(model: NextToken) -> None:
    first, same, other = (
        fisher_diagonal(model, ROWS, ElasticSettings(labels="sampled"), seed=seed, device="cpu")
        for seed in (1, 1, 50)
    )
    assert all(torch.equal(first[name], same[name]) for name in first)
    assert any(not torch.equal(first[name], other[name]) for name in first)


def test_fresh_adapters_have_no_fisher_for_their_first_factors(tiny_model: Path) -> None:
    settings = ModelSettings(name=str(tiny_model), quantization="none")
    adapted = load_adapted(settings, AdapterSettings(), length=64, seed=3)
    fresh = NextToken(adapted, torch.float32)
    found = fisher_diagonal(fresh, ROWS, ElasticSettings(labels="true"), seed=1, device="cpu")
    assert not any(each.any() for name, each in found.items() if "lora_A" in name)
    assert all(each.any() for name, each in found.items() if "lora_B" in name)


def test_the_penalty_and_its_gradient_are_those_of_the_quadratic(model: NextToken) -> None:
    trained = model.trained()
    anchor = snapshot(trained)
    torch.manual_seed(4)
    fisher = {name: torch.rand_like(weight) for name, weight in trained.items()}
    with torch.no_grad():
        for weight in trained.values():
            weight.add_(0.01 * torch.randn_like(weight))
    expected = sum(
        (3.0 / 2 * fisher[name] * (weight - anchor[name]) ** 2).sum()
        for name, weight in trained.items()
    )
    assert isinstance(expected, torch.Tensor)
    gradients = torch.autograd.grad(expected, list(trained.values()))
    model.zero_grad()
    penalty = Consolidation(anchor, fisher, strength=3.0).penalize(trained)
    assert penalty == pytest.approx(float(expected.detach()), rel=1e-4)
    for weight, gradient in zip(trained.values(), gradients, strict=True):
        assert weight.grad is not None
        torch.testing.assert_close(weight.grad, gradient)
