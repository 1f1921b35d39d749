import json
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from jsonschema import Draft7Validator
from rfc3986_validator import validate_rfc3986

from corpus.release import Release
from datacards.materials import bill_of_materials
from tests.releases import example_release, sha

FORMATS = Draft7Validator.FORMAT_CHECKER


def is_reference(value: object) -> bool:
    """Say whether a value is a reference that any URI parser takes, which is less than any IRI."""
    return not isinstance(value, str) or validate_rfc3986(value, rule="URI_reference") is not None


FORMATS.checks("iri-reference")(is_reference)


def components(release: Release) -> dict[str, dict[str, object]]:
    """Return the components of a bill by their purl."""
    told = json.loads(bill_of_materials(release))
    return {each["purl"]: each for each in told["components"]}


def test_a_bill_of_materials_holds_to_the_schema(tmp_path: Path) -> None:
    asked = {"date-time", "idn-email", "iri-reference"}
    assert asked <= FORMATS.checkers.keys(), "a format that nobody checks always holds"
    release = example_release(tmp_path)
    data = bill_of_materials(release).decode()
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(data) is None


def test_a_component_is_an_archive_with_its_licence_and_evidence(tmp_path: Path) -> None:
    found = components(example_release(tmp_path))
    assert list(found) == ["pkg:hex/kiosk@1.0.0", "pkg:hex/ledger@1.0.0", "pkg:hex/shop@1.0.0"]
    kiosk = found["pkg:hex/kiosk@1.0.0"]
    assert kiosk["bom-ref"] == f"pkg:hex/kiosk@1.0.0#{sha('kiosk')}"
    assert kiosk["hashes"] == [{"alg": "SHA-256", "content": sha("kiosk")}]
    assert kiosk["licenses"] == [{"expression": "MIT", "acknowledgement": "concluded"}]
    assert kiosk["evidence"] == {
        "copyright": [{"text": "Copyright 2026 The Authors"}],
        "licenses": [{"expression": "MIT"}],
    }
    assert kiosk["externalReferences"] == [
        {"type": "distribution", "url": "https://repo.hex.pm/tarballs/kiosk-1.0.0.tar"}
    ]
    assert kiosk["properties"] == [
        {"name": "elixir-corpus:documents", "value": "1"},
        {"name": "elixir-corpus:documents:MIT", "value": "1"},
        {"name": "elixir-corpus:license_evidence", "value": "declared_only"},
        {"name": "elixir-corpus:source", "value": "hex"},
    ]


def test_the_same_release_has_the_same_bytes_and_another_build_another_number(
    tmp_path: Path,
) -> None:
    release = example_release(tmp_path)
    assert bill_of_materials(release) == bill_of_materials(release)
    told = json.loads(bill_of_materials(release))
    assert told["serialNumber"] == "urn:uuid:9bb01843-f649-5194-a4fa-acff25768140"
    assert "timestamp" not in told["metadata"]
    other = replace(release, manifest=replace(release.manifest, build_digest=sha("other")))
    assert json.loads(bill_of_materials(other))["serialNumber"] != told["serialNumber"]


def test_what_no_uri_can_hold_is_left_out(tmp_path: Path) -> None:
    release = example_release(tmp_path)
    path = tmp_path / "attribution.parquet"
    table = pq.read_table(path)
    place = table.schema.get_field_index("url")
    urls = pa.array(["no address <at all>", None, "https://x.example/a"], pa.string())
    pq.write_table(table.set_column(place, table.schema.field(place), urls), path)
    data = bill_of_materials(release).decode()
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(data) is None
