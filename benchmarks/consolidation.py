"""What elastic weight consolidation keeps of stage 1 through stage 2, and what it costs.

    python -m benchmarks.consolidation RUN [--out FOLDER] [--strengths N,N,...] [--steps N]
        [--rate RATE]

RUN is a folder of `python -m train.qlora` whose last checkpoint of stage 1 is kept, such as
build/demo/training. Stage 2 is taken from that checkpoint once for every strength, with everything
else alike: same rows, order and rates. Strength 0 is the peer. Held-out loss is in nats a token.
"""

import argparse
import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

from rich.table import Table

from corpus.console import output


@dataclass(frozen=True, slots=True)
class Outcome:
    """One stage 2."""

    strength: float
    first_before: float
    first_after: float
    """Held-out loss of stage 1."""
    second_after: float
    """Held-out loss of stage 2."""
    on_fisher_rows: float
    """By which the loss rose on the training rows that the Fisher diagonal was taken from."""
    penalty: float
    """At the last step."""
    step: float
    """Seconds, the median."""
    fisher: float
    """Seconds for the Fisher diagonal, once."""


def stage_two(run: Path, out: Path, strength: float, steps: int, rate: float) -> Outcome:
    """Take stage 2 from the end of a run's stage 1."""
    start = max((run / "checkpoints").glob("stage1-*"))
    release = json.loads((run / "run.json").read_bytes())["release"]["place"]
    options = {
        "release": release,
        "recipe": run / "recipe.json",
        "out": out,
        "stages": 2,
        "adapter.start": start,
        "elastic.strength": strength,
        "stage2.steps": steps,
        "stage2.optimizer.learning-rate": rate,
        "evaluate-every": 0,
        "evaluation-documents": 1,
    }
    command = [sys.executable, "-m", "train.qlora"]
    subprocess.run(
        [*command, *(f"--{name}={value}" for name, value in options.items())], check=True
    )
    lines = (out / "metrics.jsonl").read_text(encoding="utf-8").splitlines()
    return outcome(strength, [json.loads(line) for line in lines])


def outcome(strength: float, lines: Sequence[dict[str, Any]]) -> Outcome:
    """Read what became of it from its metrics."""
    first, second = (
        [line["loss"] for line in lines if line.get("measured_on") == f"stage{stage}"]
        for stage in (1, 2)
    )
    taken = [line for line in lines if line["kind"] == "step"]
    fisher = [line["seconds"] for line in lines if line.get("name") == "fisher"]
    seen = [line["loss"] for line in lines if line.get("name") == "fisher_rows"] or [0.0]
    return Outcome(
        strength=strength,
        first_before=first[0],
        first_after=first[-1],
        second_after=second[-1],
        on_fisher_rows=seen[-1] - seen[0],
        penalty=taken[-1]["penalty"],
        step=median(line["seconds"] for line in taken),
        fisher=sum(fisher),
    )


def show(outcomes: Sequence[Outcome]) -> None:
    """Print a row for each strength."""
    table = Table("strength", box=None, pad_edge=False)
    for name in (
        *("stage 1 after", "risen by", "on Fisher's rows", "stage 2 after"),
        *("penalty", "s a step", "Fisher s"),
    ):
        table.add_column(name, justify="right")
    for each in outcomes:
        table.add_row(
            f"{each.strength:g}",
            f"{each.first_after:.4f}",
            f"{each.first_after - each.first_before:+.4f}",
            f"{each.on_fisher_rows:+.4f}" if each.strength else "",
            f"{each.second_after:.4f}",
            f"{each.penalty:.4f}",
            f"{each.step:.2f}",
            f"{each.fisher:.1f}",
        )
    output.print(table)


def main() -> None:
    """Measure and print."""
    formatter = argparse.RawTextHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=formatter)
    parser.add_argument("run", type=Path)
    parser.add_argument("--out", type=Path, default=Path("build/consolidation"))
    parser.add_argument("--strengths", default="0,1,10,100")
    parser.add_argument("--steps", type=int, default=30)
    parser.add_argument("--rate", type=float, default=3e-3)
    given = parser.parse_args()
    strengths = [float(each) for each in given.strengths.split(",")]
    show(
        [
            stage_two(given.run, given.out / f"strength-{each:g}", each, given.steps, given.rate)
            for each in strengths
        ]
    )


if __name__ == "__main__":
    main()
