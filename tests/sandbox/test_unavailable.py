import errno
import struct
from pathlib import Path

import pytest

from sandbox import Sandbox, SandboxUnavailable
from sandbox.system_calls import ARCHITECTURES, seccomp_filter


def test_without_bubblewrap_it_refuses_and_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(SandboxUnavailable, match=r"not installed.*apt-get install bubblewrap"):
        Sandbox()


def test_a_bubblewrap_that_the_kernel_refuses_is_no_sandbox(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "bwrap"
    program.write_text(
        "#!/bin/sh\necho 'bwrap: No permissions to create new namespace' >&2\nexit 1"
    )
    program.chmod(0o755)
    tmp_path.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(SandboxUnavailable, match=r"does not hold.*No permissions.*sysctl"):
        Sandbox()


def test_a_bubblewrap_that_confines_nothing_is_found_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "bwrap"
    program.write_text('#!/bin/sh\nwhile [ "$1" != -- ]; do shift; done\nshift\nexec "$@"\n')
    program.chmod(0o755)
    tmp_path.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    with pytest.raises(SandboxUnavailable, match="does not hold"):
        Sandbox()


def answer(program: bytes, architecture: int, number: int, flags: int = 0, *option: int) -> int:
    """Run a filter as the kernel does, on a call whose fourth argument is `flags`.

    Its second and third are `option`, zero unless given.
    """
    second, third = option or (0, 0)
    call = struct.pack("=IIQ4Q", number, architecture, 0, 0, second, third, flags)
    steps = list(struct.iter_unpack("=HBBI", program))
    at = value = 0
    while True:
        code, jump_true, jump_false, operand = steps[at]
        at += 1
        if code == 0x06:
            return int(operand)
        if code == 0x20:
            value = struct.unpack_from("=I", call, operand)[0]
        elif code == 0x54:
            value &= operand
        else:
            held = value == operand if code == 0x15 else value >= operand
            at += jump_true if held else jump_false


IGNORED = 0x00050000
ALLOWED, REFUSED, KILLED = 0x7FFF0000, 0x00050000 | errno.ENOSYS, 0x80000000


@pytest.mark.parametrize(
    ("machine", "architecture", "openat", "mmap", "unshare", "setsockopt"),
    [("x86_64", 0xC000003E, 257, 9, 272, 54), ("aarch64", 0xC00000B7, 56, 222, 97, 208)],
)
def test_a_filter_refuses_what_it_lists_and_shared_memory_of_no_file(
    machine: str, architecture: int, openat: int, mmap: int, unshare: int, setsockopt: int
) -> None:
    program = seccomp_filter(machine)
    assert program is not None
    assert answer(program, architecture, openat) == ALLOWED
    assert answer(program, architecture, openat, 0x21) == ALLOWED
    assert answer(program, architecture, unshare) == REFUSED
    assert answer(program, architecture, mmap, 0x22) == ALLOWED, "private, of no file"
    assert answer(program, architecture, mmap, 0x01) == ALLOWED, "shared, of a file"
    assert answer(program, architecture, mmap, 0x21) == REFUSED
    assert answer(program, architecture, mmap, 0x4023) == REFUSED, "MAP_SHARED_VALIDATE"
    assert answer(program, architecture, mmap | 0x40000000) == REFUSED, "x32"
    for name, expected in ((7, IGNORED), (8, IGNORED), (9, ALLOWED)):
        assert answer(program, architecture, setsockopt, 0, 1, name) == expected
        assert answer(program, architecture, setsockopt, 0, 6, name) == ALLOWED
    assert answer(program, 0x40000003, openat) == KILLED
    for number in ARCHITECTURES[machine][2].values():
        assert answer(program, architecture, number) == REFUSED


def test_an_unknown_machine_has_no_filter() -> None:
    assert seccomp_filter("riscv64") is None
