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


def test_what_a_project_built_or_installed_below_itself_is_not_read(tmp_path: Path) -> None:
    own = ("shop/__init__.py", "shop/build/__init__.py", "shop/build/plan.py", "setup.py")
    foreign = (
        *(".venv/lib/a.py", ".venv-gpu/lib/a.py", "env/lib/a.py", "build/lib/shop/a.py"),
        *("build/__pycache__/a.py", "deps/plug/a.py", "node_modules/b/gyp.py", ".git/hooks/a.py"),
    )
    for name in (*own, *foreign):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("" if name in own else "print 'Python 2'\n")
    (tmp_path / "setup.py").write_text("import shop.build.plan\n")
    (tmp_path / "env" / "pyvenv.cfg").write_text("")
    sources = Sources.read([tmp_path])
    paths = {module.path.relative_to(tmp_path) for module in sources.modules.values()}
    assert paths == set(map(Path, own))
    assert sources.longest_chain() == ["setup", "shop.build.plan"]


def test_a_file_that_cannot_be_parsed_is_named(tmp_path: Path) -> None:
    (tmp_path / "old.py").write_text("print 'Python 2'\n")
    with pytest.raises(SyntaxError, match=r"old\.py"):
        Sources.read([tmp_path])


def test_a_package_that_is_shipped_is_measured() -> None:
    assert "corpus" in {folder.name for folder in shipped()}
