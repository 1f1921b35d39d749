"""How far stage 1 comes in a few steps at one rate and another.

    python -m benchmarks.learning_rates RELEASE MODEL [--out FOLDER] [--rates N,N,...] [--steps N]

MODEL is a folder such as build/demo/model. Everything else is the recipe `smoke-cpu`: same rows,
order and schedule. Figures are held-out loss in nats a token; each run's report has its curves.
"""

import argparse
import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from rich.table import Table

from corpus.console import output


def stage_one(release: Path, model: Path, out: Path, rate: float, steps: int) -> dict[int, float]:
    """Take stage 1; return held-out loss by step."""
    options = {
        "release": release,
        "recipe": "smoke-cpu",
        "model.name": model,
        "out": out,
        "stages": 1,
        "stage1.steps": steps,
        "stage1.optimizer.learning-rate": rate,
        "evaluation-documents": 1,
    }
    command = [sys.executable, "-m", "train.qlora"]
    subprocess.run(
        [*command, *(f"--{name}={value}" for name, value in options.items())], check=True
    )
    lines = map(json.loads, (out / "metrics.jsonl").read_text(encoding="utf-8").splitlines())
    return {
        line["step"]: line["loss"]
        for line in lines
        if line["kind"] == "held_out" and line["measured_on"] == "stage1"
    }


def show(found: dict[float, dict[int, float]]) -> None:
    """Print a row for each rate."""
    steps: Sequence[int] = sorted(next(iter(found.values())))
    table = Table("rate", *(f"step {step}" for step in steps), box=None, pad_edge=False)
    for rate, losses in found.items():
        table.add_row(f"{rate:g}", *(f"{losses[step]:.4f}" for step in steps))
    output.print(table)


def main() -> None:
    """Measure and print."""
    formatter = argparse.RawTextHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=formatter)
    parser.add_argument("release", type=Path)
    parser.add_argument("model", type=Path)
    parser.add_argument("--out", type=Path, default=Path("build/learning-rates"))
    parser.add_argument("--rates", default="2e-5,2e-4,1e-3,3e-3")
    parser.add_argument("--steps", type=int, default=30)
    told = parser.parse_args()
    rates = [float(each) for each in told.rates.split(",")]
    show(
        {
            rate: stage_one(told.release, told.model, told.out / f"{rate:g}", rate, told.steps)
            for rate in rates
        }
    )


if __name__ == "__main__":
    main()
