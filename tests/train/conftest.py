"""What is made once for all tests that only use it: the tiny model, and the sandbox."""

from pathlib import Path

import pytest

from sandbox import Sandbox
from tests.sandbox import machine
from tests.train.models import write_model


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a random Mistral of 0.3 million parameters, and a tokenizer of 512 tokens."""
    return write_model(tmp_path_factory.mktemp("model") / "tiny")


@pytest.fixture(scope="session")
def sandbox() -> Sandbox:
    """The sandbox of this session."""
    return machine.sandbox()
