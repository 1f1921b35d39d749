"""The command line of bubblewrap: what a confined command sees, and what it may use.

Namespaces hide the network, other processes and every file but those named here; the root and the
system's folders are read-only; the scratch folder is a file system in memory with a size. No
capability is left, and none can be had. Limits of single processes are the kernel's (setrlimit(2));
those of the whole tree are kept by `sandbox.watching`, which looks every 50 ms.
"""

import math
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from corpus.errors import CorpusError
from sandbox.watching import SCRATCH, Limits

SYSTEM = ("/bin", "/lib", "/lib32", "/lib64", "/sbin")
SETTINGS = ("/etc/alternatives", "/etc/ld.so.cache", "/etc/localtime")
DEVICES = ("/dev/full", "/dev/null", "/dev/random", "/dev/urandom")
"""Without /dev/zero: to map it is to have shared memory that nobody counts."""
ENVIRONMENT = {"HOME": SCRATCH, "LANG": "C.UTF-8", "PATH": "/usr/local/bin:/usr/bin:/bin"}
NOBODY = 65534
INSIDE = "1000"
"""User and group inside; outside they are whoever runs the sandbox."""
DESCRIPTORS = 256

PROBE = """\
for place in /home /root /sys; do [ ! -e $place ] || exit 11; done
for place in / /usr /etc /dev; do if (: > $place/.probe) 2>/dev/null; then exit 12; fi; done
if grep -v -e '|' -e ' lo:' /proc/net/dev; then exit 13; fi
: > probe && echo held
"""
"""Says so only where nothing is in reach that must not be."""
PROBE_SECONDS = 20

REMEDY = "On Debian, as root: apt-get install bubblewrap."


class SandboxUnavailable(CorpusError):
    """No command can be confined on this machine, so none is run."""

    def __init__(self, reason: str, remedy: str) -> None:
        super().__init__(f"No sandbox here: {reason}. Foreign code is not run without. {remedy}")


@dataclass(frozen=True, slots=True)
class Way:
    """How bubblewrap is started on this machine."""

    program: tuple[str, ...]

    def start(
        self, arguments: Sequence[str], descriptors: Sequence[int], stdin: int
    ) -> "subprocess.Popen[bytes]":
        """Start bubblewrap with arguments and the descriptors that they name."""
        return subprocess.Popen(
            [*self.program, *arguments],
            pass_fds=descriptors,
            env={},
            cwd="/",
            stdin=stdin,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )


def find_way() -> Way:
    """Return a way that was seen to hold, by running a probe.

    Raises SandboxUnavailable with the reason and what to install.
    """
    if sys.platform != "linux":
        raise SandboxUnavailable(f"{sys.platform} has no namespaces", "Run this on Linux.")
    program = shutil.which("bwrap")
    if program is None:
        raise SandboxUnavailable("bubblewrap (bwrap) is not installed", REMEDY)
    complaints = []
    for way in ways(program):
        if (complaint := probe(way)) is None:
            return way
        complaints.append(complaint)
    raise SandboxUnavailable(
        f"{program} does not hold here ({'; '.join(complaints)})",
        "It needs version 0.8 or newer and user namespaces: see "
        "`sysctl kernel.unprivileged_userns_clone user.max_user_namespaces "
        "kernel.apparmor_restrict_unprivileged_userns`. A container must be allowed them.",
    )


def ways(program: str) -> list[Way]:
    """Return how it could be started, best first: the kernel counts no processes of root.

    setpriv changes the user, not subprocess, which would then copy this process's page tables.
    """
    as_we_are = Way((program,))
    setpriv = shutil.which("setpriv") if os.geteuid() == 0 else None
    if setpriv is None:
        return [as_we_are]
    nobody = (f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups")
    return [Way((setpriv, *nobody, program)), as_we_are]


def probe(way: Way) -> str | None:
    """Run the probe; return None where the sandbox held, else what was said instead."""
    confined = confinement(Limits(), {}) + command(["sh", "-c", PROBE], Limits())
    try:
        process = way.start(confined, (), subprocess.DEVNULL)
    except OSError as error:
        return str(error)
    try:
        out, error_text = process.communicate(timeout=PROBE_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()
        return f"the probe had no end in {PROBE_SECONDS} s"
    if out.strip() == b"held":
        return None
    return error_text.decode(errors="replace").strip() or f"probe: status {process.returncode}"


def confinement(limits: Limits, readable: Mapping[str, Path]) -> list[str]:
    """Return what hides the machine; `readable` maps places inside to folders outside."""
    arguments = ["--unshare-user", "--unshare-all", "--disable-userns", "--cap-drop", "ALL"]
    arguments += ["--die-with-parent", "--new-session", "--uid", INSIDE, "--gid", INSIDE]
    arguments += ["--ro-bind", "/usr", "/usr", *system_folders(), "--proc", "/proc"]
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
        *(f"--nproc={limits.processes}", f"--data={2 * limits.memory}"),
        *(f"--fsize={limits.disk}", f"--cpu={seconds}", "--", *argv),
    ]
