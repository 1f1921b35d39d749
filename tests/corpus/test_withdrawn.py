from pathlib import Path

import pytest

from corpus.build import build, plan_build
from corpus.configuration import BuildConfig, dump, load
from corpus.packages import Advisory
from corpus.release import Release
from corpus.store import ArchiveStore
from corpus.withdrawn import WithdrawnConfig
from tests.executors import LASTING
from tests.stores import MIT, add, module

KEEP_ALL = WithdrawnConfig(keep_retired=True, keep_deprecated=True, keep_advised=True)


def store_with_warnings(folder: Path) -> ArchiveStore:
    """Fill a store: one package without a warning, one retired, deprecated and advised each."""
    store = ArchiveStore(folder)
    words = {
        "sound": "anchor basket candle dragon",
        "retired": "ember falcon garden harbor",
        "deprecated": "island jungle kettle lantern",
        "advised": "meadow needle orchard pepper",
    }
    warned: dict[str, str] = {"retired": "security: leaks", "deprecated": "deprecated: use sound"}
    advised = (Advisory("GHSA-1", "It leaks", "high"), Advisory("CVE-2"))
    for name, said in words.items():
        files = {"LICENSE": MIT, f"lib/{name}.ex": module(name.title(), said)}
        add(
            store,
            name,
            files,
            retirement=warned.get(name),
            advisories=advised if name == "advised" else (),
        )
    return store


def left_out(folder: Path, config: WithdrawnConfig) -> dict[str, tuple[str, str, str]]:
    """Return stage, reason and detail of what a build would not read, by package."""
    store = store_with_warnings(folder / "store")
    plan = plan_build(store, folder / "out", BuildConfig(withdrawn=config))
    return {
        row.name: (row.reject.stage.value, row.reject.reason.value, row.reject.detail)
        for row in plan.inputs.refused
    }


def test_versions_with_a_warning_are_left_out_each_with_its_reason(tmp_path: Path) -> None:
    assert left_out(tmp_path, WithdrawnConfig()) == {
        "advised": ("withdrawn", "security_advisory", "GHSA-1 (high): It leaks; CVE-2"),
        "deprecated": ("withdrawn", "deprecated", "deprecated: use sound"),
        "retired": ("withdrawn", "retired", "security: leaks"),
    }


@pytest.mark.parametrize(
    ("config", "names"),
    [
        (WithdrawnConfig(keep_retired=True), {"advised", "deprecated"}),
        (WithdrawnConfig(keep_deprecated=True), {"advised", "retired"}),
        (WithdrawnConfig(keep_advised=True), {"deprecated", "retired"}),
        (KEEP_ALL, set()),
    ],
)
def test_each_kind_is_kept_by_its_key(
    tmp_path: Path, config: WithdrawnConfig, names: set[str]
) -> None:
    assert set(left_out(tmp_path, config)) == names


def test_the_keys_are_read_and_written_as_toml(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_text("[withdrawn]\nkeep_advised = true\n", encoding="utf-8")
    config = load(path)
    assert config.withdrawn == WithdrawnConfig(keep_advised=True)
    assert "[withdrawn]\nkeep_retired = false\n" in dump(config)


def built(folder: Path, config: WithdrawnConfig) -> Release:
    store = store_with_warnings(folder / "store")
    return build(store, folder / "out", BuildConfig(withdrawn=config), LASTING)


def test_a_release_has_a_reject_for_each_and_nothing_of_their_files(tmp_path: Path) -> None:
    release = built(tmp_path, WithdrawnConfig())
    assert release.manifest.archives_rejected == {
        "deprecated": 1,
        "retired": 1,
        "security_advisory": 1,
    }
    packages = release.read("documents", ["package"])["package"].to_pylist()
    assert packages == ["sound"]
    rejects = release.read("rejects", ["package", "path", "stage"]).to_pylist()
    archives = [row["package"] for row in rejects if row["path"] == ""]
    assert sorted(archives) == ["advised", "deprecated", "retired"]


def test_what_is_kept_says_so_in_documents_and_attribution(tmp_path: Path) -> None:
    release = built(tmp_path, KEEP_ALL)
    columns = ["package", "retirement", "advisories"]
    rows = {row["package"]: row for row in release.read("documents", columns).to_pylist()}
    assert rows["sound"]["retirement"] is None
    assert rows["sound"]["advisories"] == []
    assert rows["retired"]["retirement"] == "security: leaks"
    assert rows["advised"]["advisories"] == ["GHSA-1", "CVE-2"]
    told = {row["package"]: row for row in release.read("attribution", columns).to_pylist()}
    assert told["deprecated"]["retirement"] == "deprecated: use sound"
    assert [each["severity"] for each in told["advised"]["advisories"]] == ["high", None]
