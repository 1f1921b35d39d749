"""`make demo`: the shipped packages as a Hex repository, and the main job on it."""

from pathlib import Path

from corpus.release import Release
from corpus.release.versions import releases_in
from demo.hex_repository import private_key, serve, write_repository
from demo.main_job import Workplace, build, crawl
from demo.packages import load_packages

REPOSITORY = "demo"
"""The name that the registry is signed for."""
PUBLISHED_AS = "you/elixir-corpus"
"""The dataset that the demo shows how to publish; it publishes nothing."""


def run(out: Path, workers: int | None = None) -> Release:
    """Publish, crawl and build below `out`; return the newest release.

    What is there already is kept: the key, archives that are unchanged, a release of the same
    archives. Raises what the loader raises, BrokenKey, and `demo.main_job.StepFailed`.
    """
    workplace = Workplace(out.resolve())
    publications = [version.publication() for version in load_packages()]
    key = private_key(workplace.key)
    write_repository(publications, workplace.repository, key, REPOSITORY)
    with serve(workplace.repository) as url:
        crawl(workplace, url, repository=REPOSITORY, versions="all")
    build(workplace, workers=workers)
    return releases_in(workplace.releases)[-1]
