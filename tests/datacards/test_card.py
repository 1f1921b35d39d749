import copy
import json
import re
from collections.abc import Callable
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner

from corpus.release import Release, finalize
from corpus.tables import DOCUMENTS, TABLES, columns_of
from datacards.__main__ import app
from datacards.croissant import croissant
from datacards.render import CardDiffers, card, metadata, size_category, write
from quality.report import NoReport, read_report
from quality.report import write as write_report
from quality.verdict import Check, GateVerdict, Level, Outcome
from tests.releases import example_release

PASSED = Check(
    name="corpus.digests", level=Level.CORPUS, outcome=Outcome.PASSED, observed="", expected=""
)
VERDICT = GateVerdict.of((PASSED,))


@pytest.fixture(scope="module")
def release(tmp_path_factory: pytest.TempPathFactory) -> Release:
    made = example_release(tmp_path_factory.mktemp("release"))
    write_report(made, VERDICT)
    return made


@pytest.fixture(scope="module")
def report(release: Release) -> Any:
    return read_report(release)


def test_the_front_matter_is_what_the_hub_reads(report: Any) -> None:
    _, block, body = card(report).decode().split("---\n", 2)
    found = yaml.safe_load(block)
    assert found["license"] == "other"
    assert found["license_name"]
    assert found["license_link"]
    assert found["size_categories"] == ["n<1K"]
    assert found["task_categories"] == ["text-generation"]
    assert found["configs"][0] == {
        "config_name": "documents",
        "default": True,
        "data_files": [
            {"split": "train", "path": "data/documents/train-*.parquet"},
            {"split": "validation", "path": "data/documents/validation-*.parquet"},
            {"split": "test", "path": "data/documents/test-*.parquet"},
        ],
    }
    assert body.startswith("\n# Elixir Corpus 2026.11.1\n")


def test_the_features_are_the_columns_of_the_schema(report: Any) -> None:
    info: Any = metadata(report)["dataset_info"][0]
    assert [feature["name"] for feature in info["features"]] == DOCUMENTS.names
    by_name = {feature["name"]: feature for feature in info["features"]}
    assert by_name["text"] == {"name": "text", "dtype": "large_string"}
    assert by_name["comment_fraction"] == {"name": "comment_fraction", "dtype": "float32"}
    assert by_name["redactions"] == {
        "name": "redactions",
        "list": [
            {"name": "rule", "dtype": "string"},
            {"name": "start", "dtype": "int64"},
            {"name": "end", "dtype": "int64"},
        ],
    }
    modules = {part["name"]: part for part in by_name["modules"]["list"]}
    assert modules["uses"] == {"name": "uses", "list": "string"}


@pytest.mark.parametrize("table", ["documents", "functions", "instruct", "rejects", "attribution"])
def test_every_column_of_every_table_is_explained(report: Any, table: str) -> None:
    heading = "attribution.parquet" if table == "attribution" else table
    section = card(report).decode().split(f"### {heading}\n")[1].split("\n#")[0]
    rows = [line.split(" | ") for line in section.splitlines() if line.startswith("| `")]
    columns = columns_of(TABLES[table].schema)
    assert [row[0] for row in rows] == [f"| `{each.name}`" for each in columns]
    assert all(row[2].rstrip(" |") for row in rows)


def test_the_card_tells_of_specifications_in_whole_sentences(report: Any) -> None:
    erlang = {"language": "erlang", "documented": None, "specified_share": 0.25}
    coverage = [*report["elixir"]["coverage"], erlang]
    said = card(report | {"elixir": report["elixir"] | {"coverage": coverage}}).decode()
    assert "functions in Elixir, 40% have documentation and 20% a spec.\n" in said
    assert "functions in Erlang, 25% have a spec.\n" in said


def test_a_split_without_rows_is_not_offered(report: Any) -> None:
    of = {item["config_name"]: item for item in metadata(report)["configs"]}
    assert [files["split"] for files in of["instruct"]["data_files"]] == ["train"]


def test_a_split_is_never_called_all(report: Any) -> None:
    of = {item["config_name"]: item for item in metadata(report)["configs"]}
    assert of["rejects"]["data_files"] == [
        {"split": "rejects", "path": "data/rejects/all-*.parquet"}
    ]


def test_rows_and_bytes_are_those_of_the_files(report: Any) -> None:
    info: Any = metadata(report)["dataset_info"][0]
    assert {row["name"]: row["num_examples"] for row in info["splits"]} == {
        "train": 3,
        "validation": 1,
        "test": 1,
    }
    assert info["dataset_size"] == sum(row["num_bytes"] for row in info["splits"])


SHOWN = [
    ("summary", "documents"),
    ("summary", "packages"),
    ("summary", "lines"),
    ("summary", "functions"),
    ("summary", "instruct_rows"),
    ("elixir", "modules", "count"),
    ("sizes", "lines", "quantiles", "p50"),
    ("funnel", "files", "seen"),
    ("funnel", "archives", "seen"),
    ("funnel", "files", "stages", 1, "reasons", 0, "count"),
    ("licenses", "expressions", 0, "documents"),
    ("licenses", "evidence", 0, "documents"),
    ("composition", "splits", 2, "documents"),
    ("composition", "languages", 1, "documents"),
    ("duplicates", "exact", "documents"),
    ("duplicates", "near", "documents"),
    ("redactions", "documents"),
    ("redactions", "spans"),
    ("signals", "hidden_characters", "count"),
    ("signals", "control_tokens", "documents"),
    ("instruct", "kinds", 0, "rows"),
    ("gate", "counts", "passed"),
    ("tables", 0, "splits", 0, "rows"),
]


