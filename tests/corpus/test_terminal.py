import io
from collections.abc import Iterator
from pathlib import Path

import pytest
from rich.console import Console
from typer.testing import CliRunner

from corpus.__main__ import app
from corpus.progress import Progress
from corpus.terminal import LogLevel, Stages, show_places, show_progress


def told(progress: Stages, output: io.StringIO) -> list[str]:
    progress.finish()
    return output.getvalue().splitlines()


@pytest.fixture
def output() -> io.StringIO:
    return io.StringIO()


def clock(*times: float) -> Iterator[float]:
    yield from times


def stages(output: io.StringIO, *times: float) -> Stages:
    ticks = clock(*times)
    return Stages(Console(file=output), None, lambda: next(ticks))


def test_a_stage_ends_in_a_line_with_count_and_seconds(output: io.StringIO) -> None:
    progress = stages(output, 10.0, 11.0, 12.5)
    progress.start("read archives", 2)
    progress.advance()
    progress.advance()
    assert told(progress, output) == ["read archives: 2 steps, 2.5 s"]


def test_a_long_stage_gives_a_line_now_and_then(output: io.StringIO) -> None:
    progress = stages(output, 0.0, 29.0, 30.0, 30.0, 30.0, 31.0, 40.0)
    progress.start("read archives", 4)
    for _ in range(3):
        progress.advance()
    assert told(progress, output) == [
        "read archives: 2 of 4 steps so far, 30 s, about 30 s left",
        "read archives: 3 of 4 steps, 40.0 s",
    ]


def work(progress: Progress) -> None:
    progress.start("one", 1)
    progress.advance()
    progress.start("two", 0)


def test_without_a_terminal_every_stage_is_told(output: io.StringIO) -> None:
    with show_progress(LogLevel.INFO, Console(file=output)) as progress:
        work(progress)
    assert [line.partition(",")[0] for line in output.getvalue().splitlines()] == [
        "one: 1 step",
        "two: 0 steps",
    ]


def test_a_stage_that_failed_is_told_too(output: io.StringIO) -> None:
    def fail() -> None:
        with show_progress(LogLevel.INFO, Console(file=output)) as progress:
            progress.start("one", 3)
            raise LookupError

    with pytest.raises(LookupError):
        fail()
    assert output.getvalue().startswith("one: 0 of 3 steps, ")


@pytest.mark.parametrize("terminal", [True, False])
def test_problems_only_leaves_stages_out(output: io.StringIO, terminal: bool) -> None:
    console = Console(file=output, force_terminal=terminal)
    with show_progress(LogLevel.WARNING, console) as progress:
        work(progress)
    assert output.getvalue() == ""


def test_a_terminal_keeps_the_lines_of_finished_stages(output: io.StringIO) -> None:
    with show_progress(LogLevel.INFO, Console(file=output, force_terminal=True)) as progress:
        work(progress)
    assert "one: 1 step, 0.0 s" in output.getvalue()


def test_a_long_path_is_printed_whole(capsys: pytest.CaptureFixture[str]) -> None:
    path = "/".join(["folder"] * 40)
    show_places(release=path, card="b")
    assert capsys.readouterr().out == f"release  {path}\ncard     b\n"


def test_credentials_without_a_scheduler_are_refused(tmp_path: Path) -> None:
    places = ["--archives", str(tmp_path / "store"), "--out", str(tmp_path / "out")]
    done = CliRunner().invoke(app, ["build", *places, "--tls-ca", "ca.pem"])
    assert done.exit_code == 2
    assert done.stderr == (
        "error: TLS credentials are for a scheduler: give --scheduler tls://HOST:PORT too\n"
    )
    assert not (tmp_path / "out").exists()
