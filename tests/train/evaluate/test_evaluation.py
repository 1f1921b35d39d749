import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from corpus.progress import Silent
from corpus.release import NotARelease
from tests.releases import document, write_release
from tests.train.export.runs import write_run
from tests.train.models import SOURCE
from train.evaluate.__main__ import app
from train.evaluate.evaluation import Plan, evaluate_run
from train.evaluate.executed import UnknownBenchmark
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
    told["release"]["place"] = str(release)
    (folder / "run.json").write_text(json.dumps(told), encoding="utf-8")
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
        evaluate_run(Plan(run=first, against=str(second), out=out), Silent())
    one, two = measured(there), measured(back)
    assert one["adapter"] == two["base"]
    assert one["difference"]["value"] == pytest.approx(-two["difference"]["value"])
    assert measured(same)["difference"]["value"] == 0
    assert (run / "adapter" / "adapter_config.json").read_bytes() == before


def test_a_run_is_measured_against_any_model(run: Path, tiny_model: Path, tmp_path: Path) -> None:
    base, named = tmp_path / "base.json", tmp_path / "named.json"
    evaluate_run(Plan(run=run, out=base), Silent())
    evaluate_run(Plan(run=run, against=str(tiny_model), out=named), Silent())
    assert measured(named)["base"]["value"] == pytest.approx(measured(base)["base"]["value"])


@pytest.mark.parametrize(
    ("wanted", "error", "said"),
    [
        ({"run": Path("nowhere")}, NotARun, "nowhere: not a finished run"),
        ({"benchmarks": ("otpp",)}, UnknownBenchmark, "--benchmark otpp: there are otp, doctests"),
        ({"benchmarks": ("mceval",)}, UnknownBenchmark, "mceval=PLACE"),
        ({"release": Path("gone")}, NotARelease, "gone"),
    ],
)
def test_what_cannot_be_measured_is_said_before_a_model_is_loaded(
    run: Path, wanted: dict[str, Any], error: type[Exception], said: str
) -> None:
    with pytest.raises(error, match=said):
        evaluate_run(Plan(**{"run": run} | wanted), Silent())


def test_a_mistake_ends_in_one_sentence_and_code_2(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "train.evaluate", str(tmp_path)],
        cwd=PROJECT,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 2
    assert "not a finished run" in done.stderr
    assert "Traceback" not in done.stderr
