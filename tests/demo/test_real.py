import os
import subprocess
import sys
from pathlib import Path

PROJECT = Path(__file__).parents[2]


def run_real(out: Path, programs: Path) -> subprocess.CompletedProcess[str]:
    """Run `python -m demo real` where only the programs in a folder can be found."""
    return subprocess.run(
        [sys.executable, "-m", "demo", "real", "--out", str(out)],
        cwd=PROJECT,
        env={**os.environ, "PATH": str(programs)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_without_rebar3_it_says_what_to_install(tmp_path: Path) -> None:
    done = run_real(tmp_path / "out", tmp_path)
    assert done.returncode == 2
    assert "is not installed; on Debian: apt-get install" in done.stderr
    assert not (tmp_path / "out").exists()


def test_without_apt_it_says_that_it_needs_debian(tmp_path: Path) -> None:
    for name in ("escript", "rebar3"):
        (tmp_path / name).touch(mode=0o755)
    done = run_real(tmp_path / "out", tmp_path)
    assert done.returncode == 2
    assert "apt-get is not here: this needs Debian" in done.stderr
