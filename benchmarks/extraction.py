"""Extraction against the compilers: precision and recall of every fact, and speed.

    python -m benchmarks.extraction FOLDER [--language elixir|erlang] [--repeat N]

Elixir: runs `benchmarks/compiler_ast.exs` (needs `elixir`) and `corpus.elixir.extract` over every
`.ex` and `.exs` file under FOLDER and compares what they say. Erlang: `erlang_forms.escript`
(needs `escript` and edoc) and `corpus.erlang.extract` over every `.erl` file. Facts count with
multiplicity: a module written twice in one file counts twice. Files that this toolchain cannot read
are counted apart.
"""

import argparse
import json
import subprocess
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import corpus.elixir.grammar
import corpus.erlang.grammar
from corpus.extraction import Extraction
from corpus.filters import decode
from corpus.reasons import Reject

Facts = Counter[tuple[Any, ...]]
FactsOf = Callable[[dict[str, Any]], Iterator[tuple[Any, ...]]]


@dataclass(slots=True)
class Score:
    """Facts of one kind: found by both sides, by one alone, and where."""

    both: int = 0
    only_compiler: list[tuple[Any, ...]] = field(default_factory=list)
    only_ours: list[tuple[Any, ...]] = field(default_factory=list)

    @property
    def precision(self) -> float:
        """The share of our facts that the compiler confirms."""
        return _share(self.both, len(self.only_ours))

    @property
    def recall(self) -> float:
        """The share of the compiler's facts that we found."""
        return _share(self.both, len(self.only_compiler))


def _share(right: int, wrong: int) -> float:
    """Return the share of `right`; of nothing at all, nothing is wrong."""
    return right / (right + wrong) if right + wrong else 1.0


def _modules(report: dict[str, Any]) -> Iterator[tuple[Any, ...]]:
    for module in report["modules"]:
        yield module["name"], module["kind"], module["start_line"], module["end_line"]


def _functions(report: dict[str, Any]) -> Iterator[tuple[Any, ...]]:
    for each in report["functions"]:
        yield each["module"], each["name"], each["arity"], each["kind"], each["branch"]


def _defaults(report: dict[str, Any]) -> Iterator[tuple[Any, ...]]:
    """Default arguments, of functions that have some."""
    for each in report["functions"]:
        if each["defaults"]:
            yield each["module"], each["name"], each["arity"], each["branch"], each["defaults"]


def _of_functions(*keys: str) -> Callable[[dict[str, Any]], Iterator[tuple[Any, ...]]]:
    """Facts of functions, where they say something."""

    def facts(report: dict[str, Any]) -> Iterator[tuple[Any, ...]]:
        for each in report["functions"]:
            if any(each[key] for key in keys):
                name = (each["module"], each["name"], each["arity"], each["kind"])
                yield *name, *(each[key] for key in keys)

    return facts


def _clauses(report: dict[str, Any]) -> Iterator[tuple[Any, ...]]:
    for each in report["functions"]:
        for first, last in each["clauses"]:
            yield each["module"], each["name"], each["arity"], each["kind"], first, last


def _moduledocs(report: dict[str, Any]) -> Iterator[tuple[Any, ...]]:
    for module in report["modules"]:
        if module["moduledoc"]:
            yield module["name"], module["moduledoc"]


def _texts(report: dict[str, Any]) -> Iterator[tuple[Any, ...]]:
    """Texts of docs; the compiler's tree has none where the text is computed."""
    for each in (*report["modules"], *report["functions"]):
        if each["text"] is not None:
            yield each.get("module"), each["name"], each.get("arity"), each["text"]


def _names(key: str) -> Callable[[dict[str, Any]], Iterator[tuple[Any, ...]]]:
    def facts(report: dict[str, Any]) -> Iterator[tuple[Any, ...]]:
        for module in report["modules"]:
            for name in module[key]:
                yield module["name"], name

    return facts


def _fixed_texts(report: dict[str, Any]) -> Iterator[tuple[Any, ...]]:
    """Texts without interpolation, which have a value before they run."""
    return (fact for fact in _texts(report) if "#{" not in fact[-1])


