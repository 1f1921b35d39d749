"""Names and versions of the registry that cannot become parts of a path.

Nothing of them is fetched. The record of each lies under a name that can become one, made of a
digest; the detail of the record has the name itself. No package or version of Hex is called so.
"""

from collections.abc import Iterable, Iterator
from hashlib import sha256

from corpus.reasons import Reason, Reject, Stage
from crawler.arguments import PACKAGE_NAME
from crawler.items import Refusal
from crawler.registry import PackageVersions
from crawler.versions import Selection, is_valid

LONGEST_QUOTE = 200
"""Characters of a name that a record repeats."""


def is_named_well(package: PackageVersions) -> bool:
    """Whether a package's name may become a part of a path."""
    return PACKAGE_NAME.fullmatch(package.name) is not None


def refuse_unusable(
    packages: Iterable[PackageVersions], selection: Selection, listed_at: str
) -> Iterator[Refusal]:
    """Refuse what can have no place in the store; `listed_at` is the address of the list."""
    for package in packages:
        for version in unusable_versions(package, selection):
            yield Refusal(
                name=package.name if is_named_well(package) else stand_in(package.name),
                version=version if is_valid(version) else stand_in(version),
                url=listed_at,
                reject=Reject(
                    Stage.CRAWL,
                    Reason.UNUSABLE_NAME,
                    f"the registry lists {quoted(package.name)}, version {quoted(version)}",
                ),
            )


def unusable_versions(package: PackageVersions, selection: Selection) -> list[str]:
    """Return what is no version, and of a package with an unusable name also what is wanted."""
    versions = [version for version in package.versions if not is_valid(version)]
    if not is_named_well(package):
        versions += selection.choose(package.versions, package.retired).wanted
    return versions


def stand_in(text: str) -> str:
    """Return a name for what has none: the same for the same text, and never one of Hex's."""
    return f"unusable-{sha256(text.encode()).hexdigest()[:32]}"


def quoted(text: str) -> str:
    """Repeat a text, or its beginning, on one line."""
    return repr(text) if len(text) <= LONGEST_QUOTE else f"{text[:LONGEST_QUOTE]!r}..."
