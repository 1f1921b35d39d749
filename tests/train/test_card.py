import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from corpus.release import Release
from tests.releases import example_release
from tests.train.report.runs import EVALUATION, RECIPE, RUN, write_run
from train.card import LicenceCount, card, licences_of, metadata, setting, write
from train.report import compose
from train.usage import place

PROJECT = Path(__file__).parents[3]
FILES = ("run.json", "recipe.json", "evaluation.json", "metrics.jsonl")


def front_of(path: Path) -> dict[str, Any]:
    _, block, _ = path.read_text(encoding="utf-8").split("---\n", 2)
    found: dict[str, Any] = yaml.safe_load(block)
    return found


def of_values(folder: Path, name: str, values: dict[str, Any]) -> Path:
    run = write_run(folder)
    (run / name).write_text(json.dumps(values), encoding="utf-8")
    return run


def test_the_front_matter_is_what_the_hub_reads(tmp_path: Path) -> None:
    from huggingface_hub import ModelCard

    path = write(write_run(tmp_path / "run"), dataset="someone/elixir-corpus")
    data: Any = ModelCard(path.read_text(encoding="utf-8")).data
    assert data.base_model == "mistralai/Devstral-Small-2507"
    assert data.base_model_relation == "adapter"
    assert data.library_name == "peft"
    assert data.license == "apache-2.0"
    assert data.datasets == ["someone/elixir-corpus"]
    assert data.language == ["en", "code"]
    assert data.tags == ["code", "elixir", "erlang", "lora", "otp"]
    assert data.metrics == ["bits_per_byte", "pass@1"]
    assert [(each.metric_type, each.metric_value) for each in data.eval_results] == [
        ("bits_per_byte", 0.5544),
        ("bits_per_byte", 0.5321),
        ("pass@1", 0.4472),
    ]


def test_every_result_keeps_its_name_when_the_hub_writes_the_card_again(tmp_path: Path) -> None:
    from huggingface_hub import ModelCard

    once = ModelCard(write(write_run(tmp_path / "run")).read_text(encoding="utf-8"))
    data: Any = ModelCard(str(once)).data
    assert [each.dataset_name for each in data.eval_results] == [
        "held-out source: overall",
        "held-out source: GenServer",
        "executed benchmarks, pass@1: MultiPL-E, Elixir",
    ]


def test_base_weights_that_are_not_quantised_are_told_in_words(tmp_path: Path) -> None:
    recipe = {"model": {"quantization": "none"}}
    text = write(of_values(tmp_path / "run", "recipe.json", recipe)).read_text(encoding="utf-8")
    assert "base weights not quantised." in text


@pytest.mark.parametrize(
    ("prompt", "told"),
    [
        ("none", "Chats without a system message were given none."),
        ("", "Chats without a system message were given an empty one."),
        ("Two.\n```\ncode\n```", "\n````text\nTwo.\n```\ncode\n```\n````\n"),
    ],
)
def test_a_card_tells_the_system_prompt(tmp_path: Path, prompt: str, told: str) -> None:
    run = of_values(tmp_path / "run", "recipe.json", {"system_prompt": prompt})
    assert told in write(run).read_text(encoding="utf-8")


def test_a_run_that_was_not_evaluated_claims_nothing(tmp_path: Path) -> None:
    path = write(write_run(tmp_path / "run", leave_out=("evaluation.json",)))
    assert {"metrics", "model-index", "datasets"}.isdisjoint(front_of(path))
    text = path.read_text(encoding="utf-8")
    assert "It has not been evaluated on any benchmark" in text
    assert "## Evaluation\n\nNone yet.\n" in text


@pytest.mark.parametrize("name", ["/models/tiny", "../tiny", "./a/b", "tiny", "a/b/c"])
def test_a_base_in_a_folder_has_no_name_on_the_hub(tmp_path: Path, name: str) -> None:
    run = of_values(tmp_path / "run", "run.json", RUN | {"model": {"name": name}})
    assert "base_model" not in metadata(compose(run), "apache-2.0")


def test_a_card_does_not_tell_where_on_a_machine_things_lie(tmp_path: Path) -> None:
    run = of_values(
        tmp_path / "run",
        "run.json",
        {
            "release": {"version": "1", "sha256": "ab", "place": "/home/me/releases/1"},
            "model": {"name": "/home/me/models/tiny"},
        },
    )
    recipe = RECIPE | {"model": RECIPE["model"] | {"name": "/home/me/models/tiny"}}
    (run / "recipe.json").write_text(json.dumps(recipe))
    text = write(run).read_text(encoding="utf-8")
    assert "/home" not in text
    assert "The base lay in a folder, `tiny`, and by which name others get it is not known" in text
    assert 'base = "PATH/TO/THE/BASE"' in text


def test_a_card_tells_release_recipe_losses_and_evaluation(tmp_path: Path) -> None:
    text = write(write_run(tmp_path / "run")).read_text(encoding="utf-8")
    for told in (
        "trained on release 2026.11.1 of the Elixir Corpus",
        f"manifest SHA-256 `{'ab' * 32}`",
        "| documents.erlang | 12,411 | 31,050,118 | 0.5 |",
        "Left out: 31 of documents.elixir (too long).",
        "| learning rate | 0.0002 | 5e-05 |",
        "| documents (stage 1) | 1.3100 (0.5526) | 1.0842 (0.4574) | 1.0951 (0.4620) |",
        "elastic weight consolidation of strength 5,000",
        "44.7% [37.3%, 52.2%] | +3.1 [−1.2, +7.4], no clear difference |",
        "PeftModel.from_pretrained(model, adapter)",
        "held in 4-bit NF4",
    ):
        assert told in text


