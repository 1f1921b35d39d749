import time

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from corpus import elixir, erlang
from corpus.filters import Limits, Redaction, cut_encoded
from corpus.filters.data import balanced_parts
from corpus.ingest.source_file import FileConfig, SourceText, read_text
from corpus.reasons import Reason, RejectedFile, Stage
from corpus.sources import Member

LIMITS = Limits()
SMALL = Limits(numbers=4, drawing=40, fixture=40, encoded=30, encoded_numbers=4)
POINTS = b", ".join(b"%d.%05d -%d.%05d" % (n, n * 7, n, n * 3) for n in range(600))
PAIRS = b", ".join(b"{0x%04X, 0x%04X}" % (n + 65, n + 97) for n in range(600))
RANGES = b",\n".join(b"{16#%04X, 16#%04X, 'Lu'}" % (n, n + 9) for n in range(600))
WORDS = b", ".join(b'"name%d"' % n for n in range(1_000))
PATH = b"M12 2.25c-5.385 0-9.75 4.365-9.75 9.75 " * 60
DUMP = b"\n".join(
    b"    %08x: 4865 6c6c 6f20 776f 726c 6421 0a00 ff%02x  Hello world!...." % (n * 16, n)
    for n in range(20)
)
JSON = b"{\n" + b",\n".join(b'  "key%d": {"id": %d}' % (n, n) for n in range(900)) + b"\n}"
TABLE = b"\n".join(b"%d;Oslo, the harbour;NO;%d" % (n, n) for n in range(700))


@pytest.mark.parametrize(
    ("rule", "before", "data", "after"),
    [
        ("numbers", b'  sql("""\n  values (\'POLYGON ((', POINTS, b'))\')\n  """)\n'),
        ("numbers", b"  @a [", b", ".join(b"%d" % n for n in range(1_000)), b"]\n"),
        ("numbers", b"  @a [", b", ".join(b"-%d.5e3" % n for n in range(1_000)), b"]\n"),
        ("numbers", b"  @a [", PAIRS, b"]\n"),
        ("numbers", b"  @a <<", b", ".join(b"0x%08X" % n for n in range(1_000)), b">>\n"),
        ("numbers", b"  @a [", b", ".join(b"[%d, %d]" % (n, n) for n in range(500)), b"]\n"),
        ("numbers", b"  @a [", b", ".join(b"%d..%d" % (n, n + 5) for n in range(500)), b"]\n"),
        ("numbers", b"  @a [", b", ".join(b"{%d, %d, :Lu}" % (n, n) for n in range(500)), b"]\n"),
        (
            "numbers",
            b"  @upcase %{0x61 => ",
            b"0x41, " + b", ".join(b"0x%X => [0x%X, 775]" % (n, n) for n in range(700)),
            b"}\n",
        ),
        ("words", b"  @a [", WORDS, b"]\n"),
        ("words", b"  g(1, 2)\n  @a [", WORDS.replace(b" ", b"\n"), b"]\n  g(1, 2)\n"),
        ("words", b"  @a ~w(", b" ".join(b"name%d" % n for n in range(1_000)), b")\n"),
        ("words", b'  @a """\n  ', b"\n  ".join(b"name%d" % n for n in range(1_000)), b'\n  """\n'),
        ("svg", b'  ~H"""\n  <path d="', PATH, b'"/>\n  """\n'),
        ("svg", b'  ~H"""\n  <svg>', b'<path d="%s"/>' % PATH, b'</svg>\n  """\n'),
        ("svg", b'  @a "<svg>', b'<path d=\\"%s\\"/>' % PATH, b'</svg>"\n'),
        (
            "numbers",
            b"  @a [",
            b",\n".join(b"{1, :a, 'b', %d, 7, 9}" % n for n in range(500)),
            b"]\n",
        ),
        ("hex_dump", b'  @a """\n    ', DUMP.strip(), b'\n    """\n'),
        ("fixture", b'  @a """\n', JSON, b'\n  """\n'),
        ("fixture", b'  @a """\n', JSON.replace(b": 899}", b': """}'), b'\n  """\n'),
        ("fixture", b'  @a """\n', JSON[:4_200].rpartition(b",")[0] + b"}", b'\n  """\n'),
        ("words", b'  @a ~w"""\n  ', b"one two three\n  " * 333 + b"four", b'\n  """\n'),
        (
            "svg",
            b'  ~H"""\n  <svg>',
            b'<circle cx="12" cy="12" r="10" fill="none"/>' * 200,
            b'</svg>\n  """\n',
        ),
        ("fixture", b'  @a ~S"""\n', TABLE, b'\n  """\n'),
    ],
)
def test_data_is_cut_and_the_rest_parses(
    rule: str, before: bytes, data: bytes, after: bytes
) -> None:
    head, tail = b"defmodule A do\n" + before, after + b"  def f(x), do: x\nend\n"
    text, cut = cut_encoded(head + data + tail, LIMITS)
    assert text == head + b"encoded_%d_bytes" % len(data) + tail
    assert cut == (Redaction(rule, len(head), len(head) + len(data)),)
    extraction = elixir.extract(text)
    assert (extraction.parse_errors, [f.name for f in extraction.functions]) == (0, ["f"])


