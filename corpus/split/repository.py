"""Families of packages: those that come from one repository."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from urllib.parse import unquote

from corpus.packages import HostedRepository, Link
from corpus.rows import HostRow
from corpus.split.groups import Groups

FORGES = {"github.com": 2, "bitbucket.org": 2, "codeberg.org": 2, "git.sr.ht": 2, "gitlab.com": 9}
"""Hosts of repositories, with how many parts of a path can name one (GitLab has subgroups)."""
OWN_FORGES = {"gitlab": 9, "gitea": 2, "forgejo": 2}
"""The same by the first part of a host's name, for forges that people run themselves. On any other
host an address ends with `.git` if it is that of a repository."""
ALIASES = {
    **{f"{name}.github.com": "github.com" for name in ("m", "ssh", "raw", "codeload")},
    "raw.githubusercontent.com": "github.com",
    "altssh.gitlab.com": "gitlab.com",
    "altssh.bitbucket.org": "bitbucket.org",
    "github": "github.com",
    "gitlab": "gitlab.com",
    "bitbucket": "bitbucket.org",
}
"""Other hosts with the same paths, and how Mix and npm abbreviate: `github:shop/cart`."""
ACCOUNT_PAGES = frozenset({"sponsors", "orgs", "users", "apps", "marketplace", "topics", "groups"})
"""First parts of paths on GitHub and GitLab that lead to no repository."""
RESERVED = frozenset(
    {"-", "badges", "blame", "blob", "builds", "commits", "create", "create_dir", "edit", "files"}
    | {"find_file", "new", "preview", "raw", "refs", "tree", "update", "wikis"}
)
"""Names that no project may have (GitLab documentation, "Reserved project and group names")."""
PAGES = RESERVED | {"commit", "issues", "merge_requests", "releases", "tags"}
"""Parts of paths on GitLab that lead into a repository, as old links do without `/-/`."""
ADDRESS = re.compile(
    r"(?:[a-z+]*:?//|[a-z+]+:/)*(?:[^/@]+@)?(?:www\.)?(?P<host>[^/:]+)(?::\d+(?=/))?[/:](?P<path>[^?#]+)"
)
NAME = re.compile(r"[\w.~+-]*")
"""The characters in names of accounts and repositories."""
REPOSITORY, PACKAGE = 0, 1
"""Kinds of a family's names, in the order in which they are preferred."""
WORD = r"(?:git(?: ?(?:hub|lab|ea))?|bitbucket|codeberg|source(?:hut|s)?|code|repo(?:sitory)?)"
SOURCE_LINKS = (
    re.compile(rf"{WORD}(?: ?{WORD})*", re.IGNORECASE),
    re.compile(rf".*\b{WORD}\b.*", re.IGNORECASE | re.DOTALL),
)
"""Names of links to the repository, the clearest first: "GitHub", "Source Code", "Git repository";
then names that contain such a word, such as "Original source".
"""
CONDUCT = re.compile("code of conduct", re.IGNORECASE)
"""A page that packages link to in any repository, often that of another project."""
OWN_PAGE = re.compile(
    r"(?:change|release) ?(?:log|note)s?|releases|history|issues?(?: tracker)?|bugs?(?: tracker)?"
    r"|(?:home|project|web) ?(?:page|site)?|website|site|read ?me|docs?|documentation|guides?|wiki"
    r"|licen[cs]e|contribut\w+|upgrad\w+|roadmap|discussions?|examples?|project|package"
    r"|tests?|ci|build(?: status)?|main|master|vcs|scm|upstream",
    re.IGNORECASE,
)
"""Names of links to other pages of the package's repository. Links with other names ("Phoenix", "C
library", "Inspired by") often lead to another project.
"""
EXAMPLES = {
    "github.com/elixir-ecto/postgrex": {"postgrex"},
    "github.com/elixir-lang/elixir": {"elixir", "eex", "ex_unit", "iex", "logger", "mix"},
    "github.com/phoenixframework/phoenix": {
        "phoenix",
        "phx_new",
        "phoenix_new",
        "phx_new_umbrella",
    },
    "github.com/erlang/otp": set[str](),
    "github.com/erlang/rebar3": {"rebar3", "rebar"},
    "github.com/hexpm/hex": {"hex"},
}
"""Repositories that documentation and templates name as examples (Hex's guide to publishing has
postgrex), with the packages that are theirs; others link to them by mistake."""
PLACEHOLDER = re.compile(
    r"(?:your|my|the|some)[-_]?(?:name|user|username|user[-_]name|org|organi[sz]ation|account|company"
    r"|github|handle|repo|project|app|application|package|library|team)?(?:[-_]?name)?"
    r"|user|username|user[-_]name|owner|org|organi[sz]ation|account|author|namespace|company"
    r"|example|example[-_]?(?:user|org|repo|app|project)|todo|xxx+|foo|foobar|path|link"
    r"|.*[<>{}\[\]$%*].*|\.\.\.",
)
"""Names of accounts in placeholder addresses."""


@dataclass(frozen=True, slots=True)
class PackageLinks:
    """A package and the links of one of its versions; a package may come more than once."""

    package: str
    links: tuple[Link, ...]


