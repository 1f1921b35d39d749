from pathlib import Path
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from corpus.sources import open_hex_tarball
from crawler.registry import Dependency, read_package, read_public_key, read_versions
from demo import reference
from demo.hex_repository import BrokenKey, private_key, publish, serve, write_repository
from demo.hex_tarball import Term, inner_checksum, pack

METADATA: dict[str, Term] = {
    "name": "alpha",
    "version": "1.0.0",
    "description": 'Says "hello",\nand \\ more: ü',
    "licenses": ["MIT"],
    "links": {"Home": "https://home.test"},
    "requirements": {"beta": {"app": "beta", "optional": True, "requirement": "~> 1.0"}},
    "extra": {"count": 3},
}
ELLIPTIC = generate_private_key(SECP256R1()).private_bytes(
    Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()
)
FILES = {"lib/alpha.ex": b"defmodule Alpha do\nend\n", "LICENSE": b"MIT\n"}


def test_a_tarball_is_the_same_bytes_each_time_and_opens() -> None:
    tarball = pack(METADATA, FILES)
    assert tarball == pack(METADATA, dict(reversed(FILES.items())))

    opened = open_hex_tarball(tarball)
    assert opened.metadata.description == METADATA["description"]
    assert opened.metadata.licenses == ("MIT",)
    assert {member.path: member.data for member in opened.members()} == FILES  # type: ignore[union-attr]


@pytest.mark.toolchain
@pytest.mark.skipif(reference.unavailable() is not None, reason=str(reference.unavailable()))
def test_the_reference_opens_what_we_pack(tmp_path: Path) -> None:
    path = tmp_path / "alpha.tar"
    path.write_bytes(pack(METADATA, FILES))

    (verdict,) = reference.unpack_many([path])

    assert verdict.error is None
    assert (
        reference.told(verdict.value)["inner_checksum"] == inner_checksum(path.read_bytes()).hex()
    )


@pytest.mark.parametrize("content", [b"", b"-----BEGIN PRIVATE KEY-----\nhalf a k", ELLIPTIC])
def test_a_broken_key_is_told_with_what_to_do_and_made_anew(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "private_key.pem"
    path.write_bytes(content)

    with pytest.raises(BrokenKey, match=r"private_key\.pem: no RSA private key\. Delete the file"):
        private_key(tmp_path)

    path.unlink()
    assert private_key(tmp_path).key_size == 2048


def test_a_written_repository_reads_back_and_is_the_same_bytes_each_time(tmp_path: Path) -> None:
    key = private_key(tmp_path / "keys")
    assert private_key(tmp_path / "keys").private_numbers() == key.private_numbers()
    releases = [publish(METADATA, FILES), publish({"name": "alpha", "version": "0.9.0"}, FILES)]
    for folder in ("one", "two"):
        write_repository(releases, tmp_path / folder, key, "demo")

    public = read_public_key(tmp_path / "one" / "public_key")
    versions = (tmp_path / "one" / "versions").read_bytes()
    package = (tmp_path / "one" / "packages" / "alpha").read_bytes()
    assert read_versions(versions, public, "demo")[0].versions == ("0.9.0", "1.0.0")
    assert read_package(package, public, "demo", "alpha").releases[1].dependencies == (
        Dependency(package="beta", requirement="~> 1.0", optional=True),
    )
    assert versions == (tmp_path / "two" / "versions").read_bytes()
    assert package == (tmp_path / "two" / "packages" / "alpha").read_bytes()


def test_the_server_answers_304_to_those_who_have_it_and_serves_no_other_folder(
    tmp_path: Path,
) -> None:
    (tmp_path / "served").mkdir()
    (tmp_path / "served" / "versions").write_bytes(b"index")
    (tmp_path / "secret").write_bytes(b"secret")
    with serve(tmp_path / "served") as url:
        with urlopen(f"{url}/versions") as response:
            assert response.read() == b"index"
            etag = response.headers["ETag"]
        assert refusal(Request(f"{url}/versions", headers={"If-None-Match": etag})) == 304
        assert refusal(Request(f"{url}/../secret")) == 404
        assert refusal(Request(f"{url}/")) == 404


def refusal(request: Request) -> int:
    """Return the status of a request that is not answered 200."""
    with pytest.raises(HTTPError) as caught:
        urlopen(request)
    caught.value.close()
    return caught.value.code
