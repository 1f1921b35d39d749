"""The code and the tools that made a release."""

import hashlib
import json
import os
import subprocess
import tomllib
from dataclasses import asdict, is_dataclass
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

from corpus.atomic import canonical_json

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

Plain = None | bool | int | float | str | list["Plain"] | dict[str, "Plain"]
"""A value of JSON."""

ROOT = Path(__file__).parent
DISTRIBUTION = "elixir-corpus"
RELEASE = ("corpus", "quality", "datacards", "pages", "sandbox", "elixir_corpus")
"""Packages whose source determines the content of a release, including its report and card."""
SOURCE = frozenset({".py", ".exs", ".json", ".toml", ".txt", ".j2", ".css"})
TOOLS = (
    *("cyclonedx-python-lib", "datasketch", "hyperscan", "isal"),
    *("kingfisher-secret-scanner", "license-expression", "licenseclassifier", "licenselynx"),
    *("mistral-common", "numpy", "packageurl-python", "py-serializable", "pyarrow", "tiktoken"),
)
IMPORTED_AS = {
    "cyclonedx-python-lib": "cyclonedx",
    "kingfisher-secret-scanner": "kingfisher_sdk",
    "packageurl-python": "packageurl",
}
"""The packages of those libraries that have another name than their distribution."""
PERMISSIVE_LIST = "@blueoak/list"
"""The list of permissive licences, which is the default policy."""
PERMISSIVE = Path(__file__).parent / "licenses" / "permissive.json"
GRAMMARS = ("tree-sitter", "tree-sitter-elixir", "tree-sitter-language-pack")


def code_version() -> str:
    """Return the version of this distribution."""
    return version(DISTRIBUTION)


@cache
def code_commit() -> str | None:
    """Return the commit of this project's checkout; None without a checkout, or if it was changed.

    A copy inside another repository, such as an installed package, has no commit, because that
    repository's commit is not of this code. This project's repository has its pyproject.toml at the
    top and tracks this file.
    """
    top = _git("rev-parse", "--show-toplevel")
    if top is None or Path(top).resolve() != ROOT.parent.resolve() or not _is_ours(Path(top)):
        return None
    if _git("ls-files", "--error-unmatch", "--", __file__) is None:
        return None
    if _git("status", "--porcelain", "--untracked-files=no") != "":
        return None
    return _git("rev-parse", "HEAD")


def _is_ours(top: Path) -> bool:
    """Return whether a folder has the pyproject.toml of this project."""
    try:
        told = tomllib.loads((top / "pyproject.toml").read_text(encoding="utf-8"))
        return bool(told["project"]["name"] == DISTRIBUTION)
    except (OSError, ValueError, KeyError, TypeError):
        return False


@cache
def code_digest(packages: tuple[str, ...]) -> str:
    """Digest the source of some packages, so that results of different code are never reused."""
    digest = hashlib.sha256()
    for path in sorted(path for name in packages for path in (ROOT.parent / name).rglob("*")):
        if path.suffix in SOURCE:
            digest.update(path.relative_to(ROOT.parent).as_posix().encode() + b"\0")
            digest.update(path.read_bytes() + b"\0")
    return digest.hexdigest()


@cache
def tool_versions() -> dict[str, str]:
    """Return the versions of the libraries that can change a release's bytes."""
    found = {name: version(name) for name in (*TOOLS, *GRAMMARS)}
    return {**found, PERMISSIVE_LIST: json.loads(PERMISSIVE.read_bytes())["version"]}


def package_of(tool: str) -> str:
    """Return the name by which a library of `tool_versions` is imported."""
    return IMPORTED_AS.get(tool, tool.replace("-", "_"))


def digest_of(*values: object) -> str:
    """Digest values with a canonical JSON form; a frozen configuration counts as its fields."""
    return hashlib.sha256(canonical_json(plain(values))).hexdigest()


def plain_fields(config: "DataclassInstance") -> dict[str, Plain]:
    """Return the fields of a configuration as values of JSON."""
    return {name: plain(value) for name, value in asdict(config).items()}


def plain(value: object) -> Plain:
    """Convert configurations, paths and sets to values of JSON; sets are sorted as text.

    Raises TypeError for other types.
    """
    if is_dataclass(value) and not isinstance(value, type):
        return plain_fields(value)
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, set | frozenset):
        return sorted(map(plain, value), key=str)
    if isinstance(value, tuple | list):
        return [plain(item) for item in value]
    if isinstance(value, Path):
        return str(value)
    if value is None or isinstance(value, str | int | float):
        return value
    raise TypeError(f"{value!r} has no place in JSON")


def _git(*arguments: str) -> str | None:
    # Without GIT_DIR and similar variables, which name a repository regardless of the folder, and
    # without the program that a repository may configure for `status`.
    command = ["git", "-C", str(ROOT), "-c", "core.fsmonitor=false", *arguments]
    ours = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=True, env=ours)
    except (OSError, subprocess.CalledProcessError):
        return None
    return done.stdout.strip()
