import gzip
import hashlib
import io
import pickle
import tarfile
import tracemalloc
import zlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from corpus.reasons import Reason, Reject, RejectedFile, Stage
from corpus.sources import (
    ArchiveError,
    ArchiveLimits,
    Member,
    open_hex_tarball,
)
from corpus.sources.tar import DEFAULT_LIMITS, Inflater
from tests.corpus.tarballs import (
    FILES,
    compressed,
    entry,
    hex_files,
    hex_tarball,
    hex_tarball_of,
    tar,
    tar_of,
)

MIB = 1024 * 1024


def members(body: bytes, limits: ArchiveLimits | None = None) -> list[Member | RejectedFile]:
    return list(open_hex_tarball(body, limits or ArchiveLimits()).members())


def refused(body: bytes, limits: ArchiveLimits | None = None) -> ArchiveError:
    with pytest.raises(ArchiveError) as caught:
        members(body, limits)
    return caught.value


def one_entry(info: tarfile.TarInfo, data: bytes = b"") -> bytes:
    return hex_tarball(compressed(tar_of([(info, data)])))


def test_a_tarball_gives_its_metadata_checksum_and_files() -> None:
    body = hex_tarball_of(FILES)
    tarball = open_hex_tarball(body)
    assert (tarball.metadata.name, tarball.metadata.version) == ("decimal", "1.0.0")
    assert tarball.metadata.licenses == ("Apache-2.0",)
    assert tarball.outer_checksum == hashlib.sha256(body).hexdigest()
    assert list(tarball.members()) == [
        Member("lib/decimal.ex", b"defmodule Decimal do\nend\n"),
        Member("mix.exs", b"# mix\n"),
    ]


def test_members_can_be_read_again() -> None:
    tarball = open_hex_tarball(hex_tarball_of(FILES))
    assert list(tarball.members()) == list(tarball.members())


def test_the_deprecated_inner_checksum_may_be_absent() -> None:
    files = hex_files(compressed(tar(FILES)))
    del files["CHECKSUM"]
    tarball = open_hex_tarball(tar(files))
    assert tarball.inner_checksum is None
    assert len(list(tarball.members())) == 2


def test_an_archive_of_no_files_is_an_archive() -> None:
    assert members(hex_tarball_of({})) == []


GZIPPED = compressed(tar(FILES))
WHOLE = hex_files(GZIPPED)