def _flowing_texts(report: dict[str, Any]) -> Iterator[tuple[Any, ...]]:
    """Texts but for blanks and the line that divides a comment from what follows."""
    for *name, text in _texts(report):
        yield *name, " ".join(text.split()).rstrip("-=*~_#+ ")


def _lists(key: str) -> FactsOf:
    def facts(report: dict[str, Any]) -> Iterator[tuple[Any, ...]]:
        for module in report["modules"]:
            for each in module[key]:
                yield module["name"], *each

    return facts


KINDS: dict[str, FactsOf] = {
    "modules": _modules,
    "functions": _functions,
    "clause lines": _clauses,
    "docs": _of_functions("doc"),
    "moduledocs": _moduledocs,
    "doc texts": _fixed_texts,
    "specs": _of_functions("specs"),
    "defaults": _defaults,
    "impl": _of_functions("impl"),
    "uses": _names("uses"),
    "behaviours": _names("behaviours"),
}
KINDS_OF_ERLANG: dict[str, FactsOf] = {
    "modules": _modules,
    "functions": _functions,
    "clause lines": _clauses,
    "docs": _of_functions("doc"),
    "moduledocs": _moduledocs,
    "doc texts": _flowing_texts,
    "specs": _of_functions("specs"),
    "behaviours": _names("behaviours"),
    "exports": _lists("exports"),
    "types": _lists("types"),
    "callbacks": _lists("callbacks"),
}


@dataclass(frozen=True, slots=True)
class Language:
    """How one language is read by us and by its own tools, and what must be met."""

    name: str
    suffixes: tuple[str, ...]
    oracle: tuple[str, ...]
    extract: Callable[[bytes], Extraction]
    bare: Callable[[bytes], object]
    kinds: dict[str, FactsOf]
    target: float


def _beside(name: str) -> str:
    return str(Path(__file__).with_name(name))


ELIXIR = Language(
    "elixir", (".ex", ".exs"), ("elixir", _beside("compiler_ast.exs")),
    corpus.elixir.extract, corpus.elixir.grammar.PARSER.parse, KINDS, 0.999,
)  # fmt: skip
ERLANG = Language(
    "erlang", (".erl",), ("escript", _beside("erlang_forms.escript")),
    corpus.erlang.extract, corpus.erlang.grammar.PARSER.parse, KINDS_OF_ERLANG, 0.9999,
)  # fmt: skip
LANGUAGES = {language.name: language for language in (ELIXIR, ERLANG)}


def ours(extraction: Extraction) -> dict[str, Any]:
    """Turn an extraction into the shape that the oracle prints."""
    return {
        "modules": [
            {
                "name": m.name, "kind": m.kind, "start_line": m.start_line,
                "end_line": m.end_line, "moduledoc": m.doc_kind, "uses": m.uses, "text": m.doc,
                "behaviours": [behaviour.name for behaviour in m.behaviours],
                "exports": m.exports, "types": [(t.name, t.arity, t.kind, t.line) for t in m.types],
                "callbacks": [(c.name, c.arity, c.line, c.optional) for c in m.callbacks],
            }
            for m in extraction.modules
        ],
        "functions": [
            {
                "module": f.module, "name": f.name, "arity": f.arity, "kind": f.kind,
                "defaults": f.defaults, "doc": f.doc_kind, "text": f.doc,
                "clauses": [(clause.start_line, clause.end_line) for clause in f.clauses],
                "specs": len(f.specs), "impl": f.impl, "branch": f.branch is not None,
            }
            for f in extraction.functions
        ],
    }  # fmt: skip


def compiler(
    paths: list[Path], language: Language = ELIXIR, timeout: float = 600
) -> list[dict[str, Any]]:
    """Ask the language's own tools about each file, in order."""
    done = subprocess.run(
        language.oracle,
        input="\n".join(map(str, paths)) + "\n",
        capture_output=True,
        check=True,
        encoding="utf-8",
        timeout=timeout,
    )
    return [json.loads(line) for line in done.stdout.splitlines()]


