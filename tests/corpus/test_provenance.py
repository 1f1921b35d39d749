import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from corpus.provenance import RELEASE, code_digest


def test_what_judges_and_tells_a_release_is_part_of_its_code() -> None:
    assert code_digest(RELEASE) != code_digest(("corpus",))
    assert code_digest(RELEASE) != code_digest(("corpus", "quality"))
    assert code_digest(RELEASE) != code_digest(("corpus", "quality", "datacards"))


PROJECT = Path(__file__).parents[2]
PYPROJECT = '[project]\nname = "elixir-corpus"\nversion = "0"\n'


def git(folder: Path, *arguments: str) -> str:
    identity = ["-c", "user.name=Ada", "-c", "user.email=ada@example.org"]
    ours = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    command = ["git", "-C", str(folder), *identity, *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True, env=ours).stdout


def repository(folder: Path, *, tracked: bool, pyproject: str | None) -> str:
    """Make a repository that holds a copy of the package; return its commit."""
    folder.mkdir()
    (folder / "README.md").write_text("ours\n")
    git(folder, "init", "-q")
    git(folder, "add", "README.md")
    for path in (PROJECT / "corpus").glob("*.py"):
        (folder / "corpus").mkdir(exist_ok=True)
        shutil.copy(path, folder / "corpus")
    if pyproject is not None:
        (folder / "pyproject.toml").write_text(pyproject)
    if tracked:
        git(folder, "add", ".")
    git(folder, "commit", "-q", "-m", "one")
    return git(folder, "rev-parse", "HEAD").strip()


def commit_told(folder: Path, **environment: str) -> str:
    """Return the commit that the copy in a folder takes for its own."""
    code = "from corpus.provenance import code_commit; print(code_commit())"
    command = [sys.executable, "-B", "-c", code]
    environment = {**os.environ, "PYTHONPATH": str(folder), **environment}
    done = subprocess.run(
        command, check=True, capture_output=True, text=True, cwd=folder, env=environment
    )
    return done.stdout.strip()


@pytest.mark.parametrize("tracked", [True, False])
@pytest.mark.parametrize(
    "pyproject", [None, '[project]\nname = "shop"\n', "no TOML", "project = 1"]
)
def test_a_copy_inside_a_foreign_repository_has_no_commit(
    tmp_path: Path, tracked: bool, pyproject: str | None
) -> None:
    repository(tmp_path / "foreign", tracked=tracked, pyproject=pyproject)
    assert commit_told(tmp_path / "foreign") == "None"


def test_a_copy_below_a_checkout_of_ours_has_no_commit(tmp_path: Path) -> None:
    repository(tmp_path / "ours", tracked=True, pyproject=PYPROJECT)
    below = tmp_path / "ours" / "site-packages"
    shutil.copytree(tmp_path / "ours" / "corpus", below / "corpus")
    assert commit_told(below) == "None"


def test_a_copy_that_a_checkout_does_not_track_has_no_commit(tmp_path: Path) -> None:
    repository(tmp_path / "ours", tracked=False, pyproject=PYPROJECT)
    assert commit_told(tmp_path / "ours") == "None"


def test_our_own_checkout_has_its_commit_until_it_is_changed(tmp_path: Path) -> None:
    commit = repository(tmp_path / "ours", tracked=True, pyproject=PYPROJECT)
    assert commit_told(tmp_path / "ours") == commit
    (tmp_path / "ours" / "README.md").write_text("changed\n")
    assert commit_told(tmp_path / "ours") == "None"


def test_variables_that_name_another_repository_change_nothing(tmp_path: Path) -> None:
    commit = repository(tmp_path / "ours", tracked=True, pyproject=PYPROJECT)
    repository(tmp_path / "foreign", tracked=True, pyproject=PYPROJECT)
    shutil.copytree(tmp_path / "ours" / "corpus", tmp_path / "alone" / "corpus")
    foreign = {
        "GIT_DIR": str(tmp_path / "foreign" / ".git"),
        "GIT_WORK_TREE": str(tmp_path / "foreign"),
    }
    assert commit_told(tmp_path / "ours", **foreign) == commit
    assert commit_told(tmp_path / "alone", **foreign) == "None"
