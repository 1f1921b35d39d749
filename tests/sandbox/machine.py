"""What the tests of the sandbox ask of the machine that they run on."""

import os
import shutil
import subprocess
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import TypeVar

import pytest

from sandbox import Sandbox, SandboxUnavailable

PROJECT = Path(__file__).parents[2]
PYTHON = "/usr/bin/python3"
"""One that everyone may run, which that of the tests need not be."""
STRANGER = 4242
"""A user that owns nothing."""


@cache
def sandbox() -> Sandbox:
    """Return the one sandbox of a session of tests: to make one is to try every escape."""
    return Sandbox()


@cache
def reason() -> str:
    """Return why no sandbox can be had here, or nothing."""
    try:
        sandbox()
    except SandboxUnavailable as unavailable:
        return str(unavailable)
    return ""


def is_grouped() -> bool:
    """Whether commands are in a control group here."""
    return not reason() and sandbox().held_by.memory.startswith("control group")


needs_sandbox = [
    pytest.mark.toolchain,
    pytest.mark.skipif(bool(reason()), reason=reason() or "-"),
]
needs_elixir = [
    *needs_sandbox,
    pytest.mark.skipif(shutil.which("elixir") is None, reason="needs Debian's package elixir"),
]
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root")

Test = TypeVar("Test", bound=Callable[..., None])


def executed(test: Test) -> Test:
    """Mark a test that runs Elixir in the sandbox."""
    for mark in needs_elixir:
        test = mark(test)
    return test


def publish(folder: Path) -> None:
    """Copy the sandbox, and the one module that it needs, to where everyone may read it."""
    names = ["corpus/__init__.py", "corpus/errors.py"]
    names += [f"sandbox/{path.name}" for path in (PROJECT / "sandbox").glob("*.py")]
    for name in names:
        (folder / name).parent.mkdir(mode=0o755, parents=True, exist_ok=True)
        shutil.copyfile(PROJECT / name, folder / name)
    folder.chmod(0o755)


def told(
    code: Path, *arguments: str, before: tuple[str, ...] = ()
) -> subprocess.CompletedProcess[str]:
    """Run Debian's Python with the published code; `before` is what it is started by."""
    return subprocess.run(
        [*before, PYTHON, "-B", *arguments],
        cwd=code,
        env={"PATH": "/usr/bin:/bin", "PYTHONPATH": str(code)},
        capture_output=True,
        text=True,
        check=False,
    )


def write_program(folder: Path, name: str, script: str) -> None:
    """Write a program; its first line says what runs it."""
    (folder / name).write_text(script)
    (folder / name).chmod(0o755)


def as_stranger() -> tuple[str, ...]:
    """Return what starts a command as a user who is not root, and whom no control group is for."""
    if os.geteuid() != 0:
        return ()
    return ("setpriv", f"--reuid={STRANGER}", f"--regid={STRANGER}", "--clear-groups", "--")
