from pathlib import Path

import numpy as np
import pytest
import torch
from torch.nn.functional import cross_entropy

from tests.train.rows import packed
from train.dataset.packing import NO_LABEL
from train.model.loading import load_adapted
from train.model.next_token import (
    CHUNK,
    Batch,
    NextToken,
    batch_of,
    sampled_labels,
    summed_loss,
    token_losses,
)
from train.recipe import AdapterSettings, ModelSettings

SAMPLES = ([5, 6, 7, 8, 9, 10, 11], [12, 13, 14], [15, 16, 17, 18, 19])


@pytest.fixture(scope="module", params=["none", "nf4"])
def model(request: pytest.FixtureRequest, tiny_model: Path) -> NextToken:
    settings = ModelSettings(name=str(tiny_model), quantization=request.param)
    adapted = load_adapted(settings, AdapterSettings(), length=64, seed=3)
    for name, weight in adapted.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(weight, std=0.05)
    return NextToken(adapted, torch.float32)


def logits(model: NextToken, batch: Batch) -> torch.Tensor:
    model.eval()
    with torch.no_grad():
        found: torch.Tensor = model.head(model.hidden(batch))
    return found


def test_the_logits_of_a_packed_sample_are_those_of_the_sample_alone(model: NextToken) -> None:
    whole = logits(model, batch_of([packed(SAMPLES, length=20)], "cpu"))
    start = 0
    for sample in SAMPLES:
        alone = logits(model, batch_of([packed([sample], length=len(sample))], "cpu"))
        found = whole[:, start : start + len(sample)]
        torch.testing.assert_close(found, alone, rtol=1e-4, atol=1e-5)
        start += len(sample)


def test_rows_of_a_batch_do_not_see_each_other(model: NextToken) -> None:
    first, second = packed(SAMPLES, length=20), packed(SAMPLES[::-1], length=20)
    both = logits(model, batch_of([first, second], "cpu"))
    alone = logits(model, batch_of([second], "cpu"))
    torch.testing.assert_close(both[1:], alone, rtol=1e-4, atol=1e-5)


