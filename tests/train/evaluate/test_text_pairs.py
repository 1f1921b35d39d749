import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from corpus.progress import Silent
from tests.train.models import SOURCE
from tests.train.tokenizers import small_chatml
from train.evaluate.comparison import general_documents
from train.evaluate.intervals import Figure
from train.evaluate.subject import NOWHERE, Pair, Sampling, Stops, Subject, open_subject
from train.evaluate.text import (
    Gap,
    HeldOutDocument,
    bits,
    general_text,
    infilling,
    likelihood,
    score,
)
from train.recipe import ModelSettings
from train.tokenizer.opening import open_tokenizer

LINES = SOURCE.splitlines(keepends=True)
DOCUMENTS = [
    HeldOutDocument("a", "p", "elixir", "library", ("GenServer",), "".join(LINES[:20])),
    HeldOutDocument("b", "p", "elixir", "library", (), "".join(LINES[20:40])),
    HeldOutDocument("c", "q", "elixir", "test", ("GenServer", "Plug"), "".join(LINES[40:60])),
]


@pytest.fixture(scope="module")
def subject(tiny_model: Path) -> Subject:
    """A base with an adapter that says something else."""
    settings = ModelSettings(name=str(tiny_model), quantization="none")
    torch.manual_seed(1)
    found = open_subject(settings, None, open_tokenizer(str(tiny_model)))
    for name, weight in found.model.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(weight, std=0.2)
    return found


@pytest.fixture(scope="module")
def base(tiny_model: Path) -> Subject:
    settings = ModelSettings(name=str(tiny_model), quantization="none")
    return open_subject(settings, None, open_tokenizer(str(tiny_model)))


def test_text_is_measured_whole_by_role_and_by_behaviour(subject: Subject) -> None:
    found = likelihood(Pair(subject, subject), DOCUMENTS, 512, Silent())
    assert [(each.group, each.name, each.count, each.packages) for each in found] == [
        ("held-out source", "all documents", 3, 2),
        ("held-out source by role", "library", 2, 1),
        ("held-out source by role", "test", 1, 1),
        ("held-out source by behaviour", "GenServer", 2, 2),
        ("held-out source by behaviour", "Plug", 1, 1),
    ]
    whole = found[0]
    change = whole.adapter.value - whole.base.value
    assert abs(change) > 0.01
    assert whole.difference.value == pytest.approx(change)
    assert likelihood(Pair(subject, subject), [], 512, Silent()) == []


def test_a_model_against_its_own_base_is_the_adapter_left_out(
    subject: Subject, base: Subject
) -> None:
    (one, *_), (two, *_) = (
        likelihood(pair, DOCUMENTS, 512, Silent())
        for pair in (Pair(subject, subject), Pair(base, subject))
    )
    assert one.base.value == pytest.approx(two.base.value)
    assert one.adapter.value == pytest.approx(two.adapter.value)


@pytest.mark.parametrize("group", ["held-out source by role", "held-out source by behaviour"])
def test_the_bits_of_all_groups_are_those_of_the_whole(subject: Subject, group: str) -> None:
    one_each = [
        replace(document, behaviours=(name,))
        for document, name in zip(DOCUMENTS, ("GenServer", "Plug", "GenServer"), strict=True)
    ]
    sizes = {
        "library": len("".join(LINES[:40])),
        "test": len("".join(LINES[40:60])),
        "GenServer": len("".join(LINES[:20] + LINES[40:60])),
        "Plug": len("".join(LINES[20:40])),
    }
    whole, *found = likelihood(Pair(subject, subject), one_each, 512, Silent())
    parts = [each for each in found if each.group == group]
    assert len(parts) == 2
    assert sum(each.count for each in parts) == whole.count
    for figure in ("base", "adapter", "difference"):
        bits = sum(getattr(each, figure).value * sizes[each.name] for each in parts)
        assert bits / len("".join(LINES[:60])) == pytest.approx(getattr(whole, figure).value)


def test_only_the_behaviours_with_most_text_are_told_of(base: Subject) -> None:
    documents = [
        HeldOutDocument(str(n), "p", "elixir", "library", (f"B{n:02}",), "x = 1\n" * n)
        for n in range(1, 13)
    ]
    found = likelihood(Pair(base, base), documents, 512, Silent())
    names = [each.name for each in found if each.group == "held-out source by behaviour"]
    assert names == [f"B{n:02}" for n in (12, 11, 10, 9, 8, 7, 6, 5, 4, 3)]


