from pathlib import Path

import pytest

from crawler.arguments import InvalidArgument, Order, read_order, read_policy, read_repository
from crawler.versions import Selection

KEY = str(Path(__file__).parents[2] / "crawler" / "hex_pm_public_key.pem")
SETTINGS = {
    "HEX_REPO_URL": "https://repo.hex.pm/",
    "HEX_PUBLIC_KEY": KEY,
    "HEX_REPOSITORY_NAME": "hexpm",
    "ARCHIVE_STORE": "archives",
}


@pytest.mark.parametrize(
    "text",
    [
        *("http://[::1", "http://localhost:99999", "http://localhost:abc", "http://localhost:0"),
        *("http://user:secret@localhost", "http://localhost?key=1", "http://localhost#top"),
        *("localhost", "ftp://localhost", "http://", ""),
    ],
)
def test_what_is_no_address_is_told(text: str) -> None:
    with pytest.raises(InvalidArgument, match=r"HEX_REPO_URL: expected an address such as https"):
        read_repository({**SETTINGS, "HEX_REPO_URL": text})


def test_a_store_at_a_url_is_refused_and_a_file_url_is_a_path() -> None:
    with pytest.raises(InvalidArgument, match=r"ARCHIVE_STORE: .*copy-archives FOLDER memory://a"):
        read_repository({**SETTINGS, "ARCHIVE_STORE": "memory://a"})
    with pytest.raises(InvalidArgument, match="ARCHIVE_STORE: s4://a: "):
        read_repository({**SETTINGS, "ARCHIVE_STORE": "s4://a"})
    assert str(read_repository({**SETTINGS, "ARCHIVE_STORE": "file:///srv/a"}).store) == "/srv/a"


def test_a_store_without_a_name_is_not_the_current_folder() -> None:
    with pytest.raises(InvalidArgument, match="ARCHIVE_STORE: expected a folder such as archives"):
        read_repository({**SETTINGS, "ARCHIVE_STORE": ""})


def test_without_arguments_the_latest_version_of_everything_is_ordered() -> None:
    assert read_order({}) == Order(packages=None, limit=None, selection=Selection())


def test_arguments_are_read() -> None:
    assert read_order(
        {
            "packages": "plug, ecto,plug,bcrypt_Elixir2",
            "limit": "7",
            "versions": "all",
            "prereleases": "Yes",
            "retired": "true",
        }
    ) == Order(
        packages=("plug", "ecto", "bcrypt_Elixir2"),
        limit=7,
        selection=Selection(count=None, prereleases=True, retired=True),
    )
    assert read_order({"versions": "3"}).selection.count == 3


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("package", "plug", "package: no such argument. There are:\n  packages     only these"),
        ("package", "plug", "\n  retired      yes to also fetch retired releases$"),
        ("packages", " , ", "give at least one"),
        ("packages", "plug ecto", "'plug ecto' is not a valid name of a Hex package"),
        ("packages", "Plug", "not a valid name of a Hex package .a lower-case letter, then"),
        ("packages", "plüg", "is not a valid name of a Hex package"),
        ("packages", "../etc", "is not a valid name of a Hex package"),
        ("limit", "0", "limit: expected a whole number from 1, found '0'"),
        ("limit", "²", "expected a whole number"),
        ("versions", "-1", "versions: expected latest, all or a whole number from 1"),
        ("retired", "maybe", "retired: expected yes or no, found 'maybe'"),
    ],
)
def test_a_wrong_argument_is_told_with_what_would_be_right(
    name: str, value: str, words: str
) -> None:
    with pytest.raises(InvalidArgument, match=words):
        read_order({name: value})


def test_hex_pm_comes_with_its_api_and_no_other_repository_does() -> None:
    assert read_repository(SETTINGS).url == "https://repo.hex.pm"
    assert read_repository(SETTINGS).api_url == "https://hex.pm/api"
    assert read_repository({**SETTINGS, "HEX_API_URL": ""}).api_url is None
    elsewhere = {**SETTINGS, "HEX_REPO_URL": "http://127.0.0.1:4000"}
    assert read_repository(elsewhere).api_url is None
    asked = {**elsewhere, "HEX_API_URL": "http://127.0.0.1:4000/api/"}
    assert read_repository(asked).api_url == "http://127.0.0.1:4000/api"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("HEX_REPO_URL", "repo.hex.pm"),
        ("HEX_REPO_URL", "file:///srv/hex"),
        ("HEX_API_URL", "https://"),
        ("HEX_REPOSITORY_NAME", "../hexpm"),
    ],
)
def test_a_wrong_setting_is_told_by_its_name(name: str, value: str) -> None:
    with pytest.raises(InvalidArgument, match=name):
        read_repository({**SETTINGS, name: value})


def test_more_licences_may_be_permitted_by_their_ids() -> None:
    assert read_policy({"PERMITTED_LICENSES": "MPL-2.0, EPL-2.0"}).permits("EPL-2.0")
    assert not read_policy({"PERMITTED_LICENSES": ""}).permits("MPL-2.0")
    for text in ("MPL 2.0", "EPL-2.0,MPL-2"):
        with pytest.raises(InvalidArgument, match=r"^PERMITTED_LICENSES: 'MPL.*mean MPL-2\.0\)"):
            read_policy({"PERMITTED_LICENSES": text})


def test_the_policy_of_a_crawl_is_a_list_by_name_or_path_and_more_ids(tmp_path: Path) -> None:
    ours = tmp_path / "ours.txt"
    ours.write_text("ISC\n")
    policy = read_policy({"LICENSE_POLICY": str(ours), "PERMITTED_LICENSES": "MPL-2.0"})
    assert policy.permits("ISC")
    assert policy.permits("MPL-2.0")
    assert not policy.permits("MIT")
    assert read_policy({"LICENSE_POLICY": "file-copyleft"}).permits("MPL-2.0")
    with pytest.raises(InvalidArgument, match=r"^LICENSE_POLICY: 'gpl' is no list .*blueoak"):
        read_policy({"LICENSE_POLICY": "gpl"})
