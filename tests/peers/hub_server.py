"""The Hub on loopback, as far as publishing a model needs it, with faults on request.

It speaks what huggingface_hub does: creating repositories, asking which files go as large ones, the
batch protocol of Git LFS with upload and verification, and commits as lines of JSON. Large files
must have arrived, with the digest that they claim, before a commit may name them.
"""

import base64
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import sha1, sha256
from http.server import BaseHTTPRequestHandler
from threading import Lock
from typing import Any

from tests.peers.loopback import listening

TOKEN = "hf_peer"
OWNER = "ana"
LARGE = (".safetensors", ".gguf")
"""What the Hub's default .gitattributes sends as large files, as far as we publish such."""


@dataclass(slots=True)
class Repository:
    """A repository: all commits on main, each with the files that it leaves."""

    private: bool
    commits: list[tuple[str, dict[str, bytes]]] = field(default_factory=list)

    @property
    def files(self) -> dict[str, bytes]:
        """The files on main."""
        return self.commits[-1][1] if self.commits else {}

    @property
    def head(self) -> str:
        """A name for the newest commit."""
        return sha1(repr((len(self.commits), sorted(self.files))).encode()).hexdigest()


class Refusal(Exception):
    """An answer other than 200, with the message that the Hub puts into its header."""

    def __init__(self, status: int, message: str, **more: str) -> None:
        super().__init__(message)
        self.status = status
        self.body = {"error": message, **more}


class HubServer:
    """The peer. `answer` makes it fail."""

    def __init__(self) -> None:
        self.repositories: dict[str, Repository] = {}
        self.objects: dict[str, bytes] = {}
        self.faults: dict[str, list[Refusal]] = {}
        self.log: list[tuple[str, str]] = []
        self.lock = Lock()
        self.url = ""

    def answer(self, part: str, status: int, message: str, *, times: int = 1) -> None:
        """Refuse the next `times` requests whose path contains `part`."""
        self.faults.setdefault(part, []).extend([Refusal(status, message)] * times)

    def asked(self, part: str) -> list[tuple[str, str]]:
        """Return method and path of every request whose path contains `part`."""
        return [(method, path) for method, path in self.log if part in path]

    def respond(self, method: str, path: str, token: str | None, body: bytes) -> Any:
        """Return the value to answer with. Raises Refusal."""
        with self.lock:
            self.log.append((method, path))
            for part, faults in self.faults.items():
                if part in path and faults:
                    raise faults.pop(0)
            return self.proper_answer(method, path, token, body)

    def proper_answer(self, method: str, path: str, token: str | None, body: bytes) -> Any:
        """Answer as the Hub does. Raises Refusal."""
        if method == "PUT" and path.startswith("/objects/"):
            return self.stored(path.removeprefix("/objects/"), body)
        if token != f"Bearer {TOKEN}":
            raise Refusal(401, "Invalid credentials in Authorization header")
        if path == "/api/validate-yaml":
            return self.validated(json.loads(body))
        if path == "/api/repos/create":
            return self.created(json.loads(body))
        if path.endswith(".git/info/lfs/objects/batch"):
            return self.batch(json.loads(body))
        if path == "/verify":
            return self.verified(json.loads(body))
        name, _, rest = path.removeprefix("/api/models/").partition("/")[2].partition("/")
        repository = self.found(f"{OWNER}/{name}")
        if rest == "preupload/main":
            return {"files": [mode(each, repository) for each in json.loads(body)["files"]]}
        if rest == "commit/main":
            return self.committed(f"{OWNER}/{name}", repository, body)
        if rest == "revision/main":
            return {"id": f"{OWNER}/{name}", "sha": repository.head, "private": repository.private}
        raise Refusal(404, "Sorry, we can't find the page you are looking for.")

    def found(self, name: str) -> Repository:
        """Return a repository."""
        if name not in self.repositories:
            raise Refusal(404, "Repository not found")
        return self.repositories[name]

    def validated(self, told: dict[str, Any]) -> Any:
        """Look at a card's metadata as far as to see that there is a licence."""
        if "\nlicense:" not in told["content"]:
            raise Refusal(400, '"license" is required')
        return {"errors": [], "warnings": []}

    def created(self, told: dict[str, Any]) -> Any:
        """Create a repository of the token's owner."""
        name = f"{told['organization']}/{told['name']}"
        if told["organization"] != OWNER:
            raise Refusal(403, f"You don't have the rights to create a model under {name}")
        if name in self.repositories:
            address = f"{self.url}/{name}"
            raise Refusal(409, "You already created this model repo", url=address)
        self.repositories[name] = Repository(told.get("visibility") == "private")
        return {"url": f"{self.url}/{name}", "name": name}

    def batch(self, told: dict[str, Any]) -> Any:
        """Say where large files go; those that are here need not be sent."""
        assert told["operation"] == "upload"
        return {"transfer": "basic", "objects": [self.action(each) for each in told["objects"]]}

    def action(self, wanted: dict[str, Any]) -> dict[str, Any]:
        """Say where one large file goes."""
        known = {"oid": wanted["oid"], "size": wanted["size"]}
        if wanted["oid"] in self.objects:
            return known
        upload = {"href": f"{self.url}/objects/{wanted['oid']}"}
        return {**known, "actions": {"upload": upload, "verify": {"href": f"{self.url}/verify"}}}

    def stored(self, oid: str, body: bytes) -> Any:
        """Keep a large file that is what it claims to be."""
        if sha256(body).hexdigest() != oid:
            raise Refusal(400, "The digest differs from the announced one")
        self.objects[oid] = body
        return {}

    def verified(self, told: dict[str, Any]) -> Any:
        """Say whether a large file has arrived whole."""
        if len(self.objects.get(told["oid"], b"")) != told["size"]:
            raise Refusal(404, "Object does not exist")
        return {}

    def committed(self, name: str, repository: Repository, body: bytes) -> Any:
        """Add a commit."""
        lines = [json.loads(line) for line in body.splitlines()]
        (header,) = (line["value"] for line in lines if line["key"] == "header")
        files = dict(repository.files)
        for line in lines:
            value = line["value"]
            if line["key"] == "file":
                files[value["path"]] = base64.b64decode(value["content"])
            elif line["key"] == "lfsFile":
                if value["oid"] not in self.objects:
                    raise Refusal(
                        400, f"LFS pointer pointed to a file that does not exist: {value}"
                    )
                files[value["path"]] = self.objects[value["oid"]]
        repository.commits.append((header["summary"], files))
        address = f"{self.url}/{name}/commit/{repository.head}"
        return {"success": True, "commitUrl": address, "commitOid": repository.head}


