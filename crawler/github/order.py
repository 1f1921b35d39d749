"""Arguments and settings of the spider `github`, checked before it starts."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from corpus.licenses import LicensePolicy
from corpus.optout.removals import GITHUB, Removals, origin, reject_by
from corpus.reasons import Reject
from crawler.arguments import (
    InvalidArgument,
    Settings,
    address,
    folder,
    positive,
    read_policy,
    read_removals,
    token,
    truth,
)
from crawler.patience import amount

DEFAULTS = {
    "GITHUB_API_URL": "https://api.github.com",
    "GITHUB_TOKEN": "",
    "GITHUB_APP_ID": "",
    "GITHUB_APP_PRIVATE_KEY": "",
    "GITHUB_APP_INSTALLATION": "",
    "GITHUB_PAGE_SIZE": "50",
    "GITHUB_LARGEST_KB": "1000000",
    "ARCHIVE_STORE": "archives",
    "CRAWLER_CONTACT": "",
    "OPTOUT_LEDGER": "",
    "LICENSE_POLICY": "",
    "PERMITTED_LICENSES": "",
}
"""Settings that may come from the environment, as `crawler.arguments.DEFAULTS`."""

ARGUMENTS = {
    "languages": "elixir, erlang or both, which is the default",
    "min_stars": "only repositories with at least this number of stars",
    "pushed_after": "only repositories with a push since this day, such as 2024-01-31",
    "topics": "only repositories with all of these topics, such as phoenix,liveview",
    "owners": "only repositories of these users and organisations",
    "repositories": "these repositories instead of a search, such as elixir-lang/elixir",
    "forks": "yes to also fetch forks",
    "archived": "no to leave out archived repositories",
    "mirrors": "yes to also fetch mirrors",
    "templates": "no to leave out templates",
    "prefilter": "yes to leave out what GitHub says is under a licence that is not permitted",
    "tags": "yes to also fetch the tags of versions whose packages are in the store",
    "limit": "only this number of repositories, such as 100",
    "fetch": "no to search only, and tell how many repositories are not in the store",
}
"""The arguments of the spider, `-a NAME=VALUE`, each with a short meaning."""

LANGUAGES = {"elixir": "Elixir", "erlang": "Erlang"}
OWNER = re.compile("[A-Za-z0-9](?:[A-Za-z0-9]|[-_](?=[A-Za-z0-9])|-(?=-)){0,38}-?")
"""Names of users and organisations; enterprise accounts have an underscore."""
NAME = re.compile("[A-Za-z0-9_.-]{1,100}")
TOPIC = re.compile("[a-z0-9][a-z0-9-]{0,49}")
LARGEST_PAGE = 100
"""GitHub's maximum number of nodes in a page."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Order:
    """The repositories to fetch: listed by name, or found by a search."""

    named: tuple[tuple[str, str], ...] = ()
    """Owners and names."""
    searches: tuple[str, ...] = ()
    """Qualifiers of searches with disjoint results, without a range of times."""
    limit: int | None = None
    fetches: bool = True
    """Whether archives are fetched; otherwise repositories are only counted."""
    tags: bool = False
    """Whether the commits of tags are fetched that versions in the store may come from."""
    prefilters: bool = False
    """Whether GitHub's guess at a licence may leave out a repository."""


@dataclass(frozen=True, kw_only=True, slots=True)
class App:
    """A GitHub App, which is used through one of its installations."""

    id: str
    key: RSAPrivateKey = field(repr=False)
    installation: str | None
    """None if the App has only one."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Access:
    """Address and credentials of the API; the address has no final slash."""

    api_url: str
    tokens: tuple[str, ...] = field(repr=False)
    app: App | None
    page_size: int
    largest_kb: float
    """Larger repositories, with their history, are not fetched."""
    store: Path
    policy: LicensePolicy = field(default_factory=LicensePolicy)
    """The licences that GitHub's guess is held against if the order says so."""
    removals: Removals = field(default_factory=Removals)
    """What the ledger of opt-outs names: it is not fetched."""

    def opted_out(self, names: Iterable[str]) -> Reject | None:
        """Return why a repository that has or had these names is not fetched, if it opted out."""
        entries = (self.removals.of_archive(origin(GITHUB, name)) for name in names)
        return next(map(reject_by, filter(None, entries)), None)


def overview() -> str:
    """List the arguments with their meanings, one per line."""
    return "\n".join(f"  {name:<13}{meaning}" for name, meaning in ARGUMENTS.items())


