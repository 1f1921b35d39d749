"""Arguments and settings of the spider, checked before it starts."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol
from urllib.parse import urlsplit

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from corpus.errors import CorpusError
from corpus.licenses import BadList, LicensePolicy, read_list
from corpus.optout.ledger import read_ledger
from corpus.optout.removals import Removals
from corpus.places import PlaceError, is_remote, place
from crawler.registry import read_public_key
from crawler.versions import Selection

PACKAGE_NAME = re.compile("[a-z][A-Za-z0-9_]{0,99}")
"""Names of packages, as Hex checks them.

The length is limited because they become parts of paths.
"""
REPOSITORY_NAME = re.compile("[A-Za-z0-9_][A-Za-z0-9_-]{0,99}")

HEX_PM_REPOSITORY = "https://repo.hex.pm"
HEX_PM_API = "https://hex.pm/api"
HEX_PM_KEY = Path(__file__).with_name("hex_pm_public_key.pem")

DEFAULTS = {
    "HEX_REPO_URL": HEX_PM_REPOSITORY,
    "HEX_REPOSITORY_NAME": "hexpm",
    "HEX_PUBLIC_KEY": str(HEX_PM_KEY),
    "HEX_API_URL": None,
    "HEX_MIRROR": "",
    "HEX_API_KEY": "",
    "HEX_REPOS_KEY": "",
    "ARCHIVE_STORE": "archives",
    "LICENSE_POLICY": "",
    "PERMITTED_LICENSES": "",
    "CRAWLER_CONTACT": "",
    "OPTOUT_LEDGER": "",
}
"""Settings that may come from the environment, with their defaults.

`-s NAME=VALUE` and settings of a script have precedence over the environment. The environment is
read again for every crawl, because a process may run several.
"""

ARGUMENTS = {
    "packages": "only these packages, such as plug,ecto",
    "limit": "only this number of packages from the start of the registry, such as 100",
    "versions": "latest (the default), all, or the number of newest versions",
    "prereleases": "yes to count pre-releases like releases",
    "retired": "yes to also fetch retired releases",
}
"""The arguments of the spider, `-a NAME=VALUE`, each with a short meaning."""
TRUTH = {"yes": True, "true": True, "1": True, "no": False, "false": False, "0": False}


class InvalidArgument(CorpusError):
    """An argument or setting has an invalid value."""


class Settings(Protocol):
    """The part of Scrapy's settings that is used here."""

    def get(self, name: str, /) -> object:
        """Return a setting, or None."""
        ...


@dataclass(frozen=True, kw_only=True, slots=True)
class Order:
    """Which packages and versions to fetch."""

    packages: tuple[str, ...] | None = None
    """Package names, or None for every package of the repository."""
    limit: int | None = None
    """Number of packages from the start of the registry, or None for all."""
    selection: Selection = field(default_factory=Selection)


@dataclass(frozen=True, kw_only=True, slots=True)
class Repository:
    """The repository to fetch from and the folder to store in. Addresses have no final slash."""

    url: str
    api_url: str | None
    name: str
    key: RSAPublicKey
    store: Path
    policy: LicensePolicy
    """The licences of packages that may be stored."""
    removals: Removals = field(default_factory=Removals)
    """What the ledger of opt-outs names: it is not fetched."""
    mirror: str | None = None
    """The mirror, which is used instead of `url`."""
    token: str | None = field(default=None, repr=False)
    """The key for the repository; it is never sent to a mirror."""
    api_token: str | None = field(default=None, repr=False)

    @property
    def address(self) -> str:
        """The address from which registry and tarballs are fetched."""
        return self.mirror or self.url

    @property
    def headers(self) -> dict[str, str]:
        """The headers of a request to the repository."""
        return {"Authorization": self.token} if self.token and not self.mirror else {}


def read_order(arguments: Mapping[str, str]) -> Order:
    """Read the spider's arguments. Raises InvalidArgument for the first invalid one."""
    for name in arguments:
        if name not in ARGUMENTS:
            raise InvalidArgument(f"{name}: no such argument. There are:\n{overview()}")
    limit = arguments.get("limit")
    return Order(
        packages=package_names(arguments["packages"]) if "packages" in arguments else None,
        limit=positive("limit", limit, "") if limit is not None else None,
        selection=Selection(
            count=version_count(arguments.get("versions", "latest")),
            prereleases=truth("prereleases", arguments.get("prereleases", "no")),
            retired=truth("retired", arguments.get("retired", "no")),
        ),
    )


def overview() -> str:
    """List the arguments with their meanings, one per line."""
    return "\n".join(f"  {name:<13}{meaning}" for name, meaning in ARGUMENTS.items())


def package_names(text: str) -> tuple[str, ...]:
    """Read names separated by commas, each once. Raises InvalidArgument."""
    names = tuple(dict.fromkeys(part.strip() for part in text.split(",") if part.strip()))
    if not names:
        raise InvalidArgument("packages: give at least one name, such as packages=plug,ecto.")
    for name in names:
        if not PACKAGE_NAME.fullmatch(name):
            raise InvalidArgument(
                f"packages: {name!r} is not a valid name of a Hex package (a lower-case letter, "
                "then "
                "letters, digits and _). Separate names by commas, such as packages=plug,ecto."
            )
    return names


def version_count(text: str) -> int | None:
    """Read how many versions of a package are wanted; None means all. Raises InvalidArgument."""
    words = {"latest": 1, "all": None}
    return words[text] if text in words else positive("versions", text, "latest, all or ")