@pytest.mark.parametrize(
    ("body", "reason", "detail"),
    [
        (b"", Reason.TRUNCATED, "the file is empty"),
        (b"<html>" + b" " * 600, Reason.NOT_A_TARBALL, "it begins with b'<html>"),
        (b"<html>", Reason.NOT_A_TARBALL, "it begins with b'<html>'"),
        (compressed(tar(WHOLE)), Reason.NOT_A_TARBALL, r"it begins with b'\x1f\x8b"),
        (tar({"README.md": b"x"}), Reason.NOT_A_TARBALL, "README.md is not expected"),
        (tar({**WHOLE, "more": b""}), Reason.NOT_A_TARBALL, "more is not expected"),
        (tar({"VERSION": b"3"}), Reason.NOT_A_TARBALL, "contents.tar.gz, metadata.config missing"),
        (bytes(1024), Reason.NOT_A_TARBALL, "missing"),
        (tar({**WHOLE, "VERSION": b"4"}), Reason.UNSUPPORTED_VERSION, "VERSION is b'4'"),
        (tar({**WHOLE, "CHECKSUM": b"0" * 64}), Reason.CHECKSUM_MISMATCH, "CHECKSUM says"),
        (tar({**WHOLE, "CHECKSUM": b"\xff"}), Reason.CHECKSUM_MISMATCH, "CHECKSUM says"),
        (tar({**WHOLE, "CHECKSUM": b"0" * 999}), Reason.ARCHIVE_TOO_LARGE, "CHECKSUM: 999"),
        (tar({**WHOLE, "VERSION": b"3" * 99}), Reason.ARCHIVE_TOO_LARGE, "VERSION: 99 bytes"),
        (tar(WHOLE)[:4096], Reason.TRUNCATED, "ends after 0 bytes of a header"),
        (tar(WHOLE)[:700], Reason.TRUNCATED, "middle of a file"),
        (tar(WHOLE) + b"more", Reason.NOT_A_TARBALL, "data behind the end"),
        (hex_tarball(b""), Reason.TRUNCATED, "contents: the gzip stream ends too early"),
        (hex_tarball(b"<html>"), Reason.NOT_A_TARBALL, "contents: bad gzip: it has no header"),
        (hex_tarball(GZIPPED[:2] + b"\x07" + GZIPPED[3:]), Reason.NOT_A_TARBALL, "unknown method"),
        (hex_tarball(GZIPPED[:3] + b"\x80" + GZIPPED[4:]), Reason.NOT_A_TARBALL, "unknown method"),
        (hex_tarball(GZIPPED[:10] + b"\xff"), Reason.NOT_A_TARBALL, "data or a checksum"),
        (hex_tarball(GZIPPED + b"\x1f\x8b\x07\0"), Reason.NOT_A_TARBALL, "unknown method"),
        (hex_tarball(GZIPPED + b"\x1f\x8b"), Reason.TRUNCATED, "the gzip stream ends too early"),
        (hex_tarball(compressed(b"")), Reason.NOT_A_TARBALL, "contents: not a tar file, it is"),
        (hex_tarball(compressed(b"<html>")), Reason.NOT_A_TARBALL, "contents: not a tar file"),
        (hex_tarball(compressed(tar(FILES))[:-4]), Reason.TRUNCATED, "the gzip stream ends"),
        (
            hex_tarball(compressed(tar(FILES))[:-8] + b"\0" * 8),
            Reason.NOT_A_TARBALL,
            "its data or a checksum is damaged",
        ),
        (hex_tarball(compressed(tar(FILES)) + b"x"), Reason.NOT_A_TARBALL, "1 bytes behind"),
        (hex_tarball(compressed(tar(FILES) + b"x")), Reason.NOT_A_TARBALL, "data behind the end"),
        (hex_tarball(compressed(tar(FILES)[:1024])), Reason.TRUNCATED, "0 bytes of a header"),
    ],
)
def test_what_is_no_whole_hex_tarball_is_refused(body: bytes, reason: Reason, detail: str) -> None:
    error = refused(body)
    assert error.reject.reason is reason
    assert detail in error.reject.detail
    assert str(error) == f"{error.reject.detail} ({reason})"


def test_an_error_survives_the_way_from_a_worker() -> None:
    error = pickle.loads(pickle.dumps(refused(b"")))
    assert (type(error), str(error)) == (ArchiveError, "the file is empty (truncated)")
    assert error.reject.reason is Reason.TRUNCATED


def test_two_files_of_one_name_in_the_outer_tar_are_refused() -> None:
    entries = [(entry(name, len(data)), data) for name, data in WHOLE.items()]
    assert refused(tar_of([*entries, entries[2]])).reject.reason is Reason.NOT_A_TARBALL


def test_a_link_in_the_outer_tar_is_refused() -> None:
    entries = [(entry(name, len(data)), data) for name, data in WHOLE.items()]
    entries[2][0].type = tarfile.SYMTYPE
    entries[2][0].size = 0
    assert "metadata.config is not expected" in refused(tar_of(entries)).reject.detail


def test_every_truncation_is_noticed() -> None:
    contents = compressed(tar(FILES))
    for length in range(len(contents)):
        assert refused(hex_tarball(contents[:length])).reject.reason is Reason.TRUNCATED
    whole = tar(WHOLE)
    end = whole.rindex(contents) + len(contents)
    for length in range(0, end, 7):
        assert refused(whole[:length]).reject.reason in (Reason.TRUNCATED, Reason.NOT_A_TARBALL)


