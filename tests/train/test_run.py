import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from corpus.places import place
from corpus.progress import Silent
from corpus.release import DamagedRelease, GateSummary, Release
from tests import programs
from tests.peers.object_store import serving
from tests.programs import Program
from tests.releases import document, instruction, write_release
from tests.train.models import write_model
from tests.train.tokenizers import small_tekken
from train.checkpoint import CannotResume, ForeignCheckpoint, UnfitAdapter, place_of, seal
from train.command_line import parse
from train.export.merged import load_base
from train.journal import DamagedMetrics
from train.material import ForeignTokenizer, GateNotPassed
from train.model.fingerprint import of_unquantised
from train.model.loading import NoAccelerator
from train.run import BestStepLost, LossNotFinite, train
from train.tokenizer.conversation import NoChatTemplate

PROJECT = Path(__file__).parents[2]
OPTIONS = {
    "recipe": "smoke-cpu",
    "length": 96,
    "batch": 4,
    "micro-batch": 2,
    "evaluate-every": 3,
    "evaluation-rows": 2,
    "model.quantization": "nf4",
    "checkpoint.every": 2,
    "checkpoint.keep": 2,
    "stage1.steps": 6,
    "stage2.steps": 5,
    "stage2.epochs": 3,
    "elastic.strength": 1,
    "elastic.samples": 3,
    "samples.tokens": 6,
}
PASSED = GateSummary(outcome="passed", checks=1, failed=())


def source(number: int) -> str:
    lines = [
        f"  def step_{each}(state), do: {{:ok, state + {number * each}}}\n" for each in range(9)
    ]
    return f"defmodule Shop.Part{number} do\n{''.join(lines)}end\n"


def split_of(number: int) -> str:
    return "train" if number < 16 else "validation" if number < 18 else "test"


