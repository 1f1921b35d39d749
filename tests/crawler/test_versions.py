import json
import shutil
import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crawler.versions import Choice, InvalidVersion, Selection, Version, ascending, is_valid

ORDER = [
    "0.0.1",
    "0.9.0",
    "0.10.0",
    "1.0.0-0",
    "1.0.0-2",
    "1.0.0-10",
    "1.0.0-alpha",
    "1.0.0-alpha.1",
    "1.0.0-alpha.beta",
    "1.0.0-beta",
    "1.0.0-beta.2",
    "1.0.0-beta.11",
    "1.0.0-rc.1",
    "1.0.0",
    "1.0.1-dev",
    "1.0.1",
    "10.0.0",
]


def test_versions_are_ordered_as_semantic_versions() -> None:
    assert ascending(reversed(ORDER)) == ORDER
    assert Version.parse("1.0.0+one") == Version.parse("1.0.0+two")
    assert hash(Version.parse("1.0.0+one")) == hash(Version.parse("1.0.0"))


@pytest.mark.parametrize(
    "text",
    [
        *("", "1", "1.0", "1.0.0.0", "01.0.0", "1.0.0-", "1.0.0-01", "1.0.0-a..b", "1.0.0+"),
        *("v1.0.0", "1.0.0\n", " 1.0.0", "1.0.0-ü", "²1.0.0", "1.0.0-²", "1.0.0-" + "9" * 300),
    ],
)
def test_what_is_no_version_is_refused(text: str) -> None:
    assert not is_valid(text)
    with pytest.raises(InvalidVersion, match="is not a semantic version"):
        Version.parse(text)


VERSIONS = st.from_regex(
    r"\A(0|[1-9][0-9]?)\.(0|[1-9])\.(0|[1-9])(-(0|[1-9][0-9]?|[a-c-]{1,2}|0a)(\.(0|[1-9]|[ab])){0,2})?\Z"
)


@given(VERSIONS, VERSIONS, VERSIONS)
def test_the_order_is_total(a: str, b: str, c: str) -> None:
    first, second, third = sorted(map(Version.parse, (a, b, c)))
    assert first <= second <= third
    assert first <= third
    assert (first == third) == (first == second == third)


@given(st.text(max_size=30))
def test_any_text_is_a_version_or_is_refused(text: str) -> None:
    if is_valid(text):
        Version.parse(text)
    else:
        with pytest.raises(InvalidVersion):
            Version.parse(text)


COMPARE = """
versions = System.argv()
answers = for a <- versions, b <- versions, do: Version.compare(a, b)
IO.puts("[" <> Enum.map_join(answers, ",", &inspect(to_string(&1))) <> "]")
"""


@pytest.mark.toolchain
@pytest.mark.skipif(shutil.which("elixir") is None, reason="needs Debian's package elixir")
def test_the_order_is_that_of_elixir() -> None:
    sample = [*ORDER, "1.0.0+build", "1.0.0-rc.1+build", "1.0.0-A", "1.0.0-a-b", "1.0.0--"]
    done = subprocess.run(
        ["elixir", "-e", COMPARE, "--", *sample], capture_output=True, check=True, timeout=60
    )
    ours = [relation(Version.parse(a), Version.parse(b)) for a in sample for b in sample]
    assert ours == json.loads(done.stdout)


def relation(a: Version, b: Version) -> str:
    """Compare as Elixir's Version.compare does."""
    return "eq" if a == b else "lt" if a < b else "gt"


PACKAGE = ("1.0.0", "1.9.0", "1.10.0", "2.0.0-rc.1")


@pytest.mark.parametrize(
    ("selection", "versions", "retired", "expected"),
    [
        (Selection(), PACKAGE, (), ("1.10.0",)),
        (Selection(), tuple(reversed(PACKAGE)), (), ("1.10.0",)),
        (Selection(count=2), PACKAGE, (), ("1.10.0", "1.9.0")),
        (Selection(count=None), PACKAGE, (), ("1.10.0", "1.9.0", "1.0.0")),
        (Selection(prereleases=True), PACKAGE, (), ("2.0.0-rc.1",)),
        (Selection(), ("0.1.0-a", "0.1.0-b"), (), ("0.1.0-b",)),
        (Selection(), PACKAGE, ("1.10.0",), ("1.9.0",)),
        (Selection(retired=True), PACKAGE, ("1.10.0",), ("1.10.0",)),
        (Selection(count=9), PACKAGE, PACKAGE, ()),
        (Selection(), ("one", "1.0.0", ""), (), ("1.0.0",)),
        (Selection(), (), (), ()),
    ],
)
def test_a_selection_takes_the_newest(
    selection: Selection,
    versions: tuple[str, ...],
    retired: tuple[str, ...],
    expected: tuple[str, ...],
) -> None:
    assert selection.choose(versions, retired).wanted == expected


def test_retired_versions_that_are_passed_over_are_named_and_older_ones_are_not() -> None:
    retired = {"2.0.0", "1.0.0"}
    assert Selection().choose(("1.0.0", "1.5.0", "2.0.0"), retired) == Choice(
        wanted=("1.5.0",), retired=("2.0.0",)
    )