def test_a_damaged_header_is_not_taken_for_the_end() -> None:
    contents = bytearray(tar(FILES))
    contents[1024] ^= 1
    error = refused(hex_tarball(compressed(bytes(contents))))
    assert (error.reject.reason, error.reject.detail) == (
        Reason.TRUNCATED,
        "contents: a header has a wrong checksum at byte 1024",
    )


def test_gzip_members_one_after_another_are_one_file() -> None:
    contents = tar(FILES)
    parts = compressed(contents[:600]) + compressed(contents[600:]) + bytes(100)
    assert members(hex_tarball(parts)) == members(hex_tarball_of(FILES))


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("../evil.ex", Reason.UNSAFE_PATH),
        ("lib/../../evil.ex", Reason.UNSAFE_PATH),
        ("lib/..", Reason.UNSAFE_PATH),
        ("/etc/passwd", Reason.UNSAFE_PATH),
        ("C:evil.ex", Reason.UNSAFE_PATH),
        ("c:/evil.ex", Reason.UNSAFE_PATH),
        ("lib\\evil.ex", Reason.UNSAFE_PATH),
        ("lib/evil\n.ex", Reason.UNSAFE_PATH),
        ("lib/evil\x1b[2J.ex", Reason.UNSAFE_PATH),
        ("lib/\u202exe.live", Reason.UNSAFE_PATH),
        (".", Reason.UNSAFE_PATH),
        ("a" * 513, Reason.PATH_TOO_LONG),
        ("é" * 257, Reason.PATH_TOO_LONG),
        ("a/" * 33 + "b", Reason.PATH_TOO_LONG),
    ],
)
def test_a_member_with_a_dangerous_name_is_skipped(name: str, reason: Reason) -> None:
    (skipped,) = members(one_entry(entry(name, 1), b"x"))
    assert isinstance(skipped, RejectedFile)
    assert (skipped.bytes, skipped.reject.reason) == (1, reason)
    assert skipped.path.isprintable()
    assert len(skipped.path) <= 520


def test_a_name_with_a_nul_in_an_extended_header_is_skipped() -> None:
    info = entry("a")
    info.pax_headers = {"path": "lib/a.ex\0.png"}
    (skipped,) = members(one_entry(info))
    assert isinstance(skipped, RejectedFile)
    assert (skipped.path, skipped.reject.reason) == (r"lib/a.ex\x00.png", Reason.UNSAFE_PATH)


@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        (tarfile.SYMTYPE, Reason.LINK),
        (tarfile.LNKTYPE, Reason.LINK),
        (tarfile.CHRTYPE, Reason.SPECIAL_FILE),
        (tarfile.BLKTYPE, Reason.SPECIAL_FILE),
        (tarfile.FIFOTYPE, Reason.SPECIAL_FILE),
        (b"V", Reason.SPECIAL_FILE),
        (b"Z", Reason.SPECIAL_FILE),
    ],
)
def test_what_is_neither_file_nor_folder_is_skipped_and_reading_goes_on(
    kind: bytes, reason: Reason
) -> None:
    odd = entry("odd", 0, kind)
    odd.linkname = "/etc/passwd"
    body = hex_tarball(compressed(tar_of([(odd, b""), (entry("a.ex", 1), b"a")])))
    skipped, member = members(body)
    assert isinstance(skipped, RejectedFile)
    assert (skipped.path, skipped.reject.reason) == ("odd", reason)
    assert member == Member("a.ex", b"a")


def test_a_sparse_file_is_skipped() -> None:
    info = entry("holes", 1)
    info.pax_headers = {"GNU.sparse.major": "1", "GNU.sparse.minor": "0"}
    (skipped,) = members(one_entry(info, b"x"))
    assert isinstance(skipped, RejectedFile)
    assert skipped.reject.reason is Reason.SPECIAL_FILE


def test_folders_are_not_mentioned() -> None:
    folders = [(entry(name, 0, tarfile.DIRTYPE), b"") for name in ("lib", "lib/", "../up", "/")]
    body = hex_tarball(compressed(tar_of([*folders, (entry("lib/a.ex"), b"")])))
    assert members(body) == [Member("lib/a.ex", b"")]


