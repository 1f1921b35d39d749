"""One long-lived BEAM that answers requests, and what it and we say to each other.

`server.exs` runs inside. It is started in the sandbox, or, where there is none, outside of it for
requests that execute nothing. A BEAM that ended is started again by the next request, so a file
that ends it costs that file its verdict and no other.
"""

import base64
import os
import struct
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from types import TracebackType
from typing import Final, Self, TypeAlias

from corpus.errors import CorpusError
from sandbox import Limits, Sandbox, Session

SERVER: Final = Path(__file__).with_name("server.exs")
MODULE: Final = "elixir_corpus_verification"
BUILD: Final = """\
for {name, code} <- Code.compile_file("server.exs"), do: IO.puts("#{name} #{Base.encode64(code)}")
"""
ENVIRONMENT: Final[Mapping[str, str]] = {
    "ERL_FLAGS": "-noinput +S 2:2 +SDcpu 1:1 +SDio 2 +sbwt none +sbwtdcpu none"
}
"""Two schedulers that do not spin: several BEAMs share the processors. `-noinput` leaves standard
input to the server."""
LIFE: Final = 7200.0
"""Seconds of the processor that one BEAM may take in all its life; each request has its own."""

Term: TypeAlias = "int | str | bytes | bool | Sequence[Term] | tuple[Term, ...]"
"""What is said: binaries for text and bytes, lists, tuples and whole numbers."""
Answer: TypeAlias = "int | bytes | list[Answer] | tuple[Answer, ...]"
"""What is answered: the same, with atoms as the bytes of their names."""

MOST_DEEP: Final = 16


class BadAnswer(CorpusError):
    """An answer is not as this version writes it: what runs in the BEAM changed it."""


def encoded(term: Term) -> bytes:
    """Return a term in Erlang's external term format (erl_ext_dist)."""
    parts = [b"\x83"]
    _encode(term, parts)
    return b"".join(parts)


def _encode(term: Term, parts: list[bytes]) -> None:
    if isinstance(term, str):
        term = term.encode(errors="replace")
    if isinstance(term, bytes):
        parts += [struct.pack(">BI", 109, len(term)), term]
    elif isinstance(term, bool):
        name = b"true" if term else b"false"
        parts.append(struct.pack(">BB", 119, len(name)) + name)
    elif isinstance(term, int):
        parts.append(struct.pack(">Bi", 98, term))
    elif isinstance(term, tuple):
        parts.append(struct.pack(">BI", 105, len(term)))
        for each in term:
            _encode(each, parts)
    else:
        if term:
            parts.append(struct.pack(">BI", 108, len(term)))
            for each in term:
                _encode(each, parts)
        parts.append(b"\x6a")


def decoded(data: bytes) -> Answer:
    """Read a term. Raises BadAnswer for what the server does not send, such as a float."""
    try:
        if data[:1] != b"\x83":
            raise BadAnswer("an answer of the BEAM is no term")
        term, end = _decode(data, 1, 0)
    except (struct.error, IndexError) as error:
        raise BadAnswer("an answer of the BEAM is cut off") from error
    if end != len(data):
        raise BadAnswer("an answer of the BEAM has more behind it")
    return term


def _decode(data: bytes, at: int, depth: int) -> tuple[Answer, int]:
    if depth > MOST_DEEP:
        raise BadAnswer("an answer of the BEAM is too deep")
    tag, at = data[at], at + 1
    if tag == 97:
        return data[at], at + 1
    if tag == 98:
        return struct.unpack_from(">i", data, at)[0], at + 4
    if tag in (109, 107, 119, 118, 100):
        size, head = _size(data, at, {109: ">I", 119: ">B"}.get(tag, ">H"))
        end = head + size
        if end > len(data):
            raise BadAnswer("an answer of the BEAM is cut off")
        return data[head:end], end
    if tag == 106:
        return [], at
    if tag in (108, 104, 105):
        size, at = _size(data, at, ">B" if tag == 104 else ">I")
        if size > len(data):
            raise BadAnswer("an answer of the BEAM is cut off")
        items: list[Answer] = []
        for _ in range(size):
            item, at = _decode(data, at, depth + 1)
            items.append(item)
        if tag != 108:
            return tuple(items), at
        if data[at] != 106:
            raise BadAnswer("an answer of the BEAM has an improper list")
        return items, at + 1
    raise BadAnswer(f"an answer of the BEAM has a term of kind {tag}")


