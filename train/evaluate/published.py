"""Published benchmarks: rows in JSON lines or Parquet, read from a path or from the Hub.

MultiPL-E (Cassano et al. 2022) is HumanEval and MBPP, translated. Columns as on the Hub
(nuprl/MultiPL-E): name, prompt, tests, stop_tokens. The prompt opens a module and a function, the
completion closes both, and the tests are ExUnit cases. There are no references.

McEval (Chai et al. 2024) has canonical solutions. Columns as in its repository (data/Elixir.jsonl):
task_id, prompt, canonical_solution, test. The prompt opens a module and a function and says in
comments what it does; the completion goes on from the next line and closes both.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path

from corpus.untrusted import parse_json
from train.errors import TrainError
from train.evaluate.problems import Problem, Prompt

MULTIPL_E, MCEVAL = "multipl-e", "mceval"
LANGUAGES = ("elixir", "ex", "exs")
"""What rows of MultiPL-E call Elixir."""
PREFIX = "Elixir/"
"""What identities of McEval's rows in Elixir begin with."""
STOP = ("\ndefmodule", "\nExUnit", "\n```")
"""What ends a completion of McEval."""
SUFFIXES = (".jsonl", ".json", ".parquet")
EXPECTED = (
    "a local file or folder, or a dataset on the Hub as OWNER/NAME or OWNER/NAME/FOLDER; a private "
    "one needs HF_TOKEN"
)

Row = Mapping[str, object]


class NoBenchmark(TrainError):
    """Nothing of the benchmark lies where it was said to."""

    def __init__(self, path: Path | str, expected: str) -> None:
        super().__init__(f"{path}: no benchmark here. Expected {expected}.")


class MalformedBenchmark(TrainError):
    """A file of the benchmark is not what its format says."""

    def __init__(self, path: Path, problem: str) -> None:
        super().__init__(f"{path}: {problem}. Fetch it again from where it is published.")


def read_multipl_e(path: Path) -> Iterator[Problem]:
    """Yield MultiPL-E's problems of a file or folder; rows of other languages are passed over.

    Raises NoBenchmark and MalformedBenchmark.
    """
    for file, row in rows_of(path):
        if row.get("language", "elixir") not in LANGUAGES:
            continue
        stop = row.get("stop_tokens")
        if not isinstance(stop, list) or not all(isinstance(each, str) for each in stop):
            raise MalformedBenchmark(file, "a row has no list of texts in its column 'stop_tokens'")
        prompt = text(file, row, "prompt")
        yield Problem(
            identity=f"{MULTIPL_E}/{text(file, row, 'name')}",
            source=MULTIPL_E,
            prompt=Prompt(text=prompt, stop=tuple(stop)),
            before=prompt,
            after="\n",
            tests={"test/completed_test.exs": text(file, row, "tests")},
        )


def read_mceval(path: Path) -> Iterator[Problem]:
    """Yield McEval's problems of a file or folder; rows of other languages are passed over.

    Raises NoBenchmark and MalformedBenchmark.
    """
    for file, row in rows_of(path):
        name = text(file, row, "task_id")
        if not name.startswith(PREFIX):
            continue
        prompt = text(file, row, "prompt") + "\n"
        yield Problem(
            identity=f"{MCEVAL}/{name}",
            source=MCEVAL,
            prompt=Prompt(text=prompt, stop=STOP),
            before=prompt,
            after="\n",
            tests={"test/completed_test.exs": text(file, row, "test")},
            reference=text(file, row, "canonical_solution"),
        )


def rows_of(path: Path) -> Iterator[tuple[Path, Row]]:
    """Yield each row with the file it came from; a folder's files in the order of their names.

    Raises NoBenchmark where there is nothing to read and MalformedBenchmark for a file that is
    neither format.
    """
    files = [path] if path.is_file() else sorted(each for each in path.rglob("*") if each.is_file())
    files = [each for each in files if each.suffix in SUFFIXES]
    if not files:
        raise NoBenchmark(path, "a .jsonl or .parquet file, or a folder of them")
    for file in files:
        for row in parquet_rows(file) if file.suffix == ".parquet" else json_rows(file):
            yield file, row


def json_rows(path: Path) -> Iterator[Row]:
    """Yield the rows of a file with one JSON object a line."""
    with path.open(encoding="utf-8") as lines:
        for number, line in enumerate(lines, 1):
            if line.strip():
                try:
                    row = parse_json(line)
                except ValueError as error:
                    raise MalformedBenchmark(path, f"line {number} is not JSON: {error}") from error
                if not isinstance(row, dict):
                    raise MalformedBenchmark(path, f"line {number} is not an object")
                yield row


def parquet_rows(path: Path) -> Iterator[Row]:
    """Yield the rows of a Parquet file."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        yield from pq.read_table(path).to_pylist()
    except pa.ArrowInvalid as error:
        raise MalformedBenchmark(path, str(error)) from error


def text(path: Path, row: Row, name: str) -> str:
    """Return a column that must hold text. Raises MalformedBenchmark."""
    value = row.get(name)
    if not isinstance(value, str):
        raise MalformedBenchmark(path, f"a row has no text in its column {name!r}")
    return value


def located(place: str) -> Path:
    """Return the path of a benchmark; one on the Hub is fetched into its cache first.

    What exists here comes before what the Hub may have under the same name. Raises NoBenchmark,
    also where the Hub has no such folder or cannot be reached.
    """
    path = Path(place)
    is_here = path.exists() or path.is_absolute() or place.startswith(".")
    owner, _, rest = place.partition("/")
    name, _, folder = rest.strip("/").partition("/")
    if is_here or not (owner and name):
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
