import gzip
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from corpus.packages import Advisory
from crawler.proto import hex_registry_pb2 as wire
from crawler.registry import (
    BadSignature,
    Dependency,
    MalformedRegistry,
    PackageReleases,
    PackageVersions,
    RegistryError,
    Release,
    Retirement,
    UnusableKey,
    WrongRepository,
    expand,
    read_package,
    read_public_key,
    read_versions,
)
from demo.hex_repository import public_pem, signed

DIGEST = bytes(range(32))
KEY = generate_private_key(public_exponent=65537, key_size=2048)
PUBLIC = KEY.public_key()


def versions(**fields: object) -> bytes:
    index = wire.VersionIndex(repository="hexpm")
    index.packages.add(name="plug", versions=["1.0.0", "1.1.0", "2.0.0-rc.1"], **fields)
    return signed(index.SerializeToString(), KEY)


def package(*releases: wire.ReleaseEntry, name: str = "plug") -> bytes:
    index = wire.PackageIndex(repository="hexpm", name=name, releases=releases)
    for advisory in ("GHSA-1", "CVE-2"):
        index.advisories.add(
            id=advisory,
            summary="s",
            html_url="h",
            api_url="a",
            severity=4,
            cvss_score=9.8,
            aliases=["GHSA-2"],
        )
    return signed(index.SerializeToString(), KEY)


def read_plug(body: bytes) -> PackageReleases:
    return read_package(body, PUBLIC, "hexpm", "plug")


def test_the_index_of_versions_names_packages_with_retired_and_advised_versions() -> None:
    assert read_versions(versions(retired=[0, 2], with_advisories=[1]), PUBLIC, "hexpm") == (
        PackageVersions(
            name="plug",
            versions=("1.0.0", "1.1.0", "2.0.0-rc.1"),
            retired=frozenset({"1.0.0", "2.0.0-rc.1"}),
            advised=frozenset({"1.1.0"}),
        ),
    )


def test_a_package_gives_all_that_the_registry_knows_of_a_release() -> None:
    entry = wire.ReleaseEntry(
        version="1.0.0", inner_checksum=b"x", outer_checksum=DIGEST, advisory_indexes=[1]
    )
    entry.dependencies.add(package="mime", requirement="~> 1.0 or ~> 2.0", optional=True, app="m")
    entry.retired.reason = 2
    entry.retired.message = "leaks"
    entry.published_at.seconds = 1_700_000_000
    entry.published_at.nanos = 5

    assert read_plug(package(entry)) == PackageReleases(
        name="plug",
        releases=(
            Release(
                version="1.0.0",
                outer_checksum="000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f",
                dependencies=(
                    Dependency(
                        package="mime", requirement="~> 1.0 or ~> 2.0", optional=True, app="m"
                    ),
                ),
                retirement=Retirement(reason="security", message="leaks"),
                advisories=(Advisory("CVE-2", "s", "critical", 9.8, "h", ("GHSA-2",)),),
                published_at="2023-11-14T22:13:20Z",
            ),
        ),
    )


def test_what_an_old_registry_leaves_out_is_none() -> None:
    entry = wire.ReleaseEntry(version="1.0.0", inner_checksum=b"x")
    assert read_plug(package(entry)).releases == (Release(version="1.0.0", outer_checksum=None),)


def test_a_reason_of_retirement_from_the_future_keeps_its_number() -> None:
    entry = wire.ReleaseEntry(version="1.0.0", outer_checksum=DIGEST)
    entry.retired.reason = 9
    assert str(read_plug(package(entry)).releases[0].retirement) == "reason 9"


def test_a_resource_signed_by_another_key_is_refused() -> None:
    stranger = generate_private_key(public_exponent=65537, key_size=2048).public_key()
    with pytest.raises(BadSignature):
        read_versions(versions(), stranger, "hexpm")


def test_a_resource_without_a_signature_is_refused() -> None:
    envelope = wire.Envelope(payload=wire.VersionIndex(repository="hexpm").SerializeToString())
    with pytest.raises(BadSignature):
        read_versions(gzip.compress(envelope.SerializeToString()), PUBLIC, "hexpm")


def test_a_changed_payload_is_refused() -> None:
    envelope = wire.Envelope.FromString(gzip.decompress(versions()))
    envelope.payload = envelope.payload.replace(b"plug", b"plum")
    with pytest.raises(BadSignature):
        read_versions(gzip.compress(envelope.SerializeToString()), PUBLIC, "hexpm")


