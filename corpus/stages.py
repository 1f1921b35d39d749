"""Stages as values: the origin of each, the existing outputs, which stages will run, and why.

A stage reads tables and writes others into a folder that is named by a digest of its origin: the
origins of its inputs, its settings, the source that it uses, and the versions of its libraries.
Existing outputs are therefore not made again, a killed build resumes where it stopped, and after an
edit only the stages that use the edited module and the stages after them run. The origin lies in
the folder as well (`stage.json`), which is how `plan` can tell why a stage runs again.
"""

import ast
import copy
import hashlib
import json
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Generic, NamedTuple, TypeVar

from corpus.atomic import erase, make_folder, write_json
from corpus.places import count_present
from corpus.provenance import ROOT, SOURCE, Plain, digest_of, package_of, plain, tool_versions
from corpus.release.manifest import TIMINGS_NAME

OWN = (
    "corpus",
    "crawler",
    "datacards",
    "demo",
    "elixir_corpus",
    "pages",
    "quality",
    "sandbox",
    "train",
)
"""Packages of this project; all other imports are libraries."""
BY_NAME = frozenset({"corpus.atomic", "corpus.places", "corpus.provenance", "corpus.tables"})
"""Modules whose definitions depend on each other by name only. An import of a name from one
counts as use of that definition and of those that it refers to; other modules count as a whole."""
COLUMN, MEANING = "column", 2
"""The function in `BY_NAME` that makes a column, and the place of its meaning among arguments."""
RECORD = "stage.json"
DIGITS = 16
"""Hexadecimal digits of a digest in the name of a folder."""
MOST_NAMED = 4
"""Maximum number of files or keys that a reason lists."""

Job = TypeVar("Job")


@dataclass(frozen=True, slots=True)
class Stage(Generic[Job]):
    """One step of a build.

    `inputs` are outputs of earlier stages, or what the build is given; `config` are the sections of
    the configuration that it looks at. `run` takes a job that knows where all of them lie. It is
    defined at the top of a module, so that its source can be found. What an internal stage makes
    is read by later stages alone, so it is the same whatever columns are said to mean.
    """

    name: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    config: tuple[str, ...]
    run: Callable[[Job], None]
    is_internal: bool = False


@dataclass(frozen=True, slots=True)
class Origin:
    """The origin of a stage's outputs; its digest names their folder.

    `inputs` has a digest by input, `config` the settings by section, `sources` and `tools` are
    those of `Used`.
    """

    inputs: dict[str, str]
    config: dict[str, Plain]
    sources: dict[str, str]
    tools: dict[str, str]

    @property
    def digest(self) -> str:
        """SHA-256 of all of it, hexadecimal."""
        return digest_of(asdict(self))


@dataclass(frozen=True, slots=True)
class Step:
    """The action of a build for one stage: none, or a run for the given reasons.

    `there` of its `files` exist. `goes_on` is true if it was interrupted. `seconds` is the duration
    of its last run, if known.
    """

    stage: str
    runs: bool
    because: tuple[str, ...]
    goes_on: bool
    there: int
    files: int
    seconds: float | None


@dataclass(frozen=True, slots=True)
class Timing:
    """Wall-clock seconds of a stage, None if unknown; `ran` is true if it ran in this build."""

    stage: str
    seconds: float | None
    ran: bool


def origins(
    stages: Sequence[Stage[Job]], given: Mapping[str, str], config: object, sources: "Sources"
) -> dict[str, Origin]:
    """Return the origin of every stage, by name.

    `given` has a digest for everything that no stage makes. Raises KeyError for an input that is
    neither given nor made by an earlier stage, and what `Sources.used_by` raises.
    """
    digests, found = dict(given), dict[str, Origin]()
    for stage in stages:
        place = stage.run.__module__, stage.run.__qualname__
        used = sources.used_by(*place, meanings=not stage.is_internal)
        settings = {name: plain(getattr(config, name)) for name in stage.config}
        read = {name: digests[name] for name in stage.inputs}
        found[stage.name] = origin = Origin(read, settings, used.sources, used.tools)
        digests.update(dict.fromkeys(stage.outputs, origin.digest))
    return found


def folder_of(work: Path, stage: Stage[Job], origin: Origin) -> Path:
    """Return the folder for the outputs of a stage."""
    return work / f"{_prefix(stage.name)}{origin.digest[:DIGITS]}"


def folders_of_stages(work: Path) -> Iterator[Path]:
    """Yield every folder for the outputs of a stage, for any origin."""
    return work.glob(f"[!.]*-{'[0-9a-f]' * DIGITS}")


def _prefix(stage: str) -> str:
    return f"{stage.replace(' ', '-')}-"


