"""What the builder lets through, the gate lets through: files at the edge of what is allowed."""

from pathlib import Path

import pytest

from corpus.build import build
from corpus.configuration import BuildConfig, load
from corpus.fingerprint import fingerprint
from corpus.release import Release
from corpus.source import MOST_ARGUMENTS
from quality.gate import judge
from quality.leaks import jaccard
from quality.verdict import Outcome
from tests.executors import LASTING
from tests.stores import add, module, small_store

MEGABYTE = 1 << 20


def built(folder: Path, files: dict[str, bytes], settings: str = "") -> Release:
    store = small_store(folder / "store")
    add(store, "edge", files)
    (folder / "build.toml").write_text(settings)
    config = load(folder / "build.toml") if settings else BuildConfig()
    return build(store, folder / "out", config, LASTING)


def broken(release: Release) -> set[str]:
    verdict = judge(release)
    return {check.name for check in verdict.with_outcome(Outcome.FAILED, Outcome.UNCHECKED)}


def wide(arity: int) -> bytes:
    arguments = ", ".join(f"a{n}" for n in range(arity))
    return f"defmodule Wide do\n  def wide({arguments}), do: a0\nend\n".encode()


def long(size: int, separator: bytes = b"\n") -> bytes:
    lines = b"".join(
        b"  def step%d(x), do: x * %d%s" % (n, n, separator) for n in range(size // 25)
    )
    return b"defmodule Long do\n%send\n" % lines


def test_latin1_may_grow_when_it_becomes_utf8(tmp_path: Path) -> None:
    comments = b"".join(b"%% %s %x\n" % (b"\xe9" * 50, n**4) for n in range(MEGABYTE // 75))
    source = b"%% -*- coding: latin-1 -*-\n-module(old).\n" + comments
    assert len(source) < MEGABYTE
    release = built(tmp_path, {"src/old.erl": source})
    sizes = release.read("documents", ["path", "bytes"]).to_pylist()
    assert max(row["bytes"] for row in sizes) > MEGABYTE
    assert broken(release) == set()


def test_a_larger_file_passes_where_the_build_allows_it(tmp_path: Path) -> None:
    settings = "[ingest.read.file.filters]\nfile = 5_000_000\n"
    source = long(3 * MEGABYTE // 2)
    assert len(source) > 2 * MEGABYTE, "what the gate lets pass of a build with the defaults"
    release = built(tmp_path, {"lib/long.ex": source}, settings)
    assert "lib/long.ex" in release.read("documents", ["path"])["path"].to_pylist()
    assert broken(release) == set()


@pytest.mark.parametrize(("arity", "kept"), [(MOST_ARGUMENTS, True), (MOST_ARGUMENTS + 1, False)])
def test_more_arguments_than_can_be_are_the_file_s_fault(
    tmp_path: Path, arity: int, kept: bool
) -> None:
    release = built(tmp_path, {"lib/wide.ex": wide(arity), "lib/good.ex": module("Good", "golf")})
    rejects = release.read("rejects", ["path", "reason"]).to_pylist()
    assert ({"path": "lib/wide.ex", "reason": "unparsable"} not in rejects) is kept
    assert broken(release) == set()


PAGE = b"""\
defmodule Shop.Page do
  def page(assigns) do
    ~H\"\"\"
    <.price :if={@shown} of={@cart}><:unit>EUR</:unit></.price>
    \"\"\"
  end

  def price(assigns), do: ~H"<b>{@of.total}</b><p>{for</p>"
end
"""


def test_fragments_are_told_of_templates_and_sigils(tmp_path: Path) -> None:
    files = {
        "lib/shop/page.ex": PAGE,
        "lib/shop/cart.html.heex": b"<Shop.Page.price of={@cart} />\n<%= if @b do %>x<% end %>",
        "priv/mail.eex": b"Dear <%= @name %>,\n<%= if @late do %>late\n",
    }
    release = built(tmp_path, files)
    rows = release.read("fragments").to_pylist()
    told = {
        (row["path"], row["start_line"]): (
            row["kind"],
            row["language"],
            row["function"],
            row["is_parsed"],
            [(each["name"], each["kind"], each["module"]) for each in row["components"]],
            row["assigns"],
            (row["expressions"], row["expressions_parsed"]),
        )
        for row in rows
    }
    assert told == {
        ("lib/shop/page.ex", 3): (
            *("sigil", "heex", "page/1", True),
            [("price", "local", "Shop.Page"), ("unit", "slot", None)],
            *(["cart", "shown"], (2, 2)),
        ),
        ("lib/shop/page.ex", 8): (
            *("sigil", "heex", "price/1", False, [], ["of"]),
            (1, 1),
        ),
        ("lib/shop/cart.html.heex", 1): (
            *("template", "heex", None, True),
            [("Shop.Page.price", "remote", None)],
            *(["b", "cart"], (3, 3)),
        ),
        ("priv/mail.eex", 1): ("template", "eex", None, False, [], ["late", "name"], (2, 1)),
    }
    assert {row["role"] for row in rows} == {"library", "template"}
    assert broken(release) == set()


COARSE = """
[ingest.read.file.fingerprint]
shingle = 60
[split]
validation = 0.3
test = 0.3
"""


def alike(changed: int) -> bytes:
    lines = [f"  def f{n}(x), do: x {'-' if n % 6 == changed else '+'} {n}" for n in range(24)]
    return "\n".join(["defmodule Alike do", *lines, "end", ""]).encode()


def test_near_duplicates_are_looked_for_by_the_fingerprints_of_the_build(tmp_path: Path) -> None:
    store = small_store(tmp_path / "store")
    for changed in range(6):
        add(store, f"alike{changed}", {"lib/alike.ex": alike(changed)})
    (tmp_path / "build.toml").write_text(COARSE)
    release = build(store, tmp_path / "out", load(tmp_path / "build.toml"), LASTING)
    rows = release.read("documents", ["path", "split", "text"]).to_pylist()
    kept = [row for row in rows if row["path"] == "lib/alike.ex"]
    assert len({row["split"] for row in kept}) > 1
    fine = [fingerprint(row["text"].encode(), "elixir", []).shingles for row in kept]
    assert jaccard(fine[0], fine[1]) > 0.7
    assert broken(release) == set()
