"""Watching a running command: what it says, what its processes use together, and its end."""

import os
import selectors
import subprocess
import time
from dataclasses import dataclass, field
from threading import Event
from typing import IO

from corpus.sandbox.bubblewrap import SCRATCH
from corpus.sandbox.limits import Limits, Stop
from corpus.sandbox.usage import descendants, file_system, usage_of

LOOK_EVERY = 0.05
"""Seconds between two looks at what the processes use; a processor fills about 50 MB in it."""
FIRST_LOOK = 0.002
"""Seconds to the first; each next one is twice as far off, so that short commands are seen too."""
DYING_SECONDS = 10.0
CHUNK = 1 << 16


@dataclass(slots=True)
class Watch:
    """A command that runs, and what it has said and used so far."""

    process: "subprocess.Popen[bytes]"
    limits: Limits
    given_up: Event
    """Set by another thread that has no more use for the outcome."""
    started: float = field(default_factory=time.monotonic)
    stdout: bytearray = field(default_factory=bytearray)
    stderr: bytearray = field(default_factory=bytearray)
    truncated: bool = False
    stop: Stop | None = None
    """The first limit that it met."""
    status: int | None = None
    seconds: float = 0.0
    cpu: float = 0.0
    memory: int = 0
    _look_at: float = 0.0
    _look_every: float = FIRST_LOOK

    def to_the_end(self) -> None:
        """Return when the command and everything that it started are gone."""
        with selectors.DefaultSelector() as selector:
            self._listen(selector, self.process.stdout, self.stdout)
            self._listen(selector, self.process.stderr, self.stderr)
            try:
                while self._goes_on():
                    self._hear(selector, LOOK_EVERY if selector.get_map() else FIRST_LOOK)
                    self._look()
            finally:
                self._kill()
            self.seconds = time.monotonic() - self.started
            while selector.get_map() and time.monotonic() - self.started < self._patience():
                self._hear(selector, LOOK_EVERY)

    def _goes_on(self) -> bool:
        is_wanted = self.stop is None and not self.given_up.is_set()
        return is_wanted and not self._has_ended(os.WNOHANG)

    def _patience(self) -> float:
        return self.seconds + DYING_SECONDS

    def _listen(
        self, selector: selectors.BaseSelector, stream: IO[bytes] | None, kept: bytearray
    ) -> None:
        if stream is not None:
            os.set_blocking(stream.fileno(), False)
            selector.register(stream, selectors.EVENT_READ, kept)

    def _hear(self, selector: selectors.BaseSelector, seconds: float) -> None:
        """Take what is said within so many seconds, up to the limit of each stream."""
        for key, _ in selector.select(seconds):
            said = os.read(key.fd, CHUNK)
            if not said:
                selector.unregister(key.fileobj)
            kept: bytearray = key.data
            room = self.limits.output - len(kept)
            kept += said[:room]
            if len(said) > room:
                self.truncated = True
                self.stop = self.stop or Stop.OUTPUT

    def _look(self) -> None:
        now = time.monotonic()
        if now >= self._look_at:
            self._look_every = min(2 * self._look_every, LOOK_EVERY)
            self._look_at = now + self._look_every
            self.stop = self.stop or self._exceeded(now - self.started)

    def _exceeded(self, seconds: float) -> Stop | None:
        """Measure the tree of processes; return the first limit that it has met."""
        pids = descendants(self.process.pid)
        usage = usage_of(pids)
        self.cpu = max(self.cpu, usage.cpu)
        self.memory = max(self.memory, usage.memory)
        if usage.memory > self.limits.memory:
            return Stop.MEMORY
        if usage.tasks >= self.limits.processes:
            return Stop.PROCESSES
        if usage.cpu > self.limits.cpu:
            return Stop.CPU
        if pids and self._scratch_is_full(pids[0]):
            return Stop.DISK
        return Stop.WALL if seconds > self.limits.wall else None

    def _scratch_is_full(self, pid: int) -> bool:
        seen = file_system(pid, SCRATCH)
        if seen is None or seen.size > self.limits.disk + os.sysconf("SC_PAGE_SIZE"):
            return False  # not there yet: the process still sees the machine's own files
        return seen.free == 0 or seen.files > self.limits.files

    def _kill(self) -> None:
        """End bubblewrap, with which the first process of the namespace dies, and so all others."""
        if self.status is None:
            os.kill(self.process.pid, 9)
            self._has_ended(0)

    def _has_ended(self, options: int) -> bool:
        """Collect the exit status and the time of the processor, if it has ended."""
        pid, status, used = os.wait4(self.process.pid, options)
        if pid:
            self.status = self.process.returncode = os.waitstatus_to_exitcode(status)
            self.cpu = max(self.cpu, used.ru_utime + used.ru_stime)
        return bool(pid)
