"""Benchmarks: where they are, the formats in which they are published, and their problems.

A benchmark is given by a place: a file, a folder, or a dataset on the Hub, which is fetched when it
is needed. Nothing of any benchmark is part of this project. `read_benchmarks` recognises the format
by the fields of the rows or by the folders, and returns all texts of the problems; the readers of
single formats return what is published, with its own field names, and evaluation asks models with
them.

- MultiPL-E (Cassano et al. 2022): HumanEval and MBPP, translated. Rows of JSON lines or Parquet, as
  in nuprl/MultiPL-E on the Hub: name, language, prompt, tests, stop_tokens. No solutions.
- McEval (Chai et al. 2024): JSON lines, as in data/Elixir.jsonl of its repository: task_id, prompt,
  canonical_solution, test.
- AutoCodeBench (Tencent Hunyuan 2025): JSON lines, as in tencent/AutoCodeBenchmark on the Hub:
  question, canonical_solution, demo_test_func, full_test_func, language.
- Exercism: a checkout of github.com/exercism/elixir or erlang. Each exercise says in
  .meta/config.json which file is to be written, which are its tests and which is its example.
- ash-project/evals: a checkout; one YAML file below evals/ for each problem.
- Rows of JSON lines or Parquet with other fields, which the configuration names.
"""

import hashlib
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import NamedTuple

from corpus.errors import CorpusError
from corpus.untrusted import below, check_text, parse_json, parse_object, shown

MULTIPL_E, MCEVAL, AUTO_CODE_BENCH = "multipl-e", "mceval", "autocodebench"
EXERCISM, ASH_EVALS = "exercism", "ash-evals"
LANGUAGES = {"elixir": "elixir", "ex": "elixir", "exs": "elixir", "erlang": "erlang"}
"""Names of languages in rows, in lower case. Rows of other languages are not used."""
SUFFIXES = (".jsonl", ".json", ".parquet")
KINDS = ("practice", "concept")
INSTRUCTIONS = ("introduction.md", "instructions.md", "instructions.append.md")
HUB = "hf://datasets/"
EXPECTED = (
    "a local file or folder, or a dataset on the Hub as OWNER/NAME or OWNER/NAME/FOLDER; a private "
    "one needs HF_TOKEN"
)
MOST_BYTES = 1 << 30
"""Maximum size of a file of a benchmark. All of MultiPL-E has 60 MB."""
LONGEST_TEXT = 1 << 22
"""Maximum size of a prompt, a solution or tests, in bytes; published ones have some kB."""
LONGEST_NAME = 200
"""Maximum number of characters in the name of a problem or of a benchmark."""
MARKUP = frozenset("<>|`[]*\\")
"""Characters that the name of a benchmark does not have, because cards show it in Markdown."""
FETCH = "Fetch it again from where it is published"
ONE_A_LINE = "A file of rows has one JSON object in each line"


class NoBenchmark(CorpusError):
    """There is no benchmark at a place."""

    def __init__(self, path: Path | str, expected: str) -> None:
        super().__init__(f"{path}: no benchmark here. Expected {expected}.")


class MalformedBenchmark(CorpusError):
    """A file of a benchmark does not have the format that it seems to have."""

    def __init__(self, path: Path, problem: str, advice: str = FETCH) -> None:
        super().__init__(f"{path}: {problem}. {advice}.")


@dataclass(frozen=True, slots=True)
class Row:
    """A row of a file, with its number from 1, which is that of its line in JSON lines."""

    file: Path
    number: int
    values: Mapping[str, object]

    @property
    def place(self) -> str:
        """What an error calls it."""
        return f"{'row' if self.file.suffix == '.parquet' else 'line'} {self.number}"

    def text(self, name: str) -> str:
        """Return a field that has to be text. Raises MalformedBenchmark."""
        value = self.values.get(name)
        if not isinstance(value, str):
            raise MalformedBenchmark(self.file, f"{self.place} has no text in its field {name!r}")
        return value

    def texts(self, name: str) -> tuple[str, ...]:
        """Return a field that has to be a list of texts. Raises MalformedBenchmark."""
        value = self.values.get(name)
        if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
            problem = f"{self.place} has no list of texts in its field {name!r}"
            raise MalformedBenchmark(self.file, problem)
        return tuple(value)

    def language(self, name: str, default: str = "") -> str | None:
        """Return elixir or erlang from a field, None for another language."""
        value = self.values.get(name)
        return LANGUAGES.get(default if value is None else str(value).lower())


