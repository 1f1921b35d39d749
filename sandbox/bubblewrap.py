"""The command line of bubblewrap: what a confined command sees and may use.

Namespaces hide the network, other processes and every file but those named here; the root, /proc
and the system's folders are read-only; the scratch folder is a file system in memory with a size.
No capability is left, and none can be had. Limits of single processes are the kernel's
(setrlimit(2)); those of the whole tree are kept by a control group, where one can be made, and by
`sandbox.watching`, which looks every 50 ms.
"""

import math
import os
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from sandbox.control_groups import Group, Groups
from sandbox.limits import DESCRIPTORS, SCRATCH, SIGNALS, Limits

SYSTEM = ("/bin", "/lib", "/lib32", "/lib64", "/sbin")
SETTINGS = ("/etc/alternatives", "/etc/ld.so.cache", "/etc/localtime")
DEVICES = ("/dev/full", "/dev/null", "/dev/random", "/dev/urandom")
"""Without /dev/zero: mapping it gives shared memory that is not counted."""
ENVIRONMENT = {"HOME": SCRATCH, "LANG": "C.UTF-8", "PATH": "/usr/local/bin:/usr/bin:/bin"}
INSIDE = "1000"
"""User and group inside; outside they are whoever runs the sandbox."""


@dataclass(frozen=True, slots=True)
class Way:
    """How bubblewrap is started on this machine."""

    program: tuple[str, ...]
    groups: Groups | None = None

    def start(
        self,
        arguments: Sequence[str],
        descriptors: Sequence[int],
        stdin: int,
        group: Group | None = None,
    ) -> "subprocess.Popen[bytes]":
        """Start bubblewrap with arguments and the descriptors that they name, in a group."""
        argv = [*self.program, *arguments]
        return subprocess.Popen(
            argv if group is None else group.joined(argv),
            pass_fds=descriptors,
            env={},
            cwd="/",
            stdin=stdin,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )

    def group(self, limits: Limits) -> AbstractContextManager[Group | None]:
        """Return a group for one command, None where none can be made."""
        if self.groups is None:
            return nullcontext()
        return self.groups.group(limits.memory + limits.disk, limits.processes)


def confinement(limits: Limits, readable: Mapping[str, Path]) -> list[str]:
    """Return what hides the machine; `readable` maps places inside to folders outside."""
    arguments = ["--unshare-user", "--unshare-all", "--disable-userns", "--cap-drop", "ALL"]
    arguments += ["--die-with-parent", "--new-session", "--uid", INSIDE, "--gid", INSIDE]
    arguments += ["--ro-bind", "/usr", "/usr", *system_folders()]
    arguments += ["--proc", "/proc", "--remount-ro", "/proc", "--hostname", "sandbox"]
    for place in SETTINGS:
        arguments += ["--ro-bind-try", place, place]
    for device in DEVICES:
        arguments += ["--dev-bind-try", device, device]
    arguments += ["--symlink", "/proc/self/fd", "/dev/fd", "--symlink", SCRATCH, "/tmp"]
    for place, folder in readable.items():
        arguments += ["--ro-bind", str(folder), place]
    return [*arguments, "--size", str(limits.disk), "--tmpfs", SCRATCH, "--chdir", SCRATCH]


def system_folders() -> list[str]:
    """Return arguments for the folders that are links into /usr, or were before Debian 12."""
    arguments: list[str] = []
    for place in map(Path, SYSTEM):
        if place.is_symlink():
            arguments += ["--symlink", str(place.readlink()), str(place)]
        elif place.is_dir():
            arguments += ["--ro-bind", str(place), str(place)]
    return arguments


def environment(given: Mapping[str, str]) -> list[str]:
    """Return arguments for an environment of nothing but the basics and what is given."""
    arguments = ["--clearenv"]
    for name, value in {**ENVIRONMENT, **given}.items():
        arguments += ["--setenv", name, value]
    return arguments


def placed(name: str) -> str:
    """Return where a file lies inside, given its path in the scratch folder.

    Raises ValueError for a name that would lie elsewhere.
    """
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts or not path.parts or "\0" in name:
        raise ValueError(f"{name!r}: must be a path inside the scratch folder.")
    return f"{SCRATCH}/{path}"


def command(argv: Sequence[str], limits: Limits) -> list[str]:
    """Return the end of the command line: the root sealed, then the command under its limits.

    Address space is left free, since the BEAM reserves gigabytes and uses few; RLIMIT_DATA counts
    what can be written to. It stands above the watched limit so that the watch sees the cause.
    """
    seconds = math.ceil(limits.cpu) + 1
    return [
        *("--remount-ro", "/", "--", "prlimit", "--core=0", f"--nofile={DESCRIPTORS}"),
        *(f"--sigpending={SIGNALS}", "--msgqueue=0"),
        *(f"--nproc={limits.processes}", f"--data={2 * limits.memory}"),
        *(f"--fsize={limits.disk}", f"--cpu={seconds}", "--", *argv),
    ]


def as_bytes(content: str | bytes) -> bytes:
    """Return content as bytes; what UTF-8 cannot say, half of a surrogate pair, becomes "?"."""
    return content.encode(errors="replace") if isinstance(content, str) else content


@contextmanager
def memory_file(content: str | bytes) -> Iterator[int]:
    """Yield a descriptor of a file in memory, to be read from its beginning."""
    descriptor = os.memfd_create("given")
    try:
        with open(descriptor, "wb", closefd=False) as file:
            file.write(as_bytes(content))
        os.lseek(descriptor, 0, os.SEEK_SET)
        yield descriptor
    finally:
        os.close(descriptor)
