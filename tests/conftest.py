import os
import signal

import pytest
from hypothesis import settings

settings.register_profile("busy machine", deadline=None)
settings.load_profile("busy machine")
"""Hypothesis gives an example 200 ms by the clock, which a busy machine takes for anything. What
has to be fast has a test of its own that counts processor time."""

os.environ.setdefault("OMP_NUM_THREADS", "1")
"""The models here are tiny: a second thread mostly waits for the first, and two workers of pytest
with two threads each keep each other from computing. torch reads it when it is imported."""


@pytest.fixture(autouse=True, scope="session")
def _interrupts() -> None:
    """Let SIGINT interrupt, here and in what tests start: a shell's background jobs ignore it."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