def test_of_equal_names_the_last_counts() -> None:
    names = ("a", "b", "./a", "a", "b")
    entries = [(entry(name, 2), f"{n}\n".encode()) for n, name in enumerate(names)]
    *earlier, third, fourth = members(hex_tarball(compressed(tar_of(entries))))
    assert (third, fourth) == (Member("a", b"3\n"), Member("b", b"4\n"))
    later = Reject(
        Stage.UNPACK, Reason.DUPLICATE_MEMBER, "the archive has a later member of this name"
    )
    assert earlier == [RejectedFile(name, 2, None, later) for name in ("a", "b", "a")]


def test_a_last_member_that_is_too_large_does_not_bring_an_earlier_one_back() -> None:
    entries = [(entry("a", 1), b"1"), (entry("a", 9), b"123456789")]
    found = members(hex_tarball(compressed(tar_of(entries))), ArchiveLimits(file=8))
    assert [each.reject.reason for each in found if isinstance(each, RejectedFile)] == [
        Reason.DUPLICATE_MEMBER,
        Reason.OVERSIZED,
    ]


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("lib/Decimal.ex", "lib/decimal.ex"),
        ("caf\u00e9.ex", "cafe\u0301.ex"),
        ("STRASSE.ex", "stra\u00dfe.ex"),
    ],
)
def test_names_that_some_file_systems_take_for_one_collide(first: str, second: str) -> None:
    member, skipped = members(hex_tarball_of({first: b"1", second: b"2"}))
    assert member == Member(first, b"1")
    detail = f"the same name as {first} on some systems"
    assert skipped == RejectedFile(
        second, 1, None, Reject(Stage.UNPACK, Reason.CASE_COLLISION, detail)
    )


@pytest.mark.parametrize("format_", [tarfile.PAX_FORMAT, tarfile.GNU_FORMAT])
def test_long_names_are_read_whole(format_: int) -> None:
    name = "é/" * 10 + "b" * 200 + ".ex"
    contents = tar({name: b"data", "after.ex": b"more"}, format_)
    found = members(hex_tarball(compressed(contents)))
    assert found == [Member(name, b"data"), Member("after.ex", b"more")]


def test_a_ustar_prefix_is_part_of_the_name() -> None:
    name = "a" * 90 + "/" + "b" * 90
    assert members(hex_tarball_of({name: b"x"})) == [Member(name, b"x")]


def test_a_size_in_an_extended_header_is_the_one_that_counts() -> None:
    info = entry("a.ex")
    info.pax_headers = {"size": "3"}
    contents = info.tobuf(tarfile.PAX_FORMAT) + b"abc".ljust(512, b"\0") + bytes(1024)
    assert members(hex_tarball(compressed(contents))) == [Member("a.ex", b"abc")]


def test_an_empty_value_in_an_extended_header_takes_nothing_away() -> None:
    contents = tar_of([(entry("pax", 8, b"x"), b"8 path=\n"), (entry("a.ex", 1), b"a")])
    assert members(hex_tarball(compressed(contents))) == [Member("a.ex", b"a")]


@pytest.mark.parametrize("size", [2**63, 2**80])
def test_a_size_beyond_sense_breaks_the_archive(size: int) -> None:
    block = bytearray(entry("a").tobuf(tarfile.USTAR_FORMAT)[:512])
    block[124:136] = b"\x80" + size.to_bytes(11)
    block[148:156] = b" " * 8
    block[148:156] = b"%06o\0 " % sum(block)
    contents = tar(FILES)[:2048] + bytes(block) + bytes(1024)
    assert refused(hex_tarball(compressed(contents))).reject.reason is Reason.TRUNCATED


def test_a_link_that_claims_data_has_none() -> None:
    link = entry("link", 0, tarfile.LNKTYPE)
    link.pax_headers = {"size": "5000"}
    contents = tar_of([(link, b""), (entry("a.ex", 1), b"a")])
    skipped, member = members(hex_tarball(compressed(contents)))
    assert isinstance(skipped, RejectedFile)
    assert (skipped.bytes, skipped.reject.reason) == (0, Reason.LINK)
    assert member == Member("a.ex", b"a")


