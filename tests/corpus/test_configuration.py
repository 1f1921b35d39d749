import tomllib
from pathlib import Path

import pytest
from typer.testing import CliRunner

from corpus.__main__ import app
from corpus.build import build
from corpus.configuration import BadConfiguration, BuildConfig, dump, load, permitting
from corpus.store import ArchiveStore
from tests.executors import LASTING
from tests.stores import add, module


def write(folder: Path, text: str) -> Path:
    path = folder / "build.toml"
    path.write_text(text)
    return path


def test_an_empty_file_is_the_default(tmp_path: Path) -> None:
    assert load(write(tmp_path, "")) == BuildConfig()


def test_named_values_replace_defaults_at_any_depth(tmp_path: Path) -> None:
    text = "[ingest]\nbundle_bytes = 5\n[ingest.read.file.filters]\nfile = 7\n"
    config = load(write(tmp_path, text))
    assert config.ingest.bundle_bytes == 5
    assert config.ingest.read.file.filters.file == 7
    assert config.duplicates == BuildConfig().duplicates


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[duplicates]\nthreshhold = 0.8\n", "did you mean duplicates.threshold"),
        ("[colour]\nred = 1\n", "unknown key colour"),
        ("[ingest]\nbundle_bytes = 'many'\n", "ingest.bundle_bytes: .*integer"),
        ("[ingest\n", "not TOML"),
        ("[duplicates]\nthreshold = '0.7'\n", "duplicates.threshold: .*number"),
        ("[duplicates]\nbands = 25\n", "duplicates.bands: .*array"),
        ("[split]\nvalidation = true\n", "split.validation: .*number"),
        ("[split]\nsalt = 7\n", "split.salt: .*string"),
        ("[split]\nsalt = 2026-01-01\nbad = 1\n", "unknown key split.bad"),
        ("[ingest]\nbundle_bytes = 2026-01-01\n", "ingest.bundle_bytes: .*integer"),
        ("[shards]\nrow_group_rows = 0\n", "shards: row_group_rows is 0; it must be at least 1"),
        ("[ingest]\nbundle_bytes = 0\n", "ingest: bundle_bytes is 0; it must be at least 1"),
        ("[duplicates]\nthreshold = 7\n", "duplicates: threshold is 7.0; it is a Jaccard"),
        ("[ingest.read.file.fingerprint]\nshingle = 0\n", "a shingle has at least 1 token"),
        ("[split]\ntest = -1\n", "split: test is -1.0; it is a fraction: at least 0, at most 1"),
        ("[split]\nvalidation = nan\n", "split: validation is nan; it is a fraction"),
        ("[split]\nvalidation = 0\n", "split: validation is 0; no split may be empty"),
        ("[split]\nboilerplate = -5\n", "split: boilerplate is -5; it must be at least 1"),
        (
            "[ingest.read.archive]\ndepth = 0\n",
            "ingest.read.archive: depth is 0; it must be at least 1",
        ),
        (
            "[ingest.read.file]\nunparsable_share = nan\n",
            "ingest.read.file: unparsable_share is nan; it is a fraction",
        ),
        (
            '[ingest.read.file]\nleave_out = ["prose"]\n',
            "leave_out has 'prose', which is no language and no role; known are library, test",
        ),
        (
            "[ingest.read.file]\nunparsable_share = -1\n",
            "unparsable_share is -1.0; it is a fraction",
        ),
        (
            "[instruct.behaviour_module]\nshortest_module = -1\n",
            "shortest_module is -1; it must be at least 0",
        ),
        (
            "[instruct.behaviour_module]\nlongest_purpose = 9\n",
            "shortest_purpose is 60 and longest_purpose is 9; no length",
        ),
        (
            "[instruct.documentation_to_function]\nlongest_function = 9\n",
            "shortest_function is 60 and longest_function is 9;",
        ),
        ("[ingest.read.license]\npermitted = ['mit']\n", "license: 'mit' is .* mean MIT"),
        (
            "[ingest.read.license]\npermitted_extra = ['MPL2']\n",
            "license: 'MPL2' is .* mean MPL-2.0",
        ),
        ("[ingest.read.file.fingerprint]\npermutations = 9\n", "unknown key .*permutations"),
    ],
)
def test_what_cannot_be_used_is_named(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(BadConfiguration, match=message):
        load(write(tmp_path, text))


@pytest.mark.parametrize("key", ["file", "line_length", "encoded", "encoded_numbers"])
def test_a_limit_of_a_filter_is_above_zero(tmp_path: Path, key: str) -> None:
    with pytest.raises(BadConfiguration, match=f"filters: {key} is 0; it must be at least 1"):
        load(write(tmp_path, f"[ingest.read.file.filters]\n{key} = 0\n"))


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadConfiguration, match=r"absent\.toml: No such file"):
        load(tmp_path / "absent.toml")


