import re
import time
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from corpus.configuration import BuildConfig, load
from corpus.elixir.extract import extract
from corpus.filters import Redaction
from corpus.ingest.opened import ReadConfig, open_archive
from corpus.ingest.source_file import EXTRACTORS, Parsed
from corpus.provenance import digest_of
from corpus.redaction import RedactionConfig, is_global_address, redact, redact_text
from corpus.store import ArchiveStore, Link
from elixir_corpus import build_release
from tests.corpus.planted_secrets import clean, planted, score
from tests.stores import MIT, add

ALL = RedactionConfig()
TOKEN = "gh" + "p_" + "9fLq0TzXcVnM2kRs7YdEaPu3oGi5Bt2fQ1aZ"


def redacted(text: str, language: str = "elixir", config: RedactionConfig = ALL) -> str:
    return redact(text.encode(), language, config)[0].decode()


def test_recall_and_precision_on_planted_secrets_are_what_the_documentation_tells() -> None:
    found = score([*planted(), *clean()])
    assert found.planted.total() >= 200
    assert len(found.planted) >= 30
    assert found.recall >= 0.98, found.missed
    assert found.precision >= 0.95, found.wrong


def test_a_redacted_file_parses_as_before_with_the_same_functions() -> None:
    for file in planted():
        raw = file.text.encode()
        text, spans = redact(raw, file.language, ALL, path=file.path)
        assert spans, file
        read = EXTRACTORS[file.language]
        before, after = read(raw), read(text)
        assert after.parse_errors == before.parse_errors, text
        names = [(f.name, f.arity, f.kind) for f in before.functions]
        assert [(f.name, f.arity, f.kind) for f in after.functions] == names, text


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('x = "ada@shop.io"\n', 'x = "redacted_email"\n'),
        ("# Copyright 2020 Ada <ada@shop.io>\n", "# Copyright 2020 Ada <redacted_email>\n"),
        ('x = "a\\nada@shop.io"\n', 'x = "a\\nredacted_email"\n'),
        ('x = "ada@example.com, bob@x.test"\n', None),
        ('x = "git@github.com:a/b.git ssh://deploy@shop.io"\n', None),
        ("assert conn.assigns.x == @user.name.first\n", None),
        ('x = "93.184.216.34"\n', 'x = "redacted_ip_address"\n'),
        ('x = "10.0.0.1 203.0.113.9 127.0.0.1"\n', None),
        ('@version "93.184.216.34"\n', None),
        ("ip: {8, 8, 8, 8}\n", "ip: {:redacted, :ip, :address, :v4}\n"),
        ("color = {200, 100, 50, 80}\n", None),
        ('x = "2a01:4f8::1"\n', 'x = "redacted_ip_address"\n'),
        ("<<a::8, 2600::16>>\n", None),
        ("cookie: :monster\n", None),
        ("Node.set_cookie(:QGNWGRCGTCYZWBZSHLHF)\n", "Node.set_cookie(:redacted_secret)\n"),
        ('signing_salt: "Jd8sK2lP"\n', 'signing_salt: "redacted_secret"\n'),
        ('Set the API\nkey: "q8Zr4LmT9xWc2VbN"\n', 'Set the API\nkey: "redacted_secret"\n'),
        ('password: "postgres"\n', None),
        (
            'url: "ecto://a:b7Xq92LmZw@db.shop.io/x"\n',
            'url: "ecto://a:redacted_secret@db.shop.io/x"\n',
        ),
        ("key = 0x" + "4c0883a69102937d6231471b5dbb6204\n", None),
    ],
)
def test_tags_replace_what_is_private_and_nothing_else(text: str, expected: str | None) -> None:
    assert redacted(text) == (expected or text)


def test_an_address_in_an_erlang_tuple_becomes_a_tuple_of_atoms() -> None:
    assert redacted("f() -> connect(Host, {8,8,4,4}).\n", "erlang") == (
        "f() -> connect(Host, {redacted, ip, address, v4}).\n"
    )


def test_a_token_in_two_literals_is_two_spans_of_the_original() -> None:
    text = f'x = "{TOKEN[:20]}" <>\n  "{TOKEN[20:]}"\n'
    result, spans = redact(text.encode(), "elixir", ALL)
    assert result == b'x = "redacted_secret" <>\n  "redacted_secret"\n'
    assert spans == (
        Redaction("betterleaks.github-pat", 5, 25),
        Redaction("betterleaks.github-pat", 33, 53),
    )


