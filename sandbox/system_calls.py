"""A seccomp filter: which system calls a confined program can make.

Refused are calls that keep memory where it is not counted (files without a name, System V objects,
message queues, extended attributes, record locks, watches, filters), calls that reach deep into the
kernel with no use for a compiler or a test, sockets of every family but AF_UNIX, and every call
that is newer than this table. Calls of a foreign ABI, which are numbered differently, end the
process. The program is classic BPF as the kernel's
Documentation/userspace-api/seccomp_filter.rst lays it out; numbers are those of the kernel's
`unistd.h`.
"""

import errno
import platform
import struct
from collections.abc import Iterable, Mapping

ARCHITECTURES = {"x86_64": (0xC000003E, 0), "aarch64": (0xC00000B7, 1)}
"""Audit number of each architecture (linux/audit.h), and its column in the tables below."""

Numbers = tuple[int | None, int | None]
"""The number of a call on x86_64 and on aarch64; None where there is no such call."""

REFUSED: Mapping[str, Numbers] = {
    # Memory that no process maps, or that is not counted.
    "memfd_create": (319, 279), "memfd_secret": (447, 447), "userfaultfd": (323, 282),
    "shmget": (29, 194), "shmat": (30, 196), "shmctl": (31, 195), "shmdt": (67, 197),
    "semget": (64, 190), "semop": (65, 193), "semctl": (66, 191), "semtimedop": (220, 192),
    "msgget": (68, 186), "msgsnd": (69, 189), "msgrcv": (70, 188), "msgctl": (71, 187),
    "mq_open": (240, 180), "mq_unlink": (241, 181), "mq_timedsend": (242, 182),
    "mq_timedreceive": (243, 183), "mq_notify": (244, 184), "mq_getsetattr": (245, 185),
    "splice": (275, 76), "tee": (276, 77), "vmsplice": (278, 75),
    "io_setup": (206, 0), "io_destroy": (207, 1), "io_getevents": (208, 4), "io_submit": (209, 2),
    "io_cancel": (210, 3), "io_pgetevents": (333, 292),
    "io_uring_setup": (425, 425), "io_uring_enter": (426, 426), "io_uring_register": (427, 427),
    "inotify_init": (253, None), "inotify_init1": (294, 26), "inotify_add_watch": (254, 27),
    "fanotify_init": (300, 262), "fanotify_mark": (301, 263),
    "add_key": (248, 217), "request_key": (249, 218), "keyctl": (250, 219),
    "mbind": (237, 235), "set_mempolicy": (238, 237), "migrate_pages": (256, 238),
    "move_pages": (279, 239), "set_mempolicy_home_node": (450, 450),
    "remap_file_pages": (216, 234), "seccomp": (317, 277),
    "landlock_create_ruleset": (444, 444), "landlock_add_rule": (445, 445),
    "landlock_restrict_self": (446, 446),
    # Namespaces, mounts and roots. What clone3 is asked for cannot be seen from a filter.
    "clone3": (435, 435), "unshare": (272, 97), "setns": (308, 268), "chroot": (161, 51),
    "pivot_root": (155, 41), "mount": (165, 40), "umount2": (166, 39), "open_tree": (428, 428),
    "move_mount": (429, 429), "fsopen": (430, 430), "fsconfig": (431, 431),
    "fsmount": (432, 432), "fspick": (433, 433), "mount_setattr": (442, 442),
    "statmount": (457, 457), "listmount": (458, 458),
    "name_to_handle_at": (303, 264), "open_by_handle_at": (304, 265),
    # Other processes.
    "ptrace": (101, 117), "process_vm_readv": (310, 270), "process_vm_writev": (311, 271),
    "kcmp": (312, 272), "pidfd_getfd": (438, 438), "process_madvise": (440, 440),
    "process_mrelease": (448, 448),
    # The machine as a whole.
    "bpf": (321, 280), "perf_event_open": (298, 241), "syslog": (103, 116), "acct": (163, 89),
    "reboot": (169, 142), "kexec_load": (246, 104), "kexec_file_load": (320, 294),
    "create_module": (174, None), "init_module": (175, 105), "finit_module": (313, 273),
    "delete_module": (176, 106), "get_kernel_syms": (177, None), "query_module": (178, None),
    "swapon": (167, 224), "swapoff": (168, 225), "sethostname": (170, 161),
    "setdomainname": (171, 162), "settimeofday": (164, 170), "clock_settime": (227, 112),
    "clock_adjtime": (305, 266), "adjtimex": (159, 171), "iopl": (172, None),
    "ioperm": (173, None), "quotactl": (179, 60), "quotactl_fd": (443, 443),
    "nfsservctl": (180, 42), "vhangup": (153, 58), "lookup_dcookie": (212, 18),
    "cachestat": (451, 451), "lsm_get_self_attr": (459, 459), "lsm_set_self_attr": (460, 460),
    "lsm_list_modules": (461, 461),
    # Old, and only a way to old errors.
    "modify_ldt": (154, None), "personality": (135, 92), "uselib": (134, None),
    "ustat": (136, None), "sysfs": (139, None), "_sysctl": (156, None),
}  # fmt: skip
"""Answered with ENOSYS, not EPERM: programs then fall back to older ways, as on an older kernel."""
ATTRIBUTES: Mapping[str, Numbers] = {
    "setxattr": (188, 5), "lsetxattr": (189, 6), "fsetxattr": (190, 7),
    "removexattr": (197, 14), "lremovexattr": (198, 15), "fremovexattr": (199, 16),
}  # fmt: skip
"""Answered as by a file system without extended attributes; their memory is that of no file."""
IGNORED: Mapping[str, Numbers] = {"sync": (162, 81), "syncfs": (306, 267)}
"""Answered as done: they would write to disk what the whole machine has to write."""
NEWEST = 462
"""The last call that this table was made from (mseal, Linux 6.10); later ones are unknown here."""
LOOKED_INTO: Mapping[str, Numbers] = {
    "mmap": (9, 222), "socket": (41, 198), "socketpair": (53, 199), "setsockopt": (54, 208),
    "clone": (56, 220), "fcntl": (72, 25), "prctl": (157, 167),
}  # fmt: skip
"""Refused for some arguments only; see `RULES`."""

