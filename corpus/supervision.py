"""Processing untrusted bytes in a helper process, which the system ends when it exceeds its budget.

A thread cannot do this: parsers and regular expressions hold the interpreter's lock, and no
signal handler runs before they return. So a caller keeps one helper process, asks it to call a
function, and gets its result, or how and where it ended. Inside the helper, the function calls
`Watch.step` before each step; a timer of the kernel (ITIMER_PROF) then counts the CPU time of the
helper, so the load of the machine has no effect. The caller only checks whether a step takes far
longer than that in wall-clock time: a helper that sleeps or swaps uses no CPU time.
"""

import atexit
import ctypes
import mmap
import os
import pickle
import resource
import select
import signal
import struct
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import IO, Any, Final, TypeVar

from corpus.bounds import check_least

Task = TypeVar("Task")
Result = TypeVar("Result")


@dataclass(frozen=True, kw_only=True, slots=True)
class Budget:
    """The limits for hostile input, after which it is rejected.

    They are so far above real code that the outcome is the same on any machine. Raises
    ValueError unless all are above 0.
    """

    file_seconds: int = 10
    """CPU time for one step on one file: reading, parsing with extraction, fingerprinting."""
    archive_seconds: int = 60
    """CPU time for one archive with all its files, in addition to the time for its size."""
    archive_seconds_a_megabyte: int = 20
    """The same for each compressed megabyte."""
    clock: int = 30
    """Wall-clock limit of a step, as a multiple of its limit of CPU time."""
    memory: int = 4 << 30
    """Bytes of memory that no file backs, of the process that reads."""

    def __post_init__(self) -> None:
        """Check that every limit lets something through."""
        check_least(1, self, *self.__slots__)


class Cause(StrEnum):
    """Why a helper process ended before it finished its work."""

    TIME = "time"
    CLOCK = "clock"
    MEMORY = "memory"
    DIED = "died"


@dataclass(frozen=True, slots=True)
class Ended:
    """How a call ended without a result, and during which group and item.

    Both are -1 between groups. The item is -1 between steps, and where the time was the group's.
    """

    cause: Cause
    group: int
    item: int


class Watch:
    """Receives the current step. This one has no budget, for tests and benchmarks."""

    def group(self, group: int, seconds: float) -> AbstractContextManager[None]:
        """Run everything inside, in steps or between them, within `seconds` in total."""
        return _UNWATCHED

    def step(self, item: int) -> AbstractContextManager[None]:
        """Run the code inside as one step on one item of the group; -1 means none."""
        return _UNWATCHED


_UNWATCHED: Final = nullcontext()


NO_BUDGET: Final = Watch()
"""For work in this process, without a budget."""


def watched(
    function: Callable[[Task, Watch], Result], task: Task, budget: Budget
) -> Result | Ended:
    """Call `function(task, watch)` in this thread's helper process.

    An exception that the function raises is raised here, except MemoryError, which is an `Ended`.
    Function, task and result are sent as pickles.
    """
    return _own_helper().call(function, task, budget)


def end_helpers() -> None:
    """End the helper processes of this process, to free their memory; new ones may start later."""
    with _helpers_lock:
        for helper in _helpers:
            helper.close()


_NOTE: Final = struct.Struct("=qqqd?")
"""A counter of what was begun and ended, group and item in work (-1 for none), the seconds allowed,
and whether those are what is left of the group's."""
_LOOK_EVERY: Final = 2.0
"""Seconds between two looks at the clock."""
_COMMAND: Final = "from corpus.supervision import serve; serve()"


