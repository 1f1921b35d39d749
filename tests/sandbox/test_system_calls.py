"""The filter, run as the kernel runs it; what the kernel does with it is in `test_escapes`."""

import errno
import struct

import pytest

from sandbox.system_calls import seccomp_filter

X86_64, I386, AARCH64, ARM = 0xC000003E, 0x40000003, 0xC00000B7, 0x40000028
ALLOWED, KILLED, IGNORED = 0x7FFF0000, 0x80000000, 0x00050000


def answer(program: bytes, architecture: int, number: int, *arguments: int) -> int:
    """Run a filter on a call; arguments that are not given are zero."""
    filled = (*arguments, *[0] * (6 - len(arguments)))
    call = struct.pack("=IIQ6Q", number, architecture, 0, *filled)
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
            held = {0x15: value == operand, 0x35: value >= operand, 0x45: bool(value & operand)}
            at += jump_true if held[code] else jump_false


def refused(number: int) -> int:
    return 0x00050000 | number


BOTH = [
    # x86_64, aarch64, arguments, answer
    (0, 63, (), ALLOWED),  # read
    (257, 56, (0, 0, 0, 0x21), ALLOWED),  # openat
    (59, 221, (), ALLOWED),  # execve
    (73, 32, (), ALLOWED),  # flock
    (462, 462, (), ALLOWED),  # mseal
    (272, 97, (), refused(errno.ENOSYS)),  # unshare
    (435, 435, (), refused(errno.ENOSYS)),  # clone3
    (425, 425, (), refused(errno.ENOSYS)),  # io_uring_setup
    (240, 180, (), refused(errno.ENOSYS)),  # mq_open
    (294, 26, (), refused(errno.ENOSYS)),  # inotify_init1
    (317, 277, (), refused(errno.ENOSYS)),  # seccomp
    (463, 463, (), refused(errno.ENOSYS)),  # setxattrat, newer than the filter
    (1000, 1000, (), refused(errno.ENOSYS)),
    (188, 5, (), refused(errno.EOPNOTSUPP)),  # setxattr
    (199, 16, (), refused(errno.EOPNOTSUPP)),  # fremovexattr
    (162, 81, (), IGNORED),  # sync
    (9, 222, (0, 4096, 3, 0x22), ALLOWED),  # mmap, private, of no file
    (9, 222, (0, 4096, 3, 0x01), ALLOWED),  # shared, of a file
    (9, 222, (0, 4096, 3, 0x21), refused(errno.ENOSYS)),
    (9, 222, (0, 4096, 3, 0x4023), refused(errno.ENOSYS)),  # MAP_SHARED_VALIDATE
    (9, 222, (0, 4096, 3, 0x40022), refused(errno.ENOMEM)),  # MAP_HUGETLB
    (41, 198, (1, 1), ALLOWED),  # socket: AF_UNIX
    (41, 198, (1 | 7 << 32, 1), ALLOWED),  # the kernel looks at the lower half only
    (41, 198, (2, 1), refused(errno.EAFNOSUPPORT)),  # AF_INET
    (41, 198, (40, 1), refused(errno.EAFNOSUPPORT)),  # AF_VSOCK
    (41, 198, (2**32 - 1, 1), refused(errno.EAFNOSUPPORT)),
    (53, 199, (1, 1), ALLOWED),  # socketpair
    (53, 199, (10, 1), refused(errno.EAFNOSUPPORT)),
    (56, 220, (0x3D0F00,), ALLOWED),  # clone: a thread
    (56, 220, (17,), ALLOWED),  # a process
    (56, 220, (0x10000011,), refused(errno.EPERM)),  # CLONE_NEWUSER
    (56, 220, (0x00020011,), refused(errno.EPERM)),  # CLONE_NEWNS
    (72, 25, (3, 1), ALLOWED),  # fcntl: F_GETFD
    (72, 25, (3, 5), ALLOWED),  # F_GETLK
    (72, 25, (3, 6), refused(errno.ENOLCK)),  # F_SETLK
    (72, 25, (3, 7), refused(errno.ENOLCK)),  # F_SETLKW
    (72, 25, (3, 37), refused(errno.ENOLCK)),  # F_OFD_SETLK
    (72, 25, (3, 38), refused(errno.ENOLCK)),  # F_OFD_SETLKW
    (72, 25, (3, 1024), refused(errno.EPERM)),  # F_SETLEASE
    (72, 25, (3, 1030), ALLOWED),  # F_DUPFD_CLOEXEC
    (72, 25, (3, 1031), refused(errno.EPERM)),  # F_SETPIPE_SZ
    (157, 167, (15,), ALLOWED),  # prctl: PR_SET_NAME
    (157, 167, (22,), refused(errno.EPERM)),  # PR_SET_SECCOMP
    (54, 208, (3, 1, 7), IGNORED),  # setsockopt: SO_SNDBUF
    (54, 208, (3, 1, 8), IGNORED),  # SO_RCVBUF
    (54, 208, (3, 1, 9), ALLOWED),  # SO_KEEPALIVE
    (54, 208, (3, 6, 7), ALLOWED),  # of another level
    (54, 208, (3, 1, 26), refused(errno.ENOPROTOOPT)),  # SO_ATTACH_FILTER
]


@pytest.mark.parametrize(("number", "other", "arguments", "expected"), BOTH)
def test_the_filter_answers(
    number: int, other: int, arguments: tuple[int, ...], expected: int
) -> None:
    ours, theirs = seccomp_filter("x86_64"), seccomp_filter("aarch64")
    assert ours is not None
    assert theirs is not None
    assert answer(ours, X86_64, number, *arguments) == expected
    assert answer(theirs, AARCH64, other, *arguments) == expected


@pytest.mark.parametrize(
    ("machine", "foreign"),
    [("x86_64", I386), ("x86_64", AARCH64), ("aarch64", ARM), ("aarch64", X86_64)],
)
def test_a_call_of_a_foreign_abi_ends_the_process(machine: str, foreign: int) -> None:
    program = seccomp_filter(machine)
    assert program is not None
    assert answer(program, foreign, 1) == KILLED


@pytest.mark.parametrize("number", [0, 9, 41, 272, 512])
def test_no_call_of_x32_is_allowed(number: int) -> None:
    program = seccomp_filter("x86_64")
    assert program is not None
    assert answer(program, X86_64, number | 0x40000000) == refused(errno.ENOSYS)


def test_an_unknown_machine_has_no_filter() -> None:
    assert seccomp_filter("riscv64") is None