def _size(data: bytes, at: int, how: str) -> tuple[int, int]:
    size: int = struct.unpack_from(how, data, at)[0]
    return size, at + struct.calcsize(how)


@dataclass(frozen=True, kw_only=True, slots=True)
class Toolchain:
    """An Elixir with its Erlang, as it was found; the same toolchain gives the same verdicts."""

    program: str
    """The path of `elixir`."""
    elixir: str
    """Its version, such as 1.14.0."""
    otp: str
    """The version of Erlang/OTP, such as 25.2.3."""

    @property
    def name(self) -> str:
        """What tables and the manifest call it."""
        return f"Elixir {self.elixir}, Erlang/OTP {self.otp}"

    @property
    def folders(self) -> dict[str, Path]:
        """The folders that the sandbox has to show besides its own, by their place inside."""
        folder = Path(self.program).resolve().parent.parent
        return {} if folder.is_relative_to("/usr") else {str(folder): folder}


@lru_cache(maxsize=8)
def server_of(toolchain: Toolchain) -> Mapping[str, bytes]:
    """Compile the server, once in a process; return its files. Raises NoToolchain.

    It is ours, so it needs no sandbox.
    """
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "server.exs").write_bytes(SERVER.read_bytes())
        done = subprocess.run(
            [toolchain.program, "-e", BUILD],
            cwd=folder,
            env=_outside(ENVIRONMENT),
            capture_output=True,
            timeout=120,
            check=False,
        )
    if done.returncode:
        raise BadAnswer(f"{toolchain.program}: {done.stderr.decode(errors='replace')[-500:]}")
    lines = (line.split() for line in done.stdout.decode().splitlines())
    return {f"server/{name}.beam": base64.b64decode(code) for name, code in lines}


def _outside(given: Mapping[str, str]) -> dict[str, str]:
    """Return what a program outside of the sandbox needs of the environment."""
    path = os.environ.get("PATH", os.defpath)
    return {"PATH": path, "LANG": "C.UTF-8", "HOME": "/nonexistent", **given}


class Beam:
    """A BEAM of a toolchain, started when it is first asked and again after each end."""

    def __init__(self, toolchain: Toolchain, sandbox: Sandbox | None, limits: Limits) -> None:
        """Without a sandbox it must only be asked what executes nothing."""
        self.toolchain, self._sandbox, self._limits = toolchain, sandbox, limits
        self._session: Session | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def ask(self, request: Term, *, wall: float, cpu: float) -> tuple[Answer, ...]:
        """Return the answer to a request, within seconds by the clock and of the processor.

        Raises SessionEnded if there is none, and BadAnswer; then the BEAM is gone.
        """
        session = self._running()
        session.send(encoded(request), wall=wall, cpu=cpu)
        try:
            answer = decoded(session.receive(wall=wall, cpu=cpu))
            if not isinstance(answer, tuple) or not answer:
                raise BadAnswer("an answer of the BEAM is no tuple")
        except BadAnswer:
            self.close()
            raise
        return answer

    def close(self) -> None:
        """End it, in any state; the next request starts another one."""
        session, self._session = self._session, None
        if session is not None:
            session.close()

    def _running(self) -> Session:
        if self._session is None or not self._session.is_alive:
            self.close()
            self._session = self._start()
        return self._session

    def _start(self) -> Session:
        files = server_of(self.toolchain)
        command = [self.toolchain.program, "-pa", "server", "-e", f":{MODULE}.main()"]
        if self._sandbox is not None:
            there = self._sandbox.reading(self.toolchain.folders)
            return there.open(command, files=files, environment=ENVIRONMENT, limits=self._limits)
        with ExitStack() as owned:
            folder = owned.enter_context(tempfile.TemporaryDirectory())
            for name, data in files.items():
                place = Path(folder, name)
                place.parent.mkdir(exist_ok=True)
                place.write_bytes(data)
            process = subprocess.Popen(
                command,
                cwd=folder,
                env=_outside(ENVIRONMENT),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
            )
            return Session(process, self._limits, owned=owned.pop_all())
