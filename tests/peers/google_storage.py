"""A service of Google Cloud Storage over HTTP: gcp-storage-emulator, with a log and with faults.

The emulator answers the JSON API and judges no permission; who may do what is decided here.
"""

import json
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any
from urllib.parse import unquote, urlsplit
from urllib.request import Request, urlopen

from tests.peers.loopback import listening

UPLOADS = "/upload/storage/v1/b/"


@dataclass
class GoogleStorage:
    """The service at `address`, and what it was asked for."""

    address: str = ""
    log: list[tuple[str, str]] = field(default_factory=list)
    """Method and path of every request, in order."""
    denied_after: int | None = None
    """Uploads from this number on are refused, as when a policy is changed while a build runs."""
    on_upload: Callable[[str], None] = lambda path: None
    """Called with the name of an object before it is stored."""
    is_read_only: bool = False
    """Whether the credentials allow nothing but listing and reading."""
    storage: Any = None
    _uploaded: list[str] = field(default_factory=list)
    _lock: Any = field(default_factory=threading.Lock)

    @property
    def environment(self) -> dict[str, str]:
        """The variables by which a client finds the service, and asks no metadata server."""
        return {"STORAGE_EMULATOR_HOST": self.address, "NO_GCE_CHECK": "true"}

    @contextmanager
    def for_this_process(self) -> Iterator[None]:
        """Have this process find the service, and no longer an earlier one."""
        from gcsfs import GCSFileSystem

        before = dict(os.environ)
        os.environ.update(self.environment)
        GCSFileSystem.clear_instance_cache()
        try:
            yield
        finally:
            GCSFileSystem.clear_instance_cache()
            os.environ.clear()
            os.environ.update(before)

    def make_bucket(self, name: str) -> str:
        """Make a bucket and return its URL."""
        request = Request(
            f"{self.address}/storage/v1/b?project=test",
            json.dumps({"name": name}).encode(),
            {"Content-Type": "application/json"},
        )
        with urlopen(request):
            return f"gs://{name}"

    def objects(self, bucket: str) -> dict[str, bytes]:
        """Return all objects of a bucket."""
        names = self.storage.objects.get(bucket, ())
        return {name: self.storage.get_file(bucket, name) for name in names}

    def reset(self) -> None:
        """Forget every bucket, fault and request."""
        self.storage.wipe()
        self.forget_requests()
        self.denied_after, self.on_upload, self.is_read_only = None, lambda path: None, False

    def forget_requests(self) -> None:
        """Empty the log, and count uploads from here."""
        self.log.clear()
        self._uploaded.clear()

    def uploads(self) -> list[str]:
        """Return /BUCKET/NAME of the objects that were uploaded, in order."""
        return list(self._uploaded)

    def refuses(self, method: str, path: str) -> bool:
        """Note a request, and say whether it is refused."""
        is_upload = path.startswith(UPLOADS)
        with self._lock:
            self.log.append((method, path))
            if self.is_read_only and method != "GET":
                return True
            number = len(self._uploaded)
        return is_upload and self.denied_after is not None and number >= self.denied_after

    def stores(self, bucket: str, name: str) -> None:
        """Note an object that is about to be stored."""
        path = f"/{bucket}/{name}"
        self.on_upload(path)
        with self._lock:
            self._uploaded.append(path)


@contextmanager
def serving() -> Iterator[GoogleStorage]:
    """Serve on a free port of loopback until the block ends."""
    from gcp_storage_emulator.server import RequestHandler
    from gcp_storage_emulator.storage import Storage

    found = GoogleStorage()

    class Stored(Storage):  # type: ignore[misc]
        def _write_config_to_file(self) -> None:
            """Keep the state in memory only, which else is written with each object."""

        def create_file(self, bucket_name: str, file_name: str, *rest: Any) -> None:
            found.stores(bucket_name, file_name)
            super().create_file(bucket_name, file_name, *rest)

    class Handler(RequestHandler):  # type: ignore[misc]
        protocol_version = "HTTP/1.1"  # which keeps connections

        def __init__(self, *arguments: Any) -> None:
            super().__init__(found.storage, *arguments)

        def parse_request(self) -> bool:
            """Read the first lines of a request, and refuse what is not allowed."""
            if not super().parse_request():
                return False
            path = unquote(urlsplit(self.path).path)
            if not found.refuses(self.command, path):
                return True
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            said = "the caller does not have storage.objects access to the bucket."
            answer = json.dumps({"error": {"code": 403, "message": said}}).encode()
            self.send_response(HTTPStatus.FORBIDDEN)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)
            return False

        def log_message(self, format: str, *args: object) -> None:
            """Print nothing."""

    found.storage = Stored(use_memory_fs=True)
    with listening(Handler) as found.address:
        yield found
