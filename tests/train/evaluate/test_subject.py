import math
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.train.export.runs import write_run
from tests.train.models import write_model
from train.evaluate.problems import Prompt
from train.evaluate.subject import DamagedAdapter, Sampling, Stops, Subject, open_subject
from train.model.generation import before_end
from train.model.loading import NoSuchModel
from train.recipe import ModelSettings
from train.tokenizer.interface import Sample
from train.tokenizer.opening import open_tokenizer

TEXT = "def leave(berth), do: GenServer.call(berth, :leave)\n"


@pytest.fixture(scope="module")
def adapter(tiny_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_run(tmp_path_factory.mktemp("run"), tiny_model) / "adapter"


@pytest.fixture(scope="module")
def subject(tiny_model: Path, adapter: Path) -> Subject:
    return opened(tiny_model, adapter)


def opened(model: Path, adapter: Path | None) -> Subject:
    settings = ModelSettings(name=str(model), quantization="none")
    return open_subject(settings, adapter, open_tokenizer(str(model)))


def nats(subject: Subject) -> float:
    return subject.nats(subject.tokenizer.document(TEXT))


def test_only_the_tokens_that_are_targets_count(subject: Subject) -> None:
    whole = subject.tokenizer.document(TEXT)
    odd = np.arange(len(whole.ids)) % 2 == 1
    halves = [Sample(whole.ids, whole.targets & each) for each in (odd, ~odd)]
    assert sum(map(subject.nats, halves)) == pytest.approx(subject.nats(whole))
    assert subject.nats(Sample(whole.ids, np.zeros_like(whole.targets))) == 0.0


def test_the_adapter_of_a_folder_is_what_peft_makes_of_it(
    subject: Subject, tiny_model: Path, adapter: Path
) -> None:
    from peft import PeftModel
    from transformers import AutoModelForCausalLM

    plain = PeftModel.from_pretrained(
        AutoModelForCausalLM.from_pretrained(tiny_model), str(adapter)
    ).eval()
    ids = torch.from_numpy(subject.tokenizer.document(TEXT).ids.astype("int64"))[None]
    with torch.no_grad():
        mean = plain(input_ids=ids, labels=ids).loss
    assert nats(subject) == pytest.approx(float(mean) * (ids.numel() - 1), rel=1e-4)


def test_the_adapter_is_left_out_and_put_back_even_after_an_error(
    subject: Subject, tiny_model: Path
) -> None:
    base, adapted = nats(opened(tiny_model, None)), nats(subject)
    assert not math.isclose(base, adapted, rel_tol=1e-3)
    with subject.as_base():
        assert nats(subject) == pytest.approx(base)
    with pytest.raises(KeyboardInterrupt), subject.as_base():
        raise KeyboardInterrupt
    assert nats(subject) == adapted


def test_completions_follow_from_the_seed(subject: Subject) -> None:
    prompt = subject.tokenizer.encode("def moor(")
    drawn = Sampling(temperature=1.0, longest=8)
    first = subject.complete(prompt, 3, drawn)
    torch.manual_seed(5)
    assert subject.complete(prompt, 3, drawn) == first
    assert len(set(first)) > 1
    other = Sampling(temperature=1.0, longest=8, seed=drawn.seed + 1)
    assert subject.complete(prompt, 3, other) != first


@pytest.mark.parametrize("temperature", [0, 1.0])
@pytest.mark.parametrize("chosen", [lambda text: text[2:4], lambda text: text[9:11]])
def test_an_answer_stops_where_it_would_be_cut_off(
    subject: Subject, temperature: float, chosen: Callable[[str], str]
) -> None:
    """Each by itself: what is kept of them is what it was without stops."""
    prompt = subject.tokenizer.encode("def moor(")
    sampling = Sampling(temperature=temperature, longest=60)
    whole = subject.complete(prompt, 4, sampling)
    stop = chosen(whole[0])
    stopped = subject.complete(prompt, 4, sampling, Stops((stop, "never")))
    cut = Prompt(text=TEXT, stop=(stop, "never")).cut
    assert [cut(each) for each in stopped] == [cut(each) for each in whole]
    assert len(stopped[0]) < len(whole[0])
    assert all(each == full for each, full in zip(stopped, whole, strict=True) if stop not in full)


def test_without_temperature_there_is_one_answer(subject: Subject) -> None:
    prompt = subject.tokenizer.encode("def moor(")
    greedy = Sampling(temperature=0, longest=8)
    one, two = subject.complete(prompt, 2, greedy)
    assert one == two
    assert subject.complete(prompt, 1, Sampling(temperature=0, longest=8, seed=1)) == [one]
    assert 0 < len(subject.tokenizer.encode(one)) <= 8


def test_what_stands_behind_the_end_is_no_part_of_an_answer(subject: Subject) -> None:
    tokenizer = subject.tokenizer
    said, more = tokenizer.encode(":ok").tolist(), tokenizer.encode(":error").tolist()
    assert tokenizer.decode(before_end([*said, tokenizer.eos, *more], tokenizer)) == ":ok"
    assert tokenizer.decode(before_end([*said, *more], tokenizer)) == ":ok:error"


@pytest.mark.parametrize("name", ["adapter_config.json", "adapter_model.safetensors"])
@pytest.mark.parametrize("kept", [0, 500, -100])
def test_a_file_of_an_adapter_that_was_cut_off_is_named(
    tiny_model: Path, adapter: Path, tmp_path: Path, name: str, kept: int
) -> None:
    folder = shutil.copytree(adapter, tmp_path / "adapter")
    (folder / name).write_bytes((folder / name).read_bytes()[:kept])
    with pytest.raises(DamagedAdapter, match=rf"adapter/{name}: it cannot be read \(.*Copy the"):
        opened(tiny_model, folder)


def test_a_folder_without_an_adapter_is_named(tiny_model: Path, tmp_path: Path) -> None:
    with pytest.raises(NoSuchModel, match=r"adapter_config\.json"):
        opened(tiny_model, tmp_path)


def test_an_adapter_of_another_base_is_named(adapter: Path, tmp_path: Path) -> None:
    other = write_model(tmp_path / "other", hidden_size=32, num_hidden_layers=2)
    with pytest.raises(NoSuchModel, match="it is for another base than"):
        opened(other, adapter)
