"""Code that means harm, in three languages, and what becomes of it."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from sandbox import CommandOutcome, Limits, Sandbox, Stop
from sandbox.control_groups import find_groups
from tests.sandbox.machine import (
    as_stranger,
    is_grouped,
    needs_elixir,
    needs_sandbox,
    sandbox,
    told,
)

pytestmark = needs_sandbox

MEGABYTE = 1 << 20
SHORT = Limits(wall=20, cpu=20, memory=256 * MEGABYTE, processes=64, disk=16 * MEGABYTE)
elixir_too = pytest.param("elixir", marks=needs_elixir)
LANGUAGES = ["sh", "python", elixir_too]
COMMANDS = {"sh": ["sh", "-c"], "python": ["python3", "-c"], "elixir": ["elixir", "-e"]}


def run(language: str, code: str, limits: Limits = SHORT) -> CommandOutcome:
    return sandbox().run([*COMMANDS[language], code], limits=limits)


@pytest.fixture
def secret() -> Iterator[Path]:
    """Yield a file in the home folder of whoever runs the tests."""
    path = Path.home() / f".sandbox-test-{os.getpid()}"
    path.write_text("the secret")
    path.chmod(0o644)
    yield path
    path.unlink()


@pytest.fixture
def service() -> Iterator[int]:
    """Yield the port of a service on this machine's loopback."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_home_folder_is_not_there(language: str, secret: Path) -> None:
    code = {
        "sh": f"cat {secret}; ls /home /root; ls -A ~",
        "python": f"print(open('{secret}').read())",
        "elixir": f'IO.inspect(File.read("{secret}")); IO.inspect(File.ls("/home"))',
    }
    outcome = run(language, code[language])
    assert "the secret" not in outcome.stdout + outcome.stderr
    assert secret.name not in outcome.stdout
    assert {
        "sh": "No such file",
        "python": "No such file",
        "elixir": "{:error, :enoent}\n{:error, :enoent}",
    }[language] in outcome.stdout + outcome.stderr


@pytest.mark.parametrize("language", ["python", elixir_too])
def test_services_of_the_machine_cannot_be_reached(language: str, service: int) -> None:
    code = {
        "python": f"import socket; socket.create_connection(('127.0.0.1', {service}))",
        "elixir": "{:error, why} = :gen_tcp.connect({127, 0, 0, 1}, "
        f"{service}, []); IO.puts(:stderr, inspect(why)); exit(1)",
    }
    outcome = run(language, code[language])
    assert outcome.status == 1
    refused = {"python": "Address family not supported", "elixir": ":eafnosupport"}
    assert refused[language] in outcome.stderr


@pytest.mark.parametrize("language", ["python", elixir_too])
def test_the_world_cannot_be_reached(language: str) -> None:
    code = {
        "python": "import socket; socket.create_connection(('192.0.2.1', 443), 5)",
        "elixir": "{:error, why} = :gen_tcp.connect({192, 0, 2, 1}, 443, [], 5000); "
        "IO.puts(:stderr, inspect(why)); exit(1)",
    }
    outcome = run(language, code[language])
    assert outcome.status == 1
    unreachable = {"python": "Address family not supported", "elixir": ":eafnosupport"}
    assert unreachable[language] in outcome.stderr


@pytest.mark.parametrize("language", LANGUAGES)
def test_nothing_is_written_outside(language: str, tmp_path: Path) -> None:
    tmp_path.chmod(0o777)
    places = ["/usr/bin/x", "/etc/x", "/x", "/dev/x", "/proc/sys/kernel/hostname", f"{tmp_path}/x"]
    code = {
        "sh": "\n".join(f"echo bad > {place}" for place in places),
        "python": "import sys\n"
        f"for place in {places}:\n"
        "    try: open(place, 'w').write('bad'); print('wrote', place)\n"
        "    except OSError as error: print(error, file=sys.stderr)",
        "elixir": f"for place <- {places}, ".replace("'", '"')
        + 'do: IO.puts(:stderr, "refused #{inspect({:error, _} = File.write(place, "bad"))}")',
    }
    outcome = run(language, code[language])
    assert "wrote" not in outcome.stdout
    assert len(outcome.stderr.splitlines()) == len(places)
    assert list(tmp_path.iterdir()) == []
    assert not Path("/usr/bin/x").exists()


@pytest.mark.parametrize("language", LANGUAGES)
def test_endless_forking_is_held_and_ended(language: str) -> None:
    code = {
        "sh": "f() { sleep 60 & f; }; f",
        "python": "import os\nwhile True:\n    try: os.fork()\n    except OSError: pass",
        "elixir": 'f = fn f -> Port.open({:spawn, "sleep 60"}, []); f.(f) end; f.(f)',
    }
    outcome = run(language, code[language])
    refused = {"sh": "Cannot fork", "python": "no such end", "elixir": ":eagain"}
    assert outcome.stop is Stop.PROCESSES or refused[language] in outcome.stderr
    assert outcome.seconds < 15


