"""constraints.txt pins everything that an installation brings, so that two are the same."""

import os
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, metadata, requires, version
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

PROJECT = Path(__file__).parents[1]
CONSTRAINTS = PROJECT / "constraints.txt"
FOR_GPUS = PROJECT / "constraints-gpu.txt"
ASKED = "Requires-Python"


def pinned(file: Path = CONSTRAINTS) -> dict[str, str]:
    lines = file.read_text(encoding="utf-8").splitlines()
    pairs = (re.split("==", line) for line in lines if not line.startswith("#"))
    return {canonicalize_name(name): number for name, number in pairs}


def needed(name: str, extras: frozenset[str], seen: set[tuple[str, str]]) -> Iterator[str]:
    """Yield what a distribution needs here, and what that needs, each name as it comes."""
    for line in requires(name) or ():
        requirement = Requirement(line)
        marker = requirement.marker
        if marker and not any(marker.evaluate({"extra": extra}) for extra in {"", *extras}):
            continue
        key = (canonicalize_name(requirement.name), ",".join(sorted(requirement.extras)))
        if key not in seen:
            seen.add(key)
            yield key[0]
            yield from needed(requirement.name, frozenset(requirement.extras), seen)


def installed(name: str) -> str | None:
    try:
        return version(name).partition("+")[0]  # what follows tells one build from another
    except PackageNotFoundError:
        return None


def test_everything_that_is_installed_is_pinned_at_its_version() -> None:
    extras = frozenset({"dev", "train-cpu"})
    names = sorted(set(needed("elixir-corpus", extras, set())) - {"elixir-corpus"})
    assert len(names) > 80
    pins = pinned()
    found = {name: installed(name) for name in names}
    assert {name: number for name, number in found.items() if pins.get(name) != number} == {}


def test_everything_that_is_pinned_can_be_installed_on_the_oldest_python() -> None:
    """Debian 12 has 3.11.2, and some libraries ask for a later 3.11."""
    project = tomllib.loads((PROJECT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert project["requires-python"] == ">=3.11"
    names = {name for name in pinned() if installed(name) is not None}
    assert {"pymdown-extensions", "scrapy", "torch"} <= names
    told = {name: metadata(name) for name in names}
    asked = {name: each[ASKED] for name, each in told.items() if ASKED in each}
    assert {n: each for n, each in asked.items() if not SpecifierSet(each).contains("3.11.0")} == {}


def test_a_machine_with_a_gpu_gets_all_that_one_without_gets() -> None:
    project = tomllib.loads((PROJECT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = {
        extra: {
            (requirement.name, floor.version)
            for requirement in map(Requirement, project["optional-dependencies"][extra])
            for floor in requirement.specifier
            if floor.operator == ">="
        }
        for extra in ("train", "train-cpu")
    }
    assert ("gguf", "0.19") in extras["train-cpu"]
    assert extras["train-cpu"] - extras["train"] == set()


def test_what_a_machine_with_a_gpu_gets_is_pinned_within_the_ranges_that_are_asked_for() -> None:
    project = tomllib.loads((PROJECT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    pins = pinned(FOR_GPUS)
    lines = [*project["dependencies"], *project["optional-dependencies"]["train"]]
    for requirement in map(Requirement, lines):
        assert requirement.specifier.contains(pins[canonicalize_name(requirement.name)]), str(
            requirement
        )


@pytest.mark.skipif(
    not os.environ.get("CI"), reason="asks the package index, for a minute; CI does"
)
@pytest.mark.timeout(900)
def test_what_is_pinned_for_a_machine_with_a_gpu_resolves() -> None:
    asked = ["install", "--dry-run", "--ignore-installed", "--quiet", "--constraint", str(FOR_GPUS)]
    done = subprocess.run(
        [sys.executable, "-m", "pip", *asked, f"{PROJECT}[train]"], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr[-2000:]
