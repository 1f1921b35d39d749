"""A table is added by an entry in `corpus/tables.py` and by what fills it, and by nothing else.

The sources are copied and given an entry; a program then fills the table in the copy.
"""

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.project import PROJECT

ENTRY = """\
    ShardedTable(
        name="notes",
        row="one note on a document",
        schema=_table(
            column("note_id", pa.string(), "digest of the note"),
            column("text", pa.string(), "what is noted"),
            column("weight", pa.int32(), "how much it counts"),
            SPLIT,
        ),
        files="data/notes/*.parquet",
        sort_key=("note_id",),
        row_key=("note_id", "text"),
        is_split=True,
        promises=(
            digests("note_id"),
            UniqueInRelease("note_id", "notes_repeated", "no note twice"),
            never_null("text"),
            Between("weight", 1),
        ),
    ),
"""
END_OF_THE_REGISTRY = ")\n\nSHARDED = {"

PROGRAM = """\
import json
import sys
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
from typer.testing import CliRunner

from corpus.__main__ import app
from corpus.parts import write_part
from corpus.release import Release, verify
from corpus.release.planning import Part, ShardLimits, TableParts, plan_table
from corpus.release.runs import plan_runs, write_run
from corpus.release.shards import write_shard
from corpus.tables import TABLES
from datacards.croissant import croissant
from datacards.render import card
from quality.gate import judge
from quality.report.publishing import compose
from tests.releases import example_release


def told_of(rows, number):
    folder = Path(f"release-{number}")
    release = example_release(folder)
    part = Part(Path(f"part-{number}.arrow"), None)
    write_part(pa.Table.from_pylist(rows, schema=TABLES["notes"].schema), part.path)
    table, plans = plan_table((TableParts("notes", (part,)), ShardLimits()))
    folder_of_runs = Path(f"runs-{number}")
    runs = [write_run(run) for run in plan_runs("notes", table.parts, plans, folder_of_runs)]
    shards = [write_shard((runs, plan, folder)) for plan in plans]
    manifest = release.manifest
    replace(manifest, shards=(*manifest.shards, *shards)).write(folder)

    release = Release.open(folder)
    verdict = judge(release)
    report = compose(release, verdict)
    notes = [record for record in croissant(report)["recordSet"] if record["name"] == "notes"]
    return {
        "problems": list(map(str, verify(release))),
        "shards": [[shard.path, shard.rows] for shard in release.shards("notes")],
        "read": release.read("notes", ["text"]).to_pydict(),
        "outcome": verdict.outcome,
        "failed": list(verdict.summary().failed),
        "checks": [check.name for check in verdict.checks if "note" in check.name],
        "card": "| `weight` | int32 | how much it counts |" in card(report).decode(),
        "croissant": [field["description"] for field in notes[0]["field"]],
        "dictionary": CliRunner().invoke(app, ["schema", "notes"]).stdout,
    }


print(json.dumps([told_of(rows, number) for number, rows in enumerate(json.loads(sys.argv[1]))]))
"""


@pytest.fixture(scope="module")
def sources(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a copy of the sources with one entry more."""
    folder = tmp_path_factory.mktemp("sources")
    for package in ("corpus", "quality", "pages", "datacards"):
        leave_out = shutil.ignore_patterns("__pycache__")
        shutil.copytree(PROJECT / package, folder / package, ignore=leave_out)
    (folder / "tests").mkdir()
    shutil.copy(PROJECT / "tests" / "__init__.py", folder / "tests")
    shutil.copy(PROJECT / "tests" / "releases.py", folder / "tests")
    registry = folder / "corpus" / "tables.py"
    text = registry.read_text(encoding="utf-8")
    assert text.count(END_OF_THE_REGISTRY) == 1
    entered = text.replace(END_OF_THE_REGISTRY, ENTRY + END_OF_THE_REGISTRY)
    registry.write_text(entered, encoding="utf-8")
    (folder / "program.py").write_text(PROGRAM, encoding="utf-8")
    return folder


def note(digit: str, text: str | None, split: str, weight: int = 1) -> dict[str, Any]:
    return {"note_id": digit * 64, "text": text, "weight": weight, "split": split}


SOUND = [note("c", "third", "train"), note("a", "first", "train"), note("b", "second", "test")]
BROKEN = [note("a", None, "train"), note("a", "again", "test"), note("b", "low", "test", 0)]


@pytest.fixture(scope="module")
def filled(sources: Path) -> list[dict[str, Any]]:
    """Fill the table with sound rows and with broken ones; return what is told of each."""
    command = [sys.executable, "program.py", json.dumps([SOUND, BROKEN])]
    done = subprocess.run(command, cwd=sources, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    told: list[dict[str, Any]] = json.loads(done.stdout.splitlines()[-1])
    return told


def test_an_entry_is_planned_written_read_judged_and_documented(
    filled: list[dict[str, Any]],
) -> None:
    told, _ = filled
    assert told["shards"] == [
        ["data/notes/train-00000-of-00001.parquet", 2],
        ["data/notes/validation-00000-of-00001.parquet", 0],
        ["data/notes/test-00000-of-00001.parquet", 1],
    ]
    assert told["read"] == {"text": ["first", "third", "second"]}
    assert told["problems"] == []
    assert (told["outcome"], told["failed"]) == ("passed", [])
    assert told["checks"] == [
        "corpus.notes_repeated",
        "notes.note_id.present",
        "notes.note_id.well_formed",
        "notes.text.present",
        "notes.weight.in_range",
    ]
    assert told["card"]
    assert told["croissant"] == [
        "digest of the note",
        "what is noted",
        "how much it counts",
        "train, validation or test",
    ]
    assert told["dictionary"].startswith("## notes\n\nA row is one note on a document.\n")


def test_the_gate_holds_the_new_table_to_its_promises(filled: list[dict[str, Any]]) -> None:
    _, told = filled
    assert told["outcome"] == "failed"
    assert told["failed"] == [
        "corpus.notes_repeated",
        "notes.text.present",
        "notes.weight.in_range",
    ]
