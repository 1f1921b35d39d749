"""The table of licences: each archive's verdict with its evidence, and every text once."""

import hashlib

import pytest

from corpus.build import build
from corpus.configuration import BuildConfig
from corpus.release import Release
from corpus.store import ArchiveStore
from quality.gate import judge
from tests.corpus.license_situations import APACHE, GPL_NOTICE, add_repository
from tests.executors import LASTING
from tests.stores import MIT, add, module

NOT_PERMITTED = "license_not_permitted"
NOTICE = b"Shop\nCopyright 2026 Ada\n"
SHOP = {"LICENSE": APACHE, "NOTICE": NOTICE, "lib/shop.ex": module("Shop", "buy sell")}


@pytest.fixture(scope="module")
def release(tmp_path_factory: pytest.TempPathFactory) -> Release:
    folder = tmp_path_factory.mktemp("licenses")
    store = ArchiveStore(folder / "store")
    add(store, "shop", SHOP, licenses=("Apache-2.0",))
    till = {"LICENSE": MIT, "NOTICE": NOTICE, "lib/till.ex": module("Till", "open close")}
    add(store, "till", till)
    add(store, "gnu", {"lib/gnu.ex": module("Gnu", "copyleft")}, licenses=("GPL-3.0-only",))
    add(store, "both", {"LICENSE": GPL_NOTICE.encode(), "lib/both.ex": module("Both", "odd even")})
    add(store, "bare", {"lib/bare.ex": module("Bare", "light dark")}, licenses=())
    mixed = {"lib/mit.ex": b"# SPDX-License-Identifier: GPL-2.0-only\n" + module("Mixed", "a b")}
    add_repository(store, {"LICENSE": MIT, **mixed, "lib/c.ex": module("C", "left right")})
    return build(store, folder / "out", BuildConfig(), LASTING)


def test_every_archive_has_a_verdict_with_its_evidence(release: Release) -> None:
    columns = ["package", "declared", "expression", "evidence", "verdict", "reason"]
    rows = {row.pop("package"): row for row in release.read("licenses", columns).to_pylist()}
    told = {name: tuple(map(str, row.values())) for name, row in rows.items()}
    assert told == {
        "shop": ("['Apache-2.0']", "Apache-2.0", "verified", "allowed", "None"),
        "till": ("['MIT']", "MIT", "verified", "allowed", "None"),
        "gnu": ("['GPL-3.0-only']", "GPL-3.0-only", "declared_only", "refused", NOT_PERMITTED),
        "both": ("['MIT']", "MIT", "contradicted", "quarantined", "license_contradicted"),
        "bare": ("[]", "None", "unknown", "refused", "license_unknown"),
        "ada/a": ("[]", "MIT", "text_only", "allowed", "None"),
    }


def test_what_was_detected_is_told_by_file(release: Release) -> None:
    rows = {row["package"]: row for row in release.read("licenses").to_pylist()}
    license, notice = rows["shop"]["detected"]
    assert (license["path"], license["licenses"], notice["path"]) == (
        "LICENSE",
        ["Apache-2.0"],
        "NOTICE",
    )
    assert 0.9 < license["coverage"] <= 1
    assert (notice["licenses"], notice["coverage"]) == ([], 0)
    assert (rows["ada/a"]["own_statements"], rows["ada/a"]["own_refused"]) == (1, 1)
    assert rows["both"]["detail"].startswith("declared is MIT, the texts are GPL-3.0")


def test_every_text_of_what_contributed_is_there_once_by_its_digest(release: Release) -> None:
    texts = {path.stem: path for path in (release.path / "LICENSES" / "texts").rglob("*.txt")}
    expected = {hashlib.sha256(text).hexdigest(): text for text in (APACHE, MIT, NOTICE)}
    assert {name: path.read_bytes() for name, path in texts.items()} == expected
    assert {path.parent.name for path in texts.values()} == {name[:2] for name in expected}
    named = release.read("attribution", ["package", "license_texts"]).to_pylist()
    found = {(row["package"], each["path"]): each for row in named for each in row["license_texts"]}
    assert found["shop", "NOTICE"]["sha256"] == found["till", "NOTICE"]["sha256"]
    assert set(expected) == {each["sha256"] for each in found.values()}
    assert (release.path / "LICENSES" / "MIT.txt").read_bytes() == MIT


def test_the_gate_holds_the_table_to_its_promises(release: Release) -> None:
    checks = {each.name: each.outcome.value for each in judge(release).checks}
    of_table = {name: said for name, said in checks.items() if name.startswith("licenses")}
    assert of_table
    assert set(of_table.values()) == {"passed"}


def test_the_list_of_the_policy_is_told_with_its_version(release: Release) -> None:
    assert release.manifest.tools["@blueoak/list"] == "15.0.0"
