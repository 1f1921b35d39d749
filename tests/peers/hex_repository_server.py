"""A Hex repository on loopback: a signed registry, tarballs, the JSON API, and faults on request.

It speaks HTTP/1.1 with keep-alive, ETag, Last-Modified and 304, as repo.hex.pm does, and
keeps a log of every request. Nothing of it knows the crawler.
"""

import json
import socket
import struct
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from hashlib import sha256
from http.server import BaseHTTPRequestHandler
from itertools import groupby, pairwise
from threading import Lock
from typing import Any
from urllib.parse import parse_qs, urlsplit

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

from crawler.versions import Version
from demo.hex_repository import (
    Publication,
    names_payload,
    package_payload,
    public_pem,
    publish,
    signed,
    versions_payload,
)
from demo.hex_tarball import Term
from tests.peers.loopback import listening

REPOSITORY = "peer"
LAST_MODIFIED = "Sun, 01 Nov 2026 12:00:00 GMT"


@dataclass(frozen=True, slots=True)
class Access:
    """One request; `at` is in seconds on the monotonic clock, `status` what was answered."""

    path: str
    status: int
    at: float
    user_agent: str | None
    authorization: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Answer:
    """What is sent. `delay` is in seconds; `cut` is how many bytes of the body are sent.

    With `reset` nothing is sent and the connection is reset; with `drip` the body comes a byte at
    a time, so many seconds apart.
    """

    status: int = 200
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    delay: float = 0.0
    cut: int | None = None
    reset: bool = False
    drip: float = 0.0


RESET = Answer(status=0, reset=True)


