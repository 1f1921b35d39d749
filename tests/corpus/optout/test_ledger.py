"""The ledger of opt-outs: appended to whole, and refused with the line if it was changed."""

import hashlib
import json
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from corpus.locking import FolderInUse, claim
from corpus.optout.ledger import (
    LONGEST_LINE,
    BadLedger,
    BadRemoval,
    Kind,
    Ledger,
    Removal,
    add,
    read_exclusions,
    read_ledger,
    removal,
)

DAY = date(2026, 11, 30)
THREE = (
    Removal(Kind.PACKAGE, "plug", "asked, discussion 12"),
    Removal(Kind.PATH, "kiosk:lib/kiosk/secret.ex", "published by mistake"),
    Removal(Kind.OWNER, "github.com:acme", "wants no part in it"),
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    add(tmp_path / "optout.jsonl", THREE, DAY)
    return tmp_path / "optout.jsonl"


def test_an_entry_is_one_line_of_canonical_json_chained_to_the_one_before(path: Path) -> None:
    first, second, _ = path.read_bytes().splitlines()
    told = (
        b'{"date":"2026-11-30","kind":"package","previous":"' + b"0" * 64 + b'",'
        b'"reason":"asked, discussion 12","sequence":1,"value":"plug"}'
    )
    digest = hashlib.sha256(told).hexdigest()
    assert first == told.replace(b'"kind"', b'"digest":"' + digest.encode() + b'","kind"')
    assert json.loads(second)["previous"] == digest
    assert read_ledger(path).head == json.loads(path.read_bytes().splitlines()[2])["digest"]


def test_what_is_there_already_is_not_added_again(path: Path) -> None:
    before = path.read_bytes()
    again = Removal(Kind.PACKAGE, "plug", "asked once more")
    assert add(path, [again], DAY)[1] == 0
    assert path.read_bytes() == before
    assert add(path, [again, Removal(Kind.PACKAGE, "ecto", "asked")], DAY)[1] == 1
    assert path.read_bytes().startswith(before)


def edited(lines: list[bytes]) -> bytes:
    return b"".join([lines[0], lines[1].replace(b"secret", b"public"), lines[2]])


def forged(lines: list[bytes]) -> bytes:
    other = Ledger().with_removals([Removal(Kind.PACKAGE, "ecto", "asked")], DAY)
    return b"".join([*(entry.line() for entry in other.entries), *lines[1:]])


@pytest.mark.parametrize(
    ("change", "line", "said"),
    [
        (edited, 2, "its digest is not that of its content: it was edited"),
        (forged, 2, "it does not follow the line before: one of them was replaced"),
        (lambda lines: b"".join([lines[0], lines[2]]), 2, "it is entry 3 in the place of entry 2"),
        (lambda lines: b"".join([lines[1], lines[0], lines[2]]), 1, "lines were moved"),
        (lambda lines: b"".join([*lines, lines[2]]), 4, "it is entry 3 in the place of entry 4"),
        (lambda lines: b"".join(lines)[:-1], 3, "the line is cut off"),
        (lambda lines: b"".join(lines)[:-40], 3, "the line is cut off"),
        (lambda lines: b"".join([*lines, b"\n"]), 4, "it is not JSON"),
        (lambda lines: lines[0].replace(b"{", b'{"value":"x",'), 1, "a key twice"),
        (
            lambda lines: lines[0].replace(b"{", b'{"why":"x",'),
            1,
            "other keys",
        ),
        (lambda lines: lines[0].replace(b":1", b":1.0"), 1, "entry 1.0 in the place of entry 1"),
        (lambda lines: lines[0].replace(b"{", b"{ "), 1, "not in canonical JSON"),
        (lambda lines: lines[0].replace(b"plug", b"pl\xff"), 1, "it is not UTF-8 at byte"),
        (lambda lines: lines[0].replace(b'"package"', b'"planet"'), 1, "no kind of removal"),
        (lambda lines: lines[0].replace(b"plug", b"../a"), 1, "cannot be a package"),
        (lambda lines: lines[0].replace(b"-30", b"-31"), 1, "day is out of range"),
        (lambda lines: lines[0] + b"x" * LONGEST_LINE + b"\n", 2, "it is over 16384 bytes long"),
        (lambda lines: b"[" * 9000 + b"\n", 1, "nests too deeply"),
        (lambda lines: b"null\n", 1, "no JSON object"),
    ],
)
def test_a_changed_ledger_is_refused_with_the_line_and_what_to_do(
    path: Path, change: Callable[[list[bytes]], bytes], line: int, said: str
) -> None:
    path.write_bytes(change(path.read_bytes().splitlines(keepends=True)))
    with pytest.raises(BadLedger) as caught:
        read_ledger(path)
    message = str(caught.value)
    assert message.startswith(f"{path}, line {line}: ")
    assert said in message
    assert "Put back the whole file" in message
    with pytest.raises(BadLedger):
        add(path, THREE, DAY)


def test_a_ledger_that_is_not_there_is_a_clear_error(tmp_path: Path) -> None:
    with pytest.raises(BadLedger, match="No such file"):
        read_ledger(tmp_path / "none.jsonl")


@given(st.binary(max_size=200))
def test_any_bytes_are_a_ledger_or_a_clear_error(data: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "optout.jsonl"
        path.write_bytes(data)
        try:
            read = read_ledger(path)
        except BadLedger:
            return
        assert read.to_bytes() == data


TEXT = st.text(st.characters(codec="utf-8"), max_size=30)


@given(st.lists(st.tuples(st.sampled_from(Kind), TEXT, TEXT), max_size=5))
def test_whatever_can_be_added_can_be_read(wanted: list[tuple[Kind, str, str]]) -> None:
    ledger = Ledger()
    for kind, value, reason in wanted:
        try:
            ledger = ledger.with_removals([removal(kind, value, reason)], DAY)
        except BadRemoval:
            continue
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "optout.jsonl"
        path.write_bytes(ledger.to_bytes())
        assert read_ledger(path) == ledger


@pytest.mark.parametrize(
    ("kind", "value", "reason", "said"),
    [
        ("package", "plug", "", "a reason has 1 to 500"),
        ("package", "plug", "x" * 501, "a reason has 1 to 500"),
        ("package", "plug", "asked by ann@home.example", "names no e-mail address"),
        ("package", "plug", "x\x1b[2J", "is no plain text"),
        ("package", "../plug", "asked", "cannot be a package"),
        ("path", "plug", "asked", "is no path"),
        ("path", "plug:../lib", "asked", "is no path below"),
        ("owner", "acme", "asked", "is no account"),
        ("repository", "acme/shop", "asked", "is no repository"),
        ("content", "9f86", "asked", "is no SHA-256"),
        ("swhid", "swh:1:dir:" + "0" * 40, "asked", "is no SWHID of a content"),
    ],
)
def test_what_names_nothing_is_not_added(kind: str, value: str, reason: str, said: str) -> None:
    with pytest.raises(BadRemoval, match=said) as caught:
        removal(Kind(kind), value, reason)
    assert str(caught.value).startswith(f"{kind}: ")


@pytest.mark.parametrize(
    ("kind", "written", "kept"),
    [
        ("repository", "https://github.com/Acme/Shop.git", "github.com/acme/shop"),
        ("repository", "github.com/acme/shop/tree/main/lib", "github.com/acme/shop"),
        ("owner", "GitHub.com:Acme", "github.com:acme"),
        ("owner", "hex:Ann", "hex:Ann"),
        ("content", "AB" * 32, "ab" * 32),
        ("swhid", f"swh:1:cnt:{'0' * 40};path=/a", f"swh:1:cnt:{'0' * 40}"),
    ],
)
def test_values_are_kept_in_one_form(kind: str, written: str, kept: str) -> None:
    assert removal(Kind(kind), written, "asked").value == kept


def test_one_process_adds_at_a_time(path: Path) -> None:
    with claim(path.parent, "optout"), pytest.raises(FolderInUse, match="Wait until it ends"):
        add(path, THREE, DAY)


KILLED = """
import sys
from datetime import date
from pathlib import Path
from corpus.optout.ledger import Kind, Removal, add
print("begins", flush=True)
for number in range(1000):
    add(Path(sys.argv[1]), [Removal(Kind.PACKAGE, f"p{number}", "asked")], date(2026, 11, 30))
    print(number, flush=True)
"""


def test_a_killed_writer_leaves_a_whole_ledger_with_all_that_it_told(tmp_path: Path) -> None:
    path = tmp_path / "optout.jsonl"
    command = [sys.executable, "-c", KILLED, str(path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as writer:
        assert writer.stdout is not None
        while writer.stdout.readline().strip() != "20":
            pass
        writer.send_signal(signal.SIGKILL)
        told = [20, *map(int, writer.stdout.read().split())]
    entries = read_ledger(path).entries
    assert len(entries) in (told[-1] + 1, told[-1] + 2)
    assert add(path, THREE, DAY)[1] == 3


EXAMPLE = """
[[exclude]]
package = "shop"
reason = "b"

[[exclude]]
package = "shop"
path = "lib/a.ex"
reason = "a"
"""


def test_exclusions_of_version_0_1_become_entries(tmp_path: Path) -> None:
    file = tmp_path / "exclude.toml"
    file.write_text(EXAMPLE + f"[[exclude]]\ncontent_id = '{'a' * 64}'\nreason = 'c'\n")
    assert read_exclusions(file) == [
        Removal(Kind.PACKAGE, "shop", "b"),
        Removal(Kind.PATH, "shop:lib/a.ex", "a"),
        Removal(Kind.CONTENT, "a" * 64, "c"),
    ]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("exclude = 1", "has to have"),
        ("[ingest]\nbundle_bytes = 1", "has to have"),
        ("[[exclude]]\npackage = 'a'", "a table has a reason"),
        ("[[exclude]]\npackage = 'a'\nreason = ''", "a reason has 1 to 500"),
        ("[[exclude]]\npackage = 7\nreason = 'x'", "no table of texts"),
        ("[[exclude]", "."),
        ("a = " + "[" * 5000, "."),
    ],
)
def test_a_bad_file_of_exclusions_is_a_clear_error(tmp_path: Path, text: str, said: str) -> None:
    file = tmp_path / "exclude.toml"
    file.write_text(text)
    with pytest.raises(BadRemoval, match=said) as caught:
        read_exclusions(file)
    assert str(caught.value).startswith(f"{file}: ")