def test_rows_that_are_given_as_one_do_not_see_each_other(
    model: NextToken, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = batch_of([packed(SAMPLES, length=20), packed(SAMPLES[::-1], length=20)], "cpu")
    apart = logits(model, rows)
    monkeypatch.setattr(model, "takes_lengths", True)
    asked: list[dict[str, torch.Tensor]] = []
    hook = model.decoder.register_forward_pre_hook(
        lambda module, args, kwargs: asked.append(kwargs), with_kwargs=True
    )
    as_one = logits(model, rows)
    hook.remove()
    torch.testing.assert_close(as_one, apart, rtol=1e-4, atol=1e-5)
    assert asked[0]["input_ids"].shape == asked[0]["position_ids"].shape == (1, 40)
    assert asked[0]["packed_seq_lengths"].sum() == 40


def test_the_loss_of_a_row_is_the_sum_over_its_samples(model: NextToken) -> None:
    model.eval()
    whole = float(model(batch_of([packed(SAMPLES, length=20)], "cpu")).detach())
    alone = [batch_of([packed([sample], length=len(sample))], "cpu") for sample in SAMPLES]
    apart = sum(float(model(batch).detach()) for batch in alone)
    assert whole == pytest.approx(apart, rel=1e-4)


def test_token_losses_add_up_to_the_loss(model: NextToken) -> None:
    model.eval()
    batch = batch_of([packed(SAMPLES, length=20)], "cpu")
    losses = model.token_losses(batch)
    assert losses.shape == (6 + 2 + 4,)
    assert float(losses.sum()) == pytest.approx(float(model(batch).detach()), rel=1e-5)


def test_measuring_changes_no_weight(model: NextToken) -> None:
    batch = batch_of([packed(SAMPLES, length=20)], "cpu")
    model.train()
    model.zero_grad()
    torch.manual_seed(0)
    before = float(model(batch).detach())
    model.eval()
    model.token_losses(batch)
    model.train()
    torch.manual_seed(0)
    assert float(model(batch).detach()) == before


def test_gradients_reach_the_adapters_and_nothing_else(model: NextToken) -> None:
    model.train()
    model.zero_grad()
    model(batch_of([packed(SAMPLES, length=20)], "cpu")).backward()
    trained = model.trained()
    assert trained
    assert all("lora_" in name for name in trained)
    assert all(weight.grad is not None and weight.grad.any() for weight in trained.values())
    others = [weight for name, weight in model.named_parameters() if name not in trained]
    assert all(weight.grad is None for weight in others)


def test_lengths_of_a_batch_name_padding_as_one_more_run() -> None:
    batch = batch_of([packed(SAMPLES, length=20)], "cpu")
    assert batch.lengths.tolist() == [7, 3, 5, 5]
    assert np.array_equal(batch.positions[0, -5:].numpy(), np.arange(5))


def embedded(model: NextToken, batch: Batch, seed: int) -> torch.Tensor:
    """Return what the decoder's first layer is given."""
    seen: list[torch.Tensor] = []
    hook = model.decoder.layers[0].register_forward_pre_hook(
        lambda module, args: seen.append(args[0])
    )
    torch.manual_seed(seed)
    model(batch).backward()
    hook.remove()
    return seen[0].detach()


def test_noise_is_uniform_within_a_reach_that_falls_with_the_length_of_a_sample(
    model: NextToken, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = packed([range(100, 164), range(200, 204)], length=80)
    clean = embedded(model, batch_of([row], "cpu"), seed=1)
    noisy = embedded(model, batch_of([row], "cpu", noise=5.0), seed=1)
    added = (noisy - clean)[0]
    long, short = added[:64], added[64:68]
    assert float(long.abs().max()) <= (reach := 5.0 / (64 * 64) ** 0.5)
    assert float(long.abs().mean()) == pytest.approx(reach / 2, rel=0.05)
    assert reach < float(short.abs().max()) <= 5.0 / (4 * 64) ** 0.5
    assert torch.equal(noisy, embedded(model, batch_of([row], "cpu", noise=5.0), seed=1))
    assert not torch.equal(noisy, embedded(model, batch_of([row], "cpu", noise=5.0), seed=2))
    assert torch.equal(clean, embedded(model, batch_of([row], "cpu"), seed=2))
    monkeypatch.setattr(model, "takes_lengths", True)
    rows = batch_of([row, row], "cpu", noise=5.0)
    as_one = embedded(model, rows, seed=1) - embedded(model, batch_of([row, row], "cpu"), seed=1)
    assert reach < float(as_one[0, 80 + 64 : 80 + 68].abs().max()) <= 5.0 / (4 * 64) ** 0.5
    assert float(as_one[0, 80 : 80 + 64].abs().max()) <= reach


def projected(width: int = 8, words: int = 11) -> torch.nn.Linear:
    torch.manual_seed(1)
    return torch.nn.Linear(width, words, bias=False)


def states(batch: int, length: int, width: int = 8) -> torch.Tensor:
    torch.manual_seed(2)
    return torch.randn(batch, length, width, requires_grad=True)


def test_the_sum_and_its_gradient_are_those_of_the_whole_rows_logits() -> None:
    head, hidden = projected(), states(2, CHUNK + 40)
    labels = torch.randint(0, 11, hidden.shape[:2])
    labels[:, :7] = NO_LABEL
    labels[1, 100:200] = NO_LABEL

    whole = cross_entropy(
        head(hidden)[:, :-1].flatten(0, 1), labels[:, 1:].flatten(), reduction="sum"
    )
    (expected,) = torch.autograd.grad(whole, hidden)
    chunked = summed_loss(hidden, labels, head)
    (found,) = torch.autograd.grad(chunked, hidden)

    torch.testing.assert_close(chunked, whole, rtol=1e-5, atol=1e-3)
    torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-6)


def test_a_label_belongs_to_its_own_token_and_is_foretold_from_the_one_before() -> None:
    head, hidden = projected(), states(1, 3)
    labels = torch.tensor([[NO_LABEL, NO_LABEL, 4]])
    foretold = head(hidden)[0, 1].log_softmax(-1)[4]
    torch.testing.assert_close(summed_loss(hidden, labels, head), -foretold)


def test_the_label_of_the_first_token_is_never_counted() -> None:
    head, hidden = projected(), states(1, 3)
    assert summed_loss(hidden, torch.tensor([[5, -100, -100]]), head).item() == 0.0


def test_rows_without_labels_cost_nothing_and_still_have_a_gradient() -> None:
    head, hidden = projected(), states(1, 5)
    loss = summed_loss(hidden, torch.full((1, 5), NO_LABEL), head)
    loss.backward()
    assert loss.item() == 0.0
    assert hidden.grad is not None
    assert not hidden.grad.any()


def test_token_losses_come_one_a_label_and_add_up_to_the_sum() -> None:
    head, hidden = projected(), states(2, 6)
    labels = torch.tensor([[-100, 1, 2, -100, 3, 4], [-100, -100, -100, 5, 6, -100]])
    losses = token_losses(hidden, labels, head)
    assert losses.shape == (6,)
    torch.testing.assert_close(losses.sum(), summed_loss(hidden, labels, head))


def test_labels_are_drawn_from_the_models_own_distribution_where_there_are_some() -> None:
    head, hidden = projected(words=3), states(1, 4)
    with torch.no_grad():
        head.weight.zero_()
        head.weight[2] = 100 * hidden[0, 1] / hidden[0, 1].norm()
    labels = torch.tensor([[-100, -100, 0, -100]])
    drawn = sampled_labels(hidden, labels, head)
    assert drawn.tolist() == [[-100, -100, 2, -100]]
    assert labels.tolist() == [[-100, -100, 0, -100]]
