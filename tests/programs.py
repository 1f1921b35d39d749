"""Programs of the project as processes of their own that need not import libraries first.

To import torch, transformers and peft takes 5 s of a processor, Great Expectations and Dask another
4, and most programs here have done their work in less. One process imports them for all tests of a
run, whichever process of pytest asks, and forks for each program that a test starts; the fork does
as `python -m` does. It is a process like any other, in a session of its own: it has its
environment, folder, streams and memory, takes signals, and can be killed with all that it starts.

What a program imports is not seen like this, nor what the first plan of a build takes; tests of
that start Python. A library that reads its environment while it is imported, as huggingface_hub
does, has to be named in `anew`.
"""

import atexit
import errno
import gc
import hashlib
import json
import os
import runpy
import select
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from io import TextIOWrapper
from pathlib import Path

from tests.project import PROJECT

IMPORTED = ("distributed", "elixir_corpus.pipeline", "great_expectations", "quality.report", "s3fs")
WITH_TORCH = (
    "peft",
    "transformers.models.mistral.modeling_mistral",
    "train.evaluate.comparison",
    "train.run",
)
"""What is imported besides where torch is installed; `make pythons` tests without it."""
LONGEST = 1 << 20
"""Bytes of a request: arguments and environment."""


@dataclass(slots=True)
class Program:
    """A program that was started, as far as subprocess.Popen is needed of it."""

    pid: int
    returncode: int | None = field(default=None, init=False)
    _told: socket.socket

    def wait(self, timeout: float | None = None) -> int:
        """Return the exit status, that of a signal negative. Raises TimeoutError."""
        if self.returncode is None:
            self._told.settimeout(timeout)
            self.returncode = int(self._told.recv(20))
            self._told.close()
        return self.returncode

    def poll(self) -> int | None:
        """Return the exit status if it has ended."""
        try:
            return self.wait(0)
        except BlockingIOError:
            return None

    def send_signal(self, number: int) -> None:
        """Send a signal unless it has ended."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        """End it as `kill -9` does."""
        self.send_signal(signal.SIGKILL)


@contextmanager
def started(
    command: Sequence[str],
    environment: Mapping[str, str] | None = None,
    streams: tuple[int, int, int] = (0, 1, 2),
    anew: Sequence[str] = (),
) -> Iterator[Program]:
    """Start `python -m COMMAND` in the project's folder; at the end, kill it if it still runs.

    `streams` are descriptors for its standard input, output and error.
    """
    program = start(command, environment, streams, anew)
    try:
        yield program
    finally:
        program.kill()
        program.wait()


def start(
    command: Sequence[str],
    environment: Mapping[str, str] | None = None,
    streams: tuple[int, int, int] = (0, 1, 2),
    anew: Sequence[str] = (),
) -> Program:
    """Start `python -m COMMAND` in the project's folder.

    `anew` are packages that it imports by itself.
    """
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    variables = dict(os.environ) | dict(environment or {})
    told = {"command": list(command), "environment": variables, "anew": list(anew)}
    request = json.dumps(told)
    with theirs:
        socket.send_fds(server(), [request.encode()], [theirs.fileno(), *streams])
    number = ours.recv(20)
    if not number:
        raise RuntimeError("the process that forks has ended; its standard error says why")
    return Program(int(number), ours)


def run(
    command: Sequence[str],
    environment: Mapping[str, str] | None = None,
    timeout: float = 240,
    anew: Sequence[str] = (),
) -> subprocess.CompletedProcess[str]:
    """Run `python -m COMMAND` to its end, without input."""
    with (
        Path(os.devnull).open() as nothing,
        tempfile.TemporaryFile() as out,
        tempfile.TemporaryFile() as err,
    ):
        streams = (nothing.fileno(), out.fileno(), err.fileno())
        with started(command, environment, streams, anew) as program:
            status = program.wait(timeout)
        said = []
        for file in (out, err):
            file.seek(0)
            said.append(file.read().decode())
    return subprocess.CompletedProcess(list(command), status, *said)


@cache
def server() -> socket.socket:
    """Return how to ask the process that imports and forks; the first who asks starts it."""
    run = os.environ.get("PYTEST_XDIST_TESTRUNUID", f"{os.getpid()}")
    digest = hashlib.sha256(f"{PROJECT} {run}".encode()).hexdigest()
    address = f"\0{digest}"  # in no folder: it goes with the process
    asking = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    while True:
        start_server(address)
        try:
            asking.connect(address)
        except ConnectionRefusedError:  # another is about to start it
            time.sleep(0.01)
        else:
            atexit.register(asking.close)
            return asking


def start_server(address: str) -> None:
    """Start the process that imports and forks, unless somebody has; it ends with the last."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as listening:
        try:
            listening.bind(address)
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                return
            raise
        listening.listen()
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.programs", str(listening.fileno())],
            cwd=PROJECT,
            pass_fds=[listening.fileno()],
            stdin=subprocess.DEVNULL,
        )
    atexit.register(process.wait)


def serve(listening: socket.socket) -> None:
    """Fork for each request, until nobody can ask any more."""
    from corpus.build import STAGES, sources

    for module in (*IMPORTED, *(WITH_TORCH if find_spec("torch") else ())):
        import_module(module)
    for stage in STAGES:  # of each build that is planned in a new process, half a second
        sources().used_by(stage.run.__module__, stage.run.__qualname__)
    gc.freeze()  # what is never looked at stays shared
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    asking = [listening.accept()[0]]
    while asking or select.select([listening], [], [], 0)[0]:
        for ready in select.select([listening, *asking], [], [])[0]:
            if ready is listening:
                asking.append(listening.accept()[0])
                continue
            request, descriptors, *_ = socket.recv_fds(ready, LONGEST, 4)
            if not request:
                asking.remove(ready)
                ready.close()
                continue
            if os.fork() == 0:
                for way in (listening, *asking):
                    way.close()
                with socket.socket(fileno=descriptors[0]) as told:
                    fork_and_tell(told)
                become(**json.loads(request), streams=descriptors[1:])
                be()
            for each in descriptors:
                os.close(each)


def fork_and_tell(told: socket.socket) -> None:
    """Return in a child only; tell its number, and how it ended."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    child = os.fork()
    if child:
        told.send(b"%d" % child)
        _, status = os.waitpid(child, 0)
        told.send(b"%d" % os.waitstatus_to_exitcode(status))
        os._exit(0)


def become(
    command: list[str], environment: dict[str, str], anew: list[str], streams: list[int]
) -> None:
    """Take over what a process gets from the one that starts it."""
    os.setsid()
    for name in list(sys.modules):
        if name.partition(".")[0] in anew:
            del sys.modules[name]
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
        os.close(stream)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    os.environ.clear()
    os.environ.update(environment)
    paths = environment.get("PYTHONPATH", "").split(os.pathsep)
    sys.path[1:1] = [path for path in paths if path and path not in sys.path]
    assert isinstance(sys.stdout, TextIOWrapper)
    sys.stdout.reconfigure(line_buffering=os.isatty(1))
    sys.argv = command


def be() -> None:
    """Be the program, to its end. The end is that of Python, without taking torch apart for it."""
    status: object = 0
    try:
        runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
    except SystemExit as exit:
        status = exit.code
    except BaseException as error:
        sys.excepthook(type(error), error, error.__traceback__)
        status = 1
    if isinstance(status, str):
        print(status, file=sys.stderr)
    threading._shutdown()  # type: ignore[attr-defined]
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status if isinstance(status, int) else int(status is not None))


if __name__ == "__main__":
    serve(socket.socket(fileno=int(sys.argv[1])))
