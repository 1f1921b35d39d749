"""What all processes of a running command use together, until a limit or they themselves end it.

Usage is read from /proc, since the kernel limits most things for one process only (setrlimit(2)),
and from the command's control group, where it has one.
"""

import os
import re
import selectors
import subprocess
import time
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from threading import Event
from typing import IO

from sandbox.control_groups import Group
from sandbox.limits import SCRATCH, Limits, Stop

LOOK_EVERY = 0.05
"""Seconds between two looks at what the processes use; a processor fills about 50 MB in it."""
FIRST_LOOK = 0.002
"""Seconds to the first; each next one is twice as far off, so that short commands are seen too."""
DYING_SECONDS = 10.0
CHUNK = 1 << 16
TICK = os.sysconf("SC_CLK_TCK")
SOCKETS = re.compile(r"^sockets: used (\d+)", re.MULTILINE)
MAPPING, MAPPINGS = 256, 65_530
"""Bytes that the kernel keeps for each mapping of a process, and the most it lets one have."""
MEMORY_FIELDS = re.compile(r"^(?:RssAnon|VmSwap|VmPTE):\s+(\d+) kB$", re.MULTILINE)


@dataclass(slots=True)
class Watch:
    """A command that runs, and what it has said and used so far."""

    process: "subprocess.Popen[bytes]"
    limits: Limits
    given_up: Event
    """Set by another thread that has no more use for the outcome."""
    group: Group | None = None
    """What its processes are in; without one, mappings are counted here."""
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
            self.listen(selector)
            try:
                while self._goes_on():
                    self._hear(selector, LOOK_EVERY if selector.get_map() else FIRST_LOOK)
                    self._look()
            finally:
                self._kill()
            if self.group is not None:
                self.cpu = max(self.cpu, self.group.cpu())
            if self._was_killed():
                self.stop = self.stop or Stop.MEMORY
            self.seconds = time.monotonic() - self.started
            while selector.get_map() and time.monotonic() - self.started < self._patience():
                self._hear(selector, LOOK_EVERY)

    def listen(self, selector: selectors.BaseSelector) -> None:
        """Register what the command says; what else is registered there has no data."""
        self._listen(selector, self.process.stdout, self.stdout)
        self._listen(selector, self.process.stderr, self.stderr)

    def moment(self, selector: selectors.BaseSelector, seconds: float) -> bool:
        """Take what is said within so many seconds, and return whether the command goes on."""
        self._hear(selector, seconds)
        self._look()
        return self.status is None and self._goes_on()

    def end(self) -> None:
        """End the command and everything that it started."""
        self._kill()
        if self._was_killed():
            self.stop = self.stop or Stop.MEMORY

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
            if key.data is None:
                continue
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
        self.cpu = max(self.cpu, usage.cpu, self.group.cpu() if self.group else 0.0)
        if self.group is None and usage.memory <= self.limits.memory:
            usage += Usage(memory=memory_of_mappings(pids, self.limits.memory))
        self.memory = max(self.memory, usage.memory)
        if usage.memory > self.limits.memory or self._was_killed():
            return Stop.MEMORY
        if usage.tasks >= self.limits.processes:
            return Stop.PROCESSES
        if self.cpu > self.limits.cpu:
            return Stop.CPU
        if pids and self._scratch_is_full(pids[0]):
            return Stop.DISK
        return Stop.WALL if seconds > self.limits.wall else None

    def _was_killed(self) -> bool:
        return self.group is not None and self.group.ran_out_of_memory()

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


@dataclass(frozen=True, slots=True)
class Usage:
    """The sums over a tree of processes."""

    tasks: int = 0
    """Processes and their threads."""
    cpu: float = 0.0
    """Seconds, of processes that have ended too."""
    memory: int = 0
    """Bytes that no file backs, resident or swapped out, with the tables that map them."""

    def __add__(self, other: "Usage") -> "Usage":
        return Usage(self.tasks + other.tasks, self.cpu + other.cpu, self.memory + other.memory)


def descendants(pid: int) -> list[int]:
    """Return the process ids below `pid`; orphans are found with the first of their namespace."""
    found: list[int] = []
    waiting = [pid]
    while waiting:
        children = children_of(waiting.pop())
        found += children
        waiting += children
    return found


def children_of(pid: int) -> list[int]:
    """Return the children that any thread of a process has; none once it is gone."""
    try:
        threads = list(Path(f"/proc/{pid}/task").iterdir())
        lists = [(thread / "children").read_text() for thread in threads]
    except OSError:
        return []
    return [int(child) for each in lists for child in each.split()]


def usage_of(pids: list[int]) -> Usage:
    """Add up what processes of one network use; those that are gone use nothing."""
    total = Usage(memory=socket_memory(pids[0]) if pids else 0)
    for pid in pids:
        total += usage_of_one(pid)
    return total


def usage_of_one(pid: int) -> Usage:
    """Return what one process uses, with the time of those it has waited for (proc(5))."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return Usage()
    ticks = sum(int(field) for field in stat[11:15])
    kilobytes = sum(int(found) for found in MEMORY_FIELDS.findall(status))
    return Usage(int(stat[17]), ticks / TICK, kilobytes * 1024)


def socket_memory(pid: int) -> int:
    """Return the most bytes that the sockets of a process's network could hold.

    Also those that are not accepted yet. The kernel does not tell what waits in one of AF_UNIX,
    and there are no others (`system_calls`), so each counts for a full buffer.
    """
    try:
        used = SOCKETS.search(Path(f"/proc/{pid}/net/sockstat").read_text())
    except OSError:
        return 0
    return int(used[1]) * buffer_size() if used else 0


def memory_of_mappings(pids: list[int], enough: int) -> int:
    """Return the bytes that the kernel keeps for the mappings of processes; stop where enough."""
    total = 0
    for pid in pids:
        try:
            with Path(f"/proc/{pid}/maps").open("rb") as lines:
                total += MAPPING * sum(1 for _ in lines)
        except PermissionError:  # a program that may not be read: it could have the most
            total += MAPPING * MAPPINGS
        except OSError:
            continue
        if total > enough:
            break
    return total


@cache
def buffer_size() -> int:
    """Return the bytes of a socket's buffer (socket(7)); `system_calls` fixes its size."""
    sizes = [Path(f"/proc/sys/net/core/{name}_default").read_text() for name in ("rmem", "wmem")]
    return max(map(int, sizes))


@dataclass(frozen=True, slots=True)
class FileSystem:
    """How large and how full a file system is."""

    size: int
    """Bytes."""
    free: int
    """Bytes."""
    files: int


def file_system(pid: int, folder: str) -> FileSystem | None:
    """Look at the file system of a folder as a process sees it; None where that cannot be seen."""
    try:
        seen = os.statvfs(f"/proc/{pid}/root{folder}")
    except OSError:
        return None
    size, free = (blocks * seen.f_frsize for blocks in (seen.f_blocks, seen.f_bavail))
    return FileSystem(size, free, seen.f_files - seen.f_ffree)
