"""What comes from outside reaches a terminal as text: every command, and the place that all use."""

import ast
import io
import json
import logging
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.progress import Progress, TextColumn
from rich.table import Table
from typer.testing import CliRunner

from corpus.__main__ import app as corpus_app
from corpus.console import PlainFormatter, Terminal, say, say_json, visible
from quality.terminal import show_json, show_verdict
from quality.verdict import Check, GateVerdict, Level, Outcome
from tests.project import PACKAGES, PROJECT
from tests.releases import document, reject, write_release
from train.report.__main__ import app as report_app

HOSTILE = "\x1b]0;mine\x07\x1b[2J\x9b31m\r\x00\x7f\u202e\u2066[bold]:smile:[link=http://x]"
SHOWN = r"\x1b]0;mine\x07\x1b[2J\x9b31m\x0d\x00\x7f\u202e\u2066[bold]:smile:[link=http://x]"
OBEYED = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]")
STYLE = re.compile(r"\x1b\[[0-9;]*m")


def drawn(draw: Callable[[Terminal], None], force_terminal: bool | None = None) -> str:
    file = io.StringIO()
    draw(Terminal(file=file, width=200, force_terminal=force_terminal))
    return file.getvalue()


def test_controls_are_written_out() -> None:
    assert visible(HOSTILE) == SHOWN
    assert visible("a\tb\nc é 漢 \U0001f600") == "a\tb\nc é 漢 \U0001f600"
    assert visible("\udcff.ex") == r"\udcff.ex"


@given(st.text(max_size=40))
def test_whatever_is_printed_a_terminal_obeys_nothing(text: str) -> None:
    table = Table(text, title=text)
    table.add_row(text)
    for thing in (text, table):
        file = io.StringIO()
        Terminal(file=file, width=200).print(thing)
        said = file.getvalue()
        assert not OBEYED.search(said)
        said.encode()


def test_cells_are_as_wide_as_what_is_shown() -> None:
    table = Table("name", "of", box=None, pad_edge=False)
    table.add_row("\x1b\x1b", "1")
    table.add_row("plain", "2")
    assert [line.rstrip() for line in drawn(lambda t: t.print(table)).splitlines()] == [
        "name      of",
        r"\x1b\x1b  1",
        "plain     2",
    ]


def test_styles_of_our_own_remain() -> None:
    said = drawn(lambda t: t.print(HOSTILE, style="bold red"), force_terminal=True)
    assert STYLE.search(said)
    assert not OBEYED.search(STYLE.sub("", said))
    assert SHOWN in said


def test_a_description_is_no_markup_and_no_escape() -> None:
    def draw(terminal: Terminal) -> None:
        column = TextColumn("{task.description}", markup=False)
        with Progress(column, console=terminal) as bars:
            bars.add_task(HOSTILE, total=1)

    assert r"\x1b]0;mine\x1b[2J" in drawn(draw), "rich leaves some controls out"
    assert not OBEYED.search(drawn(draw))


def test_the_log_shows_messages_arguments_and_tracebacks() -> None:
    file = io.StringIO()
    handler = logging.StreamHandler(file)
    handler.setFormatter(PlainFormatter(logging.Formatter("%(levelname)s: %(message)s")))
    logger = logging.Logger("of-its-own")
    logger.addHandler(handler)
    logger.warning("retired: %s", HOSTILE)
    try:
        raise ValueError(HOSTILE)
    except ValueError:
        logger.exception("failed")
    assert file.getvalue().startswith(f"WARNING: retired: {SHOWN}\nERROR: failed\nTraceback")
    assert f"ValueError: {SHOWN}\n" in file.getvalue()
    assert not OBEYED.search(file.getvalue())


def test_json_keeps_its_value(capsys: pytest.CaptureFixture[str]) -> None:
    say_json({"detail": f"{HOSTILE}\udcff\n\t"})
    say(HOSTILE)
    printed, said = capsys.readouterr().out.splitlines()
    assert json.loads(printed) == {"detail": f"{HOSTILE}\udcff\n\t"}
    assert said == SHOWN
    assert not OBEYED.search(printed)


