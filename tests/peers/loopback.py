"""A server of a peer on a free port of loopback, for as long as it is needed."""

from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any


class Server(ThreadingHTTPServer):
    """Outlives clients that go away in the middle, as killed crawls do."""

    daemon_threads = True
    request_queue_size = 64

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Pass over a broken connection."""


@contextmanager
def listening(handler: type[BaseHTTPRequestHandler], **attributes: Any) -> Iterator[str]:
    """Serve with a handler that has further attributes; yield the address."""
    made = type(f"Peer{handler.__name__}", (handler,), attributes)
    with Server(("127.0.0.1", 0), made) as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()
