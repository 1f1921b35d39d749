"""`make demo`: the main job on packages and repositories that ship with the project.

They are served on loopback as a Hex repository and as GitHub, and crawled into one store. What
authors opted out is in the ledger before anything is crawled.
"""

from pathlib import Path

from corpus.release import Release
from corpus.release.versions import releases_in
from demo.github_host import port_for, serve_github
from demo.hex_repository import private_key, serve, write_repository
from demo.main_job import (
    Workplace,
    build,
    check_opt_out,
    crawl,
    crawl_github,
    opt_out,
    show_publishing,
)
from demo.packages import load_packages
from demo.repositories import load_repositories

REPOSITORY = "demo"
"""The name that the registry is signed for."""
OWNER = "elixir-corpus-demo"
"""The account that has the repositories."""
CREW = ("--package", f"{OWNER}/ferry_board", "--path", "*/crew/*")
"""Files that their author opted out."""
PILOT_LOG = ("--repository", f"github.com/{OWNER}/pilot_log")
"""A repository that its owner opted out."""
REASON = "asked by its author, discussion 12"
PUBLISHED_AS = "you/elixir-corpus"
"""The dataset that the demo shows how to publish; it publishes nothing."""


def run(out: Path, workers: int | None = None) -> Release:
    """Publish, crawl and build below `out`; return the newest release.

    What is there already is kept: the key, the ledger, archives that are unchanged, a release of
    the same archives. Raises what the loaders raise, BrokenKey, and `demo.main_job.StepFailed`.
    """
    workplace = Workplace(out.resolve())
    packages = load_packages()
    repositories = load_repositories(packages)
    publications = [version.publication() for version in packages]
    write_repository(publications, workplace.repository, private_key(workplace.key), REPOSITORY)
    for named in (CREW, PILOT_LOG):
        opt_out(workplace, named, REASON)
    with serve(workplace.repository) as url:
        crawl(workplace, url, repository=REPOSITORY, versions="all")
    with serve_github(repositories, port_for(workplace.root)) as url:
        crawl_github(workplace, url, owner=OWNER)
    build(workplace, workers=workers)
    return releases_in(workplace.releases)[-1]


def show(release: Release) -> None:
    """Print what the release holds of what was opted out, and what publishing it would send.

    Raises `demo.main_job.StepFailed`.
    """
    for named in (CREW, PILOT_LOG):
        check_opt_out(release, named)
    show_publishing(release, PUBLISHED_AS)
