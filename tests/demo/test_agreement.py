from pathlib import Path

import pytest

from demo.agreement import compare
from demo.hex_tarball import pack
from demo.packages import load_packages
from demo.reference import unavailable

pytestmark = [
    pytest.mark.toolchain,
    pytest.mark.skipif(unavailable() is not None, reason=str(unavailable())),
]


def test_both_readers_agree_on_every_package_of_the_demo(tmp_path: Path) -> None:
    paths = []
    for package in load_packages():
        path = tmp_path / f"{package.name}-{package.version}.tar"
        path.write_bytes(package.publication().tarball)
        paths.append(path)
    agreement = compare(paths)
    assert agreement.differences == ()
    assert (agreement.tarballs, agreement.files) == (32, 263)


def test_a_tarball_that_only_we_refuse_is_a_difference(tmp_path: Path) -> None:
    path = tmp_path / "upwards-1.0.0.tar"
    path.write_bytes(pack({"name": "upwards", "version": "1.0.0"}, {"../up.ex": b"1\n"}))
    (difference,) = compare([path]).differences
    assert difference.startswith("upwards-1.0.0.tar: files: ours [['../up.ex', 2, 'skipped: uns")
