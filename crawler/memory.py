"""The state that a crawl stores for the next one, beside the archives.

    ROOT/repository.json                             whose archives the store holds
    ROOT/registry/REPOSITORY/versions                the resource as it was last served
    ROOT/registry/REPOSITORY/versions.json           its validators, for conditional requests
    ROOT/registry/REPOSITORY/names[.json]            the same for the index of names
    ROOT/registry/REPOSITORY/packages/NAME[.json]    the same for one package
    ROOT/registry/REPOSITORY/settled/NAME.json       up to what state a package was dealt with

Every file is complete or absent, and a damaged file counts as absent: lost state is requested
again. A package is settled only when each wanted release is stored or permanently refused, so a
killed crawl resumes where it stopped.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import TypedDict

from scrapy.http import Headers

from corpus.atomic import write_bytes, write_json
from corpus.errors import CorpusError
from crawler.registry import PackageVersions

VALIDATORS = {"ETag": "If-None-Match", "Last-Modified": "If-Modified-Since"}
"""Headers of a response that are stored, and the request headers in which they are sent back."""


class RegistryCopy:
    """The registry's resources as last seen, by path, with their validators.

    A body is written before its validators, which have its digest, so a pair that a killed crawl
    left incomplete is not used. Validators are valid for the server of `url` only, so requests to
    another mirror are unconditional.
    """

    def __init__(self, folder: Path, url: str) -> None:
        self.folder = folder
        self.url = url

    def conditions(self, path: str) -> dict[str, str]:
        """Return the request headers for which an unchanged resource is answered with 304."""
        kept = read_object(self.folder / f"{path}.json")
        if (kept.get("url"), kept.get("sha256")) != (self.url, self.digest(path)):
            return {}
        known = texts(kept)
        return {header: known[key] for key, header in VALIDATORS.items() if key in known}

    def digest(self, path: str) -> str | None:
        """Return the SHA-256 of the stored body, or None."""
        file = self.folder / path
        return sha256(file.read_bytes()).hexdigest() if file.is_file() else None

    def recall(self, path: str) -> bytes:
        """Return the stored body."""
        return (self.folder / path).read_bytes()

    def keep(self, path: str, body: bytes, found: Mapping[str, str]) -> None:
        """Store a verified body with the validators of its response. Raises OSError."""
        write_bytes(self.folder / path, body)
        kept = {**found, "url": self.url, "sha256": sha256(body).hexdigest()}
        write_json(self.folder / f"{path}.json", kept)


class Terms(TypedDict):
    """The terms of a crawl: the fields of a `Selection`, and a digest of the licences."""

    count: int | None
    prereleases: bool
    retired: bool
    licenses: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Settlement:
    """The state in which a package was settled."""

    listed: dict[str, list[str]]
    """The digest of the package's entry in the index of versions."""
    terms: Mapping[str, object]
    """The `Terms` of the crawl; under other terms the package is checked again."""
    refused: dict[str, str] = field(default_factory=dict)
    """Versions with refused content, and the checksum of that content."""
    gone: dict[str, str] = field(default_factory=dict)
    """Versions that the registry lists and the repository lacks, with the time when that was first
    seen.
    """
    updated: str | None = None
    """The package's last change in the index of names."""


class Settlements:
    """The settled packages of one repository."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def read(self, name: str) -> Settlement | None:
        """Return how a package was last settled, or None."""
        kept = read_object(self.folder / f"{name}.json")
        listed, terms, refused = (kept.get(each) for each in ("listed", "terms", "refused"))
        if not (isinstance(listed, dict) and isinstance(terms, dict) and isinstance(refused, dict)):
            return None
        updated = kept.get("updated")
        return Settlement(
            listed=lists(listed),
            terms=terms,
            refused=texts(refused),
            gone=texts(kept.get("gone")),
            updated=updated if isinstance(updated, str) else None,
        )

    def write(self, name: str, settlement: Settlement) -> None:
        """Settle a package. Raises OSError."""
        write_json(self.folder / f"{name}.json", asdict(settlement))


def texts(kept: object) -> dict[str, str]:
    """Return the pairs of an object whose value is a string; none for any other value."""
    pairs = kept.items() if isinstance(kept, dict) else ()
    return {key: value for key, value in pairs if isinstance(value, str)}


def lists(kept: dict[str, object]) -> dict[str, list[str]]:
    """Return the pairs whose value is a list, with the strings in it."""
    return {
        key: [each for each in value if isinstance(each, str)]
        for key, value in kept.items()
        if isinstance(value, list)
    }


def validators(headers: Headers) -> dict[str, str]:
    """Return the validators of a response."""
    found = {name: headers.get(name) for name in VALIDATORS}
    return {name: value.decode("latin-1") for name, value in found.items() if value}


def listing(package: PackageVersions) -> dict[str, list[str]]:
    """Return a package's entry in the index of versions in a form for JSON."""
    return {
        "versions": list(package.versions),
        "retired": sorted(package.retired),
        "advised": sorted(package.advised),
    }


class StoreOfAnother(CorpusError):
    """The store has archives of another repository."""

    def __init__(self, store: Path, owner: str, name: str) -> None:
        super().__init__(
            f"{store} has archives of {owner}, and the same names are other packages in {name}. "
            "Set ARCHIVE_STORE to another folder."
        )


def dedicate(store: Path, name: str) -> None:
    """Reserve a store for its first repository. Raises StoreOfAnother and OSError."""
    file = store / "repository.json"
    owner = read_object(file).get("name")
    if not isinstance(owner, str):
        write_json(file, {"name": name})
    elif owner != name:
        raise StoreOfAnother(store, owner, name)


def read_object(path: Path) -> dict[str, object]:
    """Read a JSON object; return an empty one if there is none."""
    try:
        value = json.loads(path.read_bytes())
    except (OSError, RecursionError, ValueError):
        return {}
    return value if isinstance(value, dict) else {}
