"""How the sources are divided: modules, functions, import chains and types.

    python -m benchmarks.structure [FOLDER ...] [--chain] [--through MODULE ...]

FOLDER is a Python package or a project; without one, the packages that this project ships are
measured. Peers (datatrove, Scrapy, httpx) are measured in the same way from a checkout of theirs.

Hidden folders, virtual environments, and folders such as `build` and `deps` that are no packages
are not read. Lines are those of the files. A function's lines go from its `def` to its end, its
decorators left out; median and 90th percentile are of all functions and methods. An import chain
follows imports within the folders, those inside functions too; modules that import one another
count as one link. A signature is untyped where a parameter but `self` and `cls`, or the returned
value, has no annotation or one that names `Any`.
"""

import argparse
import ast
import os
import re
import statistics
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from rich.console import Console
from rich.table import Table

MADE = ("build", "dist", "deps", "_build", "node_modules", "site-packages")
"""Names of folders for what is built or installed."""

Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True)
class Module:
    """A source file: its dotted name and its tree."""

    name: str
    path: Path
    lines: int
    tree: ast.Module

    def imports(self) -> Iterator[str]:
        """Yield the dotted names of what it imports, wherever in it."""
        package = self.name if self.path.name == "__init__.py" else self.name.rpartition(".")[0]
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Import):
                yield from (alias.name for alias in node.names)
            elif isinstance(node, ast.ImportFrom):
                base = package.split(".")[: len(package.split(".")) - node.level + 1]
                above = [".".join(base)] if node.level else []
                origin = ".".join([*above, *([node.module] if node.module else [])])
                yield from (f"{origin}.{alias.name}" for alias in node.names)

    def functions(self) -> Iterator[Function]:
        """Yield all functions and methods, nested ones too."""
        for node in ast.walk(self.tree):
            if isinstance(node, Function):
                yield node


def own_files(folder: Path) -> list[Path]:
    """Return the Python files of a project, without what it made or installed below itself."""
    found = []
    for place, folders, files in os.walk(folder):
        folders[:] = [name for name in folders if not is_foreign(Path(place, name))]
        found += [Path(place, name) for name in files if name.endswith(".py")]
    return sorted(found)


def is_foreign(folder: Path) -> bool:
    """Tell whether a folder is hidden, a virtual environment, or one of `MADE` and no package."""
    if folder.name.startswith(".") or (folder / "pyvenv.cfg").is_file():
        return True
    return folder.name in MADE and not (folder / "__init__.py").is_file()


@dataclass(frozen=True)
class Sources:
    """The modules of one project."""

    modules: dict[str, Module]

    @classmethod
    def read(cls, folders: Sequence[Path]) -> "Sources":
        """Read the Python files below folders. Raises OSError, SyntaxError, UnicodeDecodeError."""
        found = {}
        for folder in folders:
            base = folder.parent if (folder / "__init__.py").is_file() else folder
            for path in own_files(folder):
                parts = path.relative_to(base).with_suffix("").parts
                name = ".".join(parts).removesuffix(".__init__")
                text = path.read_text(encoding="utf-8")
                found[name] = Module(name, path, text.count("\n"), ast.parse(text, str(path)))
        return cls(found)

    @property
    def lines(self) -> int:
        """Lines of all files."""
        return sum(module.lines for module in self.modules.values())

    @cached_property
    def lengths(self) -> list[int]:
        """Lines of every function, in ascending order."""
        spans = (each for module in self.modules.values() for each in module.functions())
        return sorted((each.end_lineno or each.lineno) - each.lineno + 1 for each in spans)

    def owner(self, imported: str) -> str | None:
        """Return the module that an imported name is, or stands in; None for foreign ones."""
        if imported in self.modules:
            return imported
        parent = imported.rpartition(".")[0]
        return parent if parent in self.modules else None

    @cached_property
    def imported(self) -> dict[str, set[str]]:
        """The modules that each module imports, without itself."""
        return {
            name: {own for each in module.imports() if (own := self.owner(each))} - {name}
            for name, module in self.modules.items()
        }

    def longest_chain(self) -> list[str]:
        """Return the longest chain of imports, outermost first."""
        return max(self.chains.values(), key=len, default=[])

    def longest_through(self, place: str) -> list[str]:
        """Return the longest chain that goes through a module, or through a module of a package."""
        inside = [name for name in self.chains if f"{name}.".startswith(f"{place}.")]
        return max((self.chains[name] for name in inside), key=len, default=[])

    @cached_property
    def chains(self) -> dict[str, list[str]]:
        """The longest chain of imports through each module, outermost first.

        Strongly connected modules are found by Tarjan's algorithm (1972), iteratively; a chain goes
        through each group of them once.
        """
        groups = strongly_connected(self.imported)
        group_of = {name: number for number, group in enumerate(groups) for name in group}
        below = [
            {group_of[other] for name in group for other in self.imported[name]} - {number}
            for number, group in enumerate(groups)
        ]
        down: list[list[str]] = []
        for group, others in zip(groups, below, strict=True):  # what it imports comes before it
            best = max((down[each] for each in sorted(others)), key=len, default=[])
            down.append([group[0], *best])
        up: list[list[str]] = [[] for _ in groups]
        for number in reversed(range(len(groups))):
            for other in sorted(below[number]):
                up[other] = max(up[other], [*up[number], groups[number][0]], key=len)
        return {name: up[number] + down[number] for name, number in group_of.items()}

    @property
    def untyped(self) -> float:
        """The share of signatures that have an untyped part or name `Any`."""
        functions = [each for module in self.modules.values() for each in module.functions()]
        return sum(map(is_untyped, functions)) / max(1, len(functions))


