"""The state that one crawl leaves for the next, beside the archives it fetched.

    ROOT/repository.json                             whose archives the store holds
    ROOT/registry/REPOSITORY/versions                the resource as it was last served
    ROOT/registry/REPOSITORY/versions.json           its validators, for conditional requests
    ROOT/registry/REPOSITORY/names[.json]            the same for the index of names
    ROOT/registry/REPOSITORY/packages/NAME[.json]    the same for one package
    ROOT/registry/REPOSITORY/settled/NAME.json       up to what state a package was dealt with

Every file is whole or absent, and one that is damaged counts as absent: what is lost is asked for
again. A package is settled only once each wanted release of it is stored or refused for good, so
a crawl that was killed resumes where it stopped.
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
"""Headers that are kept of a response, and the headers of a request that they come back in."""


class RegistryCopy:
    """The registry's resources as last seen, by their path, with what tells whether they changed.

    A body is written before its validators, which name its digest; a pair that was torn apart by
    a kill is no copy. Validators mean something to the server of `url` only, so another mirror is
    asked for everything.
    """

    def __init__(self, folder: Path, url: str) -> None:
        self.folder = folder
        self.url = url

    def conditions(self, path: str) -> dict[str, str]:
        """Return the request headers with which an unchanged resource is answered 304."""
        kept = read_object(self.folder / f"{path}.json")
        if (kept.get("url"), kept.get("sha256")) != (self.url, self.digest(path)):
            return {}
        known = texts(kept)
        return {header: known[key] for key, header in VALIDATORS.items() if key in known}

    def digest(self, path: str) -> str | None:
        """Return the SHA-256 of the body that is kept, or None."""
        file = self.folder / path
        return sha256(file.read_bytes()).hexdigest() if file.is_file() else None

    def recall(self, path: str) -> bytes:
        """Return the body that is kept."""
        return (self.folder / path).read_bytes()

    def keep(self, path: str, body: bytes, found: Mapping[str, str]) -> None:
        """Keep a verified body with the validators of its response. Raises OSError."""
        write_bytes(self.folder / path, body)
        kept = {**found, "url": self.url, "sha256": sha256(body).hexdigest()}
        write_json(self.folder / f"{path}.json", kept)


class Terms(TypedDict):
    """What a crawl asks for: the fields of a `Selection`, and a digest of the licences."""

    count: int | None
    prereleases: bool
    retired: bool
    licenses: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Settlement:
    """The state in which a package was dealt with."""

    listed: dict[str, list[str]]
    """What the index of versions said of the package."""
    terms: Mapping[str, object]
    """The `Terms` of the crawl; under other terms the package is looked at anew."""
    refused: dict[str, str] = field(default_factory=dict)
    """Versions whose content was refused, with the checksum of that content."""
    gone: dict[str, str] = field(default_factory=dict)
    """Versions that the registry lists and the repository does not have, with when that was first
    seen."""
    updated: str | None = None
    """What the index of names said of the package's last change."""


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
    """Return the pairs of an object whose value is a text; of anything else none."""
    pairs = kept.items() if isinstance(kept, dict) else ()
    return {key: value for key, value in pairs if isinstance(value, str)}


def lists(kept: dict[str, object]) -> dict[str, list[str]]:
    """Return the pairs whose value is a list, with the texts in it."""
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
    """Return what the index of versions says of a package, in a form that JSON keeps."""
    return {
        "versions": list(package.versions),
        "retired": sorted(package.retired),
        "advised": sorted(package.advised),
    }


class StoreOfAnother(CorpusError):
    """A store that another repository was crawled into."""

    def __init__(self, store: Path, owner: str, name: str) -> None:
        super().__init__(
            f"{store} holds archives of {owner}, and names mean other packages in {name}. "
            "Set ARCHIVE_STORE to another folder."
        )


def dedicate(store: Path, name: str) -> None:
    """Keep a store for the repository that is crawled into it first.

    Raises StoreOfAnother and OSError.
    """
    file = store / "repository.json"
    owner = read_object(file).get("name")
    if not isinstance(owner, str):
        write_json(file, {"name": name})
    elif owner != name:
        raise StoreOfAnother(store, owner, name)


def read_object(path: Path) -> dict[str, object]:
    """Read a JSON object; anything else, or nothing, is an empty one."""
    try:
        value = json.loads(path.read_bytes())
    except (OSError, RecursionError, ValueError):
        return {}
    return value if isinstance(value, dict) else {}
