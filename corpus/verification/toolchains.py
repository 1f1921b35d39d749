"""The toolchains of this machine that a build verifies documents with."""

import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from corpus.errors import CorpusError
from corpus.provenance import digest_of
from corpus.verification.beam import Toolchain
from corpus.verification.package import VerificationConfig, sandbox_here
from sandbox import Limits

ASK: Final = """\
release = :erlang.system_info(:otp_release)
file = Path.join([:code.root_dir(), "releases", release, "OTP_VERSION"])
otp = case File.read(file) do
  {:ok, version} -> String.trim(version)
  _ -> release
end
IO.puts(System.version())
IO.puts(otp)
"""
SECONDS: Final = 60.0


class NoToolchain(CorpusError):
    """There is no Elixir where there has to be one."""

    def __init__(self, program: str, said: str) -> None:
        super().__init__(
            f"{program}: no Elixir can be run there ({said.strip() or 'it said nothing'}). "
            "On Debian, as root: apt-get install elixir. Give another one with --elixir PATH, or "
            'build without: verification.verify = "off".'
        )


@dataclass(frozen=True, slots=True)
class Toolchains:
    """What documents are verified with; nothing, with the reason, where there is none."""

    found: tuple[Toolchain, ...] = ()
    """By version, each once."""
    is_confined: bool = False
    """Whether there is a sandbox, without which nothing is compiled."""
    note: str = "no toolchain was looked for"
    """Why nothing, or not everything, is tried; empty if all is."""

    @property
    def digest(self) -> str:
        """What verdicts depend on: the versions, not the place where they are installed."""
        names = [(each.elixir, each.otp) for each in self.found]
        return digest_of(names, self.is_confined, self.note)


UNVERIFIED: Final = Toolchains()
"""For builds that verify nothing."""


def find_toolchains(
    programs: Sequence[str | Path] = (), config: VerificationConfig | None = None
) -> Toolchains:
    """Look for the toolchains of some programs `elixir`, or for the one in PATH.

    Programs that are named are looked for even where the configuration says off. Raises
    NoToolchain for a program that is named and does not run, and if there is none and the
    configuration wants one.
    """
    config = config or VerificationConfig()
    if config.verify == "off" and not programs:
        return Toolchains(note="verification is off")
    named = [str(Path(program).absolute()) for program in programs]
    if not named and (there := shutil.which("elixir")) is not None:
        named = [there]
    if not named:
        if config.verify == "on":
            raise NoToolchain("elixir", "it is not in PATH")
        return Toolchains(note="elixir is not installed")
    found: dict[tuple[str, str], Toolchain] = {}
    for program in named:
        toolchain = _asked(program)
        found.setdefault((toolchain.elixir, toolchain.otp), toolchain)
    in_order = sorted(found.values(), key=lambda each: (_numbers(each.elixir), _numbers(each.otp)))
    if sandbox_here() is None:
        return Toolchains(tuple(in_order), False, "there is no sandbox: nothing was compiled")
    return Toolchains(tuple(in_order), True, "")


def _asked(program: str) -> Toolchain:
    """Ask a program for its versions. Raises NoToolchain."""
    try:
        done = subprocess.run(
            [program, "-e", ASK], capture_output=True, text=True, timeout=SECONDS, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise NoToolchain(program, str(error)) from error
    lines = done.stdout.split()
    if done.returncode or len(lines) != 2 or not all(line[0].isdigit() for line in lines):
        raise NoToolchain(program, done.stderr or done.stdout)
    toolchain = Toolchain(program=program, elixir=lines[0], otp=lines[1])
    if (confined := sandbox_here()) is not None:
        there = confined.reading(toolchain.folders)
        outcome = there.run([program, "-e", ASK], limits=Limits(wall=SECONDS, cpu=SECONDS))
        if outcome.stdout.split() != lines:
            said = outcome.stderr or "it does not run in the sandbox: install it under /usr/local"
            raise NoToolchain(program, said)
    return toolchain


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.partition("-")[0].split(".") if part.isdigit())
