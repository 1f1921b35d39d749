"""Every escape is tried, as root and as another user, and none is possible."""

from pathlib import Path

import pytest

from sandbox import Limits
from sandbox.__main__ import main
from sandbox.escapes import EscapesUntold, attempts, judged
from tests.sandbox.machine import as_stranger, needs_root, needs_sandbox, told

pytestmark = needs_sandbox


@pytest.mark.parametrize(
    "before",
    [pytest.param((), marks=needs_root, id="root"), pytest.param(as_stranger(), id="user")],
)
def test_no_escape_is_possible(before: tuple[str, ...], code: Path) -> None:
    done = told(code, "-m", "sandbox", "--escapes", before=before)
    lines = done.stdout.splitlines()
    assert [line for line in lines if not line.startswith("held ")] == lines[-1:], done.stderr
    assert lines[-1] == f"{len(lines) - 1} attempts, 0 of them not held"
    assert done.returncode == 0
    by = [line.split()[1] for line in lines[:-1]]
    assert by.count("seccomp") >= 180
    assert len(by) - by.count("seccomp") >= 90


def test_the_table_has_what_has_been_an_escape() -> None:
    """Calls, families of sockets and files by which sandboxes of others were left."""
    names = {each.name for each in attempts(Limits())}
    assert names >= {
        "ptrace", "mount", "unshare", "setns", "clone3", "keyctl", "bpf", "userfaultfd", "splice",
        "io_uring_setup", "open_by_handle_at", "setxattr", "fcntl(lock 6)", "fcntl(1031)",
        "socket(AF_VSOCK)", "socket(AF_NETLINK)", "socket(AF_ALG)", "socket(AF_PACKET)",
        "socket(AF_INET)", "socketpair(AF_TIPC)", "prctl(PR_SET_SECCOMP)",
        "write to /proc/sys/kernel/core_pattern", "write to /proc/sysrq-trigger",
        "write to any file of /proc", "see /sys/fs/cgroup", "see /dev/kvm", "see /etc/shadow",
        "other processes", "net namespace", "capabilities, CapBnd", "NoNewPrivs",
    }  # fmt: skip


def test_attempts_that_were_not_all_made_tell_nothing() -> None:
    made = attempts(Limits())
    with pytest.raises(EscapesUntold, match="perl: not found"):
        judged(made, "error 38\n", "perl: not found")
    with pytest.raises(EscapesUntold, match=f"1 of {len(made)} attempts told"):
        judged(made, "error 38\n", "")


def test_an_attempt_that_succeeds_is_not_held() -> None:
    made = attempts(Limits())
    verdicts = judged(made, "done\n" * len(made), "")
    assert [each.attempt.name for each in verdicts if each.held] == []


def test_the_command_says_what_holds_here(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 0
    shown = dict(line.split(maxsplit=1) for line in capsys.readouterr().out.splitlines())
    assert list(shown) == ["namespaces", "user", "system", "memory"]
    assert shown["system"] == "calls  seccomp filter"


def test_the_command_says_why_nothing_holds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    for arguments in ([], ["--escapes"]):
        assert main(arguments) == 2
        assert "apt-get install bubblewrap" in capsys.readouterr().err