def families_by_repository(
    packages: Iterable[PackageLinks], aligned: Iterable[tuple[str, str]] = ()
) -> dict[str, str]:
    """Return the family of each package: packages that share a repository share a family.

    So do two that are `aligned` by content. A family is named by its repository (the first of them
    in order, where versions name several), or by its package where no repository is known.
    """
    groups: Groups[tuple[int, str]] = Groups()
    for item in packages:
        package = (PACKAGE, item.package)
        groups.add(package)
        if address := repository_of(item.links, item.package):
            repository = (REPOSITORY, address)
            groups.add(repository)
            first, second = sorted((groups.leader(package), groups.leader(repository)))
            groups.follow(first, second)
    for pair in aligned:
        both = [(PACKAGE, name) for name in pair]
        for each in both:
            groups.add(each)
        first, second = sorted(map(groups.leader, both))
        groups.follow(first, second)
    packaged = [member for member in groups.members() if member[0] == PACKAGE]
    return {member[1]: groups.leader(member)[1] for member in packaged}


def repository_of(links: Sequence[Link], package: str = "") -> str | None:
    """Return a package's repository as `host/path` in lower case, or None.

    A link whose name says that it is the source has precedence. Otherwise a link to a known forge
    counts if its name is that of another page of the project or of the package, or if the
    repository has the package's name; repositories that documentation uses as examples do not.
    """
    ordered = sorted(links, key=lambda link: (plainness(words(link.name)), link.name))
    told = ((link, repository_at(link.url)) for link in ordered)
    own = (address for link, address in told if address and _is_own(link, address, package))
    return next(own, None)


def address_of(links: Sequence[Link], package: str = "") -> str | None:
    """Return the address of a package's repository in its canonical form, or None.

    It is for readers of a row; the link itself is in the attribution. `links` are redacted.
    """
    repository = repository_of(links, package)
    return f"https://{repository}" if repository else None


def host_row(
    links: Sequence[Link], package: str, version: str, host: HostedRepository | None
) -> HostRow:
    """Return what an archive tells of its repository: of a commit of one more than the address."""
    return {
        "repository": address_of(links, package),
        "commit": version if host else None,
        "stars": host.stars if host else None,
        "committed_at": host.committed_at if host else None,
        "repository_created_at": host.created_at if host else None,
    }


def _is_own(link: Link, address: str, package: str) -> bool:
    """Tell whether a link leads to the package's own repository."""
    name = words(link.name).removesuffix(".md")
    if package not in EXAMPLES.get(address, {package}) or CONDUCT.search(name):
        return False
    if plainness(name) < len(SOURCE_LINKS) or OWN_PAGE.fullmatch(name):
        return True
    return _folded(package) in {_folded(name), _folded(address.rsplit("/", 1)[1])}


def _folded(name: str) -> str:
    """Return a name without the usual differences between a package and its repository."""
    return re.sub(r"[-_. ]", "", name.lower())


def words(name: str) -> str:
    """Return the words of a link's name with one blank between them."""
    return " ".join(re.split(r"[\s_-]+", name)).strip()


def plainness(name: str) -> int:
    """Return a rank for a link's name as that of the source; 0 is best."""
    fits = (rank for rank, pattern in enumerate(SOURCE_LINKS) if pattern.fullmatch(name))
    return next(fits, len(SOURCE_LINKS))


def repository_at(url: str) -> str | None:
    """Return the repository that a URL on a known forge points into, or None.

    `git@github.com:Shop/Cart.git` and `https://github.com/shop/cart/tree/main/core` are both in
    `github.com/shop/cart`.
    """
    found = ADDRESS.match(url.strip(" \t\r\n<>()[]\"'").lower())
    if found is None:
        return None
    host = found["host"].rstrip(".")
    host = ALIASES.get(host, host)
    parts = without_page([part for part in unquote(found["path"]).split("/") if part])
    if not parts or parts[0] in ACCOUNT_PAGES or PLACEHOLDER.fullmatch(parts[0]):
        return None
    names = [str(NAME.match(part)[0]) for part in parts]  # type: ignore[index]
    names = repository_in(
        host, names[: next((n for n, name in enumerate(names) if not name), None)]
    )
    if not names:
        return None
    return "/".join([host, *names]).rstrip(".").removesuffix(".git").removesuffix(".wiki")


def repository_in(host: str, names: list[str]) -> list[str]:
    """Return the first names of a path, those that lead to a repository; none where none does."""
    length = FORGES.get(host) or OWN_FORGES.get(host.split(".")[0] if "." in host else "")
    if length is None:
        ends = (
            n for n, name in enumerate(names, start=1) if name[1:].endswith(".git") and "." in host
        )
        length = next(ends, 0)
    elif len(names) < 2:
        length = 0
    return names[:length]


def without_page(parts: list[str]) -> list[str]:
    """Return the parts of a path up to the page of its repository, the first of which is third."""
    pages = (n for n, part in enumerate(parts) if part in PAGES and (n > 1 or part == "-"))
    return parts[: next(pages, None)]
