"""Where a file or a piece of code is from, by a release alone."""

import hashlib
import json
import subprocess
import sys
from datetime import date
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from corpus.__main__ import app
from corpus.build import build
from corpus.configuration import BuildConfig
from corpus.identifiers import swhid
from corpus.optout.ledger import Kind, Ledger, Removal
from corpus.origin.index import RUN, WINDOW, runs_of, winnowed
from corpus.origin.search import (
    LONGEST_QUERY,
    EmptyQuery,
    NoIndex,
    NotText,
    Origins,
    QueryTooLong,
    Relation,
)
from corpus.release import Release, UnreadableRelease
from corpus.store import ArchiveStore
from tests.executors import LASTING
from tests.releases import example_release
from tests.stores import MIT, add, module, small_store

CART = b"""\
defmodule Shop.Cart do
  @moduledoc "A cart."

  # Adds up what is in it.
  def total(items, rates) do
    items
    |> Enum.reject(fn item -> item.quantity == 0 end)
    |> Enum.map(fn item -> {item.name, item.price * item.quantity} end)
    |> Enum.reduce(0, fn {name, price}, sum -> sum + price * Map.fetch!(rates, name) end)
    |> round_to_cents()
  end

  defp round_to_cents(amount), do: Float.round(amount / 1, 2)
end
"""
STARTS = """\
  def start_link(options) do
    {name, options} = Keyword.pop(options, :name, __MODULE__)
    GenServer.start_link(__MODULE__, options, name: name)
  end

  def child_spec(options) do
    start = {__MODULE__, :start_link, [options]}
    %{id: __MODULE__, start: start, type: :worker, restart: :permanent, shutdown: 5_000}
  end
"""
WORDS = ("amber birch cedar", "daisy elder fern", "grape hazel iris", "jade kelp lotus", "mint nut")
FORM = """\
  @doc "Gives {0}."
  def {0}({0}_value, times), do: {{:{0}, {0}_value * 7, times}}
"""


def worker(words: str) -> bytes:
    """Return a module of its own words, with the code that many modules have."""
    names = [f"{word}_{end}" for word in words.split() for end in "xyz"]
    own = "\n".join(FORM.format(name) for name in names)
    return f"defmodule {words.split()[0].title()} do\n{STARTS}\n{own}end\n".encode()


@pytest.fixture(scope="module")
def release(tmp_path_factory: pytest.TempPathFactory) -> Release:
    folder: Path = tmp_path_factory.mktemp("origin")
    store = small_store(folder / "store")
    add(store, "shop", {"LICENSE": MIT, "lib/shop/cart.ex": CART})
    for words in WORDS:
        add(store, words.split()[0], {"LICENSE": MIT, "lib/worker.ex": worker(words)})
    return build(store, folder / "out", BuildConfig(), LASTING)


@pytest.fixture(scope="module")
def origins(release: Release) -> Origins:
    return Origins(release)


def test_every_document_is_found_by_its_bytes_and_hashes(
    release: Release, origins: Origins
) -> None:
    documents = release.read("documents").to_pylist()
    assert len(documents) == 18
    for row in documents:
        asked = [
            origins.ask(row["text"].encode()),
            origins.ask_hash(row["content_id"]),
            origins.ask_hash(row["swhid"]),
            origins.ask_hash(row["swhid"].removeprefix("swh:1:cnt:")),
        ]
        for answer in asked:
            (match,) = answer.matches
            assert match.relation is Relation.IDENTICAL
            assert match.places[0].document_id == row["document_id"]


def test_a_place_says_what_to_write_where_the_code_is_used(origins: Origins) -> None:
    (match,) = origins.ask(CART).matches
    (place,) = match.places
    assert (place.package, place.version, place.path) == ("shop", "1.0.0", "lib/shop/cart.ex")
    assert (place.purl, place.swhid) == ("pkg:hex/shop@1.0.0", swhid(CART))
    assert place.license_expression == "MIT"
    assert place.attribution == (
        "From lib/shop/cart.ex of shop 1.0.0 (pkg:hex/shop@1.0.0), MIT.\nCopyright (c) 2026 Ada"
    )