def read_order(arguments: Mapping[str, str]) -> Order:
    """Read the spider's arguments. Raises InvalidArgument for the first invalid one."""
    for name in arguments:
        if name not in ARGUMENTS:
            raise InvalidArgument(f"{name}: no such argument. There are:\n{overview()}")
    limit = positive("limit", arguments["limit"], "") if "limit" in arguments else None
    fetches = truth("fetch", arguments.get("fetch", "yes"))
    prefilters = truth("prefilter", arguments.get("prefilter", "no"))
    tags = truth("tags", arguments.get("tags", "no"))
    order = Order(limit=limit, fetches=fetches, prefilters=prefilters, tags=tags)
    if "repositories" not in arguments:
        return replace(order, searches=tuple(searches(arguments)))
    if other := sorted(arguments.keys() - {"repositories", "limit", "fetch", "prefilter", "tags"}):
        raise InvalidArgument(
            f"{other[0]}: it narrows a search, and repositories= names what to fetch. Leave out "
            "one of them."
        )
    names = tuple(map(named, listed("repositories", arguments)))
    return replace(order, named=names)


def searches(arguments: Mapping[str, str]) -> list[str]:
    """Return the qualifiers of each search; a repository has one language and one owner."""
    common = [
        "is:public",
        *told_apart("fork", arguments.get("forks", "no"), shown="true", hidden=None),
        *told_apart("archived", arguments.get("archived", "yes"), shown=None, hidden="false"),
        *told_apart("mirror", arguments.get("mirrors", "no"), shown=None, hidden="false"),
        *told_apart("template", arguments.get("templates", "yes"), shown=None, hidden="false"),
    ]
    if "min_stars" in arguments:
        common.append(f"stars:>={whole('min_stars', arguments['min_stars'])}")
    if "pushed_after" in arguments:
        common.append(f"pushed:>={day('pushed_after', arguments['pushed_after'])}")
    if "topics" in arguments:
        topics = listed("topics", arguments)
        check("topics", topics, TOPIC, "lower-case letters, digits and hyphens")
        common += [f"topic:{topic}" for topic in topics]
    owners: tuple[str | None, ...] = (None,)
    if "owners" in arguments:
        owners = listed("owners", arguments)
        check("owners", owners, OWNER, "letters, digits and single hyphens")
    found = []
    for language in languages(arguments.get("languages", "elixir,erlang")):
        for owner in owners:
            whose = [f"user:{owner}"] if owner else []
            found.append(" ".join([f"language:{language}", *whose, *common]))
    return found


def told_apart(name: str, value: str, *, shown: str | None, hidden: str | None) -> list[str]:
    """Return the qualifier that includes or excludes a kind of repositories, if one is needed."""
    names = {"fork": "forks", "mirror": "mirrors", "template": "templates"}
    qualifier = shown if truth(names.get(name, name), value) else hidden
    return [f"{name}:{qualifier}"] if qualifier else []


def languages(text: str) -> list[str]:
    """Read the names of languages. Raises InvalidArgument."""
    names = dict.fromkeys(part.strip().lower() for part in text.split(",") if part.strip())
    for name in names:
        if name not in LANGUAGES:
            raise InvalidArgument(f"languages: expected elixir, erlang or both, found {name!r}.")
    if not names:
        raise InvalidArgument("languages: give elixir, erlang or both.")
    return [LANGUAGES[name] for name in names]


def listed(name: str, arguments: Mapping[str, str]) -> tuple[str, ...]:
    """Read a list with commas, without repetition. Raises InvalidArgument if it is empty."""
    parts = (part.strip() for part in arguments[name].split(","))
    found = tuple(dict.fromkeys(part for part in parts if part))
    if not found:
        raise InvalidArgument(f"{name}: give at least one, separated by commas.")
    return found


def check(name: str, values: tuple[str, ...], pattern: re.Pattern[str], allowed: str) -> None:
    """Raise InvalidArgument unless all values match: a blank would start another qualifier."""
    for value in values:
        if not pattern.fullmatch(value):
            raise InvalidArgument(
                f"{name}: {value!r} is not valid ({allowed}). Separate several by commas."
            )


