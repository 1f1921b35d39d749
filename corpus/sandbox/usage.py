"""What a tree of processes uses at a moment, as /proc tells it."""

import os
import re
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path

TICK = os.sysconf("SC_CLK_TCK")
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
    """Add up what the processes use; those that are gone use nothing."""
    total = Usage(memory=socket_memory(pids))
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


def socket_memory(pids: list[int]) -> int:
    """Return the most bytes that the sockets of processes that share a network could hold.

    The kernel tells what waits in those of TCP; it does not of others, so each counts in full.
    """
    sockets = {each for pid in pids for each in sockets_of(pid)}
    if not sockets:
        return 0
    waiting = waiting_in_tcp(pids[-1])
    return len(sockets - waiting.keys()) * largest_buffer() + sum(waiting.values())


@cache
def largest_buffer() -> int:
    """Return the most bytes of a socket's buffer: twice what may be asked for (socket(7))."""
    sizes = [Path(f"/proc/sys/net/core/{name}_max").read_text() for name in ("rmem", "wmem")]
    return 2 * max(map(int, sizes))


def sockets_of(pid: int) -> Iterator[int]:
    """Yield the inode of each socket that a process has open; none once it is gone."""
    with suppress(OSError):
        for descriptor in Path(f"/proc/{pid}/fd").iterdir():
            with suppress(OSError):
                kind, _, inode = str(descriptor.readlink()).partition(":")
                if kind == "socket":
                    yield int(inode.strip("[]"))


def waiting_in_tcp(pid: int) -> Counter[int]:
    """Return the bytes that wait, to be sent or read, in a process's network by socket inode."""
    waiting: Counter[int] = Counter()
    for table in ("tcp", "tcp6"):
        with suppress(OSError):
            for line in Path(f"/proc/{pid}/net/{table}").read_text().splitlines()[1:]:
                fields = line.split()
                waiting[int(fields[9])] += sum(int(each, 16) for each in fields[4].split(":"))
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
