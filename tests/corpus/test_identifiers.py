"""Identifiers that others use too: SWHIDs and purls."""

import shutil
import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st

from corpus.identifiers import purl, swhid


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"", "swh:1:cnt:e69de29bb2d1d6434b8b29ae775ad8c2e48c5391"),
        # The file of the example folder in the tests of Software Heritage's data model.
        (b"42\n", "swh:1:cnt:d81cc0710eb6cf9efd5b920a8453e1e07157b6cd"),
        # The example of the chapter on Git objects in the book "Pro Git".
        (b"what is up, doc?", "swh:1:cnt:bd9dbf5aae1a3862dd1526723246b20206e5fc37"),
    ],
)
def test_a_swhid_is_what_others_have_published(data: bytes, expected: str) -> None:
    assert swhid(data) == expected


@pytest.mark.skipif(shutil.which("git") is None, reason="needs git")
def test_a_swhid_has_the_digits_of_git() -> None:
    data = bytes(range(256)) * 40 + b"\r\nlatin-1: \xe9\n"
    told = subprocess.run(
        ["git", "hash-object", "--no-filters", "--stdin"],
        input=data,
        capture_output=True,
        check=True,
    )
    assert swhid(data) == f"swh:1:cnt:{told.stdout.decode().strip()}"


@pytest.mark.parametrize(
    ("source", "package", "version", "expected"),
    [
        # Examples of the specification's definitions of types.
        ("hex", "jason", "1.1.2", "pkg:hex/jason@1.1.2"),
        ("hex", "acme/foo", "2.3.", "pkg:hex/acme/foo@2.3."),
        (
            "github",
            "package-url/purl-spec",
            "244fd47e07d1004",
            "pkg:github/package-url/purl-spec@244fd47e07d1004",
        ),
        ("folder", "openssl", "1.1.10g", "pkg:generic/openssl@1.1.10g"),
        # What they say of case: names and owners do not distinguish it, versions do.
        ("github", "Phoenix/LiveView", "ABC", "pkg:github/phoenix/liveview@ABC"),
        ("folder", "Acme/Shop", "V1", "pkg:generic/Acme/Shop@V1"),
        # A plus in a version of Hex is no separator, so it is encoded; a colon is not.
        ("hex", "plug", "1.0.0-rc.1+build", "pkg:hex/plug@1.0.0-rc.1%2Bbuild"),
        ("folder", "shop", "1:2 é", "pkg:generic/shop@1:2%20%C3%A9"),
        ("hex", "plug", "", "pkg:hex/plug"),
    ],
)
def test_a_purl_is_what_the_specification_says(
    source: str, package: str, version: str, expected: str
) -> None:
    assert purl(source, package, version) == expected


@given(st.text(), st.text(), st.text())
def test_a_purl_of_anything_is_printable_ascii(source: str, package: str, version: str) -> None:
    told = purl(source, package, version)
    assert told.isascii()
    assert told.isprintable()
    assert " " not in told
    assert told.count("@") == bool(version)
