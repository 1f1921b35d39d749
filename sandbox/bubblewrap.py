"""The command line of bubblewrap: what a confined command sees and may use, and that it holds.

Namespaces hide the network, other processes and every file but those named here; the root, /proc
and the system's folders are read-only; the scratch folder is a file system in memory with a size.
No capability is left, and none can be had. Limits of single processes are the kernel's
(setrlimit(2)); those of the whole tree are kept by a control group, where one can be made, and by
`sandbox.watching`, which looks every 50 ms.
"""

import math
import os
import platform
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

from corpus.errors import CorpusError
from sandbox import escapes
from sandbox.control_groups import Group, Groups, find_groups
from sandbox.escapes import AttemptVerdict, EscapesUntold
from sandbox.limits import DESCRIPTORS, SCRATCH, SIGNALS, Limits
from sandbox.system_calls import ARCHITECTURES, seccomp_filter

SYSTEM = ("/bin", "/lib", "/lib32", "/lib64", "/sbin")
SETTINGS = ("/etc/alternatives", "/etc/ld.so.cache", "/etc/localtime")
DEVICES = ("/dev/full", "/dev/null", "/dev/random", "/dev/urandom")
"""Without /dev/zero: mapping it gives shared memory that is not counted."""
ENVIRONMENT = {"HOME": SCRATCH, "LANG": "C.UTF-8", "PATH": "/usr/local/bin:/usr/bin:/bin"}
NOBODY = 65534
INSIDE = "1000"
"""User and group inside; outside they are whoever runs the sandbox."""
PROBE_SECONDS = 30
TOLD = 3
"""Complaints that are told before the others are counted."""
OLDEST = (0, 8)
"""The first version that can forbid further user namespaces (--disable-userns)."""

PROFILE = (
    "abi <abi/4.0>,\\ninclude <tunables/global>\\n"
    "profile bwrap {program} flags=(unconfined) {{\\n  userns,\\n}}\\n"
)
PROFILE_AT = "/etc/apparmor.d/bwrap"
"""A profile of AppArmor that lets a program make user namespaces, as printf takes it."""


class SandboxUnavailable(CorpusError):
    """No command can be confined on this machine, so none is run."""

    def __init__(self, reason: str, remedy: str) -> None:
        super().__init__(f"No sandbox here: {reason}. Foreign code is not run without. {remedy}")


@dataclass(frozen=True, slots=True)
class HeldBy:
    """What holds a command on this machine, in words."""

    namespaces: str
    user: str
    """As whom commands run, seen from outside."""
    system_calls: str
    memory: str
    """How memory is counted: without a control group, not all that the kernel keeps for them."""


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


def find_way() -> tuple[Way, HeldBy]:
    """Return a way that was seen to hold, by trying what must not be possible, and by what it does.

    Raises SandboxUnavailable with the reason and what to do.
    """
    way, why = candidate()
    wrong, what_to_do = probe(way)
    if wrong and way.groups is not None:  # perhaps for the group alone
        way, why = replace(way, groups=None), f"one does not work here ({wrong})"
        wrong, what_to_do = probe(way)
    program = way.program[-1]
    if wrong:
        raise SandboxUnavailable(f"{program} does not hold here ({wrong})", what_to_do)
    return way, HeldBy(
        namespaces=f"bubblewrap {program}",
        user="nobody" if len(way.program) > 1 else f"user {os.geteuid()}, who started it",
        system_calls="seccomp filter",
        memory=f"control group, version {way.groups.version}"
        if way.groups
        else f"a look every 50 ms, without a control group: {why}",
    )


