"""A run's files as a real run would leave them, made up without a clock or chance."""

import json
import math
from pathlib import Path
from typing import Any

from train.options import to_mapping
from train.recipe import ElasticSettings, ModelSettings, Recipe

Line = dict[str, Any]

RUN: dict[str, Any] = {
    "release": {"version": "2026.11.1", "sha256": "ab" * 32},
    "model": {
        "name": "mistralai/Devstral-Small-2507",
        "revision": "",
        "architecture": "MistralForCausalLM",
        "parameters": 23_572_403_200,
        "trained": 9_830_400,
    },
    "device": {"name": "NVIDIA H100 80GB HBM3", "count": 1, "peak_flops": 989e12},
    "world_size": 1,
    "tools": {"torch": "2.13.0", "peft": "0.21.2", "transformers": "5.17.0"},
    "data": {
        "stage1": {
            "train": {
                "sources": {
                    "documents.elixir": {"samples": 81_204, "tokens": 96_211_400, "bytes": 329e6},
                    "documents.erlang": {"samples": 12_411, "tokens": 31_050_118, "bytes": 98e6},
                },
                "passes": {"documents.elixir": 1.0, "documents.erlang": 0.5},
                "dropped": {"documents.elixir": {"too_long": 31}, "documents.erlang": {}},
                "rows": 54_811,
                "tokens": 111_736_459,
                "fill": 0.9954,
            }
        },
        "stage2": {
            "train": {
                "sources": {
                    "instruct.documentation_to_function": {
                        "samples": 20_118,
                        "tokens": 7_120_000,
                        "bytes": 23e6,
                    },
                    "instruct.callback_completion": {
                        "samples": 3_207,
                        "tokens": 2_411_000,
                        "bytes": 8e6,
                    },
                },
                "passes": {},
                "dropped": {},
                "rows": 4_698,
                "tokens": 9_531_000,
                "fill": 0.9906,
            }
        },
    },
}

RECIPE: dict[str, Any] = to_mapping(
    Recipe(
        model=ModelSettings(name="mistralai/Devstral-Small-2507"),
        elastic=ElasticSettings(strength=5000.0),
    )
)

EVALUATION: dict[str, Any] = {
    "release": {"version": "2026.11.1", "sha256": "ab" * 32},
    "split": "test",
    "against": "base",
    "answers": {"samples": 5, "temperature": 0.2, "longest": 512, "elixir": "1.14.0"},
    "left_out": {"reference_failed": ["multipl-e/one", "multipl-e/two"]},
    "measures": [
        {
            "group": "held-out source",
            "name": "overall",
            "unit": "bits per byte",
            "better": "lower",
            "count": 512,
            "packages": 24,
            "base": {"value": 0.6121, "low": 0.5982, "high": 0.6262},
            "adapter": {"value": 0.5544, "low": 0.5411, "high": 0.5682},
            "difference": {"value": -0.0577, "low": -0.0621, "high": -0.0535},
        },
        {
            "group": "held-out source",
            "name": "GenServer",
            "unit": "bits per byte",
            "better": "lower",
            "count": 61,
            "packages": 9,
            "base": {"value": 0.5921, "low": 0.5482, "high": 0.6371},
            "adapter": {"value": 0.5321, "low": 0.4902, "high": 0.5744},
            "difference": {"value": -0.06, "low": -0.0702, "high": -0.0508},
        },
        {
            "group": "executed benchmarks, pass@1",
            "name": "MultiPL-E, Elixir",
            "unit": "share",
            "better": "higher",
            "count": 161,
            "packages": 161,
            "base": {"value": 0.4161, "low": 0.3416, "high": 0.4907},
            "adapter": {"value": 0.4472, "low": 0.3727, "high": 0.5217},
            "difference": {"value": 0.0311, "low": -0.0124, "high": 0.0745},
        },
    ],
}


def noise(number: int) -> float:
    """Return what looks like chance, between -1 and 1."""
    return math.sin(number * 12.9898) * math.cos(number * 78.233 + 1)