SHARED_ANONYMOUS, HUGE_PAGES = 0x01 | 0x20, 0x40000
"""MAP_SHARED with MAP_ANONYMOUS, and MAP_HUGETLB (asm-generic/mman.h)."""
UNIX = 1
"""AF_UNIX, the one family of sockets that stays."""
NAMESPACES = 0x7E020000
"""CLONE_NEWNS, NEWCGROUP, NEWUTS, NEWIPC, NEWUSER, NEWPID and NEWNET (linux/sched.h)."""
RECORD_LOCKS = (6, 7, 37, 38)
"""F_SETLK, F_SETLKW and those of open file descriptions: a lock for every byte, all uncounted."""
LEASES_WATCHES_PIPES = (1024, 1026, 1031)
"""F_SETLEASE, F_NOTIFY and F_SETPIPE_SZ (linux/fcntl.h)."""
SECCOMP = 22
"""PR_SET_SECCOMP, another way to `seccomp`: filters are memory."""
SOCKET_LEVEL, BUFFERS, SOCKET_FILTERS = 1, (7, 8), (26, 50, 51, 52)
"""SOL_SOCKET; SO_SNDBUF and SO_RCVBUF; SO_ATTACH_FILTER and its kin (asm-generic/socket.h)."""

LOAD, EQUAL, AT_LEAST, ANY_BIT, RETURN, AND = 0x20, 0x15, 0x35, 0x45, 0x06, 0x54
NUMBER_AT, ARCHITECTURE_AT = 0, 4
ALLOW, KILL, ERROR = 0x7FFF0000, 0x80000000, 0x00050000
IGNORE = ERROR
"""An error of number 0: the call is not made, and the program sees success."""

Step = tuple[int, int, int, int]
"""Code, how many steps to skip where a comparison holds and where not, operand."""