@pytest.fixture(scope="module")
def release(tmp_path_factory: pytest.TempPathFactory) -> Path:
    kept = document("quay", f"lib/a{HOSTILE[:9]}.ex", "defmodule A do\nend\n")
    dropped = reject("quay", "lib/b.ex", "filter", "too_large", detail=HOSTILE)
    folder = tmp_path_factory.mktemp("console") / "release"
    return write_release(folder, [kept], rejects=[dropped]).path


@pytest.mark.parametrize(
    "told",
    [
        ["explain", "RELEASE", "quay"],
        ["explain", "RELEASE", "quay", "--json"],
        ["explain", "RELEASE", HOSTILE],
        ["verify", f"/nowhere/{HOSTILE[:3]}"],
        ["inspect", f"gone{HOSTILE[:9]}.ex"],
    ],
)
def test_commands_of_the_corpus_show_what_others_wrote(release: Path, told: list[str]) -> None:
    said = CliRunner().invoke(corpus_app, [each.replace("RELEASE", str(release)) for each in told])
    assert said.output
    assert not isinstance(said.exception, Exception) or isinstance(said.exception, SystemExit)
    assert not OBEYED.search(said.output)
    if "quay" in told:
        assert r"\x1b]0;mine" in said.output or r"\u001b]0;mine" in said.output


def test_inspect_shows_what_a_file_and_its_name_hold(tmp_path: Path) -> None:
    path = tmp_path / "a\x1b]0;mine\x07.ex"
    path.write_text(f'defmodule A do\n  @moduledoc "{HOSTILE[14:20]}"\nend\n', encoding="utf-8")
    said = CliRunner().invoke(corpus_app, ["inspect", str(path)])
    assert said.exit_code == 0, said.output
    json.loads(said.output)
    assert not OBEYED.search(said.output)


def test_the_gate_shows_what_it_found(capsys: pytest.CaptureFixture[str]) -> None:
    check = Check(
        name=HOSTILE,
        level=Level.CORPUS,
        expected="nothing",
        observed=HOSTILE,
        outcome=Outcome.FAILED,
        detail=HOSTILE,
    )
    verdict = GateVerdict.of((check,))
    show_verdict(verdict, every_check=True)
    shown = capsys.readouterr().out
    assert shown.count(r"\x1b]0;mine") == 3
    show_json(verdict)
    printed = capsys.readouterr().out
    assert json.loads(printed)["checks"][0]["detail"] == HOSTILE
    assert not OBEYED.search(shown + printed)


def test_errors_of_the_report_show_the_names_of_files(tmp_path: Path) -> None:
    run = tmp_path / "run\x1b[2J"
    run.mkdir()
    (run / "run.json").write_text("[")
    said = CliRunner().invoke(report_app, [str(run)])
    assert said.exit_code == 2
    assert r"run\x1b[2J" in said.output
    assert not OBEYED.search(said.output)


@pytest.mark.parametrize(
    "command",
    [
        ["train.qlora", "--release", "a", "--nothing\x1b[2J"],
        ["train.plan", "--model", "a\x1b[2J", "--vram", "24"],
    ],
)
def test_commands_of_the_trainer_show_what_they_were_told(
    tmp_path: Path, command: list[str]
) -> None:
    done = subprocess.run(
        [sys.executable, "-m", *command], cwd=PROJECT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert r"\x1b[2J" in done.stderr
    assert "Traceback" not in done.stderr
    assert not OBEYED.search(done.stderr + done.stdout)


def test_nothing_else_writes_to_a_terminal() -> None:
    """A call of `print`, `typer.echo` or rich's `Console` would let everything through.

    `sandbox` may print: it runs where no other package is installed, and shows only its own text.
    """
    found = [
        f"{path.relative_to(PROJECT)}:{node.lineno}"
        for package in PACKAGES
        if package != "sandbox"
        for path in sorted((PROJECT / package).rglob("*.py"))
        if path != PROJECT / "corpus" / "console.py"
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call)
        if ast.unparse(node.func)
        in ("print", "typer.echo", "Console", "sys.stdout.write", "sys.stderr.write", "pprint")
    ]
    assert found == [], "use corpus.console"
