import json
from pathlib import Path
from typing import Any

import mlcroissant
import pytest

from datacards.croissant import croissant
from datacards.render import write
from quality.report import read_report
from quality.report import write as write_report
from tests.releases import example_release

pytestmark = pytest.mark.filterwarnings(
    "ignore"
)  # the libraries of the reference warn of each other
RAI = "rai:"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    release = example_release(tmp_path_factory.mktemp("release"))
    write_report(release, None)
    write(release)
    return release.path


def test_the_reference_reads_the_description_without_a_warning(folder: Path) -> None:
    found = mlcroissant.Dataset(jsonld=folder / "croissant.json")
    assert (found.metadata.ctx.issues.errors, found.metadata.ctx.issues.warnings) == (set(), set())
    assert found.metadata.version == "2026.11.1"


def test_the_reference_reads_rows_by_the_description(folder: Path) -> None:
    found = mlcroissant.Dataset(jsonld=folder / "croissant.json")
    rows = list(found.records(record_set="instruct"))
    assert sorted(row["instruct/kind"] for row in rows) == [
        b"behaviour_module",
        b"documentation_to_function",
    ]


def test_what_is_said_of_responsible_use_follows_from_the_figures(folder: Path) -> None:
    described: Any = json.loads((folder / "croissant.json").read_bytes())
    said = {name.removeprefix(RAI): value for name, value in described.items() if RAI in name}
    assert said["dataCollection"].endswith("with 12 files; 5 of them became documents.")
    assert "exact_duplicate 1; near_duplicate 1" in said["dataCollectionMissingData"]
    assert said["dataManipulationProtocol"] == (
        "Cut out: 1 span of 1 document; a tag replaces each, and the column `redactions` has its "
        "place. Spans by rule: encoded 1."
    )
    assert said["dataBiases"][0] == "Documents by language: elixir 80.0%, erlang 20.0%."
    assert "Opted out by authors: 0 archives and 0 files." in said["dataSocialImpact"]
    assert said["machineAnnotationTools"] == ["pyarrow 26.0.1"]


def test_the_reference_knows_every_term_of_responsible_use_that_is_written(folder: Path) -> None:
    found = mlcroissant.Dataset(jsonld=folder / "croissant.json").metadata
    assert found.data_collection is not None
    assert found.data_biases is not None
    assert found.data_limitations is not None
    assert found.personal_sensitive_information is not None
    assert found.data_release_maintenance_plan is not None


def test_a_description_says_the_same_of_the_same_report(folder: Path) -> None:
    from corpus.release import Release

    report = read_report(Release.open(folder))
    assert croissant(report) == croissant(report)