def rows_of(path: Path) -> Iterator[Row]:
    """Yield the rows of a file, or of all files in a folder in the order of their names.

    Raises NoBenchmark if there is no such file, and MalformedBenchmark.
    """
    for file in _files_of_rows(path):
        yield from _parquet_rows(file) if file.suffix == ".parquet" else _json_rows(file)


def _files_of_rows(path: Path) -> list[Path]:
    files = [path] if path.is_file() else sorted(each for each in path.rglob("*") if each.is_file())
    files = [each for each in files if each.suffix in SUFFIXES]
    if not files:
        raise NoBenchmark(path, "a .jsonl or .parquet file, or a folder of them")
    for file in files:
        _check_size(file)
    return files


def _check_size(file: Path) -> None:
    if (size := file.stat().st_size) > MOST_BYTES:
        problem = f"{size} bytes, over the limit of {MOST_BYTES} for a file of a benchmark"
        raise MalformedBenchmark(file, problem, "Give a file with problems only")


def _json_rows(path: Path) -> Iterator[Row]:
    with path.open("rb") as lines:
        for number, line in enumerate(lines, 1):
            if not line.strip():
                continue
            try:
                values = parse_json(line.decode("utf-8-sig" if number == 1 else "utf-8"))
            except ValueError as error:
                raise MalformedBenchmark(path, f"line {number} is not JSON: {error}") from error
            if not isinstance(values, dict):
                raise MalformedBenchmark(path, f"line {number} is not an object", ONE_A_LINE)
            yield Row(path, number, values)


def _parquet_rows(path: Path) -> Iterator[Row]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(path) as file:
            found = (row for batch in file.iter_batches(1000) for row in batch.to_pylist())
            for number, values in enumerate(found, 1):
                yield Row(path, number, values)
    except (
        pa.ArrowInvalid,
        pa.ArrowNotImplementedError,
        OSError,
        ValueError,
        OverflowError,
    ) as error:
        raise MalformedBenchmark(path, str(error).strip().removesuffix(".")) from error


@dataclass(frozen=True, kw_only=True, slots=True)
class MultiPLE:
    """A problem of MultiPL-E. The prompt opens a module and a function, the completion closes both,
    and the tests are ExUnit cases.
    """

    file: Path
    name: str
    prompt: str
    tests: str
    stop_tokens: tuple[str, ...]


def read_multipl_e(path: Path) -> Iterator[MultiPLE]:
    """Yield the problems in Elixir of a file or folder. Raises NoBenchmark, MalformedBenchmark."""
    return filter(None, map(_multipl_e, rows_of(path)))


