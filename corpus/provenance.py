"""What code and which tools made a release."""

import hashlib
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
"""What JSON holds."""

ROOT = Path(__file__).parent
DISTRIBUTION = "elixir-corpus"
RELEASE = ("corpus", "quality", "datacards", "pages", "elixir_corpus")
"""Packages whose source decides what a release holds, its report and card included."""
SOURCE = frozenset({".py", ".json", ".toml", ".txt", ".j2", ".css"})
TOOLS = ("datasketch", "license-expression", "licenseclassifier", "licenselynx", "numpy", "pyarrow")
GRAMMARS = ("tree-sitter", "tree-sitter-elixir", "tree-sitter-language-pack")


def code_version() -> str:
    """Return the version of this distribution."""
    return version(DISTRIBUTION)


@cache
def code_commit() -> str | None:
    """Return the commit of our own checkout; None where there is none, or it was changed.

    A copy inside another repository, as an installed package is, has no commit: that repository's
    says nothing of this code. Ours has our pyproject.toml at its top and tracks this very file.
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
    """Tell whether a folder holds the pyproject.toml of this project."""
    try:
        told = tomllib.loads((top / "pyproject.toml").read_text(encoding="utf-8"))
        return bool(told["project"]["name"] == DISTRIBUTION)
    except (OSError, ValueError, KeyError, TypeError):
        return False


@cache
def code_digest(packages: tuple[str, ...]) -> str:
    """Digest the source of some packages, so that results of other code are never reused."""
    digest = hashlib.sha256()
    for path in sorted(path for name in packages for path in (ROOT.parent / name).rglob("*")):
        if path.suffix in SOURCE:
            digest.update(path.relative_to(ROOT.parent).as_posix().encode() + b"\0")
            digest.update(path.read_bytes() + b"\0")
    return digest.hexdigest()


def tool_versions() -> dict[str, str]:
    """Return the versions of the libraries that can change a release's bytes."""
    return {name: version(name) for name in (*TOOLS, *GRAMMARS)}


def digest_of(*values: object) -> str:
    """Digest values with a canonical JSON form; a frozen configuration counts as its fields."""
    return hashlib.sha256(canonical_json(plain(values))).hexdigest()


def plain_fields(config: "DataclassInstance") -> dict[str, Plain]:
    """Return the fields of a configuration as JSON holds them."""
    return {name: plain(value) for name, value in asdict(config).items()}


def plain(value: object) -> Plain:
    """Turn configurations, paths and sets into what JSON holds; sets are sorted as text.

    Raises TypeError for what has no place there.
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
    # Without GIT_DIR and its like, which name a repository whatever folder is asked about, and
    # without the program that a repository may want to be run for `status`.
    command = ["git", "-C", str(ROOT), "-c", "core.fsmonitor=false", *arguments]
    ours = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=True, env=ours)
    except (OSError, subprocess.CalledProcessError):
        return None
    return done.stdout.strip()