def test_what_is_in_effect_is_printed_as_a_file_that_means_the_same(tmp_path: Path) -> None:
    given = write(
        tmp_path, '[split]\nsalt = "a \\"b\\" \\u007f ü"\n[duplicates]\nbands = [20, 6]\n'
    )
    config = load(given)
    text = dump(config)
    assert "bands = [20, 6]\n" in text
    assert load(write(tmp_path, text)) == config
    assert load(write(tmp_path, dump(BuildConfig()))) == BuildConfig()


def test_the_list_of_licences_may_be_a_name_or_a_file_beside_the_configuration(
    tmp_path: Path,
) -> None:
    (tmp_path / "ours.txt").write_text("MIT\nGPL-3.0-only\n")
    given = write(tmp_path, "[ingest.read.license]\npermitted = 'ours.txt'\n")
    config = load(given)
    assert config.ingest.read.license.permitted == {"MIT", "GPL-3.0-only"}
    assert 'permitted = ["GPL-3.0-only", "MIT"]' in dump(config)
    given = write(tmp_path, "[ingest.read.license]\npermitted = 'blueoak'\n")
    assert load(given) == BuildConfig()
    assert permitting(config, "blueoak") == BuildConfig()

    given = write(tmp_path, "[ingest.read.license]\npermitted = 'theirs.txt'\n")
    message = r"license\.permitted: 'theirs.txt' is no list .*No such file.*[^.]\. `python"
    with pytest.raises(BadConfiguration, match=message):
        load(given)


def test_a_list_of_licences_decides_what_a_release_holds(tmp_path: Path) -> None:
    store = ArchiveStore(tmp_path / "store")
    for name, license_id in (("cart", "MIT"), ("gnu", "GPL-3.0-only")):
        files = {"lib/a.ex": module(name.title(), f"{name}_one {name}_two")}
        add(store, name, files, licenses=(license_id,))
    (tmp_path / "ours.json").write_text('["GPL-3.0-only"]')
    config = permitting(BuildConfig(), str(tmp_path / "ours.json"))

    release = build(store, tmp_path / "out", config, LASTING)

    assert release.read("documents")["package"].to_pylist() == ["gnu"]
    verdicts = {row["package"]: row["verdict"] for row in release.read("licenses").to_pylist()}
    assert verdicts == {"cart": "refused", "gnu": "allowed"}


def test_exclusions_of_version_0_1_are_sent_to_the_ledger(tmp_path: Path) -> None:
    with pytest.raises(BadConfiguration, match="optout add --from"):
        load(write(tmp_path, "[[exclude]]\npackage = 'shop'\nreason = 'asked'\n"))


def test_the_command_shows_the_licences_that_a_build_would_permit() -> None:
    shown = CliRunner().invoke(app, ["config", "--licenses", "file-copyleft"])
    assert shown.exit_code == 0, shown.output
    assert "MPL-2.0" in tomllib.loads(shown.stdout)["ingest"]["read"]["license"]["permitted"]
    refused = CliRunner().invoke(app, ["config", "--licenses", "green"])
    assert refused.exit_code == 2
