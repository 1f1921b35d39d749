"""Our registry against the reference implementation that Debian's rebar3 embeds."""

import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from corpus.packages import Advisory
from crawler.registry import (
    Dependency,
    PackageReleases,
    PackageVersions,
    Release,
    Retirement,
    read_package,
    read_versions,
)
from demo import reference
from demo.hex_repository import (
    Publication,
    package_payload,
    public_pem,
    publish,
    signed,
    versions_payload,
)
from demo.reference import RegistryDependency, RegistryRelease, decode_registry, sign_registry

pytestmark = [
    pytest.mark.toolchain,
    pytest.mark.skipif(reference.unavailable() is not None, reason=str(reference.unavailable())),
]

OLD, NEW = "11" * 32, "22" * 32


def test_a_registry_signed_by_the_reference_reads_the_same(key: RSAPrivateKey) -> None:
    releases = [
        RegistryRelease(
            version="1.0.0",
            inner_checksum="33" * 32,
            outer_checksum=OLD,
            retired="RETIRED_DEPRECATED",
            retirement_message="use späm",
        ),
        RegistryRelease(
            version="1.1.0-rc.1",
            inner_checksum="33" * 32,
            outer_checksum=NEW,
            dependencies=(
                RegistryDependency(package="mime", requirement="~> 2.0", optional=True),
                RegistryDependency(package="plug_crypto", requirement=">= 0.0.0", app="crypto"),
            ),
        ),
    ]
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption())
    served = sign_registry({"plug": releases}, repository="hexpm", private_key=pem)

    assert read_versions(served["versions"], key.public_key(), "hexpm") == (
        PackageVersions(
            name="plug", versions=("1.0.0", "1.1.0-rc.1"), retired=frozenset({"1.0.0"})
        ),
    )
    assert read_package(served["packages/plug"], key.public_key(), "hexpm", "plug") == (
        PackageReleases(
            name="plug",
            releases=(
                Release(
                    version="1.0.0",
                    outer_checksum=OLD,
                    retirement=Retirement(reason="deprecated", message="use späm"),
                ),
                Release(
                    version="1.1.0-rc.1",
                    outer_checksum=NEW,
                    dependencies=(
                        Dependency(package="mime", requirement="~> 2.0", optional=True),
                        Dependency(package="plug_crypto", requirement=">= 0.0.0", app="crypto"),
                    ),
                ),
            ),
        )
    )


def sample() -> Publication:
    return publish(
        {
            "name": "plug",
            "version": "1.0.0",
            "requirements": {"mime": {"requirement": "~> 2.0", "optional": True, "app": "mime"}},
        },
        {"lib/plug.ex": b"defmodule Plug do\nend\n"},
        retirement=Retirement(reason="security", message="leaks"),
        advisories=[Advisory("GHSA-1")],
        published_at=1_700_000_000,
    )


def test_the_reference_accepts_and_reads_what_we_sign(key: RSAPrivateKey) -> None:
    body = signed(package_payload("plug", [sample()], "hexpm"), key)
    verdict = decode_registry(body, repository="hexpm", public_key=public_pem(key), package="plug")
    ours = read_package(body, key.public_key(), "hexpm", "plug").releases[0]

    assert verdict.error is None
    assert isinstance(verdict.value, list)
    (theirs,) = verdict.value
    assert theirs["version"] == "1.0.0"
    assert theirs["outer_checksum"] == ours.outer_checksum
    assert theirs["retired"] == {"reason": "RETIRED_SECURITY", "message": "leaks"}
    assert theirs["dependencies"] == [
        {"package": "mime", "requirement": "~> 2.0", "optional": True}
    ]

    index = signed(versions_payload({"plug": [sample()]}, "hexpm"), key)
    verdict = decode_registry(index, repository="hexpm", public_key=public_pem(key))
    assert verdict.value == [{"name": "plug", "versions": ["1.0.0"], "retired": [0]}]


def test_the_reference_refuses_what_we_refuse(key: RSAPrivateKey) -> None:
    body = signed(package_payload("plug", [sample()], "hexpm"), key)
    pem = public_pem(key)
    for repository, package in (("acme", "plug"), ("hexpm", "plum")):
        verdict = decode_registry(body, repository=repository, public_key=pem, package=package)
        assert verdict.error is not None
    stranger = signed(package_payload("plug", [sample()], "hexpm"), key)[:-20]
    assert decode_registry(stranger, repository="hexpm", public_key=pem, package="plug").error
