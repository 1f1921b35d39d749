"""Families of packages: those that come from one repository."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from corpus.packages import Link
from corpus.split.groups import Groups

FORGES = {"github.com": 2, "bitbucket.org": 2, "codeberg.org": 2, "git.sr.ht": 2, "gitlab.com": 9}
"""Hosts of repositories, with how many parts of a path can name one (GitLab has subgroups)."""
ACCOUNT_PAGES = frozenset({"sponsors", "orgs", "users", "apps", "marketplace", "topics"})
"""First parts of paths on GitHub that lead to no repository."""
ADDRESS = re.compile(
    r"(?:[a-z+]+://)?(?:[^/@]+@)?(?:www\.)?(?P<host>[^/:]+)(?::\d+(?=/))?[/:](?P<path>[^?#]+)"
)
REPOSITORY, PACKAGE = 0, 1
"""Kinds of a family's names, in the order in which they are preferred."""
SOURCE_LINK = re.compile(r"source|repo|git|code|bitbucket", re.IGNORECASE)
"""What authors call the link to their repository."""


@dataclass(frozen=True, slots=True)
class PackageLinks:
    """A package and the links of one of its versions; a package may come more than once."""

    package: str
    links: tuple[Link, ...]


def families_by_repository(packages: Iterable[PackageLinks]) -> dict[str, str]:
    """Return the family of each package: packages that share a repository share a family.

    A family is named by its repository (the first of them in order, where versions name several),
    or by its package where no repository is known.
    """
    groups: Groups[tuple[int, str]] = Groups()
    for item in packages:
        package = (PACKAGE, item.package)
        groups.add(package)
        if address := repository_of(item.links):
            repository = (REPOSITORY, address)
            groups.add(repository)
            first, second = sorted((groups.leader(package), groups.leader(repository)))
            groups.follow(first, second)
    packaged = [member for member in groups.members() if member[0] == PACKAGE]
    return {member[1]: groups.leader(member)[1] for member in packaged}


def repository_of(links: Sequence[Link]) -> str | None:
    """Return a package's repository as `host/path` in lower case, or None.

    The link that calls itself the source wins; without one, any link to a known forge will do.
    """
    ordered = sorted(links, key=lambda link: (not SOURCE_LINK.search(link.name), link.name))
    return next(filter(None, (repository_at(link.url) for link in ordered)), None)


def repository_at(url: str) -> str | None:
    """Return the repository that a URL on a known forge points into, or None.

    `git@github.com:Shop/Cart.git` and `https://github.com/shop/cart/tree/main/core` are both in
    `github.com/shop/cart`.
    """
    found = ADDRESS.match(url.strip().lower())
    if found is None or found["host"] not in FORGES:
        return None
    parts = [part for part in found["path"].split("/-/")[0].split("/") if part]
    if len(parts) < 2 or parts[0] in ACCOUNT_PAGES:
        return None
    return "/".join([found["host"], *parts[: FORGES[found["host"]]]]).removesuffix(".git")