def plan(
    stages: Sequence[Stage[Job]],
    made_from: Mapping[str, Origin],
    work: Path,
    files: Callable[[str], Sequence[Path]],
) -> list[Step]:
    """Return for every stage whether it runs, and why. Nothing is written.

    `made_from` are the origins by stage; `files` returns the files that one output consists of.
    What reads the output of a stage that runs is made again too, even if it is there: the same
    code and inputs may still have lost a file to another killed worker.
    """
    steps: list[Step] = []
    makers = {output: stage.name for stage in stages for output in stage.outputs}
    running: set[str] = set()
    for stage in stages:
        origin = made_from[stage.name]
        folder = folder_of(work, stage, origin)
        places = [path for output in stage.outputs for path in files(output)]
        there = count_present(places)
        record = _read_record(folder)
        follows = sorted({makers[name] for name in stage.inputs if name in makers} & running)
        because: tuple[str, ...] = ()
        if record is None or there < len(places) or follows:
            because = _reasons(stage, origin, record, folder, follows)
            running.add(stage.name)
        goes_on = folder.exists() and record is None and not follows
        seconds = None if record is None else record.seconds
        done = (stage.name, bool(because), because, goes_on, there, len(places), seconds)
        steps.append(Step(*done))
    return steps


def carry_out(
    stages: Sequence[Stage[Job]],
    steps: Sequence[Step],
    made_from: Mapping[str, Origin],
    work: Path,
    job_of: Callable[[Stage[Job], Path], Job],
) -> list[Timing]:
    """Run the stages that `plan` selected; return the seconds of all stages.

    `job_of` makes the job of a stage with its folder, which is there and is empty unless an earlier
    build was interrupted in this stage. Raises the errors of the stages.
    """
    timings = []
    for stage, step in zip(stages, steps, strict=True):
        if not step.runs:
            timings.append(Timing(stage.name, step.seconds, ran=False))
            continue
        origin = made_from[stage.name]
        folder = folder_of(work, stage, origin)
        if not step.goes_on:
            erase(folder)
        make_folder(folder)
        began = time.monotonic()
        stage.run(job_of(stage, folder))
        seconds = round(time.monotonic() - began, 2)
        told = {"stage": stage.name, "seconds": seconds, **asdict(origin)}
        write_json(folder / RECORD, told)
        timings.append(Timing(stage.name, seconds, ran=True))
    return timings


@dataclass(frozen=True, slots=True)
class _Record:
    origin: Origin
    seconds: float | None


def _read_record(folder: Path) -> _Record | None:
    """Read the record of a stage; None if the stage did not finish, or the file is broken."""
    try:
        told = json.loads((folder / RECORD).read_bytes())
        parts = ("inputs", "config", "sources", "tools")
        return _Record(Origin(*(dict(told[name]) for name in parts)), float(told["seconds"]))
    except (OSError, ValueError, TypeError, KeyError):
        return None


def _reasons(
    stage: Stage[Job],
    origin: Origin,
    record: _Record | None,
    folder: Path,
    follows: Sequence[str],
) -> tuple[str, ...]:
    """Return why a stage runs, from its own record or from the newest one of another origin."""
    if record is not None:
        return tuple(f"follows {name}" for name in follows) or ("files of it are missing",)
    earlier = _newest(folder.parent, stage.name)
    if earlier is None:
        return ("was interrupted",) if folder.exists() else ("never ran here",)
    return tuple(_changes(earlier.origin, origin)) or ("was interrupted",)


def _newest(work: Path, stage: str) -> _Record | None:
    written = work.glob(f"{_prefix(stage)}{'[0-9a-f]' * DIGITS}/{RECORD}")
    for path in sorted(written, key=lambda path: path.stat().st_mtime_ns, reverse=True):
        if (record := _read_record(path.parent)) is not None:
            return record
    return None


def _changes(old: Origin, new: Origin) -> Iterator[str]:
    for what, before, now in (
        ("config", dict(_flat(old.config)), dict(_flat(new.config))),
        ("code", old.sources, new.sources),
        ("tools", old.tools, new.tools),
        ("input", old.inputs, new.inputs),
    ):
        names = sorted(
            name for name in {**before, **now} if before.get(name, _NONE) != now.get(name, _NONE)
        )
        if names:
            more = f" and {len(names) - MOST_NAMED} more" if len(names) > MOST_NAMED else ""
            yield f"{what}: {', '.join(names[:MOST_NAMED])}{more}"


_NONE = object()


def _flat(values: Mapping[str, object], above: str = "") -> Iterator[tuple[str, object]]:
    for key, value in values.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{above}{key}.")
        else:
            yield f"{above}{key}", value


