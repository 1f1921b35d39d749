"""Our reader against the Hex implementation inside rebar3: the same verdict, or a stricter one."""

import hashlib
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from corpus.reasons import Reason, RejectedFile
from corpus.sources import ArchiveError, Member, open_hex_tarball
from demo.reference import PackJob, ReferenceAnswer, pack, pack_many, told, unavailable, unpack_many
from tests.corpus.tarballs import (
    FILES,
    METADATA,
    compressed,
    entry,
    hex_files,
    hex_tarball,
    hex_tarball_of,
    tar,
    tar_of,
)

pytestmark = [
    pytest.mark.toolchain,
    pytest.mark.skipif(unavailable() is not None, reason=str(unavailable())),
]

LARGE = "".join(f"x{number * number} = {number}\n" for number in range(100_000)).encode()
IDENTITY = {"name": "decimal", "version": "1.0.0"}
PACKAGES: dict[str, tuple[dict[str, Any], dict[str, bytes]]] = {
    "plain": (
        {
            **IDENTITY,
            "app": "decimal",
            "licenses": ["Apache-2.0", "MIT"],
            "links": {"GitHub": "https://forge.example/decimal"},
            "requirements": {
                "ecto": {"app": "ecto", "optional": True, "requirement": "~> 3.0"},
                "jason": {"app": "jason", "optional": False, "requirement": ">= 1.0.0"},
            },
            "build_tools": ["mix"],
            "files": ["lib/decimal.ex", "mix.exs"],
            "elixir": "~> 1.14",
        },
        FILES,
    ),
    "nothing": (IDENTITY, {}),
    "unicode": (
        {**IDENTITY, "description": "Größe — 十進数 " * 40, "links": {"é": "https://é.example"}},
        {"lib/größe.ex": b"1", "priv/十進数.txt": b"2"},
    ),
    "long names": (IDENTITY, {"a" * 90 + "/" + "b" * 90: b"1", "é/" * 30 + "c" * 90: b"2"}),
    "large": (IDENTITY, {"lib/large.ex": LARGE, "empty": b"", "bin": bytes(70_000)}),
    "escapes": ({**IDENTITY, "description": "a\"b\\c\n\t'd' \x01 \u2028"}, {"a": b""}),
}


@pytest.mark.parametrize("name", PACKAGES)
def test_what_the_reference_packs_we_read_the_same(name: str, tmp_path: Path) -> None:
    metadata, files = PACKAGES[name]
    body = pack(files, metadata)
    path = tmp_path / "package.tar"
    path.write_bytes(body)
    (verdict,) = unpack_many([path])
    assert verdict.error is None
    assert_same(body, told(verdict.value))
    found = [m for m in open_hex_tarball(body).members() if isinstance(m, Member)]
    assert {member.path: member.data for member in found} == files


def assert_same(body: bytes, reference: dict[str, Any]) -> None:
    """Compare checksums, every file, and the metadata as far as we keep it."""
    tarball = open_hex_tarball(body)
    assert tarball.outer_checksum == reference["outer_checksum"]
    assert tarball.inner_checksum == reference["inner_checksum"]
    files = [
        [member.path, len(member.data), hashlib.sha256(member.data).hexdigest()]
        for member in tarball.members()
        if isinstance(member, Member)
    ]
    assert files == reference["files"]
    ours, theirs = tarball.metadata, reference["metadata"]
    assert (ours.name, ours.version) == (theirs["name"], theirs["version"])
    assert ours.app == theirs.get("app")
    assert ours.description == theirs.get("description")
    assert ours.elixir == theirs.get("elixir")
    assert list(ours.licenses) == theirs.get("licenses", [])
    assert {link.name: link.url for link in ours.links} == (theirs.get("links") or {})
    requirements = {each.name: (each.requirement, each.optional) for each in ours.requirements}
    assert requirements == {
        name: (fields.get("requirement", ""), fields.get("optional", False))
        for name, fields in (theirs.get("requirements") or {}).items()
    }


WHOLE = hex_files(compressed(tar(FILES)))
MEMBERS = [(entry(name, len(data)), data) for name, data in FILES.items()]


def with_entry(info: tarfile.TarInfo, data: bytes = b"") -> bytes:
    info.linkname = info.linkname or "/etc/passwd"
    return hex_tarball(compressed(tar_of([*MEMBERS, (info, data)])))