def candidate() -> tuple[Way, str]:
    """Return the one way that may hold here, and why it has no control group if it has none.

    As root a command becomes the user nobody: the kernel counts no processes of root, and what root
    owns could be written to. Raises SandboxUnavailable where a part of it is missing.
    """
    if sys.platform != "linux":
        raise SandboxUnavailable(f"{sys.platform} has no namespaces", "Run this on Linux.")
    if seccomp_filter() is None:
        raise SandboxUnavailable(
            f"the numbers of system calls on {platform.machine()} are not known",
            f"Run this on {' or '.join(ARCHITECTURES)}.",
        )
    program = installed("bwrap", "bubblewrap")
    user: tuple[str, ...] = ()
    if os.geteuid() == 0:
        # Not by subprocess, which would then copy the page tables of this process.
        setpriv = installed("setpriv", "util-linux")
        user = (setpriv, f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups", "--")
    groups, why = find_groups()
    return Way((*user, program), groups), why


def installed(program: str, package: str) -> str:
    """Return the path of a program. Raises SandboxUnavailable."""
    found = shutil.which(program)
    if found is None:
        raise SandboxUnavailable(
            f"{program} is not installed", f"On Debian, as root: apt-get install {package}."
        )
    return found


def probe(way: Way) -> tuple[str, str]:
    """Try all that must not be possible; return what is wrong and what to do, "" where it held."""
    try:
        escaped = [each for each in attempted(way) if not each.held]
    except (OSError, EscapesUntold) as error:
        return str(error), remedy(way.program[-1])
    told = [f"{each.attempt.name}: {each.came}" for each in escaped[:TOLD]]
    told += [f"and {len(escaped) - TOLD} more"] * (len(escaped) > TOLD)
    return "; ".join(told), "`python -m sandbox --escapes` shows all that was tried."


def attempted(way: Way) -> list[AttemptVerdict]:
    """Make every attempt of `sandbox.escapes` inside. Raises OSError and EscapesUntold."""
    limits = Limits()
    program = seccomp_filter()
    assert program is not None
    with ExitStack() as opened:
        group = opened.enter_context(way.group(limits))
        calls = opened.enter_context(memory_file(program))
        confined = [*confinement(limits, {}), *environment({}), "--seccomp", str(calls)]
        attempts = escapes.attempts(limits)
        process = way.start(
            [*confined, *command(escapes.command_line(attempts), limits)],
            [calls],
            subprocess.DEVNULL,
            group,
        )
        try:
            out, said = process.communicate(timeout=PROBE_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()
            raise EscapesUntold(f"the probe had no end in {PROBE_SECONDS} s") from None
    return escapes.judged(attempts, out.decode(errors="replace"), said.decode(errors="replace"))


def remedy(program: str, proc: Path = Path("/proc")) -> str:
    """Return what to do where bubblewrap does not hold: what the kernel says that it forbids."""
    if (version := version_of(program)) and version < OLDEST:
        return (
            f"It is version {'.'.join(map(str, version))}; install "
            f"{'.'.join(map(str, OLDEST))} or newer."
        )
    profile = PROFILE.format(program=program)
    loading = f"printf '{profile}' > {PROFILE_AT} && apparmor_parser -r {PROFILE_AT}"
    forbidden = {
        "sys/user/max_user_namespaces": ("0", "sysctl -w user.max_user_namespaces=10000"),
        "sys/kernel/unprivileged_userns_clone": (
            "0",
            "sysctl -w kernel.unprivileged_userns_clone=1",
        ),
        "sys/kernel/apparmor_restrict_unprivileged_userns": (
            "1",
            loading,
        ),
    }
    for setting, (value, command_line) in forbidden.items():
        if value_of(proc / setting) == value:
            name = setting.removeprefix("sys/").replace("/", ".")
            return f"The kernel's setting {name}={value} forbids it. As root: {command_line}"
    needed = "It needs user namespaces, seccomp, and prlimit (util-linux) and perl under /usr."
    filtered = re.search(r"^Seccomp:\s+2$", value_of(proc / "self/status"), re.MULTILINE)
    if filtered or any((proc.parent / name).exists() for name in CONTAINER_MARKS):
        needed += (
            " In a container, start it with `--security-opt seccomp=unconfined --security-opt "
            "apparmor=unconfined --security-opt systempaths=unconfined`, or run this outside of it."
        )
    return needed


CONTAINER_MARKS = (".dockerenv", "run/.containerenv")


def value_of(path: Path) -> str:
    """Return what a file of the kernel says, "" where there is no such."""
    try:
        return path.read_text().strip()
    except OSError:
        return ""


def version_of(program: str) -> tuple[int, ...]:
    """Return the version that bubblewrap tells, () where it tells none."""
    try:
        done = subprocess.run(
            [program, "--version"], capture_output=True, timeout=PROBE_SECONDS, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return ()
    found = re.search(rb"(\d+)\.(\d+)\.(\d+)", done.stdout)
    return tuple(map(int, found.groups())) if found else ()


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
