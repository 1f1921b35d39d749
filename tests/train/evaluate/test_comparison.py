import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest
from typer.testing import CliRunner

from corpus.progress import Silent
from corpus.release import NotARelease, Release
from sandbox import SandboxUnavailable
from tests import programs
from tests.releases import behaviour, document, function, module, write_release
from tests.sandbox.machine import executed
from tests.train.export.runs import write_run
from tests.train.models import SOURCE
from train.dataset.sources import NoReplayText
from train.evaluate.__main__ import app
from train.evaluate.benchmarks import UnusableBenchmark
from train.evaluate.comparison import CannotEvaluate, Request, evaluate_run
from train.evaluate.subject import Sampling
from train.export.run import NotARun

PROJECT = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def release(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("release") / "2026.11.1"
    halves = SOURCE[:900], SOURCE[900:1800]
    rows = [document("quay", f"lib/part_{n}.ex", halves[n], "test") for n in range(2)]
    write_release(folder, rows)
    return folder


@pytest.fixture(scope="module")
def run(tiny_model: Path, release: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return trained(tmp_path_factory.mktemp("runs") / "one", tiny_model, release, seed=3)


def trained(folder: Path, model: Path, release: Path, seed: int) -> Path:
    folder.mkdir()
    write_run(folder, model, seed=seed)
    told = json.loads((folder / "run.json").read_bytes())
    told["release"] |= {"place": str(release), "sha256": Release.open(release).identity}
    (folder / "run.json").write_text(json.dumps(told), encoding="utf-8")
    return folder


def changed(run: Path, folder: Path, name: str, **settings: Any) -> Path:
    """Copy a run, with other settings of a model or a release in one of its files."""
    shutil.copytree(run, folder)
    told = json.loads((folder / name).read_bytes())
    for key, values in settings.items():
        told[key] |= values
    (folder / name).write_text(json.dumps(told), encoding="utf-8")
    return folder


def measured(path: Path) -> dict[str, Any]:
    (whole,) = (
        each
        for each in json.loads(path.read_bytes())["measures"]
        if each["name"] == "all documents"
    )
    return dict(whole)


def test_a_run_is_measured_against_its_base(run: Path) -> None:
    said = CliRunner().invoke(app, [str(run)])
    assert said.exit_code == 0, said.output
    assert "evaluation.json" in said.output
    told = json.loads((run / "evaluation.json").read_bytes())
    assert (told["release"]["version"], told["split"], told["against"]) == (
        "2026.11.1",
        "test",
        "base",
    )
    assert measured(run / "evaluation.json")["difference"]["value"] != 0


def test_two_runs_are_measured_against_each_other(
    run: Path, tiny_model: Path, release: Path, tmp_path: Path
) -> None:
    other = trained(tmp_path / "two", tiny_model, release, seed=4)
    before = (run / "adapter" / "adapter_config.json").read_bytes()
    there, back, same = (tmp_path / f"{name}.json" for name in ("there", "back", "same"))
    for first, second, out in ((run, other, there), (other, run, back), (run, run, same)):
        evaluate_run(Request(run=first, against=str(second), out=out), Silent())
    one, two = measured(there), measured(back)
    assert one["adapter"] == two["base"]
    assert one["difference"]["value"] == pytest.approx(-two["difference"]["value"])
    assert measured(same)["difference"]["value"] == 0
    assert (run / "adapter" / "adapter_config.json").read_bytes() == before


def test_a_run_is_measured_against_any_model(run: Path, tiny_model: Path, tmp_path: Path) -> None:
    base, named = tmp_path / "base.json", tmp_path / "named.json"
    evaluate_run(Request(run=run, out=base), Silent())
    evaluate_run(Request(run=run, against=str(tiny_model), out=named), Silent())
    assert measured(named)["base"]["value"] == pytest.approx(measured(base)["base"]["value"])


@pytest.mark.parametrize(
    ("wanted", "error", "said"),
    [
        ({"run": Path("nowhere")}, NotARun, "nowhere: not a finished run"),
        ({"benchmarks": ("otpp",)}, UnusableBenchmark, "--benchmark otpp: there are otp, doctests"),
        ({"benchmarks": ("mceval",)}, UnusableBenchmark, "mceval=PLACE"),
        ({"release": Path("gone")}, NotARelease, "gone"),
    ],
)
def test_what_cannot_be_measured_is_said_before_a_model_is_loaded(
    run: Path, wanted: dict[str, Any], error: type[Exception], said: str
) -> None:
    with pytest.raises(error, match=said):
        evaluate_run(Request(**{"run": run} | wanted), Silent())


def test_a_mistake_ends_in_one_sentence_and_code_2(tmp_path: Path) -> None:
    done = programs.run(["train.evaluate", str(tmp_path)])
    assert done.returncode == 2
    assert "not a finished run" in done.stderr
    assert "Traceback" not in done.stderr


def test_everything_that_was_asked_for_is_in_the_file(run: Path, tmp_path: Path) -> None:
    lines = "def sail(ship) do\n  {:ok, ship}\nend\n"
    rows = [document("pier", f"lib/pier_{n}.ex", f"{lines}# {n}\n", "validation") for n in range(3)]
    inner = {"start_line": 1, "end_line": 3, "start_byte": 0, "end_byte": 1, "guard": None}
    functions = [function(each, "Pier", "sail", 1, clauses=[inner]) for each in rows]
    other = write_release(tmp_path / "other", rows, functions)
    (tmp_path / "general.jsonl").write_text(json.dumps({"text": "The tide rises."}))
    told = {
        "--release": other.path,
        "--split": "validation",
        "--documents": 2,
        "--gaps": 1,
        "--longest": 4,
        "--general": tmp_path / "general.jsonl",
        "--out": tmp_path / "results" / "first.json",
    }
    said = CliRunner().invoke(
        app, [str(run), *(str(each) for pair in told.items() for each in pair)]
    )
    assert said.exit_code == 0, said.output
    found = json.loads((tmp_path / "results" / "first.json").read_bytes())
    assert (found["release"]["sha256"], found["split"]) == (other.identity, "validation")
    assert [(each["group"], each["name"], each["count"]) for each in found["measures"]] == [
        ("held-out source", "all documents", 2),
        ("held-out source by role", "library", 2),
        ("general text", "general.jsonl", 1),
        ("fill in the middle", "missing line, exact", 1),
    ]


def test_the_command_measures_a_run_against_a_model_of_the_hub(
    run: Path, tiny_model: Path, tmp_path: Path
) -> None:
    """The revision in the run's recipe is one of its own base, not of the other model."""
    pinned = changed(run, tmp_path / "pinned", "recipe.json", model={"revision": "v9"})
    cached = tmp_path / "home" / "hub" / "models--owner--tiny"
    shutil.copytree(tiny_model, cached / "snapshots" / ("5f" * 20))
    (cached / "refs").mkdir()
    (cached / "refs" / "main").write_text("5f" * 20)
    hub = {"HF_HOME": str(tmp_path / "home"), "HF_HUB_OFFLINE": "1"}
    out = tmp_path / "named.json"
    done = asked([str(pinned), "--against", "owner/tiny", "--out", str(out)], environment=hub)
    assert done.returncode == 0, done.stderr
    assert str(out) in done.stdout
    assert "all documents" in done.stdout
    assert json.loads(out.read_bytes())["against"] == "owner/tiny"
    assert measured(out)["difference"]["value"] != 0


@pytest.mark.parametrize(
    ("wanted", "why"),
    [
        ({"against": "owner/tiny"}, "--against owner/tiny: it is not the run's base.* --out"),
        ({"split": "train"}, "--split train: the run was trained on it.* --out"),
        ({"release": "other"}, "other: the run was trained on another release.* --out"),
    ],
)
def test_what_is_not_the_runs_own_evaluation_is_not_written_as_one(
    run: Path, tmp_path: Path, wanted: dict[str, Any], why: str
) -> None:
    rows = [document("pier", "lib/pier.ex", "defmodule Pier do\nend\n", "test")]
    other = write_release(tmp_path / "other", rows).path
    if "release" in wanted:
        wanted = {"release": other}
    away = changed(run, tmp_path / "away", "recipe.json", model={"name": str(tmp_path / "gone")})
    (away / "evaluation.json").write_text("{}")
    with pytest.raises(CannotEvaluate, match=why):
        evaluate_run(Request(run=away, **wanted), Silent())
    assert (away / "evaluation.json").read_text() == "{}"


def asked(
    told: Sequence[str],
    inside: Sequence[str] = (),
    environment: Mapping[str, str] = MappingProxyType({}),
) -> "subprocess.CompletedProcess[str]":
    """Run the command in a process of its own, perhaps inside of another."""
    return subprocess.run(
        [*inside, sys.executable, "-m", "train.evaluate", *told],
        cwd=PROJECT,
        env=os.environ | {"OMP_NUM_THREADS": "1", **environment},
        capture_output=True,
        text=True,
    )


@executed
def test_without_elixir_nothing_is_measured_and_it_is_said_what_to_install(
    run: Path, tmp_path: Path
) -> None:
    away = changed(run, tmp_path / "away", "recipe.json", model={"name": str(tmp_path / "gone")})
    hidden = ("bwrap", "--dev-bind", "/", "/", "--bind", "/dev/null", "/usr/bin/elixir", "--")
    if subprocess.run([*hidden, "true"], check=False).returncode:
        pytest.skip("no sandbox can be had inside of another here")
    done = asked([str(away), "--benchmark", "otp"], inside=hidden)
    assert done.returncode == 2, done.stderr
    assert "elixir cannot be run in the sandbox" in done.stderr
    assert "apt-get install elixir" in done.stderr
    assert "Traceback" not in done.stderr


def test_without_a_sandbox_nothing_is_measured_and_it_is_said_what_to_install(
    run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    away = changed(run, tmp_path / "away", "recipe.json", model={"name": str(tmp_path / "gone")})
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(SandboxUnavailable, match="apt-get install bubblewrap"):
        evaluate_run(Request(run=away, benchmarks=("otp",)), Silent())


@executed
def test_answers_are_run_beside_what_is_measured_of_text(run: Path, tmp_path: Path) -> None:
    text = "defmodule Mole do\n  use GenServer\n\n  @impl true\n  def init(s), do: {:ok, s}\nend\n"
    served = module("Mole", behaviours=[behaviour("GenServer")])
    row = document("mole", "lib/mole.ex", text, "test", modules=[served])
    start = text.index("def init")
    clause = {
        "start_line": 5,
        "end_line": 5,
        "start_byte": start,
        "end_byte": start + len("def init(s), do: {:ok, s}"),
        "guard": None,
    }
    init = function(row, "Mole", "init", 1, clauses=[clause], impl="true")
    release = write_release(tmp_path / "release", [row], [init])
    plan = Request(
        run=run, release=release.path, benchmarks=("callbacks",), samples=2, ks=(1, 2),
        sampling=Sampling(longest=4), out=tmp_path / "out.json",
    )  # fmt: skip
    found = [each for each in evaluate_run(plan, Silent()) if each.group == "executed"]
    assert [(each.name, each.count, each.adapter.value) for each in found] == [
        ("callback, pass@1", 1, 0.0),
        ("callback, pass@2", 1, 0.0),
    ]
    told = json.loads(plan.file.read_bytes())
    assert told["left_out"] == {}
    assert (told["answers"]["samples"], told["answers"]["longest"]) == (2, 4)
    assert told["answers"]["elixir"][:2] == "1."
    assert told["sandbox"]["memory"].startswith(("control group", "a look every 50 ms"))
    assert len(told["measures"]) == 5


@pytest.mark.parametrize(
    ("wanted", "error", "said"),
    [
        ({"split": "tset"}, CannotEvaluate, "no document in the split 'tset'. --split can be test"),
        (
            {"benchmarks": ("otp",), "samples": 4, "ks": (1, 5)},
            CannotEvaluate,
            "-k 5: .* at least 5 answers .* --samples is 4",
        ),
        ({"general": Path("gone.jsonl")}, NoReplayText, "gone.jsonl: it cannot be read as text"),
        ({"gaps": 3}, CannotEvaluate, "--gaps: no function of three lines .* 'test'"),
        (
            {"benchmarks": ("otp", "doctests")},
            UnusableBenchmark,
            "--benchmark doctests: .* has no function for it .* test",
        ),
    ],
)
def test_what_cannot_be_measured_leaves_the_file_as_it_was(
    run: Path, tmp_path: Path, wanted: dict[str, Any], error: type[Exception], said: str
) -> None:
    away = changed(run, tmp_path / "away", "recipe.json", model={"name": str(tmp_path / "gone")})
    (away / "evaluation.json").write_text("{}")
    with pytest.raises(error, match=said):
        evaluate_run(Request(**{"run": away} | wanted), Silent())
    assert (away / "evaluation.json").read_text() == "{}"


def test_a_pass_rate_of_no_answers_is_refused(run: Path) -> None:
    said = CliRunner().invoke(app, [str(run), "--benchmark", "otp", "-k", "0"])
    assert said.exit_code == 2
    assert "'-k'" in said.output


def test_a_run_that_does_not_say_where_its_release_lies_needs_it_named(
    run: Path, release: Path, tmp_path: Path
) -> None:
    moved = changed(run, tmp_path / "moved", "run.json", release={"place": ""})
    with pytest.raises(CannotEvaluate, match=r"run\.json.*Name it with --release"):
        evaluate_run(Request(run=moved), Silent())
    evaluate_run(Request(run=moved, release=release), Silent())
    assert measured(moved / "evaluation.json")["count"] == 2


@pytest.mark.parametrize("told", ["{", "[]", '["release"]', "[" * 100_000])
def test_a_run_whose_record_was_altered_says_no_place(run: Path, tmp_path: Path, told: str) -> None:
    moved = changed(run, tmp_path / "moved", "run.json")
    (moved / "run.json").write_text(told)
    with pytest.raises(NotARun, match=r"run\.json"):
        evaluate_run(Request(run=moved), Silent())


@pytest.mark.parametrize("missing", ["adapter/adapter_model.safetensors", "adapter", "recipe.json"])
def test_a_run_that_is_not_finished_is_nothing_to_compare_with(
    run: Path, tmp_path: Path, missing: str
) -> None:
    other = shutil.copytree(run, tmp_path / "other")
    if (other / missing).is_dir():
        shutil.rmtree(other / missing)
    else:
        (other / missing).unlink()
    with pytest.raises(NotARun, match="other: not a finished run"):
        evaluate_run(Request(run=run, against=str(other), out=tmp_path / "out.json"), Silent())