def mode(file: dict[str, Any], repository: Repository) -> dict[str, Any]:
    """Say how a file is to be sent, and what is there under its name."""
    large = file["path"].endswith(LARGE) or file["size"] > 10_000_000
    known = repository.files.get(file["path"])
    answer = {
        "path": file["path"],
        "uploadMode": "lfs" if large else "regular",
        "shouldIgnore": False,
    }
    if known is None:
        return answer
    blob = sha1(b"blob %d\0" % len(known) + known).hexdigest()
    return answer | {"oid": sha256(known).hexdigest() if large else blob}


class Handler(BaseHTTPRequestHandler):
    """Sends the answers of the peer that is its server's."""

    protocol_version = "HTTP/1.1"
    peer: HubServer

    def do_GET(self) -> None:
        """Answer one request."""
        self.answer(b"")

    def do_POST(self) -> None:
        """Answer one request with a body."""
        self.answer(self.body())

    def do_PUT(self) -> None:
        """Answer one request with a file."""
        self.answer(self.body())

    def body(self) -> bytes:
        """Read what was sent, of known length or in chunks."""
        if self.headers.get("Transfer-Encoding") != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length", 0)))
        parts = []
        while length := int(self.rfile.readline(), 16):
            parts.append(self.rfile.read(length))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(parts)

    def answer(self, body: bytes) -> None:
        """Send what the peer says."""
        token = self.headers.get("Authorization")
        try:
            status, value = 200, self.peer.respond(self.command, self.path, token, body)
        except Refusal as refusal:
            status, value = refusal.status, refusal.body
        data = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        if status >= 400:
            self.send_header("X-Error-Message", value["error"])
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, format: str, *args: object) -> None:
        """Keep quiet."""


@contextmanager
def serving(peer: HubServer) -> Iterator[HubServer]:
    """Serve a peer on a free port of loopback."""
    with listening(Handler, peer=peer) as peer.url:
        yield peer
