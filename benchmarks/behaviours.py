"""Behaviours against compiled code: precision and recall over the pairs of module and behaviour.

    python -m benchmarks.behaviours BUILT... --sources SOURCES [--misses N] [--alone]

BUILT are folders with one folder for each compiled package (NAME/ebin/*.beam); SOURCES has their
sources (NAME/lib, NAME/src). The truth is the `behaviour` attribute in the BEAM files, which
`escript` reads (benchmarks/beam_behaviours.escript). Modules count that a source file defines and a
BEAM file has: what a macro defines has no source. `--alone` leaves out other packages, so that only
the table knows of Elixir's own modules.
"""

import argparse
import subprocess
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from corpus import elixir, erlang
from corpus.behaviours.reach import Macros, Reached, Shelf
from corpus.behaviours.resolution import Resolved, resolve
from corpus.errors import CorpusError
from corpus.extraction import Module

SCRIPT = Path(__file__).with_name("beam_behaviours.escript")
EXTRACTORS = {".ex": elixir.extract, ".erl": erlang.extract}
Pair = tuple[str, str]


@dataclass(slots=True)
class Score:
    """The pairs of one package: found, missed and wrong."""

    both: int = 0
    modules: int = 0
    missed: list[Pair] = field(default_factory=list)
    wrong: list[Pair] = field(default_factory=list)
    evidence: Counter[str] = field(default_factory=Counter)

    def add(self, other: "Score") -> None:
        """Add the pairs of another package."""
        self.both += other.both
        self.modules += other.modules
        self.missed += other.missed
        self.wrong += other.wrong
        self.evidence += other.evidence

    def line(self, name: str) -> str:
        """Return a line of the table."""
        precision = self.both / max(1, self.both + len(self.wrong))
        recall = self.both / max(1, self.both + len(self.missed))
        pairs = self.both + len(self.missed)
        return f"{name:24} {self.modules:8} {pairs:6} {precision:10.4f} {recall:7.4f}"


def truth(ebin: Path) -> dict[str, set[str]]:
    """Return the behaviours of every module of a folder of BEAM files."""
    found: dict[str, set[str]] = {}
    told = subprocess.run(["escript", SCRIPT, ebin], capture_output=True, text=True, check=True)
    for line in told.stdout.splitlines():
        module, *behaviours = (name.removeprefix("Elixir.") for name in line.split("\t"))
        found[module] = {each for each in behaviours if each}
    return found


def modules_of(folder: Path) -> Iterator[tuple[str, Module]]:
    """Yield the modules of a package with their language."""
    for path in sorted(p for part in ("lib", "src") for p in (folder / part).rglob("*.e*")):
        extract = EXTRACTORS.get(path.suffix)
        if extract is None:
            continue
        try:
            yield from ((path.suffix, each) for each in extract(path.read_bytes()).modules)
        except CorpusError as error:
            print(f"{path}: {error}")


def plain(name: str) -> str:
    """Return the name of a module as the BEAM file has it, without Elixir's prefix."""
    return name.removeprefix(":").strip('"')


def compare(found: dict[str, set[str]], resolved: dict[str, list[Resolved]]) -> Score:
    """Compare the behaviours of one package with those in its BEAM files.

    A module may have a definition for each of several conditions; their behaviours count together.
    """
    score = Score()
    for module, definitions in resolved.items():
        if plain(module) not in found:
            continue
        score.modules += 1
        compiled = found[plain(module)]
        ours = {
            plain(name): each.evidence.value
            for told in definitions
            for name, each in told.behaviours.items()
        }
        score.both += len(compiled & ours.keys())
        score.missed += [(module, each) for each in sorted(compiled - ours.keys())]
        score.wrong += [(module, each) for each in sorted(ours.keys() - compiled)]
        score.evidence.update(ours.values())
    return score


def main() -> None:
    """Print the table of packages, then what was missed or wrong."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("built", nargs="+", type=Path)
    parser.add_argument("--sources", required=True, type=Path)
    parser.add_argument("--misses", type=int, default=50)
    parser.add_argument("--alone", action="store_true")
    options = parser.parse_args()
    compiled = {path.parent.name: path for each in options.built for path in each.glob("*/ebin")}
    packages = {
        name: [*modules_of(options.sources / name)]
        for name in sorted(compiled)
        if (options.sources / name).is_dir()
    }
    modules = [
        Macros(name, name, "1.0.0", module.name, module.macros)
        for name, found in packages.items()
        for _, module in found
        if module.macros
    ]
    near = {name: [Reached(other, 1.0) for other in packages] for name in packages}
    shelf, alone = Shelf(modules, near), defaultdict[str, list[Macros]](list)
    for known in modules:
        alone[known.archive].append(known)
    total = Score()
    print(f"{'package':24} {'modules':>8} {'pairs':>6} {'precision':>10} {'recall':>7}")
    for name, found in packages.items():
        library = Shelf(alone[name], {}) if options.alone else shelf
        resolved = defaultdict[str, list[Resolved]](list)
        for _, module in found:
            own = [(behaviour.name, behaviour.evidence) for behaviour in module.behaviours]
            told = resolve(module.name, name, own, module.used, library)
            resolved[module.name].append(told)
        score = compare(truth(compiled[name]), resolved)
        print(score.line(name))
        total.add(score)
    print(total.line("all"))
    print("evidence", dict(total.evidence.most_common()))
    for label, pairs in (("missed", total.missed), ("wrong", total.wrong)):
        for name, missing in pairs[: options.misses]:
            print(f"{label}: {name} {missing}")


if __name__ == "__main__":
    main()