def _multipl_e(row: Row) -> MultiPLE | None:
    if row.language("language", "elixir") != "elixir":
        return None
    return MultiPLE(
        file=row.file,
        name=row.text("name"),
        prompt=row.text("prompt"),
        tests=row.text("tests"),
        stop_tokens=row.texts("stop_tokens"),
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class McEval:
    """A problem of McEval. The prompt opens a module and a function and says in comments what it
    does; the solution goes on from the next line and closes both.
    """

    file: Path
    task_id: str
    language: str
    prompt: str
    canonical_solution: str
    test: str


def read_mceval(path: Path) -> Iterator[McEval]:
    """Yield the problems in Elixir and Erlang of a file or folder.

    Raises NoBenchmark and MalformedBenchmark.
    """
    return filter(None, map(_mceval, rows_of(path)))


def _mceval(row: Row) -> McEval | None:
    name = row.text("task_id")
    language = LANGUAGES.get(name.partition("/")[0].lower())
    if language is None:
        return None
    return McEval(
        file=row.file,
        task_id=name,
        language=language,
        prompt=row.text("prompt"),
        canonical_solution=row.text("canonical_solution"),
        test=row.text("test"),
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class Exercise:
    """An exercise of Exercism. Texts are by the path of their file below `folder`.

    `instructions` are in Markdown, `solution` is what is to be completed, `example` is solved, and
    `editor` are files that are shown and not changed.
    """

    folder: Path
    name: str
    instructions: Mapping[str, str]
    solution: Mapping[str, str]
    tests: Mapping[str, str]
    example: Mapping[str, str]
    editor: Mapping[str, str]


def read_exercism(path: Path) -> Iterator[Exercise]:
    """Yield the exercises of a checkout in the order of their names, practice first.

    Raises NoBenchmark where there is no exercise and MalformedBenchmark for one that is damaged.
    """
    configs = [sorted((path / "exercises" / kind).glob("*/.meta/config.json")) for kind in KINDS]
    if not any(configs):
        raise NoBenchmark(path, "a checkout of github.com/exercism/elixir")
    return map(_exercise, chain(*configs))


def _exercise(config: Path) -> Exercise:
    folder, files = config.parent.parent, _files_of_exercise(config)
    told = [f".docs/{name}" for name in INSTRUCTIONS if (folder / ".docs" / name).is_file()]

    def read(names: Iterable[str]) -> dict[str, str]:
        return {name: _text_of(folder / name) for name in names}

    return Exercise(
        folder=folder,
        name=folder.name,
        instructions=read(told),
        solution=read(files["solution"]),
        tests=read(files["test"]),
        example=read(files["example"]),
        editor=read(files["editor"]),
    )


def _files_of_exercise(config: Path) -> dict[str, list[str]]:
    """Return the names of an exercise's files by their part in it, all below its folder."""
    try:
        files = parse_object(config.read_bytes())["files"]
        example = files["example"] if "example" in files else files["exemplar"]
        named = {"solution": files["solution"], "test": files["test"], "example": example}
        named["editor"] = files.get("editor", [])
        for name in chain.from_iterable(named.values()):
            below(config.parent.parent, name)
        return named
    except KeyError as error:
        why = f"not the configuration of an exercise: it has no field {error}"
        raise MalformedBenchmark(config, why) from error
    except (OSError, ValueError, TypeError, AttributeError) as error:
        why = f"not the configuration of an exercise: {error}"
        raise MalformedBenchmark(config, why) from error


def _text_of(file: Path) -> str:
    try:
        _check_size(file)
        return file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise MalformedBenchmark(file, f"cannot be read: {error}") from error


class Passage(NamedTuple):
    """A text of a problem. `part` is prompt, solution or tests; `language` is None for prose."""

    part: str
    text: str
    language: str | None = None


@dataclass(frozen=True, slots=True)
class Problem:
    """The texts of one problem, and the files that they were read from."""

    name: str
    passages: tuple[Passage, ...]
    files: tuple[Path, ...]


@dataclass(frozen=True, slots=True)
class Benchmark:
    """A benchmark as it was read, each problem once, in the order of their names.

    `digest` is the SHA-256 of lines with the SHA-256 and the path of each file of the benchmark,
    as `sha256sum` prints them, sorted by path; `files` is the number of these lines.
    """

    name: str
    problems: tuple[Problem, ...]
    digest: str
    files: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Fields:
    """Fields of rows that have none of the known formats."""

    name: str = "id"
    """Name of a problem; without it, file and line are its name."""
    prompt: str = "prompt"
    solution: str = "solution"
    tests: str = "tests"
    """Texts of a problem. At least one has to be in each row; one may be null or absent."""
    language: str = "language"
    """Rows of other languages than Elixir and Erlang are not used; without it, it is Elixir."""


def read_benchmarks(places: Sequence[str], fields: Fields = Fields()) -> tuple[Benchmark, ...]:
    """Read benchmarks, each given as PLACE or NAME=PLACE, in the order of their names.

    Benchmarks of the same name become one. Raises NoBenchmark, also for a benchmark that has no
    problem in Elixir or Erlang, and MalformedBenchmark.
    """
    found: dict[str, dict[str, Problem]] = {}
    roots: dict[Path, Path] = {}
    for told in dict.fromkeys(places):
        own, place = _name_and_place(told)
        root = located(place)
        count = 0
        for name, problem in _problems(root, fields):
            _check_texts(problem)
            if MARKUP & set(own or name):
                why = f"{shown(own or name)} cannot be the name of a benchmark"
                raise MalformedBenchmark(root, why, "Give it another one as NAME=PLACE")
            problems = found.setdefault(own or name, {})
            earlier = problems.get(problem.name)
            problems[problem.name] = _joined(earlier, problem) if earlier else problem
            roots |= dict.fromkeys(problem.files, root if root.is_dir() else root.parent)
            count += 1
        if not count:
            raise NoBenchmark(told, "problems in Elixir or Erlang, and it has none")
    return tuple(_benchmark(name, found[name], roots) for name in sorted(found))


def _name_and_place(told: str) -> tuple[str, str]:
    name, equals, place = told.partition("=")
    if not equals or "/" in name or os.path.lexists(told):
        return "", told
    _check_name(name, told)
    return name, place


def _check_name(name: str, where: object) -> None:
    try:
        check_text(name)
        if not 0 < len(name) <= LONGEST_NAME:
            raise ValueError(f"a name has 1 to {LONGEST_NAME} characters")
    except ValueError as error:
        problem = f"{shown(name)} cannot be a name: {error}"
        raise MalformedBenchmark(Path(str(where)), problem, "Give it another name") from error


def _check_texts(problem: Problem) -> None:
    for part, text, _ in problem.passages:
        what = f"the {part} of {shown(problem.name)}"
        try:
            size = len(text.encode())
        except UnicodeEncodeError as error:
            why = f"{what} is no text: it has half of a character"
            raise MalformedBenchmark(problem.files[-1], why) from error
        if size > LONGEST_TEXT:
            why = f"{what} has {size} bytes, over the limit of {LONGEST_TEXT}"
            raise MalformedBenchmark(problem.files[-1], why, "Give a file with problems only")


def _joined(one: Problem, other: Problem) -> Problem:
    """Return a problem that is there in several variants, such as wordings of its prompt."""
    passages = dict.fromkeys((*one.passages, *other.passages))
    return Problem(one.name, tuple(passages), tuple(dict.fromkeys((*one.files, *other.files))))


def _benchmark(name: str, problems: Mapping[str, Problem], roots: Mapping[Path, Path]) -> Benchmark:
    files = {file for problem in problems.values() for file in problem.files}
    told = sorted((file.relative_to(roots[file]).as_posix(), _digest(file)) for file in files)
    lines = "".join(f"{digest}  {path}\n" for path, digest in told)
    ordered = tuple(problems[each] for each in sorted(problems))
    return Benchmark(name, ordered, hashlib.sha256(lines.encode()).hexdigest(), len(told))


def _digest(file: Path) -> str:
    with file.open("rb") as body:
        return hashlib.file_digest(body, "sha256").hexdigest()


def _problems(root: Path, fields: Fields) -> Iterator[tuple[str, Problem]]:
    """Yield each problem of a place with the name of its benchmark."""
    if any((root / "exercises" / kind).is_dir() for kind in KINDS):
        for exercise in read_exercism(root):
            yield EXERCISM, _of_exercise(exercise)
    elif (root / "evals").is_dir() and (files := sorted((root / "evals").rglob("*.yml"))):
        for file in files:
            yield ASH_EVALS, _ash_eval(file, root / "evals")
    elif not root.exists():
        raise NoBenchmark(root, EXPECTED)
    else:
        yield from _of_rows(root, fields)


def _of_exercise(exercise: Exercise) -> Problem:
    language = "erlang" if any(name.endswith(".erl") for name in exercise.example) else "elixir"
    told = {**exercise.instructions, **exercise.solution}
    names = (*told, *exercise.tests, *exercise.example)
    files = [exercise.folder / name for name in (".meta/config.json", *names)]
    passages = (
        *(Passage("prompt", text) for text in told.values()),
        *(Passage("solution", text, language) for text in exercise.example.values()),
        *(Passage("tests", text, language) for text in exercise.tests.values()),
    )
    return Problem(exercise.name, passages, tuple(files))


def _ash_eval(file: Path, root: Path) -> Problem:
    import yaml

    name = file.relative_to(root).with_suffix("").as_posix()
    try:
        told = yaml.safe_load(_text_of(file))
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        line = getattr(getattr(error, "problem_mark", None), "line", None)
        where = "" if line is None else f"line {line + 1} "
        raise MalformedBenchmark(file, f"{where}is not YAML") from error
    if not isinstance(told, dict):
        raise MalformedBenchmark(file, "it is no mapping of fields")
    messages, graded = told.get("messages"), told.get("eval")
    if not isinstance(messages, list) or not all(isinstance(each, dict) for each in messages):
        raise MalformedBenchmark(file, "it has no list of messages in its field 'messages'")
    asserts = graded.get("assert") if isinstance(graded, dict) else None
    if not isinstance(asserts, list) or not all(isinstance(each, dict) for each in asserts):
        raise MalformedBenchmark(file, "it has no list of assertions in its field 'eval.assert'")
    asked = [each.get("text", "") for each in messages]
    if not all(isinstance(each, str) for each in asked):
        raise MalformedBenchmark(file, "a message has no text in its field 'text'")
    passages = [Passage("prompt", each) for each in asked]
    if isinstance(told.get("code"), str):
        passages.append(Passage("prompt", told["code"], "elixir"))
    checks = [each[key] for each in asserts for key in ("script", "assertion") if key in each]
    passages += [Passage("tests", each, "elixir") for each in checks if isinstance(each, str)]
    return Problem(name, tuple(passages), (file,))


Recognised = tuple[str, Callable[[Row], Problem | None]]


def _of_rows(root: Path, fields: Fields) -> Iterator[tuple[str, Problem]]:
    known: dict[Path, Recognised] = {}
    for row in rows_of(root):
        if row.file not in known:
            known[row.file] = _recognised(row, fields)
        name, read = known[row.file]
        if (problem := read(row)) is not None:
            _check_name(problem.name, f"{row.file}, {row.place}")
            yield name, problem


def _recognised(row: Row, fields: Fields) -> Recognised:
    """Return the format of a file, by the fields of its first row."""
    for needed, name, read in _FORMATS:
        if needed <= row.values.keys():
            return name, read
    texts = [fields.prompt, fields.solution, fields.tests]
    if any(each in row.values for each in texts):
        return row.file.stem, lambda each: _of_fields(each, fields)
    there = ", ".join(map(shown, list(row.values)[:10])) or "none"
    raise MalformedBenchmark(
        row.file,
        f"{row.place} has the fields {there}, which is no known format and none of "
        f"{', '.join(texts)}",
        "Name its fields in [decontamination.fields] of the configuration",
    )


def _of_multipl_e(row: Row) -> Problem | None:
    each = _multipl_e(row)
    if each is None:
        return None
    passages = Passage("prompt", each.prompt), Passage("tests", each.tests, "elixir")
    return Problem(each.name, passages, (row.file,))


def _of_mceval(row: Row) -> Problem | None:
    each = _mceval(row)
    if each is None:
        return None
    whole = f"{each.prompt}\n{each.canonical_solution}"
    passages = (
        Passage("prompt", each.prompt),
        Passage("solution", whole, each.language),
        Passage("tests", each.test, each.language),
    )
    return Problem(each.task_id, passages, (row.file,))


def _of_auto_code_bench(row: Row) -> Problem | None:
    language = row.language("language")
    if language is None:
        return None
    passages = (
        Passage("prompt", row.text("question")),
        Passage("solution", row.text("canonical_solution"), language),
        Passage("tests", row.text("demo_test_func"), language),
        Passage("tests", row.text("full_test_func"), language),
    )
    # Its rows have no names. The number of the line is one as long as the file is the same.
    return Problem(f"{row.file.stem}:{row.number}", passages, (row.file,))


def _of_fields(row: Row, fields: Fields) -> Problem | None:
    language = row.language(fields.language, "elixir")
    if language is None:
        return None
    name = row.values.get(fields.name)
    if not isinstance(name, str | int | None) or isinstance(name, bool):
        raise MalformedBenchmark(row.file, f"{row.place} has no text in its field {fields.name!r}")
    parts = {
        "prompt": (fields.prompt, None),
        "solution": (fields.solution, language),
        "tests": (fields.tests, language),
    }
    passages = tuple(
        Passage(part, row.text(field), of)
        for part, (field, of) in parts.items()
        if row.values.get(field) is not None
    )
    if not passages:
        names = ", ".join(field for field, _ in parts.values())
        raise MalformedBenchmark(
            row.file,
            f"{row.place} has no text in any of its fields {names}",
            "Name its fields in [decontamination.fields] of the configuration",
        )
    told = f"{row.file.stem}:{row.number}" if name is None else str(name)
    return Problem(told, passages, (row.file,))


_FORMATS: tuple[tuple[frozenset[str], str, Callable[[Row], Problem | None]], ...] = (
    (frozenset({"name", "tests", "stop_tokens"}), MULTIPL_E, _of_multipl_e),
    (frozenset({"task_id", "canonical_solution"}), MCEVAL, _of_mceval),
    (frozenset({"question", "full_test_func"}), AUTO_CODE_BENCH, _of_auto_code_bench),
)
"""Fields by which a format of rows is recognised, and what reads it."""


def located(place: str) -> Path:
    """Return the path of a benchmark; one on the Hub is fetched into its cache first.

    What exists here comes before what the Hub may have under the same name, unless the place begins
    with hf://datasets/. Raises NoBenchmark, also where the Hub has no such folder or cannot be
    reached.
    """
    if not place:  # Path("") would be the current folder
        raise NoBenchmark(repr(place), EXPECTED)
    path, told = Path(place), place.removeprefix(HUB)
    try:
        is_here = path.exists() or path.is_absolute() or place.startswith(".")
    except OSError as error:
        raise NoBenchmark(shown(place), f"{EXPECTED} ({error.strerror})") from error
    owner, _, rest = told.partition("/")
    name, _, folder = rest.strip("/").partition("/")
    if told == place and (is_here or not (owner and name)):
        return path
    from huggingface_hub import snapshot_download

    patterns = [folder, f"{folder}/*"] if folder else None
    try:
        found = snapshot_download(f"{owner}/{name}", repo_type="dataset", allow_patterns=patterns)
    except (OSError, ValueError) as error:
        why = str(error).strip().splitlines()[0]
        raise NoBenchmark(place, f"{EXPECTED} ({why})") from error
    if not (path := Path(found) / folder).exists():
        raise NoBenchmark(place, EXPECTED)
    return path
