"""The repositories of GitHub that the demo ships, read from their folders.

    repositories/NAME/repository.toml    what GitHub would know of it
    repositories/NAME/source/            its files

repository.toml has `name` (OWNER/NAME), `description`, `language`, `stars`, `topics`, `submodules`,
`license_text`, `license_path` and `files` as package.toml has them, and `package`, the name of a
package of the demo whose files the repository has too.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from crawler.versions import Version
from demo.github_archive import Tree
from demo.github_host import Repository
from demo.packages import (
    PUBLISHED_AT,
    MadeFile,
    PackageVersion,
    files_below,
    license_text,
    read_description,
)

REPOSITORIES = Path(__file__).with_name("repositories")
FIRST_ID = 900_000_001
"""The number of the first repository; the others follow."""
A_DAY = 86_400
CREATED_AT, PUSHED_AT = PUBLISHED_AT - 700 * A_DAY, PUBLISHED_AT + 2 * A_DAY
"""Seconds since the epoch: long before the packages were published, and after it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Description:
    """What repository.toml says."""

    name: str
    description: str
    language: str
    stars: int = 0
    topics: tuple[str, ...] = ()
    package: str | None = None
    submodules: tuple[str, ...] = ()
    license_text: str | None = None
    license_path: str = "LICENSE"
    files: tuple[MadeFile, ...] = ()


def load_repositories(
    packages: Iterable[PackageVersion], root: Path = REPOSITORIES
) -> list[Repository]:
    """Read every repository under `root`, sorted by folder. Raises BadDescription."""
    folders = sorted(path.parent for path in root.glob("*/repository.toml"))
    known = sorted(packages, key=lambda each: Version.parse(each.version))
    newest = {each.name: each for each in known}
    return [
        read_repository(folder, newest, FIRST_ID + place) for place, folder in enumerate(folders)
    ]


def read_repository(folder: Path, newest: Mapping[str, PackageVersion], id: int) -> Repository:
    """Read one repository; `newest` has packages by name. Raises BadDescription."""
    told = read_description(folder / "repository.toml", Description)
    files = dict(newest[told.package].files) if told.package else {}
    files |= files_below(folder / "source")
    files |= {each.path: each.written() for each in told.files}
    if told.license_text:
        files[told.license_path] = license_text(told.license_text)
    return Repository(
        id=id,
        name=told.name,
        description=told.description,
        language=told.language,
        stars=told.stars,
        topics=told.topics,
        created_at=at(CREATED_AT),
        pushed_at=at(PUSHED_AT),
        tree=Tree(files=files, submodules=told.submodules),
    )


def at(seconds: int) -> str:
    """Return seconds since the epoch as GitHub writes a time."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
