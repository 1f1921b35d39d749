import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from corpus.release import Release, finalize
from quality.__main__ import app
from quality.gate import judge
from quality.report import write
from quality.terminal import show_verdict
from quality.verdict import Check, GateVerdict, Level, Outcome
from tests.releases import example_release

run = CliRunner()


def test_the_gate_passes_a_sound_release(sound_release: Release) -> None:
    result = run.invoke(app, ["gate", str(sound_release.path)])
    assert result.exit_code == 0
    assert "documents and rejected files together are the files seen" in result.output
    assert "The release keeps its promises." in result.output


def test_the_gate_speaks_json_to_machines(sound_release: Release) -> None:
    result = run.invoke(app, ["gate", str(sound_release.path), "--json"])
    verdict = json.loads(result.stdout)
    assert verdict["outcome"] == "passed"
    assert verdict["checks"][0] == {
        "name": "corpus.digests",
        "level": "corpus",
        "outcome": "passed",
        "observed": "0 problems in 11 shards",
        "expected": "every file has the digest in the manifest",
        "detail": "",
    }


def test_workers_come_to_the_same_verdict(sound_release: Release) -> None:
    alone, together = (
        run.invoke(app, ["gate", str(sound_release.path), "--json", "--workers", workers])
        for workers in ("0", "1")
    )
    assert together.exit_code == 0
    assert together.stdout == alone.stdout


def test_all_lists_the_row_promises_too(sound_release: Release) -> None:
    result = run.invoke(app, ["gate", str(sound_release.path), "--all"])
    assert "64 hexadecimal digits" in result.output
    lines = [line.strip() for line in result.output.splitlines()]
    names = [check.name for check in judge(sound_release).checks]
    assert [name for name in names if name not in lines] == []


def test_a_broken_promise_exits_with_1_and_is_named(tmp_path: Path) -> None:
    example_release(tmp_path, files_seen=13)
    result = run.invoke(app, ["gate", str(tmp_path)])
    assert result.exit_code == 1
    assert "corpus.files_accounted.equal_files_seen" in result.output
    assert "must not be published" in result.output


@pytest.mark.parametrize("command", ["gate", "report"])
def test_a_folder_that_is_no_release_exits_with_2(tmp_path: Path, command: str) -> None:
    result = run.invoke(app, [command, str(tmp_path)])
    assert result.exit_code == 2
    assert "this is not a release" in result.stderr
    assert "python -m corpus build" in result.stderr


@pytest.mark.parametrize("command", ["gate", "report"])
def test_a_damaged_shard_exits_with_2(tmp_path: Path, command: str) -> None:
    release = example_release(tmp_path)
    (tmp_path / release.manifest.shards[0].path).write_bytes(b"PAR1")
    result = run.invoke(app, [command, str(tmp_path)])
    assert result.exit_code == 2
    assert "could be checked" in result.output or "could not be checked" in result.output
    assert not (tmp_path / "report.html").exists()


def test_the_report_of_a_candidate_is_written(tmp_path: Path) -> None:
    example_release(tmp_path)
    result = run.invoke(app, ["report", str(tmp_path)])
    assert result.exit_code == 0
    assert result.output.replace("\n", "").endswith("report.html")
    assert (tmp_path / "report.json").is_file()


def test_a_failed_gate_still_gets_a_report(tmp_path: Path) -> None:
    example_release(tmp_path, files_seen=13)
    result = run.invoke(app, ["report", str(tmp_path)])
    assert result.exit_code == 0
    assert "the gate failed; see the section Gate of the report" in result.stderr
    assert json.loads((tmp_path / "report.json").read_bytes())["gate"]["outcome"] == "failed"


def test_a_published_report_is_compared_and_not_changed(tmp_path: Path) -> None:
    candidate = example_release(tmp_path / "candidate")
    verdict = judge(candidate)
    write(candidate, verdict)
    release = finalize(candidate, verdict.summary(), tmp_path / "2026.11.1")
    same = run.invoke(app, ["report", str(release.path)])
    assert same.exit_code == 0
    assert "as published, to the byte" in same.output


def test_brackets_in_paths_are_printed_as_they_are(tmp_path: Path) -> None:
    folder = tmp_path / "[bold]shop[/bold]:cat:"
    example_release(folder)
    result = run.invoke(app, ["report", str(folder)])
    assert result.output.replace("\n", "").endswith("[bold]shop[/bold]:cat:/report.html")


def test_brackets_in_findings_are_printed_as_they_are(capsys: pytest.CaptureFixture[str]) -> None:
    check = Check(
        name="row.path",
        level=Level.ROW,
        outcome=Outcome.FAILED,
        observed="for example [red]one[/red]",
        expected="none",
    )
    show_verdict(GateVerdict.of((check,)), every_check=True)
    assert "[red]one[/red]" in capsys.readouterr().out


def test_help_shows_an_example() -> None:
    for command in ("gate", "report"):
        result = run.invoke(app, [command, "--help"])
        assert f"python -m quality {command}" in result.output
