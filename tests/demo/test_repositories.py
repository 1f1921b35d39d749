import shutil
import subprocess
from pathlib import Path

import pytest

from corpus.sources import snapshot
from demo.github_archive import packed
from demo.packages import PACKAGES, BadDescription, load_packages
from demo.repositories import REPOSITORIES, load_repositories

ALL = {each.name: each for each in load_repositories(load_packages())}
SOURCES = [REPOSITORIES / name / "source" for name in ("cronline", "ferry_board")]

needs_elixir = pytest.mark.skipif(
    shutil.which("elixir") is None, reason="elixir is missing; on Debian: apt-get install elixir"
)


def test_five_repositories_ship_with_the_project() -> None:
    assert {name: len(each.tree.files) for name, each in ALL.items()} == {
        "elixir-corpus-demo/cronline": 9,
        "elixir-corpus-demo/ferry_board": 15,
        "elixir-corpus-demo/morse_key": 6,
        "elixir-corpus-demo/pilot_log": 2,
        "elixir-corpus-demo/tide_tables": 3,
    }


def test_a_repository_has_the_files_of_its_package_and_more() -> None:
    (package,) = (each for each in load_packages() if each.name == "cronline")
    files = ALL["elixir-corpus-demo/cronline"].tree.files
    assert package.files.items() < files.items()
    assert files.keys() - package.files.keys() == {
        "bench/next.exs",
        "lib/cronline/words.ex",
        "test/cronline/words_test.exs",
    }
    assert package.metadata["links"] == {"GitHub": "https://github.com/elixir-corpus-demo/cronline"}


def test_each_can_be_packed_and_made_an_archive_of_the_store() -> None:
    for each in ALL.values():
        made = snapshot(packed(each.tree, each.commit, folder="folder"), each.commit)
        assert made.files == len(each.tree.files)


def test_a_commit_is_the_same_each_time_and_of_its_files() -> None:
    again = load_repositories(load_packages())
    assert [each.commit for each in again] == [each.commit for each in ALL.values()]
    assert len({each.commit for each in again}) == len(again)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("name = ", "not TOML"),
        ('name = "a/b"\ndescription = ""\nlanguage = "Elixir"\nforks = 3', "unknown key forks"),
        ('name = "a/b"', r"description is missing; see the head of demo/repositories\.py"),
    ],
)
def test_a_broken_description_is_explained(tmp_path: Path, text: str, complaint: str) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "repository.toml").write_text(text)
    with pytest.raises(BadDescription, match=complaint):
        load_repositories([], tmp_path)


@pytest.mark.toolchain
@needs_elixir
def test_the_repositories_pass_their_own_tests(tmp_path: Path) -> None:
    packages = [PACKAGES / name / "source" for name in ("cronline", "patience")]
    done = subprocess.run(
        [
            "elixir",
            Path(__file__).with_name("run_package_tests.exs"),
            tmp_path,
            *packages,
            *SOURCES,
        ],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "32 tests ran" in done.stdout


@pytest.mark.toolchain
@pytest.mark.skipif(shutil.which("erlc") is None, reason="erlc is missing; on Debian: erlang-base")
def test_the_one_in_erlang_passes_its_own_tests(tmp_path: Path) -> None:
    source = REPOSITORIES / "morse_key" / "source"
    files = [source / "src" / "morse_key.erl", source / "test" / "morse_key_tests.erl"]
    subprocess.run(["erlc", "-o", tmp_path, *files], check=True, timeout=60)
    code = 'io:format("~p~n", [eunit:test(morse_key)]), halt().'
    done = subprocess.run(
        ["erl", "-noshell", "-pa", tmp_path, "-eval", code],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.stdout.strip().endswith("ok"), done.stdout + done.stderr
