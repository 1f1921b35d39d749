import subprocess
from pathlib import Path

import pytest

from corpus.locking import FolderInUse, claim

HOLDING = """
import fcntl, sys, time
file = open(sys.argv[1], "ab")
fcntl.flock(file, fcntl.LOCK_EX)
print("held", flush=True)
time.sleep(float(sys.argv[2]))
"""


def holding(folder: Path, seconds: float) -> "subprocess.Popen[str]":
    """Start a process that holds the lock of a build for some seconds."""
    command = ["python3", "-c", HOLDING, str(folder / "build.lock"), str(seconds)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    return process


def test_a_claim_waits_for_the_last_moments_of_a_killed_writer(tmp_path: Path) -> None:
    with holding(tmp_path, 0.5), claim(tmp_path, "build"):
        pass


def test_a_claim_gives_up_when_another_process_goes_on_writing(tmp_path: Path) -> None:
    with holding(tmp_path, 60) as process:
        with pytest.raises(FolderInUse, match="another build is writing here"):
            claim(tmp_path, "build")
        process.kill()
    with claim(tmp_path, "build"):
        pass
