"""Control groups: the kernel's own count of what a tree of processes uses, and its limit.

The kernel charges to a group all memory that its processes make it keep: pages, and also locks,
inodes, pipes, sockets and mappings, which no table of a process tells. A group can be made by root,
or in a part of the hierarchy that was handed to a user (`systemd-run --user --scope`). Version 2
is one hierarchy; in version 1 each controller has its own.
"""

import os
import re
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from itertools import count
from pathlib import Path

PREFIX = "elixir-corpus-"
NUMBERS = count(time.time_ns())
"""What makes names new: a killed process of the same number may have left its groups."""
ROOM = 64 << 20
"""Bytes beside memory and scratch folder: bubblewrap, page tables, pages of programs."""
OWN_PROCESSES = 8
"""Processes beside those that a command may have: those of bubblewrap."""
REMOVAL_SECONDS = 2.0

JOIN = 'until [ "$1" = -- ]; do echo 0 >"$1/cgroup.procs" || exit; shift; done; shift; exec "$@"'
"""A script that enters groups and becomes a command: nothing of that is ever outside of them."""
KILLS = re.compile(r"^oom_kill (\d+)$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Group:
    """One group, in as many folders as its hierarchies are."""

    folders: tuple[Path, ...]
    version: int

    def joined(self, argv: Sequence[str]) -> list[str]:
        """Return a command line that enters the group and becomes another."""
        return ["/bin/sh", "-c", JOIN, "sh", *map(str, self.folders), "--", *argv]

    def ran_out_of_memory(self) -> bool:
        """Whether the kernel ended a process for the group's limit."""
        name = "memory.events" if self.version == 2 else "memory.oom_control"
        with suppress(OSError):
            found = KILLS.search((self.folders[0] / name).read_text())
            return found is not None and found[1] != "0"
        return False

    def cpu(self) -> float:
        """Return seconds of processor time, also of processes that were not waited for."""
        with suppress(OSError, ValueError, IndexError):
            if self.version == 2:
                told = (self.folders[0] / "cpu.stat").read_text()
                return int(told.split("usage_usec ", 1)[1].split()[0]) / 1e6
            for folder in self.folders:
                if (usage := folder / "cpuacct.usage").exists():
                    return int(usage.read_text()) / 1e9
        return 0.0


@dataclass(frozen=True, slots=True)
class Groups:
    """Where groups can be made on this machine."""

    parents: tuple[Path, ...]
    """The folder of the memory controller first."""
    version: int

    @contextmanager
    def group(self, memory: int, processes: int) -> Iterator[Group]:
        """Make a group with limits in bytes and numbers; remove it when its processes are gone.

        Raises OSError where the kernel refuses it.
        """
        name = f"{PREFIX}{os.getpid()}-{next(NUMBERS)}"
        made = Group(tuple(parent / name for parent in self.parents), self.version)
        try:
            for folder in made.folders:
                folder.mkdir()
            limit(made.folders, memory + ROOM, processes + OWN_PROCESSES)
            yield made
        finally:
            for folder in made.folders:
                remove(folder)


def limit(folders: Sequence[Path], memory: int, processes: int) -> None:
    """Write the limits of a group; those that say the same in other words come first."""
    settings = {
        "memory.max": memory,
        "memory.swap.max": 0,
        "memory.oom.group": 1,
        "memory.limit_in_bytes": memory,
        "memory.memsw.limit_in_bytes": memory,
        "pids.max": processes,
    }
    for folder in folders:
        for name, value in settings.items():
            if (folder / name).exists():
                (folder / name).write_text(str(value))


def remove(folder: Path) -> None:
    """Remove a group as soon as its last process is gone."""
    end = time.monotonic() + REMOVAL_SECONDS
    while folder.exists():
        with suppress(OSError):
            folder.rmdir()
            return
        if time.monotonic() > end:
            return  # left to `sweep`
        time.sleep(0.001)


def find_groups(proc: Path = Path("/proc")) -> tuple[Groups | None, str]:
    """Return where groups can be made, or why none can; one is made and removed for it."""
    try:
        mounts = (proc / "self/mountinfo").read_text().splitlines()
        told = (proc / "self/cgroup").read_text().splitlines()
    except (OSError, ValueError) as error:
        return None, str(error)
    own = {named: path for _, named, path in (line.split(":", 2) for line in told)}
    unified, split = hierarchies(mounts)
    if unified and (parent := writable(*unified, own.get("", "/"), "memory.max")):
        return Groups((parent,), 2), ""
    found = [
        parent
        for controller, needed in CONTROLLERS.items()
        for named in own
        if controller in named.split(",") and controller in split
        if (parent := writable(*split[controller], own[named], needed))
    ]
    if any((parent / "memory.limit_in_bytes").exists() for parent in found):
        return Groups(tuple(found), 1), ""
    if not unified and "memory" not in split:
        return None, "no control groups with memory are mounted"
    return None, "no control group can be made here; `systemd-run --user --scope COMMAND` gives one"


CONTROLLERS = {
    "memory": "memory.limit_in_bytes",
    "pids": "pids.max",
    "cpuacct": "cpuacct.usage",
}
"""Controllers of version 1 that are used, and a file that each group of them has."""


def hierarchies(
    mounts: Sequence[str],
) -> tuple[tuple[Path, str] | None, dict[str, tuple[Path, str]]]:
    """Return where the one hierarchy and those of single controllers are mounted, with their roots.

    Lines are those of /proc/self/mountinfo (proc_pid_mountinfo(5)).
    """
    unified = None
    split: dict[str, tuple[Path, str]] = {}
    for line in mounts:
        before, _, after = line.partition(" - ")
        root, place = before.split()[3:5]
        kind, _, options = after.split(" ", 2)
        if kind == "cgroup2":
            unified = unified or (Path(place), root)
        elif kind == "cgroup":
            split |= {each: (Path(place), root) for each in options.split(",")}
    return unified, split


def writable(mount: Path, root: str, own: str, needed: str) -> Path | None:
    """Return the nearest group above our own in which one with a needed file can be made."""
    inside = Path(own.lstrip("/") if root == "/" else os.path.relpath(own, root))
    start = mount if ".." in inside.parts else mount / inside
    for parent in (start, *start.parents):
        if mount not in (parent, *parent.parents):
            return None
        sweep(parent)
        with suppress(OSError):
            if "memory" in (parent / "cgroup.controllers").read_text().split():
                (parent / "cgroup.subtree_control").write_text("+memory +pids")
        trial = parent / f"{PREFIX}{os.getpid()}-{next(NUMBERS)}"
        try:
            trial.mkdir()
            if (trial / needed).exists():
                return parent
        except OSError:
            continue
        finally:
            with suppress(OSError):
                trial.rmdir()
    return None


def sweep(parent: Path) -> None:
    """Remove the groups of processes that were killed before they could."""
    for folder in parent.glob(f"{PREFIX}*"):
        owner = folder.name.removeprefix(PREFIX).partition("-")[0]
        if not Path("/proc", owner).exists():
            with suppress(OSError):
                folder.rmdir()
