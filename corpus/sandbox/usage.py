"""What a tree of processes uses at a moment, as /proc tells it."""

import os
from dataclasses import dataclass
from pathlib import Path

PAGE = os.sysconf("SC_PAGE_SIZE")
TICK = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Usage:
    """The sums over a tree of processes."""

    tasks: int = 0
    """Processes and their threads."""
    cpu: float = 0.0
    """Seconds, of processes that have ended too."""
    memory: int = 0
    """Resident bytes that no file backs."""

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
    total = Usage()
    for pid in pids:
        total += usage_of_one(pid)
    return total


def usage_of_one(pid: int) -> Usage:
    """Return what one process uses, with the time of those it has waited for (proc(5))."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        resident, shared = Path(f"/proc/{pid}/statm").read_text().split()[1:3]
    except OSError:
        return Usage()
    ticks = sum(int(field) for field in stat[11:15])
    return Usage(int(stat[17]), ticks / TICK, (int(resident) - int(shared)) * PAGE)


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