class HexRepositoryServer:
    """The peer. `add`, `release` and `withdraw` change the repository while it runs.

    `names` tells whether the index of names says when packages changed; `key_of` is what the
    Authorization of a request has to be, by the beginning of its path.
    """

    def __init__(self, key: RSAPrivateKey, *, page_size: int = 100) -> None:
        self.key = key
        self.page_size = page_size
        self.releases: dict[tuple[str, str], Publication] = {}
        self.licenses: dict[str, list[str]] = {}
        self.registry: dict[str, bytes] = {}
        self.details: dict[str, dict[str, Any]] = {}
        self.updated: dict[str, int] = {}
        self.names = True
        self.key_of: dict[str, str] = {}
        self.faults: dict[str, list[Answer]] = {}
        self.lasting: dict[str, Answer] = {}
        self.down_after: int | None = None
        self.log: list[Access] = []
        self.lock = Lock()
        self.url = ""

    # The repository

    def add(
        self, name: str, version: str, *, licenses: tuple[str, ...] = ("MIT",), **more: Any
    ) -> None:
        """Publish a release with one small module."""
        metadata: dict[str, Term] = {"name": name, "version": version, "licenses": list(licenses)}
        metadata |= {
            "requirements": more.pop("requirements", {}),
            "links": {"Home": "https://home.test"},
        }
        files = {"lib/code.ex": f"defmodule Code{len(self.releases)} do\nend\n".encode()}
        self.release(publish(metadata, files, **more))
        self.licenses[name] = list(licenses)

    def release(self, publication: Publication) -> None:
        """Publish a release, or put another in its place."""
        self.releases[publication.name, publication.version] = publication
        self.updated[publication.name] = self.updated.get(publication.name, 1_700_000_000) + 1
        self.sign()

    def change(self, name: str, version: str, **changes: Any) -> None:
        """Change what the registry says of a release."""
        self.release(replace(self.releases[name, version], **changes))

    def sign(self) -> None:
        """Sign the registry of the releases as they are."""
        ordered = sorted(self.releases.values(), key=lambda r: (r.name, Version.parse(r.version)))
        packages = {name: list(group) for name, group in groupby(ordered, lambda r: r.name)}
        self.registry = {
            f"/packages/{name}": signed(package_payload(name, group, REPOSITORY), self.key)
            for name, group in packages.items()
        }
        self.registry["/versions"] = signed(versions_payload(packages, REPOSITORY), self.key)
        names = names_payload(packages, REPOSITORY, self.updated if self.names else None)
        self.registry["/names"] = signed(names, self.key)
        self.registry["/public_key"] = public_pem(self.key)

    # Faults

    def answer(self, path: str, status: int | None = None, *, times: int = 1, **fault: Any) -> None:
        """Answer the next `times` requests for `path` like this; without `body`, as it should be.

        Without a status the answer is the right one, with what else is given (delay, cut).
        """
        proper = self.proper_answer(path)
        body = proper.body if status is None else b""
        faulty = replace(proper, **{"status": status or 200, "body": body, "headers": {}, **fault})
        with self.lock:
            self.faults.setdefault(path, []).extend([faulty] * times)

    def always(self, path: str, status: int, **fault: Any) -> None:
        """Answer every request for `path`, or below it if it ends with a slash, like this."""
        self.lasting[path] = Answer(status=status, **fault)

    def mend(self) -> None:
        """Take back all faults that last."""
        self.lasting.clear()
        self.down_after = None

    def fault(self, path: str, headers: Mapping[str, str]) -> Answer | None:
        """Return the fault that a request meets, if any; the lock is held."""
        if self.down_after is not None and len(self.log) >= self.down_after:
            return RESET
        for prefix, key in self.key_of.items():
            if path.startswith(prefix) and headers.get("Authorization") != key:
                return Answer(status=403 if headers.get("Authorization") else 401)
        if faults := self.faults.get(path):
            return faults.pop(0)
        for place, answer in self.lasting.items():
            if path == place or (place.endswith("/") and path.startswith(place)):
                return answer
        return None

    # What was asked

    def idle(self, longer_than: float = 0.5) -> float:
        """Return the seconds in which nothing was asked for, of pauses that are `longer_than`."""
        with self.lock:
            pauses = [later.at - one.at for one, later in pairwise(self.log)]
        return sum(pause for pause in pauses if pause > longer_than)

    def asked(self, prefix: str = "/") -> list[str]:
        """Return the paths of all requests that begin with `prefix`, in order."""
        with self.lock:
            return [access.path for access in self.log if access.path.startswith(prefix)]

    def accesses(self, path: str) -> list[Access]:
        """Return the requests for one path."""
        with self.lock:
            return [access for access in self.log if access.path == path]

    def forget(self) -> None:
        """Empty the log and take back faults that were not used."""
        with self.lock:
            self.log.clear()
            self.faults.clear()

    # Answers

    def respond(self, path: str, headers: Mapping[str, str]) -> Answer:
        """Answer one request and note it."""
        with self.lock:
            fault = self.fault(path, headers)
        answer = fault or self.proper_answer(path)
        etag = answer.headers.get("ETag")
        if not fault and etag and headers.get("If-None-Match") == etag:
            answer = replace(answer, status=304, body=b"")
        with self.lock:
            self.log.append(
                Access(
                    path,
                    answer.status,
                    time.monotonic(),
                    headers.get("User-Agent"),
                    headers.get("Authorization"),
                )
            )
        return answer

    def proper_answer(self, path: str) -> Answer:
        """Answer as a sound repository does."""
        parts = urlsplit(path)
        if parts.path.startswith("/api/"):
            return self.api_answer(parts.path.removeprefix("/api/"), parse_qs(parts.query))
        body = self.registry.get(path) or self.tarball(path)
        if body is None:
            return Answer(status=404, body=b"not found")
        validators = {"ETag": f'"{sha256(body).hexdigest()[:32]}"', "Last-Modified": LAST_MODIFIED}
        return Answer(body=body, headers=validators)

    def tarball(self, path: str) -> bytes | None:
        """Return the tarball at a path."""
        for (name, version), release in self.releases.items():
            if path == f"/tarballs/{name}-{version}.tar":
                return release.tarball
        return None

    def api_answer(self, path: str, query: Mapping[str, list[str]]) -> Answer:
        """Answer for the JSON API."""
        described = [
            {
                "name": name,
                "meta": {"licenses": licenses, "description": None},
                **self.details.get(name, {}),
            }
            for name, licenses in sorted(self.licenses.items())
        ]
        value: Any = None
        if path == "packages":
            first = (int(query.get("page", ["1"])[0]) - 1) * self.page_size
            value = described[first : first + self.page_size]
        else:
            value = next((each for each in described if path == f"packages/{each['name']}"), None)
        headers = {"X-RateLimit-Limit": "100", "X-RateLimit-Remaining": "99"}
        headers |= {"X-RateLimit-Reset": str(int(time.time()) + 60)}
        return Answer(
            status=404 if value is None else 200, body=json.dumps(value).encode(), headers=headers
        )


class Handler(BaseHTTPRequestHandler):
    """Sends the answers of the peer that is its server's."""

    protocol_version = "HTTP/1.1"
    peer: HexRepositoryServer

    def do_GET(self) -> None:
        """Answer one request."""
        self.send(self.peer.respond(self.path, self.headers))  # type: ignore[arg-type]

    def send(self, answer: Answer) -> None:
        """Send an answer, with its faults."""
        if answer.reset:
            linger = struct.pack("ii", 1, 0)
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
            self.connection.close()
            self.close_connection = True
            return
        time.sleep(answer.delay)
        self.send_response(answer.status)
        for name, value in answer.headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(answer.body)))
        self.end_headers()
        if answer.drip:
            for byte in answer.body:
                self.wfile.write(bytes([byte]))
                self.wfile.flush()
                time.sleep(answer.drip)
        else:
            self.wfile.write(answer.body[: answer.cut])
        self.close_connection = self.close_connection or answer.cut is not None

    def log_message(self, format: str, *args: object) -> None:
        """Keep quiet."""


@contextmanager
def serving(peer: HexRepositoryServer) -> Iterator[HexRepositoryServer]:
    """Serve a peer on a free port of loopback."""
    with listening(Handler, peer=peer) as peer.url:
        yield peer
