"""Every column says what it means, once, and all who show columns say the same."""

import json
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from corpus import tables
from corpus.__main__ import app
from corpus.build import build
from corpus.configuration import BuildConfig
from corpus.identifiers import swhid
from corpus.release import Release
from corpus.store import ArchiveStore, Link
from corpus.tables import TABLES, columns_of, dictionary, meaning_of
from datacards.croissant import croissant
from datacards.render import card
from quality.report.publishing import compose
from tests.executors import LASTING
from tests.releases import example_release
from tests.stores import MIT, WORDS, add, module

PAGE = Path(__file__).parents[2] / "docs" / "data-dictionary.md"


@pytest.mark.parametrize("table", TABLES)
def test_every_column_says_what_it_means(table: str) -> None:
    columns = list(columns_of(TABLES[table].schema))
    assert [column.name for column in columns if not column.meaning] == []
    assert len({column.name for column in columns}) == len(columns)


def test_parts_of_a_struct_stand_behind_a_dot() -> None:
    found = {column.name: column for column in columns_of(tables.FUNCTIONS)}
    assert found["clauses"].type == "list of struct"
    assert found["clauses.start_line"].type == "int32"
    assert found["clauses.start_line"].meaning == "first line, from 1"
    assert found["specs"].type == "list of string"
    assert found["split"].meaning == "train, validation or test"


def test_the_page_is_what_the_command_prints() -> None:
    said = CliRunner().invoke(app, ["schema"])
    assert said.exit_code == 0
    assert said.stdout == dictionary(*TABLES)
    page = PAGE.read_text(encoding="utf-8")
    assert page[page.index("## ") :] == said.stdout, "`make dictionary` writes the page anew"


def test_the_command_tells_one_table_also_to_machines() -> None:
    said = CliRunner().invoke(app, ["schema", "rejects", "--json"])
    told = json.loads(said.stdout)["rejects"]
    assert told["row"] == "one file or archive that was left out, with the stage and the reason"
    assert told["columns"][0] == {
        "name": "document_id",
        "type": "string",
        "meaning": "digest of archive_sha256 and path",
    }
    assert CliRunner().invoke(app, ["schema", "rejects"]).stdout.startswith("## rejects\n")
    unknown = CliRunner().invoke(app, ["schema", "nope"])
    assert unknown.exit_code == 2
    assert "the tables are documents, functions" in unknown.output


def test_card_and_croissant_tell_the_meanings(tmp_path: Path) -> None:
    report = compose(example_release(tmp_path / "2026.11.1"), None)
    page = card(report).decode()
    assert "| `functions.impl`" not in page
    assert "| `impl` | string | true, false or the behaviour in `@impl`, null without one |" in page
    assert "| `clauses.guard` | string | guard as it is written, null without one |" in page
    described: Any = croissant(report)
    records = {record["name"]: record for record in described["recordSet"]}
    fields = {field["name"]: field for field in records["documents"]["field"]}
    assert fields["documents/path"]["description"] == "path of the file inside the archive"
    (redactions,) = (field for name, field in fields.items() if name.endswith("/redactions"))
    assert [part["description"] for part in redactions["subField"]] == [
        "the rule that cut the span out",
        "first byte in the original file",
        "byte behind the last one",
    ]


@pytest.fixture(scope="module")
def release(tmp_path_factory: pytest.TempPathFactory) -> Release:
    folder = tmp_path_factory.mktemp("one")
    store = ArchiveStore(folder / "store")
    files = {"LICENSE": MIT, "lib/anchor.ex": module("Anchor", WORDS[0])}
    links = (Link("GitHub", "https://GitHub.com/Shop/Anchor/tree/main"),)
    add(store, "anchor", files, links=links, published_at="2026-11-01T08:00:00Z")
    add(store, "ember", {"LICENSE": MIT, "lib/ember.ex": module("Ember", WORDS[1])})
    return build(store, folder / "out", BuildConfig(), LASTING)


@pytest.mark.parametrize("table", ["documents", "functions", "instruct", "rejects"])
def test_the_shards_carry_the_meanings(release: Release, table: str) -> None:
    for shard in release.shards(table):
        found = pq.read_schema(release.path / shard.path)
        assert list(columns_of(found)) == list(columns_of(TABLES[table].schema))
    attribution = pq.read_schema(release.path / "attribution.parquet")
    assert meaning_of(attribution.field("copyright")) == (
        "copyright lines of its licence files and annotations"
    )


def test_a_row_makes_sense_alone(release: Release) -> None:
    documents = {row["package"]: row for row in release.read("documents").to_pylist()}
    anchor, ember = documents["anchor"], documents["ember"]
    assert anchor["repository"] == "https://github.com/shop/anchor"
    assert anchor["published_at"] == "2026-11-01T08:00:00Z"
    assert (ember["repository"], ember["published_at"]) == (None, None)
    assert anchor["swhid"] == swhid(module("Anchor", WORDS[0]))
    assert anchor["purl"] == "pkg:hex/anchor@1.0.0"
    left_out = {row["path"]: row for row in release.read("rejects").to_pylist()}
    assert left_out["LICENSE"]["swhid"] == swhid(MIT)
    assert left_out["LICENSE"]["purl"].startswith("pkg:hex/")
    attribution = release.read("attribution", ["package", "purl"]).to_pylist()
    assert {"package": "ember", "purl": "pkg:hex/ember@1.0.0"} in attribution
    functions = release.read("functions").to_pylist()
    columns = ["source", "package", "version", "purl", "path", "license_expression", "split"]
    of_anchor = [row for row in functions if row["package"] == "anchor"]
    assert [row["name"] for row in of_anchor] == ["anchor", "basket", "candle", "dragon"]
    purl = "pkg:hex/anchor@1.0.0"
    told = ["hex", "anchor", "1.0.0", purl, "lib/anchor.ex", "MIT", anchor["split"]]
    assert [[row[name] for name in columns] for row in of_anchor] == [told] * 4
    assert all(row["split"] == documents[row["package"]]["split"] for row in functions)