@pytest.mark.parametrize("path", SHOWN, ids=lambda path: ".".join(map(str, path)))
def test_a_number_changed_in_the_report_changes_in_the_card(
    report: Any, path: tuple[str | int, ...]
) -> None:
    changed = copy.deepcopy(report)
    place: Any = changed
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = 7_654_321
    assert "7,654,321" in card(changed).decode()
    assert "7,654,321" not in card(report).decode()


def test_the_template_holds_no_number_of_its_own() -> None:
    text = files("datacards").joinpath("templates/README.md.j2").read_text(encoding="utf-8")
    prose = re.sub(r"\{\{.*?\}\}|\{%.*?%\}", "", text, flags=re.DOTALL)
    assert re.findall(r"\d+", prose.replace("SHA-256", "")) == []


@pytest.mark.parametrize(
    ("rows", "category"),
    [(999, "n<1K"), (1000, "1K<n<10K"), (2_000_000, "1M<n<10M"), (10**9, "100M<n<1B")],
)
def test_sizes_have_the_names_of_the_hub(rows: int, category: str) -> None:
    assert size_category(rows) == category


def test_croissant_lists_every_shard_and_column(report: Any, release: Release) -> None:
    described: Any = croissant(report)
    objects = [part for part in described["distribution"] if part["@type"] == "cr:FileObject"]
    assert {part["contentUrl"]: part["sha256"] for part in objects} == {
        shard.path: shard.sha256 for shard in release.manifest.shards
    }
    documents = next(item for item in described["recordSet"] if item["@id"] == "documents")
    fields = {field["@id"]: field for field in documents["field"]}
    assert list(fields) == [f"documents/{name}" for name in DOCUMENTS.names]
    assert fields["documents/bytes"]["dataType"] == "sc:Integer"
    modules = {part["@id"]: part for part in fields["documents/modules"]["subField"]}
    behaviour = modules["documents/modules/behaviours/name"]
    assert behaviour["source"]["transform"] == {"jsonPath": "behaviours[*].name"}


def test_the_same_report_gives_the_same_bytes(tmp_path: Path, release: Release) -> None:
    first = write(release)
    other = example_release(tmp_path)
    write_report(other, VERDICT)
    second = write(other)
    assert first.card.read_bytes() == second.card.read_bytes()
    assert first.croissant.read_bytes() == second.croissant.read_bytes()


def test_without_a_report_there_is_no_card(tmp_path: Path) -> None:
    with pytest.raises(NoReport, match="python -m quality report"):
        write(example_release(tmp_path))


@pytest.mark.parametrize(
    ("content", "remedy"),
    [
        (None, "there is no report here. The release was published .*: fetch the release again"),
        ("{", r"not JSON .*\. The release was published with its report: fetch the release again"),
        ('{"schema_version": 99}', "Use the code at the commit that the release's manifest names"),
    ],
)
def test_a_published_release_that_lost_its_report_is_not_told_to_write_one(
    tmp_path: Path, content: str | None, remedy: str
) -> None:
    candidate = example_release(tmp_path / "candidate")
    write_report(candidate, VERDICT)
    write(candidate)
    release = finalize(candidate, VERDICT.summary(), tmp_path / "2026.11.1")
    (release.path / "report.json").unlink()
    if content is not None:
        (release.path / "report.json").write_text(content, encoding="utf-8")

    with pytest.raises(NoReport, match=remedy):
        write(release)


def test_a_published_card_is_compared_and_not_changed(tmp_path: Path) -> None:
    candidate = example_release(tmp_path / "candidate")
    write_report(candidate, VERDICT)
    made = write(candidate).card.read_bytes()
    release = finalize(candidate, VERDICT.summary(), tmp_path / "2026.11.1")
    assert write(release).card.read_bytes() == made
    (release.path / "README.md").write_text("better numbers", encoding="utf-8")
    with pytest.raises(CardDiffers):
        write(release)


@pytest.mark.parametrize(
    "change",
    [
        lambda report: report.clear(),
        lambda report: report.update(tables=None),
        lambda report: report.update(tables=[[]]),
        lambda report: report.update(identity={}),
    ],
)
def test_a_published_report_that_tells_something_else_is_refused_in_a_sentence(
    tmp_path: Path, change: Callable[[dict[str, Any]], None]
) -> None:
    candidate = example_release(tmp_path / "candidate")
    write_report(candidate, VERDICT)
    write(candidate)
    release = finalize(candidate, VERDICT.summary(), tmp_path / "2026.11.1")
    path = release.path / "report.json"
    report = json.loads(path.read_bytes())
    version = report["schema_version"]
    change(report)
    path.write_text(json.dumps(report | {"schema_version": version}), encoding="utf-8")
    result = CliRunner().invoke(app, ["render", str(release.path)])
    assert result.exit_code == 2
    assert "no card can be made from report.json" in result.output


def test_the_command_writes_both_files(release: Release) -> None:
    result = CliRunner().invoke(app, ["render", str(release.path)])
    assert result.exit_code == 0
    assert "croissant.json" in result.output


def test_the_command_says_what_is_missing(tmp_path: Path) -> None:
    nothing = CliRunner().invoke(app, ["render", str(tmp_path)])
    assert nothing.exit_code == 2
    assert "this is not a release" in nothing.stderr
    example_release(tmp_path)
    unreported = CliRunner().invoke(app, ["render", str(tmp_path)])
    assert unreported.exit_code == 2
    assert "Write it with `python -m quality report" in unreported.stderr


def test_help_shows_an_example() -> None:
    result = CliRunner().invoke(app, ["render", "--help"])
    assert "python -m datacards render" in result.output
