"""The report's section on behaviours and processes, and what the gate asks of modules."""

from pathlib import Path
from typing import Any

import pytest

from quality.gate import judge
from quality.report.publishing import compose, write
from quality.verdict import Outcome
from tests.releases import Row, example_documents, module_row, write_release


def behaviour(name: str, evidence: str, through: str | None = None) -> dict[str, Any]:
    return {"name": name, "evidence": evidence, "confidence": 1.0, "through": through}


def use(name: str, leaves_behaviour: bool, unresolved: str | None = None) -> dict[str, Any]:
    return {
        "name": name,
        "evidence": "direct",
        "leaves_behaviour": leaves_behaviour,
        "unresolved": unresolved,
    }


def example_modules(documents: list[Row]) -> list[Row]:
    counter, price, _, queue, _ = documents
    place, span = {"function": "add/1", "line": 3}, {"start_line": 4, "end_line": 4}
    child = {"id": None, "module": "Shop.Counter", "restart": "transient", "type": None, "line": 5}
    supervisor = {
        "function": "init/1",
        "line": 6,
        "strategy": "one_for_one",
        "max_restarts": 2,
        "max_seconds": None,
        "children": [child],
        "is_complete": True,
    }
    return [
        module_row(
            counter,
            "Shop.Counter",
            behaviours=[behaviour("GenServer", "cross_package", "Shop.Server")],
            uses=[use("Shop.Server", True), use("Agent", False), use("Gone", False, "absent")],
            messages=[
                {
                    "kind": "call",
                    "tag": ":get",
                    "sent": [place],
                    "answered": [{**span, "start_byte": 1, "end_byte": 2}],
                },
                {"kind": "call", "tag": ":put", "sent": [place], "answered": []},
            ],
            hooks=["terminate/2"],
        ),
        module_row(
            price,
            "Shop.Tree",
            behaviours=[behaviour("Supervisor", "table", "Supervisor")],
            uses=[use("Supervisor", True)],
            supervisors=[supervisor, {**supervisor, "strategy": None, "max_restarts": 0}],
            starts=[{"name": "Registry", "how": "child", "function": "init/1", "line": 5}],
            links=[{"kind": "monitor", "function": "init/1", "line": 7}],
        ),
        module_row(queue, "kiosk_queue", behaviours=[behaviour("gen_server", "direct")]),
        module_row(queue, "kiosk_plain"),
    ]


@pytest.fixture(scope="module")
def section(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    documents = example_documents()
    folder = tmp_path_factory.mktemp("release")
    release = write_release(folder, documents, modules=example_modules(documents))
    return dict(compose(release, None)["behaviours"])


def counts(rows: list[dict[str, Any]]) -> dict[str, int]:
    return {row["name"]: row["count"] for row in rows}


def test_behaviours_are_told_by_evidence(section: dict[str, Any]) -> None:
    assert (section["modules"], section["with_behaviours"], section["distinct"]) == (4, 3, 3)
    assert counts(section["evidence"]) == {"cross_package": 1, "direct": 1, "table": 1}
    assert section["top"][0] == {
        "name": "GenServer",
        "count": 1,
        "share": 0.333333,
        "evidence": {"cross_package": 1},
    }
    assert counts(section["through"]) == {"Shop.Server": 1, "Supervisor": 1}


def test_uses_are_told_by_whether_they_were_followed(section: dict[str, Any]) -> None:
    uses = section["uses"]
    assert (uses["count"], uses["resolved"], uses["resolved_share"]) == (4, 3, 0.75)
    assert counts(uses["unresolved"]) == {"absent": 1}
    assert counts(uses["absent"]) == {"Gone": 1}
    assert counts(uses["leave_none"]) == {"Agent": 1}


def test_supervision_and_messages_are_counted(section: dict[str, Any]) -> None:
    supervision = section["supervision"]
    assert (supervision["modules"], supervision["supervisors"]) == (1, 2)
    assert counts(supervision["strategies"]) == {"not written out": 1, "one_for_one": 1}
    assert counts(supervision["intensities"]) == {"0 in default s": 1, "2 in default s": 1}
    assert counts(supervision["restarts"]) == {"transient": 2}
    assert section["messages"] == {
        "modules": 1,
        "kinds": [{"name": "call", "shapes": 2, "sent": 2, "answered": 1, "both": 1}],
    }
    assert counts(section["started"]) == {"Registry": 1}
    assert counts(section["links"]) == {"monitor": 1}
    assert counts(section["hooks"]) == {"terminate/2": 1}


def test_the_page_tells_them_too(tmp_path: Path) -> None:
    documents = example_documents()
    release = write_release(tmp_path, documents, modules=example_modules(documents))
    page = write(release, None).html.read_text(encoding="utf-8")
    assert "3 of 4 modules implement a behaviour: 3 in all, of 3 different behaviours." in page
    assert "75% were followed to their end" in page


def test_a_release_without_the_table_has_an_empty_section(tmp_path: Path) -> None:
    section = compose(write_release(tmp_path, example_documents()), None)["behaviours"]
    assert (section["modules"], section["count"], section["top"]) == (0, 0, [])


@pytest.mark.parametrize(
    ("column", "value", "check"),
    [
        ("behaviours", [behaviour("", "direct")], "modules.behaviours_are_sound"),
        ("behaviours", [behaviour("GenServer", "guess")], "modules.behaviours_are_sound"),
        ("behaviours", None, "modules.behaviours.present"),
        ("document_id", "0" * 64, "modules.belongs_to_document"),
        ("start_line", 0, "modules.start_line.in_range"),
        ("module", "", "modules.module.filled"),
    ],
)
def test_the_gate_looks_at_modules(tmp_path: Path, column: str, value: object, check: str) -> None:
    documents = example_documents()
    rows = example_modules(documents)
    rows[0][column] = value
    verdict = judge(write_release(tmp_path, documents, modules=rows))
    failed = [each.name for each in verdict.checks if each.outcome is Outcome.FAILED]
    assert [name for name in failed if name.startswith("modules.")] == [check]
