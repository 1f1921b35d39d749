"""What must not be possible inside, tried there: the table behind every claim of the sandbox.

A small program in Perl, which Debian always has, makes each attempt and says what came of it:
"done", the number of an error, or what it read. System calls get arguments with which a kernel that
does let them pass fails too, in another way, so an attempt is harmless where nothing holds.
"""

import errno
import os
import platform
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from sandbox.limits import DESCRIPTORS, SIGNALS, Limits
from sandbox.system_calls import (
    ATTRIBUTES,
    LEASES_WATCHES_PIPES,
    LOOKED_INTO,
    NAMESPACES,
    NEWEST,
    RECORD_LOCKS,
    REFUSED,
    SOCKET_FILTERS,
    UNIX,
    number_of,
)

DRIVER = r"""
sub names {
  my ($folder, $wanted) = @_;
  opendir(my $list, $folder) or return;
  return grep { !/^\.\.?$/ && /$wanted/ } sort readdir $list;
}
sub walk {
  my ($folder) = @_;
  for my $name (names($folder, qr/^(?!\d+$|self$|thread-self$)/)) {
    my $path = "$folder/$name";
    next if -l $path;
    if (-d _) { my $found = walk($path); return $found if $found }
    elsif (open(my $file, "+<", $path)) { return $path }
  }
  return "";
}
my %verbs = (
  call => sub { my $number = shift; syscall($number, map { $_ + 0 } @_) != -1 && "done" },
  open => sub { open(my $file, $_[0], $_[1]) && "done" },
  make => sub { open(my $file, ">", "$_[0]/attempt") && unlink("$_[0]/attempt") && "done" },
  see => sub { lstat($_[0]) && "done" },
  kill => sub { kill(0, $_[0]) && "done" },
  list => sub { join " ", names($_[0], $_[1]) },
  follow => sub { readlink $_[0] },
  walk => sub { walk($_[0]) || "nothing" },
  find => sub {
    open(my $file, "<", $_[0]) or return;
    for (<$file>) { return $1 =~ s/\s+/ /gr if /^\Q$_[1]\E:?\s*(.*?)\s*$/ }
    return "not told";
  },
  run => sub {
    open(my $file, ">", "foreign") or return;
    print $file pack("H*", $_[0]);
    close $file;
    chmod 0755, "foreign";
    my $pid = fork // return;
    if (!$pid) { close STDERR; exec "./foreign"; exit 126 }
    waitpid $pid, 0;
    return $? & 127 ? "signal " . ($? & 127) : "status " . ($? >> 8);
  },
);
$| = 1;
for (@ARGV) {
  my ($verb, @told) = split /\|/;
  $! = 0;
  print $verbs{$verb}->(@told) || "error " . ($! + 0), "\n";
}
"""
"""Prints a line for each argument, which is a verb and what it needs, divided by bars."""