def argument(position: int) -> Step:
    """Load the lower half of an argument, all that the kernel itself looks at in these calls."""
    return (LOAD, 0, 0, 16 + 8 * position)


def among(values: Iterable[int], answer: int) -> tuple[Step, ...]:
    """Answer if what is loaded is one of the values; go on behind that otherwise."""
    *first, last = values
    passing = [(EQUAL, len(first) - at, 0, value) for at, value in enumerate(first)]
    return (*passing, (EQUAL, 0, 1, last), (RETURN, 0, 0, answer))


UNIX_ONLY: tuple[Step, ...] = (
    argument(0),
    (EQUAL, 1, 0, UNIX),
    (RETURN, 0, 0, ERROR | errno.EAFNOSUPPORT),
)
RULES: Mapping[str, tuple[Step, ...]] = {
    "mmap": (
        argument(3),
        (ANY_BIT, 0, 1, HUGE_PAGES),
        (RETURN, 0, 0, ERROR | errno.ENOMEM),
        (AND, 0, 0, SHARED_ANONYMOUS),
        *among([SHARED_ANONYMOUS], ERROR | errno.ENOSYS),
    ),
    "socket": UNIX_ONLY,
    "socketpair": UNIX_ONLY,
    "clone": (argument(0), (ANY_BIT, 0, 1, NAMESPACES), (RETURN, 0, 0, ERROR | errno.EPERM)),
    "fcntl": (
        argument(1),
        *among(RECORD_LOCKS, ERROR | errno.ENOLCK),
        *among(LEASES_WATCHES_PIPES, ERROR | errno.EPERM),
    ),
    "prctl": (argument(0), *among([SECCOMP], ERROR | errno.EPERM)),
    "setsockopt": (
        argument(1),
        (EQUAL, 1, 0, SOCKET_LEVEL),
        (RETURN, 0, 0, ALLOW),
        argument(2),
        *among(BUFFERS, IGNORE),
        *among(SOCKET_FILTERS, ERROR | errno.ENOPROTOOPT),
    ),
}
"""What decides about a call from its arguments; where no step answers, it is allowed.

Larger buffers of sockets, which cannot be counted, are answered as done and not done.
"""


def number_of(name: str, machine: str) -> int | None:
    """Return the number of a call of the tables above on a machine, if it has one."""
    tables = (REFUSED, ATTRIBUTES, IGNORED, LOOKED_INTO)
    return next(table[name] for table in tables if name in table)[ARCHITECTURES[machine][1]]


def numbers(table: Mapping[str, Numbers], machine: str) -> list[int]:
    """Return the numbers of all calls of a table on a machine, in order."""
    return sorted(each for name in table if (each := number_of(name, machine)) is not None)


def seccomp_filter(machine: str = "") -> bytes | None:
    """Return the filter for a machine as `bwrap --seccomp` takes it; None for one not listed."""
    machine = machine or platform.machine()
    if machine not in ARCHITECTURES:
        return None
    program: list[Step] = [
        (LOAD, 0, 0, ARCHITECTURE_AT),
        (EQUAL, 1, 0, ARCHITECTURES[machine][0]),
        (RETURN, 0, 0, KILL),
        (LOAD, 0, 0, NUMBER_AT),
    ]
    for name, steps in RULES.items():
        number = number_of(name, machine)
        assert number is not None
        program += [(EQUAL, 0, len(steps) + 1, number), *steps, (RETURN, 0, 0, ALLOW)]
    program += [
        (AT_LEAST, 0, 1, NEWEST + 1),  # x86_64's second set of numbers (x32) too
        (RETURN, 0, 0, ERROR | errno.ENOSYS),
        *among(numbers(ATTRIBUTES, machine), ERROR | errno.EOPNOTSUPP),
        *among(numbers(IGNORED, machine), IGNORE),
        *among(numbers(REFUSED, machine), ERROR | errno.ENOSYS),
        (RETURN, 0, 0, ALLOW),
    ]
    return b"".join(struct.pack("=HBBI", *step) for step in program)
