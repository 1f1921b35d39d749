"""`pytest --fast`, which `make test-fast` calls, leaves out slow files and finds new ones."""

import shutil
import subprocess
import sys
from pathlib import Path

from tests.conftest import LONGEST, SLOW
from tests.project import PROJECT

TESTS = """
import time

def test_short():
    pass

def test_long():
    until = time.process_time() + 2.1
    while time.process_time() < until:
        pass
"""


def test_every_file_that_is_left_out_is_there() -> None:
    assert [name for name in sorted(SLOW) if not (PROJECT / "tests" / name).is_file()] == []


def test_what_takes_longest_is_left_out() -> None:
    assert [name for name in LONGEST if name not in SLOW] == []


def test_slow_files_are_left_out_and_a_slow_test_of_another_fails(tmp_path: Path) -> None:
    shutil.copy(PROJECT / "tests" / "conftest.py", tmp_path)
    left_out = tmp_path / min(SLOW)
    left_out.parent.mkdir(exist_ok=True)
    left_out.write_text("def test_it(): assert False\n")
    (tmp_path / "test_new.py").write_text(TESTS)
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "--rootdir", "."]
    done = subprocess.run(
        [*command, "--fast", "."], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert "test_new.py::test_long - Failed: It took 2." in done.stdout
    assert "1 failed, 1 passed" in done.stdout