@pytest.mark.parametrize(
    ("before", "data", "after"),
    [
        (b"-define(T, {", b",".join(b"16#%X" % n for n in range(1_000)), b"}).\n"),
        (b"t() ->\n    [", RANGES.replace(b"'Lu'", b"12"), b"].\n"),
        (b"t() -> [", b", ".join(b'<<"name%d">>' % n for n in range(1_000)), b"].\n"),
    ],
)
def test_erlang_parses_after_a_cut(before: bytes, data: bytes, after: bytes) -> None:
    head, tail = b"-module(a).\n" + before, after + b"f(X) -> X.\n"
    text, _ = cut_encoded(head + data + tail, LIMITS)
    assert text == head + b"encoded_%d_bytes" % len(data) + tail
    assert erlang.extract(text).parse_errors == 0


@pytest.mark.parametrize(
    ("source", "left"),
    [
        (b"f(1, 2, 3, 4, 5)", b"f(encoded_13_bytes)"),
        (b"f([1, 2], [3, 4])", b"f(encoded_14_bytes)"),
        (b"[[1, 2], [3, 4], x]", b"[encoded_14_bytes, x]"),
        (b"f 1, 2, 3, 4, 5", b"f 1, encoded_10_bytes"),
        (b"[1, 2, 3, 4, 5 + x]", b"[encoded_10_bytes, 5 + x]"),
        (b"[x - 1, 2, 3, 4, 5]", b"[x - 1, encoded_10_bytes]"),
        (b"a[1], [2, 3], [4, 5]", b"a[1], encoded_14_bytes"),
        (b"{1, 2}}, {3, {4, 5, 6, 7}", b"{1, 2}}, {encoded_15_bytes"),
        (b'%{"a" => "b", "c" => "d"}', b'%{"a" => encoded_15_bytes}'),
        (b'%{"a" => 1, 2 => "b", "c" => [1]}', b'%{"a" => encoded_23_bytes}'),
        (b'#{<<"a">> => <<"b"/utf8>>, 1 => 2}', b'#{<<"a">> => encoded_20_bytes}'),
        (b'%{"a" => b, "c" => "d"}', b'%{"a" => b, "c" => "d"}'),
        (b'%{a: "b", c: "d", e: "f"}', b'%{a: "b", c: "d", e: "f"}'),
        (b"<<1::16, 2::16, 3::8>>", b"<<encoded_18_bytes>>"),
        (b"<<1:16, 2:16, 3:8>>", b"<<encoded_15_bytes>>"),
        (b"[0o17, 0b101, 0o1, 0b0]", b"[encoded_21_bytes]"),
        (b'[~c"a", ~c"b", ~c"c", ~c"d"]', b"[encoded_26_bytes]"),
        (b'[<<"a"/utf8>>, <<"b"/utf8>>, <<"c">>, <<"d">>]', b"[encoded_44_bytes]"),
        (b'["a\\n", "\\u00e9", "c#d", "\\""]', b"[encoded_28_bytes]"),
        (b'["#{a}", "#{b}", "#{c}", "#{d}"]', b'["#{a}", "#{b}", "#{c}", "#{d}"]'),
        (b'["a", "b", "c", "d", "e" <> x]', b'[encoded_18_bytes, "e" <> x]'),
        (b"[:a, :b, :c, :d, :e]", b"[:a, :b, :c, :d, :e]"),
    ],
)
def test_a_cut_takes_whole_elements_inside_brackets(source: bytes, left: bytes) -> None:
    limits = Limits(numbers=4, encoded_numbers=10_000)
    assert cut_encoded(source, limits)[0] == left


ORDINARY = [
    b"@crc [" + b", ".join(b"0x%08X" % (n * 7919) for n in range(256)) + b"]",
    b"@codes %{" + b", ".join(b'%d => "reason %d"' % (n, n) for n in range(100, 400)) + b"}",
    b"@mimes %{" + b", ".join(b'"a/b%d" => ["x%d"]' % (n, n) for n in range(1_200)) + b"}",
    b"@names [" + b", ".join(b":state_%d" % n for n in range(2_000)) + b"]",
    b"@keys [" + b", ".join(b"key_%d: %d" % (n, n) for n in range(2_000)) + b"]",
    b'@moduledoc """\n' + b"  iex> f(1)\n  [1, 2, 3]\n\n" * 400 + b'"""',
    b'@moduledoc """\n' + JSON + b'\n"""',
    b'~H"""\n' + b'<p class="a">{@name}</p>\n' * 900 + b'"""',
    b'~H"""\n<svg><path d="M12 2.25c-5.385 0-9.75 4.365-9.75 9.75"/></svg>\n"""',
    b'code = """\n' + b"def f(x), do: x\n" * 1_200 + b'"""',
    b'io:format("~w(~w) ~w", [1, 2])' * 900,
    b'<div id="a" data-d="b">' * 900,
    b"".join(b"def t(%d), do: %d\n" % (n, n) for n in range(1_500)),
]