def step(stage: int, number: int, steps: int, epochs: float) -> Line:
    done = number / steps
    rate = min(1.0, number / (0.1 * steps)) * 0.5 * (1 + math.cos(math.pi * done))
    start, drop = ((1.32, 0.27), (1.05, 0.31))[stage - 1]
    return {
        "kind": "step",
        "stage": stage,
        "step": number,
        "epoch": epochs * done,
        "loss": start - drop * (1 - math.exp(-5 * done)) + 0.09 * noise(number),
        "penalty": 0.004 * done if stage == 2 else 0.0,
        "learning_rate": (2e-5, 5e-6)[stage - 1] * rate,
        "gradient_norm": 0.4 + 0.9 * math.exp(-8 * done) + 0.12 * abs(noise(number + 7)),
        "tokens": 16_384,
        "targets": 16_000,
        "seconds": 3.2 + 0.15 * noise(number + 3),
        "waited": 0.004,
        "memory": 19_400_000_000,
        "flops": 16_384 * 4.0 * 22.9e9,
    }


def held_out(stage: int, number: int, on: int, loss: float) -> Line:
    return {
        "kind": "held_out",
        "stage": stage,
        "step": number,
        "measured_on": f"stage{on}",
        "loss": loss,
        "bits_per_byte": loss / math.log(2) / 3.42,
        "targets": 131_072,
        "bytes": 448_266,
    }


def event(stage: int, number: int, name: str, **more: Any) -> Line:
    return {"kind": "event", "stage": stage, "step": number, "name": name, **more}


def metrics(first: int = 600, second: int = 240) -> list[Line]:
    """Return the lines of a run of both stages that went on once."""
    lines = [event(1, 0, "stage_began", steps=first)]
    lines += [held_out(1, 0, 1, 1.31), held_out(1, 0, 2, 1.12)]
    for number in range(1, first + 1):
        lines.append(step(1, number, first, 3.0))
        if number % 50 == 0:
            lines.append(held_out(1, number, 1, 1.31 - 0.23 * (1 - math.exp(-4 * number / first))))
            lines.append(event(1, number, "checkpoint"))
        if number == first // 2:
            lines.append(event(1, number, "resumed", steps=first))
    lines += [held_out(1, first, 2, 1.06), event(2, 0, "fisher")]
    lines += [event(2, 0, "stage_began", steps=second)]
    lines += [held_out(2, 0, 1, 1.0842), held_out(2, 0, 2, 1.06)]
    for number in range(1, second + 1):
        lines.append(step(2, number, second, 2.0))
        if number % 40 == 0:
            loss = 1.06 - 0.28 * (1 - math.exp(-4 * number / second))
            lines.append(held_out(2, number, 2, loss))
    return [*lines, held_out(2, second, 1, 1.0951)]


SAMPLES = [
    {"kind": "sample", "number": 0, "stage": stage, "step": step} | told
    for stage, step, told in (
        (1, 0, {"question": "Write <b>tide/1</b>.", "answer": "I cannot."}),
        (1, 50, {"question": "Write <b>tide/1</b>.", "answer": "I cannot."}),
        (1, 100, {"question": "Write <b>tide/1</b>.", "answer": "def tide(day), do: day\n"}),
    )
]


def write_run(folder: Path, leave_out: tuple[str, ...] = ()) -> Path:
    """Write the files of a run but those left out."""
    folder.mkdir(parents=True, exist_ok=True)
    contents = {
        "run.json": json.dumps(RUN),
        "recipe.json": json.dumps(RECIPE),
        "evaluation.json": json.dumps(EVALUATION),
        "metrics.jsonl": "".join(json.dumps(line) + "\n" for line in metrics()),
        "samples.jsonl": "".join(json.dumps(line) + "\n" for line in SAMPLES),
    }
    for name, text in contents.items():
        if name not in leave_out:
            (folder / name).write_text(text, encoding="utf-8")
    return folder
