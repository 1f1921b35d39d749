"""Guides: which fenced blocks a text has, whether they parse, and what a changelog says."""

import re
import time

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from corpus.extraction import Component
from corpus.fingerprint import code_only
from corpus.guides import extract
from corpus.ingest.source_file import FileConfig, read_text
from corpus.markdown import Change, blocks, changes
from corpus.reasons import Reason, RejectedFile
from corpus.sources import Member

MARKDOWN = MarkdownIt("commonmark")


def by_the_reference(text: str) -> list[tuple[str, str]]:
    """Return the info strings and contents of fenced blocks, as markdown-it-py reads them."""
    tokens = MARKDOWN.parse(text)
    return [(t.info.strip(), t.content) for t in tokens if t.type == "fence" and t.content]


def by_us(text: str) -> list[tuple[str, str]]:
    return [(block.info.decode(), block.text.decode()) for block in blocks(text.encode())]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("```elixir\na = 1\n```\n", [("elixir", "a = 1\n")]),
        ("~~~ erlang  \nA.\n~~~~\n```\nb\n", [("erlang", "A.\n"), ("", "b\n")]),
        ("````md\n```\na\n```\n````\n", [("md", "```\na\n```\n")]),
        ("``` a`b\nc\n", []),
        ("    ```\n    a\n", []),
        ("1. one\n\n   ```sh\n   mix a\n     b\n   ```\n", [("sh", "mix a\n  b\n")]),
        ("- a\n  - b\n    ```\n    c\n```\nd\n", [("", "c\n"), ("", "d\n")]),
        ("> ```\n> a\nb\n", [("", "a\n")]),
        ("<!--\n```\na\n```\n-->\n```\nb\n```\n", [("", "b\n")]),
        ("<div>\n```\na\n```\n\n```\nb\n```\n", [("", "b\n")]),
        ("<!-- livebook:{} -->\n\n```elixir\na\n```\n", [("elixir", "a\n")]),
        ("* * *\n```\na\n```\n", [("", "a\n")]),
        ("\t- a\n\n```\nb\n```\n", [("", "b\n")]),
    ],
)
def test_fences_are_those_of_commonmark(text: str, expected: list[tuple[str, str]]) -> None:
    assert by_us(text) == expected
    assert by_the_reference(text) == expected


LINES = st.lists(
    st.tuples(
        st.sampled_from(["", " ", "  ", "   ", "    ", "\t", "- ", "1. ", "> ", ">", "-   ", "* "]),
        st.sampled_from(["", " ", "  ", "> ", "- ", "10) "]),
        st.sampled_from(
            ["```", "~~~", "````", "``` a", "~~~ `b", "```c`", "d", "", "<!-- e", "-->", "---"]
        ),
    ).map("".join),
    max_size=12,
)


FAR_QUOTE = re.compile(r"^(?:[>\-*\d.) ]*)(?: {4}|\t) *>", re.MULTILINE)
"""A quote sign behind four blanks, which the reference takes for one, unlike the specification."""


@settings(max_examples=60)
@given(LINES)
def test_fences_of_any_lines_are_those_of_commonmark(lines: list[str]) -> None:
    text = "\n".join(lines) + "\n"
    assume(FAR_QUOTE.search(text) is None)
    assert by_us(text) == by_the_reference(text)


GUIDE = b"""\
# Shop

```elixir
def deps, do: [{:shop, "~> 1.0"}]
```

    iex> indented

```iex
iex> Shop.count(
...>   [1])
1
iex(2)> :ok
```

```heex
<.cart items={@items} />
```

```erlang
A = shop:count(1),
ok = shop:close(A)
```

``` {.elixir}
def broken(
```

```sh
mix shop
```

```

```
"""


def test_blocks_are_read_by_the_language_that_they_name() -> None:
    found = extract(GUIDE).fragments
    assert [(each.kind, each.language, each.is_parsed) for each in found] == [
        ("block", "elixir", True),
        ("session", "elixir", True),
        ("block", "heex", True),
        ("block", "erlang", True),
        ("block", "elixir", False),
        ("block", "sh", None),
    ]
    heex = found[2]
    assert (heex.components, heex.assigns) == (
        (Component("cart", "local", None, GUIDE[: GUIDE.index(b"<.cart")].count(b"\n") + 1),),
        ("items",),
    )
    first = found[0]
    assert GUIDE[first.start_byte : first.end_byte] == b'def deps, do: [{:shop, "~> 1.0"}]\n'
    assert (first.start_line, first.end_line) == (4, 4)


