import base64
import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from corpus import elixir
from corpus.filters import Limits, Redaction, cut_encoded

NOISE = b"".join(hashlib.sha256(bytes([n])).digest() for n in range(48))
BASE64 = base64.b64encode(NOISE)  # 2,048 bytes
PEM_LINES = [BASE64[n : n + 64] for n in range(0, 2048, 64)]
LIMITS = Limits()


@pytest.mark.parametrize(
    ("rule", "before", "blob", "after"),
    [
        ("encoded", b'@icon "', BASE64, b'"\n'),
        ("encoded", b'@icon "', base64.urlsafe_b64encode(NOISE), b'"\n'),
        ("encoded", b'@icon "', base64.b64encode(NOISE + b"x"), b'"\n'),
        ("encoded", b"@icon ~s[", BASE64, b"]\n"),
        ("encoded", b'@key "', NOISE.hex().encode(), b'"\n'),
        ("encoded", b"prime() -> ", b"16#" + NOISE.hex().upper().encode(), b".\n"),
        ("encoded", b"@prime ", b"0x" + NOISE.hex().encode(), b"\n"),
        ("encoded", b'@key """\n  ', b"\n  ".join(PEM_LINES), b'\n  """\n'),
        ("encoded", b'@key """\n  ', b"\n  ".join([*PEM_LINES, b"abc="]), b'\n  """\n'),
        ("encoded", b'@key "', b'" <>\n  "'.join(PEM_LINES), b'"\n'),
        ("encoded", b'Key = "', b'\\n"\n  "'.join(PEM_LINES), b'\\n"\n'),
        ("encoded", b'@key "a\\n-\\n', b"\\n".join(PEM_LINES), b'\\n-"\n'),
        ("escapes", b'Icon = "', b"\\123" * 300, b'".\n'),
        ("escapes", b'@icon "', b"".join(b"\\x%02x" % byte for byte in NOISE), b'"\n'),
        ("numbers", b"@icon <<", b", ".join(b"%d" % byte for byte in NOISE), b">>\n"),
        ("numbers", b"-define(X, <<\n", b",\n".join(b"16#%02X" % b for b in NOISE), b">>).\n"),
        ("numbers", b"@icon [", b",".join(b"0x%02x" % byte for byte in NOISE), b", x]\n"),
        ("data_uri", b'src="data:image/svg+xml;utf8,', b"%3Csvg%20x=%271%27" * 99, b'" alt="a"\n'),
        ("data_uri", b'src="data:image/png;base64,', BASE64, b'" alt="a"\n'),
    ],
)
def test_an_encoded_span_is_replaced_by_a_tag(
    rule: str, before: bytes, blob: bytes, after: bytes
) -> None:
    text, cut = cut_encoded(before + blob + after, LIMITS)
    assert text == before + b"encoded_%d_bytes" % len(blob) + after
    assert cut == (Redaction(rule, len(before), len(before) + len(blob)),)


@pytest.mark.parametrize(
    "ordinary",
    [
        b"# " + b"-" * 600,
        b"%%%" + b"=" * 600,
        b'digest = "' + NOISE.hex().encode()[:128] + b'"',
        b'token = "' + BASE64[:500] + b'"',
        b"0123456789" * 60,
        b'"' + b"a" * 4096 + b'"',
        b'"' + b"ACGT" * 300 + b'"',
        b"@letters ~w(" + b"alpha beta gamma " * 100 + b")",
        b"[" + b", ".join(b":state_%d" % n for n in range(900)) + b"]",
        b"<<" + b", ".join(b"%d" % n for n in range(256)) + b">>",
        b"[" + b", ".join(b"0x%04x" % (n + 4096) for n in range(900)) + b"]",
        b"[" + b", ".join(b"%d.%d" % (n % 100, n % 7) for n in range(900)) + b"]",
        b"\n".join(b'digest(%d) -> <<"%s">>;' % (n, PEM_LINES[n]) for n in range(32)),
        b"[\n" + b",\n".join(b'  "%s"' % line for line in PEM_LINES) + b"\n]",
        b"https://example.org/" + b"path/to/a/page/" * 20,
        b"",
    ],
)
def test_ordinary_code_is_left_alone(ordinary: bytes) -> None:
    assert cut_encoded(ordinary, LIMITS) == (ordinary, ())


def test_a_span_is_cut_from_the_limit_on() -> None:
    assert cut_encoded(b'"%s"' % BASE64[:512], LIMITS)[0] == b'"encoded_512_bytes"'
    assert cut_encoded(b'"%s"' % BASE64[:511], LIMITS)[1] == ()


def test_offsets_are_those_of_the_file_with_its_mark_and_its_line_ends() -> None:
    raw = b'\xef\xbb\xbf# caf\xc3\xa9\r\n@a "%s"\r\n@b "%s"\r\n' % (BASE64, BASE64[:600])
    text, cut = cut_encoded(raw, LIMITS)
    assert text == (
        b'\xef\xbb\xbf# caf\xc3\xa9\r\n@a "encoded_2048_bytes"\r\n@b "encoded_600_bytes"\r\n'
    )
    assert cut == (Redaction("encoded", 16, 2064), Redaction("encoded", 2071, 2671))


def test_a_limit_can_be_lowered() -> None:
    limits = Limits(encoded=100, encoded_numbers=4)
    assert cut_encoded(b'"%s"' % BASE64[:100], limits)[0] == b'"encoded_100_bytes"'
    assert cut_encoded(b"<<1, 2, 3, 4>>", limits)[0] == b"<<encoded_10_bytes>>"


PIECES = st.lists(
    st.sampled_from(
        [
            *(BASE64, BASE64[:300], *PEM_LINES[:2], b"\\x0f" * 200, b"1, " * 600),
            *(b"0x", b"16#", b'" <> "', b"\n", b", ", b'"', b"\\n", b"\\", b"="),
            *(b"defmodule A do\n", b"data:a/b;base64,", b"\xff", b"\xc3\xa9"),
        ]
    ),
    max_size=12,
)


@given(PIECES)
def test_what_is_not_cut_stays_byte_for_byte(pieces: list[bytes]) -> None:
    raw = b"".join(pieces)
    text, cut = cut_encoded(raw, LIMITS)
    rebuilt, position = b"", 0
    for span in cut:
        assert position <= span.start < span.end <= len(raw)
        rebuilt += raw[position : span.start] + b"encoded_%d_bytes" % (span.end - span.start)
        position = span.end
    assert text == rebuilt + raw[position:]


@pytest.mark.parametrize(
    "source",
    [
        b'defmodule A do\n  @icon "%s"\nend\n' % BASE64,
        b"defmodule A do\n  @icon ~s[%s]\nend\n" % BASE64,
        b"defmodule A do\n  @icon <<%s>>\nend\n" % b", ".join(b"%d" % byte for byte in NOISE),
        b"defmodule A do\n  @icon [1, %s, x()]\nend\n" % b", ".join(b"0x%x" % b for b in NOISE),
        b"defmodule A do\n  @prime 0x%s + 1\nend\n" % NOISE.hex().encode(),
        b'defmodule A do\n  @key "%s"\nend\n' % b'" <> "'.join(PEM_LINES),
    ],
)
def test_what_is_left_after_a_cut_still_parses(source: bytes) -> None:
    text, cut = cut_encoded(source, LIMITS)
    assert len(cut) == 1
    assert elixir.extract(text).parse_errors == 0
