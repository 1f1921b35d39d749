"""Running one command in the sandbox."""

import os
import resource
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from copy import copy
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event

from corpus.errors import CorpusError
from sandbox import bubblewrap
from sandbox.bubblewrap import as_bytes, memory_file
from sandbox.finding import find_way
from sandbox.limits import Limits, Stop
from sandbox.session import Session
from sandbox.system_calls import seccomp_filter
from sandbox.watching import Watch

NOTHING: Mapping[str, str] = {}
DEFAULT_LIMITS = Limits()
REPORT_BYTES = 1 << 16


class SandboxFailed(CorpusError):
    """The sandbox could not be set up for this command, which therefore did not run."""

    def __init__(self, argv0: str, said: str) -> None:
        super().__init__(
            f"{argv0}: its sandbox could not be set up ({said.strip() or 'it said nothing'}). "
            "Check the names of its files and the folders it is to read."
        )


class SandboxGivenUp(CorpusError):
    """A command was ended because its outcome is no longer needed."""

    def __init__(self, argv0: str) -> None:
        super().__init__(f"{argv0}: ended early, as was asked for. Run it again for its outcome.")


@dataclass(frozen=True, slots=True)
class CommandOutcome:
    """How a command ended."""

    status: int | None
    """Exit status, 128 + n after signal n; None when a limit ended the command."""
    stdout: str
    stderr: str
    """Both with U+FFFD for what is not UTF-8, and cut off at the limit."""
    truncated: bool
    """Whether output was cut off."""
    stop: Stop | None
    """The limit for which it was ended."""
    seconds: float
    cpu: float
    """Seconds of processor time, of all processes."""
    memory: int
    """Most bytes that were in use when looked at."""

    @property
    def timed_out(self) -> bool:
        """Whether it took too long, by the clock or by the processor."""
        return self.stop in (Stop.WALL, Stop.CPU)


class Sandbox:
    """A machine's way to run foreign commands, once it was seen to hold. Threads may share it."""

    def __init__(self, readable: Mapping[str, Path] | None = None) -> None:
        """Find a way; `readable` maps absolute places inside to folders, for reading only.

        Root runs commands as nobody, who must be able to read those folders. What holds them here
        is told in `held_by`.
        As many files may then be open in this process as the system lets it have: each of those
        that a command is given is one, and often many commands run at once.
        Raises SandboxUnavailable where there is none.
        """
        self._readable = dict(readable or {})
        open_more_files()
        self._way, self.held_by = find_way()

    def run(
        self,
        argv: Sequence[str],
        *,
        files: Mapping[str, str | bytes] = NOTHING,
        stdin: str | bytes = b"",
        environment: Mapping[str, str] = NOTHING,
        limits: Limits = DEFAULT_LIMITS,
        given_up: Event | None = None,
    ) -> CommandOutcome:
        """Run a command in a scratch folder of its own that holds `files`, and end what it leaves.

        A few hundred files at most: each is an open one here; what is larger belongs in `readable`.
        Standard input is read once and then gone: a pipe, which holds a few kilobytes.
        Raises ValueError for a file outside of the folder or too long an input, and SandboxFailed
        when the sandbox could not be set up. A command that is not found ends with status 127.
        It is ended within a moment, with SandboxGivenUp, when another thread sets `given_up`.
        """
        with ExitStack() as opened:
            report = opened.enter_context(memory_file(b""))
            line = self._line(opened, files, environment, limits)
            line.name("--json-status-fd", report)
            hidden = opened.enter_context(memory_file(line.text()))
            group = opened.enter_context(self._way.group(limits))
            process = self._way.start(
                ["--args", str(hidden), *bubblewrap.command(argv, limits)],
                [hidden, *line.descriptors],
                opened.enter_context(pipe(stdin)),
                group,
            )
            with process:
                watch = Watch(process, limits, given_up or Event(), group)
                watch.to_the_end()
            if watch.given_up.is_set():
                raise SandboxGivenUp(argv[0])
            outcome = outcome_of(watch)
            if outcome.stop is None and b"exit-code" not in os.pread(report, REPORT_BYTES, 0):
                raise SandboxFailed(argv[0], outcome.stderr)
            return outcome

    def reading(self, readable: Mapping[str, Path]) -> "Sandbox":
        """Return the same sandbox with other folders to read; it was seen to hold already."""
        other = copy(self)
        other._readable = dict(readable)
        return other

    def open(
        self,
        argv: Sequence[str],
        *,
        files: Mapping[str, str | bytes] = NOTHING,
        environment: Mapping[str, str] = NOTHING,
        limits: Limits = DEFAULT_LIMITS,
    ) -> Session:
        """Start a command that answers messages; it has the same surroundings as in `run`.

        Raises ValueError for a file outside of the folder. A sandbox that could not be set up looks
        like a command that ended: `SessionEnded` says what bubblewrap said.
        """
        with ExitStack() as opened:
            line = self._line(opened, files, environment, limits)
            hidden = opened.enter_context(memory_file(line.text()))
            group = opened.enter_context(self._way.group(limits))
            process = self._way.start(
                ["--args", str(hidden), *bubblewrap.command(argv, limits)],
                [hidden, *line.descriptors],
                subprocess.PIPE,
                group,
            )
            return Session(process, limits, group, opened.pop_all())

    def _line(
        self,
        opened: ExitStack,
        files: Mapping[str, str | bytes],
        environment: Mapping[str, str],
        limits: Limits,
    ) -> "Line":
        """Lay out the arguments of bubblewrap, with the files that they name open."""
        line = Line()
        line.arguments += bubblewrap.confinement(limits, self._readable)
        line.arguments += bubblewrap.environment(environment)
        for name, content in files.items():
            place = bubblewrap.placed(name)
            line.name("--file", opened.enter_context(memory_file(content)), place)
        program = seccomp_filter()
        assert program is not None, "a way was found"
        line.name("--seccomp", opened.enter_context(memory_file(program)))
        return line


@dataclass(slots=True)
class Line:
    """Arguments, and the open files among them."""

    arguments: list[str] = field(default_factory=list)
    descriptors: list[int] = field(default_factory=list)

    def name(self, option: str, descriptor: int, *more: str) -> None:
        """Add an option that takes a descriptor."""
        self.arguments += [option, str(descriptor), *more]
        self.descriptors.append(descriptor)

    def text(self) -> bytes:
        """Return the arguments as `--args` reads them: unseen by `ps`, and of any length."""
        return "".join(f"{each}\0" for each in self.arguments).encode()


def open_more_files() -> None:
    """Raise the soft limit on open files, 1,024 as a rule, to the hard one."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


@contextmanager
def pipe(content: str | bytes) -> Iterator[int]:
    """Yield the end of a pipe from which the content can be read once.

    Raises ValueError for more than a pipe holds.
    """
    given = as_bytes(content)
    reading, writing = os.pipe()
    try:
        with os.fdopen(writing, "wb", buffering=0) as file:
            os.set_blocking(writing, False)
            if given and file.write(given) != len(given):
                raise ValueError(f"stdin: {len(given):,} bytes are more than a pipe holds.")
        yield reading
    finally:
        os.close(reading)


def outcome_of(watch: Watch) -> CommandOutcome:
    """Tell how a watched command ended."""
    return CommandOutcome(
        status=watch.status if watch.stop is None else None,
        stdout=watch.stdout.decode(errors="replace"),
        stderr=watch.stderr.decode(errors="replace"),
        truncated=watch.truncated,
        stop=watch.stop,
        seconds=watch.seconds,
        cpu=watch.cpu,
        memory=watch.memory,
    )
