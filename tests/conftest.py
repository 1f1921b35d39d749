import signal

import pytest


@pytest.fixture(autouse=True, scope="session")
def _interrupts() -> None:
    """Let SIGINT interrupt, here and in what tests start: a shell's background jobs ignore it."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
