import signal
import subprocess
import sys
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[3]
ASKED = """
import os, signal
from train.loop.stopping import stop_requests
with stop_requests() as request:
    for number in {numbers}:
        os.kill(os.getpid(), number)
    print("goes on after", request.number)
"""


def asked(*numbers: int) -> tuple[int, str]:
    code = ASKED.format(numbers=[int(number) for number in numbers])
    told = [sys.executable, "-c", code]
    done = subprocess.run(told, cwd=PROJECT, capture_output=True, text=True)
    return done.returncode, done.stdout


def test_a_signal_that_a_launcher_passes_on_is_no_second_request() -> None:
    assert asked(signal.SIGTERM, signal.SIGTERM) == (0, "goes on after 15\n")


@pytest.mark.parametrize("first", [signal.SIGTERM, signal.SIGINT])
def test_ctrl_c_after_another_signal_ends_the_process_at_once(first: signal.Signals) -> None:
    assert asked(first, signal.SIGINT) == (-signal.SIGINT, "")
