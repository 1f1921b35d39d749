"""What a tree of processes uses at a moment, as /proc tells it."""

import os
import re
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path

TICK = os.sysconf("SC_CLK_TCK")
SOCKETS = re.compile(r"^sockets: used (\d+)", re.MULTILINE)
TCP = re.compile(r"^TCP6?: inuse (\d+)", re.MULTILINE)
MEMORY_FIELDS = re.compile(r"^(?:RssAnon|VmSwap|VmPTE):\s+(\d+) kB$", re.MULTILINE)


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

    Also those that nobody has accepted yet. The kernel tells what waits in those of TCP; it does
    not of others, so each counts for a full buffer.
    """
    used = sum(numbers_in(pid, "sockstat", SOCKETS))
    tcp = sum(numbers_in(pid, "sockstat", TCP)) + sum(numbers_in(pid, "sockstat6", TCP))
    return max(0, used - tcp) * buffer_size() + (waiting_in_tcp(pid) if tcp else 0)


def numbers_in(pid: int, table: str, wanted: re.Pattern[str]) -> list[int]:
    """Return numbers from a table of a process's network; none once it is gone."""
    try:
        return [int(found) for found in wanted.findall(network(pid, table))]
    except OSError:
        return []


def network(pid: int, table: str) -> str:
    """Return a table of a process's network (proc_pid_net(5)). Raises OSError once it is gone."""
    return Path(f"/proc/{pid}/net/{table}").read_text()


@cache
def buffer_size() -> int:
    """Return the bytes of a socket's buffer (socket(7)); `system_calls` lets nobody enlarge it."""
    sizes = [Path(f"/proc/sys/net/core/{name}_default").read_text() for name in ("rmem", "wmem")]
    return max(map(int, sizes))


def waiting_in_tcp(pid: int) -> int:
    """Return the bytes that wait, to be sent or read, in the TCP sockets of a process's network."""
    waiting = 0
    for table in ("tcp", "tcp6"):
        with suppress(OSError):
            for line in network(pid, table).splitlines()[1:]:
                waiting += sum(int(each, 16) for each in line.split()[4].split(":"))
    return waiting


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
