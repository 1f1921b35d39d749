"""A seccomp filter against system calls that get around the other limits.

Memory that can be kept without being mapped (memfd, what System V shares, pages spliced into pipes,
shared mappings of no file) escapes the watch on memory, and the rest reach deep into the kernel
with no use for a compiler or a test. Asking for larger socket buffers, which cannot be counted
either, is answered as done and not done. The program is classic BPF as the kernel's
Documentation/userspace-api/seccomp_filter.rst lays it out.
"""

import errno
import platform
import struct

ARCHITECTURES = {
    "x86_64": (
        0xC000003E,
        {"mmap": 9, "setsockopt": 54},
        {
            "shmget": 29,
            "semget": 64,
            "msgget": 68,
            "ptrace": 101,
            "pivot_root": 155,
            "mount": 165,
            "umount2": 166,
            "add_key": 248,
            "request_key": 249,
            "keyctl": 250,
            "unshare": 272,
            "perf_event_open": 298,
            "open_by_handle_at": 304,
            "vmsplice": 278,
            "setns": 308,
            "memfd_create": 319,
            "bpf": 321,
            "userfaultfd": 323,
            "io_uring_setup": 425,
            "memfd_secret": 447,
        },
    ),
    "aarch64": (
        0xC00000B7,
        {"mmap": 222, "setsockopt": 208},
        {
            "umount2": 39,
            "mount": 40,
            "pivot_root": 41,
            "vmsplice": 75,
            "unshare": 97,
            "ptrace": 117,
            "msgget": 186,
            "semget": 190,
            "shmget": 194,
            "add_key": 217,
            "request_key": 218,
            "keyctl": 219,
            "perf_event_open": 241,
            "open_by_handle_at": 265,
            "setns": 268,
            "memfd_create": 279,
            "bpf": 280,
            "userfaultfd": 282,
            "io_uring_setup": 425,
            "memfd_secret": 447,
        },
    ),
}
"""Audit number of each architecture (linux/audit.h), its numbers of calls that are looked into, and
of those that are refused."""

LOAD, EQUAL, AT_LEAST, RETURN, AND = 0x20, 0x15, 0x35, 0x06, 0x54
NUMBER_AT, ARCHITECTURE_AT = 0, 4
SECOND_ARGUMENT_AT, THIRD_ARGUMENT_AT, FOURTH_ARGUMENT_AT = (16 + each * 8 for each in (1, 2, 3))
SHARED_ANONYMOUS = 0x01 | 0x20
"""MAP_SHARED and MAP_ANONYMOUS (asm-generic/mman-common.h), among the flags of mmap(2)."""
SOCKET_LEVEL, SEND_BUFFER, RECEIVE_BUFFER = 1, 7, 8
"""SOL_SOCKET, SO_SNDBUF and SO_RCVBUF (asm-generic/socket.h)."""
ALLOW, KILL = 0x7FFF0000, 0x80000000
REFUSE = 0x00050000 | errno.ENOSYS
"""ENOSYS, not EPERM: programs then fall back to older ways, as on an older kernel."""
IGNORE = 0x00050000
"""An error of number 0: the call is not made, and the program sees success."""
OTHER_ABI = 0x40000000
"""x86_64 answers to a second set of numbers (x32) from here on."""


Step = tuple[int, int, int, int]
"""Code, how many steps to skip where a comparison holds and where not, operand."""


def seccomp_filter(machine: str | None = None) -> bytes | None:
    """Return the filter for a machine as `bwrap --seccomp` takes it; None for one not listed."""
    known = ARCHITECTURES.get(machine or platform.machine())
    if known is None:
        return None
    architecture, looked_into, refused = known
    program: list[Step] = [
        (LOAD, 0, 0, ARCHITECTURE_AT),
        (EQUAL, 1, 0, architecture),
        (RETURN, 0, 0, KILL),
        (LOAD, 0, 0, NUMBER_AT),
        *only(looked_into["mmap"], SHARING),
        *only(looked_into["setsockopt"], BUFFERS),
        (AT_LEAST, len(refused) + 1, 0, OTHER_ABI),
        *(
            (EQUAL, len(refused) - at, 0, number)
            for at, number in enumerate(sorted(refused.values()))
        ),
        (RETURN, 0, 0, ALLOW),
        (RETURN, 0, 0, REFUSE),
    ]
    return b"".join(struct.pack("=HBBI", *step) for step in program)


SHARING: tuple[Step, ...] = (
    (LOAD, 0, 0, FOURTH_ARGUMENT_AT),
    (AND, 0, 0, SHARED_ANONYMOUS),
    (EQUAL, 0, 1, SHARED_ANONYMOUS),
    (RETURN, 0, 0, REFUSE),
    (RETURN, 0, 0, ALLOW),
)
BUFFERS: tuple[Step, ...] = (
    (LOAD, 0, 0, SECOND_ARGUMENT_AT),
    (EQUAL, 0, 4, SOCKET_LEVEL),
    (LOAD, 0, 0, THIRD_ARGUMENT_AT),
    (EQUAL, 1, 0, SEND_BUFFER),
    (EQUAL, 0, 1, RECEIVE_BUFFER),
    (RETURN, 0, 0, IGNORE),
    (RETURN, 0, 0, ALLOW),
)


def only(number: int, steps: tuple[Step, ...]) -> tuple[Step, ...]:
    """Return steps that a call of one number goes through, and others pass by."""
    return ((EQUAL, 0, len(steps), number), *steps)