def write_timings(folder: Path, timings: Sequence[Timing]) -> None:
    """Write `timings.json` beside a manifest. It is not part of the release or of any digest."""
    write_json(folder / TIMINGS_NAME, {"stages": [asdict(each) for each in timings]})


def read_timings(folder: Path) -> list[Timing]:
    """Read the timings of a build; none if the folder has no such file or a broken one."""
    try:
        told = json.loads((folder / TIMINGS_NAME).read_bytes())
        return [Timing(row["stage"], row["seconds"], row["ran"]) for row in told["stages"]]
    except (OSError, ValueError, TypeError, KeyError):
        return []


@dataclass(frozen=True, slots=True)
class Used:
    """The code that a function uses, at any depth.

    `sources` has a SHA-256 by file, or by file and name (`corpus/build.py: find_duplicates`) where
    only what a name stands for is used. `tools` has the versions of those libraries that can change
    a release's bytes.
    """

    sources: dict[str, str]
    tools: dict[str, str]


class _Place(NamedTuple):
    """An import: a module, or only the definition of one name in it."""

    module: str
    name: str | None = None


@dataclass(frozen=True, slots=True)
class _Module:
    """A parsed source file; `bound` has the statements at its top by the names that they bind."""

    path: Path
    data: bytes
    tree: ast.Module
    bound: dict[str, list[ast.stmt]] = field(default_factory=dict)

    @property
    def is_package(self) -> bool:
        return self.path.name == "__init__.py"


class Sources:
    """The source files of some packages below a folder. They are parsed, and never imported.

    `own` are the names of these packages; whatever else is imported is a library.
    """

    def __init__(self, root: Path = ROOT.parent, own: Collection[str] = OWN) -> None:
        self._root = root
        self._own = frozenset(own)
        self._modules: dict[str, _Module] = {}
        self._whole: dict[str, tuple[dict[str, str], list[_Place]]] = {}
        self._parts: dict[tuple[_Place, bool], tuple[dict[str, str], list[_Place]]] = {}

    def used_by(self, module: str, function: str, *, meanings: bool = True) -> Used:
        """Return the code that a function at the top of a module uses.

        Of that module it is the text of the function and of what it refers to by name there, so
        that one module can hold many stages. So it is of the modules in `BY_NAME`, where without
        `meanings` it does not matter what columns are said to mean. Of a package that is imported
        from, it is the module that its `__init__` takes the name from. Every other module counts as
        a whole, with all that it imports anywhere, and with the data files in its folder.
        Annotations of functions in the first module and imports under `if TYPE_CHECKING` have no
        effect on the result and are left out.

        Raises OSError and SyntaxError for a source that cannot be read.
        """
        sources: dict[str, str] = {}
        libraries: set[str] = set()
        waiting, seen = [_Place(module, function)], set[_Place]()
        while waiting:
            place = waiting.pop()
            if place in seen:
                continue
            seen.add(place)
            if not self._is_own(place.module):
                libraries.add(place.module.split(".")[0])
                continue
            if place.name is None:
                files, needed = self._file(place.module)
            else:
                files, needed = self._part(place, meanings)
            sources |= files
            waiting += needed
        installed = tool_versions().items()
        tools = {name: each for name, each in installed if package_of(name) in libraries}
        return Used(dict(sorted(sources.items())), tools)

    def _module(self, name: str) -> _Module:
        if name not in self._modules:
            path = self._root.joinpath(*name.split("."))
            path = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
            data = path.read_bytes()
            module = self._modules[name] = _Module(path, data, ast.parse(data, str(path)))
            for statement in module.tree.body:
                for bound in _names_bound(statement):
                    module.bound.setdefault(bound, []).append(statement)
        return self._modules[name]

    def _file(self, name: str) -> tuple[dict[str, str], list[_Place]]:
        """Return a module and the data files beside it, with their digests, and its imports."""
        if name not in self._whole:
            module = self._module(name)
            files = {self._told(module.path): _sha256(module.data)}
            for beside in _data_files(module.path.parent):
                files[self._told(beside)] = _sha256(beside.read_bytes())
            self._whole[name] = files, list(self._imports(name, module.tree))
        return self._whole[name]

    def _part(self, place: _Place, meanings: bool) -> tuple[dict[str, str], list[_Place]]:
        """Return the statements that bind a name, with a digest, and their imports."""
        if (place, meanings) not in self._parts:
            self._parts[place, meanings] = self._read_part(place, meanings)
        return self._parts[place, meanings]

    def _read_part(self, place: _Place, meanings: bool) -> tuple[dict[str, str], list[_Place]]:
        module, texts, needed = self._module(place.module), list[bytes](), list[_Place]()
        for statement in module.bound.get(place.name or "", ()):
            if isinstance(statement, ast.Import | ast.ImportFrom):
                statement = _only(statement, place.name)
                texts.append(ast.unparse(statement).encode())
            else:
                if meanings or place.module not in BY_NAME:
                    texts.append(_text(module.data, statement))
                else:
                    texts.append(ast.unparse(_without_meanings(statement)).encode())
                names = {each.id for each in _walk(statement) if isinstance(each, ast.Name)}
                own = sorted(names & module.bound.keys() - {place.name})
                needed += [_Place(place.module, name) for name in own]
            needed += self._imports(place.module, statement)
        told = f"{self._told(module.path)}: {place.name}"
        return ({told: _sha256(b"\0".join(texts))} if texts else {}), needed

    def _imports(self, module: str, node: ast.AST) -> Iterator[_Place]:
        for each in _walk(node):
            if isinstance(each, ast.Import):
                yield from (_Place(alias.name) for alias in each.names)
            elif isinstance(each, ast.ImportFrom):
                source = self._absolute(module, each)
                yield from (self._imported(source, alias.name) for alias in each.names)

    def _absolute(self, module: str, statement: ast.ImportFrom) -> str:
        """Return the module that is imported from, also for a relative import."""
        if not statement.level:
            return statement.module or ""
        parts = module.split(".")
        parents = parts[: len(parts) - statement.level + self._module(module).is_package]
        return ".".join([*parents, *filter(None, [statement.module])])

    def _imported(self, source: str, name: str) -> _Place:
        """Return what `from source import name` takes."""
        if name == "*" or not self._is_own(source):
            return _Place(source)
        if source in BY_NAME:
            return _Place(source, name)
        if not self._module(source).is_package:
            return _Place(source)
        if name in self._module(source).bound:
            return _Place(source, name)
        return _Place(f"{source}.{name}")

    def _is_own(self, module: str) -> bool:
        return module.split(".")[0] in self._own

    def _told(self, path: Path) -> str:
        return path.relative_to(self._root).as_posix()


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _walk(node: ast.AST) -> Iterator[ast.AST]:
    """Yield a node and its descendants, without those that have no effect at run time."""
    waiting = [node]
    while waiting:
        each = waiting.pop()
        yield each
        children: Iterable[ast.AST] = ast.iter_child_nodes(each)
        if isinstance(each, ast.If) and "TYPE_CHECKING" in ast.unparse(each.test):
            children = each.orelse
        elif isinstance(each, ast.arg):
            children = ()
        elif isinstance(each, ast.FunctionDef | ast.AsyncFunctionDef):
            returns = each.returns
            children = (child for child in children if child is not returns)
        waiting.extend(children)