def test_a_card_tells_what_was_compared_on_what(tmp_path: Path) -> None:
    text = write(write_run(tmp_path / "run")).read_text(encoding="utf-8")
    assert (
        "The base model against the same model with the adapter, on the split test of release "
        "2026.11.1. 5 answers to each problem, at temperature 0.2 and of 512 tokens at most, were "
        "run with Elixir 1.14.0. Problems left out, because they cannot be decided there: 2 "
        "(reference failed)."
    ) in text
    assert "| | base | adapter | difference |" in text


def test_a_card_does_not_call_another_model_the_base(tmp_path: Path) -> None:
    other = {"against": "runs/other", "split": "train", "release": {"version": "1", "sha256": "0"}}
    run = of_values(tmp_path / "run", "evaluation.json", EVALUATION | other)
    text = write(run).read_text(encoding="utf-8")
    assert (
        "runs/other against this run's model, on the split train of release 1. This run was "
        "trained on another release, which may hold some of that text. This run was trained on "
        "that split."
    ) in text
    assert "| | runs/other | adapter | difference |" in text
    assert "base model against" not in text
    assert "model-index" not in front_of(run / "README.md")


def test_every_table_of_a_card_is_one(tmp_path: Path) -> None:
    text = write(write_run(tmp_path / "run")).read_text(encoding="utf-8")
    _, _, body = text.split("---\n", 2)
    blocks = [block.splitlines() for block in body.split("\n\n")]
    tables = [block for block in blocks if any(line.startswith("|") for line in block)]
    assert len(tables) == 7
    for table in tables:
        assert all(line.startswith("|") for line in table)
        assert set(table[1]) <= set("|-:")
        assert len({line.replace("\\|", "").count("|") for line in table}) == 1


def test_a_card_says_where_the_adapters_licence_is_from(tmp_path: Path) -> None:
    run = write_run(tmp_path / "run")
    text = write(run).read_text(encoding="utf-8")
    assert (
        "| licence of the adapter | apache-2.0, that of the software which trained it, because no "
        "other was named |"
    ) in text
    assert "The terms of the base model apply besides those of the adapter." in text
    named = write(run, license_name="apache-2.0").read_text(encoding="utf-8")
    assert "| licence of the adapter | apache-2.0 |" in named


def test_the_licences_of_the_training_split_are_told(tmp_path: Path) -> None:
    release = example_release(tmp_path / "release")
    assert licences_of(release) == [LicenceCount("Apache-2.0", 3, 1, 2)]
    text = write(write_run(tmp_path / "run"), release).read_text(encoding="utf-8")
    assert "| Apache-2.0 | 3 | 1 | 2 |" in text


@pytest.mark.parametrize("missing", FILES)
def test_any_file_of_the_run_may_be_missing(tmp_path: Path, missing: str) -> None:
    path = write(write_run(tmp_path / "run", leave_out=(missing,)))
    assert front_of(path)["library_name"] == "peft"


@pytest.mark.parametrize("alone", FILES)
def test_any_file_of_the_run_may_be_alone(tmp_path: Path, alone: str) -> None:
    others = tuple(name for name in FILES if name != alone)
    path = write(write_run(tmp_path / "run", leave_out=others))
    assert front_of(path)["license"] == "apache-2.0"


def test_a_figure_that_is_no_number_is_left_out(tmp_path: Path) -> None:
    (measure, *_) = EVALUATION["measures"]
    nothing = {"value": None, "low": None, "high": None}
    wide = {"value": 0.5, "low": None, "high": None}
    measures = [measure | {"adapter": nothing}, measure | {"adapter": wide}]
    run = of_values(tmp_path / "run", "evaluation.json", {"measures": measures})
    found = front_of(write(run))["model-index"][0]["results"]
    assert [each["metrics"][0]["value"] for each in found] == [0.5]
    assert "| 0.5000 |" in write(run).read_text(encoding="utf-8")


def test_the_same_files_give_the_same_bytes(tmp_path: Path) -> None:
    values = compose(write_run(tmp_path / "run"))
    assert card(values) == card(values)


def test_models_and_settings_are_written_short() -> None:
    assert [place(each) for each in ("/a/b", "a/b", "", None)] == [
        "b",
        "a/b",
        "an unnamed model",
        "an unnamed model",
    ]
    assert [setting(each) for each in ("0", "0.0", "3.0", None)] == ["–", "–", "3.0", "–"]


def test_the_command_writes_report_and_card(tmp_path: Path) -> None:
    release: Release = example_release(tmp_path / "release")
    run = write_run(tmp_path / "run")
    command = [sys.executable, "-m", "train.report", str(run), "--release", str(release.path)]
    command += ["--license", "mit", "--dataset", "someone/corpus"]
    done = subprocess.run(command, cwd=PROJECT, check=True, capture_output=True, text=True)
    assert done.stdout.splitlines() == [str(run / "report.html"), str(run / "README.md")]
    assert front_of(run / "README.md")["license"] == "mit"
