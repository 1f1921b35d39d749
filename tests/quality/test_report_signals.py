"""The report's sections on signals of quality and on tokens."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from corpus.atomic import canonical_json
from corpus.tokens import encode
from quality.report.page import render
from quality.report.publishing import count, tell
from quality.report.tokens import further_entries, owners_of
from tests.releases import example_documents, signal_rows, write_release


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    documents = example_documents()
    rows = signal_rows(documents)
    rows[0] |= {"score": 0.25, "documented_share": 0.5, "is_tested": True, "dependents": 2}
    rows[1] |= {"score": None, "is_tested": False, "smells": [], "smell_count": 0}
    rows[3] |= {"smells": None, "smell_count": None, "tekken_tokens": 30}
    release = write_release(tmp_path_factory.mktemp("release"), documents, signals=rows)
    found: dict[str, Any] = json.loads(canonical_json(tell(count(release), None)))
    return found


def test_signals_are_told_as_distributions(report: dict[str, Any]) -> None:
    section = report["quality"]
    assert (section["documents"], section["tokens"]["total"]) == (5, 190)
    score = section["score"]
    assert (score["count"], score["quantiles"]["p50"], score["mean"]) == (4, 0.5, 0.4375)
    assert [each["count"] for each in score["histogram"]] == [0, 0, 1, 0, 0, 3, 0, 0, 0, 0]
    assert section["coverage"]["documented"]["quantiles"]["max"] == 0.5
    assert section["tests"] == {"known": 2, "tested": 1, "share": 0.5}
    assert section["standing"]["dependents"]["quantiles"]["max"] == 2
    assert section["standing"]["downloads"]["count"] == 0


def test_smells_are_counted_by_check_and_by_document(report: dict[str, Any]) -> None:
    smells = report["quality"]["smells"]
    assert (smells["documents"], smells["clean"], smells["clean_share"]) == (4, 1, 0.25)
    assert smells["checks"] == [
        {"name": "Refactor.Nesting", "count": 6, "share": 1.0, "documents": 3}
    ]


def test_bytes_a_token_are_told_by_language(report: dict[str, Any]) -> None:
    sizes = {row["name"]: row["bytes"] for row in report["composition"]["languages"]}
    assert [(row["name"], row["tokens"]) for row in report["quality"]["languages"]] == [
        ("elixir", 160),
        ("erlang", 30),
    ]
    assert [row["bytes_per_token"] for row in report["quality"]["languages"]] == [
        round(sizes["elixir"] / 160, 2),
        round(sizes["erlang"] / 30, 2),
    ]


def test_tokens_of_the_sample_are_divided_among_constructs(report: dict[str, Any]) -> None:
    texts = [row["text"] for row in example_documents() if row["language"] == "elixir"]
    section = report["tokens"]
    assert (section["documents"], section["tokens"]) == (4, sum(len(encode(t)) for t in texts))
    assert sum(row["tokens"] for row in section["constructs"]) == section["tokens"]
    found = {row["name"]: row for row in section["constructs"]}
    assert "·def" in found["identifier"]["examples"]
    assert "·@" in found["module attribute"]["examples"]


def test_the_page_tells_both(report: dict[str, Any]) -> None:
    page = " ".join(render(report).decode().split())  # type: ignore[arg-type]
    assert "190 tokens of Tekken, Devstral's vocabulary. 25% of 4 Elixir documents show no" in page
    assert "How Elixir's constructs are tokenised" in page


def test_a_release_without_signals_says_so(tmp_path: Path) -> None:
    release = write_release(tmp_path, example_documents())
    told = json.loads(canonical_json(tell(count(release), None)))
    assert told["quality"]["documents"] == 0
    assert "This release has no table of signals." in render(told).decode()


def test_a_token_belongs_to_what_most_of_its_bytes_are() -> None:
    labels = np.array([0, 3, 3, 2, 0, 0, 5, 4, 4], dtype=np.uint8)
    assert owners_of(labels, np.array([4, 2, 3])).tolist() == [3, 0, 4]


def test_entries_are_chosen_on_one_half_and_judged_on_the_other() -> None:
    letters = encode("a b")  # two tokens
    assert len(letters) == 2
    halves = [letters * 4, letters * 3, letters, [letters[0]] * 2]
    assert further_entries(halves, (1, 2)) == {
        "judged_tokens": 8,
        "saved": [
            {"entries": 1, "saved_share": 0.375},
            {"entries": 2, "saved_share": 0.5},
        ],
        "best": ["a·b", "a·ba·b"],
    }


@given(st.lists(st.lists(st.integers(0, 3), max_size=30), max_size=6))
def test_more_entries_never_save_less(encoded: list[list[int]]) -> None:
    saved = [row["saved_share"] for row in further_entries(encoded, (1, 2, 3))["saved"]]  # type: ignore[attr-defined]
    assert saved == sorted(saved)
    assert all(0 <= each < 1 for each in saved)
