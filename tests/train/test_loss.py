import torch
from torch.nn.functional import cross_entropy

from train.loss import CHUNK, NO_LABEL, sampled_labels, summed_loss, token_losses


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
