"""What the reference signs, the reference reads: the seam that the crawler's tests stand on."""

import gzip

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from demo.reference import (
    ReferenceFailed,
    RegistryDependency,
    RegistryRelease,
    decode_registry,
    sign_registry,
    unavailable,
)

pytestmark = [
    pytest.mark.toolchain,
    pytest.mark.skipif(unavailable() is not None, reason=str(unavailable())),
]

RELEASES = (
    RegistryRelease(version="1.0.0", inner_checksum="01" * 32, outer_checksum="ab" * 32),
    RegistryRelease(
        version="1.1.0",
        inner_checksum="02" * 32,
        outer_checksum="cd" * 32,
        dependencies=(
            RegistryDependency(package="ecto", requirement="~> 3.0", optional=True, app="ecto_"),
        ),
        retired="RETIRED_SECURITY",
        retirement_message="CVE, größer",
    ),
)


def key_pair() -> tuple[bytes, bytes]:
    """Return an RSA key pair, private and public, as PEM."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    private = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    public = key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return private, public


def test_a_signed_registry_is_read_back_and_nothing_else_is() -> None:
    private, public = key_pair()
    _, other = key_pair()
    resources = sign_registry(
        {"decimal": RELEASES, "empty": ()}, repository="acme", private_key=private
    )
    assert sorted(resources) == ["packages/decimal", "packages/empty", "versions"]
    versions, package = resources["versions"], resources["packages/decimal"]

    assert decode_registry(versions, repository="acme", public_key=public).value == [
        {"name": "decimal", "versions": ["1.0.0", "1.1.0"], "retired": [1]},
        {"name": "empty", "versions": [], "retired": []},
    ]
    found = decode_registry(package, repository="acme", public_key=public, package="decimal")
    assert found.value == [
        {
            "version": "1.0.0",
            "inner_checksum": "01" * 32,
            "outer_checksum": "ab" * 32,
            "dependencies": [],
        },
        {
            "version": "1.1.0",
            "inner_checksum": "02" * 32,
            "outer_checksum": "cd" * 32,
            "dependencies": [
                {"package": "ecto", "requirement": "~> 3.0", "optional": True, "app": "ecto_"}
            ],
            "retired": {"reason": "RETIRED_SECURITY", "message": "CVE, größer"},
        },
    ]

    refused = [
        decode_registry(versions, repository="other", public_key=public),
        decode_registry(versions, repository="acme", public_key=other),
        decode_registry(package, repository="acme", public_key=public, package="float"),
    ]
    assert [verdict.error for verdict in refused] == ["unverified"] * 3
    altered = gzip.compress(gzip.decompress(versions).replace(b"1.1.0", b"9.9.9"))
    assert decode_registry(altered, repository="acme", public_key=public).error == "unverified"


def test_a_key_that_is_none_is_told() -> None:
    with pytest.raises(ReferenceFailed, match="versions: the reference did not sign it"):
        sign_registry({}, repository="acme", private_key=b"not a key")
