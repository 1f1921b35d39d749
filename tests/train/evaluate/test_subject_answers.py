import json
import shutil
import signal
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from tests import programs
from tests.releases import document, function, write_release
from tests.sandbox.machine import executed
from tests.train.export.runs import write_run
from tests.train.models import write_model
from train.evaluate.__main__ import app
from train.evaluate.subject import Answers, Sampling, Subject, open_subject
from train.evaluate.transcript import read
from train.recipe import ModelSettings
from train.tokenizer.opening import open_tokenizer

TEXT = "def sail(ship) do\n  {:ok, ship}\nend\n"
PLAIN = {"name": "harbour", "adapter": None}
GAPS, PROBLEMS = 4, 3


class Drawing:
    """Gives a new answer each time, and counts them."""

    def __init__(self) -> None:
        self.drawn = 0

    def __call__(self) -> list[str]:
        self.drawn += 1
        return [f":ok # {self.drawn}", "\r\n\u2028ß\0"]


def test_what_was_answered_is_not_asked_again(tmp_path: Path) -> None:
    draw = Drawing()
    first = Answers(tmp_path / "answers", PLAIN).recall({"prompt": [1, 2]}, draw)
    assert first == [":ok # 1", "\r\n\u2028ß\0"]
    assert Answers(tmp_path / "answers", dict(PLAIN)).recall({"prompt": [1, 2]}, draw) == first
    assert draw.drawn == 1


@pytest.mark.parametrize(
    ("model", "question"),
    [(PLAIN, {"prompt": [1, 3]}), ({**PLAIN, "adapter": "5f"}, {"prompt": [1, 2]})],
)
def test_another_question_or_another_model_is_asked(
    tmp_path: Path, model: dict[str, Any], question: dict[str, Any]
) -> None:
    draw = Drawing()
    Answers(tmp_path, PLAIN).recall({"prompt": [1, 2]}, draw)
    Answers(tmp_path, model).recall(question, draw)
    assert draw.drawn == len(list(tmp_path.iterdir())) == 2


@pytest.mark.parametrize("size", [0, 1, 40])
def test_answers_that_were_cut_off_are_drawn_again(tmp_path: Path, size: int) -> None:
    draw, answers = Drawing(), Answers(tmp_path, PLAIN)
    answers.recall({}, draw)
    (file,) = tmp_path.iterdir()
    file.write_bytes(file.read_bytes()[:size])
    assert answers.recall({}, draw)[0] == ":ok # 2"
    assert answers.recall({}, draw)[0] == ":ok # 2"


@pytest.mark.parametrize(
    "damaged", [b"[]", b"null", b"{}", b'{"answers": ["x"], "sha256": "5f"}', b"\xff"]
)
def test_answers_that_were_altered_are_drawn_again(tmp_path: Path, damaged: bytes) -> None:
    draw, answers = Drawing(), Answers(tmp_path, PLAIN)
    answers.recall({}, draw)
    (file,) = tmp_path.iterdir()
    file.write_bytes(damaged)
    assert answers.recall({}, draw)[0] == ":ok # 2"


def test_the_answers_to_one_question_do_not_pass_for_those_to_another(tmp_path: Path) -> None:
    draw, answers = Drawing(), Answers(tmp_path, PLAIN)
    answers.recall({"prompt": [1]}, draw)
    (first,) = tmp_path.iterdir()
    answers.recall({"prompt": [2]}, draw)
    (second,) = set(tmp_path.iterdir()) - {first}
    shutil.copy(first, second)
    assert answers.recall({"prompt": [2]}, draw)[0] == ":ok # 3"


def asked(subject: Subject, sampling: Sampling, samples: int = 1) -> list[str]:
    return subject.complete(subject.tokenizer.encode("def moor("), samples, sampling)


def opened(model: Path, adapter: Path | None, answers: Path, **settings: Any) -> Subject:
    told = ModelSettings(name=str(model), quantization="none", **settings)
    return open_subject(told, adapter, open_tokenizer(str(model)), answers)


