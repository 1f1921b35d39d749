"""Publishing, in processes of their own: huggingface_hub reads its environment when it starts.

The peer speaks Git LFS, which the Hub takes as it takes its newer protocol; HF_HUB_DISABLE_XET
chooses it.
"""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

import pytest

from tests import programs
from tests.peers.hub_server import TOKEN, HubServer, serving
from tests.train.export.runs import write_run

PROJECT = Path(__file__).parents[3]
REPO = "ana/tiny-elixir"


@pytest.fixture
def hub() -> Iterator[HubServer]:
    with serving(HubServer()) as peer:
        yield peer


@pytest.fixture(scope="module")
def run(tiny_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_run(tmp_path_factory.mktemp("run"), tiny_model)


@pytest.fixture
def exported(tmp_path: Path) -> Path:
    """A folder as `export_adapter` leaves it, its weights a few bytes."""
    folder = tmp_path / "adapter"
    folder.mkdir()
    config = json.dumps({"base_model_name_or_path": "ana/base"})
    (folder / "adapter_config.json").write_text(config, encoding="utf-8")
    (folder / "adapter_model.safetensors").write_bytes(b"weights" * 1000)
    (folder / "README.md").write_text("---\nlicense: apache-2.0\n---\n# It\n", encoding="utf-8")
    return folder


@pytest.fixture(autouse=True)
def _of_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    """Forget how whoever runs the tests uses the Hub."""
    for name in [name for name in os.environ if name.startswith("HF_")]:
        monkeypatch.delenv(name)


def environment(hub: HubServer, home: Path, token: str | None = TOKEN) -> dict[str, str]:
    chosen = {"HF_ENDPOINT": hub.url, "HF_HOME": str(home), "HF_HUB_DISABLE_XET": "1"}
    chosen |= {"OMP_NUM_THREADS": "1", "NO_PROXY": "127.0.0.1,localhost"}
    return chosen | ({"HF_TOKEN": token} if token else {})


def command(arguments: list[str], environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    return programs.run(["train.export", *arguments], environment, anew=["huggingface_hub"])


def publish(folder: Path, environment: dict[str, str]) -> str:
    """Return the address that `publish` returns, or the error that it raises."""
    script = (
        "import sys\n"
        "from pathlib import Path\n"
        "from train.errors import TrainError\n"
        "from train.export.hub import publish\n"
        "try:\n"
        "    print(publish(Path(sys.argv[1]), sys.argv[2]))\n"
        "except TrainError as error:\n"
        "    print(f'{type(error).__name__}: {error}')\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, str(folder), REPO],
        cwd=PROJECT,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_an_adapter_is_published_whole_in_one_commit_with_its_card(
    hub: HubServer, run: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    arguments = [str(run), "--to", "hub", "--repo", REPO, "--base", "ana/base", "--out", str(out)]
    done = command(arguments, environment(hub, tmp_path))
    assert done.returncode == 0, done.stderr
    assert f"published at {hub.url}/{REPO}" in done.stdout
    repository = hub.repositories[REPO]
    assert repository.private
    ((summary, files),) = repository.commits
    assert summary == "Publish an adapter for ana/base"
    assert files == {path.name: path.read_bytes() for path in out.iterdir()}
    assert sorted(files) == [
        "README.md",
        "adapter_config.json",
        "adapter_model.safetensors",
        "export.json",
        "tokenizer.json",
        "tokenizer_config.json",
    ]
    assert json.loads(files["adapter_config.json"])["base_model_name_or_path"] == "ana/base"
    assert b"\nbase_model: ana/base\n" in files["README.md"]
    assert str(run.parent).encode() not in b"".join(files.values())


def test_what_is_there_already_is_not_published_again(
    hub: HubServer, exported: Path, tmp_path: Path
) -> None:
    variables = environment(hub, tmp_path)
    assert publish(exported, variables) == publish(exported, variables) == f"{hub.url}/{REPO}"
    assert len(hub.repositories[REPO].commits) == 1
    assert len(hub.asked("/objects/")) == 1 + len(hub.asked("/objects/batch"))


def test_without_a_token_nothing_is_asked_for(hub: HubServer, run: Path, tmp_path: Path) -> None:
    arguments = [str(run), "--to", "hub", "--repo", REPO, "--base", "ana/base"]
    done = command(arguments, environment(hub, tmp_path, token=None))
    assert done.returncode == 2
    assert "HF_TOKEN is not set" in done.stderr
    assert hub.log == []
    assert not (run / "export").exists()


def test_a_base_that_only_this_machine_has_is_refused_before_anything(
    hub: HubServer, run: Path, tmp_path: Path
) -> None:
    done = command([str(run), "--to", "hub", "--repo", REPO], environment(hub, tmp_path))
    assert done.returncode == 2
    assert "nobody else can load it from" in done.stderr
    assert hub.log == []


def test_a_repository_needs_an_owner(hub: HubServer, run: Path, tmp_path: Path) -> None:
    done = command([str(run), "--to", "hub", "--repo", "tiny"], environment(hub, tmp_path))
    assert (done.returncode, hub.log) == (2, [])
    assert "--repo tiny: the name of a repository on the Hub is OWNER/NAME." in done.stderr


def test_the_hub_needs_a_repository(hub: HubServer, run: Path, tmp_path: Path) -> None:
    done = command([str(run), "--to", "hub"], environment(hub, tmp_path))
    assert done.returncode == 2
    assert "--to hub takes --repo OWNER/NAME." in done.stderr


@pytest.mark.parametrize(
    ("form", "summary", "large"),
    [
        (["merged"], "Publish merged weights", "model.safetensors"),
        (["gguf", "--type", "q8_0"], "Publish model-Q8_0.gguf", "model-Q8_0.gguf"),
    ],
)
def test_merged_weights_and_gguf_are_published_whole_also_of_a_local_base(
    hub: HubServer, run: Path, tmp_path: Path, form: list[str], summary: str, large: str
) -> None:
    out = tmp_path / "out"
    arguments = [str(run), "--to", *form, "--repo", REPO, "--out", str(out)]
    done = command(arguments, environment(hub, tmp_path))
    assert done.returncode == 0, done.stderr
    ((told, files),) = hub.repositories[REPO].commits
    assert told == summary
    assert files == {path.name: path.read_bytes() for path in out.iterdir()}
    assert {"README.md", "export.json", large} <= files.keys()
    assert b"license: apache-2.0\n" in files["README.md"]
    assert str(run.parent).encode() not in files["README.md"] + files["export.json"]


def test_a_token_that_the_hub_does_not_know_is_named(
    hub: HubServer, exported: Path, tmp_path: Path
) -> None:
    told = publish(exported, environment(hub, tmp_path, token="hf_old"))
    assert told.startswith(f"HubRefused: {REPO}: nothing was published, the Hub says: ")
    assert "Invalid credentials in Authorization header." in told


def test_a_commit_that_fails_leaves_nothing_and_the_next_sends_no_weights_again(
    hub: HubServer, exported: Path, tmp_path: Path
) -> None:
    hub.answer("/commit/main", 403, "Storage quota exceeded")
    told = publish(exported, environment(hub, tmp_path))
    assert "Storage quota exceeded. Run the command again" in told
    assert hub.repositories[REPO].commits == []
    assert publish(exported, environment(hub, tmp_path)) == f"{hub.url}/{REPO}"
    assert len([each for each in hub.log if each[0] == "PUT"]) == 1
    assert len(hub.repositories[REPO].files) == 3


def test_an_upload_that_stumbles_is_tried_again(
    hub: HubServer, exported: Path, tmp_path: Path
) -> None:
    digest = sha256(b"weights" * 1000).hexdigest()
    hub.answer(f"/objects/{digest}", 503, "Slow down")
    assert publish(exported, environment(hub, tmp_path)) == f"{hub.url}/{REPO}"
    assert hub.repositories[REPO].files["adapter_model.safetensors"] == b"weights" * 1000


def test_a_card_that_the_hub_refuses_is_quoted(
    hub: HubServer, exported: Path, tmp_path: Path
) -> None:
    hub.answer("/api/validate-yaml", 400, '"license" must be one of the known ones')
    assert "HubRefused" in publish(exported, environment(hub, tmp_path))
    assert hub.repositories[REPO].commits == []