def test_the_kernel_itself_counts_processes() -> None:
    code = (
        "import os, time\n"
        "made = 0\n"
        "try:\n"
        "    while True:\n"
        "        if os.fork() == 0: time.sleep(0.005); os._exit(0)\n"
        "        made += 1\n"
        "except OSError as error: print(made < 64, error)"
    )
    outcome = run("python", code)
    assert outcome.stop is Stop.PROCESSES or "Resource temporarily" in outcome.stdout


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_disk_is_not_filled(language: str) -> None:
    code = {
        "sh": "while :; do head -c 1000000 /dev/urandom >> part$((n += 1)); done 2>/dev/null",
        "python": "n = 0\n"
        "while True:\n"
        "    n += 1\n"
        "    try: open(f'part{n}', 'wb').write(bytes(1000000))\n"
        "    except OSError: pass",
        "elixir": 'for n <- Stream.iterate(1, &(&1 + 1)), do: File.write("part#{n}", '
        "String.duplicate(<<0>>, 1_000_000))",
    }
    outcome = run(language, code[language])
    assert outcome.stop is Stop.DISK


def test_a_single_file_is_not_larger_than_the_disk() -> None:
    outcome = run("sh", "trap '' XFSZ; head -c 100000000 /dev/urandom > big; wc -c < big; sleep 60")
    assert outcome.stop is Stop.DISK


def test_files_without_end_are_ended() -> None:
    code = "n = 0\nwhile True:\n    n += 1\n    open(f'f{n}', 'w').close()"
    assert run("python", code, Limits(wall=20, files=500)).stop is Stop.DISK


@pytest.mark.parametrize("language", ["python", elixir_too])
def test_memory_is_not_filled(language: str) -> None:
    code = {
        "python": "kept = []\nwhile True: kept.append(b'x' * 1000000)",
        "elixir": "grow = fn grow, kept -> grow.(grow, [List.duplicate(1, 1000) | kept]) end; "
        "grow.(grow, [])",
    }
    outcome = run(language, code[language])
    assert outcome.stop is Stop.MEMORY or outcome.status not in (0, None)
    assert outcome.memory < 700 * MEGABYTE


def test_memory_of_many_processes_together_is_not_filled() -> None:
    code = (
        "import os, time\n"
        "for _ in range(8): os.fork() or (b'x' * 50_000_000, time.sleep(60))\n"
        "kept = b'x' * 50_000_000\n"
        "time.sleep(60)"
    )
    assert run("python", code).stop is Stop.MEMORY


def test_one_allocation_larger_than_allowed_is_refused_by_the_kernel() -> None:
    outcome = run("python", "bytearray(10**10)")
    assert outcome.status == 1
    assert "MemoryError" in outcome.stderr


@pytest.mark.parametrize(
    "code",
    [
        "os.memfd_create('hidden')",
        "libc.shmget(0, 1 << 20, 0o600) < 0 and fail()",
        "libc.semget(0, 32000, 0o600) < 0 and fail()",
        "libc.vmsplice(os.pipe()[1], None, 0, 0) < 0 and fail()",
    ],
)
def test_memory_that_nobody_maps_cannot_be_had(code: str) -> None:
    first = (
        "import ctypes, os\n"
        "libc = ctypes.CDLL(None, use_errno=True)\n"
        "def fail(): raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))\n"
    )
    outcome = run("python", first + code)
    assert outcome.status == 1
    assert "Function not implemented" in outcome.stderr


@pytest.mark.parametrize(
    "mapped", ["mmap.mmap(-1, SIZE)", "mmap.mmap(open('/dev/zero', 'r+b').fileno(), SIZE)"]
)
def test_shared_memory_of_no_file_cannot_be_had(mapped: str) -> None:
    code = (
        "import mmap\nSIZE = 700 << 20\n"
        f"m = {mapped}\n"
        "for at in range(0, SIZE, 4096): m[at] = 1\n"
        "print('full')"
    )
    outcome = run("python", code)
    assert outcome.stdout == ""
    assert outcome.status == 1
    assert "Function not implemented" in outcome.stderr or "No such file" in outcome.stderr


SOCKETS = {
    "pairs": "kept += socket.socketpair()",
    "unaccepted": "kept.append(socket.socket(socket.AF_UNIX)); kept[-1].connect('\\0waiting')",
}