@pytest.mark.parametrize("ordinary", ORDINARY)
def test_code_tables_documentation_and_markup_stay(ordinary: bytes) -> None:
    assert cut_encoded(ordinary, LIMITS) == (ordinary, ())


def test_a_file_of_little_but_data_is_left_out() -> None:
    raw = b"defmodule A do\n  @a [%s]\n  def a, do: @a\nend\n" % PAIRS
    file = read_text(Member("lib/a.ex", raw), FileConfig())
    assert isinstance(file, RejectedFile)
    assert (file.reject.stage, file.reject.reason) == (Stage.FILTER, Reason.MOSTLY_DATA)
    assert file.reject.detail == f"{len(PAIRS)} of {len(raw)} bytes are data: numbers"


def test_a_file_with_code_beside_its_data_is_kept() -> None:
    raw = b"defmodule A do\n  @a [%s]\n%send\n" % (PAIRS, b"  def a(x), do: x + 1\n" * 100)
    assert isinstance(read_text(Member("lib/a.ex", raw), FileConfig()), SourceText)


PIECES = st.lists(
    st.sampled_from(
        [
            *(b"1", b"2.5", b"0xFF", b"16#A", b", ", b",", b" ", b"\n", b"..", b"-", b":a"),
            *(b"[", b"]", b"{", b"}", b"(", b")", b"<<", b">>", b'"a"', b'"', b"x", b"%{", b"=>"),
            *(b"~w(", b"~w[", b'"""\n', b'\n  """', b"'''\n", b'<svg d="', b"</svg>", b">"),
            *(
                b" d='M1 2 3 4 5 6 7 8 9 10 11 12 13 14'",
                b"00 01 02 03 04 05 06 07\n",
                b"\\",
                b"#{",
            ),
        ]
    ),
    max_size=60,
)


@given(st.one_of(PIECES.map(b"".join), st.binary(max_size=300)))
def test_text_and_cuts_make_the_original_again(raw: bytes) -> None:
    text, cut = cut_encoded(raw, SMALL)
    rebuilt, at, position = b"", 0, 0
    for span in cut:
        kept = span.start - position
        word = b"encoded_%d_bytes" % (span.end - span.start)
        assert position <= span.start < span.end <= len(raw)
        assert text[at + kept : at + kept + len(word)] == word
        rebuilt += text[at : at + kept] + raw[span.start : span.end]
        at, position = at + kept + len(word), span.end
    assert rebuilt + text[at:] == raw


@given(PIECES.map(b"".join))
@example(b"<<]=>")
def test_a_part_is_balanced(raw: bytes) -> None:
    for start, end in balanced_parts(raw, 0, len(raw)):
        depth = []
        for byte in raw[start:end]:
            if byte in b"([{<":
                depth.append(b")]}>"[b"([{<".index(byte)])
            elif byte in b")]}>":
                assert depth
                assert depth.pop() == byte
        assert not depth


@pytest.mark.parametrize(
    "piece",
    [
        *(b"1, ", b"[", b"[1, ", b"1", b"1 ", b" ", b"(1)", b"[1],[", b'"', b'"a", ', b'",', b"},"),
        *(b"~w(", b"~w(a ", b"~w[", b'"""', b'"""\n', b'"""   ', b"'''\n", b"<svg", b"<svg>"),
        *(b" d=", b' d="', b' d="1', b"</svg>", b"00 ", b"00 11 22 33 44 55 66 77\n", b"\n", b"1e"),
        *(
            b"0x",
            b"U+",
            b"..",
            b'"""\n1,2,3\n"""\n',
            b'"""\na"""',
            b"\nf(1, ",
            b"<<",
            b"1 => ",
            b"1 => 1, ",
            b"1 => [",
            b"=>",
            b'<<"',
            b"a,",
            b"-",
            b"1\n\n\n",
        ),
    ],
)
def test_time_is_linear(piece: bytes) -> None:
    def seconds(size: int) -> float:
        raw = piece * (size // len(piece))
        started = time.process_time()
        cut_encoded(raw, LIMITS)
        return time.process_time() - started

    assert seconds(400_000) < 1.0 + 8 * seconds(100_000)
