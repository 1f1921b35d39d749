import json
import os
import pty
import signal
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from tests import programs
from tests.train.export.runs import write_run
from train.chat import Chat, NothingToTalkTo, QuestionTooLong, app, open_model, plain
from train.evaluate.subject import Sampling, Subject


@pytest.fixture(scope="module")
def run(tiny_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = write_run(tmp_path_factory.mktemp("runs") / "run", tiny_model)
    told = json.loads((folder / "recipe.json").read_bytes())
    told["model"]["quantization"] = "none"
    told["system_prompt"] = "Be brief."
    (folder / "recipe.json").write_text(json.dumps(told), encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def subject(run: Path) -> Subject:
    found: Subject = open_model(run)
    return found


def talk(subject: Subject, longest: int = 12, temperature: float = 0.0, seed: int = 1) -> Chat:
    return Chat(subject, longest, temperature, seed)


def test_answers_are_those_of_the_run_with_its_system_prompt(subject: Subject) -> None:
    assert subject.tokenizer.system == "Be brief."
    asked = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hi."}]
    prompt = subject.tokenizer.prompt(asked)  # type: ignore[arg-type]
    (expected,) = subject.complete(prompt, 1, Sampling(temperature=0.0, longest=12))
    with subject.as_base():
        (base,) = subject.complete(prompt, 1, Sampling(temperature=0.0, longest=12))
    assert expected != base
    shown: list[str] = []
    assert talk(subject).ask("Hi.", shown.append)
    assert "".join(shown) == plain(expected)
    assert len(shown) > 3


def test_a_conversation_remembers_its_turns(subject: Subject) -> None:
    chat = talk(subject)
    chat.ask("One?", lambda text: None)
    chat.ask("Two?", lambda text: None)
    roles = [each["role"] for each in chat.messages]
    assert roles == ["user", "assistant", "user", "assistant"]
    alone = talk(subject)
    alone.ask("Two?", lambda text: None)
    assert alone.messages[1] != chat.messages[3]


def test_equal_seeds_give_equal_answers(subject: Subject) -> None:
    found = []
    for seed in (1, 1, 2):
        chat = talk(subject, temperature=1.5, seed=seed)
        chat.ask("Hi.", lambda text: None)
        found.append(chat.messages)
    assert found[0] == found[1] != found[2]


def test_an_answer_can_be_ended_and_the_conversation_goes_on(subject: Subject) -> None:
    chat = talk(subject, longest=40)
    shown: list[str] = []

    def interrupted(text: str) -> None:
        shown.append(text)
        if len("".join(shown)) > 5:
            raise KeyboardInterrupt

    assert not chat.ask("Hi.", interrupted)
    assert len(chat.messages) == 2
    assert plain(chat.messages[1]["content"]) in "".join(shown)
    assert chat.ask("And?", lambda text: None)
    assert len(chat.messages) == 4


def test_the_oldest_turns_are_forgotten_where_there_is_no_room(subject: Subject) -> None:
    chat = talk(subject, longest=300)
    for number in range(3):
        chat.ask(f"Question {number}: {'word ' * 20}", lambda text: None)
    assert len(chat.messages) < 6
    assert chat.messages[-2]["content"].startswith("Question 2")
    with pytest.raises(QuestionTooLong, match=r"Shorten it, or lower --max-tokens\."):
        chat.ask("word " * 300, lambda text: None)


@given(st.text())
def test_whatever_is_written_cannot_steer_a_terminal(text: str) -> None:
    assert all(each.isprintable() or each in "\n\t" for each in plain(text))


def test_escapes_are_shown_as_text() -> None:
    assert plain("a\x1b[2J\x9b1m\r\n\tb \u202e\x07é") == "a\\x1b[2J\\x9b1m\\r\n\tb \\u202e\\x07é"


def test_one_question_has_one_answer(run: Path) -> None:
    told = ["--max-tokens", "8", "--temperature", "0"]
    one = CliRunner().invoke(app, [str(run), "--prompt", "Hi.", *told])
    piped = CliRunner().invoke(app, [str(run), *told], input="Hi.\n")
    assert (one.exit_code, piped.exit_code) == (0, 0)
    assert one.stdout == piped.stdout
    assert one.stdout.strip()
    none = CliRunner().invoke(app, [str(run)], input=" \n")
    assert none.exit_code == 2
    assert "there is no question" in none.output


def test_an_exported_adapter_and_merged_weights_answer_alike(run: Path, tmp_path: Path) -> None:
    from train.export.adapter import export_adapter
    from train.export.merged import export_merged
    from train.export.run import open_run

    export_adapter(open_run(run), tmp_path / "adapter")
    export_merged(open_run(run), tmp_path / "merged")
    for folder in (tmp_path / "adapter", tmp_path / "merged"):
        assert talk(open_model(folder), longest=4).ask("Hi.", lambda text: None)


@pytest.mark.parametrize(
    ("files", "why"),
    [
        ([], "neither a run nor an export is here"),
        (["model.gguf"], "llama-cli"),
    ],
)
def test_a_folder_without_a_model_is_refused(tmp_path: Path, files: list[str], why: str) -> None:
    for name in files:
        (tmp_path / name).write_bytes(b"")
    with pytest.raises(NothingToTalkTo, match=why):
        open_model(tmp_path)


def test_on_a_terminal_ctrl_c_ends_an_answer_and_ctrl_d_the_program(run: Path) -> None:
    ours, theirs = pty.openpty()
    command = ["train.chat", str(run), "--max-tokens", "400"]
    with programs.started(command, streams=(theirs, theirs, 2)) as process:
        said = until(ours, b"> ")
        os.write(ours, b"Hi.\n")
        said += until(ours, b"\n") + os.read(ours, 1)
        process.send_signal(signal.SIGINT)
        assert b"[ended]" in until(ours, b"> ")
        os.write(ours, b"\x04")
        assert process.wait(timeout=120) == 0
    os.close(theirs)
    os.close(ours)


def until(terminal: int, end: bytes) -> bytes:
    """Read what a program writes on a terminal, up to a text."""
    said, deadline = b"", time.monotonic() + 200
    while end not in said:
        assert time.monotonic() < deadline, said
        said += os.read(terminal, 4096)
    return said
