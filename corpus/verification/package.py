"""Verifying one package: its files are read and formatted, then compiled with what it requires.

Files are read by a BEAM that a worker keeps. What is compiled runs, so each package has a BEAM of
its own, in the sandbox, which no other package sees. All files are compiled together first; if that
ends early they are compiled one by one, so that the file at fault is known, and then what is sound
once more together, because only then the compiler sees what is undefined. What comes out, with the
headers and what lies in priv/, is what packages that require it are compiled with.
"""

import atexit
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path, PurePosixPath
from typing import Final, NamedTuple, TypedDict

import pyarrow as pa
import pyarrow.compute as pc

from corpus.atomic import is_complete, whole_folder
from corpus.behaviours.reach import satisfies
from corpus.bounds import check_least
from corpus.parts import open_part, write_part
from corpus.places import copied_here
from corpus.rows import CompilerWarningRow
from corpus.sources import ArchiveLimits, Member, source_named
from corpus.store import Archive
from corpus.supervision import Budget, Ended, Watch, watched
from corpus.tables import VERDICTS
from corpus.verification.beam import (
    LIFE,
    Answer,
    BadAnswer,
    Beam,
    Term,
    Toolchain,
    decoded,
    encoded,
)
from corpus.verification.verdicts import (
    OF_OTHERS,
    Doubt,
    Finding,
    Problem,
    Surroundings,
    Verdict,
    ended,
    missing_module,
    uncompiled,
    unread,
)
from sandbox import Limits, Sandbox, SandboxUnavailable, SessionEnded

OF_THE_TOOLCHAIN: Final = frozenset({"elixir", "eex", "ex_unit", "iex", "logger", "mix"})
"""Applications of Elixir itself."""
SOURCES: Final = re.compile(r"(?:lib|src)/(?:[^/]+/)*[^/]+\.ex|src/(?:[^/]+/)*[^/]+\.[exy]rl")
"""What a package is compiled from: as Mix and Rebar do by default."""
MOST_PRIV: Final = 8 << 20
"""Bytes of priv/ that packages which require it can read."""
MOST_RESTARTS: Final = 8
"""Files that may end the BEAM, after which the package is given up."""
MOST_WARNINGS: Final = 5
"""Warnings whose text is kept."""
MOST_ATOMS: Final = 500_000
"""Names in a BEAM that reads, after which another is started; it could hold twice as many."""
CLOCK: Final = 6
"""Seconds by the clock for each of the processor: other work of the machine must not decide."""
LEAST_WALL: Final = 60.0
APP: Final = re.compile(r"[a-z][a-z0-9_]{0,63}")
ROOT: Final = "/scratch/package"
REQUIRED: Final = "/scratch/required"
COLUMNS: Final = [
    *("document_id", "source", "package", "version", "purl", "path", "license_expression"),
    *("language", "role"),
]


JUDGED: Final = [
    *("toolchain", "verdict", "level", "reason", "detail", "parsed", "formatted", "compiled"),
    *("warnings", "first_warnings"),
]
"""Columns of a verdict that say what was found."""


class JudgedRow(TypedDict):
    """The columns of `JUDGED`."""

    toolchain: str
    verdict: str
    level: str
    reason: str | None
    detail: str | None
    parsed: bool | None
    formatted: bool | None
    compiled: bool | None
    warnings: int | None
    first_warnings: list[CompilerWarningRow]