def test_a_secret_is_removed_where_it_stands_again_without_its_name() -> None:
    text = 'api_key: "q8Zr4LmT9xWc2VbN"\nassert sent == "q8Zr4LmT9xWc2VbN!"\n'
    assert redacted(text) == 'api_key: "redacted_secret"\nassert sent == "redacted_secret!"\n'


def test_a_key_keeps_the_lines_that_name_it() -> None:
    begin, end = (f"-----{word} RSA PRIVATE " + "KEY-----" for word in ("BEGIN", "END"))
    body = "\n".join(["  MIIBzAIBAAJhAL3f1xISwDSm4m6sYHm6WD4WK2egfyfZhd0w4iVeZvHjUurZVRVQ"] * 3)
    assert redacted(f'x = """\n  {begin}\n{body}\n  {end}\n"""\n') == (
        f'x = """\n  {begin}\n  redacted_private_key\n  {end}\n"""\n'
    )


def test_offsets_are_those_of_a_file_in_latin_1() -> None:
    raw = "%% Jos\u00e9 <jose@shop.io>\n".encode("latin-1")
    text, spans = redact(raw, "erlang", ALL)
    assert text == "%% Jos\u00e9 <redacted_email>\n".encode("latin-1")
    assert [raw[span.start : span.end] for span in spans] == [b"jose@shop.io"]


def test_encoded_data_with_an_address_inside_is_one_span() -> None:
    raw = b"x = " + b"a" * 20 + b" ada@shop.io " + b"b" * 20
    data = [(Redaction("words", 4, 57), b"encoded_53_bytes")]
    assert redact(raw, "elixir", ALL, data) == (b"x = encoded_53_bytes", (data[0][0],))


def test_rules_can_be_switched_off_and_are_part_of_the_digest(tmp_path: Path) -> None:
    text = 'x = "ada@shop.io 93.184.216.34"\n'
    file = tmp_path / "a.toml"
    file.write_text("[ingest.read.file.redaction]\naddresses = false\noff = ['email']\n")
    config = load(file)
    assert redacted(text, config=config.ingest.read.file.redaction) == text
    assert digest_of(config) != digest_of(BuildConfig())


def test_a_rule_that_is_not_there_cannot_be_switched_off() -> None:
    with pytest.raises(ValueError, match="there is no rule 'emails'; ours are email, ip_address"):
        RedactionConfig(off=("emails",))


@pytest.mark.parametrize(
    ("address", "is_global"),
    [
        ("8.8.8.8", True),
        ("100.64.0.1", False),
        ("198.51.100.3", False),
        ("224.0.0.1", False),
        ("2606:4700:4700::1111", True),
        ("2001:db8::1", False),
        ("fe80::1", False),
        ("3fff::1", False),
    ],
)
def test_special_addresses_are_not_global(address: str, is_global: bool) -> None:
    assert is_global_address(address) is is_global