class EscapesUntold(Exception):
    """The attempts could not be made, so nothing is known."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """Something that must not be possible inside."""

    name: str
    line: str
    """What the driver is told."""
    expected: str
    """A pattern of what may come of it."""
    by: str
    """What is to hold it."""


@dataclass(frozen=True, slots=True)
class AttemptVerdict:
    """What came of an attempt."""

    attempt: Attempt
    came: str
    held: bool


def command_line(attempts: Sequence[Attempt]) -> list[str]:
    """Return the command that makes the attempts."""
    return ["perl", "-e", DRIVER, *(attempt.line for attempt in attempts)]


def judged(attempts: Sequence[Attempt], out: str, said: str) -> list[AttemptVerdict]:
    """Read what the driver printed. Raises EscapesUntold, with what was said, if not all."""
    came = out.splitlines()
    if len(came) != len(attempts):
        raise EscapesUntold(said.strip()[:500] or f"{len(came)} of {len(attempts)} attempts told")
    return [
        AttemptVerdict(attempt, in_words(what), re.fullmatch(attempt.expected, what) is not None)
        for attempt, what in zip(attempts, came, strict=True)
    ]


def in_words(came: str) -> str:
    """Return what the driver said, an error by its message."""
    kind, _, number = came.partition(" ")
    return os.strerror(int(number)) if kind == "error" and number.isdecimal() else came


def attempts(limits: Limits) -> list[Attempt]:
    """Return all attempts, for a command under these limits."""
    machine = platform.machine()
    return [*calls(machine), *files(), *others(), *counts(limits)]


def error(*numbers: int) -> str:
    """Return the pattern of a failure with one of some errors."""
    return f"error ({'|'.join(map(str, numbers))})"


HARMLESS: Mapping[str, str] = {"msgget": "-1|0", "semget": "-1|0|0", "shmget": "-1|0|0"}
"""Arguments of calls that would make something with all bits set."""
FAMILIES: Mapping[str, int] = {
    "AF_UNSPEC": 0, "AF_INET": 2, "AF_AX25": 3, "AF_IPX": 4, "AF_APPLETALK": 5, "AF_X25": 9,
    "AF_INET6": 10, "AF_KEY": 15, "AF_NETLINK": 16, "AF_PACKET": 17, "AF_RDS": 21, "AF_PPPOX": 24,
    "AF_LLC": 26, "AF_IB": 27, "AF_MPLS": 28, "AF_CAN": 29, "AF_TIPC": 30, "AF_BLUETOOTH": 31,
    "AF_RXRPC": 33, "AF_PHONET": 35, "AF_IEEE802154": 36, "AF_CAIF": 37, "AF_ALG": 38, "AF_NFC": 39,
    "AF_VSOCK": 40, "AF_KCM": 41, "AF_QIPCRTR": 42, "AF_SMC": 43, "AF_XDP": 44, "AF_MCTP": 45,
}  # fmt: skip
"""Families of sockets (linux/socket.h); those without a name here are tried by number."""
FOREIGN = bytes.fromhex(
    "7f454c46010101000000000000000000020003000100000054800408340000000000000000000000"
    "34002000010000000000000001000000000000000080040800800408600000006000000005000000"
    "00100000" "b801000000" "bb2a000000" "cd80"
)  # fmt: skip
"""A program for i386 that ends with status 42 by system call 1 of that ABI."""


def calls(machine: str) -> Iterator[Attempt]:
    """Yield system calls that the filter refuses, by name or for what they are asked."""

    def call(name: str, told: str, arguments: str, number: int, answer: int) -> Attempt:
        return Attempt(told, f"call|{number}|{arguments}", error(answer), "seccomp")

    for table, answer in ((REFUSED, errno.ENOSYS), (ATTRIBUTES, errno.EOPNOTSUPP)):
        for name in table:
            if (number := number_of(name, machine)) is not None:
                arguments = HARMLESS.get(name, "|".join(["-1"] * 6))
                yield call(name, name, arguments, number, answer)
    numbers = {name: number_of(name, machine) or 0 for name in LOOKED_INTO}
    names = {number: name for name, number in FAMILIES.items()}
    for family in set(range(64)) - {UNIX}:
        told = f"socket({names.get(family, family)})"
        yield call("socket", told, f"{family}|1|0", numbers["socket"], errno.EAFNOSUPPORT)
    for name in ("AF_INET", "AF_TIPC"):
        arguments = f"{FAMILIES[name]}|1|0|-1"
        told = f"socketpair({name})"
        yield call("socketpair", told, arguments, numbers["socketpair"], errno.EAFNOSUPPORT)
    asked = [
        ("mmap", "MAP_SHARED|MAP_ANONYMOUS", "0|4096|3|33|-1|0", errno.ENOSYS),
        ("mmap", "MAP_HUGETLB", "0|4096|3|262178|-1|0", errno.ENOMEM),
        ("prctl", "PR_SET_SECCOMP", "22|-1|0|0|0", errno.EPERM),
    ]
    # With CLONE_SIGHAND and no CLONE_VM, which every kernel refuses.
    bits = [1 << bit for bit in range(32) if NAMESPACES >> bit & 1]
    asked += [
        ("clone", f"namespace {bit:#x}", f"{bit | 0x800}|0|0|0|0", errno.EPERM) for bit in bits
    ]
    asked += [("fcntl", f"lock {each}", f"0|{each}|-1", errno.ENOLCK) for each in RECORD_LOCKS]
    asked += [("fcntl", str(each), f"0|{each}|-1", errno.EPERM) for each in LEASES_WATCHES_PIPES]
    asked += [
        ("setsockopt", f"filter {each}", f"0|1|{each}|-1|0", errno.ENOPROTOOPT)
        for each in SOCKET_FILTERS
    ]
    for name, told, arguments, answer in asked:
        yield call(name, f"{name}({told})", arguments, numbers[name], answer)
    for number in (NEWEST + 1, NEWEST + 5, 600):
        yield call("", f"call {number}, newer than the filter", "-1|-1|-1", number, errno.ENOSYS)
    if machine == "x86_64":
        x32 = 0x40000000 | 39
        yield call("", "getpid of the x32 ABI", "", x32, errno.ENOSYS)
        told = "exit of the i386 ABI"
        yield Attempt(told, f"run|{FOREIGN.hex()}", r"signal \d+|status (?!42$)\d+", "seccomp")


ABSENT = (
    "/home", "/root", "/sys", "/sys/fs/cgroup", "/run", "/var", "/boot", "/mnt", "/media", "/opt",
    "/srv", "/etc/passwd", "/etc/shadow", "/etc/hosts", "/etc/machine-id", "/etc/ssh", "/etc/ssl",
    "/.dockerenv", "/dev/mem", "/dev/kmsg", "/dev/kvm", "/dev/fuse", "/dev/tty", "/dev/ptmx",
    "/dev/pts", "/dev/shm", "/dev/mqueue", "/dev/net/tun", "/dev/vsock", "/dev/userfaultfd",
    "/dev/zero", "/dev/sda", "/dev/vda", "/dev/nvidia0", "/dev/console", "/dev/loop-control",
)  # fmt: skip
SEALED = ("/", "/usr", "/usr/bin", "/usr/lib", "/etc", "/etc/alternatives", "/dev", "/proc", "/bin")
KNOBS = (
    "/proc/sys/kernel/core_pattern", "/proc/sys/kernel/modprobe", "/proc/sys/kernel/hostname",
    "/proc/sys/vm/overcommit_memory", "/proc/sys/net/ipv4/ip_forward",
    "/proc/sys/user/max_user_namespaces", "/proc/sysrq-trigger", "/proc/irq/default_smp_affinity",
    "/proc/self/mem", "/proc/1/mem", "/proc/self/uid_map", "/proc/self/setgroups",
    "/proc/self/oom_score_adj", "/proc/self/attr/current", "/proc/pressure/memory",
)  # fmt: skip
OF_ROOT = ("/proc/sys/kernel/core_pattern", "/proc/sys/vm/overcommit_memory", "/proc/sysrq-trigger")
SECRETS = ("/proc/kcore", "/proc/kmsg")
ROOTS = "(bin|dev|etc|lib|lib32|lib64|proc|sbin|scratch|tmp|usr)"
DEVICES = "(fd|full|null|random|urandom)"


def files() -> Iterator[Attempt]:
    """Yield files that are not to be seen, or not to be written to."""
    home = os.environ.get("HOME", "/root")
    own = {home} if home.startswith("/") and not re.match(rf"/{ROOTS}?(/|$)", home) else set()
    for path in (*ABSENT, *(own - set(ABSENT))):
        yield Attempt(f"see {path}", f"see|{path}", error(errno.ENOENT, errno.ENOTDIR), "mounts")
    yield Attempt("other folders in /", "list|/", f"{ROOTS}( {ROOTS})*", "mounts")
    yield Attempt("other devices", "list|/dev", f"{DEVICES}( {DEVICES})*", "mounts")
    refused = error(errno.EROFS, errno.EACCES, errno.EPERM, errno.ENOENT)
    for path in SEALED:
        yield Attempt(f"make a file in {path}", f"make|{path}", refused, "mounts")
    for path in KNOBS:
        yield Attempt(f"write to {path}", f"open|+<|{path}", refused, "mounts")
    for path in OF_ROOT:  # for root the answer is EROFS: its rights are asked for first
        not_root = error(errno.EACCES, errno.EPERM, errno.ENOENT)
        yield Attempt(f"write as root to {path}", f"open|+<|{path}", not_root, "user")
    yield Attempt("write to any file of /proc", "walk|/proc", "nothing", "mounts")
    for path in SECRETS:
        yield Attempt(f"read {path}", f"open|<|{path}", refused, "mounts")


FEW = 99
SPACES = ("cgroup", "ipc", "mnt", "net", "pid", "user", "uts")


def others() -> Iterator[Attempt]:
    """Yield what leads to other processes, other namespaces and more rights."""
    gone = error(errno.ESRCH)
    if os.getpid() > FEW:  # lower numbers exist inside too
        yield Attempt("signal to who started it", f"kill|{os.getpid()}", gone, "namespaces")
    yield Attempt("other processes", r"list|/proc|^\d+$", r"\d\d?( \d\d?){,9}", "namespaces")
    for space in SPACES:
        own = Path("/proc/self/ns", space)
        if own.is_symlink():
            named = rf"(?!{re.escape(str(own.readlink()))}$){space}:\[\d+\]"
            yield Attempt(
                f"{space} namespace", f"follow|/proc/self/ns/{space}", named, "namespaces"
            )
    yield Attempt("name of the machine", "find|/proc/sys/kernel/hostname|", "sandbox", "namespaces")
    for kind in ("Inh", "Prm", "Eff", "Bnd", "Amb"):
        named = f"capabilities, Cap{kind}"
        yield Attempt(named, f"find|/proc/self/status|Cap{kind}", "0{16}", "user namespace")
    for told, value in (("NoNewPrivs", "1"), ("Seccomp", "2")):
        yield Attempt(told, f"find|/proc/self/status|{told}", value, "prctl")
    yield Attempt(
        "user inside", "find|/proc/self/status|Uid", "1000 1000 1000 1000", "user namespace"
    )


def counts(limits: Limits) -> Iterator[Attempt]:
    """Yield the limits of a process that the kernel keeps (setrlimit(2))."""
    kept = {
        "Max core file size": 0,
        "Max data size": 2 * limits.memory,
        "Max file size": limits.disk,
        "Max processes": limits.processes,
        "Max open files": DESCRIPTORS,
        "Max pending signals": SIGNALS,
        "Max msgqueue size": 0,
    }
    for name, most in kept.items():
        both = f"{most} {most}( .*)?"
        yield Attempt(name, f"find|/proc/self/limits|{name}", both, "setrlimit")
