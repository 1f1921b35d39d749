"""Documentation of Erlang functions and modules against EDoc's own reading, edoc:get_doc/2.

    python -m benchmarks.edoc FOLDER [FOLDER ...]

Every `.erl` file below the folders with a tag of EDoc is read by `edoc.escript` (needs `escript`
and edoc) and by `corpus.erlang.extract`. Facts are what is documented and what is hidden: module,
function and arity. Words are those of the texts of what both document: EDoc's are taken from the
XHTML that it makes, ours from the comment without its markup. Files that EDoc refuses are counted
apart.
"""

import argparse
import json
import re
import subprocess
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from html import unescape
from pathlib import Path
from typing import TypedDict

from corpus.erlang import extract
from corpus.filters import decode

TARGET = 0.99
TAGGED = re.compile(rb"^[ \t]*%+[ \t]*@\w", re.MULTILINE)
TAG = re.compile(r"</?[A-Za-z][^<>]*>|<!--.*?-->", re.DOTALL)
MACRO = re.compile(r"\{@(?:link|section|type|module)\b([^{}]*)\}|\{@\w+\b[^{}]*\}")
ESCAPED = re.compile(r"@([@{}])")
WORD = re.compile(r"\w+")
Key = tuple[str, str, int]
"""Path, name, arity; the module itself has the arity -1."""


class Told(TypedDict, total=False):
    """What EDoc says of a file: `error`, or the others."""

    error: str
    module: str
    private: str
    hidden: str
    description: str | None
    functions: list[dict[str, str | None]]


@dataclass
class Documented:
    """Texts of what is documented, and what is hidden."""

    texts: dict[Key, str] = field(default_factory=dict)
    hidden: set[Key] = field(default_factory=set)


def of_edoc(path: str, told: Told) -> Documented:
    """Return what EDoc says of a file."""
    found = Documented()
    if "yes" in (told["hidden"], told["private"]):
        found.hidden.add((path, told["module"], -1))
    elif WORD.search(told["description"] or ""):
        found.texts[path, told["module"], -1] = told["description"] or ""
    for each in told["functions"]:
        key = path, each["name"] or "", int(each["arity"] or 0)
        if "yes" in (each["hidden"], each["private"]):
            found.hidden.add(key)
        elif WORD.search(each["description"] or ""):
            found.texts[key] = each["description"] or ""
    return found


def of_ours(path: str, source: bytes) -> Documented:
    """Return what the extraction says of a file."""
    found, extraction = Documented(), extract(source)
    named = [
        *(((path, m.name, -1), m.doc_kind, m.doc) for m in extraction.modules),
        *(((path, f.name, f.arity), f.doc_kind, f.doc) for f in extraction.functions),
    ]
    for key, kind, text in named:
        if kind == "hidden":
            found.hidden.add(key)
        elif kind == "string" and text is not None:
            found.texts.setdefault(key, text)
    return found


def words_of(text: str, *, has_markup: bool) -> Counter[str]:
    """Return the words of a description; XHTML's have no markup any more."""
    if has_markup:
        text = MACRO.sub(lambda match: match[1] or "", text)
        text = ESCAPED.sub(r"\1", unescape(TAG.sub(" ", text)))
    return Counter(WORD.findall(text))


@dataclass
class Score:
    """What both sides say, and what only one says."""

    both: int = 0
    missed: list[object] = field(default_factory=list)
    invented: list[object] = field(default_factory=list)

    def add(self, theirs: Counter[Key] | Counter[str], ours: Counter[Key] | Counter[str]) -> None:
        """Compare two counters."""
        self.both += sum((theirs & ours).values())  # type: ignore[operator]
        self.missed += (theirs - ours).elements()  # type: ignore[operator]
        self.invented += (ours - theirs).elements()  # type: ignore[operator]

    def share(self, others: list[object]) -> float:
        """Return the share of both in both and others."""
        return self.both / (self.both + len(others)) if self.both + len(others) else 1.0


def sources(folders: list[Path]) -> Iterator[Path]:
    """Yield the Erlang files that have a tag of EDoc."""
    for folder in folders:
        for path in sorted(folder.rglob("*.erl")):
            if path.is_file() and TAGGED.search(path.read_bytes()):
                yield path


def main() -> int:
    """Print precision and recall; the exit status is 1 where one misses the target."""
    arguments = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    arguments.add_argument("folders", type=Path, nargs="+")
    arguments.add_argument("--show", type=int, default=20, help="differences to print of each kind")
    given = arguments.parse_args()
    paths = list(sources(given.folders))
    oracle = subprocess.run(
        ["escript", str(Path(__file__).with_name("edoc.escript"))],
        input="".join(f"{path.absolute()}\n" for path in paths),
        capture_output=True,
        check=True,
        encoding="utf-8",
    )
    scores = {kind: Score() for kind in ("documented", "hidden", "words")}
    refused = 0
    for path, line in zip(paths, oracle.stdout.splitlines(), strict=True):
        told: Told = json.loads(line)
        text = decode(path.read_bytes(), "erlang")
        if "error" in told or not isinstance(text, str):
            refused += 1
            continue
        theirs, ours = of_edoc(str(path), told), of_ours(str(path), text.encode())
        scores["documented"].add(Counter(theirs.texts.keys()), Counter(ours.texts.keys()))
        scores["hidden"].add(Counter(theirs.hidden), Counter(ours.hidden))
        for key in theirs.texts.keys() & ours.texts.keys():
            left = words_of(theirs.texts[key], has_markup=False)
            right = words_of(ours.texts[key], has_markup=True)
            scores["words"].add(left, right)
            if given.show < 0 and left != right:
                print(key, "EDoc only:", left - right, "ours only:", right - left)
    print(f"{len(paths)} files with tags, {refused} that EDoc refuses (not counted)")
    print(f"{'':12}{'of EDoc':>9}{'precision':>11}{'recall':>9}")
    for kind, score in scores.items():
        precision, recall = score.share(score.invented), score.share(score.missed)
        print(f"{kind:12}{score.both + len(score.missed):9,}{precision:11.4f}{recall:9.4f}")
    for kind, score in scores.items():
        for label, facts in (("missed", score.missed), ("invented", score.invented)):
            for fact in facts[: max(given.show, 0)]:
                print(f"  {label} {kind}: {fact}")
    shares = (
        score.share(side) for score in scores.values() for side in (score.missed, score.invented)
    )
    return 0 if min(shares) >= TARGET else 1


if __name__ == "__main__":
    raise SystemExit(main())