def test_a_dropped_duplicate_leads_to_what_is_kept_for_it(release: Release) -> None:
    store_copy = module("Anchor", "anchor basket candle dragon") + b"# A copy.\n"
    assert Origins(release).ask(store_copy).matches[0].relation is Relation.SAME_CODE


def test_the_bytes_of_a_dropped_file_are_known(tmp_path: Path) -> None:
    store = ArchiveStore(tmp_path / "store")
    add(store, "shop", {"LICENSE": MIT, "lib/cart.ex": CART}, first_published_at="2020-01-01")
    copy = CART.replace(b"# Adds up", b"# Sums up")
    add(store, "stall", {"LICENSE": MIT, "lib/copy.ex": copy}, first_published_at="2024-01-01")
    origins = Origins(build(store, tmp_path / "out", BuildConfig(), LASTING))
    (match,) = origins.ask(copy).matches
    assert match.relation is Relation.COPY
    assert match.places[0].package == "shop"
    assert origins.ask_hash(swhid(copy)).matches == (match,)


def test_an_opted_out_file_is_not_in_the_index(tmp_path: Path) -> None:
    store = ArchiveStore(tmp_path / "store")
    add(store, "shop", {"LICENSE": MIT, "lib/cart.ex": CART}, first_published_at="2020-01-01")
    add(store, "stall", {"LICENSE": MIT, "lib/copy.ex": CART}, first_published_at="2024-01-01")
    add(store, "anchor", {"LICENSE": MIT, "lib/anchor.ex": module("Anchor", "anchor basket")})
    removal = Removal(Kind.PACKAGE, "shop", "asked")
    ledger = Ledger().with_removals([removal], date(2026, 11, 30))
    release = build(store, tmp_path / "out", BuildConfig(), LASTING, ledger=ledger)
    assert Origins(release).ask(CART).matches == ()
    prefix = int(hashlib.sha256(CART).hexdigest()[:16], 16)
    rows = release.read("origin")
    assert prefix not in {*rows["key"].to_pylist(), *rows["content"].to_pylist()}
    assert set(rows["package"].to_pylist()) == {"anchor"}


def test_blanks_line_ends_and_comments_do_not_hide_a_file(origins: Origins) -> None:
    formatted = CART.replace(b"\n", b"\r\n").replace(b"  # Adds up what is in it.\r\n", b"")
    (match,) = origins.ask(formatted).matches
    assert match.relation is Relation.SAME_CODE
    assert match.places[0].path == "lib/shop/cart.ex"


def test_an_edited_file_is_a_near_duplicate(origins: Origins) -> None:
    (match,) = origins.ask(CART.replace(b"round_to_cents", b"rounded")).matches
    assert match.relation is Relation.NEAR
    assert match.similarity is not None
    assert 0.7 <= match.similarity < 1


ANSWER = """\
Sure! Here is a function that sums the cart:

```elixir
    # the total
            def total(items, rates) do
                items
                |> Enum.reject(fn item ->
                    item.quantity == 0
                end)
                |> Enum.map(fn item -> {item.name, item.price * item.quantity} end)
                |> Enum.reduce(0, fn {name, price}, sum ->
                    sum + price * Map.fetch!(rates, name)
                end)
                |> round_to_cents()
            end
```

It folds over the items, and I hope that it helps.
"""


def test_a_function_in_an_answer_is_found_with_its_lines(origins: Origins) -> None:
    (match,) = origins.ask(ANSWER.encode()).matches
    (place,) = match.places
    assert match.relation is Relation.PART
    assert (place.package, place.path, place.lines) == ("shop", "lib/shop/cart.ex", (5, 11))
    assert match.query_lines == (5, 15)
    assert match.packages == ("shop",)


def test_what_many_packages_have_is_attributed_to_none(origins: Origins) -> None:
    (match,) = origins.ask(STARTS.encode()).matches
    assert match.relation is Relation.COMMON
    assert match.places == ()
    assert match.packages == ("amber", "daisy", "grape", "jade", "mint")
    assert match.told.endswith("common code, in 5 packages, attributed to none")


