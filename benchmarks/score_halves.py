"""Does the score tell text that is worth training on: equal tokens of the best and the worst half.

    python -m benchmarks.score_halves RELEASE MODEL [--steps N] [--seeds N,N,...] [--out FOLDER]
        [--language NAME] [--parts NAME,...] [--set KEY=VALUE ...]

The training documents of RELEASE in one language that have a score are divided by it into two
halves of equal tokens: scores of two languages are made of different parts. MODEL, a small one such
as build/demo/model, is trained on each (stage 1 of the recipe smoke-cpu, rows of 512 tokens), and
once on all of it for as many steps; then the bits a byte of held-out documents are compared. A seed
draws other rows and other adapters. `--set` replaces options of the recipe. What was measured is
not measured again.
"""

import argparse
import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from statistics import mean, stdev

import numpy as np

from corpus.release import Release
from corpus.tables import SCORE_PLACES


@dataclass(frozen=True, slots=True)
class Half:
    """Documents by score, both ends included."""

    name: str
    least: float
    most: float
    documents: int
    tokens: int
    packages: int


def halves(release: Release, language: str) -> list[Half]:
    """Return the worst and the best half of the training documents, by tokens, and all of them."""
    columns = ["score", "tekken_tokens", "package", "language"]
    rows = release.read("signals", columns, "train").to_pylist()
    rows = [row for row in rows if row["score"] is not None and row["language"] == language]
    scores = np.round([row["score"] for row in rows], SCORE_PLACES)
    tokens = np.array([row["tekken_tokens"] for row in rows])
    order = np.argsort(scores, kind="stable")
    middle = scores[order][np.searchsorted(np.cumsum(tokens[order]), tokens.sum() / 2)]
    step = 10.0**-SCORE_PLACES
    bounds = {"worst": (0.0, float(middle)), "best": (float(middle) + step, 1.0), "all": (0.0, 1.0)}
    found = []
    for name, (least, most) in bounds.items():
        chosen = (scores >= least - step / 2) & (scores <= most + step / 2)
        packages = {row["package"] for row, is_in in zip(rows, chosen, strict=True) if is_in}
        counts = (int(chosen.sum()), int(tokens[chosen].sum()), len(packages))
        found.append(Half(name, round(least, SCORE_PLACES), most, *counts))
    return found


def trained(half: Half, seed: int, given: argparse.Namespace) -> tuple[float, float, int]:
    """Train on a half; return held-out bits a byte before and after, and the tokens of training."""
    out = given.out / f"{half.name}-{seed}"
    options = {
        "release": given.release,
        "recipe": "smoke-cpu",
        "model.name": given.model,
        "out": out,
        "stages": 1,
        "seed": seed,
        "stage1.steps": given.steps,
        "stage1.epochs": 100,
        "stage1.data.scores": f"{half.least},{half.most}",
        "stage1.data.mixture": f"documents.{given.language}=1",
        "evaluate-every": given.steps,
        "evaluation-documents": 0,
        "checkpoint.every": 1000,
        "samples.count": 0,
        **dict(each.split("=", 1) for each in given.set),
    }
    if not (out / "done").exists():
        command = [sys.executable, "-m", "train.qlora"]
        tokens = given.out / "work"  # of every run: folders in it are named by what is in them
        tokens.mkdir(parents=True, exist_ok=True)
        out.mkdir(exist_ok=True)
        if not (out / "work").exists():
            (out / "work").symlink_to(tokens.resolve())
        subprocess.run(
            [*command, *(f"--{key}={value}" for key, value in options.items())], check=True
        )
        (out / "done").touch()
    text = (out / "metrics.jsonl").read_text(encoding="utf-8")
    lines = [json.loads(line) for line in text.splitlines()]
    held_out = [line for line in lines if line["kind"] == "held_out"]
    bits = [line["bits_per_byte"] for line in held_out if line["measured_on"] == "stage1"]
    read = sum(line["tokens"] for line in lines if line["kind"] == "step")
    return bits[0], bits[-1], read


def main() -> None:
    """Train and print, again after every run."""
    formatter = argparse.RawTextHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=formatter)
    parser.add_argument("release", type=Path)
    parser.add_argument("model", type=Path)
    parser.add_argument("--out", type=Path, default=Path("build/score-halves"))
    parser.add_argument("--steps", type=int, default=60)
    parser.add_argument("--seeds", default="1,2,3")
    parser.add_argument("--language", default="elixir")
    parser.add_argument("--parts", default="worst,best,all", help="what is trained on")
    parser.add_argument("--set", action="append", default=[], help="KEY=VALUE of the recipe")
    given = parser.parse_args()
    found = halves(Release.open(given.release), given.language)
    for half in found:
        print(
            f"{half.name:6} score {half.least:.4f} to {half.most:.4f}: {half.documents:,} documents"
            f" of {half.packages} packages, {half.tokens:,} tokens"
        )
    found = [half for half in found if half.name in given.parts.split(",")]
    after: dict[str, list[float]] = {half.name: [] for half in found}
    for seed in map(int, given.seeds.split(",")):
        for half in found:
            before, bits, tokens = trained(half, seed, given)
            after[half.name].append(bits)
            print(f"seed {seed} {half.name:6} {before:.4f} -> {bits:.4f} ({tokens:,} tokens)")
            sys.stdout.flush()
    for name, each in after.items():
        spread = f" (deviation {stdev(each):.4f})" if len(each) > 1 else ""
        print(f"{name:6} {mean(each):.4f}{spread}")
    if not {"best", "worst"} <= after.keys():
        return
    pairs = zip(after["best"], after["worst"], strict=True)
    told = ", ".join(f"{best - worst:+.4f}" for best, worst in pairs)
    print(f"best less worst, by seed: {told}")


if __name__ == "__main__":
    main()
