"""Signals of quality, in a build of a store whose packages stand here."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from corpus.build import build
from corpus.configuration import BuildConfig
from corpus.inputs import read_inputs
from corpus.packages import Downloads, Requirement
from corpus.progress import Silent
from corpus.release import Release
from corpus.rows import SignalRow
from corpus.signals import SignalsConfig, Weights, score
from corpus.store import ArchiveStore
from quality.gate import judge
from tests.executors import LASTING
from tests.releases import example_documents, signal_rows, write_release
from tests.stores import MIT, add, small_store

CART = b"""defmodule Shop.Cart do
  @moduledoc "A cart."

  @doc "Adds up."
  @spec total([map()]) :: integer()
  def total(items), do: Enum.reduce(items, 0, &(&1.price + &2))

  def count(items), do: length(items)
end
"""
BARE = b"""defmodule Shop.Bare do
  # TODO: rounding
  def show(value) do
    value |> IO.inspect()
    unless value do
      1
    else
      2
    end
  end
end
"""
CART_TEST = b"""defmodule Shop.CartTest do
  use ExUnit.Case
  test "total", do: assert Shop.Cart.total([]) == 0
end
"""
LEDGER = b"""-module(ledger).
-export([sum/1]).
-spec sum([integer()]) -> integer().
sum(Numbers) -> lists:sum(Numbers).
"""
CENTURY = b"""defmodule Ledger.Century do
  @moduledoc false
  @doc "The century of a year."
  def of_year(year), do: div(year + 99, 100)