def _names_bound(statement: ast.stmt) -> set[str]:
    """Return the names that a statement at the top of a module gives a meaning."""
    if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        return {statement.name}
    found: set[str] = set()
    for each in _walk(statement):
        if isinstance(each, ast.Import | ast.ImportFrom):
            found |= {alias.asname or alias.name.split(".")[0] for alias in each.names}
        elif isinstance(each, ast.Name) and isinstance(each.ctx, ast.Store):
            found.add(each.id)
    return found


def _only(statement: ast.Import | ast.ImportFrom, name: str | None) -> ast.Import | ast.ImportFrom:
    """Return the part of an import that binds one name."""
    aliases = [
        alias for alias in statement.names if name == (alias.asname or alias.name.split(".")[0])
    ]
    if isinstance(statement, ast.Import):
        return ast.Import(aliases)
    return ast.ImportFrom(statement.module, aliases, statement.level)


def _without_meanings(statement: ast.stmt) -> ast.stmt:
    """Return a statement without the meanings of columns."""
    changed = copy.deepcopy(statement)
    for each in ast.walk(changed):
        if isinstance(each, ast.Call) and isinstance(each.func, ast.Name):
            del each.args[MEANING if each.func.id == COLUMN else len(each.args) :]
    return changed


def _text(data: bytes, statement: ast.stmt) -> bytes:
    """Return the lines of a statement, its decorators included."""
    decorators: list[ast.expr] = getattr(statement, "decorator_list", [])
    first = min([statement.lineno, *(each.lineno for each in decorators)])
    return b"\n".join(data.splitlines()[first - 1 : statement.end_lineno])


def _data_files(folder: Path) -> Iterator[Path]:
    """Yield the data files in a folder and in the folders below it that are no packages."""
    for path in sorted(folder.iterdir()):
        if path.is_dir():
            if path.name != "__pycache__" and not (path / "__init__.py").exists():
                yield from _data_files(path)
        elif path.suffix in SOURCE - {".py"}:
            yield path
