"""What the tests of the sandbox ask of the machine that they run on."""

import shutil
from collections.abc import Callable
from functools import cache
from typing import TypeVar

import pytest

from sandbox import Sandbox, SandboxUnavailable


@cache
def reason() -> str:
    """Return why no sandbox can be had here, or nothing."""
    try:
        Sandbox()
    except SandboxUnavailable as unavailable:
        return str(unavailable)
    return ""


needs_sandbox = [
    pytest.mark.toolchain,
    pytest.mark.skipif(bool(reason()), reason=reason() or "-"),
]
needs_elixir = [
    *needs_sandbox,
    pytest.mark.skipif(shutil.which("elixir") is None, reason="needs Debian's package elixir"),
]

Test = TypeVar("Test", bound=Callable[..., None])


def executed(test: Test) -> Test:
    """Mark a test that runs Elixir in the sandbox."""
    for mark in needs_elixir:
        test = mark(test)
    return test