def compare(
    kinds: dict[str, FactsOf],
    scores: dict[str, Score],
    path: Path,
    ours: dict[str, Any],
    theirs: Any,
) -> None:
    """Add one file's facts to the scores."""
    for kind, facts in kinds.items():
        left, right = Counter(facts(ours)), Counter(facts(theirs))
        score = scores[kind]
        score.both += sum((left & right).values())
        score.only_compiler += [(path, *fact) for fact in (right - left).elements()]
        score.only_ours += [(path, *fact) for fact in (left - right).elements()]


def measure(sources: list[bytes], language: Language, repeat: int) -> tuple[float, float]:
    """Seconds for a bare parse and for parse with extraction.

    Both take turns on each file and the best of N counts for each, so that whatever else the
    machine does weighs on both alike.
    """
    times = [_best(source, language, repeat) for source in sources]
    return sum(bare for bare, _ in times), sum(full for _, full in times)


def _best(source: bytes, language: Language, repeat: int) -> tuple[float, float]:
    bare, full = [], []
    for _ in range(repeat):
        bare.append(_seconds(lambda: language.bare(source)))
        full.append(_seconds(lambda: language.extract(source)))
    return min(bare), min(full)


def _seconds(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def main() -> int:
    """Print the tables; the exit status is 1 where a figure misses its target."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--language", choices=LANGUAGES, default="elixir")
    parser.add_argument("--repeat", type=int, default=5, help="timing runs a file; the best counts")
    arguments = parser.parse_args()
    language = LANGUAGES[arguments.language]
    paths = sorted(p for p in arguments.folder.rglob("*") if p.suffix in language.suffixes)
    sources = {path: path.read_bytes() for path in paths if path.is_file()}
    scores, refused = score(sources, language)
    good = report(scores, refused, len(sources), language.target)
    speed(list(sources.values()), language, arguments.repeat)
    return 0 if good else 1


def score(
    sources: dict[Path, bytes], language: Language = ELIXIR
) -> tuple[dict[str, Score], list[dict[str, Any]]]:
    """Compare all files; return the scores and the refusals of the language's own tools."""
    scores = {kind: Score() for kind in language.kinds}
    refused = []
    reports = compiler(list(sources), language)
    for (path, source), theirs in zip(sources.items(), reports, strict=True):
        text = decode(source, language.name)
        if "error" in theirs or isinstance(text, Reject):
            refused.append({"path": str(path), "error": theirs.get("error", text)})
        else:
            found = language.extract(source if language is ELIXIR else text.encode())
            compare(language.kinds, scores, path, ours(found), theirs)
    return scores, refused


def report(
    scores: dict[str, Score], refused: list[dict[str, Any]], files: int, target: float
) -> bool:
    """Print what was found and what was missed; say whether every figure meets the target."""
    print(f"{files} files, {len(refused)} that this toolchain cannot parse (not counted below)")
    for refusal in refused:
        print(f"  refused: {refusal['path']}: {refusal['error']}")
    print(f"{'':14}{'facts':>8}{'precision':>11}{'recall':>9}")
    for kind, each in scores.items():
        total = each.both + len(each.only_compiler)
        print(f"{kind:14}{total:8}{each.precision:11.5f}{each.recall:9.5f}")
    for kind, each in scores.items():
        for label, facts in (("missed", each.only_compiler), ("invented", each.only_ours)):
            for fact in facts:
                print(f"  {label}: {kind}: {' '.join(map(str, fact))}")
    return all(min(each.precision, each.recall) >= target for each in scores.values())


def speed(sources: list[bytes], language: Language, repeat: int) -> None:
    """Print the rates of a bare parse and of extraction with its parse."""
    megabytes = sum(map(len, sources)) / 1e6
    bare, full = measure(sources, language, repeat)
    print(f"bare parse {megabytes / bare:.2f} MB/s, extract with parse {megabytes / full:.2f} MB/s")
    print(f"extraction takes {full / bare:.2f} times the bare parse ({megabytes:.1f} MB)")


if __name__ == "__main__":
    raise SystemExit(main())