@pytest.mark.parametrize("kind", SOCKETS)
def test_memory_is_not_filled_through_sockets(kind: str) -> None:
    code = (
        "import os, socket, time\n"
        "waiting = socket.socket(socket.AF_UNIX)\n"
        "waiting.bind('\\0waiting')\n"
        "waiting.listen(4096)\n"
        "for _ in range(5): os.fork()\n"
        "kept = []\n"
        "for _ in range(100):\n"
        f"    {SOCKETS[kind]}\n"
        "    for end in kept[-2:]:\n"
        "        end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 24)\n"
        "        end.setblocking(False)\n"
        "        try:\n"
        "            while True: end.send(bytes(1 << 16))\n"
        "        except BlockingIOError: pass\n"
        f"    if {kind == 'unaccepted'}: kept.pop().close()\n"
        "time.sleep(60)"
    )
    assert run("python", code).stop is Stop.MEMORY


KERNEL = {
    "record locks": ("fcntl.lockf(file, fcntl.LOCK_EX, 1, 2)", "No locks available"),
    "locks of descriptions": (
        "fcntl.fcntl(file, 37, bytes(32))",
        "No locks available",
    ),
    "leases": ("fcntl.fcntl(file, fcntl.F_SETLEASE, fcntl.F_RDLCK)", "not permitted"),
    "notices": ("fcntl.fcntl(os.open('.', 0), fcntl.F_NOTIFY, 1)", "not permitted"),
    "larger pipes": ("fcntl.fcntl(os.pipe()[1], 1031, 1 << 20)", "not permitted"),
    "attributes": ("os.setxattr('file', 'user.name', bytes(60000))", "not supported"),
    "attributes of descriptors": ("os.setxattr(file.fileno(), 'trusted.a', b'1')", "not supported"),
    "queues": ("ctypes.CDLL(None).mq_open(b'/q', 0x42, 0o600, None) < 0 and fail()", "not impl"),
    "watches": ("ctypes.CDLL(None).inotify_init1(0) < 0 and fail()", "not implemented"),
}


@pytest.mark.parametrize("kind", KERNEL)
def test_what_the_kernel_keeps_for_a_program_is_refused(kind: str) -> None:
    code, said = KERNEL[kind]
    first = (
        "import ctypes, fcntl, os\n"
        "ctypes.CDLL(None, use_errno=True)\n"
        "def fail(): raise OSError(os.strerror(38))\n"
        "file = open('file', 'w+')\n"
    )
    outcome = run("python", first + code)
    assert outcome.status == 1
    assert said in outcome.stderr


def test_timers_and_waiting_signals_are_counted_by_the_kernel() -> None:
    code = (
        "import ctypes\n"
        "libc = ctypes.CDLL(None)\n"
        "made = 0\n"
        "timer = ctypes.byref(ctypes.c_void_p())\n"
        "while made < 9999 and libc.timer_create(1, None, timer) == 0: made += 1\n"
        "print(made, 'of', 1024)"
    )
    assert run("python", code).stdout == "1024 of 1024\n"


MAPPINGS = """
import ctypes, os, time
libc = ctypes.CDLL(None)
libc.mmap.restype = ctypes.c_void_p
libc.prctl(4, 0)
for _ in range(12):
    if os.fork() == 0:
        at = libc.mmap(None, ctypes.c_size_t(64_000 * 4096), 1, 0x22, -1, 0)
        for n in range(0, 64_000, 2): libc.mprotect(ctypes.c_void_p(at + n * 4096), 4096, 0)
        time.sleep(60)
time.sleep(60)
"""


def test_without_a_control_group_mappings_are_counted(code: Path) -> None:
    """The kernel keeps some 256 bytes for each of them; here of programs that cannot be dumped."""
    asked = (
        "from sandbox import Limits, Sandbox\n"
        "limits = Limits(memory=128 << 20, wall=20, processes=64)\n"
        f"print(Sandbox().run(['python3', '-c', {MAPPINGS!r}], limits=limits).stop)"
    )
    assert told(code, "-c", asked, before=as_stranger()).stdout == "memory\n"


@pytest.mark.skipif(not is_grouped(), reason="needs control groups")
def test_in_a_control_group_all_that_the_kernel_keeps_is_counted() -> None:
    code = "for n in range(10**7): open(f'f{n}', 'w').close()"
    limits = Limits(memory=32 * MEGABYTE, disk=MEGABYTE, wall=60, files=10**9)
    outcome = run("python", code, limits)
    assert outcome.stop is Stop.MEMORY
    assert outcome.memory < 32 * MEGABYTE


@pytest.mark.skipif(not is_grouped(), reason="needs control groups")
def test_in_a_control_group_processes_that_nobody_waits_for_use_time() -> None:
    code = (
        "import os, signal\n"
        "signal.signal(signal.SIGCHLD, signal.SIG_IGN)\n"
        "while True:\n"
        "    if os.fork() == 0:\n"
        "        for n in range(300000): pass\n"
        "        os._exit(0)\n"
        "    try: os.wait()\n"
        "    except ChildProcessError: pass\n"
    )
    outcome = run("python", code, Limits(cpu=1.0, wall=30))
    assert outcome.stop is Stop.CPU


