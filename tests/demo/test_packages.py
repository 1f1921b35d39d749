import hashlib
import shutil
import subprocess
from pathlib import Path

import pytest

from corpus.sources import Member, open_hex_tarball
from demo.packages import (
    COPYRIGHT,
    PACKAGES,
    BadDescription,
    PackageVersion,
    load_package,
    load_packages,
)

VERSIONS = {(each.name, each.version): each for each in load_packages()}

needs_elixir = pytest.mark.skipif(
    shutil.which("elixir") is None, reason="elixir is missing; on Debian: apt-get install elixir"
)

WITH_TESTS = sorted(path for path in PACKAGES.glob("*/source") if any(path.rglob("*_test.exs")))
COMPILABLE = [path for path in WITH_TESTS if path.parent.name != "wirebuf"]
"""wirebuf needs a package that is not part of the demo."""


def file(package: str, version: str, path: str) -> bytes:
    return VERSIONS[package, version].files[path]


def test_thirty_packages_ship_with_the_project() -> None:
    assert len({name for name, _ in VERSIONS}) == 30
    assert len(VERSIONS) == 32
    assert sum(len(each.files) for each in VERSIONS.values()) == 263


@pytest.mark.parametrize("package", VERSIONS.values(), ids=lambda each: each.name)
def test_every_package_packs_and_opens_again(package: PackageVersion) -> None:
    opened = open_hex_tarball(package.publication().tarball)
    assert (opened.metadata.name, opened.metadata.version) == (package.name, package.version)
    members = {each.path: each.data for each in opened.members() if isinstance(each, Member)}
    assert members == package.files


def test_packing_twice_gives_the_same_bytes() -> None:
    once, again = (
        [hashlib.sha256(each.publication().tarball).digest() for each in load_packages()]
        for _ in range(2)
    )
    assert once == again


def test_odd_bytes_are_what_package_toml_asks_for() -> None:
    folder = "lib/rough_edges"
    assert file("rough_edges", "0.1.0", f"{folder}/byte_order_mark.ex")[:6] == b"\xef\xbb\xbfdef"
    windows = file("rough_edges", "0.1.0", f"{folder}/carriage_return.ex")
    assert windows.count(b"\r\n") == windows.count(b"\n") == 19
    assert b"\0" in file("rough_edges", "0.1.0", f"{folder}/nul.ex")
    assert b"Gr\xf6\xdfe" in file("rough_edges", "0.1.0", f"{folder}/latin1.ex")
    assert file("rough_edges", "0.1.0", f"{folder}/empty.ex") == b""
    assert file("rough_edges", "0.1.0", f"{folder}/deep.ex").count(b"[") == 2000
    oversized = file("rough_edges", "0.1.0", f"{folder}/oversized.ex")
    assert oversized.splitlines()[24000] == b'  def lookup(23999), do: {:ok, "entry number 23999"}'


def test_no_checkout_changes_line_ends() -> None:
    for package in VERSIONS.values():
        for path, data in package.files.items():
            if path != "lib/rough_edges/carriage_return.ex":
                assert b"\r" not in data, f"{package.name}/{path}"


def test_an_older_version_differs_where_its_folder_says_so() -> None:
    old, new = VERSIONS["workbench", "0.1.0"], VERSIONS["workbench", "0.2.0"]
    assert new.files.keys() - old.files.keys() == {
        "lib/mix/tasks/workbench.bench.ex",
        "lib/workbench/heap.ex",
        "test/heap_test.exs",
    }
    changed = {path for path in old.files if old.files[path] != new.files[path]}
    assert changed == {"mix.exs", "lib/workbench/queue.ex"}


def test_licence_texts_carry_the_authors_copyright() -> None:
    for text in (file("drossel", "1.2.0", "LICENSE"), file("wirecode", "1.0.0", "LICENSE")):
        assert COPYRIGHT.encode() in text
    assert b"GNU GENERAL PUBLIC LICENSE" in file("tally_book", "0.8.0", "COPYING")
    assert VERSIONS["borrowed_plumes", "1.0.0"].metadata["licenses"] == ["MIT"]
    assert b"GNU GENERAL PUBLIC LICENSE" in file("borrowed_plumes", "1.0.0", "LICENSE")
    assert "LICENSE" not in VERSIONS["quillmark", "0.2.2"].files
    assert "licenses" not in VERSIONS["noted", "0.1.0"].metadata


def test_requirements_name_packages_that_exist() -> None:
    for package in VERSIONS.values():
        required = package.metadata["requirements"]
        assert isinstance(required, dict)
        assert required.keys() <= {name for name, _ in VERSIONS}


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("name = ", "not TOML"),
        ('name = "x"\nversions = []\nlicence = "MIT"', "unknown key licence"),
        ('name = "x"', "versions is missing"),
    ],
)
def test_a_broken_description_is_explained(tmp_path: Path, text: str, complaint: str) -> None:
    (tmp_path / "package.toml").write_text(text)
    with pytest.raises(BadDescription, match=complaint):
        load_package(tmp_path)


@pytest.mark.toolchain
@needs_elixir
def test_every_elixir_file_parses_except_the_broken_one() -> None:
    broken = PACKAGES / "rough_edges/source/lib/rough_edges/broken.ex"
    paths = [path for path in PACKAGES.rglob("*") if path.suffix in (".ex", ".exs")]
    script = Path(__file__).with_name("parse_all.exs")
    found = subprocess.run(
        ["elixir", script],
        input="\n".join(map(str, paths)),
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert found.stdout.split() == [str(broken)]


@pytest.mark.toolchain
@needs_elixir
def test_the_packages_pass_their_own_tests(tmp_path: Path) -> None:
    done = subprocess.run(
        ["elixir", Path(__file__).with_name("run_package_tests.exs"), tmp_path, *COMPILABLE],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "208 tests ran" in done.stdout