end
"""


def stored(root: Path) -> ArchiveStore:
    """Return a store whose package shop has a test, and is required by ledger."""
    store = small_store(root)
    shop = add(
        store,
        "shop",
        {
            "LICENSE": MIT,
            "lib/cart.ex": CART,
            "lib/bare.ex": BARE,
            "test/cart_test.exs": CART_TEST,
        },
        published_at="2026-01-11T00:00:00Z",
        first_published_at="2026-01-01T00:00:00Z",
    )
    store.amend(replace(shop, downloads=Downloads(all=1_000, recent=20)))
    add(
        store,
        "ledger",
        {"LICENSE": MIT, "src/ledger.erl": LEDGER, "lib/century.ex": CENTURY},
        published_at="2026-03-01T12:00:00Z",
        requirements=(Requirement("shop", "~> 1.0", False, None, None),),
    )
    return store


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> ArchiveStore:
    return stored(tmp_path_factory.mktemp("store"))


@pytest.fixture(scope="module")
def release(store: ArchiveStore, tmp_path_factory: pytest.TempPathFactory) -> Release:
    return build(store, tmp_path_factory.mktemp("out"), BuildConfig(), LASTING)


def signals_of(release: Release) -> dict[str, dict[str, Any]]:
    return {row["path"]: row for row in release.read("signals").to_pylist()}


def test_every_document_has_its_signals(release: Release) -> None:
    columns = ["document_id", "purl", "language", "role"]
    documents = release.read("documents", columns).sort_by("document_id")
    assert release.read("signals", columns).sort_by("document_id").equals(documents)
    failed = judge(release).summary().failed
    assert [name for name in failed if "signals" in name] == []


def test_tokens_coverage_and_smells_follow_from_the_document(release: Release) -> None:
    cart, bare = (signals_of(release)[f"lib/{name}.ex"] for name in ("cart", "bare"))
    assert (cart["tekken_tokens"], bare["tekken_tokens"]) == (70, 52)
    assert (cart["documented_share"], cart["specified_share"]) == (0.5, 0.5)
    assert (bare["documented_share"], bare["specified_share"]) == (0.0, 0.0)
    assert (cart["smells"], cart["smell_count"]) == ([], 0)
    assert bare["smells"] == [
        {"check": "Design.TagTODO", "count": 1},
        {"check": "Readability.ModuleDoc", "count": 1},
        {"check": "Readability.SinglePipe", "count": 1},
        {"check": "Refactor.UnlessWithElse", "count": 1},
        {"check": "Warning.IoInspect", "count": 1},
    ]
    assert bare["smell_count"] == 5


def test_what_is_not_extracted_is_unknown_and_not_zero(release: Release) -> None:
    erlang = signals_of(release)["src/ledger.erl"]
    assert (erlang["documented_share"], erlang["specified_share"]) == (0.0, 1.0)
    assert (erlang["smells"], erlang["smell_count"]) == (None, None)
    assert (erlang["downloads"], erlang["recent_downloads"]) == (None, None)


def test_a_test_is_paired_by_the_name_of_its_module(release: Release) -> None:
    found = signals_of(release)
    assert found["lib/cart.ex"]["is_tested"] is True
    assert found["lib/bare.ex"]["is_tested"] is False
    assert found["test/cart_test.exs"]["is_tested"] is None
    assert found["lib/century.ex"]["is_tested"] is None  # its archive has no tests


def test_age_downloads_and_dependents_are_those_of_the_store(release: Release) -> None:
    cart, century = (signals_of(release)[f"lib/{name}.ex"] for name in ("cart", "century"))
    names = ("age_days", "package_age_days", "downloads", "recent_downloads", "dependents")
    assert [cart[name] for name in names] == [49, 10, 1_000, 20, 1]
    assert [century[name] for name in names] == [0, None, None, None, 0]


def test_the_score_is_a_weighted_mean_of_what_is_known(
    store: ArchiveStore, release: Release, tmp_path: Path
) -> None:
    cart, century = (signals_of(release)[f"lib/{name}.ex"] for name in ("cart", "century"))
    required, downloaded = 0.1003, 0.4286  # log(2)/log(1001), log(1001)/log(10,000,001)
    parts = (2 * 0.5, 0.5, 2 * 1, 1, required, downloaded)
    assert cart["score"] == pytest.approx(sum(parts) / 8, abs=1e-4)
    assert century["score"] == pytest.approx((2 * 1 + 0 + 2 * 1 + 0) / 6, abs=1e-4)
    off = BuildConfig(signals=SignalsConfig(score=False))
    without = signals_of(build(store, tmp_path, off, LASTING))
    assert {row["score"] for row in without.values()} == {None}
    assert len(without) == len(signals_of(release))


def signal(**columns: Any) -> SignalRow:
    known: Mapping[str, Any] = dict.fromkeys(SignalRow.__annotations__)
    return SignalRow(**{**known, **columns})  # type: ignore[typeddict-item]


def test_a_document_of_which_nothing_is_known_has_no_score() -> None:
    assert score(signal(), 10, Weights()) is None
    assert score(signal(documented_share=0.5), 10, Weights(documented=0)) is None
    assert score(signal(dependents=9, downloads=9), 10, Weights()) is None
    assert score(signal(documented_share=0.5), 10, Weights()) == 0.5


def test_smells_count_by_the_length_of_the_document() -> None:
    clean = Weights(documented=0, specified=0, tested=0, required=0, downloaded=0)
    assert score(signal(smell_count=0), 10, clean) == 1.0
    assert score(signal(smell_count=1), 100, clean) == 0.5
    assert score(signal(smell_count=3), 100, clean) == 0.25


@pytest.mark.parametrize("weight", [-1.0, float("inf"), float("nan")])
def test_a_weight_is_a_number_that_is_not_negative(weight: float) -> None:
    with pytest.raises(ValueError, match="tested must be 0 or more"):
        Weights(tested=weight)


def test_other_downloads_concern_signals_alone(tmp_path: Path) -> None:
    store = stored(tmp_path)
    before = read_inputs(store, Silent()).digests()
    shop = next(each for each in store.archives() if each.name == "shop")
    store.amend(replace(shop, downloads=Downloads(all=1_001, recent=20)))
    after = read_inputs(store, Silent()).digests()
    assert [name for name in before if before[name] != after[name]] == ["standings"]


def test_the_gate_looks_at_signals(tmp_path: Path) -> None:
    documents = example_documents()
    rows = signal_rows(documents)[1:]
    rows[0] |= {"tekken_tokens": 0, "documented_share": 1.5, "smell_count": 3}
    rows[1] |= {"tekken_tokens": None, "specified_share": -1.0, "smells": None}
    rows[2] |= {"score": 1.5, "smells": [{"check": "Refactor.Taste", "count": 2}]}
    rows[3] |= {"age_days": -1, "document_id": "0" * 64}
    verdict = judge(write_release(tmp_path, documents, signals=rows))
    failed = [each.name for each in verdict.checks if each.outcome != "passed"]
    assert {name for name in failed if "signals" in name} == {
        "corpus.documents_without_signals",
        "signals.tekken_tokens.present",
        "signals.tekken_tokens.in_range",
        "signals.documented_share.in_range",
        "signals.specified_share.in_range",
        "signals.age_days.in_range",
        "signals.score.in_range",
        "signals.belongs_to_document",
        "signals.smells_are_sound",
    }
