"""The recipes of CONTRIBUTING.md, applied to a copy of the project: their checks pass."""

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.project import PROJECT

BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
RECIPES = dict(
    re.findall(
        r"^### (.+?)\n(.*?)(?=^### |\Z)",
        (PROJECT / "CONTRIBUTING.md").read_text(encoding="utf-8"),
        re.MULTILINE | re.DOTALL,
    )
)


def copy_project(folder: Path) -> None:
    """Copy every file that git knows of or does not ignore, with what Python compiled of it.

    To compile it again for every recipe takes as long as its checks.
    """
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=True)
    for name in filter(None, listed.stdout.split("\0")):
        if (PROJECT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(PROJECT / name, folder / name)  # with the time that bytecode is held to
    for compiled in PROJECT.glob("*/**/__pycache__/*.pyc"):
        copied = folder / compiled.relative_to(PROJECT)
        if copied.parents[1].is_dir():
            copied.parent.mkdir(exist_ok=True)
            shutil.copy2(compiled, copied)


def apply(diff: str, folder: Path) -> None:
    """Apply a diff whose hunks have no line numbers: what each replaces stands there once."""
    _, target, *lines = diff.splitlines()
    path = folder / target.removeprefix("+++ b/")
    text = path.read_text(encoding="utf-8")
    for hunk in "\n".join(lines).split("\n@@\n"):
        rows = [(line[:1], line[1:]) for line in hunk.split("\n")]
        before = "\n".join(row for sign, row in rows if sign != "+")
        after = "\n".join(row for sign, row in rows if sign != "-")
        assert text.count(before) == 1, f"{target} holds this {text.count(before)} times:\n{before}"
        text = text.replace(before, after)
    path.write_text(text, encoding="utf-8")


def create(source: str, folder: Path) -> None:
    """Write a new file; its first line is a comment that says where."""
    head, _, text = source.partition("\n")
    path = folder / head.removeprefix("# ")
    assert not path.exists(), f"{head} is there already"
    path.write_text(text, encoding="utf-8")


def run(line: str, folder: Path) -> subprocess.CompletedProcess[str]:
    program, *arguments = shlex.split(line)
    assert program == ".venv/bin/pytest"
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *arguments],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(folder)},
        capture_output=True,
        text=True,
        check=False,
    )


def test_there_is_a_recipe_for_each_thing_that_people_add() -> None:
    assert list(RECIPES) == [
        "Add a filter",
        "Add a kind of instruction",
        "Add a source",
        "Add a table",
    ]


@pytest.mark.parametrize("recipe", RECIPES)
def test_a_recipe_works_as_written(recipe: str, tmp_path: Path) -> None:
    copy_project(tmp_path)
    checks = []
    for language, block in BLOCK.findall(RECIPES[recipe]):
        if language == "diff":
            apply(block.removesuffix("\n"), tmp_path)
        elif language == "python":
            create(block, tmp_path)
        else:
            checks += block.splitlines()
    assert checks
    for check in checks:
        done = run(check, tmp_path)
        assert done.returncode == 0, done.stdout + done.stderr
        assert " passed" in done.stdout