@pytest.mark.parametrize(
    "record",
    [
        b"99 path=a\n",
        b"x path=a\n",
        b"9 pathaa\n",
        b"9 path=aa",
        b"11 size=-1\n",
        b"28 size=9999999999999999999\n",
        b"9",
        b"1 a=b\n",
    ],
)
def test_a_malformed_extended_header_breaks_the_archive(record: bytes) -> None:
    extension = entry("pax", len(record), b"x")
    contents = tar_of([(entry("a"), b""), (extension, record), (entry("b"), b"")])
    assert refused(hex_tarball(compressed(contents))).reject.reason is Reason.TRUNCATED


def test_an_extended_header_beyond_reason_is_refused() -> None:
    extension = entry("pax", 70_000, b"x")
    error = refused(hex_tarball(compressed(tar_of([(extension, bytes(70_000))]))))
    assert error.reject.reason is Reason.ARCHIVE_TOO_LARGE


def test_extended_headers_beyond_reason_together_are_refused() -> None:
    extension = (entry("pax", 60_000, b"x"), b"8 a=aaa\n" * 7_500)
    body = hex_tarball(compressed(tar_of([extension] * 140)))
    error = refused(body, ArchiveLimits(ratio=2000))
    assert error.reject.reason is Reason.ARCHIVE_TOO_LARGE


def test_the_compressed_size_is_limited() -> None:
    error = refused(hex_tarball_of(FILES), ArchiveLimits(compressed=1000))
    assert error.reject.reason is Reason.ARCHIVE_TOO_LARGE


def test_the_metadata_size_is_limited() -> None:
    error = refused(hex_tarball_of(FILES), ArchiveLimits(metadata=10))
    assert (error.reject.reason, error.reject.detail[:16]) == (
        Reason.ARCHIVE_TOO_LARGE,
        "metadata.config:",
    )


def test_a_bomb_by_ratio_is_refused() -> None:
    error = refused(hex_tarball_of({f"{n}.ex": bytes(MIB) for n in range(3)}))
    assert error.reject.reason is Reason.EXPANSION_RATIO


def test_a_bomb_by_size_is_refused() -> None:
    limits = ArchiveLimits(expanded=2 * MIB, ratio=2000)
    error = refused(hex_tarball_of({f"{n}.ex": bytes(MIB) for n in range(3)}), limits)
    assert error.reject.reason is Reason.ARCHIVE_TOO_LARGE


def test_a_bomb_by_count_is_refused() -> None:
    body = hex_tarball_of({f"{n}.ex": b"" for n in range(11)})
    assert refused(body, ArchiveLimits(files=10)).reject.reason is Reason.TOO_MANY_FILES
    assert len(members(body, ArchiveLimits(files=11))) == 11


def test_a_bomb_behind_the_end_of_the_tar_is_refused() -> None:
    body = hex_tarball(compressed(tar(FILES) + bytes(3 * MIB)))
    assert refused(body).reject.reason is Reason.EXPANSION_RATIO


def test_an_oversized_file_is_skipped_without_being_held() -> None:
    limits = ArchiveLimits(file=1000, ratio=2000)
    body = hex_tarball_of({"a.ex": b"a", "big": bytes(64 * MIB), "b.ex": b"b"})
    tracemalloc.start()
    found = members(body, limits)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert found == [
        Member("a.ex", b"a"),
        RejectedFile(
            "big",
            64 * MIB,
            None,
            Reject(Stage.UNPACK, Reason.OVERSIZED, f"{64 * MIB} bytes, over 1000"),
        ),
        Member("b.ex", b"b"),
    ]
    assert peak < 2 * MIB


