"""The versions of the releases in one folder: YYYY.MM.N."""

from collections.abc import Iterable
from pathlib import Path

from corpus.atomic import is_complete
from corpus.places import explained
from corpus.release.manifest import MANIFEST_NAME, VERSION
from corpus.release.reading import Release


def releases_in(folder: Path) -> list[Release]:
    """Return the releases directly below `folder`, oldest version first; candidates are left out.

    So is what an interrupted copy left at a URL.

    Raises MalformedManifest for a folder with a release's name and a broken manifest, NotPermitted
    and Unreachable.
    """
    with explained(folder):
        inside = list(folder.iterdir()) if folder.is_dir() else []
    found = [
        (tuple(map(int, match.groups())), path)
        for path in inside
        if (match := VERSION.fullmatch(path.name)) and is_complete(path, MANIFEST_NAME)
    ]
    return [Release.open(path) for _, path in sorted(found)]


def release_with(build_digest: str, releases: Iterable[Release]) -> Release | None:
    """Return the release that was built from the same inputs, configuration and code, if any."""
    same = (item for item in releases if item.manifest.build_digest == build_digest)
    return next(same, None)


def next_version(newest_input: str, releases: Iterable[Release]) -> str:
    """Name the next release after the month of its newest input (ISO 8601), counting from 1."""
    month = newest_input[:7].replace("-", ".")
    used = [
        int(match[3])
        for item in releases
        if (match := VERSION.fullmatch(item.manifest.version)) and f"{match[1]}.{match[2]}" == month
    ]
    return f"{month}.{max(used, default=0) + 1}"
