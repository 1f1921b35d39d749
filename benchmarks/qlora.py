"""Speed and memory of a training step, ours against plain transformers with peft, in one run.

    python -m benchmarks.random_weights build/devstral-shape
    python -m benchmarks.qlora build/devstral-shape

Three settings are measured, each arm in a process of its own, and what `train.plan` predicts
is printed beside the measured peak. On a machine without a GPU a small shape shows that both arms
run; figures of memory and utilisation are then left out.
"""

import argparse
import json
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

SETTINGS = ((2048, 1, 8), (4096, 1, 8), (2048, 4, 2))
"""Tokens of a row, rows at once, micro-batches of a step."""
GIB = 2**30
WARM_UP = 2
"""Steps that are not measured: kernels are compiled and memory is reserved in them."""


@dataclass(frozen=True, slots=True)
class Measured:
    """What one arm did."""

    tokens_per_second: float
    peak_bytes: int
    waited: float
    """Share of the time in which the step waited for rows."""


def rows_of(length: int, words: int, count: int) -> Any:
    """Return random rows, each of four samples of equal length, as a stage reads them."""
    import numpy as np

    from train.dataset.packing import PackedRow

    class RandomRows:
        def rows_in(self, epoch: int) -> int:
            return count

        def row(self, epoch: int, number: int) -> PackedRow:
            ids = np.random.default_rng(number).integers(3, words, length)
            labels = ids.copy()
            labels[:: length // 4] = -100
            positions = np.tile(np.arange(length // 4), 4)
            return PackedRow(ids, labels, positions, (length // 4,) * 4, length - 4, 0)

        def targets_of(self, epoch: int, number: int) -> int:
            return length - 4

    return RandomRows()


def ours(model: str, length: int, micro: int, rounds: int, count: int) -> Measured:
    """Take steps as `train.qlora` does."""
    from train.loop.processes import Processes
    from train.model.loading import compute_type, load_adapted
    from train.model.next_token import NextToken
    from train.recipe import ModelSettings, OptimizerSettings, Recipe, StageSettings
    from train.run import Stage

    processes, batch = Processes(), micro * rounds
    on_gpu = processes.device.type == "cuda"
    optimizer = OptimizerSettings(kind="paged_adamw_8bit" if on_gpu else "adamw")
    recipe = Recipe(
        model=ModelSettings(name=model),
        length=length,
        batch=batch,
        micro_batch=micro,
        seed=1,
        stage1=StageSettings(epochs=1, optimizer=optimizer),
    )
    adapted = load_adapted(recipe.model, recipe.adapter, length, recipe.seed)
    net = NextToken(adapted, compute_type(recipe.model))
    module = processes.distribute(net, sharded=False)
    rows = rows_of(length, adapted.config.vocab_size, batch * count)
    found = list(Stage(1, recipe, rows, net, module, processes).steps(0))[WARM_UP:]
    seconds = sum(each.seconds for each in found)
    return Measured(
        sum(each.tokens for each in found) / seconds,
        peak(processes.device.type),
        sum(each.waited for each in found) / seconds,
    )


def plain(model: str, length: int, micro: int, rounds: int, count: int) -> Measured:
    """Take steps as transformers and peft are used by themselves: all logits, one loss."""
    import torch
    from peft import LoraConfig, get_peft_model, prepare_model_for_kbit_training
    from transformers import AutoModelForCausalLM

    from train.recipe import AdapterSettings

    settings = AdapterSettings()
    device = "cuda" if torch.cuda.is_available() else "cpu"
    compute = torch.bfloat16 if device == "cuda" else torch.float32
    base = AutoModelForCausalLM.from_pretrained(
        model, dtype=compute, device_map={"": device}, trust_remote_code=False
    )
    prepared = prepare_model_for_kbit_training(
        base, gradient_checkpointing_kwargs={"use_reentrant": False}
    )
    wanted = LoraConfig(
        r=settings.rank,
        lora_alpha=settings.alpha,
        lora_dropout=settings.dropout,
        target_modules=list(settings.targets),
        task_type="CAUSAL_LM",
    )
    adapted = get_peft_model(prepared, wanted)
    trained = [weight for weight in adapted.parameters() if weight.requires_grad]
    optimizer = torch.optim.AdamW(trained, lr=2e-5)
    rows = rows_of(length, base.config.vocab_size, micro)
    ids = torch.stack([torch.from_numpy(rows.row(0, number).ids) for number in range(micro)])
    ids = ids.to(device)
    adapted.train()
    seconds = 0.0
    for step in range(count):
        began = time.monotonic()
        for _ in range(rounds):
            with torch.autocast(device, dtype=torch.bfloat16, enabled=device == "cuda"):
                loss = adapted(input_ids=ids, labels=ids, use_cache=False).loss
            (loss / rounds).backward()
        torch.nn.utils.clip_grad_norm_(trained, 1.0)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        if device == "cuda":
            torch.cuda.synchronize()
        seconds += time.monotonic() - began if step >= WARM_UP else 0.0
    tokens = length * micro * rounds * (count - WARM_UP)
    return Measured(tokens / seconds, peak(device), 0.0)


ARMS: dict[str, Callable[[str, int, int, int, int], Measured]] = {"ours": ours, "plain": plain}


def peak(device: str) -> int:
    """Return the most bytes that were reserved on the GPU, or resident in memory without one."""
    import torch

    if device == "cuda":
        return torch.cuda.max_memory_reserved()
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def measured(arm: str, model: str, setting: tuple[int, int, int], count: int) -> Measured | None:
    """Run one arm in a process of its own; None if it ended badly, as out of memory does."""
    told = [arm, model, *map(str, setting), str(count)]
    command = [sys.executable, "-m", "benchmarks.qlora", "--arm", *told]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        print(f"{arm} {setting}: {(done.stderr.strip().splitlines() or ['?'])[-1]}")
        return None
    return Measured(**json.loads(done.stdout.strip().splitlines()[-1]))


def planned(model: str, setting: tuple[int, int, int]) -> tuple[float, float]:
    """Return the bytes on a GPU that `train.plan` foretells, and a token's operations."""
    from train.architecture import read
    from train.duration import token_flops
    from train.memory import CONTEXT, budget
    from train.recipe import load

    length, micro, rounds = setting
    told = {
        "model.name": model,
        "length": length,
        "micro_batch": micro,
        "batch": micro * rounds,
        "stage1.optimizer.kind": "paged_adamw_8bit",
        "stage2.optimizer.kind": "paged_adamw_8bit",
    }
    recipe = load("devstral-32gb", {name: str(value) for name, value in told.items()})
    shape = read(model)
    return budget(shape, recipe).total - CONTEXT, token_flops(shape, recipe, length / 4)


def show(model: str, setting: tuple[int, int, int], found: dict[str, Measured]) -> None:
    """Print what the arms of one setting did."""
    import torch

    from train.duration import peak_flops, utilization
    from train.libraries import device_name

    device = device_name(torch.device("cuda" if torch.cuda.is_available() else "cpu"))
    peak = peak_flops(device)
    memory, flops = planned(model, setting)
    length, micro, rounds = setting
    print(f"rows of {length}, {micro} at once, {rounds} a step, on {device}")
    for arm, each in found.items():
        faster = each.tokens_per_second / found["plain"].tokens_per_second if len(found) > 1 else 1
        used = utilization(flops * each.tokens_per_second, 1, peak) if peak else None
        print(
            f"  {arm:6} {each.tokens_per_second:8.1f} tokens/s, {faster:.2f} of plain, "
            f"peak {each.peak_bytes / GIB:.2f} GiB, waited {each.waited:.2%}"
            + (f", utilisation {used:.1%}" if used else "")
        )
    if "ours" in found and device != "cpu":
        off = memory / found["ours"].peak_bytes - 1
        print(f"  planned {memory / GIB:.2f} GiB, {off:+.1%} of what was measured")


def main() -> None:
    """Measure every setting with both arms and print the figures."""
    formatter = argparse.RawTextHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=formatter)
    parser.add_argument("model", help="a folder that benchmarks.random_weights wrote")
    parser.add_argument("--steps", type=int, default=6, help="steps an arm takes, warm-up included")
    parser.add_argument(
        "--setting", action="append", metavar="LENGTH,ROWS,ROUNDS", help="instead of the three"
    )
    told = parser.parse_args()
    chosen = [tuple(map(int, each.split(","))) for each in told.setting or ()] or SETTINGS
    for length, micro, rounds in chosen:
        setting = (length, micro, rounds)
        runs = {arm: measured(arm, told.model, setting, told.steps) for arm in ARMS}
        show(told.model, setting, {arm: each for arm, each in runs.items() if each})


if __name__ == "__main__":
    if sys.argv[1:2] == ["--arm"]:
        name, place, *numbers = sys.argv[2:]
        print(json.dumps(asdict(ARMS[name](place, *map(int, numbers)))))
    else:
        main()
