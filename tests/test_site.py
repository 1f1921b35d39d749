"""The documentation builds as a site: strictly, and with a command reference that is complete."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.project import PROJECT
from tests.test_console_command import COMMANDS


def build_site(folder: Path, site: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--site-dir", str(site)],
        cwd=folder,
        env={**os.environ, "NO_MKDOCS_2_WARNING": "1"},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    done = build_site(PROJECT, folder)
    assert done.returncode == 0, done.stderr
    return folder


def test_the_pages_of_the_root_are_pages_of_the_site(site: Path) -> None:
    assert "Elixir Corpus" in (site / "index.html").read_text(encoding="utf-8")
    for name in ("changelog", "security"):
        assert (site / f"{name}.html").is_file()
    assert 'href="how-to/build.html"' in (site / "index.html").read_text(encoding="utf-8")


def test_the_command_reference_has_every_command_with_its_options(site: Path) -> None:
    page = (site / "commands.html").read_text(encoding="utf-8")
    missing = [name for name in COMMANDS if f"elixir-corpus {name}" not in page]
    assert missing == []
    for option in ("--archives", "--optout", "--benchmark", "--vram", "--recipe", "packages="):
        assert option in page


def test_the_command_reference_says_nothing_about_the_machine_that_builds_it(site: Path) -> None:
    page = (site / "commands.html").read_text(encoding="utf-8")
    assert str(Path.home()) not in page
    assert str(PROJECT) not in page
    assert "one per CPU" in page


def test_the_api_page_shows_signatures_and_docstrings(site: Path) -> None:
    page = (site / "api.html").read_text(encoding="utf-8")
    assert 'id="corpus.release.Release"' in page
    assert 'id="quality.gate.judge"' in page


def test_a_link_that_leads_nowhere_stops_the_build(tmp_path: Path) -> None:
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "index.md").write_text("[lost](nowhere.md) and [lost](#nowhere)\n")
    settings = (PROJECT / "mkdocs.yml").read_text(encoding="utf-8")
    validation = settings[settings.index("validation:") : settings.index("nav:\n  - index.md")]
    (tmp_path / "mkdocs.yml").write_text(f"site_name: Small\nstrict: true\n{validation}")
    done = build_site(tmp_path, tmp_path / "site")
    assert done.returncode == 1
    assert "nowhere.md" in done.stderr
    assert "#nowhere" in done.stderr
