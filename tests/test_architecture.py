"""The architecture of the code, checked by its imports: layers, no cycles, no heavy imports."""

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from benchmarks.structure import Sources
from corpus.tables import TABLES
from tests.project import PACKAGES, PROJECT

LAYERS: tuple[frozenset[str], ...] = (
    frozenset(
        f"corpus.{package}"
        for package in (
            "atomic",
            "bounds",
            "console",
            "erlang_tokens",
            "errors",
            "extraction",
            "hub",
            "identifiers",
            "lines",
            "precedence",
            "locking",
            "markdown",
            "packages",
            "parsing",
            "parts",
            "places",
            "processes",
            "progress",
            "provenance",
            "reasons",
            "rows",
            "screen",
            "source",
            "supervision",
            "tables",
            "untrusted",
        )
    ),
    frozenset(
        f"corpus.{package}"
        for package in (
            "elixir",
            "erlang",
            "erlang_terms",
            "executor",
            "filters",
            "fingerprint",
            "gleam",
            "guides",
            "licenses",
            "redaction",
            "sources",
            "store",
            "tokens",
        )
    )
    | {"pages", "sandbox"},
    frozenset(
        {
            "corpus.attribution",
            "corpus.behaviours",
            "corpus.context",
            "corpus.counterparts",
            "corpus.decontamination",
            "corpus.deduplicate",
            "corpus.ingest",
            "corpus.inputs",
            "corpus.instruct",
            "corpus.optout",
            "corpus.instructions",
            "corpus.origin",
            "corpus.release",
            "corpus.selection",
            "corpus.signals",
            "corpus.split",
            "corpus.verification",
            "corpus.withdrawn",
            "crawler",
        }
    ),
    frozenset(
        f"corpus.{package}"
        for package in (
            *("alignment", "build", "comparison", "configuration", "explain", "inspect"),
            *("samples", "stages", "terminal"),
        )
    ),
    frozenset({"quality"}),
    frozenset({"datacards", "train"}),
    frozenset({"demo"}),
    frozenset({"elixir_corpus"}),
)
"""Lowest first. A module imports from its own layer and from lower ones."""

WITHOUT_LAYER = ("corpus",)
"""Packages that belong to no layer: their `__init__` has a docstring only."""

READERS_OF_RELEASES = ("quality", "datacards", "train")
BEHIND_THE_RELEASE = ("corpus.store", "corpus.selection", "corpus.build", "corpus.stages")
"""Modules that readers of releases must not import: they use `corpus.release` only."""

READS_FILES_OF_OTHERS = {
    "train.dataset.sources": "general text that is replayed, and own chats",
}
"""Modules above the corpus that open Parquet files, none of them of a release."""
OPENS_FILES = frozenset(
    {
        *("pyarrow.parquet", "pyarrow.dataset", "pyarrow.feather", "pyarrow.ipc", "duckdb"),
        *("read_parquet", "read_table", "read_schema", "read_metadata", "scan_parquet"),
        *("open_shard", "batches_of", "ParquetFile", "ParquetDataset"),
    }
)
"""Modules, functions and classes that open a table as a file."""

ITERATE_TABLES = (
    "corpus.release.logical",
    "corpus.release.manifest",
    "corpus.release.planning",
    "corpus.release.publishing",
    "corpus.release.reading",
    "corpus.release.runs",
    "corpus.release.shards",
    "corpus.release.verification",
    "quality.gate",
    "quality.promises",
    "quality.report.tables",
)
"""Modules that iterate the tables of `corpus.tables`. `corpus.release.assembly` is not among them,
because it fills the table of attribution from the documents."""

HEAVY = ("dask", "distributed", "great_expectations", "torch", "transformers", "datasets", "scipy")
"""Each takes a second or hundreds of megabytes, so only commands that need it may import it."""

