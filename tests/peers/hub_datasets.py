"""Datasets of the Hub on loopback, as far as fetching a snapshot of one needs it."""

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from hashlib import sha1
from http.server import BaseHTTPRequestHandler
from json import dumps
from pathlib import Path
from urllib.parse import unquote

from tests.peers.loopback import listening
from tests.project import PROJECT

Datasets = Mapping[str, Mapping[str, bytes]]
"""Files by path, of datasets by OWNER/NAME."""


def commit_of(name: str) -> str:
    """Return the only commit of a dataset."""
    return sha1(name.encode()).hexdigest()


def blob_of(body: bytes) -> str:
    """Return Git's name for a file's content."""
    return sha1(b"blob %d\0" % len(body) + body).hexdigest()


class Handler(BaseHTTPRequestHandler):
    """Tells what a revision holds, and hands out its files."""

    protocol_version = "HTTP/1.1"
    datasets: Datasets

    def do_GET(self) -> None:
        """Answer with a body."""
        self.respond(with_body=True)

    def do_HEAD(self) -> None:
        """Answer without one."""
        self.respond(with_body=False)

    def respond(self, with_body: bool) -> None:
        """Answer api/datasets/ID/revision/main, .../tree/SHA and datasets/ID/resolve/SHA/PATH."""
        parts = unquote(self.path.partition("?")[0]).strip("/").split("/")
        if parts[:2] == ["api", "datasets"] and parts[4:5] in (["revision"], ["tree"]):
            self.tell("/".join(parts[2:4]), parts[4], with_body)
        elif parts[0] == "datasets" and parts[3:4] == ["resolve"]:
            self.hand_out("/".join(parts[1:3]), "/".join(parts[5:]), with_body)
        else:
            self.send(404, b'{"error": "not found"}', {}, with_body)

    def tell(self, name: str, what: str, with_body: bool) -> None:
        """Answer with the files of a dataset."""
        if name not in self.datasets:
            missing = {"X-Error-Code": "RepoNotFound", "X-Error-Message": "Repository not found"}
            self.send(404, b'{"error": "Repository not found"}', missing, with_body)
            return
        files = self.datasets[name]
        listed = [
            {"type": "file", "path": path, "size": len(body), "oid": blob_of(body)}
            for path, body in files.items()
        ]
        whole = {"id": name, "sha": commit_of(name), "siblings": [{"rfilename": f} for f in files]}
        body = dumps(whole if what == "revision" else listed).encode()
        self.send(200, body, {"Content-Type": "application/json"}, with_body)

    def hand_out(self, name: str, path: str, with_body: bool) -> None:
        """Answer with a file."""
        body = self.datasets[name][path]
        told = {"ETag": f'"{blob_of(body)}"', "X-Repo-Commit": commit_of(name)}
        self.send(200, body, told, with_body)

    def send(self, status: int, body: bytes, headers: Mapping[str, str], with_body: bool) -> None:
        """Send an answer."""
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if with_body:
            self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Keep quiet."""


@contextmanager
def serving(datasets: Datasets) -> Iterator[str]:
    """Serve datasets on a free port of loopback; yield the address."""
    with listening(Handler, datasets=datasets) as address:
        yield address


def printed(hub: str, home: Path, code: str, *told: str) -> str:
    """Return what code prints in a process that uses the Hub at an address.

    In a process of its own, because huggingface_hub reads its environment when it starts.
    """
    kept = {name: value for name, value in os.environ.items() if not name.startswith("HF_")}
    chosen = {"HF_ENDPOINT": hub, "HF_HOME": str(home), "NO_PROXY": "127.0.0.1"}
    done = subprocess.run(
        [sys.executable, "-c", code, *told],
        cwd=PROJECT,
        env=kept | chosen,
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.strip()
