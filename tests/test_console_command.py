"""`elixir-corpus`, and the wheel that brings it to a machine without a checkout."""

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from typer.testing import CliRunner

from corpus.provenance import code_version
from corpus.release import verify
from corpus.release.versions import releases_in
from elixir_corpus.__main__ import app
from tests import programs
from tests.project import PACKAGES, PROJECT

COMMANDS = (
    "crawl", "build", "add-folder", "copy-archives", "optout", "verify", "explain", "diff",
    "origin", "inspect", "config", "gate", "report", "card", "publish",
    "plan", "train", "sandbox", "evaluate", "chat", "export", "train-report", "demo",
)  # fmt: skip


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_its_help_under_both_names(command: str) -> None:
    for name in ("-h", "--help"):
        done = CliRunner().invoke(app, [command, name], prog_name="elixir-corpus")
        assert done.exit_code == 0, done.output
        assert "usage" in done.stdout.lower()


def test_all_commands_are_listed() -> None:
    shown = CliRunner().invoke(app, ["--help"], terminal_width=100).output
    assert [name for name in COMMANDS if f" {name} " not in shown] == []
    assert "completion" not in shown


@pytest.mark.parametrize(
    "module",
    ["elixir_corpus", "corpus", "quality", "datacards", "demo", "train.qlora", "train.plan",
     "train.chat", "train.evaluate", "train.export", "train.report"],
)  # fmt: skip
def test_every_program_tells_its_version(module: str) -> None:
    done = programs.run([module, "--version"])
    assert (done.returncode, done.stdout) == (0, f"elixir-corpus {code_version()}\n")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the wheel from a copy, since setuptools leaves a folder `build` behind."""
    source, out = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("wheel")
    tracked = subprocess.run(
        ["git", "ls-files", "-z"], cwd=PROJECT, capture_output=True, text=True, check=True
    )
    for name in filter(None, tracked.stdout.split("\0")):
        if not name.startswith("tests/") and (PROJECT / name).is_file():
            (source / name).parent.mkdir(parents=True, exist_ok=True)
            (source / name).write_bytes((PROJECT / name).read_bytes())
    pip = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation"]
    subprocess.run([*pip, "--wheel-dir", str(out), str(source)], check=True, capture_output=True)
    (built,) = out.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Install the wheel into an environment of its own; what it requires is that of these tests.

    Returns the folder of its programs.
    """
    home = tmp_path_factory.mktemp("environment")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(home)], check=True)
    packages = next((home / "lib").glob("python*/site-packages"))
    # A line in a .pth file, so that .pth files there, such as an editable install's, do not count.
    paths = [path for path in sys.path if path.endswith("-packages")]
    (packages / "requirements.pth").write_text("\n".join(paths))
    pip = [str(home / "bin" / "python"), "-m", "pip", "install", "--quiet", "--no-deps"]
    done = subprocess.run(
        [*pip, "--ignore-installed", str(wheel)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return home / "bin"


def ask(program: Path, *arguments: str, folder: Path) -> subprocess.CompletedProcess[str]:
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("PYTHON", "SCRAPY"))}
    return subprocess.run(
        [str(program), *arguments],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_wheel_holds_every_file_that_the_packages_read(wheel: Path) -> None:
    tracked = subprocess.run(
        ["git", "ls-files", *PACKAGES], cwd=PROJECT, capture_output=True, text=True, check=True
    )
    held = set(zipfile.ZipFile(wheel).namelist())
    wanted = {name for name in tracked.stdout.splitlines() if (PROJECT / name).is_file()}
    assert sorted(wanted - held) == []
    foreign = {name.partition("/")[0] for name in held} - set(PACKAGES)
    assert [name for name in foreign if not name.endswith(".dist-info")] == []


def test_every_package_tells_type_checkers_that_it_is_typed(wheel: Path) -> None:
    held = set(zipfile.ZipFile(wheel).namelist())
    assert [name for name in PACKAGES if f"{name}/py.typed" not in held] == []


def test_the_installed_code_is_that_of_the_wheel(installed: Path, tmp_path: Path) -> None:
    code = "import corpus, train, elixir_corpus as e; print(corpus.__file__, e.__file__)"
    done = ask(installed / "python", "-c", code, folder=tmp_path)
    assert all(path.startswith(str(installed.parent)) for path in done.stdout.split())


@pytest.fixture
def crowded(tmp_path: Path) -> Path:
    """Return a folder with packages of our names that must not be imported."""
    folder = tmp_path / "crowded"
    for name in ("train", "quality", "corpus", "crawler"):
        (folder / name).mkdir(parents=True)
        (folder / name / "__init__.py").write_text("raise RuntimeError('a stranger')\n")
    return folder


def test_the_main_job_runs_beside_packages_of_the_same_names(
    installed: Path, crowded: Path
) -> None:
    done = ask(
        installed / "elixir-corpus", "demo", "run", "--out", "made", "--workers", "1",
        folder=crowded,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    (release,) = releases_in(crowded / "made" / "releases")
    assert verify(release) == []
    assert "read archives: " in done.stderr, "stages are told without a terminal"
    assert f"report   {crowded / 'made' / 'releases'}" in done.stdout


def test_the_trainer_explains_itself_beside_a_package_train(installed: Path, crowded: Path) -> None:
    help_of_train = ask(installed / "elixir-corpus", "train", "--help", folder=crowded)
    assert "--release FOLDER" in help_of_train.stdout
    same = ask(installed / "python", "-P", "-m", "train.qlora", "--help", folder=crowded)
    assert same.stdout == help_of_train.stdout


def test_the_trainer_explains_itself_in_an_empty_folder(installed: Path, tmp_path: Path) -> None:
    (tmp_path / "train").mkdir()  # a folder of data, which is no package
    done = ask(installed / "python", "-m", "train.qlora", "--help", folder=tmp_path)
    assert "--release FOLDER" in done.stdout


def test_a_judge_is_in_the_wheel(wheel: Path) -> None:
    assert "train/evaluate/judge.exs" in zipfile.ZipFile(wheel).namelist()