class _Helper:
    """A helper process, which is started when it is first needed and again after each end."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        with tempfile.TemporaryFile() as notes:
            notes.truncate(_NOTE.size)
            self._note = mmap.mmap(notes.fileno(), _NOTE.size)
            self._notes = os.dup(notes.fileno())

    def call(
        self, function: Callable[[Task, Watch], Result], task: Task, budget: Budget
    ) -> Result | Ended:
        """Do what `watched` does."""
        request = pickle.dumps((function, task, budget))
        try:
            late, answer = self._ask(request, budget)
            if answer is None and not late and self._counter() == 0:
                # It died idle, or before it began: a second death is the function's.
                self.close()
                late, answer = self._ask(request, budget)
        except BaseException:
            self.close()
            raise
        if answer is None:
            return self._end(Cause.CLOCK if late else None)
        kind, value = answer
        if kind == "memory":
            return self._end(Cause.MEMORY)
        if kind == "raised":
            raise value
        result: Result = value
        return result

    def close(self) -> int:
        """End the process in any state, and return its status."""
        process, self._process = self._process, None
        if process is None:
            return 0
        process.kill()
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                with suppress(BrokenPipeError):
                    pipe.close()
        return process.wait()

    def _ask(self, request: bytes, budget: Budget) -> tuple[bool, tuple[str, Any] | None]:
        """Return whether time ran out by the clock, and the answer unless the process ended."""
        self._note[:] = _NOTE.pack(0, -1, -1, 0.0, False)
        process = self._running()
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            process.stdin.write(request)
            process.stdin.flush()
            if not self._answers(process.stdout, budget):
                return True, None
            return False, pickle.load(process.stdout)
        except (EOFError, BrokenPipeError, pickle.UnpicklingError):
            return False, None

    def _counter(self) -> int:
        counter: int = _NOTE.unpack(self._note)[0]
        return counter

    def _answers(self, answer: IO[bytes], budget: Budget) -> bool:
        """Wait for an answer or the end of the process; False if a step goes on for too long."""
        seen, since = -1, time.monotonic()
        while not select.select([answer], [], [], _LOOK_EVERY)[0]:
            counter, group, _, seconds, _ = _NOTE.unpack(self._note)
            if counter != seen or group < 0:
                seen, since = counter, time.monotonic()
            elif time.monotonic() - since > budget.clock * max(seconds, 1.0):
                return False
        return True

    def _running(self) -> "subprocess.Popen[bytes]":
        if self._process is None or self._process.poll() is not None:
            self.close()
            path = os.pathsep.join(entry or str(Path.cwd()) for entry in sys.path)
            # A terminal sends SIGINT to all its processes; it is for this one to end the helper.
            before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
            try:
                self._process = subprocess.Popen(
                    [sys.executable, "-P", "-c", _COMMAND, str(self._notes), str(os.getpid())],
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    env={**os.environ, "PYTHONPATH": path},
                    pass_fds=(self._notes,),
                )
            finally:
                signal.pthread_sigmask(signal.SIG_SETMASK, before)
        return self._process

    def _end(self, cause: Cause | None) -> Ended:
        """Return where the process was when it ended, or when it must be ended for `cause`."""
        process = self._process
        assert process is not None
        if cause is None:
            status = process.wait()
        self.close()
        _, group, item, _, is_last = _NOTE.unpack(self._note)
        if cause is None:
            timed_out = status == -signal.SIGPROF
            cause = Cause.TIME if timed_out else Cause.DIED
        if is_last and cause is Cause.TIME:
            item = -1
        return Ended(cause, group, item)


_helpers: Final[list[_Helper]] = []
_helpers_lock: Final = threading.Lock()
_own: Final = threading.local()


def _own_helper() -> _Helper:
    """Return the helper of this thread: a worker of a Dask cluster may run several tasks."""
    helper: _Helper | None = getattr(_own, "helper", None)
    if helper is None:
        helper = _own.helper = _Helper()
        with _helpers_lock:
            _helpers.append(helper)
    return helper


atexit.register(end_helpers)


class _Timer(Watch):
    """Arms the timer that ends this process, and notes for the caller what it is doing."""

    def __init__(self, note: mmap.mmap, parent: int, budget: Budget) -> None:
        self._note, self._parent, self._budget = note, parent, budget
        self._group, self._count, self._left = -1, 0, 0.0

    @contextmanager
    def group(self, group: int, seconds: float) -> Iterator[None]:
        self._group, self._left = group, seconds
        self._begin(-1)
        yield
        # Not after an exception: then the note has the place for the caller.
        self._pause()
        self._group = -1
        self._write(-1, 0.0, False)

    @contextmanager
    def step(self, item: int) -> Iterator[None]:
        self._pause()
        self._begin(item)
        yield
        self._pause()
        self._begin(-1)

    def _begin(self, item: int) -> None:
        if os.getppid() != self._parent:
            os._exit(1)  # the build was killed, so no process waits
        is_last = item == -1 or self._left <= self._budget.file_seconds
        seconds = self._left if is_last else float(self._budget.file_seconds)
        self._write(item, seconds, is_last)
        signal.setitimer(signal.ITIMER_PROF, max(seconds, 0.001))

    def _pause(self) -> None:
        """Stop the timer and take what was used from the budget of the group."""
        left, _ = signal.setitimer(signal.ITIMER_PROF, 0)
        _, _, _, seconds, _ = _NOTE.unpack(self._note)
        self._left -= seconds - left

    def _write(self, item: int, seconds: float, is_last: bool) -> None:
        self._count += 1
        self._note[:] = _NOTE.pack(self._count, self._group, item, seconds, is_last)


def serve() -> None:
    """Run as a helper process: answer requests until there are no more."""
    notes, parent = map(int, sys.argv[1:])
    note = mmap.mmap(notes, _NOTE.size)
    requests, answers = sys.stdin.buffer, os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what a library prints must not become part of an answer
    signal.signal(signal.SIGPROF, signal.SIG_DFL)
    while True:
        try:
            function, task, budget = pickle.load(requests)
        except EOFError:
            return
        except Exception as error:  # what follows of the request is lost, so this is the last
            answers.write(_pickled(("raised", error)))
            answers.flush()
            return
        answer = _answer(function, task, _Timer(note, parent, budget), budget)
        signal.setitimer(signal.ITIMER_PROF, 0)
        answers.write(_pickled(answer))
        answers.flush()


def _answer(
    function: Callable[[Task, Watch], Result], task: Task, watch: Watch, budget: Budget
) -> tuple[str, Result | Exception | None]:
    _, most = resource.getrlimit(resource.RLIMIT_DATA)
    memory = budget.memory if most == resource.RLIM_INFINITY else min(budget.memory, most)
    resource.setrlimit(resource.RLIMIT_DATA, (memory, most))
    try:
        return "returned", function(task, watch)
    except MemoryError:
        return "memory", None
    except Exception as error:  # It is the caller's: whatever it is, it is raised there.
        return "raised", error


def _pickled(answer: tuple[str, object]) -> bytes:
    try:
        return pickle.dumps(answer)
    except Exception as error:
        return pickle.dumps(("raised", RuntimeError(f"{answer[1]!r} cannot be sent: {error}")))


def tidily(function: Callable[[Task], Result], task: Task) -> Result:
    """Run a task on one thread and give back the memory that it leaves unused.

    Each of Arrow's own threads would keep a heap, which made a worker's memory grow with the number
    of its tasks; there is one worker per CPU anyway.
    """
    import pyarrow

    pyarrow.set_cpu_count(1)
    pyarrow.set_io_thread_count(1)
    try:
        return function(task)
    finally:
        pyarrow.default_memory_pool().release_unused()
        _trim_heap()


def _trim_heap() -> None:
    """Return free pages inside the C heap to the system, where its library can (glibc)."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)
