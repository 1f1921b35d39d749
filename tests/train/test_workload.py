from pathlib import Path

import pytest

from corpus.progress import Silent
from corpus.release import Release
from tests.releases import document, example_release, instruction, write_release
from tests.train.models import write_tokenizer
from train.dataset.packing import UnknownSource
from train.dataset.rows import prepare
from train.recipe import load
from train.tokenizer.opening import open_tokenizer
from train.workload import (
    SAMPLED_ROWS,
    SourceSize,
    document_sources,
    instruction_sources,
    steps_and_tokens,
    workload,
)


def counted_release(folder: Path) -> Release:
    """1,000 bytes of Elixir twice, 500 of Erlang, and one held-out document."""
    documents = [
        document("shop", "lib/a.ex", "a" * 1000),
        document("shop", "lib/b.ex", "b" * 1000),
        document("shop", "src/c.erl", "c" * 500),
        document("kiosk", "lib/d.ex", "d" * 900, "validation"),
    ]
    rows = [
        instruction(documents[0], "explain", "é" * 10, "x" * 30),
        instruction(documents[1], "explain", "p" * 10, "y" * 30),
        instruction(documents[2], "repair", "q" * 100, "z" * 100),
    ]
    return write_release(folder, documents, (), rows)


def test_documents_are_counted_by_language_and_held_out_ones_are_not(tmp_path: Path) -> None:
    assert document_sources(counted_release(tmp_path)) == {
        "documents.elixir": SourceSize(2, 2000),
        "documents.erlang": SourceSize(1, 500),
    }


def test_instruction_rows_are_counted_by_kind_in_bytes(tmp_path: Path) -> None:
    assert instruction_sources(counted_release(tmp_path)) == {
        "instruct.explain": SourceSize(2, 90),
        "instruct.repair": SourceSize(1, 200),
    }


def test_many_instruction_rows_are_estimated_from_the_first(tmp_path: Path) -> None:
    whole = document("shop", "lib/a.ex", "a")
    rows = [instruction(whole, "explain", f"{n:05}", "x" * 95) for n in range(SAMPLED_ROWS + 1000)]
    release = write_release(tmp_path, [whole], (), rows)
    assert instruction_sources(release) == {"instruct.explain": SourceSize(5096, 509_600)}


def test_a_kind_that_is_not_among_the_first_rows_is_counted_all_the_same(tmp_path: Path) -> None:
    whole = document("shop", "lib/a.ex", "a")
    kinds = ["explain"] * SAMPLED_ROWS * 2 + ["repair"] * 3
    rows = [instruction(whole, kind, f"{n:05}", "x" * 95) for n, kind in enumerate(kinds)]
    release = write_release(tmp_path, [whole], (), rows)
    assert instruction_sources(release) == {
        "instruct.explain": SourceSize(SAMPLED_ROWS * 2, SAMPLED_ROWS * 200),
        "instruct.repair": SourceSize(3, 300),
    }


def test_an_epoch_is_bytes_by_bytes_a_token_and_what_stands_around_samples(
    tmp_path: Path,
) -> None:
    recipe = load("devstral-32gb", {"length": "128", "batch": "2"})
    load1 = workload(counted_release(tmp_path), recipe, 1, bytes_per_token=2.5)
    assert load1.epoch_tokens == 1000 + 3 * 2
    assert load1.epoch_rows == 9  # 1,006 / (0.97 * 128), rounded up
    assert load1.steps == 3 * 5
    assert load1.row_tokens == 3 * 9 * 128
    assert load1.sources == {"documents.elixir": 2000, "documents.erlang": 500}


def test_a_mixture_and_replayed_text_count(tmp_path: Path) -> None:
    recipe = load(
        "devstral-32gb",
        {
            "stage1.data.mixture": "documents.elixir=0.5",
            "stage1.data.replay.path": "general.jsonl",
            "stage1.data.replay.share": "0.2",
        },
    )
    read = workload(counted_release(tmp_path), recipe, 1, bytes_per_token=2.5)
    assert read.sources == {"documents.elixir": 1000}
    assert read.epoch_tokens == 502  # (1,000 / 2.5 + 2 around one sample) / 0.8


def test_a_source_that_the_release_does_not_have_is_named(tmp_path: Path) -> None:
    recipe = load("devstral-32gb", {"stage1.data.mixture": "documents.gleam=1"})
    with pytest.raises(UnknownSource, match=r"documents\.gleam"):
        workload(counted_release(tmp_path), recipe, 1)


def test_a_stage_ends_where_its_steps_or_its_epochs_do() -> None:
    recipe = load("devstral-32gb", {"stage1.epochs": "1.5", "stage2.steps": "4"})
    assert steps_and_tokens(16, recipe, recipe.stage1) == (3, 24 * 2048)
    assert steps_and_tokens(16, recipe, recipe.stage2) == (4, 32 * 2048)
    assert steps_and_tokens(17, recipe, recipe.stage2) == (4, 32 * 2048)
    assert steps_and_tokens(0, recipe, recipe.stage1) == (0, 0)


def test_the_estimate_is_what_the_data_path_lays_out(tmp_path: Path) -> None:
    """With the bytes a token that the tokenizer itself has on the text, and nothing cut."""
    release = example_release(tmp_path / "release")
    tokenizer = open_tokenizer(write_tokenizer(tmp_path / "tokenizer"))
    texts = release.read("documents", ("text",), "train").column("text").to_pylist()
    tokens = sum(len(tokenizer.encode(text)) for text in texts)
    recipe = load("devstral-32gb", {"length": "512"})
    read = workload(release, recipe, 1, sum(len(text.encode()) for text in texts) / tokens)
    rows = prepare(release, 1, "train", recipe, tokenizer, tmp_path / "work", Silent())
    assert read.epoch_tokens == rows.tokens(0)
    assert read.epoch_rows == rows.rows_in(0)
