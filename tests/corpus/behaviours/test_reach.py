"""Which module an archive sees, and which version satisfies a requirement."""

import pytest

from corpus.behaviours.reach import Macros, Reached, Shelf, Wanted, choose, satisfies, version_key


@pytest.mark.parametrize(
    ("version", "requirement", "expected"),
    [
        ("1.2.3", "", True),
        ("1.2.3", "1.2.3", True),
        ("1.2.3", "== 1.2.4", False),
        ("1.9.0", "~> 1.2", True),
        ("2.0.0", "~> 1.2", False),
        ("1.2.9", "~> 1.2.3", True),
        ("1.3.0", "~> 1.2.3", False),
        ("1.5.0", ">= 1.0.0 and < 2.0.0", True),
        ("3.1.0", "~> 1.0 or ~> 3.0", True),
        ("1.0.0-rc.1", ">= 1.0.0", False),
        ("1.0.0-rc.10", "> 1.0.0-rc.2", True),
        ("1.0.0", "!= 1.0.0", False),
        ("1.0.0", "whatever it takes", False),
    ],
)
def test_requirements_are_read_as_elixir_does(
    version: str, requirement: str, expected: bool
) -> None:
    assert satisfies(version, requirement) is expected


def test_versions_are_ordered_by_precedence() -> None:
    ordered = ["1.0.0-alpha", "1.0.0-alpha.1", "1.0.0-beta", "1.0.0", "1.0.1", "1.10.0"]
    mixed = ["1.0.1", "1.0.0-beta", "1.10.0", "1.0.0-alpha.1", "1.0.0", "1.0.0-alpha"]
    assert sorted(mixed, key=version_key) == ordered


VERSIONS = {"hex/plug": [("1.15.3", "new"), ("1.9.0", "old"), ("2.0.0", "next")]}


@pytest.mark.parametrize(
    ("requirement", "expected"),
    [
        ("~> 1.0", Reached("new", 1.0)),
        ("~> 1.9.0", Reached("old", 1.0)),
        ("~> 3.0", Reached("next", 0.95)),
    ],
)
def test_the_newest_version_that_satisfies_is_chosen(requirement: str, expected: Reached) -> None:
    wanted = [Wanted("hex/plug", requirement), Wanted("hex/absent", "~> 1.0")]
    assert choose(wanted, VERSIONS) == [expected]


def test_the_nearest_definition_is_taken() -> None:
    shelf = Shelf(
        [Macros(name, name, "1.0.0", "Router", name) for name in ("own", "near", "far")]
        + [Macros("lone", "lone", "1.0.0", "Only", "lone")],
        {"shop": [Reached("near", 0.95)], "near": [Reached("far", 1.0)], "cart": []},
    )

    def seen(module: str, archive: str) -> tuple[str, float] | None:
        found = shelf.find(module, archive)
        return None if found is None else (found.archive, found.confidence)

    assert seen("Router", "own") == ("own", 1.0)
    assert seen("Router", "shop") == ("near", 0.95)
    assert seen("Router", "cart") is None
    assert seen("Only", "cart") == ("lone", 0.9)


def test_cyclic_requirements_end() -> None:
    modules = [Macros("b", "b", "1.0.0", "B", "b")]
    shelf = Shelf(modules, {"a": [Reached("b", 1.0)], "b": [Reached("a", 1.0)]})
    found = shelf.find("B", "a")
    assert found == ("b", "b", 1.0)
