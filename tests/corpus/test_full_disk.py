import hashlib
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from corpus.store import ArchiveStore
from tests import programs
from tests.stores import add, module, small_store

pytestmark = pytest.mark.skipif(
    os.geteuid() != 0 or shutil.which("mount") is None,
    reason="a small disk can only be mounted by root",
)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=48k", "tmpfs", str(disk)]
    if subprocess.run(mount, check=False, capture_output=True).returncode != 0:
        pytest.skip("this container does not let root mount a tmpfs")
    yield disk
    subprocess.run(["umount", "-l", str(disk)], check=True)


def run_build(store: Path, out: Path) -> "subprocess.CompletedProcess[str]":
    command = ["corpus", "build", "--archives", str(store), "--out", str(out), "--workers", "0"]
    return programs.run(command)


def test_a_full_disk_is_named_and_the_build_goes_on_once_there_is_room(
    small_disk: Path, tmp_path: Path
) -> None:
    store = small_store(tmp_path / "store").root
    full = run_build(store, small_disk)
    assert full.returncode == 2
    assert "No space left on device" in full.stderr
    assert "Traceback" not in full.stderr
    assert list(small_disk.glob("**/.*.tmp")) == []
    enlarge = ["mount", "-o", "remount,size=64m", str(small_disk)]
    subprocess.run(enlarge, check=True)
    assert run_build(store, small_disk).returncode == 0
    assert (small_disk / "2026.11.1" / "manifest.json").is_file()


def test_an_archive_that_finds_no_room_leaves_the_earlier_one(small_disk: Path) -> None:
    store = ArchiveStore(small_disk)
    earlier = add(store, "shop", {"lib/a.ex": module("A", "alpha")})
    with pytest.raises(OSError, match="No space left"):
        add(store, "shop", {"lib/a.ex": os.urandom(100_000)})
    assert store.archives() == [earlier]
    assert hashlib.sha256(store.read(earlier)).hexdigest() == earlier.sha256
