"""What the table of the sources' structure counts."""

from pathlib import Path

import pytest

from benchmarks.structure import Sources, shipped

FILES = {
    "__init__.py": "",
    "a.py": "from shop import b\n\n\ndef first(x: int) -> int:\n    return x\n",
    "b.py": "from .c import d\n\n\nclass B:\n    def second(self, x) -> None:\n        d(x)\n",
    "c.py": "from shop.e import f\n\ndef d(x: 'dict[str, Any]') -> None:\n    from shop import b\n",
    "e.py": "def f(*, y: int) -> None:\n    pass\n\ndef g(*x: int, **y: Any) -> None:\n    pass\n",
}


@pytest.fixture
def sources(tmp_path: Path) -> Sources:
    folder = tmp_path / "shop"
    folder.mkdir()
    for name, text in FILES.items():
        (folder / name).write_text(text)
    return Sources.read([folder])


def test_modules_lines_and_functions_are_counted(sources: Sources) -> None:
    assert (len(sources.modules), sources.lines) == (5, 20)
    assert sources.lengths == [2, 2, 2, 2, 2]


def test_a_chain_goes_once_through_modules_that_import_one_another(sources: Sources) -> None:
    assert sources.imported["shop.c"] == {"shop.e", "shop.b"}
    assert len(sources.longest_chain()) == 3
    assert sources.longest_chain()[0] == "shop.a"
    assert sources.longest_chain()[-1] == "shop.e"


def test_the_longest_chain_through_a_module_or_a_package_is_found(sources: Sources) -> None:
    assert sources.longest_through("shop") == sources.longest_chain()
    assert sources.longest_through("shop.a") == ["shop.a", "shop.b", "shop.e"]
    assert sources.longest_through("shop.e") == sources.longest_chain()
    assert sources.longest_through("sho") == []


def test_signatures_without_types_or_with_any_are_counted(sources: Sources) -> None:
    assert sources.untyped == 3 / 5


def test_a_package_that_is_shipped_is_measured() -> None:
    assert "corpus" in {folder.name for folder in shipped()}
