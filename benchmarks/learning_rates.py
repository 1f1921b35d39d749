"""How far recipes come in equally many tokens, at one rate and another.

    python -m benchmarks.learning_rates RELEASE MODEL [--recipes NAME,NAME,...] [--rates N,N,...]
        [--steps N,N] [--every N] [--out FOLDER]

MODEL is a small one such as build/demo/model. Of a recipe stay adapters, schedule, layer-wise rates
and the ratio of its stages' rates; model, rows, steps and optimizer become what a processor can do,
the same for all. A rate is stage 1's highest, 0 the recipe's own. Figures are held-out loss in
nats a token, by stage and step: of documents in stage 1, of instructions in stage 2, where the last
column says what documents have lost again. What was measured is not measured again.
"""

import argparse
import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from train.recipe import load

SMALL = {
    "model.quantization": "none",
    "model.compute": "float32",
    "model.backend": "transformers",
    "model.gradient-checkpointing": "false",
    "length": 512,
    "batch": 1,
    "stage1.epochs": 1,
    "stage2.epochs": 1,
    "stage1.optimizer.kind": "adamw",
    "stage2.optimizer.kind": "adamw",
    "evaluation-rows": 2,
    "evaluation-documents": 1,
    "checkpoint.every": 1000,
}
"""What every recipe is given on a processor."""

Losses = dict[tuple[int, int, str], float]
"""Held-out loss by stage, step and what it was measured on."""


def both_stages(
    release: Path,
    model: Path,
    out: Path,
    name: str,
    rate: float,
    steps: Sequence[int],
    every: int,
) -> Losses:
    """Take both stages; return their held-out losses."""
    recipe = load(name)
    first, second = recipe.stage1.optimizer.learning_rate, recipe.stage2.optimizer.learning_rate
    options = {
        **SMALL,
        "release": release,
        "recipe": name,
        "model.name": model,
        "out": out,
        "stage1.steps": steps[0],
        "stage2.steps": steps[1],
        "evaluate-every": every,
        "stage1.optimizer.learning-rate": rate,
        "stage2.optimizer.learning-rate": rate * second / first,
    }
    command = [sys.executable, "-m", "train.qlora"]
    if not (out / "evaluation.json").exists():
        tokens = out.parent / "work"  # of any recipe: folders in it are named by what is in them
        tokens.mkdir(parents=True, exist_ok=True)
        out.mkdir(exist_ok=True)
        if not (out / "work").exists():
            (out / "work").symlink_to(tokens.resolve())
        subprocess.run(
            [*command, *(f"--{key}={value}" for key, value in options.items())], check=True
        )
    lines = map(json.loads, (out / "metrics.jsonl").read_text(encoding="utf-8").splitlines())
    return {
        (line["stage"], line["step"], line["measured_on"]): line["loss"]
        for line in lines
        if line["kind"] == "held_out"
    }


def columns(losses: Losses) -> Iterator[tuple[str, float]]:
    """Yield what a table shows of a run, with the heads of its columns."""
    for stage, step, measured in sorted(losses):
        if measured == f"stage{stage}":
            yield f"{stage}: {step}", losses[stage, step, measured]
    last = max(step for stage, step, measured in losses if (stage, measured) == (2, "stage1"))
    yield "documents", losses[2, last, "stage1"]


def show(found: dict[tuple[str, float], Losses]) -> None:
    """Print a row of Markdown for each run: a table of a terminal's width has no room for all."""
    heads = [head for head, _ in columns(next(iter(found.values())))]
    rows = [["recipe", "rate", *heads], ["---"] * (2 + len(heads))]
    for (name, rate), losses in found.items():
        rows.append([name, f"{rate:g}", *(f"{loss:.4f}" for _, loss in columns(losses))])
    print(*(f"| {' | '.join(row)} |" for row in rows), sep="\n", flush=True)


def main() -> None:
    """Measure and print, again after every run."""
    formatter = argparse.RawTextHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=formatter)
    parser.add_argument("release", type=Path)
    parser.add_argument("model", type=Path)
    parser.add_argument("--out", type=Path, default=Path("build/learning-rates"))
    parser.add_argument("--recipes", default="devstral-32gb-seed,devstral-32gb")
    parser.add_argument("--rates", default="0,2e-5,1e-4,2e-4,5e-4,1e-3")
    parser.add_argument("--steps", default="30,15", help="of each stage")
    parser.add_argument("--every", type=int, default=10, help="steps between two measurements")
    told = parser.parse_args()
    steps = [int(each) for each in told.steps.split(",")]
    found: dict[tuple[str, float], Losses] = {}
    for given in (float(each) for each in told.rates.split(",")):
        for name in told.recipes.split(","):
            rate = given or load(name).stage1.optimizer.learning_rate
            out = told.out / f"{name}-{rate:g}"
            found[name, rate] = both_stages(
                told.release, told.model, out, name, rate, steps, told.every
            )
            show(found)


if __name__ == "__main__":
    main()
