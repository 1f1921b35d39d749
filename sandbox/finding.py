"""How commands can be confined on this machine: looked for, seen to hold, or what is missing.

A way counts only after everything in `sandbox.escapes` was tried inside, with the command line that
commands get, and nothing of it was possible.
"""

import os
import platform
import re
import shutil
import subprocess
import sys
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

from corpus.errors import CorpusError
from sandbox import escapes
from sandbox.bubblewrap import Way, command, confinement, environment, memory_file
from sandbox.control_groups import find_groups
from sandbox.escapes import AttemptVerdict, EscapesUntold
from sandbox.limits import Limits
from sandbox.system_calls import ARCHITECTURES, seccomp_filter

NOBODY = 65534
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
