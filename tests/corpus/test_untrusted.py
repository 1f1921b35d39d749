from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from corpus.untrusted import (
    below,
    check_counts,
    check_name,
    check_path,
    check_text,
    parse_json,
    quoted,
)


@pytest.mark.parametrize(
    "path",
    [
        "/etc/passwd",
        "../up",
        "a/../../up",
        "a//b",
        "./a",
        "a/.",
        "",
        "a\\b",
        "C:/a",
        "a\nb",
        "a\x00b",
        "\u202ea",
        "\ud800",
        "a/" * 600 + "b",
        7,
        None,
        ["a"],
    ],
)
def test_a_path_that_may_leave_its_folder_is_refused(path: object) -> None:
    with pytest.raises(ValueError, match=r"is no path|is longer"):
        check_path(path)


def test_a_path_below_its_folder_is_followed(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")
    assert below(tmp_path, "link/file") == (tmp_path / "real" / "file").resolve()


@pytest.mark.parametrize("target", ["/etc/passwd", "..", "../outside", "."])
def test_a_link_out_of_its_folder_is_refused(tmp_path: Path, target: str) -> None:
    root = tmp_path / "root"
    root.mkdir()
    (root / "link").symlink_to(target)
    with pytest.raises(ValueError, match="leads out of its folder"):
        below(root, "link")


def snapshot(repository: Path) -> Path:
    """Lay out a file as huggingface_hub's cache does."""
    folder = repository / "snapshots" / ("0" * 40)
    (folder / "data").mkdir(parents=True)
    (repository / "blobs").mkdir()
    (repository / "blobs" / "1234").write_bytes(b"rows")
    (folder / "data" / "a").symlink_to("../../../blobs/1234")
    return folder


def test_a_snapshot_of_the_hub_is_followed_into_its_own_blobs(tmp_path: Path) -> None:
    folder = snapshot(tmp_path / "datasets--ana--corpus")
    assert below(folder, "data/a").read_bytes() == b"rows"


@pytest.mark.parametrize("target", ["../../refs/main", "../../../other/blobs/1", "/etc/passwd"])
def test_a_link_of_a_snapshot_to_anything_else_is_refused(tmp_path: Path, target: str) -> None:
    folder = snapshot(tmp_path / "datasets--ana--corpus")
    (folder / "b").symlink_to(target)
    with pytest.raises(ValueError, match="leads out of its folder"):
        below(folder, "b")


def test_blobs_that_are_elsewhere_or_lead_on_are_refused(tmp_path: Path) -> None:
    folder = snapshot(tmp_path / "datasets--ana--corpus")
    (tmp_path / "secret").write_bytes(b"")
    (folder.parent.parent / "blobs" / "5678").symlink_to(tmp_path / "secret")
    (folder / "b").symlink_to("../../blobs/5678")
    with pytest.raises(ValueError, match="leads out of its folder"):
        below(folder, "b")
    (folder.parent.parent / "blobs").rename(tmp_path / "elsewhere")
    (folder.parent.parent / "blobs").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(ValueError, match="leads out of its folder"):
        below(folder, "data/a")


@pytest.mark.parametrize("name", ["../a", "a/b", ".hidden", "", "a" * 101, "é", "a b", 1, None])
def test_what_cannot_be_a_part_of_a_path_is_no_name(name: object) -> None:
    with pytest.raises(ValueError, match="cannot be a version"):
        check_name("version", name)


@pytest.mark.parametrize("value", [-1, 2**63, 1.0, True, "1", None])
def test_what_counts_nothing_is_no_count(value: object) -> None:
    with pytest.raises(ValueError, match="is no count"):
        check_counts(value)


def test_what_steers_a_terminal_is_no_plain_text() -> None:
    with pytest.raises(ValueError, match=r"'\\x1b\[2J' is no plain text"):
        check_text("\x1b[2J")


@pytest.mark.parametrize(
    "text",
    ["", "{", "[" * 100_000, '{"a":' * 100_000, "NaN", "[Infinity]", '{"a": 1, "a": 2}', "\xff"],
)
def test_what_is_no_json_raises_one_type(text: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        parse_json(text)


@given(st.binary())
def test_any_bytes_are_a_value_or_a_value_error(data: bytes) -> None:
    with suppress(ValueError):
        parse_json(data)


@pytest.mark.parametrize(
    ("text", "longest", "start", "expected"),
    [
        ("one two three", 20, 0, "one two three"),
        ("one two three", 9, 0, "one two"),
        ("one two three", 7, 0, "one two"),
        ("one two three", 7, 5, "two"),
        ("one two three", 9, 6, "two three"),
        ("one two three", 9, 7, "three"),
        ("one\t\n  two", 20, 0, "one two"),
        ("one" + " " * 50 + "two", 7, 0, "one"),
        ("abcdefghij", 4, 0, "abcd"),
        ("\x1b[31mred\x07", 30, 0, "\\x1b[31mred\\x07"),
        ("a\u202eb", 30, 0, "a\\u202eb"),
    ],
)
def test_a_quotation_holds_whole_words_and_no_controls(
    text: str, longest: int, start: int, expected: str
) -> None:
    assert quoted(text, longest, start) == expected


@given(st.text(), st.integers(1, 30), st.integers(0, 40))
def test_every_quotation_is_short_and_printable(text: str, longest: int, start: int) -> None:
    words = quoted(text, longest, min(start, len(text)))
    assert len(words) <= longest
    assert words.isprintable()
    assert words == words.strip()
