"""A command that goes on and answers messages, each within a budget of its own.

A message is bytes behind their length (32 bits, big end first). A reply is the same with a token
first, 16 bytes that only this process and the command know: what a foreign program prints to the
standard output of the command is then no reply, and ends it. The command learns the token from the
first message.
"""

import os
import secrets
import selectors
import struct
import subprocess
import time
from contextlib import ExitStack
from dataclasses import replace
from enum import StrEnum
from threading import Event
from types import TracebackType
from typing import Final, Self

from corpus.errors import CorpusError
from sandbox.control_groups import Group
from sandbox.limits import Limits, Stop
from sandbox.watching import CHUNK, LOOK_EVERY, Watch

LENGTH: Final = struct.Struct(">I")
TOKEN: Final = 16
TOLD: Final = 2000
"""Bytes of standard error that are kept of a session that ended."""


class Broken(StrEnum):
    """Why a session ended that met no limit."""

    ENDED = "ended"
    """The command ended by itself."""
    CHANNEL = "channel"
    """What came was no reply: something else was written to the standard output."""


class SessionEnded(CorpusError):
    """The command ended, or was ended, before it replied."""

    def __init__(self, cause: Stop | Broken, said: str) -> None:
        super().__init__(
            f"the command did not reply ({cause}): {said.strip() or 'it said nothing'}"
        )
        self.cause = cause
        self.said = said
        """The end of what it said on standard error."""


class Session:
    """A running command. It is ended with the session, with all that it started.

    `limits` hold for all of its life; the clock and the processor also for each reply.
    """

    def __init__(
        self,
        process: "subprocess.Popen[bytes]",
        limits: Limits,
        group: Group | None = None,
        owned: ExitStack | None = None,
    ) -> None:
        """Take over a process with pipes for its streams, and what is to be closed after it."""
        self._process, self._limits = process, limits
        self._owned = owned or ExitStack()
        self._watch = Watch(process, limits, Event(), group)
        self._token = secrets.token_bytes(TOKEN)
        self._selector = selectors.DefaultSelector()
        self._watch.listen(self._selector)
        assert process.stdin is not None
        os.set_blocking(process.stdin.fileno(), False)
        self._ended: SessionEnded | None = None
        self._send(self._token, limits.wall, limits.cpu)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    @property
    def is_alive(self) -> bool:
        """Whether it can be asked."""
        return self._ended is None and self._watch.status is None

    def send(self, message: bytes, *, wall: float, cpu: float) -> None:
        """Send a message; see `receive` for the budget. Raises SessionEnded."""
        self._send(message, wall, cpu)

    def receive(self, *, wall: float, cpu: float) -> bytes:
        """Return the next reply, for which there are so many seconds by clock and processor.

        Raises SessionEnded; the command is gone then.
        """
        self._budget(wall, cpu)
        head = LENGTH.size + TOKEN
        while len(self._watch.stdout) < head:
            self._wait()
        (length,) = LENGTH.unpack_from(self._watch.stdout)
        if self._watch.stdout[LENGTH.size : head] != self._token or length < TOKEN:
            self._fail(Broken.CHANNEL)
        end = LENGTH.size + length
        while len(self._watch.stdout) < end:
            self._wait()
        reply = bytes(self._watch.stdout[head:end])
        del self._watch.stdout[:end]
        return reply

    def close(self) -> None:
        """End the command, in any state."""
        if self._ended is None:
            self._ended = SessionEnded(Broken.ENDED, "the session was closed")
        self._watch.end()
        self._selector.close()
        for stream in (self._process.stdin, self._process.stdout, self._process.stderr):
            if stream is not None:
                try:
                    stream.close()
                except BrokenPipeError:
                    continue
        self._owned.close()

    def _budget(self, wall: float, cpu: float) -> None:
        """Begin to count the time of a reply; what was said on standard error before is dropped."""
        if self._ended is not None:
            raise self._ended
        self._watch.started = time.monotonic()
        most = min(self._limits.cpu, self._watch.cpu + cpu)
        self._watch.limits = replace(self._limits, wall=wall, cpu=max(most, 0.001))
        self._watch.stderr.clear()

    def _send(self, message: bytes, wall: float, cpu: float) -> None:
        self._budget(wall, cpu)
        left = memoryview(LENGTH.pack(len(message)) + message)
        stdin = self._process.stdin
        assert stdin is not None
        self._selector.register(stdin, selectors.EVENT_WRITE, None)
        try:
            while left:
                try:
                    left = left[os.write(stdin.fileno(), left[:CHUNK]) :]
                except BlockingIOError:
                    self._wait()
                except BrokenPipeError:
                    self._fail(Broken.ENDED)
        finally:
            self._selector.unregister(stdin)

    def _wait(self) -> None:
        """Take what is said, and look whether the command goes on. Raises SessionEnded."""
        before = len(self._watch.stdout)
        goes_on = self._watch.moment(self._selector, LOOK_EVERY)
        if len(self._watch.stdout) > before:
            return
        if self._watch.stop is not None:
            self._fail(self._watch.stop)
        if not goes_on:
            self._fail(Broken.ENDED)

    def _fail(self, cause: Stop | Broken) -> None:
        self._watch.end()
        if cause is Broken.ENDED and self._watch.stop is not None:
            cause = self._watch.stop
        said = bytes(self._watch.stderr[-TOLD:]).decode(errors="replace")
        self._ended = SessionEnded(cause, said)
        self.close()
        raise self._ended