@dataclass(frozen=True, kw_only=True, slots=True)
class VerificationConfig:
    """How documents are verified by the real toolchain.

    Raises ValueError for a budget that lets nothing through.
    """

    verify: str = "off"
    """off: only with `--elixir`; auto: where `elixir` is found; on: a build without it ends."""
    file_seconds: int = 60
    """CPU time for reading, formatting or compiling one file."""
    package_seconds: int = 600
    """CPU time for compiling one package."""
    memory: int = 2 << 30
    """Bytes of memory of a BEAM."""

    def __post_init__(self) -> None:
        """Check the choice and the budgets."""
        if self.verify not in ("auto", "on", "off"):
            raise ValueError(f"verify is {self.verify!r}; it is off, auto or on")
        check_least(1, self, "file_seconds", "package_seconds", "memory")

    @property
    def limits(self) -> Limits:
        """What a BEAM may use in all its life."""
        return Limits(
            wall=LIFE, cpu=LIFE, memory=self.memory, output=256 << 20, disk=512 << 20, files=40_000
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class PackageTask:
    """One package, what it requires, and the folder for what is found."""

    archive: Archive
    path: Path
    documents: Path
    """The part that has its documents."""
    required: tuple[Path, ...]
    """Folders of the packages that it requires, and of those that these require."""
    missing: tuple[str, ...] = ()
    """Names of what it requires and the store lacks."""
    cut: tuple[str, ...] = ()
    """Names of what it requires, and what requires it."""
    toolchain: Toolchain
    is_confined: bool
    """Whether there is a sandbox; without one nothing is compiled."""
    config: VerificationConfig
    limits: ArchiveLimits
    budget: Budget
    destination: Path


class Told(TypedDict):
    """What packages that require this one have to know of it."""

    app: str
    unbuilt: list[str]
    """Modules of files that could not be compiled."""


@dataclass(slots=True)
class File:
    """One file of a package, and what is known of it."""

    path: str
    data: bytes
    language: str = ""
    parsed: bool | None = None
    formatted: bool | None = None
    compiled: bool | None = None
    finding: Finding | None = None
    modules: tuple[str, ...] = ()
    warnings: list[Problem] = field(default_factory=list)

    @property
    def is_source(self) -> bool:
        """Whether the package is compiled from it."""
        return SOURCES.fullmatch(self.path) is not None

    @property
    def is_generator(self) -> bool:
        """Whether it is the grammar of a scanner or of a parser."""
        return self.path.endswith((".xrl", ".yrl"))


def verify_package(task: PackageTask) -> Path:
    """Verify a package; return its folder, which is written completely or not at all.

    It holds `verdicts.arrow`, with a row for each document, `package.etf`, with what other packages
    are compiled with, and `told.json`. Raises SandboxUnavailable if the sandbox is gone.
    """
    if is_complete(task.destination):
        return task.destination
    documents = _documents(task)
    with copied_here([task.path]) as paths:
        files = _files(replace(task, path=paths[0]), documents)
    work = _Work(task, files)
    work.check({row["path"] for row in documents.select(["path"]).to_pylist()})
    if task.is_confined:
        work.compile()
    with whole_folder(task.destination) as folder:
        write_part(_rows(documents, files, task), folder / "verdicts.arrow")
        (folder / "package.etf").write_bytes(encoded(work.product()))
        told = Told(app=work.app, unbuilt=work.unbuilt())
        (folder / "told.json").write_text(json.dumps(told, sort_keys=True))
    return task.destination


def read_told(folder: Path) -> Told:
    """Read what a package says of itself."""
    told: Told = json.loads((folder / "told.json").read_bytes())
    return told


def product_of(folder: Path) -> list[tuple[str, bytes]]:
    """Return the files that a compiled package gives to those that require it."""
    product = decoded((folder / "package.etf").read_bytes())
    assert isinstance(product, list)
    found = []
    for each in product:
        assert isinstance(each, tuple)
        path, data = each
        assert isinstance(path, bytes)
        assert isinstance(data, bytes)
        found.append((path.decode(), data))
    return found


def _documents(task: PackageTask) -> pa.Table:
    """Return the documents of the archive with their texts."""
    with open_part(task.documents, [*COLUMNS, "archive_sha256", "text"]) as part:
        batches = [part.get_batch(place) for place in range(part.num_record_batches)]
        mine = [
            batch.filter(pc.equal(batch["archive_sha256"], task.archive.sha256))
            for batch in batches
        ]
        return pa.Table.from_batches(mine, part.schema)


def _files(task: PackageTask, documents: pa.Table) -> dict[str, File]:
    """Return all files of a package: documents as a release has them, others as they are."""
    request = task.path, task.archive.source, task.limits
    opened = watched(_open, request, task.budget)
    members = [] if isinstance(opened, Ended) else opened
    files = {member.path: File(member.path, member.data) for member in members}
    for row in documents.select(["path", "language", "text"]).to_pylist():
        files[row["path"]] = File(row["path"], row["text"].encode(), row["language"])
    return dict(sorted(files.items()))


def _open(request: tuple[Path, str, ArchiveLimits], watch: Watch) -> list[Member]:
    path, source, limits = request
    with watch.group(0, 60.0):
        contents = source_named(source).open(path.read_bytes(), limits)
        return [each for each in contents.members if isinstance(each, Member)]


@lru_cache(maxsize=1)
def sandbox_here() -> Sandbox | None:
    """Return the sandbox of this machine, which is looked for once in a process."""
    try:
        return Sandbox()
    except SandboxUnavailable:
        return None


@lru_cache(maxsize=4)
def _reader(toolchain: Toolchain, config: VerificationConfig, is_confined: bool) -> Beam:
    """Return the BEAM of this process that reads files."""
    beam = Beam(toolchain, sandbox_here() if is_confined else None, config.limits)
    atexit.register(beam.close)
    return beam


class _Work:
    """What is done with one package."""

    def __init__(self, task: PackageTask, files: dict[str, File]) -> None:
        self._task, self._files, self._config = task, files, task.config
        self._beams: dict[str, Mapping[str, bytes]] = {}
        """What was compiled, by file and module."""
        self._told = [(folder, read_told(folder)) for folder in task.required]
        self._requires = ""
        self.app = task.archive.name if APP.fullmatch(task.archive.name) else "package"
        for path in files:
            name = PurePosixPath(path).name
            if name.endswith(".app.src") and APP.fullmatch(name[:-8]) and path.startswith("src/"):
                self.app = name[:-8]

    def check(self, documents: set[str]) -> None:
        """Read every document and every source, and compare it with its formatted form."""
        reader = _reader(self._task.toolchain, self._config, self._task.is_confined)
        formatters = self._formatters()
        for file in self._files.values():
            if file.path not in documents and not file.is_source:
                continue
            language = file.language or _language(file.path)
            if language:
                self._check(file, language, reader, formatters)

    def _check(self, file: File, language: str, reader: Beam, formatters: Term) -> None:
        try:
            answer = self._ask(reader, ("check", file.path, language, file.data, formatters))
        except (SessionEnded, BadAnswer) as error:
            file.finding = ended(error, "while it was read,")
            return
        _, parsed, formatted, told, atoms = answer
        assert isinstance(parsed, tuple)
        if isinstance(atoms, int) and atoms > MOST_ATOMS:
            reader.close()
        if parsed[0] == b"ok":
            file.parsed = True
            file.formatted = {b"yes": True, b"no": False}.get(_bytes(formatted))
            file.modules = tuple(_of_kind(told, b"module"))
        elif parsed[0] == b"error":
            text = file.data.decode(errors="replace")
            line, said = parsed[1], _text(parsed[2])
            assert isinstance(line, int)
            if language == "erlang" and "?" in text:
                return  # Macros make text that no grammar reads: the compiler decides.
            file.finding = unread(language, text, line, said)
            file.parsed = None if file.finding.doubt is Doubt.TOOLCHAIN_TOO_OLD else False
        if file.path == "mix.exs":
            self._requires = next(iter(_of_kind(told, b"elixir")), "")
            self.app = next(filter(APP.fullmatch, _of_kind(told, b"app")), self.app)

    def _formatters(self) -> Term:
        own = self._files.get(".formatter.exs")
        others = []
        for folder, told in self._told:
            product = dict(product_of(folder))
            if ".formatter.exs" in product:
                others.append((told["app"], product[".formatter.exs"]))
        return (own.data if own else b"", others)

    def compile(self) -> None:
        """Compile the sources; each has its beams, or what was found of it."""
        sources = [file for file in self._files.values() if file.is_source]
        if not sources:
            return
        whole = self._obstacle()
        for file in sources:
            file.finding = file.finding or whole
        self._refuse_repeated(sources)
        sound = [file for file in sources if file.finding is None]
        beam = Beam(self._task.toolchain, _needed_sandbox(), self._config.limits)
        with beam:
            _Compilation(self, beam, sound).run()

    def _obstacle(self) -> Finding | None:
        """Return why no file of the package can be compiled."""
        version = self._task.toolchain.elixir
        if self._requires and is_too_old(version, self._requires):
            detail = f"mix.exs asks for Elixir {self._requires}"
            return Finding(Doubt.TOOLCHAIN_TOO_OLD, detail)
        if self.app in OF_THE_TOOLCHAIN and self._task.archive.version != version:
            return Finding(Doubt.PART_OF_TOOLCHAIN, f"{self.app} is a part of Elixir")
        return None

    def _refuse_repeated(self, sources: Sequence[File]) -> None:
        """Leave out files that define a module which an earlier file defines."""
        first: dict[str, str] = {}
        for file in sources:
            for module in file.modules:
                other = first.setdefault(module, file.path)
                if other != file.path and file.finding is None:
                    detail = f"{module} is defined in {other} too"
                    file.finding = Finding(Doubt.MODULE_DEFINED_TWICE, detail)

    def surroundings(self) -> Surroundings:
        """Return what a file that does not compile is judged by."""
        files = self._files.values()
        owners = {module: file.path for file in files for module in file.modules}
        owners |= {
            PurePosixPath(file.path).stem: file.path for file in files if file.path.endswith(".erl")
        }
        failed = {file.path: file.finding for file in files if file.finding is not None}
        unbuilt = {module: told["app"] for _, told in self._told for module in told["unbuilt"]}
        headers = {PurePosixPath(path).name for path in self._files if path.endswith(".hrl")}
        return Surroundings(owners, failed, unbuilt, headers, self._task.missing, self._task.cut)

    def prepare(self, beam: Beam) -> None:
        """Put the package and what it requires, and what was compiled already, into a BEAM."""
        files: list[Term] = [(file.path, file.data) for file in self._files.values()]
        files += self.beams()
        files.append((f"ebin/{self.app}.app", self._resource()))
        required: list[Term] = []
        for folder, told in self._told:
            inside: list[Term] = [*product_of(folder)]
            required.append((f"{REQUIRED}/{told['app']}", inside))
        self._ask(beam, ("prepare", f"{ROOT}/{self.app}", files, required))

    def file(self, path: str) -> File:
        """Return a file of the package."""
        return self._files[path]

    def keep(self, path: str, beams: Mapping[str, bytes]) -> None:
        """Take what a file was compiled to, by module."""
        self._beams[path] = dict(beams)

    def beams(self) -> list[tuple[str, bytes]]:
        """Return the files that the compiler made."""
        return [
            (f"ebin/{module}.beam", data)
            for _, made in sorted(self._beams.items())
            for module, data in sorted(made.items())
        ]

    def product(self) -> list[Term]:
        """Return what packages that require this one are compiled with."""
        found: list[Term] = [*self.beams(), (f"ebin/{self.app}.app", self._resource())]
        left = MOST_PRIV
        for path, file in self._files.items():
            if path.startswith("priv/") and len(file.data) <= left:
                left -= len(file.data)
                found.append((path, file.data))
            elif path.endswith(".hrl") or path == ".formatter.exs":
                found.append((path, file.data))
        return found

    def unbuilt(self) -> list[str]:
        """Return the modules of sources that were not compiled."""
        return sorted(
            module
            for file in self._files.values()
            if file.is_source and file.path not in self._beams
            for module in file.modules or (PurePosixPath(file.path).stem,)
        )

    def _resource(self) -> bytes:
        """Return the application's resource file (app(4))."""
        modules = sorted(module for made in self._beams.values() for module in made)
        names = ",".join(f"'{name}'" for name in modules if re.fullmatch(r"[\w.@-]+", name))
        version = re.sub(r"[^\w.+-]", "", self._task.archive.version)
        return (
            f'{{application,{self.app},[{{vsn,"{version}"}},{{modules,[{names}]}},'
            "{registered,[]},{applications,[kernel,stdlib]}]}.\n"
        ).encode()

    def _ask(self, beam: Beam, request: Term, files: int = 1) -> tuple[Answer, ...]:
        return asked(beam, request, self._config, files)

    @property
    def task(self) -> PackageTask:
        """What is to be done."""
        return self._task


def asked(
    beam: Beam, request: Term, config: VerificationConfig, files: int = 1
) -> tuple[Answer, ...]:
    """Ask a BEAM for something that takes the time of some files. Raises what `ask` does."""
    cpu = min(config.file_seconds + files - 1, config.package_seconds)
    return beam.ask(request, wall=max(LEAST_WALL, CLOCK * cpu), cpu=cpu)


def _needed_sandbox() -> Sandbox:
    sandbox = sandbox_here()
    if sandbox is None:
        raise SandboxUnavailable("it was there when the build began", "Build again.")
    return sandbox


class Compiled(NamedTuple):
    """What the BEAM says of files that it compiled."""

    is_whole: bool
    errors: list[Problem]
    warnings: list[Problem]
    beams: dict[str, dict[str, bytes]]
    """By file and module."""
    finished: list[str]


def compiled(answer: Sequence[Answer]) -> Compiled:
    """Read an answer about compiled files. Raises BadAnswer.

    Foreign code ran where it comes from, so it may say anything of its own package.
    """
    if answer[0] == b"generated" and len(answer) == 3:
        return Compiled(False, _problems(answer[1]), _problems(answer[2]), {}, [])
    if answer[0] != b"compiled" or len(answer) != 6:
        raise BadAnswer(f"the BEAM did not compile, but answered {answer[0]!r}")
    _, is_whole, errors, warnings, made, finished = answer
    beams: dict[str, dict[str, bytes]] = {}
    for each in _list(made):
        if not isinstance(each, tuple) or len(each) != 3:
            raise BadAnswer("an answer of the BEAM has no module where one belongs")
        path, module, data = map(_bytes, each)
        if b"/" in module or b"\0" in module:
            raise BadAnswer(f"{module!r} cannot be the name of a module")
        beams.setdefault(path.decode(errors="replace"), {})[module.decode(errors="replace")] = data
    told = _problems(errors), _problems(warnings)
    return Compiled(is_whole == b"true", *told, beams, [*map(_text, _list(finished))])


class _Compilation:
    """The sources of a package on their way through the compiler."""

    def __init__(self, work: _Work, beam: Beam, sources: Sequence[File]) -> None:
        self._work, self._beam, self._config = work, beam, work.task.config
        self._waiting = {file.path: file for file in sources}
        self._errors: dict[str, list[Problem]] = {}
        self._owners = work.surroundings().owners
        self._restarts = 0
        self._is_ready = False

    def run(self) -> None:
        """Compile grammars, Erlang, then Elixir; give each file its result."""
        self._generate()
        self._erlang()
        elixir = [path for path in self._waiting if path.endswith(".ex")]
        if elixir:
            self._elixir(elixir)
        self._conclude()

    def _generate(self) -> None:
        """Make Erlang of grammars, which is compiled in their place."""
        for path, file in list(self._waiting.items()):
            if file.is_generator:
                answer = self._try(file, ("generate", path))
                if answer is not None and not answer.errors:
                    self._compile_erlang(file, str(PurePosixPath(path).with_suffix(".erl")))

    def _erlang(self) -> None:
        """Compile Erlang again and again while more of it compiles: transforms come first."""
        waiting = [path for path in self._waiting if path.endswith(".erl")]
        while waiting:
            before = len(waiting)
            for path in waiting:
                self._compile_erlang(self._waiting[path], path)
            waiting = [
                path
                for path in waiting
                if path in self._waiting and any(map(_may_come, self._errors.get(path, ())))
            ]
            if len(waiting) == before:
                return

    def _compile_erlang(self, file: File, path: str) -> None:
        answer = self._try(file, ("erlang", path))
        if answer is not None:
            self._take(answer, {path: file.path})

    def _elixir(self, paths: list[str]) -> None:
        try:
            answer = self._ask(("elixir", paths), len(paths))
        except (SessionEnded, BadAnswer):
            self._restart()
        else:
            self._take(answer)
            if answer.is_whole:
                return
        self._one_by_one([path for path in paths if path in self._waiting])
        self._once_more([path for path in paths if self._work.file(path).compiled])

    def _one_by_one(self, paths: list[str]) -> None:
        """Compile files alone; one that needs another is tried again directly behind it."""
        waiting = dict.fromkeys(paths)
        tries = dict.fromkeys(paths, 0)
        while waiting:
            path = next(iter(waiting))
            tries[path] += 1
            answer = self._try(self._waiting[path], ("elixir", [path]))
            if answer is not None:
                self._take(answer)
            if path in self._waiting and tries[path] <= len(paths):
                first = [each for each in self._needs(self._waiting[path]) if each in waiting]
                if first:
                    rest = [each for each in waiting if each not in (*first, path)]
                    waiting = dict.fromkeys([*sorted(first), path, *rest])
                    continue
            del waiting[path]

    def _once_more(self, paths: list[str]) -> None:
        """Compile what is sound together, for the warnings that only all of it gives."""
        if paths and self._restarts <= MOST_RESTARTS:
            try:
                answer = self._ask(("elixir", paths), len(paths))
            except (SessionEnded, BadAnswer):
                self._restart()
            else:
                if answer.is_whole:
                    self._take(answer)

    def _take(self, answer: Compiled, names: Mapping[str, str] | None = None) -> None:
        """Take the beams and warnings of an answer; what is finished does not wait any more.

        `names` has the file of the package for what was made from one.
        """
        names = names or {}
        for path in answer.finished:
            own = names.get(path, path)
            file = self._work.file(own)
            file.compiled = file.parsed = True
            file.warnings = [
                each
                for each in answer.warnings
                if names.get(each.path, each.path) == own and not OF_OTHERS.search(each.text)
            ]
            self._work.keep(own, answer.beams.get(path, {}))
            self._waiting.pop(own, None)
            self._errors.pop(own, None)

    def _try(self, file: File, request: Term) -> Compiled | None:
        """Ask for one file; None if that ended the BEAM, which is the file's fault.

        What is wrong is noted. Once too many files ended a BEAM, no more are tried.
        """
        if self._restarts > MOST_RESTARTS:
            return None
        try:
            answer = self._ask(request)
        except (SessionEnded, BadAnswer) as error:
            self._restart()
            file.finding = ended(error, "while it was compiled,")
            self._waiting.pop(file.path, None)
            return None
        self._errors[file.path] = answer.errors
        return answer

    def _restart(self) -> None:
        self._beam.close()
        self._is_ready = False
        self._restarts += 1

    def _ask(self, request: Term, files: int = 1) -> Compiled:
        if not self._is_ready:
            self._work.prepare(self._beam)
            self._is_ready = True
        return compiled(asked(self._beam, request, self._config, files))

    def _conclude(self) -> None:
        """Say of every file that waits in vain what was found, causes before what needs them."""
        if self._restarts > MOST_RESTARTS:
            for file in self._waiting.values():
                if not self._errors.get(file.path):
                    detail = f"{MOST_RESTARTS} other files of the package ended the BEAM"
                    file.finding = Finding(Doubt.FAILED_REQUIREMENT, detail)
        waiting = [file for file in self._waiting.values() if file.finding is None]
        while waiting:
            names = {file.path for file in waiting}
            ready = [file for file in waiting if not self._needs(file) & names]
            around = self._work.surroundings()
            for file in ready or waiting[:1]:
                file.finding = uncompiled(self._errors.get(file.path, ()), around)
                file.compiled = False
            waiting = [file for file in waiting if file.finding is None]

    def _needs(self, file: File) -> set[str]:
        """Return the other files that a compiler did not find the modules of."""
        missing = (missing_module(each.text) for each in self._errors.get(file.path, ()))
        return {self._owners[name] for name in missing if name and name in self._owners} - {
            file.path
        }


def _may_come(problem: Problem) -> bool:
    """Whether what is wrong may be right once other files are compiled."""
    return missing_module(problem.text) is not None


def is_too_old(version: str, requirement: str) -> bool:
    """Whether a requirement asks for a newer version; one that asks for an older is no obstacle."""
    release = version.partition("-")[0]
    if satisfies(release, requirement):
        return False
    major = int(release.partition(".")[0])
    return any(satisfies(f"{major}.{minor}.99", requirement) for minor in _later(release))


def _later(version: str) -> Iterator[int]:
    minor = int(version.split(".")[1])
    return iter(range(minor, minor + 100))


def _language(path: str) -> str:
    suffix = PurePosixPath(path).suffix
    return {".ex": "elixir", ".exs": "elixir", ".erl": "erlang", ".hrl": "erlang"}.get(suffix, "")


def _rows(documents: pa.Table, files: Mapping[str, File], task: PackageTask) -> pa.Table:
    """Return a row of the table of verdicts for each document."""
    rows = documents.select(["path", "language", "role"]).to_pylist()
    return _table(documents, [_row(files[row["path"]], row["role"], task) for row in rows])


def untried(documents: pa.Table, note: str) -> pa.Table:
    """Return a row for each document that says that there was no toolchain."""
    row = _judged("none", "none", Finding(Doubt.NO_TOOLCHAIN, note))
    return _table(documents, [row] * documents.num_rows)


def _table(documents: pa.Table, found: Sequence[JudgedRow]) -> pa.Table:
    columns = {name: documents[name] for name in COLUMNS}
    told = pa.Table.from_pylist(found, schema=pa.schema([VERDICTS.field(n) for n in JUDGED]))
    columns |= {name: told[name] for name in JUDGED}
    schema = pa.schema([each for each in VERDICTS if each.name != "split"])
    return pa.table([columns[name] for name in schema.names], schema=schema)


def _row(file: File, role: str, task: PackageTask) -> JudgedRow:
    finding = file.finding
    if role == "template":
        finding = Finding(Doubt.NO_CHECKER, "what a template is made into is not known")
    elif finding is None and file.parsed is None:
        detail = f"nothing here reads such {file.language} on its own"
        finding = Finding(Doubt.NO_CHECKER, detail)
    elif finding is None and file.is_source and not task.is_confined:
        finding = Finding(Doubt.NO_SANDBOX, "code is not run without a sandbox")
    level = "compiled" if file.compiled else "parsed" if file.parsed else "none"
    row = _judged(task.toolchain.name, level, finding)
    row |= {"parsed": file.parsed, "formatted": file.formatted, "compiled": file.compiled}
    if file.compiled:
        shown = sorted(file.warnings, key=lambda each: (each.line, each.text))
        row["warnings"] = len(shown)
        row["first_warnings"] = [
            {"line": each.line, "text": each.text} for each in shown[:MOST_WARNINGS]
        ]
    return row


def _judged(toolchain: str, level: str, finding: Finding | None) -> JudgedRow:
    return {
        "toolchain": toolchain,
        "verdict": (finding.verdict if finding else Verdict.VERIFIED).value,
        "level": level,
        "reason": finding.doubt.value if finding else None,
        "detail": finding.detail if finding else None,
        "parsed": None,
        "formatted": None,
        "compiled": None,
        "warnings": None,
        "first_warnings": [],
    }


def _problems(told: Answer) -> list[Problem]:
    found = []
    for each in _list(told):
        if not isinstance(each, tuple) or len(each) != 3 or not isinstance(each[1], int):
            raise BadAnswer("an answer of the BEAM has no problem where one belongs")
        found.append(Problem(_text(each[0]), each[1], _text(each[2])))
    return found


def _of_kind(told: Answer, kind: bytes) -> Iterator[str]:
    for each in _list(told):
        if isinstance(each, tuple) and each[0] == kind:
            yield _text(each[1])


def _list(answer: Answer) -> list[Answer]:
    if not isinstance(answer, list):
        raise BadAnswer("an answer of the BEAM has no list where one belongs")
    return answer


def _text(answer: Answer) -> str:
    return _bytes(answer).decode(errors="replace")


def _bytes(answer: Answer) -> bytes:
    if not isinstance(answer, bytes):
        raise BadAnswer("an answer of the BEAM has no text where one belongs")
    return answer