def positive(name: str, text: str, alternatives: str) -> int:
    """Read a whole number of at least 1. Raises InvalidArgument."""
    if not (text.isascii() and text.isdigit() and len(text) < 10 and int(text) > 0):
        raise InvalidArgument(
            f"{name}: expected {alternatives}a whole number from 1, found {text!r}."
        )
    return int(text)


def truth(name: str, text: str) -> bool:
    """Read yes or no. Raises InvalidArgument."""
    if text.lower() not in TRUTH:
        raise InvalidArgument(f"{name}: expected yes or no, found {text!r}.")
    return TRUTH[text.lower()]


def read_repository(settings: Settings) -> Repository:
    """Read the repository, the store and the policy. Raises InvalidArgument, UnusableKey and
    BadLedger.
    """
    url = address("HEX_REPO_URL", given(settings, "HEX_REPO_URL"))
    mirror = given(settings, "HEX_MIRROR")
    api_token = token("HEX_API_KEY", settings)
    api_url = given(settings, "HEX_API_URL")
    if api_url is None:
        api_url = default_api(url, api_token)
    name = str(given(settings, "HEX_REPOSITORY_NAME"))
    if not REPOSITORY_NAME.fullmatch(name):
        raise InvalidArgument(f"HEX_REPOSITORY_NAME: {name!r} is not a valid name of a repository.")
    return Repository(
        url=url,
        api_url=address("HEX_API_URL", api_url) if api_url else None,
        name=name,
        key=read_public_key(Path(str(given(settings, "HEX_PUBLIC_KEY")))),
        store=folder("ARCHIVE_STORE", given(settings, "ARCHIVE_STORE")),
        policy=read_policy(settings),
        removals=read_removals(settings),
        mirror=address("HEX_MIRROR", mirror) if mirror else None,
        token=token("HEX_REPOS_KEY", settings),
        api_token=api_token,
    )


def given(settings: Settings, name: str) -> object:
    """Return a setting of DEFAULTS, or its default."""
    value = settings.get(name)
    return DEFAULTS[name] if value is None else value


def default_api(url: str, api_token: str | None) -> str | None:
    """Return the JSON API for a repository of hex.pm; the API of an organisation requires a key."""
    if url == HEX_PM_REPOSITORY:
        return HEX_PM_API
    organisation = url.removeprefix(f"{HEX_PM_REPOSITORY}/repos/")
    return f"{HEX_PM_API}/repos/{organisation}" if api_token and organisation != url else None


def token(name: str, settings: Settings) -> str | None:
    """Read a key that is sent in a header; messages never contain it. Raises InvalidArgument."""
    text = str(given(settings, name) or "").strip()
    if not all("!" <= character <= "~" or character == " " for character in text):
        raise InvalidArgument(f"{name}: a key may have only printable ASCII characters.")
    return text or None


def read_policy(settings: Settings) -> LicensePolicy:
    """Read LICENSE_POLICY, the name of a list of licences or a file with one, and
    PERMITTED_LICENSES, more SPDX ids separated by commas. Raises InvalidArgument.
    """
    named = str(given(settings, "LICENSE_POLICY") or "").strip()
    text = str(given(settings, "PERMITTED_LICENSES") or "")
    ids = [part.strip() for part in text.split(",") if part.strip()]
    try:
        base = read_list(named) if named else LicensePolicy().permitted
    except BadList as error:
        raise InvalidArgument(f"LICENSE_POLICY: {error}") from error
    try:
        return LicensePolicy(permitted=base, permitted_extra=frozenset(ids))
    except ValueError as error:
        raise InvalidArgument(
            f"PERMITTED_LICENSES: {error}. Separate ids by commas, such as MPL-2.0,EPL-2.0."
        ) from error


def read_removals(settings: Settings) -> Removals:
    """Read OPTOUT_LEDGER, the path of a ledger; empty for none. Raises BadLedger."""
    path = str(given(settings, "OPTOUT_LEDGER") or "").strip()
    return Removals(read_ledger(Path(path)).entries) if path else Removals()


def folder(name: str, value: object) -> Path:
    """Read the path of a folder. Raises InvalidArgument if it is empty, since that is the current
    folder, and for a URL, where nothing can be locked.
    """
    text = str(value or "").strip()
    if not text:
        raise InvalidArgument(f"{name}: expected a folder such as archives, found nothing.")
    try:
        found = place(text)
    except PlaceError as error:
        raise InvalidArgument(f"{name}: {error}") from error
    if is_remote(found):
        raise InvalidArgument(
            f"{name}: a crawl cannot write to {found}. Give a folder of this machine, and copy it "
            f"afterwards: `python -m corpus copy-archives FOLDER {found}`."
        )
    return found


def address(name: str, value: object) -> str:
    """Check that a setting is an HTTP address; remove its final slash. Raises InvalidArgument."""
    text = str(value).rstrip("/")
    if not is_address(text):
        raise InvalidArgument(
            f"{name}: expected an address such as https://repo.hex.pm, without user, query or "
            f"fragment, found {text!r}."
        )
    return text


def is_address(text: str) -> bool:
    """Return whether a text with an appended path is an HTTP address."""
    try:
        parts = urlsplit(text)
        has_place = bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False
    plain = not (parts.query or parts.fragment or "@" in parts.netloc)
    return parts.scheme in {"http", "https"} and has_place and plain