@pytest.fixture(scope="module")
def release(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("release") / "2026.11.1"
    documents = [document("shop", f"lib/part_{n}.ex", source(n), split_of(n)) for n in range(20)]
    instructions = [
        instruction(
            each,
            "documentation_to_function",
            f"Write step {n}.",
            f"def step_{n}(state), do: {{:ok, state}}",
        )
        for n, each in enumerate(documents)
    ]
    write_release(folder, documents, instruct=instructions, gate=PASSED)
    return folder


def command(release: Path, model: Path, out: Path, *more: str) -> list[str]:
    options = {"release": release, "model.name": model, "out": out} | OPTIONS
    return [*(f"--{name}={value}" for name, value in options.items()), *more]


def run(release: Path, model: Path, out: Path, *more: str) -> Path:
    return train(parse(command(release, model, out, *more)), Silent())


def losses(out: Path) -> list[dict[str, Any]]:
    """Return what must not depend on whether a run was ended on the way."""
    lines = (json.loads(line) for line in (out / "metrics.jsonl").read_text().splitlines())
    varying = {"seconds", "waited", "memory"}
    return [
        {key: value for key, value in line.items() if key not in varying}
        for line in lines
        if line["kind"] in ("step", "held_out")
    ]


@pytest.fixture(scope="module")
def finished(release: Path, tiny_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return run(release, tiny_model, tmp_path_factory.mktemp("runs") / "finished")


def test_both_stages_are_taken_and_lower_the_held_out_loss(finished: Path) -> None:
    lines = losses(finished)
    taken = [(line["stage"], line["step"]) for line in lines if line["kind"] == "step"]
    assert taken == [*((1, step) for step in range(1, 7)), *((2, step) for step in range(1, 6))]
    held_out = {
        (line["stage"], line["step"], line["measured_on"]): line["loss"]
        for line in lines
        if line["kind"] == "held_out"
    }
    assert held_out[1, 6, "stage1"] < held_out[1, 0, "stage1"]
    assert held_out[2, 5, "stage2"] < held_out[2, 0, "stage2"]


def test_the_run_says_what_it_is_of(finished: Path, release: Path, tiny_model: Path) -> None:
    told = json.loads((finished / "run.json").read_bytes())
    assert told["release"]["sha256"] == Release.open(release).identity
    assert told["model"]["name"] == str(tiny_model)
    base = load_base(str(tiny_model))
    assert told["model"]["fingerprint"] == of_unquantised(base)
    assert told["data"]["stage1"]["train"]["sources"]["documents.elixir"]["samples"] > 0
    recipe = json.loads((finished / "recipe.json").read_bytes())
    assert recipe["checkpoint"]["every"] == 2


def test_the_penalty_of_stage_2_is_told_and_kept(finished: Path) -> None:
    penalties = {
        (line["stage"], line["step"]): line["penalty"]
        for line in losses(finished)
        if line["kind"] == "step"
    }
    assert penalties[1, 6] == 0.0
    assert penalties[2, 1] == 0.0
    assert penalties[2, 5] > 0.0
    seen = [
        (line["step"], line["loss"])
        for line in map(json.loads, (finished / "metrics.jsonl").read_text().splitlines())
        if line.get("name") == "fisher_rows"
    ]
    assert [step for step, _ in seen] == [0, 5]
    assert seen[0] != seen[1]
    newest = finished / "checkpoints" / "stage2-00000005"
    assert {"fisher.safetensors", "anchor.safetensors"} <= {each.name for each in newest.iterdir()}


def test_the_adapter_loads_with_peft_alone_and_is_that_of_the_last_checkpoint(
    finished: Path, tiny_model: Path
) -> None:
    from peft import PeftModel
    from transformers import AutoModelForCausalLM

    base = AutoModelForCausalLM.from_pretrained(tiny_model)
    adapted = PeftModel.from_pretrained(base, str(finished / "adapter"))
    assert adapted.peft_config["default"].r == 8
    last = finished / "checkpoints" / "stage2-00000005" / "adapter_model.safetensors"
    assert (finished / "adapter" / "adapter_model.safetensors").read_bytes() == last.read_bytes()


def test_the_run_ends_with_an_evaluation_a_report_and_a_card(finished: Path) -> None:
    told = json.loads((finished / "evaluation.json").read_bytes())
    (overall,) = (each for each in told["measures"] if each["name"] == "all documents")
    assert overall["count"] == 2
    assert overall["adapter"]["value"] < overall["base"]["value"]
    assert "<svg" in (finished / "report.html").read_text()
    assert (finished / "README.md").read_text().startswith("---\nlibrary_name: peft\n")


def written(out: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (out / "samples.jsonl").read_text().splitlines()]


def test_the_same_prompt_is_answered_at_every_measurement(finished: Path) -> None:
    found = written(finished)
    places = [(each["stage"], each["step"]) for each in found]
    assert places == [(1, 0), (1, 3), (1, 6), (2, 0), (2, 3), (2, 5)]
    assert {each["question"] for each in found} == {"Write step 17."}
    assert "What it writes" in (finished / "report.html").read_text()


def test_what_is_answered_changes_nothing_of_the_training(
    finished: Path, release: Path, tiny_model: Path, tmp_path: Path
) -> None:
    options = ("--samples.prompts", "Which tide?,When?", "--samples.tokens", "3")
    out = run(release, tiny_model, tmp_path / "run", *options)
    assert losses(out) == losses(finished)
    name = "adapter/adapter_model.safetensors"
    assert (out / name).read_bytes() == (finished / name).read_bytes()
    assert [each["question"] for each in written(out)][:2] == ["Which tide?", "When?"]


def after(line: str) -> Callable[[Path], bool]:
    return lambda out: (
        (out / "metrics.jsonl").exists() and line in (out / "metrics.jsonl").read_text()
    )


def while_saving(out: Path) -> bool:
    return any(out.glob("checkpoints/.stage*.tmp/*"))


MOMENTS = {
    "during a step": after('"stage": 1, "step": 3, '),
    "during a save": while_saving,
    "during a measurement": after('"measured_on": "stage1", "stage": 1, "step": 6'),
    "in stage 2": after('"stage": 2, "step": 2, '),
}


def until(condition: Callable[[Path], bool], out: Path, process: Program) -> None:
    deadline = time.monotonic() + 120
    while not condition(out):
        assert process.poll() is None, said_by(out)
        assert time.monotonic() < deadline
        time.sleep(0.001)


def said_by(out: Path) -> str:
    """Return what the program that writes a run said of it."""
    return (out.parent / "said").read_text(encoding="utf-8")


def stopped(process: Program, number: signal.Signals, out: Path) -> str:
    """Send a signal that ends a process, and return what it said of it."""
    process.send_signal(number)
    assert process.wait(60) == 128 + number
    return said_by(out)


@pytest.fixture
def started(release: Path, tiny_model: Path, tmp_path: Path) -> Iterator[Callable[..., Program]]:
    """Start training in another process."""
    with ExitStack() as ended, (tmp_path / "said").open("wb") as said:

        def start(*more: str) -> Program:
            told = command(release, tiny_model, tmp_path / "run", *more)
            streams = (0, 1, said.fileno())
            return ended.enter_context(programs.started(["train.qlora", *told], streams=streams))

        yield start


@pytest.mark.parametrize("moment", MOMENTS)
def test_a_killed_run_goes_on_to_the_same_losses_and_the_same_adapter(
    finished: Path,
    release: Path,
    tiny_model: Path,
    tmp_path: Path,
    started: Callable[[], Program],
    moment: str,
) -> None:
    process = started()
    until(MOMENTS[moment], tmp_path / "run", process)
    process.kill()
    process.wait()
    run(release, tiny_model, tmp_path / "run")
    assert losses(tmp_path / "run") == losses(finished)
    assert written(tmp_path / "run") == written(finished)
    name = "adapter/adapter_model.safetensors"
    assert (tmp_path / "run" / name).read_bytes() == (finished / name).read_bytes()


def test_a_run_that_is_asked_to_stop_saves_and_goes_on_to_the_same_losses(
    finished: Path,
    release: Path,
    tiny_model: Path,
    tmp_path: Path,
    started: Callable[[], Program],
) -> None:
    process = started()
    until(MOMENTS["during a step"], tmp_path / "run", process)
    said = stopped(process, signal.SIGTERM, tmp_path / "run")
    assert "SIGTERM: saved at stage 1, step" in said
    run(release, tiny_model, tmp_path / "run")
    assert losses(tmp_path / "run") == losses(finished)


@pytest.mark.parametrize(
    ("line", "place"),
    [
        ('"name": "checkpoint", "stage": 1, "step": 6', "the beginning of stage 2"),
        ('"measured_on": "stage1", "stage": 2, "step": 5', "the end of the last stage"),
    ],
    ids=["before stage 2", "after the last step"],
)
def test_a_run_stops_between_its_stages_and_before_its_evaluation_too(
    finished: Path,
    release: Path,
    tiny_model: Path,
    tmp_path: Path,
    started: Callable[[], Program],
    line: str,
    place: str,
) -> None:
    process = started()
    until(after(line), tmp_path / "run", process)
    said = stopped(process, signal.SIGTERM, tmp_path / "run")
    assert f"SIGTERM: saved at {place}. The same command goes on" in said
    assert not (tmp_path / "run" / "evaluation.json").exists()
    run(release, tiny_model, tmp_path / "run")
    assert losses(tmp_path / "run") == losses(finished)


def test_ctrl_c_before_the_first_step_is_one_sentence(
    tmp_path: Path, started: Callable[[], Program]
) -> None:
    process = started()
    until(lambda out: (out / "trainer.lock").exists(), tmp_path / "run", process)
    said = stopped(process, signal.SIGINT, tmp_path / "run")
    assert said == "SIGINT: what is finished is kept; the same command goes on.\n"


def test_a_finished_run_is_not_trained_again(
    finished: Path, release: Path, tiny_model: Path
) -> None:
    before = losses(finished)
    run(release, tiny_model, finished)
    assert losses(finished) == before


def test_a_run_under_other_options_is_refused(
    finished: Path, release: Path, tiny_model: Path
) -> None:
    said = r"stage2\.optimizer\.learning_rate was 0\.0005 and is 1e-05\. Go on"
    with pytest.raises(ForeignCheckpoint, match=said):
        run(release, tiny_model, finished, "--stage2.optimizer.learning-rate", "1e-5")


def test_the_system_prompt_is_kept_with_the_run_which_goes_on_with_no_other(
    finished: Path, release: Path, tiny_model: Path
) -> None:
    assert json.loads((finished / "recipe.json").read_bytes())["system_prompt"] == "none"
    assert json.loads((finished / "run.json").read_bytes())["system_prompt"] is None
    with pytest.raises(ForeignCheckpoint, match=r"system_prompt was 'none' and is 'Be brief\.'"):
        run(release, tiny_model, finished, "--system-prompt", "Be brief.")


def test_a_run_whose_own_chats_have_changed_is_refused(
    release: Path, tiny_model: Path, tmp_path: Path
) -> None:
    path = tmp_path / "mine.jsonl"
    rows = [json.dumps({"prompt": f"{n}?", "completion": f"It is {n}."}) for n in range(9)]
    path.write_text("\n".join(rows))
    options = ("--stage2.data.chats", f"mine={path}", "--stage2.data.licences")
    told = ("--stages", "2", "--stage2.steps", "1", "--evaluation-documents", "1")
    out = run(release, tiny_model, tmp_path / "run", *options, "mine=MIT", *told)
    (chats,) = json.loads((out / "run.json").read_bytes())["chats"]
    assert (chats["license"], chats["rows"], chats["place"]) == ("MIT", 9, "mine.jsonl")
    assert "| chat.mine | mine.jsonl | – | MIT | 9 |" in (out / "README.md").read_text()
    run(release, tiny_model, out, *options, "mine=Apache-2.0", *told)
    path.write_text("\n".join(rows[1:]))
    with pytest.raises(ForeignCheckpoint, match="was begun with other rows of mine"):
        run(release, tiny_model, out, *options, "mine=MIT", *told)


def test_a_run_whose_general_text_has_changed_is_refused(
    release: Path, tiny_model: Path, tmp_path: Path
) -> None:
    text = tmp_path / "general.jsonl"
    told = ("--stages=1", "--stage1.steps=1", "--stage1.data.replay.path", str(text))
    text.write_text('{"text": "The tide comes in twice a day."}\n', encoding="utf-8")
    out = run(release, tiny_model, tmp_path / "run", *told)
    before = (out / "metrics.jsonl").read_bytes()
    text.write_text('{"text": "The tide went out again."}\n', encoding="utf-8")
    with pytest.raises(ForeignCheckpoint, match="what its stage reads, in tokens, was"):
        run(release, tiny_model, out, *told)
    assert (out / "metrics.jsonl").read_bytes() == before


def test_a_run_whose_base_was_replaced_under_its_name_is_refused(
    release: Path, tiny_model: Path, tmp_path: Path
) -> None:
    model = shutil.copytree(tiny_model, tmp_path / "model")
    out = run(release, model, tmp_path / "run", "--stages=1", "--stage1.steps=1")
    run(release, model, out, "--stages=1", "--stage1.steps=1")
    before = [(out / name).read_bytes() for name in ("metrics.jsonl", "run.json")]
    write_model(model, seed=12)
    with pytest.raises(ForeignCheckpoint, match=r"the base model holds .* was .* and is .* now"):
        run(release, model, out, "--stages=1", "--stage1.steps=1")
    assert [(out / name).read_bytes() for name in ("metrics.jsonl", "run.json")] == before


def test_a_checkpoint_of_an_older_version_is_gone_on_from(
    release: Path, tiny_model: Path, tmp_path: Path
) -> None:
    told = ("--stages=1", "--stage1.steps=1")
    out = run(release, tiny_model, tmp_path / "run", *told)
    (checkpoint,) = (out / "checkpoints").iterdir()
    manifest = json.loads((checkpoint / "manifest.json").read_bytes())
    assert len(manifest["identity"].pop("weights")) == 64
    (checkpoint / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
    (checkpoint / "manifest.sha256").write_text(seal(checkpoint), encoding="ascii")
    before = losses(out)
    assert losses(run(release, tiny_model, out, *told)) == before


def test_a_run_that_must_not_be_resumed_is_refused_where_there_is_one(
    finished: Path, release: Path, tiny_model: Path
) -> None:
    with pytest.raises(CannotResume, match="--resume never"):
        run(release, tiny_model, finished, "--resume", "never")


def test_a_damaged_release_is_refused_before_anything_is_loaded(
    release: Path, tiny_model: Path, tmp_path: Path
) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(release, copy)
    shard = next(copy.glob("data/documents/train-*.parquet"))
    data = bytearray(shard.read_bytes())
    data[100] ^= 1
    shard.write_bytes(bytes(data))
    with pytest.raises(DamagedRelease, match=shard.name):
        run(copy, tiny_model, tmp_path / "run")


def test_a_candidate_is_refused(tiny_model: Path, tmp_path: Path) -> None:
    documents = [document("shop", "lib/a.ex", source(1))]
    write_release(tmp_path / "candidate", documents)
    with pytest.raises(GateNotPassed, match="has not passed its gate"):
        run(tmp_path / "candidate", tiny_model, tmp_path / "run")


def test_a_loss_that_is_no_number_ends_the_run_and_spoils_no_checkpoint(
    release: Path, tiny_model: Path, tmp_path: Path
) -> None:
    with pytest.raises(LossNotFinite, match=r"stage 1, step \d: the loss is"):
        run(release, tiny_model, tmp_path / "run", "--stage1.optimizer.learning-rate", "1e30")
    for path in (tmp_path / "run" / "checkpoints").glob("stage*"):
        weights = load_file(path / "adapter_model.safetensors")
        assert all(bool(each.isfinite().all()) for each in weights.values())


def test_weights_that_a_last_step_spoils_are_not_kept(
    release: Path, tiny_model: Path, tmp_path: Path
) -> None:
    told = ("--stage1.steps=1", "--stage1.optimizer.learning-rate=1e30")
    with pytest.raises(LossNotFinite, match="stage 1, step 1: the held-out loss is"):
        run(release, tiny_model, tmp_path / "run", *told)
    assert not (tmp_path / "run" / "adapter").exists()
    assert not list((tmp_path / "run" / "checkpoints").glob("stage*"))


def test_a_disk_without_room_ends_in_one_sentence(
    release: Path, tiny_model: Path, tmp_path: Path
) -> None:
    told = shlex.join(command(release, tiny_model, tmp_path / "run"))
    done = subprocess.run(
        ["bash", "-c", f"ulimit -f 8 && exec {sys.executable} -m train.qlora {told}"],
        cwd=PROJECT,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 2, done.stderr
    assert re.search(r"error: .*File too large", done.stderr)
    assert "Traceback" not in done.stderr


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU here")
def test_a_recipe_for_a_gpu_is_refused_where_there_is_none(
    release: Path, tiny_model: Path, tmp_path: Path
) -> None:
    with pytest.raises(NoAccelerator, match=r"--stage1\.optimizer\.kind paged_adamw_8bit needs"):
        run(
            release,
            tiny_model,
            tmp_path / "run",
            "--stage1.optimizer.kind",
            "paged_adamw_8bit",
        )
    assert not (tmp_path / "run").exists()


def test_stages_that_are_taken_one_by_one_are_those_of_one_run(
    finished: Path, release: Path, tiny_model: Path, tmp_path: Path
) -> None:
    first = run(release, tiny_model, tmp_path / "run", "--stages", "1")
    assert {line["stage"] for line in losses(first)} == {1}
    assert (first / "adapter").is_dir()
    assert losses(run(release, tiny_model, first, "--stages", "2")) == losses(finished)


@pytest.mark.parametrize(
    ("first", "then", "said"),
    [
        (("--stages=2",), ("--stages=both",), "stage 2 was begun without stage 1"),
        (("--stages=2",), ("--stages=1",), "stage 2 came already"),
    ],
)
def test_no_stage_is_skipped_silently(
    release: Path,
    tiny_model: Path,
    tmp_path: Path,
    first: tuple[str, ...],
    then: tuple[str, ...],
    said: str,
) -> None:
    run(release, tiny_model, tmp_path / "run", *first)
    with pytest.raises(ForeignCheckpoint, match=said):
        run(release, tiny_model, tmp_path / "run", *then)


def test_a_stage_that_is_not_finished_is_not_left(
    finished: Path, release: Path, tiny_model: Path, tmp_path: Path
) -> None:
    shutil.copytree(finished / "checkpoints", tmp_path / "run" / "checkpoints")
    for path in (tmp_path / "run" / "checkpoints").glob("stage*"):
        if path.name != "stage2-00000004":
            shutil.rmtree(path)
    with pytest.raises(ForeignCheckpoint, match="stage 2 stands at step 4 of 5, and is not among"):
        run(release, tiny_model, tmp_path / "run", "--stages=1")


def test_a_checkpoint_that_is_not_there_is_named(
    release: Path, tiny_model: Path, tmp_path: Path
) -> None:
    with pytest.raises(CannotResume, match="nowhere: there is no such folder"):
        run(release, tiny_model, tmp_path / "run", "--resume", str(tmp_path / "nowhere"))


def test_a_run_whose_metrics_are_damaged_loses_no_checkpoint_when_it_is_taken_back(
    finished: Path, release: Path, tiny_model: Path, tmp_path: Path
) -> None:
    out = shutil.copytree(finished, tmp_path / "run")
    with (out / "metrics.jsonl").open("a", encoding="utf-8") as metrics:
        metrics.write("half a line\n")
    kept = sorted(each.name for each in (out / "checkpoints").iterdir())
    samples = (out / "samples.jsonl").read_bytes()
    with pytest.raises(DamagedMetrics):
        run(release, tiny_model, out, f"--resume={out / 'checkpoints' / 'stage1-00000006'}")
    assert sorted(each.name for each in (out / "checkpoints").iterdir()) == kept
    assert (out / "samples.jsonl").read_bytes() == samples


def test_a_run_that_is_taken_back_and_killed_does_not_go_on_without_its_metrics(
    finished: Path,
    release: Path,
    tiny_model: Path,
    tmp_path: Path,
    started: Callable[..., Program],
) -> None:
    shutil.copytree(finished, tmp_path / "run")
    named = tmp_path / "run" / "checkpoints" / "stage1-00000006"
    process = started(f"--resume={named}")
    until(after('"checkpoint": "stage1-00000006"'), tmp_path / "run", process)
    process.kill()
    process.wait()
    run(release, tiny_model, tmp_path / "run")
    assert losses(tmp_path / "run") == losses(finished)


def test_the_first_stage_needs_no_chat_template(
    release: Path, tiny_model: Path, tmp_path: Path
) -> None:
    model = shutil.copytree(tiny_model, tmp_path / "model")
    settings = json.loads((model / "tokenizer_config.json").read_bytes())
    del settings["chat_template"]
    (model / "tokenizer_config.json").write_text(json.dumps(settings), encoding="utf-8")
    run(release, model, tmp_path / "run", "--stages=1")
    with pytest.raises(NoChatTemplate):
        run(release, model, tmp_path / "both")


def test_a_tokenizer_of_a_larger_model_is_refused(
    release: Path, tiny_model: Path, tmp_path: Path
) -> None:
    tekken = small_tekken(tmp_path / "tekken")
    with pytest.raises(ForeignTokenizer, match=r"ids up to [\d,]+, and the model has 512 tokens"):
        run(release, tiny_model, tmp_path / "run", f"--model.tokenizer={tekken}")


def test_a_second_stage_can_begin_from_another_runs_first(
    finished: Path, release: Path, tiny_model: Path, tmp_path: Path
) -> None:
    start = finished / "checkpoints" / "stage1-00000006"
    told = ("--stages", "2", "--adapter.start", str(start), "--elastic.strength", "0")
    run(release, tiny_model, tmp_path / "run", *told)
    begun, continued = (
        next(
            line["loss"]
            for line in losses(out)
            if line["kind"] == "held_out" and (line["stage"], line["step"]) == (2, 0)
        )
        for out in (tmp_path / "run", finished)
    )
    assert begun == pytest.approx(continued)


SELECTING = (
    "--selection.take=best",
    "--selection.patience=2",
    "--selection.improvement=0.31",
    "--evaluate-every=1",
    "--checkpoint.every=1",
    "--checkpoint.keep=20",
    "--stage1.steps=9",
    "--stage1.optimizer.learning-rate=0.008",
    "--stage1.optimizer.schedule=constant",
    "--stage1.optimizer.warm-up=0",
    "--stage1.neftune-noise-alpha=5",
    "--adapter.rslora",
    "--adapter.dora",
)
"""A stage that soon learns no more, with noise and adapters that nothing else here has."""


@pytest.fixture(scope="module")
def selecting(release: Path, tiny_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return run(release, tiny_model, tmp_path_factory.mktemp("runs") / "selecting", *SELECTING)


def test_a_stage_ends_early_and_with_the_weights_of_its_best_step(selecting: Path) -> None:
    (told, _) = json.loads((selecting / "run.json").read_bytes())["selected"]
    assert told == {
        "stage": 1,
        "taken": 2,
        "best": 2,
        "loss": told["loss"],
        "by": "stage1",
        "steps": 4,
        "planned": 9,
    }
    best, last = (
        selecting / "checkpoints" / f"stage1-0000000{step}" / "adapter_model.safetensors"
        for step in (2, 4)
    )
    assert best.read_bytes() == last.read_bytes()
    measured = [
        (line["stage"], line["step"], line["loss"])
        for line in losses(selecting)
        if line["kind"] == "held_out" and line["measured_on"] == "stage1"
    ]
    assert (1, 2, told["loss"]) in measured
    assert [loss == told["loss"] for stage, step, loss in measured if (stage, step) == (1, 4)] == [
        *(False, True)
    ]
    assert (2, 0, told["loss"]) in measured
    answered = [(each["stage"], each["step"], each["answer"]) for each in written(selecting)]
    assert [step for stage, step, _ in answered if stage == 1] == [0, 1, 2, 3, 4]
    assert answered[2][2] == answered[4][2] == answered[5][2]
    said = "ended early, after 4 of 9 steps, with the weights of step 2; the loss on held-out"
    assert said in (selecting / "README.md").read_text(encoding="utf-8")
    assert said in (selecting / "report.html").read_text(encoding="utf-8")


@pytest.mark.parametrize("place", [(1, 0), (1, 3), (1, 4), (2, 2)])
def test_a_resumed_run_selects_the_same_step_and_ends_with_the_same_adapter(
    selecting: Path, release: Path, tiny_model: Path, tmp_path: Path, place: tuple[int, int]
) -> None:
    out = shutil.copytree(selecting, tmp_path / "run")
    shutil.rmtree(out / "adapter")
    for path in (out / "checkpoints").iterdir():
        if place_of(path) > place:
            shutil.rmtree(path)
    run(release, tiny_model, out, *SELECTING)
    assert losses(out) == losses(selecting)
    assert written(out) == written(selecting)
    for name in ("run.json", "adapter/adapter_model.safetensors"):
        assert (out / name).read_bytes() == (selecting / name).read_bytes()


def test_a_best_step_that_is_damaged_is_not_ended_with(
    selecting: Path, release: Path, tiny_model: Path, tmp_path: Path
) -> None:
    out = shutil.copytree(selecting, tmp_path / "run")
    for path in (out / "checkpoints").iterdir():
        if place_of(path) > (1, 3):
            shutil.rmtree(path)
    (out / "checkpoints" / "stage1-00000002" / "adapter_model.safetensors").write_bytes(b"")
    with pytest.raises(BestStepLost, match=r"stage1-00000002: adapter_model\.safetensors has 0"):
        run(release, tiny_model, out, *SELECTING)


def test_an_adapter_of_another_rank_is_no_beginning(
    finished: Path, release: Path, tiny_model: Path, tmp_path: Path
) -> None:
    told = ("--adapter.start", str(finished / "adapter"), "--adapter.rank", "4")
    with pytest.raises(UnfitAdapter, match="of another rank"):
        run(release, tiny_model, tmp_path / "run", *told)


def test_a_release_at_a_url_is_trained_on_as_one_on_a_disk(
    finished: Path, release: Path, tiny_model: Path, tmp_path: Path
) -> None:
    with serving() as service, service.for_this_process():
        url = place(f"{service.make_bucket('trained')}/{release.name}")
        for path in filter(Path.is_file, release.rglob("*")):
            name = path.relative_to(release).as_posix()
            service.put("trained", f"{release.name}/{name}", path.read_bytes())
        out = run(url, tiny_model, tmp_path / "run")
    assert losses(out) == losses(finished)