def test_buffers_of_sockets_cannot_be_enlarged() -> None:
    code = (
        "import socket\n"
        "one, _ = socket.socketpair()\n"
        "before = one.getsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF)\n"
        "one.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 20)\n"
        "one.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)\n"
        "print(before == one.getsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF))\n"
        "print(one.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE))"
    )
    assert run("python", code).stdout == "True\n1\n"


def test_memory_is_not_filled_with_page_tables() -> None:
    code = (
        "import mmap\n"
        "size = 1 << 40\n"
        "m = mmap.mmap(-1, size, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS, mmap.PROT_READ)\n"
        "for at in range(0, size, 1 << 21): m[at]\n"
        "print('full')"
    )
    outcome = run("python", code)
    assert outcome.stop is Stop.MEMORY or outcome.status == 1


@pytest.mark.parametrize("language", LANGUAGES)
def test_printing_for_ever_is_cut_off(language: str) -> None:
    code = {
        "sh": "while :; do echo again; done",
        "python": "while True: print('again')",
        "elixir": 'f = fn f -> IO.puts("again"); f.(f) end; f.(f)',
    }
    outcome = run(language, code[language], Limits(wall=20, output=10_000))
    assert outcome.stop is Stop.OUTPUT
    assert outcome.truncated
    assert len(outcome.stdout) == 10_000
    assert outcome.stdout.startswith("again\nagain\n")


@pytest.mark.parametrize("language", LANGUAGES)
def test_sleeping_for_ever_is_ended(language: str) -> None:
    code = {
        "sh": "sleep 1000",
        "python": "import time; time.sleep(1000)",
        "elixir": "Process.sleep(:infinity)",
    }
    outcome = run(language, code[language], Limits(wall=1.0))
    assert outcome.stop is Stop.WALL
    assert outcome.timed_out
    assert outcome.status is None
    assert 1.0 <= outcome.seconds < 10


@pytest.mark.parametrize("language", LANGUAGES)
def test_working_for_ever_is_ended(language: str) -> None:
    code = {
        "sh": "while :; do :; done",
        "python": "while True: pass",
        "elixir": "f = fn f -> f.(f) end; f.(f)",
    }
    outcome = run(language, code[language], Limits(cpu=1.0, wall=20))
    assert outcome.stop is Stop.CPU
    assert outcome.timed_out
    assert outcome.cpu >= 1.0


def test_signals_that_can_be_ignored_do_not_end_it_and_it_is_ended_all_the_same() -> None:
    code = "import signal, time\nfor n in (1, 2, 3, 15): signal.signal(n, signal.SIG_IGN)\n"
    outcome = run("python", code + "time.sleep(60)", Limits(wall=0.5))
    assert outcome.stop is Stop.WALL


def test_what_a_command_leaves_running_ends_with_it() -> None:
    mark = f"31.{os.getpid()}"
    outcome = run("sh", f"setsid sleep {mark} & setsid nohup sleep {mark} & echo done")
    assert (outcome.status, outcome.stdout) == (0, "done\n")
    assert outcome.seconds < 15
    assert with_argument(mark) == []


def test_what_a_command_runs_ends_with_us_even_if_we_are_killed() -> None:
    mark = f"47.{os.getpid()}"
    code = f"from sandbox import Sandbox; Sandbox().run(['sleep', '{mark}'])"
    process = subprocess.Popen([sys.executable, "-c", code])
    wait_until(lambda: with_argument(mark) != [])
    process.kill()
    process.wait()
    wait_until(lambda: with_argument(mark) == [])
    Sandbox()
    groups, _ = find_groups()
    parents = groups.parents if groups else ()
    assert [each for at in parents for each in at.glob(f"elixir-corpus-{process.pid}-*")] == []


def with_argument(mark: str) -> list[Path]:
    """Return the processes that were started with an argument, anywhere on the machine."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            arguments = path.read_bytes().split(b"\0")
        except OSError:
            continue
        if arguments[0].endswith(b"sleep") and mark.encode() in arguments:
            found.append(path)
    return found


def wait_until(condition: Callable[[], bool], seconds: float = 20.0) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.02)


def test_no_new_rights_can_be_had() -> None:
    outcome = run("sh", "unshare --user true; mount -t tmpfs x /mnt; cat /proc/self/status")
    assert "unshare failed" in outcome.stderr
    assert "CapEff:\t0000000000000000" in outcome.stdout
    assert "NoNewPrivs:\t1" in outcome.stdout
    assert "Seccomp:\t2" in outcome.stdout