def test_a_genuine_resource_of_another_repository_or_package_is_refused() -> None:
    with pytest.raises(WrongRepository, match="'hexpm', not 'acme'"):
        read_versions(versions(), PUBLIC, "acme")
    with pytest.raises(WrongRepository, match="asked for the package 'plug'"):
        read_plug(package(name="plum"))


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"", "not one whole gzip member"),
        (b"<html></html>", "not gzip"),
        (versions()[:-9], "not one whole gzip member"),
        (versions() + b"x", "not one whole gzip member"),
        (gzip.compress(b"\x0a\xff", mtime=0), "not a registry resource"),
        (signed(b"\x0a\xff", KEY), "not a registry resource"),
        (signed(b"\x0a\x05\x0a\x03\xff\xfe\xfd\x12\x05hexpm", KEY), "not a registry resource"),
        (versions(retired=[3]), "index 3 into a list of 3"),
        (versions(retired=[-1]), "index -1 into a list of 3"),
    ],
)
def test_what_is_not_a_registry_resource_is_told_as_such(body: bytes, words: str) -> None:
    with pytest.raises(MalformedRegistry, match=words):
        read_versions(body, PUBLIC, "hexpm")


def test_a_checksum_of_the_wrong_length_and_an_absurd_time_are_malformed() -> None:
    with pytest.raises(MalformedRegistry, match="not a SHA-256"):
        read_plug(package(wire.ReleaseEntry(version="1.0.0", outer_checksum=b"short")))
    entry = wire.ReleaseEntry(version="1.0.0", outer_checksum=DIGEST)
    entry.published_at.seconds = 2**62
    with pytest.raises(MalformedRegistry, match="no point in time"):
        read_plug(package(entry))


def test_a_bomb_is_refused_before_it_has_expanded() -> None:
    bomb = gzip.compress(bytes(10_000_000))
    with pytest.raises(MalformedRegistry, match="more than 1000000 bytes"):
        expand(bomb, limit=1_000_000)


@settings(max_examples=300, suppress_health_check=[HealthCheck.too_slow])
@given(st.binary(max_size=200))
def test_no_payload_breaks_the_reader(payload: bytes) -> None:
    body = gzip.compress(wire.Envelope(payload=payload, signature=b"").SerializeToString())
    for read in (lambda: read_versions(body, PUBLIC, "hexpm"), lambda: read_plug(body)):
        with pytest.raises(RegistryError):
            read()


NAMES = st.text(st.characters(codec="utf-8"), max_size=8)


@settings(max_examples=50)
@given(st.lists(st.tuples(NAMES, st.lists(NAMES, max_size=4)), max_size=4), st.binary(max_size=20))
def test_signed_nonsense_reads_or_is_malformed(
    packages: list[tuple[str, list[str]]], tail: bytes
) -> None:
    index = wire.VersionIndex(repository="hexpm")
    for name, listed in packages:
        index.packages.add(name=name, versions=listed)
    body = signed(index.SerializeToString() + tail, KEY)
    try:
        read = read_versions(body, PUBLIC, "hexpm")
    except RegistryError:
        assert tail
    else:
        assert [(each.name, list(each.versions)) for each in read][: len(packages)] == packages


def test_the_key_of_hex_pm_comes_with_the_crawler() -> None:
    key = read_public_key(Path(__file__).parents[2] / "crawler" / "hex_pm_public_key.pem")
    assert key.key_size == 2048


def test_a_key_that_cannot_be_used_is_told_with_the_setting_to_change(tmp_path: Path) -> None:
    path = tmp_path / "key.pem"
    with pytest.raises(UnusableKey, match=r"No such file.*Set HEX_PUBLIC_KEY"):
        read_public_key(path)
    path.write_text("-----BEGIN PUBLIC KEY-----\nnonsense")
    with pytest.raises(UnusableKey, match="Set HEX_PUBLIC_KEY"):
        read_public_key(path)
    curve = ec.generate_private_key(ec.SECP256R1()).public_key()
    path.write_bytes(curve.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
    with pytest.raises(UnusableKey, match="not an RSA key"):
        read_public_key(path)


def test_the_key_of_another_repository_is_read_from_its_file(
    tmp_path: Path, key: RSAPrivateKey
) -> None:
    (tmp_path / "key.pem").write_bytes(public_pem(key))
    assert read_public_key(tmp_path / "key.pem") == key.public_key()
