import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.sandbox.machine import publish


@pytest.fixture
def public() -> Iterator[Path]:
    """Yield a folder that everyone may read, which those of pytest are not."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


@pytest.fixture(scope="session")
def code() -> Iterator[Path]:
    """Yield a folder with the code of the sandbox that everyone may read."""
    with tempfile.TemporaryDirectory() as folder:
        publish(Path(folder))
        yield Path(folder)
