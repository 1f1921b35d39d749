"""Packages and the repositories they are published from, in one store: the demo's packages, as
tarballs without their tests, and as the trees that their authors work in."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from corpus.build import build
from corpus.configuration import BuildConfig
from corpus.counterparts import preference
from corpus.optout.ledger import Kind, Ledger, add, read_ledger, removal
from corpus.parts import write_part
from corpus.release import Release
from corpus.release.statement import statement
from corpus.sources import GITHUB, snapshot
from corpus.store import Archive, ArchiveStore, Link
from corpus.tables import ALIGNMENTS
from demo.github_archive import Tree, packed
from demo.packages import PACKAGES
from tests.executors import LASTING
from tests.stores import MIT, at_commit, module
from tests.stores import add as publish

Files = Mapping[str, bytes]
BEGUN, RELEASED = "2020-01-01T00:00:00Z", "2024-05-01T10:00:00Z"
"""Repositories are older than the packages that are published from them."""
COMMITTED = "2026-10-01T10:00:00Z"


def source(name: str) -> dict[str, bytes]:
    """Return the files of a package of the demo, with a licence."""
    folder = PACKAGES / name / "source"
    files = {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*.*")}
    return {**files, "LICENSE": MIT}


def tarball(files: Files) -> dict[str, bytes]:
    """Return what `mix hex.publish` takes of a project."""
    taken = ("lib/", "mix.exs", "README", "LICENSE")
    return {path: data for path, data in files.items() if path.startswith(taken)}


def below(folder: str, files: Files) -> dict[str, bytes]:
    return {f"{folder}/{path}": data for path, data in files.items()}


def edited(files: Files, prefix: str) -> dict[str, bytes]:
    """Return files of which those below a prefix have one function more, which nobody else has."""
    return {
        path: data.rstrip().removesuffix(b"end")
        + f"\n  def {added(path)}(n), do: n\nend\n".encode()
        if path.startswith(prefix)
        else data
        for path, data in files.items()
    }


def added(path: str) -> str:
    return f"later_{path.rpartition('/')[2].partition('.')[0]}"


def host(
    store: ArchiveStore, name: str, files: Files, *, created_at: str = BEGUN, is_fork: bool = False
) -> Archive:
    """Put a repository into a store, at a commit that follows from its files."""
    commit = hashlib.sha1(repr(sorted(files.items())).encode(), usedforsecurity=False).hexdigest()
    body = snapshot(packed(Tree(files=files), commit, folder="x"), commit).body
    archive = at_commit(
        name, commit, body, id=len(name), at=COMMITTED, created_at=created_at, is_fork=is_fork
    )
    store.put(archive, body)
    return archive


def built(store: ArchiveStore, out: Path, ledger: Ledger | None = None) -> Release:
    return build(store, out, BuildConfig(), LASTING, ledger=ledger)


def kept(release: Release) -> dict[tuple[str, str], dict[str, Any]]:
    """Return the documents of a release by package and path."""
    rows = release.read("documents").to_pylist()
    return {(row["package"], row["path"]): row for row in rows}


def dropped(release: Release, package: str) -> dict[str, dict[str, Any]]:
    """Return the duplicates of a package by path."""
    rows = release.read("rejects").to_pylist()
    return {
        row["path"]: row
        for row in rows
        if row["package"] == package and row["stage"] == "deduplicate"
    }


def aligned(release: Release) -> dict[str, tuple[Any, ...]]:
    """Return what versions on Hex are aligned with: repository, commit, folder and share."""
    names = ("repository", "commit", "repository_folder", "aligned_share")
    rows = release.read("attribution").to_pylist()
    return {
        f"{row['package']} {row['version']}": tuple(row[name] for name in names)
        for row in rows
        if row["source"] == "hex"
    }


def test_a_version_and_its_commit_are_one_package_which_the_tarball_represents(
    tmp_path: Path,
) -> None:
    store, files = ArchiveStore(tmp_path / "store"), source("drossel")
    publish(store, "drossel", tarball(files), published_at=RELEASED)
    repository = host(store, "ada/drossel", files)

    release = built(store, tmp_path / "out")
    documents, gone = kept(release), dropped(release, "ada/drossel")

    library = [path for path in files if path.startswith("lib/")]
    assert {path for package, path in documents if package == "drossel"} >= set(library)
    assert {path for package, path in documents if package == "ada/drossel"} == {
        *("config/config.exs", "test/drossel_test.exs", "test/drossel/bucket_test.exs"),
        "test/test_helper.exs",
    }
    for path in library:
        assert (gone[path]["reason"], gone[path]["representative_id"]) == (
            "exact_duplicate",
            documents["drossel", path]["document_id"],
        )
        told = "; drossel 1.0.0 on Hex has the same file and is published from here"
        assert gone[path]["detail"].endswith(told)
    for row in documents.values():
        assert row["repository"] == "https://github.com/ada/drossel"
        assert (row["stars"], row["repository_created_at"]) == (12, BEGUN)
        if row["path"] != "mix.exs":
            assert (row["commit"], row["committed_at"]) == (repository.version, COMMITTED)
    assert len({row["split"] for row in documents.values()}) == 1
    address = "https://github.com/ada/drossel"
    assert aligned(release) == {"drossel 1.0.0": (address, repository.version, "", 1.0)}


def test_of_a_repository_that_drifted_the_tarball_still_represents_what_resembles_it(
    tmp_path: Path,
) -> None:
    store, files = ArchiveStore(tmp_path / "store"), source("cronline") | source("drossel")
    publish(store, "drossel", tarball(files), published_at=RELEASED)
    later = edited(files, "lib/drossel/") | {"lib/drossel/report.ex": module("Report", "a b c")}
    repository = host(store, "ada/drossel", later)

    release = built(store, tmp_path / "out")
    documents, gone = kept(release), dropped(release, "ada/drossel")

    assert {path for package, path in documents if package == "drossel"} >= {
        path for path in files if path.startswith("lib/")
    }
    near = gone["lib/drossel/store.ex"]
    assert near["reason"] == "near_duplicate"
    assert near["representative_id"] == documents["drossel", "lib/drossel/store.ex"]["document_id"]
    assert ("ada/drossel", "lib/drossel/report.ex") in documents
    # The commit is told for what it has unchanged.
    assert documents["drossel", "lib/drossel.ex"]["commit"] == repository.version
    assert documents["drossel", "lib/drossel/store.ex"]["commit"] is None
    assert documents["drossel", "lib/drossel/store.ex"]["stars"] == 12
    (told,) = aligned(release).values()
    assert told == ("https://github.com/ada/drossel", repository.version, "", 4 / 11)
    assert len({row["split"] for row in documents.values()}) == 1


def test_a_repository_of_several_packages_adds_the_application_that_is_in_none(
    tmp_path: Path,
) -> None:
    store = ArchiveStore(tmp_path / "store")
    parts = {name: source(name) for name in ("drossel", "herald", "graphwalk")}
    publish(store, "drossel", tarball(parts["drossel"]), published_at=RELEASED)
    publish(store, "herald", tarball(parts["herald"]), published_at="2025-05-01T10:00:00Z")
    umbrella = {"LICENSE": MIT, "mix.exs": module("Umbrella.MixProject", "project")}
    for name, files in parts.items():
        umbrella |= below(f"apps/{name}", files)
    repository = host(store, "ada/umbrella", umbrella)

    release = built(store, tmp_path / "out")
    documents, gone = kept(release), dropped(release, "ada/umbrella")

    address = "https://github.com/ada/umbrella"
    assert aligned(release) == {
        "drossel 1.0.0": (address, repository.version, "apps/drossel/", 1.0),
        "herald 1.0.0": (address, repository.version, "apps/herald/", 1.0),
    }
    own = {path for package, path in documents if package == "ada/umbrella"}
    assert {path.split("/")[1] for path in own if "/lib/" in path} == {"graphwalk"}
    assert {"apps/drossel/test/drossel_test.exs", "apps/herald/test/herald_test.exs"} <= own
    assert {path for path in umbrella if "apps/herald/lib/" in path} <= set(gone)
    assert len({row["split"] for row in documents.values()}) == 1


def test_a_repository_that_says_it_is_the_package_is_not_believed(tmp_path: Path) -> None:
    store, files = ArchiveStore(tmp_path / "store"), source("drossel")
    # Even the tarball links to it, and it has the same paths, names of modules and configuration.
    links = (Link("GitHub", "https://github.com/eve/drossel"),)
    publish(store, "drossel", tarball(files), published_at=RELEASED, links=links)
    lies = {
        path: module(f"Drossel{number}", f"one{number} two{number} three{number}")
        if path.startswith("lib/")
        else data
        for number, (path, data) in enumerate(files.items())
    }
    host(store, "eve/drossel", lies)

    release = built(store, tmp_path / "out")
    documents = kept(release)

    assert aligned(release) == {"drossel 1.0.0": (None, None, None, None)}
    row = documents["drossel", "lib/drossel.ex"]
    assert row["repository"] == "https://github.com/eve/drossel"  # what its author says
    assert (row["commit"], row["stars"], row["committed_at"]) == (None, None, None)
    assert {path for package, path in documents if package == "eve/drossel"} >= {
        path for path in files if path.startswith("lib/")
    }


def test_a_repository_that_keeps_its_dependencies_is_not_theirs(tmp_path: Path) -> None:
    store = ArchiveStore(tmp_path / "store")
    parts = {name: source(name) for name in ("drossel", "herald")}
    shop = {"LICENSE": MIT, "lib/shop.ex": module("Shop", "amber birch cedar")}
    for name, files in parts.items():
        publish(store, name, tarball(files), published_at=RELEASED)
        shop |= below(f"deps/{name}", tarball(files))
    host(store, "bob/shop", shop)
    # It moved on, so the copy above has more of the version.
    original = host(store, "ada/drossel", edited(parts["drossel"], "lib/drossel/s"))

    told = aligned(built(store, tmp_path / "out"))

    address = "https://github.com/ada/drossel"
    assert told["drossel 1.0.0"][:2] == (address, original.version)
    assert told["herald 1.0.0"] == (None, None, None, None)


def test_of_a_fork_only_what_is_new_stays_and_the_original_is_told(tmp_path: Path) -> None:
    store, files = ArchiveStore(tmp_path / "store"), source("drossel")
    publish(store, "drossel", tarball(files), published_at=RELEASED)
    original = host(store, "zoe/drossel", files)
    fork = {**files, "lib/drossel/redis.ex": module("Drossel.Redis", "dial hang ring")}
    host(store, "ada/drossel", fork, created_at="2023-01-01T00:00:00Z", is_fork=True)

    release = built(store, tmp_path / "out")
    documents = kept(release)

    address = "https://github.com/zoe/drossel"
    assert aligned(release) == {"drossel 1.0.0": (address, original.version, "", 1.0)}
    own = {path for package, path in documents if package == "ada/drossel"}
    assert own == {"lib/drossel/redis.ex"}
    # The original has its tests, though its name comes later and both are older than the package.
    assert ("zoe/drossel", "test/drossel_test.exs") in documents
    assert len({row["split"] for row in documents.values()}) == 1


def test_what_a_tarball_links_to_chooses_only_between_commits_that_have_the_same_of_it(
    tmp_path: Path,
) -> None:
    store, files = ArchiveStore(tmp_path / "store"), source("drossel")
    links = (Link("GitHub", "https://github.com/zoe/drossel"),)
    publish(store, "drossel", tarball(files), published_at=RELEASED, links=links)
    host(store, "ada/drossel", {**files, "NEWS": b"1"})
    host(store, "zoe/drossel", {**files, "NEWS": b"2"}, created_at="2022-01-01T00:00:00Z")
    publish(store, "herald", tarball(source("herald")), published_at=RELEASED, links=links)

    told = aligned(built(store, tmp_path / "out"))

    assert told["drossel 1.0.0"][0] == "https://github.com/zoe/drossel"
    assert told["herald 1.0.0"] == (None, None, None, None)


def test_each_version_has_the_commit_that_has_most_of_it(tmp_path: Path) -> None:
    store, files = ArchiveStore(tmp_path / "store"), tarball(source("drossel"))
    first = {**files, "lib/drossel/legacy.ex": module("Drossel.Legacy", "amber birch cedar")}
    publish(store, "drossel", first, version="1.0.0", published_at=RELEASED)
    second = edited(files, "lib/drossel/s")
    publish(store, "drossel", second, version="2.0.0", published_at=COMMITTED)
    repository = host(store, "ada/drossel", second)
    old = host(store, "ada/old", first)

    told = aligned(built(store, tmp_path / "out"))

    address = "https://github.com/ada/"
    assert told == {
        "drossel 1.0.0": (f"{address}old", old.version, "", 1.0),
        "drossel 2.0.0": (f"{address}drossel", repository.version, "", 1.0),
    }


def test_a_duplicate_names_the_version_that_represents_it(tmp_path: Path) -> None:
    store, files = ArchiveStore(tmp_path / "store"), tarball(source("drossel"))
    publish(store, "drossel", files, version="9.0.0", published_at=RELEASED)
    later = edited(files, "lib/drossel/s")
    publish(store, "drossel", later, version="10.0.0", published_at=COMMITTED)
    host(store, "ada/drossel", later)

    release = built(store, tmp_path / "out")

    documents = {row["document_id"]: row for row in release.read("documents").to_pylist()}
    row = dropped(release, "ada/drossel")["lib/drossel.ex"]
    represented = documents[row["representative_id"]]
    assert row["detail"].endswith(
        f"; drossel {represented['version']} on Hex has the same file and is published from here"
    )
    assert represented["version"] == "10.0.0"


@pytest.mark.parametrize("windows", ["hex", "github"])
def test_line_ends_of_another_system_are_no_difference(tmp_path: Path, windows: str) -> None:
    store, files = ArchiveStore(tmp_path / "store"), source("drossel")
    converted = {path: data.replace(b"\n", b"\r\n") for path, data in files.items()}
    at_hex, at_github = (converted if windows == name else files for name in ("hex", "github"))
    publish(store, "drossel", tarball(at_hex), published_at=RELEASED)
    repository = host(store, "ada/drossel", at_github)

    release = built(store, tmp_path / "out")

    address = "https://github.com/ada/drossel"
    assert aligned(release) == {"drossel 1.0.0": (address, repository.version, "", 1.0)}
    row = kept(release)["drossel", "lib/drossel.ex"]
    assert (row["repository"], row["commit"]) == (address, repository.version)
    gone = dropped(release, "ada/drossel")["lib/drossel.ex"]
    assert gone["representative_id"] == row["document_id"]
    assert "has the same file" not in gone["detail"]  # its bytes are others


def test_a_repository_that_renamed_its_folders_is_aligned_by_content(tmp_path: Path) -> None:
    store, files = ArchiveStore(tmp_path / "store"), source("drossel")
    publish(store, "drossel", tarball(files), published_at=RELEASED)
    renamed = {
        path.replace("lib/drossel", "apps/weir/src/weir"): data for path, data in files.items()
    }
    repository = host(store, "ada/weir", renamed)

    release = built(store, tmp_path / "out")

    address = "https://github.com/ada/weir"
    assert aligned(release) == {
        "drossel 1.0.0": (address, repository.version, "apps/weir/src/", 1.0)
    }
    assert {row["commit"] for row in kept(release).values() if row["role"] == "library"} == {
        repository.version
    }


def test_a_copy_at_the_same_paths_is_not_told_before_the_repository_that_moved_them(
    tmp_path: Path,
) -> None:
    store, files = ArchiveStore(tmp_path / "store"), source("drossel")
    links = (Link("GitHub", "https://github.com/ada/weir"),)
    publish(store, "drossel", tarball(files), published_at=RELEASED, links=links)
    host(store, "bob/shop", {"LICENSE": MIT} | below("third_party/drossel", tarball(files)))
    renamed = {path.replace("lib/drossel", "src/weir"): data for path, data in files.items()}
    host(store, "ada/weir", renamed)

    told = aligned(built(store, tmp_path / "out"))

    assert told["drossel 1.0.0"][0] == "https://github.com/ada/weir"


def test_of_a_repository_that_opted_out_nothing_is_told(tmp_path: Path) -> None:
    store, files = ArchiveStore(tmp_path / "store"), source("drossel")
    publish(store, "drossel", tarball(files), published_at=RELEASED)
    host(store, "ada/drossel", files)
    path = tmp_path / "optout.jsonl"
    add(path, [removal(Kind.REPOSITORY, "github.com/ada/drossel", "asked")], date(2026, 11, 30))

    release = built(store, tmp_path / "out", read_ledger(path))

    assert aligned(release) == {"drossel 1.0.0": (None, None, None, None)}
    assert {row["package"] for row in kept(release).values()} == {"drossel"}
    assert {row["repository"] for row in kept(release).values()} == {None}


def test_the_commit_of_a_tag_says_where_a_version_is_from_unless_it_opted_out(
    tmp_path: Path,
) -> None:
    store, files = ArchiveStore(tmp_path / "store"), source("drossel")
    publish(store, "drossel", tarball(files), published_at=RELEASED)
    head = host(store, "ada/drossel", edited(files, "lib/drossel/s"))
    tag = tagged(store, "ada/drossel", files, "v1.0.0")

    release = built(store, tmp_path / "out")

    address = "https://github.com/ada/drossel"
    assert aligned(release) == {"drossel 1.0.0": (address, tag.version, "", 1.0)}
    documents = kept(release)
    row = documents["drossel", "lib/drossel/store.ex"]
    assert (row["commit"], row["committed_at"]) == (tag.version, RELEASED)
    assert {row["version"] for row in documents.values()} == {"1.0.0", head.version}
    gone = dropped(release, "ada/drossel")["lib/drossel.ex"]
    assert gone["detail"].endswith(
        "; drossel 1.0.0 on Hex has the same file and is published from here"
    )

    path = tmp_path / "optout.jsonl"
    add(path, [removal(Kind.REPOSITORY, "github.com/ada/drossel", "asked")], date(2026, 11, 30))
    without = built(store, tmp_path / "without", read_ledger(path))
    assert aligned(without) == {"drossel 1.0.0": (None, None, None, None)}
    assert without.manifest.tags == ()


def test_tags_are_inputs_of_the_manifest_and_a_damaged_one_is_refused_with_its_reason(
    tmp_path: Path,
) -> None:
    store, files = ArchiveStore(tmp_path / "store"), source("drossel")
    publish(store, "drossel", tarball(files), published_at=RELEASED)
    whole = tagged(store, "ada/drossel", files, "v1.0.0")
    damaged = tagged(store, "ada/drossel", edited(files, "lib/"), "v1.1.0")
    tagged(store, "ada/drossel", edited(files, "lib/"), "drossel-1.1.0", damaged.version)
    for path in (store.root / "tags").rglob(f"drossel-{damaged.version}-*.tar"):
        path.write_bytes(b"damaged")

    release = built(store, tmp_path / "out")

    (tag,) = release.manifest.tags
    assert (tag.package, tag.version, tag.tag) == ("ada/drossel", whole.version, "v1.0.0")
    (told,) = [row for row in release.read("rejects").to_pylist() if row["path"] == ""]
    assert (told["package"], told["reason"]) == ("ada/drossel", "checksum_mismatch")
    assert told["detail"].startswith("the commit of the tag ")
    assert (release.manifest.archives_seen, len(release.manifest.inputs)) == (2, 1)
    named = json.loads(statement(release.manifest, "0" * 64))["predicate"]
    dependencies = named["buildDefinition"]["resolvedDependencies"]
    assert {
        "uri": f"pkg:github/ada/drossel@{whole.version}",
        "digest": {"sha256": whole.sha256},
        "annotations": {"kept": "no", "tag": "v1.0.0"},
    } in dependencies


def test_the_commit_of_a_tag_that_cannot_be_opened_is_a_reject_with_the_reason(
    tmp_path: Path,
) -> None:
    store, files = ArchiveStore(tmp_path / "store"), source("drossel")
    publish(store, "drossel", tarball(files), published_at=RELEASED)
    whole = tagged(store, "ada/drossel", files, "v1.0.0")
    odd = replace(whole, sha256=hashlib.sha256(b"odd").hexdigest(), bytes=3, version="d" * 40)
    store.put_tag(odd, b"odd")

    release = built(store, tmp_path / "out")

    assert [tag.version for tag in release.manifest.tags] == [whole.version]
    (told,) = [row for row in release.read("rejects").to_pylist() if row["path"] == ""]
    assert (told["package"], told["stage"], told["reason"]) == (
        *("ada/drossel", "unpack", "not_a_tarball"),
    )
    assert told["detail"].startswith("the commit of the tag v1.0.0: ")
    assert aligned(release)["drossel 1.0.0"][1] == whole.version


def test_a_commit_with_tags_of_two_packages_is_that_of_each(tmp_path: Path) -> None:
    store, files = ArchiveStore(tmp_path / "store"), source("drossel")
    publish(store, "drossel", tarball(files), published_at=RELEASED)
    # Other commits of the same files do not win, whatever their ids are.
    others = [tagged(store, "ada/drossel", {**files, "n": b"%d" % n}, f"v2.{n}") for n in range(3)]
    own = tagged(store, "ada/drossel", {**files, "n": b""}, "drossel-1.0.0")
    tagged(store, "ada/drossel", {**files, "n": b""}, "tool-1.0.0", own.version)

    assert aligned(built(store, tmp_path / "out"))["drossel 1.0.0"][1] == own.version
    assert own.version > min(other.version for other in others)


def test_the_commit_of_a_tag_is_opted_out_if_one_of_its_repositories_is(tmp_path: Path) -> None:
    store, files = ArchiveStore(tmp_path / "store"), source("drossel")
    publish(store, "drossel", tarball(files), published_at=RELEASED)
    tagged(store, "ada/drossel", files, "v1.0.0")
    tagged(store, "bob/drossel", files, "v1.0.0")
    path = tmp_path / "optout.jsonl"
    add(path, [removal(Kind.REPOSITORY, "github.com/ada/drossel", "asked")], date(2026, 11, 30))

    release = built(store, tmp_path / "out", read_ledger(path))

    assert aligned(release) == {"drossel 1.0.0": (None, None, None, None)}
    assert release.manifest.tags == ()


def tagged(
    store: ArchiveStore, name: str, files: Files, tag: str, commit: str | None = None
) -> Archive:
    """Put the commit of a tag into a store."""
    commit = commit or hashlib.sha1(tag.encode(), usedforsecurity=False).hexdigest()
    body = snapshot(packed(Tree(files=files), commit, folder="x"), commit).body
    row = at_commit(name, commit, body, id=len(name), at=RELEASED, created_at=BEGUN)
    assert row.repository
    archive = replace(row, repository=replace(row.repository, tag=tag))
    store.put_tag(archive, body)
    return archive


def test_a_repository_loses_its_place_to_its_packages_only_and_nobody_gains_one(
    tmp_path: Path,
) -> None:
    names = {"package": "cart", "host": "ada/cart"}
    path = tmp_path / "alignments.arrow"
    write_part(pa.Table.from_pylist([names], schema=ALIGNMENTS), path)
    archives = [
        *(placed("hex", name) for name in ("cart", "old", "new", "undated")),
        *(placed(GITHUB, name) for name in ("ada/cart", "bob/tool")),
    ]
    published = {
        ("hex", "old"): 1,
        (GITHUB, "ada/cart"): 2,
        (GITHUB, "bob/tool"): 3,
        ("hex", "cart"): 4,
        ("hex", "new"): 5,
    }
    places = preference(archives, published, path)
    ordered = sorted(places, key=lambda package: places[package])
    assert [name for _, name in ordered] == [
        "old",
        "bob/tool",
        "cart",
        "ada/cart",
        "new",
        "undated",
    ]

    del published["hex", "cart"]
    places = preference(archives, published, path)
    assert places["hex", "cart"] == places["hex", "undated"] > places["hex", "new"]
    assert places[GITHUB, "ada/cart"] > places["hex", "cart"]


def test_a_later_copy_of_a_package_is_not_preferred_to_the_repository(tmp_path: Path) -> None:
    path = tmp_path / "alignments.arrow"
    rows = [
        {"package": "cart", "host": "ada/cart", "contents": ["a", "b"]},
        {"package": "cart_cli", "host": "ada/cart", "contents": ["c"]},
        {"package": "thief", "host": "ada/cart", "contents": ["a"]},
    ]
    write_part(pa.Table.from_pylist(rows, schema=ALIGNMENTS), path)
    names = ("cart", "cart_cli", "thief")
    archives = [*(placed("hex", name) for name in names), placed(GITHUB, "ada/cart")]
    published = {
        (GITHUB, "ada/cart"): 2,
        ("hex", "cart"): 4,
        ("hex", "cart_cli"): 6,
        ("hex", "thief"): 9,
    }
    places = preference(archives, published, path)
    ordered = sorted(places, key=lambda package: places[package])
    assert [name for _, name in ordered] == ["cart", "cart_cli", "ada/cart", "thief"]


def placed(source: str, name: str) -> Archive:
    return Archive(
        source=source,
        name=name,
        version="1.0.0",
        url="",
        sha256="",
        bytes=0,
        licenses=(),
        requirements=(),
        links=(),
        published_at=None,
        retirement=None,
        advisories=(),
        fetched_at="",
    )