SEED_CONTENTS = tar_of(
    [
        (entry("lib/a.ex", 5), b"hello"),
        (entry("x" * 150 + "/b.ex", 600), b"y" * 600),
        (entry("link", 0, tarfile.SYMTYPE), b""),
        (entry("é.ex", 1), b"z"),
    ]
)
MUTATIONS = st.lists(
    st.tuples(
        st.sampled_from(["flip", "cut", "insert", "repeat"]), st.integers(0), st.binary(max_size=12)
    ),
    min_size=1,
    max_size=4,
)


def mutated(body: bytes, mutations: list[tuple[str, int, bytes]]) -> bytes:
    for kind, number, data in mutations:
        at = number % (len(body) + 1)
        if kind == "flip":
            body = body[:at] + data + body[at + len(data) :]
        elif kind == "cut":
            body = body[:at]
        elif kind == "insert":
            body = body[:at] + data + body[at:]
        else:
            at -= at % 512
            body = body[: at + 512] + body[at:]
    return body


def survives(body: bytes) -> None:
    """Whatever the bytes are: an ArchiveError, or members with safe, distinct names."""
    try:
        found = members(body)
    except ArchiveError:
        return
    paths = [member.path for member in found if isinstance(member, Member)]
    assert len(paths) == len({path.lower() for path in paths})
    assert not any(path.startswith("/") or ".." in path.split("/") for path in paths)


@settings(max_examples=300, deadline=None)
@given(MUTATIONS)
def test_a_mutated_tarball_never_surprises(mutations: list[tuple[str, int, bytes]]) -> None:
    survives(mutated(hex_tarball(compressed(SEED_CONTENTS)), mutations))


@settings(max_examples=300, deadline=None)
@given(MUTATIONS)
def test_mutated_contents_never_surprise(mutations: list[tuple[str, int, bytes]]) -> None:
    survives(hex_tarball(compressed(mutated(SEED_CONTENTS, mutations))))


@settings(max_examples=200, deadline=None)
@given(MUTATIONS)
def test_a_mutated_gzip_stream_never_surprises(mutations: list[tuple[str, int, bytes]]) -> None:
    survives(hex_tarball(mutated(compressed(SEED_CONTENTS), mutations)))


@settings(max_examples=300, deadline=None)
@given(MUTATIONS, st.integers(0, 9), st.integers(1, 70_000))
def test_a_mutated_gzip_stream_expands_as_zlib_expands_it(
    mutations: list[tuple[str, int, bytes]], level: int, size: int
) -> None:
    """Only what a Huffman code leaves unused may be damaged: then every byte is still the same."""
    packed = mutated(gzip.compress(SEED_CONTENTS, level, mtime=0), mutations)
    stream, found = Inflater(packed, DEFAULT_LIMITS), b""
    try:
        while piece := stream.read(size):
            found += piece
    except ArchiveError:
        with pytest.raises((EOFError, zlib.error)):
            expanded(packed)
        return
    try:
        assert found == expanded(packed)
    except zlib.error:
        assert found == SEED_CONTENTS


def expanded(packed: bytes) -> bytes:
    """Expand a gzip file with zlib."""
    member = zlib.decompressobj(16 + zlib.MAX_WBITS)
    found = member.decompress(packed)
    if not member.eof:
        raise EOFError
    rest = member.unused_data
    return found + expanded(rest) if rest.strip(b"\0") else found


@settings(max_examples=100, deadline=None)
@given(
    st.dictionaries(
        st.from_regex(r"[a-z]{1,9}(/[a-z]{1,60}){0,4}\.ex", fullmatch=True),
        st.binary(max_size=2000),
        max_size=8,
    ),
    st.sampled_from([tarfile.USTAR_FORMAT, tarfile.PAX_FORMAT, tarfile.GNU_FORMAT]),
)
def test_what_was_packed_comes_out(files: dict[str, bytes], format_: int) -> None:
    body = io.BytesIO()
    with tarfile.open(fileobj=body, mode="w", format=format_) as archive:
        for name, data in files.items():
            archive.addfile(entry(name, len(data)), io.BytesIO(data))
    found = members(hex_tarball(compressed(body.getvalue())))
    assert found == [Member(name, data) for name, data in files.items()]
