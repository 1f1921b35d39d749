"""Archives of every bad kind in one store: each is an answer of its own, and the rest is read."""

import tarfile
from collections.abc import Mapping
from hashlib import sha512

import pytest

from corpus.build import build
from corpus.configuration import BuildConfig
from corpus.release import Release
from corpus.store import ArchiveStore
from tests.corpus.tarballs import compressed, entry, hex_tarball, hex_tarball_of, tar, tar_of
from tests.executors import LASTING
from tests.stores import add, module

LATIN1 = """{<<"name">>,<<"latin">>}.
{<<"version">>,<<"1.0.0">>}.
{<<"licenses">>,[<<"MIT">>]}.
{<<"description">>,<<"caf\xe9">>}.
""".encode("latin1")
LEGACY = b"""{<<"name">>,<<"legacy">>}.
{<<"version">>,<<"1.0.0">>}.
{<<"licenses">>,[<<"MIT">>]}.
{<<"requirements">>,[[{<<"name">>,<<"plug">>},{<<"requirement">>,<<"~> 1.0">>}]]}.
"""
MEGABYTE = 1 << 20


def numbered(count: int) -> bytes:
    """Return lines that hardly compress."""
    return b"\n".join(b"# %x" % (number**9) for number in range(count))


def escaping() -> bytes:
    """Return contents that point out of their folder in every way."""
    good = module("Good", "alpha")
    return tar_of(
        [
            (entry("../../etc/x.ex", 1), b"1"),
            (entry("/abs.ex", 1), b"1"),
            (entry("lib/link.ex", kind=tarfile.SYMTYPE), b""),
            (entry("lib/hard.ex", kind=tarfile.LNKTYPE), b""),
            (entry("lib/null.ex", kind=tarfile.CHRTYPE), b""),
            (entry("lib/good.ex", len(good)), good),
            (entry("lib/GOOD.ex", 1), b"1"),
        ],
        tarfile.USTAR_FORMAT,
    )


REASONS = {
    "empty": "truncated",
    "page": "not_a_tarball",
    "short": "truncated",
    "no_terms": "malformed_metadata",
    "ratio": "expansion_ratio",
    "count": "too_many_files",
    "cut": "truncated",
}
"""Why each archive that cannot be opened is none."""


def unreadable() -> Mapping[str, bytes]:
    """Return the archives that cannot be opened; to pack them takes two seconds."""
    many = {f"lib/{n}.ex": sha512(b"%d" % n).digest() for n in range(20_001)}
    return {
        "empty": b"",
        "page": b"<!DOCTYPE html><html></html>",
        "short": hex_tarball_of({"lib/a.ex": numbered(500)})[:2500],
        "no_terms": hex_tarball_of({"lib/a.ex": b"1"}, b"this is no term"),
        "ratio": hex_tarball_of({"lib/zeros.ex": bytes(64 * MEGABYTE)}),
        "count": hex_tarball(compressed(tar(many))),
        "cut": hex_tarball(compressed(tar({"lib/a.ex": numbered(500)}))[:2000]),
    }


@pytest.fixture(scope="module")
def release(tmp_path_factory: pytest.TempPathFactory) -> Release:
    folder = tmp_path_factory.mktemp("hostile")
    store = ArchiveStore(folder / "store")
    for name, body in unreadable().items():
        add(store, name, {}, body=body)
    add(store, "latin", {}, body=hex_tarball_of({"lib/l.ex": module("L", "lima")}, LATIN1))
    add(store, "legacy", {}, body=hex_tarball_of({"lib/g.ex": module("G", "golf")}, LEGACY))
    add(store, "large", {"lib/ten.ex": numbered(500_000), "lib/e.ex": module("E", "echo")})
    add(store, "escaping", {}, body=hex_tarball(compressed(escaping())))
    return build(store, folder / "out", BuildConfig(), LASTING)


def test_archives_that_cannot_be_opened_are_rejects_with_their_reason(release: Release) -> None:
    rejects = release.read("rejects", ["package", "path", "reason"]).to_pylist()
    found = {row["package"]: row["reason"] for row in rejects if row["path"] == ""}
    assert found == REASONS


def test_members_that_would_leave_their_folder_are_rejects_and_the_others_are_read(
    release: Release,
) -> None:
    rejects = release.read("rejects", ["package", "path", "reason"]).to_pylist()
    found = {row["path"]: row["reason"] for row in rejects if row["package"] == "escaping"}
    assert found == {
        "../../etc/x.ex": "unsafe_path",
        "/abs.ex": "unsafe_path",
        "lib/link.ex": "link",
        "lib/hard.ex": "link",
        "lib/null.ex": "special_file",
        "lib/GOOD.ex": "case_collision",
    }


def test_a_file_of_ten_megabytes_is_one_reject(release: Release) -> None:
    rejects = release.read("rejects", ["package", "path", "reason", "bytes"]).to_pylist()
    (large,) = [row for row in rejects if row["package"] == "large"]
    assert (large["path"], large["reason"]) == ("lib/ten.ex", "oversized")
    assert large["bytes"] > 10 * MEGABYTE


def test_whatever_was_right_is_a_document(release: Release) -> None:
    documents = release.read("documents", ["package", "path"]).to_pylist()
    assert sorted((row["package"], row["path"]) for row in documents) == [
        ("escaping", "lib/good.ex"),
        ("large", "lib/e.ex"),
        ("latin", "lib/l.ex"),
        ("legacy", "lib/g.ex"),
    ]