def strongly_connected(graph: dict[str, set[str]]) -> list[list[str]]:
    """Return the strongly connected components of a graph, each after all that it points to."""
    index: dict[str, int] = {}
    low: dict[str, int] = {}
    stack: list[str] = []
    on_stack: set[str] = set()
    found: list[list[str]] = []
    for root in graph:
        if root in index:
            continue
        index[root] = low[root] = len(index)
        stack.append(root)
        on_stack.add(root)
        work = [(root, iter(sorted(graph[root])))]
        while work:
            name, others = work[-1]
            for other in others:
                if other not in index:
                    index[other] = low[other] = len(index)
                    stack.append(other)
                    on_stack.add(other)
                    work.append((other, iter(sorted(graph[other]))))
                    break
                if other in on_stack:
                    low[name] = min(low[name], index[other])
            else:
                work.pop()
                if work:
                    low[work[-1][0]] = min(low[work[-1][0]], low[name])
                if low[name] == index[name]:
                    place = stack.index(name)
                    found.append(stack[place:])
                    on_stack.difference_update(stack[place:])
                    del stack[place:]
    return found


def is_untyped(function: Function) -> bool:
    """Tell whether a part of a signature has no type, or `Any` within it."""
    told = function.args
    plain = [*told.posonlyargs, *told.args]
    if plain and plain[0].arg in ("self", "cls"):
        plain = plain[1:]
    others = [each for each in (*told.kwonlyargs, told.vararg, told.kwarg) if each is not None]
    annotations = [each.annotation for each in (*plain, *others)] + [function.returns]
    if function.name == "__init__":
        annotations.pop()
    return any(each is None or names_any(each) for each in annotations)


def names_any(annotation: ast.expr) -> bool:
    """Tell whether an annotation names `Any`, in a text too."""
    for node in ast.walk(annotation):
        if isinstance(node, ast.Name) and node.id == "Any":
            return True
        if isinstance(node, ast.Attribute) and node.attr == "Any":
            return True
        text = node.value if isinstance(node, ast.Constant) else None
        if isinstance(text, str) and re.search(r"\bAny\b", text):
            return True
    return False


def shipped() -> list[Path]:
    """Return the packages that pyproject.toml ships."""
    import tomllib

    root = Path(__file__).parents[1]
    told = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))
    names = told["tool"]["setuptools"]["packages"]["find"]["include"]
    return [root / name.removesuffix("*") for name in names]


def row(name: str, sources: Sources) -> list[str]:
    """Return a row of the table."""
    files, lines = len(sources.modules), sources.lines
    tenths = statistics.quantiles(sources.lengths, n=10)
    return [
        name,
        f"{files:,}",
        f"{lines:,}",
        f"{1000 * files / lines:.1f}",
        f"{tenths[4]:.0f} / {tenths[8]:.0f}",
        f"{len(sources.longest_chain())}",
        f"{sources.untyped:.1%}",
    ]


def main() -> None:
    """Measure and print."""
    formatter = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=formatter)
    parser.add_argument("folders", type=Path, nargs="*", help="packages or projects to measure")
    parser.add_argument("--chain", action="store_true", help="print the longest import chains")
    parser.add_argument(
        "--through",
        metavar="MODULE",
        action="append",
        default=[],
        help="print the longest chain that goes through a module, or through a package",
    )
    given = parser.parse_args()
    table = Table(
        "", "files", "lines", "modules per 1,000 lines", "function median / p90",
        "longest import chain", "untyped or Any in a signature",
    )  # fmt: skip
    chosen = [(each.name, [each.resolve()]) for each in given.folders]
    if not chosen:
        chosen = [(each.name, [each]) for each in shipped()] + [("this project", shipped())]
    for name, folders in chosen:
        try:
            sources = Sources.read(folders)
        except (OSError, SyntaxError, UnicodeDecodeError) as error:
            sys.exit(f"error: {name} cannot be read: {error}")
        if not sources.lengths:
            sys.exit(f"error: {name} holds no function; name a folder with Python sources")
        table.add_row(*row(name, sources))
        if given.chain:
            print(f"{name}: {' > '.join(sources.longest_chain())}")
        for place in given.through:
            if chain := sources.longest_through(place):
                print(f"{name}, through {place}: {len(chain)}: {' > '.join(chain)}")
    Console().print(table)


if __name__ == "__main__":
    main()
