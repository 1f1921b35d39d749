"""Small archive stores for tests, made of packages that stand in the test itself."""

import hashlib
from collections.abc import Mapping
from pathlib import Path

from corpus.packages import Advisory, Requirement
from corpus.reasons import Reason, Reject, Stage
from corpus.sources import GITHUB
from corpus.store import Archive, ArchiveStore, HostedRepository, Link, RejectedArchive
from demo.hex_tarball import pack

MIT = b"""MIT License

Copyright (c) 2026 Ada

Permission is hereby granted, free of charge, to any person obtaining a copy
of this software and associated documentation files (the "Software"), to deal
in the Software without restriction, including without limitation the rights
to use, copy, modify, merge, publish, distribute, sublicense, and/or sell
copies of the Software, and to permit persons to whom the Software is
furnished to do so, subject to the following conditions:

The above copyright notice and this permission notice shall be included in all
copies or substantial portions of the Software.

THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR
IMPLIED, INCLUDING BUT NOT LIMITED TO THE WARRANTIES OF MERCHANTABILITY,
FITNESS FOR A PARTICULAR PURPOSE AND NONINFRINGEMENT. IN NO EVENT SHALL THE
AUTHORS OR COPYRIGHT HOLDERS BE LIABLE FOR ANY CLAIM, DAMAGES OR OTHER
LIABILITY, WHETHER IN AN ACTION OF CONTRACT, TORT OR OTHERWISE, ARISING FROM,
OUT OF OR IN CONNECTION WITH THE SOFTWARE OR THE USE OR OTHER DEALINGS IN THE
SOFTWARE.
"""


def module(name: str, words: str) -> bytes:
    """Return a small documented module whose functions are named after `words`."""
    functions = "\n".join(
        f'  @doc "Gives {word} back, {n} times."\n'
        f"  def {word}({word}_value, times), do: {{:{word}, {word}_value * {n}, times}}\n"
        for n, word in enumerate(words.split())
    )
    return f'defmodule {name} do\n  @moduledoc "About {words}."\n\n{functions}end\n'.encode()


def add(
    store: ArchiveStore,
    name: str,
    files: Mapping[str, bytes],
    *,
    version: str = "1.0.0",
    licenses: tuple[str, ...] = ("MIT",),
    body: bytes | None = None,
    published_at: str | None = None,
    first_published_at: str | None = None,
    links: tuple[Link, ...] = (),
    retirement: str | None = None,
    advisories: tuple[Advisory, ...] = (),
    requirements: tuple[Requirement, ...] = (),
) -> Archive:
    """Put one package into a store; `body` replaces the tarball that would be packed."""
    if body is None:
        body = pack({"name": name, "version": version, "licenses": list(licenses)}, files)
    archive = Archive(
        source="hex",
        name=name,
        version=version,
        url=f"https://repo.example/tarballs/{name}-{version}.tar",
        sha256=hashlib.sha256(body).hexdigest(),
        bytes=len(body),
        licenses=licenses,
        requirements=requirements,
        links=links,
        published_at=published_at,
        first_published_at=first_published_at,
        retirement=retirement,
        advisories=advisories,
        fetched_at="2026-11-02T10:00:00Z",
    )
    store.put(archive, body)
    return archive


def missing(store: ArchiveStore, name: str, reason: Reason) -> None:
    """Record an archive that the crawl could not get."""
    store.reject(
        RejectedArchive(
            source="hex",
            name=name,
            version="1.0.0",
            url=f"https://repo.example/tarballs/{name}-1.0.0.tar",
            reject=Reject(Stage.CRAWL, reason, "for a test"),
            recorded_at="2026-11-02T10:00:00Z",
        )
    )


WORDS = (
    "anchor basket candle dragon",
    "ember falcon garden harbor",
    "island jungle kettle lantern",
    "meadow needle orchard pepper",
    "quarry ribbon saddle temple",
    "umbrella valley window yonder",
)


def small_store(root: Path) -> ArchiveStore:
    """Return six MIT packages of three files each, a GPL one, a duplicate and a missing one."""
    store = ArchiveStore(root)
    for index, words in enumerate(WORDS):
        name = words.split()[0]
        files = {
            "LICENSE": MIT,
            "mix.exs": module(f"{name.title()}.MixProject", f"project{index} deps{index}"),
            f"lib/{name}.ex": module(name.title(), words),
        }
        add(store, name, files)
    add(store, "copied", {"LICENSE": MIT, "lib/again.ex": module("Anchor", WORDS[0])})
    add(store, "gnu", {"lib/gnu.ex": module("Gnu", "copyleft")}, licenses=("GPL-3.0-only",))
    missing(store, "lost", Reason.GONE)
    return store


def at_commit(
    name: str,
    commit: str,
    body: bytes,
    *,
    id: int = 7,
    at: str = "2026-10-01T10:00:00Z",
    created_at: str | None = None,
    topics: tuple[str, ...] = (),
    is_fork: bool = False,
    license_hint: str | None = None,
) -> Archive:
    """Return the row of a repository on GitHub at a commit, with its snapshot in `body`."""
    return Archive(
        source=GITHUB,
        name=name,
        version=commit,
        url=f"https://api.github.com/repos/{name}/tarball/{commit}",
        sha256=hashlib.sha256(body).hexdigest(),
        bytes=len(body),
        licenses=(),
        requirements=(),
        links=(Link("GitHub", f"https://github.com/{name}"),),
        published_at=at,
        first_published_at=created_at,
        retirement=None,
        advisories=(),
        fetched_at="2026-11-02T10:00:00Z",
        repository=HostedRepository(
            id=id,
            stars=12,
            topics=topics,
            default_branch="main",
            committed_at=at,
            created_at=created_at or "2020-01-01T00:00:00Z",
            pushed_at=at,
            kilobytes=3,
            is_fork=is_fork,
            is_archived=False,
            is_mirror=False,
            is_template=False,
            license_hint=license_hint,
        ),
    )