def named(text: str) -> tuple[str, str]:
    """Read OWNER/NAME. Raises InvalidArgument."""
    owner, _, name = text.partition("/")
    if not OWNER.fullmatch(owner) or not NAME.fullmatch(name) or name in (".", ".."):
        raise InvalidArgument(
            f"repositories: {text!r} is not OWNER/NAME. Separate several by commas, such as "
            "repositories=elixir-lang/elixir,erlang/otp."
        )
    return owner, name


def whole(name: str, text: str) -> int:
    """Read a whole number from 0 on. Raises InvalidArgument."""
    if not (text.isascii() and text.isdigit() and len(text) < 10):
        raise InvalidArgument(f"{name}: expected a whole number from 0, found {text!r}.")
    return int(text)


def day(name: str, text: str) -> str:
    """Read a day, YYYY-MM-DD. Raises InvalidArgument."""
    try:
        return date.fromisoformat(text).isoformat()
    except ValueError:
        raise InvalidArgument(
            f"{name}: expected a day such as 2024-01-31, found {text!r}."
        ) from None


def read_access(settings: Settings) -> Access:
    """Read where the API is, what lets us in, the store, the policy, and what opted out. Raises
    InvalidArgument and BadLedger.
    """
    size = positive("GITHUB_PAGE_SIZE", str(given(settings, "GITHUB_PAGE_SIZE")), "")
    if size > LARGEST_PAGE:
        raise InvalidArgument(f"GITHUB_PAGE_SIZE: GitHub allows {LARGEST_PAGE}, found {size}.")
    tokens = read_tokens(settings)
    app = read_app(settings)
    if not tokens and app is None:
        raise InvalidArgument(
            "GITHUB_TOKEN: GitHub's search answers nobody without a token. Make one without any "
            "permission (it reads what is public), and set it in the environment: "
            "https://docs.github.com/authentication. A GitHub App will do too: GITHUB_APP_ID and "
            "GITHUB_APP_PRIVATE_KEY."
        )
    return Access(
        api_url=address("GITHUB_API_URL", given(settings, "GITHUB_API_URL")),
        tokens=tokens,
        app=app,
        page_size=size,
        largest_kb=amount("GITHUB_LARGEST_KB", Given(settings)),
        store=folder("ARCHIVE_STORE", given(settings, "ARCHIVE_STORE")),
        policy=read_policy(settings),
        removals=read_removals(settings),
    )


def given(settings: Settings, name: str) -> object:
    """Return a setting of DEFAULTS, or its default."""
    value = settings.get(name)
    return DEFAULTS[name] if value is None else value


@dataclass(frozen=True, slots=True)
class Given:
    """Settings with their defaults."""

    settings: Settings

    def get(self, name: str, /) -> object:
        """Return a setting of DEFAULTS, or its default."""
        return given(self.settings, name)


def read_tokens(settings: Settings) -> tuple[str, ...]:
    """Read the tokens, separated by commas; messages never contain them. Raises InvalidArgument."""
    text = token("GITHUB_TOKEN", Given(settings)) or ""
    tokens = tuple(dict.fromkeys(part.strip() for part in text.split(",") if part.strip()))
    if any(" " in each for each in tokens):
        raise InvalidArgument("GITHUB_TOKEN: a token has no blank; separate several by commas.")
    return tokens


def read_app(settings: Settings) -> App | None:
    """Read the GitHub App, None where there is none. Raises InvalidArgument."""
    id, file = (str(given(settings, f"GITHUB_APP_{name}")) for name in ("ID", "PRIVATE_KEY"))
    if not id and not file:
        return None
    if not re.fullmatch("[A-Za-z0-9.]{1,40}", id):
        raise InvalidArgument("GITHUB_APP_ID: expected the id or client id of the App.")
    installation = str(given(settings, "GITHUB_APP_INSTALLATION"))
    if installation and not re.fullmatch("[0-9]{1,20}", installation):
        raise InvalidArgument("GITHUB_APP_INSTALLATION: expected the number of an installation.")
    try:
        key = load_pem_private_key(Path(file).read_bytes(), password=None)
    except (OSError, ValueError, TypeError) as error:
        raise InvalidArgument(
            f"GITHUB_APP_PRIVATE_KEY: {file!r} is no private key in PEM that can be read "
            f"({type(error).__name__}). Give the path of the file that GitHub made for the App."
        ) from error
    if not isinstance(key, RSAPrivateKey):
        raise InvalidArgument("GITHUB_APP_PRIVATE_KEY: expected an RSA key, as GitHub makes it.")
    return App(id=id, key=key, installation=installation or None)
