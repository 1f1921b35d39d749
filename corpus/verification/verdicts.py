"""What verification says of a document: a verdict, how far it came, and the reason where it ended.

Nothing is called a failure that this machine may be the cause of: a toolchain that is too old, a
requirement that is absent, a limit that was met. What compilers say is sorted here, by their words.
"""

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, NamedTuple

from sandbox import Broken, SessionEnded, Stop


class Verdict(StrEnum):
    """The result for a document."""

    VERIFIED = "verified"
    """Nothing that was tried failed; `level` says how much was tried."""
    FAILED = "failed"
    """It is at fault: it cannot be read, does not compile, or its tests do not pass."""
    UNVERIFIABLE = "unverifiable"
    """Nothing was decided, for a reason that is not the document's."""


class Doubt(StrEnum):
    """The one reason why a document is not verified."""

    # failed
    SYNTAX_ERROR = "syntax_error"
    COMPILE_ERROR = "compile_error"
    MODULE_DEFINED_TWICE = "module_defined_twice"
    ENDED_THE_BEAM = "ended_the_beam"
    """Compiling or testing it ended the BEAM, as `System.halt` does."""
    BROKE_THE_CHANNEL = "broke_the_channel"
    """It wrote where only answers of the BEAM are written."""

    # unverifiable
    NO_TOOLCHAIN = "no_toolchain"
    NO_SANDBOX = "no_sandbox"
    """Code is not run without one; the file can be read."""
    TOOLCHAIN_TOO_OLD = "toolchain_too_old"
    PART_OF_TOOLCHAIN = "part_of_toolchain"
    """It is Elixir itself, of another version, which cannot run inside of this one."""
    NO_CHECKER = "no_checker"
    """The toolchain has nothing that reads this language, or the file is a template for one."""
    MISSING_REQUIREMENT = "missing_requirement"
    """It needs a module or a header of a package that is not there."""
    FAILED_REQUIREMENT = "failed_requirement"
    """It needs a file or a package that could not be compiled."""
    CYCLIC_REQUIREMENT = "cyclic_requirement"
    """It needs a package that needs its own package, and so could not come before it."""
    MISSING_FILE = "missing_file"
    """It needs a file that the archive does not hold, often a generated one."""
    NATIVE_CODE = "native_code"
    NEEDS_APPLICATION = "needs_application"
    """It needs an application that runs, or is configured."""
    TIMEOUT = "timeout"
    LIMIT = "limit"
    """It took more memory, processes, disk or output than it may."""


FAILURES: Final = frozenset(
    {
        Doubt.SYNTAX_ERROR,
        Doubt.COMPILE_ERROR,
        Doubt.MODULE_DEFINED_TWICE,
        Doubt.ENDED_THE_BEAM,
        Doubt.BROKE_THE_CHANNEL,
    }
)
"""Doubts that make a document failed; the others make it unverifiable."""


class Problem(NamedTuple):
    """What a compiler says of a place in a file."""

    path: str
    line: int
    text: str