@pytest.mark.parametrize(
    "text",
    [
        "# a comment alone",
        "What is a GenServer?",
        "def total(items), do: Enum.sum(items)\n",
        "x = 1\n" * 400,
        "defmodule Other do\n  use GenServer\n  def init(state), do: {:ok, state}\nend\n",
    ],
)
def test_other_text_is_from_nowhere(origins: Origins, text: str) -> None:
    assert origins.ask(text.encode()).matches == ()


def test_hostile_queries_are_refused_or_answered(origins: Origins) -> None:
    for empty in (b"", b" \n\t"):
        with pytest.raises(EmptyQuery):
            origins.ask(empty)
    with pytest.raises(NotText):
        origins.ask(b"\x7fELF\0\0\0")
    with pytest.raises(QueryTooLong):
        origins.ask(b"a" * (LONGEST_QUERY + 1))
    for text in (b"(" * LONGEST_QUERY, b"a " * (LONGEST_QUERY // 2), b"\xff\xfe\xfd" * 1000):
        assert origins.ask(text).matches == ()
    with pytest.raises(ValueError, match="is no hash of a file"):
        origins.ask_hash("0" * 39)
    assert origins.ask_hash("0" * 40).matches == ()


def test_a_release_without_the_table_says_so(tmp_path: Path) -> None:
    with pytest.raises(NoIndex, match="it has no table `origin`"):
        Origins(example_release(tmp_path))


def test_a_damaged_shard_is_told(release: Release, tmp_path: Path) -> None:
    for shard in (*release.shards("origin"), *release.shards("documents")):
        (tmp_path / shard.path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / shard.path).write_bytes((release.path / shard.path).read_bytes()[:-9])
    with pytest.raises(UnreadableRelease, match="names every damaged file"):
        Origins(Release(tmp_path, release.manifest, release.identity))


def test_the_command_answers_people_and_programs(release: Release, tmp_path: Path) -> None:
    asked = tmp_path / "answer.md"
    asked.write_text(ANSWER)
    said = CliRunner().invoke(app, ["origin", str(release.path), str(asked)])
    assert said.exit_code == 0
    assert "From lib/shop/cart.ex, lines 5 to 11 of shop 1.0.0 (pkg:hex/shop@1.0.0), MIT." in (
        said.stdout
    )
    told = CliRunner().invoke(app, ["origin", str(release.path), "-", "--json"], input=CART)
    assert told.exit_code == 0
    (match,) = json.loads(told.stdout)["matches"]
    assert match["relation"] == "identical"
    assert match["places"][0]["attribution"].endswith("Copyright (c) 2026 Ada")
    other = CliRunner().invoke(app, ["origin", str(release.path), "0" * 64])
    assert other.exit_code == 1
    assert "nothing like it is in this release" in other.stdout
    empty = CliRunner().invoke(app, ["origin", str(release.path), "-"], input=b"")
    assert empty.exit_code == 2
    assert "the query is empty" in empty.output


def test_an_answer_does_without_what_takes_long_to_import(release: Release) -> None:
    asked = (
        "import sys; from pathlib import Path; from corpus.origin.search import Origins;"
        "from corpus.release import Release; origins = Origins(Release.open(Path(sys.argv[1])));"
        "print(origins.ask(sys.stdin.buffer.read()).matches[0].relation, 'pandas' in sys.modules)"
    )
    command = [sys.executable, "-c", asked, str(release.path)]
    said = subprocess.run(command, input=ANSWER.encode(), capture_output=True, check=True)
    assert said.stdout == b"part False\n"


TOKENS = st.lists(st.sampled_from(["a", "b", "c1", "+", "("]), max_size=60)


@given(TOKENS, TOKENS, st.integers(0, 10**9))
def test_texts_that_share_enough_tokens_share_a_key(
    before: list[str], behind: list[str], seed: int
) -> None:
    rng = np.random.default_rng(seed)
    shared = [f"t{n}" for n in rng.integers(0, 9, RUN + WINDOW - 1)]
    keys = []
    for tokens in ([*before, *shared], [*shared, *behind]):
        hashes = runs_of(" ".join(tokens).encode()).hashes
        keys.append(set(hashes[winnowed(hashes)].tolist()))
    assert keys[0] & keys[1]