def test_models_with_tokenizers_of_their_own_are_compared_by_the_byte(
    subject: Subject, base: Subject, tmp_path: Path
) -> None:
    other = Subject(base.model, open_tokenizer(small_chatml(tmp_path / "chatml")), base.device)
    whole, *_ = likelihood(Pair(other, subject), DOCUMENTS, 512, Silent())
    for model, value in ((other, whole.base.value), (subject, whole.adapter.value)):
        found = [score(model, each.text, 512) for each in DOCUMENTS]
        assert value == bits("group", "name", DOCUMENTS, found, found).base.value
    assert abs(whole.base.value - whole.adapter.value) > 0.1


def test_equal_models_do_not_differ(base: Subject) -> None:
    for each in likelihood(Pair(base, base), DOCUMENTS, 512, Silent()):
        assert each.difference == Figure(0.0), "and nothing shows how they might differ elsewhere"


def test_forgetting_is_measured_on_text_that_is_not_source(
    subject: Subject, tmp_path: Path
) -> None:
    file = tmp_path / "general.jsonl"
    texts = ["The tide rises at noon.", "", "Ships wait for it."]
    file.write_text("".join(json.dumps({"text": text}) + "\n" for text in texts))
    documents = general_documents(file)
    (found,) = general_text(Pair(subject, subject), "general.jsonl", documents, 512, Silent())
    assert (found.group, found.name, found.count) == ("general text", "general.jsonl", 2)
    assert general_text(Pair(subject, subject), "", [], 512, Silent()) == []


class Writer(Subject):
    """Writes the same whatever it is asked."""

    def __init__(self, like: Subject, written: str) -> None:
        super().__init__(like.model, like.tokenizer, like.device)
        self.written = written

    def complete(
        self, prompt: object, samples: int, sampling: Sampling, stops: Stops = NOWHERE
    ) -> list[str]:
        return [self.written] * samples


def test_a_gap_counts_as_filled_only_if_it_is_the_line_that_was_there(base: Subject) -> None:
    gaps = [
        Gap("a", "def one do\n", "    :ok", "\nend\n"),
        Gap("b", "def two do\n", "    :error", "\nend\n"),
    ]
    knows, does_not = Writer(base, "    :ok\nend\n"), Writer(base, "    :okay")
    (found,) = infilling(Pair(does_not, knows), gaps, Sampling(), Silent())
    assert (found.base.value, found.adapter.value, found.count) == (0.0, 0.5, 2)
    assert found.better == "higher"
    assert infilling(Pair(does_not, knows), [], Sampling(), Silent()) == []


def test_every_gap_filled_against_none_is_a_difference_of_one(base: Subject) -> None:
    gaps = [Gap(str(n), f"def f{n} do\n", "    :ok", "\nend\n") for n in range(4)]
    knows, does_not = Writer(base, "    :ok\n"), Writer(base, "    :error\n")
    (found,) = infilling(Pair(does_not, knows), gaps, Sampling(), Silent())
    assert (found.base.value, found.base.low, found.base.high < 1) == (0.0, 0.0, True)
    assert (found.adapter.value, found.adapter.low > 0, found.adapter.high) == (1.0, True, 1.0)
    assert found.difference.low < found.difference.value == found.difference.high == 1.0
    (same,) = infilling(Pair(knows, knows), gaps, Sampling(), Silent())
    assert same.difference.low < same.difference.value == 0.0 < same.difference.high


def test_a_gap_is_asked_of_the_base_without_its_adapter(subject: Subject, base: Subject) -> None:
    greedy = Sampling(temperature=0, longest=4)
    prefix, suffix = "def leave(berth) do\n", "\nend\n"
    prompt = base.tokenizer.infilling_prompt(prefix, suffix)
    (of_base,) = base.complete(prompt, 1, greedy)
    line = of_base.lstrip("\n").partition("\n")[0]
    assert line.strip()
    (found,) = infilling(Pair(subject, subject), [Gap("a", prefix, line, suffix)], greedy, Silent())
    assert (found.base.value, found.adapter.value) == (1.0, 0.0)
