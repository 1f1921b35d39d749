"""The packages that the demo ships, read from their folders.

    packages/NAME/package.toml    what Hex would know of it, and how its versions differ
    packages/NAME/source/         the files of the newest version
    packages/NAME/VERSION/        files that an older version has in their place

package.toml has `name`, `description`, `licenses`, `elixir`, `build_tools`, `links`, tables of
`requirements` and `versions`, and three keys that make files: `license_text` (a name in licenses/),
`license_path` (LICENSE unless given), and `files`, for bytes that git or an editor would mend.
"""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TypeVar

from corpus.errors import CorpusError
from crawler.registry import Retirement
from demo.hex_repository import Publication, publish
from demo.hex_tarball import Term

PACKAGES = Path(__file__).with_name("packages")
LICENSES = Path(__file__).with_name("licenses")
COPYRIGHT = "Copyright (c) 2026 The Elixir Corpus demo authors"
PUBLISHED_AT = 1_790_000_000
"""Seconds since the epoch (21 September 2026), the same for all: a demo has no history."""


class BadDescription(CorpusError):
    """A file that describes a package or a repository of the demo cannot be read."""

    def __init__(self, path: Path, detail: str) -> None:
        module = "packages" if path.name == "package.toml" else "repositories"
        super().__init__(f"{path}: {detail}; see the head of demo/{module}.py.")


@dataclass(frozen=True, kw_only=True, slots=True)
class TextPart:
    """A text, `repeat` times; `{n}` in a repeated one is the number of the copy."""

    text: str
    repeat: int | None = None

    def __str__(self) -> str:
        if self.repeat is None:
            return self.text
        return "".join(self.text.replace("{n}", str(number)) for number in range(self.repeat))


@dataclass(frozen=True, kw_only=True, slots=True)
class MadeFile:
    """A file that package.toml describes: its text or its parts, line ends and encoding."""

    path: str
    text: str = ""
    repeat: int | None = None
    parts: tuple[TextPart, ...] = ()
    newline: str = "\n"
    encoding: str = "utf-8"

    def written(self) -> bytes:
        """Return its bytes."""
        parts = self.parts or (TextPart(text=self.text, repeat=self.repeat),)
        return "".join(map(str, parts)).replace("\n", self.newline).encode(self.encoding)


@dataclass(frozen=True, kw_only=True, slots=True)
class Needed:
    """A package that is required."""

    name: str
    requirement: str
    optional: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Edition:
    """A version, with the folder that lies over the source and the files that it lacks."""

    version: str
    overlay: str | None = None
    absent: tuple[str, ...] = ()
    retirement: Retirement | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Description:
    """What package.toml says."""

    name: str
    versions: tuple[Edition, ...]
    description: str | None = None
    licenses: list[str] | None = None
    elixir: str | None = None
    build_tools: list[str] | None = None
    links: dict[str, str] | None = None
    license_text: str | None = None
    license_path: str = "LICENSE"
    files: tuple[MadeFile, ...] = ()
    requirements: tuple[Needed, ...] = ()

    def metadata(self, version: str) -> dict[str, Term]:
        """Return what metadata.config says of a version."""
        told: dict[str, Term | None] = {
            "description": self.description,
            "licenses": self.licenses,
            "elixir": self.elixir,
            "build_tools": self.build_tools,
            "links": self.links,
        }
        requirements: dict[str, Term] = {
            each.name: {
                "app": each.name,
                "optional": each.optional,
                "requirement": each.requirement,
                "repository": "hexpm",
            }
            for each in self.requirements
        }
        named: dict[str, Term] = {"name": self.name, "version": version}
        known = {key: value for key, value in told.items() if value is not None}
        return {**named, **known, "requirements": requirements}


@dataclass(frozen=True, kw_only=True, slots=True)
class PackageVersion:
    """One version of a package as it is to be packed: metadata and files by path."""

    name: str
    version: str
    metadata: Mapping[str, Term]
    files: Mapping[str, bytes]
    retirement: Retirement | None = None

    def publication(self) -> Publication:
        """Pack it, ready for `demo.hex_repository.write_repository`."""
        return publish(
            self.metadata, self.files, retirement=self.retirement, published_at=PUBLISHED_AT
        )


def load_packages(root: Path = PACKAGES) -> list[PackageVersion]:
    """Read every package under `root`, sorted by folder. Raises BadDescription."""
    folders = sorted(path.parent for path in root.glob("*/package.toml"))
    return [version for folder in folders for version in load_package(folder)]


def load_package(folder: Path) -> list[PackageVersion]:
    """Read one package, its versions in the order of package.toml. Raises BadDescription."""
    described = read_description(folder / "package.toml", Description)
    return [read_version(folder, described, each) for each in described.versions]


Described = TypeVar("Described")


def read_description(path: Path, kind: type[Described]) -> Described:
    """Read a TOML file as a dataclass. Raises BadDescription."""
    from pydantic import TypeAdapter, ValidationError

    try:
        told = tomllib.loads(path.read_text(encoding="utf-8"))
        known = {field.name for field in fields(kind)}  # type: ignore[arg-type]
        if unknown := sorted(told.keys() - known):
            raise BadDescription(path, f"unknown key {unknown[0]}")
        return TypeAdapter(kind).validate_python(told)
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise BadDescription(path, f"not TOML: {error}") from error
    except ValidationError as error:
        first = error.errors()[0]
        if first["type"] == "missing":
            raise BadDescription(path, f"{first['loc'][0]} is missing") from error
        raise BadDescription(path, f"{'.'.join(map(str, first['loc']))}: {first['msg']}") from error


def read_version(folder: Path, described: Description, edition: Edition) -> PackageVersion:
    """Put one version together."""
    files = files_below(folder / "source")
    files |= {each.path: each.written() for each in described.files}
    files |= files_below(folder / edition.overlay) if edition.overlay else {}
    for path in edition.absent:
        del files[path]
    if described.license_text:
        files[described.license_path] = license_text(described.license_text)
    return PackageVersion(
        name=described.name,
        version=edition.version,
        metadata=described.metadata(edition.version),
        files=files,
        retirement=edition.retirement,
    )


def files_below(folder: Path) -> dict[str, bytes]:
    """Return all files of a folder by their relative path."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def license_text(name: str) -> bytes:
    """Return a licence's text with the copyright line of the demo."""
    text = (LICENSES / f"{name}.txt").read_text(encoding="utf-8")
    return text.replace("{copyright}", COPYRIGHT).encode()
