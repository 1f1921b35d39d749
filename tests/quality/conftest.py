"""One sound release and its verdict for all tests that only read them."""

from pathlib import Path

import pytest

from corpus.release import Release
from quality.gate import judge
from quality.verdict import GateVerdict
from tests.releases import example_release


@pytest.fixture(scope="session")
def sound_release(tmp_path_factory: pytest.TempPathFactory) -> Release:
    folder: Path = tmp_path_factory.mktemp("release")
    return example_release(folder)


@pytest.fixture(scope="session")
def sound_verdict(sound_release: Release) -> GateVerdict:
    return judge(sound_release)
