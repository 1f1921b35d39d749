from pathlib import Path

import pytest

from train.evaluate.problems import Prompt
from train.evaluate.subject import NOWHERE, Sampling, Stops, Subject, open_subject
from train.recipe import ModelSettings
from train.tokenizer.interface import Ids
from train.tokenizer.opening import open_tokenizer


class Listener(Subject):
    """Keeps what it is asked."""

    def __init__(self, like: Subject) -> None:
        super().__init__(like.model, like.tokenizer, like.device)
        self.heard: list[Ids] = []
        self.stops: list[Stops] = []

    def complete(
        self, prompt: Ids, samples: int, sampling: Sampling, stops: Stops = NOWHERE
    ) -> list[str]:
        self.heard.append(prompt)
        self.stops.append(stops)
        return [""] * samples


@pytest.fixture(scope="module")
def listener(tiny_model: Path) -> Listener:
    settings = ModelSettings(name=str(tiny_model), quantization="none")
    return Listener(open_subject(settings, None, open_tokenizer(str(tiny_model))))


def heard(listener: Listener, text: str, longest: int) -> list[int]:
    listener.answer(Prompt(text=text), 1, Sampling(longest=longest))
    return [int(each) for each in listener.heard[-1]]


@pytest.mark.parametrize(("longest", "left"), [(100, 412), (400, 256), (5_000, 256)])
def test_a_text_longer_than_the_model_can_read_keeps_its_end(
    listener: Listener, longest: int, left: int
) -> None:
    text = "def moor(boat), do: {:ok, boat}\n" * 200
    whole = listener.tokenizer.document(text).ids[:-1].tolist()
    assert listener.positions == 512 < len(whole)
    found = heard(listener, text, longest)
    assert len(found) == left
    assert found[0] == whole[0] == listener.tokenizer.bos
    assert found[1:] == whole[1 - left :]


def test_a_text_that_fits_is_asked_whole(listener: Listener) -> None:
    text = "defmodule Quay do\n  def moor("
    ids = listener.tokenizer.document(text).ids
    assert heard(listener, text, 100) == ids[:-1].tolist()


def test_a_text_ends_at_its_stops_and_the_answer_to_a_question_does_not(listener: Listener) -> None:
    """Of an answer it is the code, found in the whole of it, that stops cut off."""
    prompts = [Prompt(text="def ", stop=("\nend",)), Prompt(question="Why?", stop=("\nend",))]
    for each in prompts:
        listener.answer(each, 1, Sampling())
    assert [each.texts for each in listener.stops[-2:]] == [("\nend",), ()]
