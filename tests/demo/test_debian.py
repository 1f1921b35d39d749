from pathlib import Path

from demo.debian import (
    parse_deb822,
    parse_line,
    read_entries,
    source_entries,
    suites_of,
    written,
)

BOOKWORM = suites_of('PRETTY_NAME="Debian GNU/Linux 12"\nVERSION_CODENAME=bookworm\n')


def test_an_entry_of_one_line_is_read_with_its_key() -> None:
    line = "deb [arch=amd64 signed-by=/keys/debian.gpg] http://one.example/ sid main contrib"
    assert parse_line(line) == {
        "Types": "deb",
        "URIs": "http://one.example/",
        "Suites": "sid",
        "Components": "main contrib",
        "Signed-By": "/keys/debian.gpg",
    }
    assert parse_line("# deb http://deb.debian.org/debian sid main") is None
    assert parse_line("") is None


def test_entries_of_several_lines_are_read_but_disabled_ones() -> None:
    text = """\
Types: deb
# a comment
URIs: http://deb.debian.org/debian
Suites: bookworm
 bookworm-updates
Components: main

Types: deb
Enabled: no
URIs: http://elsewhere.example
Suites: bookworm
Components: main
"""
    assert list(parse_deb822(text)) == [
        {
            "Types": "deb",
            "URIs": "http://deb.debian.org/debian",
            "Suites": "bookworm bookworm-updates",
            "Components": "main",
        }
    ]


def test_sources_are_asked_of_the_systems_own_archives_only() -> None:
    debian = {"URIs": "http://deb.debian.org/debian", "Components": "main"}
    entries = [
        {"Types": "deb", "Suites": "bookworm bookworm-backports", "Signed-By": "/key", **debian},
        {"Types": "deb-src", "Suites": "bookworm", "Signed-By": "/key", **debian},
        {"Types": "deb", "Suites": "nodistro", "URIs": "http://x.example", "Components": "main"},
        {"Types": "deb", "Suites": "bookworm", "URIs": "http://flat.example"},
    ]
    assert source_entries(entries, BOOKWORM) == [
        {"Types": "deb-src", "Suites": "bookworm", **debian, "Signed-By": "/key"}
    ]


def test_the_suites_of_a_release_are_its_pockets() -> None:
    assert {"bookworm", "bookworm-security", "bookworm-updates"} < BOOKWORM
    assert "trixie" not in BOOKWORM
    assert "unstable" in suites_of("")


def test_both_forms_of_configuration_are_found(tmp_path: Path) -> None:
    (tmp_path / "sources.list.d").mkdir()
    (tmp_path / "sources.list").write_text("deb http://one.example sid main\n")
    (tmp_path / "sources.list.d/two.list").write_text("deb-src http://two.example sid main\n")
    three = "Types: deb\nURIs: http://three.example\nSuites: sid\nComponents: main\n"
    (tmp_path / "sources.list.d/three.sources").write_text(three)
    found = [entry["URIs"] for entry in read_entries(tmp_path)]
    assert found == ["http://one.example", "http://two.example", "http://three.example"]


def test_what_is_written_is_deb822() -> None:
    assert written({"Types": "deb-src", "Suites": "sid"}) == "Types: deb-src\nSuites: sid\n"
