"""With each part missing in turn: refused, with what to do, or held and said."""

import os
import re
import shutil
from pathlib import Path

import pytest

from sandbox import Sandbox, SandboxUnavailable
from sandbox.control_groups import find_groups
from sandbox.finding import remedy
from tests.sandbox.machine import (
    PYTHON,
    as_stranger,
    is_grouped,
    needs_root,
    needs_sandbox,
    sandbox,
    told,
    write_program,
)

ASK = "from sandbox import Sandbox; print(Sandbox().held_by.memory)"
BWRAP = shutil.which("bwrap")


def test_without_bubblewrap_it_refuses_and_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(SandboxUnavailable, match=r"bwrap is not .*apt-get install bubblewrap"):
        Sandbox()


@needs_root
def test_root_does_not_run_foreign_code_as_root(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "bwrap").symlink_to(BWRAP or "/usr/bin/bwrap")
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(SandboxUnavailable, match=r"setpriv is not .*apt-get install util-linux"):
        Sandbox()


@needs_root
def test_a_way_that_stays_root_is_found_out(public: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    script = 'while [ "$1" != -- ]; do shift; done; shift; exec "$@"'
    write_program(public, "setpriv", f"#!/bin/sh\n{script}\n")
    monkeypatch.setenv("PATH", f"{public}:{os.environ['PATH']}")
    with pytest.raises(SandboxUnavailable, match=r"write as root to /proc/sys/kernel/core_pattern"):
        Sandbox()


@pytest.mark.parametrize(
    ("script", "said"),
    [
        (
            "echo 'bwrap: No permissions to create new namespace' >&2; exit 1",
            r"does not hold.*No permissions to create",
        ),
        (
            '[ "$1" = --version ] && echo bubblewrap 0.4.1 || { echo Unknown option >&2; exit 1; }',
            r"Unknown option.*0\.4\.1; install 0\.8 or newer",
        ),
        (
            'while [ "$1" != -- ]; do shift; done; shift; cd /tmp; exec "$@"',
            r"does not hold here \(memfd_create: .* more\)",
        ),
    ],
    ids=["refused by the kernel", "too old", "confines nothing"],
)
def test_a_bubblewrap_that_does_not_confine_is_no_sandbox(
    public: Path, monkeypatch: pytest.MonkeyPatch, script: str, said: str
) -> None:
    write_program(public, "bwrap", f"#!/bin/sh\n{script}\n")
    monkeypatch.setenv("PATH", f"{public}:/usr/bin:/bin")
    with pytest.raises(SandboxUnavailable, match=said):
        Sandbox()


WEAKER = {
    "no filter": ("--seccomp *", "", "memfd_create"),
    "our network": ("--unshare-all", "--unshare-pid --unshare-ipc --unshare-uts", "net namespace"),
    "our processes": ("--unshare-all", "--unshare-net --unshare-ipc --unshare-uts", "signal to"),
    "our messages": ("--unshare-all", "--unshare-net --unshare-pid --unshare-uts", "ipc namespace"),
    "a writable /proc": ("--remount-ro /proc", "", "write to /proc/self/mem"),
    "a writable root": ("--remount-ro /", "", "make a file in /"),
    "devices": ("--proc /proc", "--proc /proc --dev-bind /dev/zero /dev/zero", "see /dev/zero"),
    "sysfs": ("--proc /proc", "--proc /proc --ro-bind /sys /sys", "see /sys"),
    "settings": (
        "--proc /proc",
        "--proc /proc --ro-bind /etc/passwd /etc/passwd",
        "see /etc/passwd",
    ),
    "capabilities": ("--cap-drop ALL", "--cap-add ALL --uid 0", "CapInh|CapPrm|CapEff|CapBnd"),
    "its own user": ("--uid 1000", "--uid 0", "user inside"),
    "file sizes": ("--fsize=*", "--fsize=unlimited", "Max file size"),
    "processes": ("--nproc=*", "--nproc=200", "Max processes"),
    "signals": ("--sigpending=*", "--nofile=100", "Max open files"),
}
"""What is taken from the command line (* is any one word), what is put there, what is noticed."""

MEDDLER = """\
#!{python}
import fnmatch, os, sys
taken, given, found, arguments = {taken!r}.split(), {given!r}.split(), [], sys.argv[1:]
while arguments:
    head = arguments[: len(taken)]
    if len(head) == len(taken) and all(fnmatch.fnmatch(*pair) for pair in zip(head, taken)):
        found += given
        del arguments[: len(taken)]
    else:
        found.append(arguments.pop(0))
os.execv({bwrap!r}, [{bwrap!r}, *found])
"""


@pytest.mark.parametrize("part", WEAKER)
def test_a_bubblewrap_that_leaves_a_part_out_is_found_out(
    part: str, public: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken, given, noticed = WEAKER[part]
    script = MEDDLER.format(python=PYTHON, taken=taken, given=given, bwrap=BWRAP)
    write_program(public, "bwrap", script)
    monkeypatch.setenv("PATH", f"{public}:{os.environ['PATH']}")
    with pytest.raises(SandboxUnavailable, match=f"does not hold here .*({noticed})"):
        Sandbox()


@needs_root
@pytest.mark.parametrize("program", ["prlimit", "perl"])
def test_without_a_program_inside_it_refuses(program: str, code: Path) -> None:
    script = f'mount --bind /dev/null /usr/bin/{program} && exec "$@"'
    done = told(code, "-c", ASK, before=("unshare", "--mount", "sh", "-c", script, "sh"))
    assert "SandboxUnavailable" in done.stderr
    assert program in done.stderr
    assert "prlimit (util-linux) and perl under /usr" in done.stderr


@needs_root
def test_where_no_user_namespace_can_be_made_it_refuses(code: Path) -> None:
    script = 'echo 0 > /proc/sys/user/max_user_namespaces && exec "$@"'
    done = told(
        code, "-c", ASK, before=("unshare", "-U", "--map-root-user", "sh", "-c", script, "sh")
    )
    assert "user.max_user_namespaces=0 forbids it" in done.stderr
    assert "sysctl -w user.max_user_namespaces=10000" in done.stderr


def test_on_a_machine_whose_calls_are_not_known_it_refuses(code: Path) -> None:
    done = told(code, "-c", ASK, before=("setarch", "i686"))
    assert "the numbers of system calls on i686 are not known" in done.stderr


@needs_sandbox[1]
def test_in_another_sandbox_it_refuses(code: Path) -> None:
    outcome = Sandbox({"/code": code}).run(
        ["python3", "-B", "-c", ASK], environment={"PYTHONPATH": "/code"}
    )
    assert "SandboxUnavailable" in outcome.stderr
    assert outcome.stdout == ""


FORBIDDEN = {
    "sys/user/max_user_namespaces": ("0", r"sysctl -w user\.max_user_namespaces=10000"),
    "sys/kernel/unprivileged_userns_clone": ("0", r"kernel\.unprivileged_userns_clone=1"),
    "sys/kernel/apparmor_restrict_unprivileged_userns": (
        "1",
        r"profile bwrap /usr/bin/bwrap flags=\(unconfined\).*userns.*apparmor_parser -r",
    ),
    "self/status": ("Seccomp:\t2", "--security-opt seccomp=unconfined"),
}


@pytest.mark.parametrize("name", FORBIDDEN)
def test_what_the_kernel_forbids_is_named_with_its_remedy(name: str, tmp_path: Path) -> None:
    value, what_to_do = FORBIDDEN[name]
    (tmp_path / "proc" / name).parent.mkdir(parents=True)
    (tmp_path / "proc" / name).write_text(f"{value}\n")
    assert re.search(what_to_do, remedy("/usr/bin/bwrap", tmp_path / "proc"))


def test_where_nothing_is_forbidden_it_says_what_is_needed(tmp_path: Path) -> None:
    assert "needs user namespaces" in remedy("/usr/bin/bwrap", tmp_path / "proc")


def test_without_a_control_group_that_is_said(code: Path) -> None:
    if os.geteuid() != 0 and is_grouped():
        pytest.skip("this user may make control groups")
    done = told(code, "-c", ASK, before=as_stranger())
    assert done.stdout.startswith("a look every 50 ms, without a control group: "), done.stderr


@needs_root
@pytest.mark.skipif(not is_grouped(), reason="needs control groups")
def test_no_control_group_is_left_behind() -> None:
    groups, _ = find_groups()
    assert groups is not None
    sandbox().run(["true"])
    own = f"elixir-corpus-{os.getpid()}-*"
    assert [path for parent in groups.parents for path in parent.glob(own)] == []


V2 = "30 1 0:26 / {mount} rw shared:4 - cgroup2 cgroup2 rw,nsdelegate\n"
V1 = "31 1 0:27 /box {mount} rw - cgroup cgroup rw,memory\n"


def machine(folder: Path, mounts: str, own: str) -> Path:
    (folder / "proc/self").mkdir(parents=True)
    (folder / "proc/self/mountinfo").write_text(mounts.format(mount=folder / "cgroup"))
    (folder / "proc/self/cgroup").write_text(own)
    return folder / "proc"


@pytest.mark.parametrize(
    ("mounts", "own", "why"),
    [
        ("", "", "no control groups with memory are mounted"),
        (V2, "0::/user.slice\n", "no control group can be made here"),
        (V1, "4:memory:/box/a\n", "no control group can be made here"),
    ],
)
def test_a_machine_without_groups_says_why(mounts: str, own: str, why: str, tmp_path: Path) -> None:
    groups, told = find_groups(machine(tmp_path, mounts, own))
    assert groups is None
    assert why in told