HOSTILE = {
    "at signs": b"a@a." * 60_000,
    "local parts": b"a" * 250_000 + b"@",
    "dots and digits": b"1." * 120_000,
    "groups": b"2a01:" * 50_000,
    "tuples": b"{1, 1, " * 35_000,
    "seams": b'a" <>\n"b' * 30_000,
    "names": b'secret: "' * 28_000,
    "names in values": b"token=" * 40_000,
    "values": b'token: "' + b"aB3$" * 60_000,
    "keys": (b"-----BEGIN PRIVATE " + b"KEY-----\n") * 8_000,
    "key without an end": b"-----BEGIN PRIVATE " + b"KEY-----\n" + b"aB3+\\n" * 40_000,
    "addresses with passwords": b"a://b:c" * 35_000,
    "web keys": b'"kty" "d": "aaaaaaaaaaaaaaaaaaaaaaa' * 7_000,
    "different secrets": b"".join(b'token: "q%dZr4LmT9xWc2V"\n' % n for n in range(10_000)),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_text_takes_little_time(name: str) -> None:
    started = time.process_time()
    redact(HOSTILE[name], "erlang", ALL)
    assert time.process_time() - started < 3  # a quarter of a megabyte; most take 0.1 s


@given(st.binary(max_size=200), st.sampled_from(["elixir", "erlang", None]))
def test_any_bytes_are_redacted_into_the_same_bytes_around_the_spans(
    raw: bytes, language: str | None
) -> None:
    text, spans = redact(b"ada@shop.io " + raw, language, ALL)
    assert spans[0].start == 0
    kept = b"".join(re.split(rb"redacted_\w+?(?:email|address|secret|key)|redacted_email", text))
    assert len(kept) <= len(raw) + 1 or b"redacted" in raw


SECRETS = {
    "token": TOKEN,
    "salt": "Jd8sK2lP",
    "base": "p9Kd2xYv8QwErT6uIoPaSdFgHjKlZxCvBnM1234067890qwmrtyuiopASDFGHJKLz",
    "e-mail of a licence": "ada.lovelace@engine.io",
    "e-mail of a name": "path.owner@engine.io",
    "e-mail of a link": "linked@engine.io",
    "e-mail of a retirement": "retired@engine.io",
    "address": "93.184.216.34",
    "password": "b7Xq92LmZw0T",
}


def test_no_planted_value_is_in_any_file_of_a_release(tmp_path: Path) -> None:
    code = f'''# Copyright (c) 2026 Ada Lovelace <{SECRETS["e-mail of a licence"]}>
defmodule Leaky do
  @moduledoc """
  Speaks to {SECRETS["address"]}, with `token: "{TOKEN}"`.
  """
  @token "{TOKEN[:18]}" <> "{TOKEN[18:]}"
  # ecto://ada:{SECRETS["password"]}@db.engine.io/engine

  @doc "Connects to {SECRETS["address"]} with the token {TOKEN} and gives the options back."
  @spec connect(keyword()) :: keyword()
  def connect(options) do
    defaults = [signing_salt: "{SECRETS["salt"]}", host: "{SECRETS["address"]}"]
    merged = Keyword.merge(defaults, options)
    Keyword.put(merged, :secret_key_base, "{SECRETS["base"]}")
  end
end
'''
    store = ArchiveStore(tmp_path / "archives")
    add(
        store,
        "leaky",
        {
            "LICENSE": MIT.replace(b"Ada\n", f"Ada <{SECRETS['e-mail of a licence']}>\n".encode()),
            "lib/leaky.ex": code.encode(),
            f"lib/{SECRETS['e-mail of a name']}.ex": b"defmodule Named do\n  def a, do: 1\nend\n",
            "lib/broken.ex": f"# Generated by {SECRETS['e-mail of a licence']}\n".encode(),
        },
        links=(
            Link("Mail", f"mailto:{SECRETS['e-mail of a link']}"),
            Link("Source", f"https://github.com/{TOKEN}/leaky"),
        ),
    )
    retirement = f"other: write to {SECRETS['e-mail of a retirement']}"
    add(store, "retired", {"LICENSE": MIT, "lib/a.ex": b"1"}, retirement=retirement)
    release = build_release(tmp_path / "archives", tmp_path / "releases", workers=0).release
    told = b""
    for path in sorted(release.path.rglob("*")):
        if path.suffix == ".parquet":
            told += repr(pq.read_table(path).to_pylist()).encode()
        elif path.is_file():
            told += path.read_bytes()
    assert b"Ada Lovelace <redacted_email>" in told
    assert b"lib/redacted_email.ex" in told
    halves = {"first half": TOKEN[:18], "second half": TOKEN[18:]}
    told = told.lower()
    planted_values = {name: value.lower().encode() for name, value in (SECRETS | halves).items()}
    assert {name for name, value in planted_values.items() if value in told} == set()
    addresses = release.read("documents", ["repository"])["repository"]
    assert set(addresses.to_pylist()) == {"https://github.com/redacted_secret/leaky"}
    for row in release.read("instruct", ["messages"]).to_pylist():
        answer = row["messages"][-1]["content"].partition("```elixir\n")[2].partition("\n```")[0]
        assert extract(answer.encode()).parse_errors == 0
    rules = {
        each["rule"]
        for row in release.read("documents", ["redactions"]).to_pylist()
        for each in row["redactions"]
    }
    assert rules == {
        *("betterleaks.github-pat", "email", "ip_address", "salt", "secret_key_base"),
        "url_password",
    }


def test_paths_that_become_equal_stay_two(tmp_path: Path) -> None:
    store = ArchiveStore(tmp_path / "archives")
    files = {
        f"lib/{name}@engine.io.ex": f"defmodule M{name} do\n  def f{name}, do: 1\nend\n".encode()
        for name in ("ada", "bob")
    }
    add(store, "twins", {"LICENSE": MIT, **files})
    (archive,) = store.archives()
    opened = open_archive(archive, store.path(archive), ReadConfig())
    paths = [file.source.path for file in opened.files if isinstance(file, Parsed)]
    assert sorted(paths) == ["lib/2_redacted_email.ex", "lib/redacted_email.ex"]


def test_text_without_anything_private_is_returned_as_it_is() -> None:
    text = "MIT License\n\nCopyright (c) 2026 Ada\n"
    assert redact_text(text, ALL) is text