def with_metadata(text: bytes) -> bytes:
    return hex_tarball_of(FILES, METADATA + text)


def without(name: str) -> dict[str, bytes]:
    return {key: data for key, data in WHOLE.items() if key != name}


LEGACY = (
    b'{<<"requirements">>,[[{<<"name">>,<<"ecto">>},{<<"app">>,<<"ecto">>},'
    b'{<<"optional">>,false},{<<"requirement">>,<<"~> 3.0">>}]]}.\n'
)
AGREED: dict[str, bytes] = {
    "good": hex_tarball_of(FILES),
    "no files": hex_tarball_of({}),
    "latin1 metadata": with_metadata(b'{<<"description">>,<<"D\xe9cimal">>}.\n'),
    "legacy requirements": with_metadata(LEGACY),
    "a key twice": with_metadata(b'{<<"licenses">>,[<<"MIT">>]}.\n{<<"app">>,<<"other">>}.\n'),
    "one block of zeros at the end": tar(WHOLE)[:4608],
    "lower case checksum": tar({**WHOLE, "CHECKSUM": WHOLE["CHECKSUM"].lower()}),
    "pax names": hex_tarball(compressed(tar({"é/" * 30 + "a" * 90: b"1"}, tarfile.PAX_FORMAT))),
    "gnu names": hex_tarball(
        compressed(tar({"b" * 90 + "/" + "a" * 190: b"1"}, tarfile.GNU_FORMAT))
    ),
}
"""Inputs on which both must agree in everything."""

BOTH_REFUSE: dict[str, tuple[bytes, Reason]] = {
    "empty": (b"", Reason.TRUNCATED),
    "an HTML page": (b"<!DOCTYPE html><html></html>" * 40, Reason.NOT_A_TARBALL),
    "a short HTML page": (b"<html></html>", Reason.NOT_A_TARBALL),
    "gzip": (compressed(tar(WHOLE)), Reason.NOT_A_TARBALL),
    "another tar": (tar({"README.md": b"x"}), Reason.NOT_A_TARBALL),
    "truncated in a header": (tar(WHOLE)[:2200], Reason.TRUNCATED),
    "truncated in a file": (tar(WHOLE)[:3700], Reason.TRUNCATED),
    "truncated between files": (tar(WHOLE)[:3072], Reason.TRUNCATED),
    "version 2": (
        tar(hex_files(WHOLE["contents.tar.gz"]) | {"VERSION": b"2"}),
        Reason.UNSUPPORTED_VERSION,
    ),
    "inner checksum": (tar({**WHOLE, "CHECKSUM": b"0" * 64}), Reason.CHECKSUM_MISMATCH),
    "inner checksum of odd length": (tar({**WHOLE, "CHECKSUM": b"00"}), Reason.CHECKSUM_MISMATCH),
    "no metadata": (
        tar({k: v for k, v in WHOLE.items() if k != "metadata.config"}),
        Reason.NOT_A_TARBALL,
    ),
    "no contents": (
        tar({k: v for k, v in WHOLE.items() if k != "contents.tar.gz"}),
        Reason.NOT_A_TARBALL,
    ),
    "metadata is HTML": (hex_tarball_of(FILES, b"<html></html>"), Reason.MALFORMED_METADATA),
    "metadata is cut": (hex_tarball_of(FILES, METADATA[:-4]), Reason.MALFORMED_METADATA),
    "metadata is no pairs": (hex_tarball_of(FILES, b"[1]."), Reason.MALFORMED_METADATA),
    "metadata has a list with a tail": (
        with_metadata(b'{<<"extra">>,[{<<"a">>,[1|2]}]}.\n'),
        Reason.MALFORMED_METADATA,
    ),
    "metadata has a list whose tail is a list": (
        with_metadata(b'{<<"licenses">>,[<<"MIT">>|[<<"MIT">>]]}.\n'),
        Reason.MALFORMED_METADATA,
    ),
    "contents are HTML": (hex_tarball(b"<html></html>"), Reason.NOT_A_TARBALL),
    "contents are no tar": (hex_tarball(compressed(b"<html></html>")), Reason.NOT_A_TARBALL),
    "contents are empty": (hex_tarball(b""), Reason.TRUNCATED),
    "contents are cut": (hex_tarball(WHOLE["contents.tar.gz"][:60]), Reason.TRUNCATED),
    "contents with a damaged header": (
        hex_tarball(compressed(tar(FILES)[:1030] + b"!" + tar(FILES)[1031:])),
        Reason.TRUNCATED,
    ),
}