@pytest.mark.parametrize(
    ("session", "is_parsed"),
    [
        (b"```erlang\n1> lists:sum([1,\n1> 2]).\n3\n2> ok.\n```", True),
        (b"```elixir\niex> 1 +\n3\n```", False),
        (b"```elixir\niex(a@b)1> :ok\n```", True),
        (b"```elixir\n# first\n\n  iex> :ok\n```", True),
        (b"```erlang\n(a@b)1> ok.\n```", True),
    ],
)
def test_of_a_session_the_typed_lines_are_read(session: bytes, is_parsed: bool) -> None:
    (found,) = extract(session).fragments
    assert (found.kind, found.is_parsed) == ("session", is_parsed)


def test_examples_in_documentation_are_no_session() -> None:
    module = b'defmodule A do\n  @moduledoc """\n      iex> A.b\n  """\nend\n'
    (found,) = extract(b"```elixir\n" + module + b"```\n").fragments
    assert (found.kind, found.is_parsed) == ("block", True)


@settings(max_examples=60)
@given(LINES, st.binary(max_size=60))
def test_any_bytes_are_a_guide(lines: list[str], raw: bytes) -> None:
    source = "\n".join(lines).encode() + b"\n```elixir\n" + raw
    for each in extract(source).fragments:
        assert 0 <= each.start_byte < each.end_byte <= len(source)
        assert 1 <= each.start_line <= each.end_line


@pytest.mark.parametrize("unit", ["# 1.2.3\n", "# a\n", "a\n-\n", "1.2\n=\n", "```\n# 1.2\n"])
def test_the_time_is_linear_in_the_size_of_a_hostile_changelog(unit: str) -> None:
    def seconds(size: int) -> float:
        text = unit.encode() * (size // len(unit))
        started = time.process_time()
        changes(text)
        return time.process_time() - started

    small = min(seconds(10_000) for _ in range(2))
    assert seconds(40_000) < 8 * small + 0.5


@pytest.mark.parametrize(
    ("path", "leave_out", "rejected"),
    [
        ("README.md", (), None),
        ("README.md", ("guide",), (Reason.LEFT_OUT, "guide, by the configuration")),
        ("a.livemd", ("livemd",), (Reason.LEFT_OUT, "livemd, by the configuration")),
        ("README.md", ("livemd", "template"), None),
        ("LICENSE.md", (), (Reason.NOT_SOURCE_CODE, "the text of a licence")),
    ],
)
def test_a_build_leaves_out_languages_roles_and_texts_of_licences(
    path: str, leave_out: tuple[str, ...], rejected: tuple[Reason, str] | None
) -> None:
    read = read_text(Member(path, b"word\n" * 60), FileConfig(leave_out=leave_out))
    if isinstance(read, RejectedFile):
        assert (read.reject.reason, read.reject.detail) == rejected
    else:
        assert rejected is None
        assert (read.language, read.role) == ("markdown", "guide")


CHANGELOG = b"""\
# Changelog

## [Unreleased]

- nothing yet

## v1.2.0-rc.1 (2026-11-30)

### Added

- `count/1`

```md
## 9.9.9
```

## 1.1.0 / 2026-3-1

A note of 1.0.

1.0.0
-----

First.

# Older versions

They are elsewhere.
"""


def test_a_changelog_is_its_versions_with_date_and_text() -> None:
    assert changes(CHANGELOG) == (
        Change("1.2.0-rc.1", "2026-11-30", "### Added\n\n- `count/1`\n\n```md\n## 9.9.9\n```"),
        Change("1.1.0", "2026-03-01", "A note of 1.0."),
        Change("1.0.0", None, "First."),
    )


def test_a_guide_is_compared_by_its_words() -> None:
    one = b"# Shop!\n\nIt **counts** <!-- not me --> carts.\n"
    other = b"Shop\n====\n\nIt counts\n\ncarts\n"
    words = [code_only(each, "markdown", ()).replace(b"\0", b" ") for each in (one, other)]
    assert [each.split() for each in words] == [[b"shop", b"it", b"counts", b"carts"]] * 2
