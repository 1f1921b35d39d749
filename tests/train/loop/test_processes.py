import json
import os
import re
import shutil
import signal
import socket
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from tests import programs
from tests.train.test_run import command, losses, release, run

SMALL = ("--micro-batch=1", "--adapter.dropout=0.1")

__all__ = ["release"]


TORCHRUN = ("torch.distributed.run", "--nproc-per-node=2")
FORKING = (*TORCHRUN, "--start-method=fork", "--run-path", "train/qlora.py")
"""torchrun whose processes import nothing, since they are forks of one that has."""
STARTING = (*TORCHRUN, "-m", "train.qlora")
"""As the documentation tells it: each process imports torch and transformers anew."""


def told(release: Path, model: Path, out: Path, *more: str) -> list[str]:
    """Return the options of a run of two processes."""
    return command(release, model, out, *SMALL, *more)


def figures(out: Path) -> dict[tuple[Any, ...], float]:
    return {
        (line["kind"], line["stage"], line["step"], line.get("measured_on")): line["loss"]
        for line in losses(out)
    }


def trained_together(release: Path, model: Path, out: Path, *more: str) -> Path:
    """Let two processes train to the end; return the folder of the run."""
    done = programs.run([*FORKING, *told(release, model, out, *more)])
    assert done.returncode == 0, done.stderr
    return out


@pytest.fixture(scope="module")
def alone(
    release: Path, tiny_model: Path, tmp_path_factory: pytest.TempPathFactory
) -> dict[tuple[Any, ...], float]:
    return figures(run(release, tiny_model, tmp_path_factory.mktemp("alone") / "run", *SMALL))


@pytest.fixture(scope="module")
def both(release: Path, tiny_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return trained_together(release, tiny_model, tmp_path_factory.mktemp("both") / "run")


@pytest.mark.parametrize("is_sharded", [False, True], ids=["whole", "sharded"])
def test_two_processes_take_the_same_steps_as_one(
    release: Path,
    tiny_model: Path,
    alone: dict[tuple[Any, ...], float],
    both: Path,
    tmp_path: Path,
    is_sharded: bool,
) -> None:
    out = both
    if is_sharded:
        out = trained_together(release, tiny_model, tmp_path / "both", "--model.sharded=true")
    assert figures(out).keys() == alone.keys()
    assert figures(out) == pytest.approx(alone, rel=1e-4)
    assert json.loads((out / "run.json").read_bytes())["world_size"] == 2
    recipe = json.loads((out / "recipe.json").read_bytes())
    assert recipe["model"]["sharded"] == is_sharded


@pytest.mark.parametrize(
    ("torchrun", "number"),
    [(STARTING, signal.SIGKILL), (FORKING, signal.SIGTERM)],
    ids=["killed", "stopped"],
)
def test_one_process_that_ends_ends_all_and_leaves_a_checkpoint_to_go_on_from(
    release: Path, tiny_model: Path, tmp_path: Path, torchrun: tuple[str, ...], number: int
) -> None:
    out = tmp_path / "both"
    with (
        (tmp_path / "said").open("wb") as file,
        programs.started(
            [*torchrun, *told(release, tiny_model, out)],
            streams=(0, file.fileno(), file.fileno()),
        ) as running,
    ):
        deadline = time.monotonic() + 120
        while not list(out.glob("checkpoints/stage1-*")):
            assert running.poll() is None, (tmp_path / "said").read_text()
            assert time.monotonic() < deadline
            time.sleep(0.01)
        os.kill(one_of(running.pid), number)
        assert running.wait(120) != 0
    said = (tmp_path / "said").read_text()
    if number == signal.SIGTERM:
        assert re.search(r"SIGTERM: saved at stage \d, step \d", said)
        assert "ValueError" not in said
        return
    again = programs.run([*FORKING, *told(release, tiny_model, out)])
    assert again.returncode == 0, again.stderr
    assert re.search(r"goes on from stage \d, step \d", again.stderr)
    assert figures(out)["step", 2, 5, None] > 0


def test_machines_that_do_not_share_checkpoints_do_not_go_on_from_different_ones(
    release: Path, tiny_model: Path, both: Path, tmp_path: Path
) -> None:
    shutil.copytree(both, tmp_path / "first")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]

    def machine(number: int) -> "subprocess.CompletedProcess[str]":
        """Run one process of two as one of two machines does."""
        out = tmp_path / ("first", "second")[number]
        where = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port), "LOCAL_RANK": "0"}
        where |= {"RANK": str(number), "WORLD_SIZE": "2"}
        return programs.run(["train.qlora", *told(release, tiny_model, out)], where)

    with ThreadPoolExecutor() as pool:
        ended = list(pool.map(machine, range(2)))
    assert [each.returncode for each in ended] == [2, 2], ended
    assert "from different checkpoints (stage2-00000005, none)" in ended[0].stderr


def one_of(launcher: int) -> int:
    """Return one of the processes that a launcher started."""
    children = Path(f"/proc/{launcher}/task/{launcher}/children").read_text().split()
    return int(children[-1])
