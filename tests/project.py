"""Where the project lies, and the packages that it ships."""

import tomllib
from pathlib import Path

PROJECT = Path(__file__).parents[1]

with (PROJECT / "pyproject.toml").open("rb") as file:
    _found = tomllib.load(file)["tool"]["setuptools"]["packages"]["find"]["include"]
PACKAGES: tuple[str, ...] = tuple(name.removesuffix("*") for name in _found)