ENTRANCES = (
    "corpus.__main__",
    "quality.__main__",
    "datacards.__main__",
    "demo.__main__",
    "elixir_corpus.__main__",
    "crawler.spiders.github",
    "crawler.spiders.hex",
    "sandbox.__main__",
    "train.chat",
    "train.evaluate.__main__",
    "train.export.__main__",
    "train.plan",
    "train.qlora",
    "train.report.__main__",
)


@cache
def modules() -> dict[str, Path]:
    """Return every module of the packages by its name, except `__main__`, which may import all."""
    found = {}
    for package in PACKAGES:
        for path in sorted((PROJECT / package).rglob("*.py")):
            parts = path.relative_to(PROJECT).with_suffix("").parts
            if parts[-1] != "__main__" and not path.stem.endswith("_pb2"):
                found[".".join(parts).removesuffix(".__init__")] = path
    return found


@cache
def tree(name: str) -> ast.Module:
    return ast.parse(modules()[name].read_text(encoding="utf-8"))


def imports(node: ast.AST) -> Iterator[str]:
    """Yield the imported names below a node, as `package.module.name` if written so."""
    for child in ast.walk(node):
        if isinstance(child, ast.Import):
            yield from (alias.name for alias in child.names)
        elif isinstance(child, ast.ImportFrom) and child.module:
            yield from (f"{child.module}.{alias.name}" for alias in child.names)


@cache
def imported_modules(name: str) -> frozenset[str]:
    """Return the project's own modules that a module imports, anywhere in it."""
    own = (owner(each) for each in imports(tree(name)))
    return frozenset(each for each in own if each is not None and each != name)


def owner(imported: str) -> str | None:
    """Return the module that an imported name is or belongs to."""
    if imported in modules():
        return imported
    parent = imported.rpartition(".")[0]
    return parent if parent in modules() else None


def layer_of(name: str) -> int | None:
    parts = name.split(".")
    for number, layer in enumerate(LAYERS):
        if parts[0] in layer or ".".join(parts[:2]) in layer:
            return number
    return None


def test_every_module_has_a_layer() -> None:
    missing = [name for name in modules() if layer_of(name) is None and name not in WITHOUT_LAYER]
    assert missing == [], "add it to LAYERS and to docs/ARCHITECTURE.md"


def test_imports_run_downwards() -> None:
    upwards = [
        f"{name} imports {other}"
        for name in modules()
        for other in imported_modules(name)
        if name not in WITHOUT_LAYER and other not in WITHOUT_LAYER
        if (layer_of(name) or 0) < (layer_of(other) or 0)
    ]
    assert upwards == []


def test_there_are_no_cycles() -> None:
    assert cycle() is None


def cycle() -> list[str] | None:
    """Return the first cycle of imports, or None. A package and its modules are one."""
    done: set[str] = set()

    def visit(name: str, path: list[str]) -> list[str] | None:
        if name in path:
            return [*path[path.index(name) :], name]
        if name in done:
            return None
        for other in sorted(imported_modules(name)):
            inside = other.startswith(f"{name}.") or name.startswith(f"{other}.")
            if not inside and (found := visit(other, [*path, name])):
                return found
        done.add(name)
        return None

    return next((found for name in modules() if (found := visit(name, []))), None)


def test_those_who_read_releases_see_only_the_release() -> None:
    importing = [
        f"{name} imports {other}"
        for name in modules()
        if name.startswith(READERS_OF_RELEASES)
        for other in imported_modules(name)
        if other.startswith((*BEHIND_THE_RELEASE, "crawler"))
    ]
    assert importing == []


def test_those_who_read_releases_open_no_file_of_one() -> None:
    readers = [name for name in modules() if name.startswith(READERS_OF_RELEASES)]
    behind = [
        f"{name} imports {each}"
        for name in readers
        for each in imported_modules(name)
        if each.startswith("corpus.release.")
    ]
    assert behind == [], "`corpus.release` is the only way to a release"
    opening = {name for name in readers if OPENS_FILES & set(named_in(tree(name)))}
    assert opening == set(READS_FILES_OF_OTHERS)


