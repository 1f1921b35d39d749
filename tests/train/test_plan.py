import json
import re
from pathlib import Path
from typing import Any

import pytest

from tests.releases import example_release
from tests.train.configs import DEVSTRAL, DEVSTRAL_2512
from train.architecture import of_config
from train.command_line import Parser
from train.memory import GIB, budget, changes, largest_micro_batch
from train.options import override
from train.plan import add_plan_options, main
from train.recipe import load

SHAPE = of_config(DEVSTRAL, "config.json")
PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "plan.md"


@pytest.fixture
def config(tmp_path: Path) -> str:
    return written(DEVSTRAL, tmp_path / "config.json")


def written(config: dict[str, Any], path: Path) -> str:
    path.write_text(json.dumps(config), encoding="utf-8")
    return str(path)


def planned(capsys: pytest.CaptureFixture[str], *argv: str) -> tuple[int, dict[str, Any]]:
    code = main([*argv, "--json"])
    told: dict[str, Any] = json.loads(capsys.readouterr().out)
    return code, told


def test_what_fits_ends_with_0(config: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--model", config, "--vram", "32"]) == 0
    told = capsys.readouterr().out
    assert "23,572,403,200 parameters, 47.1 GB to fetch" in told
    assert re.search(r"quantised weights +10\.68 +projections of the layers", told)
    assert re.search(r"total +16\.89 +of 32", told)
    assert "It fits. Up to --micro-batch 8 would." in told


def test_what_does_not_fit_ends_with_1_and_says_what_to_change(
    config: str, capsys: pytest.CaptureFixture[str]
) -> None:
    wide = ("--length", "8192", "--micro-batch", "4")
    assert main(["--model", config, "--vram", "17", *wide]) == 1
    told = capsys.readouterr().out
    said = [
        line.strip().split("  (")[0] for line in told.partition("not fit. Set:")[2].splitlines()
    ]
    assert [line for line in said if line.startswith("--")] == [
        "--micro-batch 1",
        "--length 4096",
        "--length 2048",
    ]


def test_the_changes_that_are_offered_make_it_fit(
    config: str, capsys: pytest.CaptureFixture[str]
) -> None:
    argv = ["--model", config, "--vram", "17", "--length", "8192", "--micro-batch", "4"]
    code, told = planned(capsys, *argv)
    assert (code, told["would_fit"]) == (1, True)
    options = [word for each in told["changes"] for one in each["options"] for word in one.split()]
    assert main([*argv, *options]) == 0


def test_what_nothing_makes_fit_is_told_so(config: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--model", config, "--vram", "8"]) == 1
    told = capsys.readouterr().out
    assert "not even with all of:" in told
    assert "Take a larger GPU or a smaller model." in told


def test_without_a_gpu_it_cannot_be_said(config: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--model", config]) == 2
    told = capsys.readouterr().out
    assert "cannot be said: give --vram or --gpu" in told


def test_a_gpu_brings_its_memory_and_its_rate(
    config: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    release = str(example_release(tmp_path / "release").path)
    code, told = planned(capsys, "--model", config, "--gpu", "rtx 5090", "--release", release)
    assert (code, told["capacity_bytes"]) == (0, 32_607 * 2**20)
    assert told["rate"]["is_measured"] is False
    assert told["rate"]["tokens_per_second"] == pytest.approx(774, abs=1)


def test_a_gpu_by_name_is_not_taken_for_the_gigabytes_on_its_box(
    config: str, capsys: pytest.CaptureFixture[str]
) -> None:
    argv = ("--model", config, "--length", "4096", "--micro-batch", "4", "--adapter.rank", "16")
    code, told = planned(capsys, *argv, "--vram", "24")
    assert (code, told["capacity_bytes"]) == (0, 24 * GIB)
    code, told = planned(capsys, *argv, "--gpu", "L4")
    assert (code, told["capacity_bytes"]) == (1, 23_034 * 2**20)
    assert main([*argv, "--gpu", "L4"]) == 1
    assert re.search(r"total +23\.\d\d +of 22\.49", capsys.readouterr().out)


def test_hours_follow_from_the_measured_rate(
    config: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    release = str(example_release(tmp_path / "release").path)
    argv = ("--model", config, "--vram", "32", "--release", release, "--tokens-per-second", "2048")
    code, told = planned(capsys, *argv)
    assert code == 0
    first, second = told["stages"]
    assert first["epoch_rows"] == 1
    assert first["epoch_hours"] == pytest.approx(1 / 3600)
    assert first["hours"] == pytest.approx(3 / 3600)
    assert second["hours"] == pytest.approx(2 / 3600)
    assert main(list(argv)) == 0
    assert "At 2,048 tokens a second (measured)." in capsys.readouterr().out


def test_only_the_stages_that_are_taken_are_counted(
    config: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    release = str(example_release(tmp_path / "release").path)
    argv = ("--model", config, "--vram", "32", "--release", release, "--stage2.enabled", "false")
    _, told = planned(capsys, *argv)
    assert [each["stage"] for each in told["stages"]] == [1]


def test_files_of_another_form_are_pointed_out(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = written(DEVSTRAL_2512, tmp_path / "config.json")
    assert main(["--model", config, "--vram", "32", "--model.sharded"]) == 0
    told = capsys.readouterr().out
    dora = ("--adapter.dora", "--model.backend", "transformers")
    assert main(["--model", config, "--vram", "32", *dora]) == 0
    assert "the norms of whole weights is not counted" in capsys.readouterr().out
    assert "one process with all weights" in told
    assert "The model's files are fp8. transformers widens them to 16 bits on loading: " in told
    assert "48.0 GB of host memory, from which each projection is quantised (nf4)." in told
    assert "train with --model.backend transformers" in told
    assert "The vision tower is loaded too" in told


def test_models_that_recipes_name_are_planned_without_a_network(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("socket.socket.connect", no_connection)
    for recipe in ("devstral-32gb", "devstral-80gb", "smoke-cpu"):
        assert main(["--recipe", recipe, "--vram", "80"]) == 0
    assert "134,515,008 parameters" in capsys.readouterr().out


def no_connection(*told: Any) -> None:
    raise AssertionError("asked the network")


def test_a_model_that_is_not_known_here_is_not_fetched_unasked(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("socket.socket.connect", no_connection)
    with pytest.raises(SystemExit) as ended:
        main(["--model", "maker/model", "--vram", "32"])
    assert ended.value.code == 2
    assert "Add --fetch to read it from the Hub" in " ".join(capsys.readouterr().err.split())


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        (("--vram", "32", "--model", "{folder}/absent.json"), "absent.json: no config.json can be"),
        (("--vram", "0"), "argument --vram: '0' is not a number above 0"),
        (("--vram", "many"), "argument --vram: 'many' is not a number above 0"),
        (("--gpu", "RTX 5099"), "Did you mean RTX 5090?"),
        (("--length", "262144"), "the model has 131,072 positions. Set --length 131072 or less"),
        (("--adapter.targets", "q_proj,w1"), "no linear layer named w1; it has down_proj, gate"),
        (("--release", "{folder}"), "this is not a release"),
        (("--lenght", "1024"), "there is no option --lenght. Did you mean --length"),
    ],
)
def test_what_cannot_be_planned_ends_with_2_and_a_sentence(
    argv: tuple[str, ...],
    said: str,
    config: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    given = [word.replace("{folder}", str(tmp_path)) for word in argv]
    with pytest.raises(SystemExit) as caught:
        main(["--model", config, *given])
    assert caught.value.code == 2
    assert said in capsys.readouterr().err


@pytest.mark.parametrize("is_there", [True, False])
def test_a_release_with_a_damaged_file_cannot_be_planned(
    is_there: bool, config: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    release = example_release(tmp_path / "release")
    shard = next((release.path / "data" / "documents").glob("train-*"))
    data = shard.read_bytes()
    shard.unlink()
    if is_there:
        shard.write_bytes(data[:100])
    with pytest.raises(SystemExit) as caught:
        main(["--model", config, "--vram", "32", "--release", str(release.path)])
    assert caught.value.code == 2
    assert f"`python -m corpus verify {release.path}`" in capsys.readouterr().err


def test_changes_are_tried_mildest_first_and_only_where_they_save() -> None:
    recipe = override(
        load("devstral-32gb"),
        {
            "model.gradient_checkpointing": False,
            "model.quantization": "none",
            "micro_batch": 2,
            "adapter.embeddings": True,
            "stage1.optimizer.kind": "adamw",
        },
    )
    made, changed = changes(SHAPE, recipe, 17 * GIB)
    assert [change.options for change in made] == [
        ("--model.gradient-checkpointing true",),
        ("--micro-batch 1",),
        (
            "--stage1.optimizer.kind paged_adamw_8bit",
            "--stage2.optimizer.kind paged_adamw_8bit",
        ),
        ("--adapter.embeddings false",),
        ("--model.quantization nf4",),
    ]
    totals = [change.total for change in made]
    assert totals == sorted(totals, reverse=True)
    assert totals[-1] == budget(SHAPE, changed).total <= 17 * GIB


def test_the_largest_micro_batch_divides_the_batch() -> None:
    recipe = load("devstral-32gb", {"batch": "12", "length": "4096"})
    assert largest_micro_batch(SHAPE, recipe, 32 * GIB) == 6
    assert largest_micro_batch(SHAPE, recipe, 8 * GIB) == 0


def test_every_option_of_a_plan_is_documented() -> None:
    parser = Parser("python -m train.plan", "", "", "")
    add_plan_options(parser)
    page = PAGE.read_text(encoding="utf-8")
    options = [name for action in parser._actions for name in action.option_strings]
    missing = [name for name in options if name.startswith("--") and f"`{name}`" not in page]
    assert missing == ["--help", "--version"]


def test_the_examples_of_the_page_are_plans() -> None:
    page = PAGE.read_text(encoding="utf-8")
    lines = re.findall(r"^python -m train\.plan (.*)$", page, re.MULTILINE)
    assert len(lines) >= 2
    for line in lines:
        assert "--vram" in line or "--gpu" in line