def test_answers_follow_from_model_adapter_and_sampling(tmp_path: Path) -> None:
    """The base is the same, whether its adapter is left out or there is none."""
    model, folder = write_model(tmp_path / "model"), tmp_path / "answers"
    adapter = write_run(tmp_path / "run", model) / "adapter"
    drawn = Sampling(temperature=1.0, longest=4)
    subject = opened(model, adapter, folder)
    ours = asked(subject, drawn)
    with subject.as_base():
        base = asked(subject, drawn)
    assert ours != base
    assert asked(opened(model, None, folder), drawn) == base
    assert asked(opened(model, adapter, folder), drawn) == ours
    assert len(list(folder.iterdir())) == 2
    asked(subject, replace(drawn, seed=1))
    asked(subject, replace(drawn, longest=5))
    asked(subject, drawn, samples=2)
    asked(opened(model, adapter, folder, compute="bfloat16"), drawn)
    asked(opened(write_model(tmp_path / "other", seed=12), adapter, folder), drawn)
    assert len(list(folder.iterdir())) == 7
    settings = adapter / "adapter_config.json"
    settings.write_text(settings.read_text().replace('"lora_alpha": 8', '"lora_alpha": 32'))
    asked(opened(model, adapter, folder), drawn)
    assert len(list(folder.iterdir())) == 8


def test_a_model_that_was_replaced_in_its_folder_is_asked_anew(tmp_path: Path) -> None:
    folder = tmp_path / "answers"
    greedy = Sampling(temperature=0, longest=4)
    first = asked(opened(write_model(tmp_path / "model"), None, folder), greedy)
    other = asked(opened(write_model(tmp_path / "model", seed=12), None, folder), greedy)
    assert first != other


@pytest.fixture(scope="module")
def command(tiny_model: Path, tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """The options of an evaluation that asks each model for four lines and three functions."""
    place = tmp_path_factory.mktemp("inputs")
    names = [f"lib/pier_{n}.ex" for n in range(GAPS)]
    rows = [document("pier", name, f"{TEXT}# {name}\n", "test") for name in names]
    clause = {"start_line": 1, "end_line": 3, "start_byte": 0, "end_byte": 1, "guard": None}
    functions = [function(each, "Pier", "sail", 1, clauses=[clause]) for each in rows]
    release = write_release(place / "release", rows, functions)
    tests = 'ExUnit.start()\ndefmodule T do\n  use ExUnit.Case\n  test "a", do: A.a()\nend\n'
    problems = [
        {"name": f"a_{n}", "prompt": f"defmodule A do\n  def a, do: {n} +", "tests": tests}
        for n in range(PROBLEMS)
    ]
    lines = [json.dumps({**each, "stop_tokens": ["\n\n"]}) + "\n" for each in problems]
    (place / "elixir.jsonl").write_text("".join(lines))
    told = {
        "--release": release.path,
        "--gaps": GAPS,
        "--benchmark": f"multipl-e={place / 'elixir.jsonl'}",
        "--samples": 2,
        "--temperature": 1.0,
        "--longest": 40,
    }
    return [str(each) for pair in told.items() for each in pair]


def trained(folder: Path, model: Path) -> Path:
    folder.mkdir()
    write_run(folder, model)
    told = json.loads((folder / "run.json").read_bytes())
    (folder / "run.json").write_text(json.dumps({**told, "release": {}}), encoding="utf-8")
    return folder


def kept(run: Path) -> dict[str, tuple[int, int]]:
    """Return the answers that are there; a file that is written again is another one."""
    files = (run / "work" / "answers").glob("*.json")
    found = {each.name: each.stat() for each in files}
    return {name: (stat.st_ino, stat.st_mtime_ns) for name, stat in found.items()}


@executed
def test_a_killed_evaluation_goes_on_to_the_same_bytes(
    tiny_model: Path, tmp_path: Path, command: list[str]
) -> None:
    whole, killed = trained(tmp_path / "whole", tiny_model), trained(tmp_path / "run", tiny_model)
    assert CliRunner().invoke(app, [str(whole), *command]).exit_code == 0
    every = kept(whole)
    assert len(every) == 2 * (GAPS + PROBLEMS)
    with programs.started(["train.evaluate", str(killed), *command]) as process:
        while len(kept(killed)) < 2 * GAPS + 2 and process.poll() is None:
            time.sleep(0.001)
        process.kill()
        assert process.wait() == -signal.SIGKILL
    before = kept(killed)
    assert 2 * GAPS + 2 <= len(before) < len(every)
    assert not (killed / "evaluation.json").exists()
    (damaged, *sound) = sorted(before)
    file = killed / "work" / "answers" / damaged
    file.write_bytes(file.read_bytes()[:-20])
    assert CliRunner().invoke(app, [str(killed), *command]).exit_code == 0
    for name in ("evaluation.json", "evaluation.answers.jsonl"):
        assert (killed / name).read_bytes() == (whole / name).read_bytes()
    assert [len(each["adapter"]) for each in read(killed / "evaluation.json")] == [2] * PROBLEMS
    after = kept(killed)
    assert after.keys() == every.keys()
    assert {name: after[name] for name in sound} == {name: before[name] for name in sound}
    assert after[damaged] != before[damaged]
