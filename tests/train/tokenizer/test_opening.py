import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

from tests.train.tokenizers import SOURCE, small_chatml, small_tekken
from train.tokenizer.opening import (
    NoTokenizer,
    TokenizersDisagree,
    check_agreement,
    open_tokenizer,
)

COMMIT = "0123456789abcdef0123456789abcdef01234567"


def test_a_folder_with_both_forms_is_opened_as_tekken(tmp_path: Path) -> None:
    tekken = open_tokenizer(small_tekken(tmp_path))
    assert open_tokenizer(small_chatml(tmp_path)).identity == tekken.identity
    (tmp_path / "tekken.json").unlink()
    assert open_tokenizer(str(tmp_path)).vocabulary == 311


def test_a_folder_without_a_tokenizer_is_named(tmp_path: Path) -> None:
    with pytest.raises(NoTokenizer, match=r"neither tekken\.json nor tokenizer\.json here"):
        open_tokenizer(tmp_path)


@pytest.mark.parametrize("place", ["/nowhere/at/all", "./model", "a/b/c", "a b", ""])
def test_what_is_neither_folder_nor_hub_name_asks_no_hub(place: str) -> None:
    with pytest.raises(NoTokenizer):
        open_tokenizer(place if place else Path("missing"))


def test_a_hub_name_fetches_the_tokenizers_files_alone(tmp_path: Path) -> None:
    folder = small_chatml(tmp_path / "served")
    (folder / "model.safetensors").write_text("large")
    expected = open_tokenizer(folder).identity
    with hub(folder) as address:
        assert opened("owner/model", address, tmp_path / "home") == expected
        asked = {path.rpartition("/")[2] for path in ASKED if "/resolve/" in path}
    assert asked == {"tokenizer.json", "tokenizer_config.json", "chat_template.jinja"}


def test_a_hub_that_refuses_or_is_away_is_an_error_with_its_reason(tmp_path: Path) -> None:
    with hub(None) as address:
        refused = opened("owner/model", address, tmp_path / "home")
    assert "TokenizerUnreachable owner/model: no such folder" in refused
    assert "401" in refused
    away = opened("owner/model", address, tmp_path / "home")
    assert "owner/model: no such folder, and the Hub did not give its tokenizer: " in away
    assert "Check the name and the network" in away


def opened(name: str, address: str, home: Path) -> str:
    """Open a tokenizer in a process with another Hub; return its identity or the error."""
    script = (
        "import sys; from train.errors import TrainError; from train.tokenizer.opening import *\n"
        "try: print(open_tokenizer(sys.argv[1]).identity)\n"
        "except TrainError as error: print(type(error).__name__, error)\n"
    )
    settings = {"HF_ENDPOINT": address, "HF_HOME": str(home), "HF_HUB_DISABLE_XET": "1"}
    done = subprocess.run(
        [sys.executable, "-c", script, name],
        env=os.environ | settings,
        cwd=Path(__file__).parents[3],
        stdout=subprocess.PIPE,
        check=True,
        text=True,
        timeout=60,
    )
    return done.stdout.strip()


def describe(path: Path) -> dict[str, str | int]:
    """Return a file's entry in the Hub's listing of a repository."""
    return {"type": "file", "path": path.name, "size": path.stat().st_size, "oid": path.name}


ASKED: list[str] = []


@contextmanager
def hub(folder: Path | None) -> Iterator[str]:
    """Serve a folder as the repository owner/model, or refuse everybody; yield the address."""

    class Hub(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            ASKED.append(self.path)
            if folder is None:
                self.answer(401, b"")
            elif self.path.startswith("/api/models/owner/model/tree/"):
                files = [describe(path) for path in sorted(folder.iterdir())]
                self.answer(200, json.dumps(files).encode())
            elif self.path.startswith("/api/models/owner/model"):
                known = {"id": "owner/model", "sha": COMMIT, "siblings": []}
                self.answer(200, json.dumps(known).encode())
            elif "/resolve/" in self.path:
                self.answer(200, (folder / self.path.rpartition("/")[2]).read_bytes())
            else:
                self.answer(404, b"")

        def do_HEAD(self) -> None:
            self.do_GET()

        def answer(self, status: int, body: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.send_header("Content-Type", "application/json")
            self.send_header("X-Repo-Commit", COMMIT)
            self.send_header("ETag", f'"{self.path.rpartition("/")[2]}"')
            self.end_headers()
            if self.command == "GET":
                self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            pass

    ASKED.clear()
    server = ThreadingHTTPServer(("127.0.0.1", 0), Hub)
    thread = Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.fixture
def both(tmp_path: Path) -> Path:
    from transformers.integrations.mistral import convert_tekken_tokenizer

    folder = small_tekken(tmp_path, "v7")
    convert_tekken_tokenizer(str(folder / "tekken.json")).save_pretrained(folder)
    return folder


def test_two_forms_of_one_tokenizer_agree(both: Path) -> None:
    texts = [SOURCE, "", "<s>[INST]", "日本語 🧪\r\n\t x"]
    assert check_agreement(both, texts)


def test_two_ids_that_changed_places_are_found(both: Path) -> None:
    path = both / "tokenizer.json"
    model = json.loads(path.read_text())
    vocab = model["model"]["vocab"]
    assert (vocab["end"], vocab["x"]) == (574, 220)
    vocab["end"], vocab["x"] = 220, 574
    path.write_text(json.dumps(model))
    texts = ["y", "a\nend", "end"]
    why = "different ids for 2 of 3 texts; text 1 parts after 2 ids, with 574 against 220"
    with pytest.raises(TokenizersDisagree, match=why):
        check_agreement(both, texts)
    with pytest.raises(TokenizersDisagree, match="text 0 parts after 0 ids, with 574 against 220"):
        check_agreement(both, texts[2:])


def test_another_models_tokenizer_is_found(tmp_path: Path) -> None:
    folder = small_chatml(small_tekken(tmp_path))
    with pytest.raises(TokenizersDisagree, match="1 of 1 texts; text 0 parts after 0 ids"):
        check_agreement(folder, [SOURCE])


def test_one_form_alone_is_not_compared(tmp_path: Path) -> None:
    assert not check_agreement(small_tekken(tmp_path / "a"), [SOURCE])
    assert not check_agreement(small_chatml(tmp_path / "b"), [SOURCE])