@dataclass(frozen=True, slots=True)
class Finding:
    """A doubt and what exactly was found."""

    doubt: Doubt
    detail: str

    @property
    def verdict(self) -> Verdict:
        """What it makes of a document."""
        return Verdict.FAILED if self.doubt in FAILURES else Verdict.UNVERIFIABLE


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a file that did not compile is judged by.

    `owners` has the file of each module of its package, `failed` what was found of its files.
    `unbuilt` has the modules of required packages that could not be built, with the package.
    """

    owners: Mapping[str, str]
    failed: Mapping[str, Finding]
    unbuilt: Mapping[str, str]
    headers: Collection[str]
    """Names of the headers that the archive has, without their folders."""
    missing: Sequence[str] = ()
    """Packages that it requires and that are not there."""
    cut: Sequence[str] = ()
    """Packages that it requires, and that require it."""


DETAIL_CHARACTERS: Final = 500
MISSING_MODULE: Final = re.compile(
    r"module (:?[\w.\"!?@-]+) is not (?:loaded|available)"
    r"|could not load module (:?[\w.]+) due to reason"
    r"|([A-Z]\w*(?:\.\w+)*)\.__struct__/\d is undefined"
    r"|undefined parse transform '([^']+)'"
    r"|behaviour (:?[\w.]+) undefined"
    r"|the (?:module|protocol) ([A-Z][\w.]*) (?:is not available|could not be found)"
)
INCLUDE: Final = re.compile(
    r"can't find include (?P<kind>file|lib) \"(?P<name>[^\"]+)\""
    r"|lib file (?P<of_lib>\S+) could not be found"
)
NO_FILE: Final = re.compile(r"no such file or directory|:enoent|could not read", re.IGNORECASE)
EXHAUSTED: Final = re.compile(r":(?:emfile|enfile|eagain|enomem|system_limit)\b")
NATIVE: Final = re.compile(
    r"\bload_nif|load_failed|NIF library|on_load|nif_not_loaded|[Rr]ustler|elixir_make"
)
APPLICATION: Final = re.compile(
    r"no process: the process is not alive|could not fetch application environment"
    r"|unknown application|is not started|Mix\.\w*Stack|ETS table|"
    r"the table identifier does not refer to an existing ETS table|not configured"
)
NEWER_ELIXIR: Final = re.compile(r"~[A-Z][A-Z0-9]+[\"'(\[{<|/]")
"""Sigils of several letters, which 1.15 reads."""
NEWER_ERLANG: Final = re.compile(
    r"\"\"\"|~[bBsS]?[\"'(\[{<|/`#]|<:[-=]|&&|\bmaybe\b|\?=|^-(?:doc|moduledoc|nominal)\b|#\{\s*\|",
)
"""Strings of OTP 27, comprehensions of 28, and `maybe`, which 25 reads on demand."""
NEWER_KERNEL: Final = re.compile(
    r"undefined function (?:is_non_struct_map/1|to_timeout/1|dbg/[012]|then/2|tap/2|is_map_key/2)"
)


OF_OTHERS: Final = re.compile(r"\(module \S+ is not available")
"""In warnings that may come from a package that is not there, so they say nothing of the file."""


def ended(error: Exception, what: str) -> Finding:
    """Return what is found of a file during which the BEAM ended; `what` was done with it."""
    if not isinstance(error, SessionEnded):
        return Finding(Doubt.BROKE_THE_CHANNEL, f"{what} it changed what the BEAM answers")
    match error.cause:
        case Broken.ENDED:
            return Finding(Doubt.ENDED_THE_BEAM, f"{what} it ended the BEAM")
        case Broken.CHANNEL:
            detail = f"{what} it wrote where the BEAM answers"
            return Finding(Doubt.BROKE_THE_CHANNEL, detail)
        case Stop.WALL | Stop.CPU:
            return Finding(Doubt.TIMEOUT, f"{what} it took longer than it may")
    return Finding(Doubt.LIMIT, f"{what} it took more {error.cause} than it may")


def unread(language: str, text: str, line: int, said: str) -> Finding:
    """Return what is found of a text that the toolchain cannot read."""
    detail = f"line {line}: {said}"[:DETAIL_CHARACTERS]
    newer = NEWER_ELIXIR if language == "elixir" else NEWER_ERLANG
    lines = text.split("\n")
    near = "\n".join(lines[max(0, line - 2) : line + 1]) if line else text
    if newer.search(near):
        return Finding(Doubt.TOOLCHAIN_TOO_OLD, detail)
    return Finding(Doubt.SYNTAX_ERROR, detail)


def uncompiled(errors: Sequence[Problem], around: Surroundings) -> Finding:
    """Return what is found of a file from what the compiler said of it."""
    for error in errors:
        detail = f"line {error.line}: {error.text}"[:DETAIL_CHARACTERS]
        if NEWER_KERNEL.search(error.text):
            return Finding(Doubt.TOOLCHAIN_TOO_OLD, detail)
        if (include := INCLUDE.search(error.text)) is not None:
            name = include["name"] or include["of_lib"]
            is_own = include["kind"] == "file" or name.rpartition("/")[2] in around.headers
            return Finding(Doubt.MISSING_FILE if is_own else Doubt.MISSING_REQUIREMENT, detail)
        if (missing := missing_module(error.text)) is not None:
            return _without(missing, detail, around)
        if EXHAUSTED.search(error.text):
            return Finding(Doubt.LIMIT, detail)
        if NATIVE.search(error.text):
            return Finding(Doubt.NATIVE_CODE, detail)
        if APPLICATION.search(error.text):
            return Finding(Doubt.NEEDS_APPLICATION, detail)
        if NO_FILE.search(error.text):
            return Finding(Doubt.MISSING_FILE, detail)
    first = errors[0] if errors else Problem("", 0, "the compiler gave no reason")
    detail = f"line {first.line}: {first.text}"[:DETAIL_CHARACTERS]
    return Finding(Doubt.COMPILE_ERROR, detail)


def missing_module(said: str) -> str | None:
    """Return the module that a compiler did not find, None if that is not what it says."""
    match = MISSING_MODULE.search(said)
    if match is None:
        return None
    name = next(group for group in match.groups() if group)
    return name.removeprefix("Elixir.").removeprefix(":")


def _without(module: str, detail: str, around: Surroundings) -> Finding:
    owner = around.owners.get(module)
    if owner is not None and owner in around.failed:
        why = around.failed[owner].doubt
        told = f"{detail}; {owner}: {why}"[:DETAIL_CHARACTERS]
        return Finding(why if why is Doubt.MISSING_REQUIREMENT else Doubt.FAILED_REQUIREMENT, told)
    if owner is not None:
        return Finding(Doubt.COMPILE_ERROR, detail)
    if module in around.unbuilt:
        told = f"{detail}; {around.unbuilt[module]} could not be compiled as a whole"
        return Finding(Doubt.FAILED_REQUIREMENT, told[:DETAIL_CHARACTERS])
    if around.cut and not around.missing:
        told = f"{detail}; {', '.join(around.cut)} needs this package"
        return Finding(Doubt.CYCLIC_REQUIREMENT, told[:DETAIL_CHARACTERS])
    told = f"; not there: {', '.join(around.missing)}" if around.missing else ""
    return Finding(Doubt.MISSING_REQUIREMENT, f"{detail}{told}"[:DETAIL_CHARACTERS])