STRICTER: dict[str, tuple[bytes, Reason]] = {
    "data behind the outer tar": (tar(WHOLE) + b"more", Reason.NOT_A_TARBALL),
    "data behind the inner tar": (
        hex_tarball(compressed(tar(FILES) + b"x" * 512)),
        Reason.NOT_A_TARBALL,
    ),
    "two of one outer name": (
        tar_of([(entry(n, len(d)), d) for n, d in [*WHOLE.items(), ("VERSION", b"3")]]),
        Reason.NOT_A_TARBALL,
    ),
    "no name": (
        hex_tarball_of(FILES, b'{<<"version">>,<<"1.0.0">>}.\n'),
        Reason.MALFORMED_METADATA,
    ),
    "a bomb": (hex_tarball_of({"zeros": bytes(3 * 1024 * 1024)}), Reason.EXPANSION_RATIO),
    "traversal": (with_entry(entry("../evil")), Reason.UNSAFE_PATH),
    "absolute": (with_entry(entry("/evil")), Reason.UNSAFE_PATH),
    "backslash": (with_entry(entry("lib\\evil")), Reason.UNSAFE_PATH),
    "symbolic link": (with_entry(entry("link", kind=tarfile.SYMTYPE)), Reason.LINK),
    "hard link": (with_entry(entry("link", kind=tarfile.LNKTYPE)), Reason.LINK),
    "pipe": (with_entry(entry("pipe", kind=tarfile.FIFOTYPE)), Reason.SPECIAL_FILE),
    "device": (with_entry(entry("null", kind=tarfile.CHRTYPE)), Reason.SPECIAL_FILE),
    "duplicate": (with_entry(entry("mix.exs", 1), b"2"), Reason.DUPLICATE_MEMBER),
    "case": (with_entry(entry("MIX.exs", 1), b"2"), Reason.CASE_COLLISION),
}
"""Inputs where we refuse, wholly or a member, and say why, whatever the reference says."""


Ask = Callable[[dict[str, bytes]], dict[str, ReferenceAnswer]]


@pytest.fixture(scope="module")
def ask(tmp_path_factory: pytest.TempPathFactory) -> Ask:
    """Return a function that asks the reference about many tarballs in one start."""

    def ask(bodies: dict[str, bytes]) -> dict[str, ReferenceAnswer]:
        folder = tmp_path_factory.mktemp("bodies")
        paths = [folder / f"{number}.tar" for number in range(len(bodies))]
        for path, body in zip(paths, bodies.values(), strict=True):
            path.write_bytes(body)
        return dict(zip(bodies, unpack_many(paths), strict=True))

    return ask


def our_reasons(body: bytes) -> set[Reason]:
    """Return the reason for which a tarball is refused, or those of its skipped members."""
    try:
        members = list(open_hex_tarball(body).members())
    except ArchiveError as error:
        return {error.reject.reason}
    return {member.reject.reason for member in members if isinstance(member, RejectedFile)}


def test_odd_but_good_tarballs_are_read_the_same(ask: Ask) -> None:
    for name, verdict in ask(AGREED).items():
        assert verdict.error is None, name
        assert_same(AGREED[name], told(verdict.value))


ODD = {
    "links, a text": b'{<<"links">>,<<"https://a.example">>}.\n',
    "links, texts": b'{<<"links">>,[<<"https://a.example">>]}.\n',
    "extra, texts": b'{<<"extra">>,[<<"flag">>]}.\n',
    "extra, a text": b'{<<"extra">>,<<"flag">>}.\n',
    "a description that is a list": b'{<<"description">>,[<<"a">>]}.\n',
    "licences that are numbers": b'{<<"licenses">>,[1]}.\n',
    "nested deeply": b'{<<"odd">>,' + b"[" * 150 + b"]" * 150 + b"}.\n",
    "nested deeply in extra": b'{<<"extra">>,[{<<"a">>,' + b"[" * 150 + b"]" * 150 + b"}]}.\n",
    "files, pairs, and build tools": b'{<<"build_tools">>,[<<"mix">>]}.\n'
    b'{<<"files">>,[{<<"a">>,<<"b">>}]}.\n',
    "requirements, a triple": b'{<<"requirements">>,[{<<"a">>,<<"git">>,<<"b">>}]}.\n',
}


