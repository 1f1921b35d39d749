"""The tiny model, built once for all tests that only read it."""

from pathlib import Path

import pytest

from tests.train.models import write_model


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a random Mistral of 0.3 million parameters, and a tokenizer of 512 tokens."""
    return write_model(tmp_path_factory.mktemp("model") / "tiny")
