"""In processes of their own: huggingface_hub reads its environment when it starts."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from corpus.decontamination.benchmarks import located
from tests.peers.hub_datasets import printed, serving

FILES = {
    "README.md": b"# Problems\n",
    "humaneval-elixir/test.jsonl": b'{"name": "one"}\n',
    "humaneval-lua/test.jsonl": b'{"name": "other"}\n',
}
FETCH = """
import sys
from corpus.errors import CorpusError
from corpus.decontamination.benchmarks import located
try:
    path = located(sys.argv[1])
    print(*sorted(each.name for each in path.rglob("*")), path.parent.name, sep="|")
except CorpusError as error:
    print(error)
"""


@pytest.fixture(scope="module")
def hub() -> Iterator[str]:
    with serving({"ana/problems": FILES}) as address:
        yield address


def fetched(hub: str, home: Path, place: str) -> str:
    return printed(hub, home, FETCH, place)


def test_a_folder_of_a_dataset_is_fetched_and_no_other(hub: str, tmp_path: Path) -> None:
    said = fetched(hub, tmp_path, "ana/problems/humaneval-elixir")
    assert said.startswith("test.jsonl|")
    names = {path.name for path in (tmp_path / "hub").rglob("*") if path.parent.name != "blobs"}
    assert "humaneval-elixir" in names
    assert not {"humaneval-lua", "README.md"} & names


def test_a_place_may_be_an_address_of_the_hub(hub: str, tmp_path: Path) -> None:
    said = fetched(hub, tmp_path, "hf://datasets/ana/problems/humaneval-lua")
    assert said.startswith("test.jsonl|")


@pytest.mark.parametrize("place", ["ana/nothing", "ana/problems/humaneval-erlang"])
def test_what_the_hub_lacks_is_one_clear_error(hub: str, tmp_path: Path, place: str) -> None:
    said = fetched(hub, tmp_path, place)
    assert said.startswith(f"{place}: no benchmark here. Expected a local file or folder, or a")


def test_a_hub_that_cannot_be_reached_is_one_clear_error(tmp_path: Path) -> None:
    said = fetched("http://127.0.0.1:9", tmp_path, "ana/problems")
    assert said.startswith("ana/problems: no benchmark here.")


def test_what_lies_here_is_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "ana" / "problems").mkdir(parents=True)
    for place in ("ana/problems", "./ana/missing", "problems.jsonl", str(tmp_path / "missing")):
        assert located(place) == Path(place)