def test_metadata_that_the_reference_reads_refuses_no_archive(ask: Ask) -> None:
    bodies = {name: with_metadata(text) for name, text in ODD.items()}
    refused = {name: verdict.error for name, verdict in ask(bodies).items() if verdict.error}
    assert refused == {}
    for body in bodies.values():
        opened = open_hex_tarball(body)
        assert (opened.metadata.name, our_reasons(body)) == ("decimal", set())


FILES_ALONE = {
    "pairs": b'{<<"files">>,[{<<"a">>,<<"b">>}]}.\n',
    "numbers": b'{<<"files">>,[1]}.\n',
    "a text": b'{<<"files">>,<<"a">>}.\n',
}


def test_files_that_stop_the_reference_guessing_build_tools_refuse_no_archive(ask: Ask) -> None:
    """Where there are no build tools it guesses them from `files`, and fails; it reads the rest."""
    bodies = {name: with_metadata(text) for name, text in FILES_ALONE.items()}
    found = {name: str(verdict.error) for name, verdict in ask(bodies).items()}
    assert found == {
        "pairs": "{error,badarg}",
        "numbers": "{error,badarg}",
        "a text": '{error,{bad_generator,<<"a">>}}',
    }
    assert [our_reasons(body) for body in bodies.values()] == [set(), set(), set()]


def test_what_the_reference_refuses_we_refuse(ask: Ask) -> None:
    verdicts = ask({name: body for name, (body, _) in BOTH_REFUSE.items()})
    assert {name: verdict.error for name, verdict in verdicts.items() if not verdict.error} == {}
    found = {name: our_reasons(body) for name, (body, _) in BOTH_REFUSE.items()}
    assert found == {name: {reason} for name, (_, reason) in BOTH_REFUSE.items()}


def test_where_we_are_stricter_we_say_why() -> None:
    found = {name: our_reasons(body) for name, (body, _) in STRICTER.items()}
    assert found == {name: {reason} for name, (_, reason) in STRICTER.items()}


def test_many_are_packed_in_one_start(tmp_path: Path) -> None:
    source = tmp_path / "source.ex"
    source.write_bytes(b"# on disk\n")
    jobs = [
        PackJob(
            destination=tmp_path / "out" / f"{number}.tar",
            metadata={"name": f"package{number}", "version": "1.0.0"},
            files={"a.ex": source, "b.ex": b"in memory"},
        )
        for number in range(20)
    ]
    for number, packed in enumerate(pack_many(jobs)):
        tarball = open_hex_tarball(packed.path.read_bytes())
        assert tarball.metadata.name == f"package{number}"
        assert tarball.outer_checksum == packed.outer_checksum
        assert [m.data for m in tarball.members() if isinstance(m, Member)] == [
            b"# on disk\n",
            b"in memory",
        ]


def test_mutated_tarballs_get_the_same_or_a_stricter_verdict(ask: Ask) -> None:
    bodies = {str(number): mutant(number) for number in range(400)}
    ours_only, agreed, refused = [], 0, 0
    for name, verdict in ask(bodies).items():
        reasons = our_reasons(bodies[name])
        if reasons:
            refused += 1
        elif verdict.error is None:
            assert_same(bodies[name], told(verdict.value))
            agreed += 1
        else:
            ours_only.append((name, verdict.error))
    assert ours_only == []
    assert min(agreed, refused) > 20


def mutant(number: int) -> bytes:
    """Return a good tarball with one byte changed, in the outer tar or in the inner one."""
    noise = hashlib.sha256(str(number).encode()).digest()
    inner = bytearray(tar(FILES)[:3072])
    outer = bytearray(tar(WHOLE)[:5120])
    target = inner if number % 2 else outer
    target[int.from_bytes(noise[:4]) % len(target)] = noise[4]
    return hex_tarball(compressed(bytes(inner))) if number % 2 else bytes(outer)
