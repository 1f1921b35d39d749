"""The packages that the demo ships, read from their folders.

    packages/NAME/package.toml    what Hex would know of it, and how its versions differ
    packages/NAME/source/         the files of the newest version
    packages/NAME/VERSION/        files that an older version has in their place

package.toml has `name`, `description`, `licenses`, `elixir`, `build_tools`, `links`, tables of
`requirements` and `versions`, and three keys that make files: `license_text` (a name in licenses/),
`license_path` (LICENSE unless given), and `files`, for bytes that git or an editor would mend.
"""

import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from corpus.errors import CorpusError
from crawler.registry import Retirement
from demo.hex_repository import Publication, publish
from demo.hex_tarball import Term

PACKAGES = Path(__file__).with_name("packages")
LICENSES = Path(__file__).with_name("licenses")
COPYRIGHT = "Copyright (c) 2026 The Elixir Corpus demo authors"
PUBLISHED_AT = 1_790_000_000
"""Seconds since the epoch (21 September 2026), the same for all: a demo has no history."""

DESCRIBING = ("description", "licenses", "elixir", "build_tools", "links")
"""Keys that go into the metadata as they are."""
KNOWN = {*DESCRIBING, "name", "license_text", "license_path", "files", "requirements", "versions"}


class BadPackage(CorpusError):
    """A package folder that cannot be read."""

    def __init__(self, folder: Path, detail: str) -> None:
        super().__init__(f"{folder / 'package.toml'}: {detail}; see the head of demo/packages.py.")


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
    """Read every package under `root`, sorted by folder. Raises BadPackage."""
    folders = sorted(path.parent for path in root.glob("*/package.toml"))
    return [version for folder in folders for version in load_package(folder)]


def load_package(folder: Path) -> list[PackageVersion]:
    """Read one package, its versions in the order of package.toml. Raises BadPackage."""
    try:
        described = tomllib.loads((folder / "package.toml").read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise BadPackage(folder, f"not TOML: {error}") from error
    if unknown := sorted(described.keys() - KNOWN):
        raise BadPackage(folder, f"unknown key {unknown[0]}")
    if missing := sorted({"name", "versions"} - described.keys()):
        raise BadPackage(folder, f"{missing[0]} is missing")
    return [read_version(folder, described, each) for each in described["versions"]]


def read_version(
    folder: Path, described: Mapping[str, Any], version: Mapping[str, Any]
) -> PackageVersion:
    """Put one version together."""
    files = {**files_below(folder / "source"), **dict(made_files(described.get("files", ())))}
    files |= files_below(folder / version["overlay"]) if "overlay" in version else {}
    for path in version.get("absent", ()):
        del files[path]
    if "license_text" in described:
        files[described.get("license_path", "LICENSE")] = license_text(described["license_text"])
    retirement = version.get("retirement")
    return PackageVersion(
        name=described["name"],
        version=version["version"],
        metadata=metadata_of(described, version["version"]),
        files=files,
        retirement=Retirement(**retirement) if retirement else None,
    )


def metadata_of(described: Mapping[str, Any], version: str) -> dict[str, Term]:
    """Return what metadata.config says."""
    requirements: dict[str, Term] = {
        each["name"]: {
            "app": each["name"],
            "optional": each.get("optional", False),
            "requirement": each["requirement"],
            "repository": "hexpm",
        }
        for each in described.get("requirements", ())
    }
    named: dict[str, Term] = {"name": described["name"], "version": version}
    known = {key: described[key] for key in DESCRIBING if key in described}
    return {**named, **known, "requirements": requirements}


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


def made_files(descriptions: Sequence[Mapping[str, Any]]) -> Iterator[tuple[str, bytes]]:
    """Write the files that package.toml describes: their parts, line ends and encoding."""
    for described in descriptions:
        parts = described.get("parts", [described])
        text = "".join(written for part in parts for written in repeated(part))
        text = text.replace("\n", described.get("newline", "\n"))
        yield described["path"], text.encode(described.get("encoding", "utf-8"))


def repeated(part: Mapping[str, Any]) -> Iterator[str]:
    """Write a part as often as it asks for; `{n}` in a repeated one is the number of the copy."""
    if "repeat" not in part:
        yield part["text"]
        return
    for number in range(part["repeat"]):
        yield part["text"].replace("{n}", str(number))