def named_in(node: ast.AST) -> Iterator[str]:
    """Yield all modules that are imported, and all names and attributes that are used."""
    for child in ast.walk(node):
        if isinstance(child, ast.Import):
            yield from (alias.name for alias in child.names)
        elif isinstance(child, ast.ImportFrom):
            yield child.module or ""
            yield from (alias.name for alias in child.names)
            yield from (f"{child.module}.{alias.name}" for alias in child.names)
        elif isinstance(child, ast.Name):
            yield child.id
        elif isinstance(child, ast.Attribute):
            yield child.attr


@pytest.mark.parametrize("name", ITERATE_TABLES)
def test_what_goes_through_tables_names_none(name: str) -> None:
    texts = {node.value for node in ast.walk(tree(name)) if isinstance(node, ast.Constant)}
    assert texts.isdisjoint(TABLES), "iterate `corpus.tables.SHARDED` or `TABLES`"


@pytest.mark.parametrize("entrance", ENTRANCES)
def test_a_command_starts_without_heavy_packages(entrance: str) -> None:
    loaded = loaded_with(entrance)
    assert {"typer", "scrapy", "argparse"} & loaded
    assert loaded.isdisjoint(HEAVY)


def loaded_with(entrance: str) -> set[str]:
    """Return the names of foreign packages that importing a module of ours imports."""
    waiting, seen, foreign = [entrance], set[str](), set[str]()
    while waiting:
        name = waiting.pop()
        if name in seen:
            continue
        seen.add(name)
        for imported in imported_at_the_top(name):
            own = owner(imported)
            parents = imported.split(".")
            packages = (".".join(parents[:n]) for n in range(1, len(parents)))
            waiting += [each for each in (own, *packages) if each in modules()]
            if own is None:
                foreign.add(parents[0])
    return foreign


def imported_at_the_top(name: str) -> Iterator[str]:
    """Yield what a module imports before anything in it is called."""
    path = PROJECT / Path(*name.split(".")).with_suffix(".py")
    source = ast.parse(path.read_text(encoding="utf-8")) if path.exists() else tree(name)
    for statement in source.body:
        is_for_types = isinstance(statement, ast.If) and "TYPE_CHECKING" in named_in(statement.test)
        defines = isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
        if not defines and not is_for_types:
            yield from imports(statement)


def test_an_init_defines_nothing() -> None:
    defining = [
        name
        for name, path in modules().items()
        if path.name == "__init__.py"
        for statement in tree(name).body
        if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
    ]
    assert defining == []


def test_the_architecture_names_every_module_in_its_layer() -> None:
    page = (PROJECT / "docs" / "ARCHITECTURE.md").read_text(encoding="utf-8")
    table = page.split("| Layer | Modules |\n|---|---|\n")[1].split("\n\n")[0]
    named = {
        package for row in table.splitlines() for package in re.findall(r"`(?:\w+\.)?(\w+)`", row)
    }
    assert named == {package.rpartition(".")[2] for layer in LAYERS for package in layer}
    rooms = {path.stem for path in (PROJECT / "corpus").iterdir() if path.suffix in ("", ".py")}
    assert rooms - named - {"__pycache__"} == {"__init__", "__main__"}


MODULES_PER_THOUSAND_LINES = 6.0
LONGEST_CHAIN = 14
UNTYPED = 0.0125
"""What has been reached; the aims were 6.5, 14 and 0.03. They may be lowered, not raised."""


def test_the_sources_are_divided_into_few_and_deep_modules() -> None:
    """As `python -m benchmarks.structure` counts them."""
    sources = Sources.read([PROJECT / package for package in PACKAGES])
    assert 1000 * len(sources.modules) / sources.lines <= MODULES_PER_THOUSAND_LINES
    assert len(sources.longest_chain()) <= LONGEST_CHAIN, sources.longest_chain()
    assert sources.untyped <= UNTYPED
