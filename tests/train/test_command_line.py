import resource
import subprocess
import sys
from pathlib import Path

import pytest

from tests.releases import example_release
from train.command_line import Arguments, documentation, parse
from train.options import options
from train.recipe import OptimizerSettings, Recipe, load, save


def refusal(capsys: pytest.CaptureFixture[str], *argv: str) -> str:
    with pytest.raises(SystemExit) as caught:
        parse(argv)
    assert caught.value.code == 2
    told = capsys.readouterr()
    assert told.out == ""
    return told.err


def help_text(capsys: pytest.CaptureFixture[str], *argv: str) -> str:
    with pytest.raises(SystemExit) as caught:
        parse([*argv, "--help"])
    assert caught.value.code == 0
    return capsys.readouterr().out


def test_a_release_is_enough(tmp_path: Path) -> None:
    release = example_release(tmp_path / "release", version="2026.11.4")
    assert parse(["--release", str(release.path)]) == Arguments(
        release=release.path,
        out=Path("runs/devstral-32gb-2026.11.4"),
        recipe=load("devstral-32gb"),
        resume="auto",
    )


def test_a_run_is_named_after_its_recipe_and_release(tmp_path: Path) -> None:
    release = example_release(tmp_path / "release", version="2026.11.4")
    file = tmp_path / "mine.toml"
    file.write_text("length = 1024\n")
    parsed = parse(["--release", str(release.path), "--recipe", str(file)])
    assert parsed.out == Path("runs/mine-2026.11.4")
    assert parsed.recipe == load(file)


def test_every_option_of_a_recipe_can_be_set() -> None:
    parsed = parse(
        [
            *("--release", "r", "--out", "run", "--recipe=smoke-cpu", "--resume", "never"),
            *("--stage1.optimizer.learning-rate", "1e-4", "--stage2.optimizer.betas", "0.9,0.95"),
            *("--micro_batch", "2", "--stage1.data.mixture", "documents.elixir=2"),
            *("--model.gradient-checkpointing", "--adapter.embeddings", "false"),
        ]
    )
    assert parsed.resume == "never"
    assert parsed.recipe == load(
        "smoke-cpu",
        {
            "stage1.optimizer.learning_rate": 1e-4,
            "stage2.optimizer.betas": [0.9, 0.95],
            "micro_batch": 2,
            "stage1.data.mixture": {"documents.elixir": 2},
            "model.gradient_checkpointing": True,
            "adapter.embeddings": False,
        },
    )


def test_a_checkpoint_can_be_named() -> None:
    parsed = parse(
        ["--release", "r", "--out", "run", "--resume", "run/checkpoints/stage1-00000050"]
    )
    assert parsed.resume == Path("run/checkpoints/stage1-00000050")


def test_a_finished_run_lends_its_recipe(tmp_path: Path) -> None:
    recipe = load("smoke-cpu", {"seed": "3"})
    save(recipe, tmp_path / "recipe.json")
    parsed = parse(["--release", "r", "--out", "x", "--recipe", str(tmp_path / "recipe.json")])
    assert parsed.recipe == recipe


@pytest.mark.parametrize(
    ("stages", "enabled"),
    [("1", (True, False)), ("2", (False, True)), ("both", (True, True))],
)
def test_stages_are_taken_alone_or_both(stages: str, enabled: tuple[bool, bool]) -> None:
    recipe = parse(["--release", "r", "--out", "run", "--stages", stages]).recipe
    assert (recipe.stage1.enabled, recipe.stage2.enabled) == enabled


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        ((), "the following arguments are required: --release"),
        (("--relase", "r"), "--release"),
        (("--release", "r", "--recipe", "mine"), "mine: no such recipe"),
        (
            ("--release", "r", "--learning-rate", "1"),
            "--stage1.optimizer.learning-rate or --stage2",
        ),
        (
            ("--release", "r", "--stage1.epoch", "1"),
            "no option --stage1.epoch. Did you mean --stag",
        ),
        (("--release", "r", "--adapter.rank", "big"), "adapter.rank is 'big', but must be an inte"),
        (("--release", "r", "--adapter.rank", "0"), "adapter.rank is 0, but must be 1 or more"),
        (("--release", "r", "--micro-batch", "3"), "batch is 8, but must be a multiple of micro_b"),
        (("--release", "r", "--stages", "3"), "--stages"),
        (("--release", "r", "surplus"), "no option surplus"),
        (("--relese", "x"), "no option --relese. Did you mean --release"),
    ],
)
def test_what_cannot_be_used_is_named_with_what_could(
    argv: tuple[str, ...], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    told = refusal(capsys, *argv)
    assert told.startswith("error: ")
    assert said in told
    assert told.endswith("`python -m train.qlora --help` lists every option.\n")


def test_a_folder_that_is_no_release_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert "this is not a release" in refusal(capsys, "--release", str(tmp_path))


def test_help_lists_every_option_with_its_docstring(capsys: pytest.CaptureFixture[str]) -> None:
    told = " ".join(help_text(capsys).split())
    for option in options(Recipe()):
        assert f"--{option.key.replace('_', '-')} " in told
    assert "Rows of one optimizer step, over all processes and accumulated micro-batches." in told
    assert "--stage1.optimizer.warm-up NUMBER Fraction of all steps over which the rate" in told
    assert "stage2: Instruction tuning." in told
    assert "python -m train.qlora --release releases/2026.11.1 --recipe devstral-80gb" in told


def test_help_shows_the_values_of_the_recipe_that_is_named(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert "Tokens of a packed row. [512]" in help_text(capsys, "--recipe", "smoke-cpu")
    assert "Tokens of a packed row. [2048]" in help_text(capsys)


def test_docstrings_of_fields_are_those_behind_them() -> None:
    told = documentation(OptimizerSettings)
    assert told["clip"] == "Largest norm of the gradient; longer ones are scaled down to it."
    assert "betas" not in told


LOADED = """
import sys
from train.command_line import parse
try:
    parse(["--help"])
except SystemExit:
    pass
heavy = {"accelerate", "pandas", "peft", "pydantic", "rich", "torch", "transformers", "typer"}
print("loaded:", sorted(heavy & set(sys.modules)))
"""


def test_help_loads_nothing_heavy() -> None:
    done = subprocess.run(
        [sys.executable, "-c", LOADED], capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines()[-1] == "loaded: []"


@pytest.mark.parametrize("program", ["train.qlora", "train.plan"])
def test_help_takes_less_than_a_second_of_a_processor(program: str) -> None:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, "-m", program, "--help"], capture_output=True, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    seconds = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    assert seconds < 1
