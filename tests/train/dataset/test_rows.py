import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from corpus.progress import Silent
from corpus.release import Release
from tests.releases import document, instruction, signal_rows, write_release
from tests.train.tokenizers import small_chatml
from train.dataset.rows import EmptyMixture, Rows, prepare
from train.dataset.sources import NoReplayText, NoScores
from train.dataset.store import CountedSample, DamagedTokens, Document, Shape, samples_of
from train.recipe import DataSettings, Recipe, ReplaySettings
from train.tokenizer.interface import Ids, InfillingUnsupported, Tokenizer
from train.tokenizer.opening import open_tokenizer

PROJECT = Path(__file__).parents[3]
LINE = "  def step_{0}(state), do: {{:ok, state + {0}}}\n"
LONG = "defmodule Long do\n" + "".join(LINE.format(each) for each in range(60)) + "end\n"
SHORT = "defmodule Short do\n  def one, do: 1\nend\n"
ERLANG = "-module(other).\n-export([one/0]).\none() -> 1.\n"


@pytest.fixture
def release(tmp_path: Path) -> Release:
    documents = [
        document("shop", "lib/long.ex", LONG),
        document("shop", "lib/short.ex", SHORT),
        document("shop", "src/other.erl", ERLANG),
    ]
    instructions = [
        instruction(documents[1], "documentation_to_function", "Return one.", "def one, do: 1"),
        instruction(documents[0], "documentation_to_function", "Return all.", LONG),
    ]
    return write_release(tmp_path / "release", documents, instruct=instructions)


@pytest.fixture(scope="session")
def tokenizer(tiny_model: Path) -> Tokenizer:
    return open_tokenizer(tiny_model)


def laid_out(
    release: Release, tokenizer: Tokenizer, work: Path, stage: int = 1, **changes: object
) -> Rows:
    recipe = replace(Recipe(length=128), **changes)  # type: ignore[arg-type]
    return prepare(release, stage, "train", recipe, tokenizer, work, Silent())


def texts(rows: Rows, tokenizer: Tokenizer, epoch: int = 0) -> list[str]:
    """Return the text of every sample of an epoch."""
    found = []
    for number in range(rows.rows_in(epoch)):
        row, start = rows.row(epoch, number), 0
        for length in row.lengths:
            found.append(tokenizer.decode(row.ids[start : start + length].tolist()))
            start += length
    return found


def test_stage_1_can_read_contexts(tmp_path: Path, tokenizer: Tokenizer) -> None:
    documents = [document("shop", "lib/short.ex", SHORT), document("shop", "lib/long.ex", LONG)]
    text = f"# lib/short.ex\n{SHORT}"
    context = {
        **{name: documents[0][name] for name in ("source", "package", "version", "purl", "split")},
        **{name: documents[0][name] for name in ("archive_sha256", "license_expression")},
        "id": "ab" * 32,
        "place": 0,
        "window": 0,
        "text": text,
        "bytes": len(text),
        "tokens": 30,
        "files": [],
        "interfaces": [],
        "document_ids": [],
        "purls": [],
    }
    release = write_release(tmp_path / "release", documents, context=[context])
    settings = replace(Recipe().stage1, data=DataSettings(contexts=True))
    rows = laid_out(release, tokenizer, tmp_path / "work", stage1=settings)
    assert texts(rows, tokenizer) == [text]
    without = write_release(tmp_path / "other", documents)
    with pytest.raises(EmptyMixture, match=r"\[context\] of its configuration"):
        laid_out(without, tokenizer, tmp_path / "work", stage1=settings)


def test_every_document_is_in_an_epoch_once_long_ones_in_pieces_of_whole_lines(
    release: Release, tokenizer: Tokenizer, tmp_path: Path
) -> None:
    rows = laid_out(release, tokenizer, tmp_path / "work")
    found = texts(rows, tokenizer)
    assert {SHORT, ERLANG} <= set(found)
    pieces = sorted(set(found) - {SHORT, ERLANG}, key=LONG.index)
    assert len(pieces) > 5
    assert "".join(pieces) == LONG
    assert all(piece.endswith("\n") for piece in pieces)


def test_a_recipe_may_ask_for_documents_by_their_score(
    release: Release, tokenizer: Tokenizer, tmp_path: Path
) -> None:
    documents = [document("shop", f"lib/{number}.ex", SHORT * number) for number in (1, 2, 3)]
    unscored = signal_rows(documents[2:], None)
    signals = [*signal_rows(documents[:1], 0.6123), *signal_rows(documents[1:2], 0.4), *unscored]
    scored = write_release(tmp_path / "scored", documents, signals=signals)

    def read(scores: tuple[float, float], of: Release = scored) -> set[str]:
        stage = replace(Recipe().stage1, data=DataSettings(scores=scores))
        return set(texts(laid_out(of, tokenizer, tmp_path / "work", stage1=stage), tokenizer))

    assert read((0.0, 1.0)) == {SHORT, SHORT * 2, SHORT * 3}
    assert read((0.6123, 1.0)) == {SHORT}
    assert read((0.0, 0.6122)) == {SHORT * 2}
    with pytest.raises(NoScores, match="no document has a score"):
        read((0.5, 1.0), of=release)


class Counting:
    """A tokenizer that counts the characters which it is given."""

    def __init__(self, tokenizer: Tokenizer) -> None:
        self.tokenizer = tokenizer
        self.characters = 0

    def encode(self, text: str) -> Ids:
        self.characters += len(text)
        return self.tokenizer.encode(text)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.tokenizer, name)


@pytest.mark.parametrize("unit", ["words without a line end, ", "  indented\n", "\n", "é🧪"])
def test_a_text_of_any_size_is_cut_in_time_that_grows_with_it(
    tokenizer: Tokenizer, unit: str
) -> None:
    text = "a" + unit * (60_000 // len(unit)) + "z"
    counting: Any = Counting(tokenizer)
    found = list(samples_of(Document("replay", "0", text), counting, Shape(128, 0.0, 1)))
    kept = [each for each in found if isinstance(each, CountedSample)]
    assert "".join(tokenizer.decode(each.sample.ids) for each in kept) == text
    assert sum(each.bytes for each in kept) == len(text.encode())
    assert max(len(each.sample.ids) for each in kept) <= 128
    assert counting.characters < 15 * len(text)


def test_a_row_tells_samples_apart_and_learns_all_but_their_first_tokens(
    release: Release, tokenizer: Tokenizer, tmp_path: Path
) -> None:
    rows = laid_out(release, tokenizer, tmp_path / "work")
    for number in range(rows.rows_in(0)):
        row = rows.row(0, number)
        filled = sum(row.lengths)
        starts = np.cumsum([0, *row.lengths])
        positions = [*(each for n in row.lengths for each in range(n)), *range(128 - filled)]
        assert row.positions.tolist() == positions
        assert row.labels[starts[:-1]].tolist() == [-100] * len(row.lengths)
        learned = np.setdiff1d(np.arange(filled), starts)
        assert np.array_equal(row.labels[learned], row.ids[learned])
        assert set(row.labels[filled:].tolist()) <= {-100}
        assert row.targets == len(learned) == rows.targets_of(0, number)


def test_only_answers_are_learned_and_one_that_does_not_fit_is_counted(
    release: Release, tokenizer: Tokenizer, tmp_path: Path
) -> None:
    rows = laid_out(release, tokenizer, tmp_path / "work", stage=2)
    row = rows.row(0, 0)
    answer = tokenizer.decode(row.ids[row.labels != -100].tolist())
    assert answer == "def one, do: 1"
    assert row.bytes == len(answer)
    dropped = {"instruct.documentation_to_function": {"longer_than_context": 1}}
    assert rows.describe()["dropped"] == dropped


def test_epochs_differ_and_each_follows_from_the_seed_alone(
    release: Release, tokenizer: Tokenizer, tmp_path: Path
) -> None:
    first = laid_out(release, tokenizer, tmp_path / "a")
    again = laid_out(release, tokenizer, tmp_path / "b")
    assert texts(first, tokenizer, 3) == texts(again, tokenizer, 3)
    assert texts(first, tokenizer, 0) != texts(first, tokenizer, 1)
    assert sorted(texts(first, tokenizer, 0)) == sorted(texts(first, tokenizer, 1))


SCRIPT = """
import sys
from pathlib import Path
from tests.train.dataset.test_rows import laid_out, texts
from corpus.release import Release
from train.tokenizer.opening import open_tokenizer
tokenizer = open_tokenizer(Path(sys.argv[2]))
rows = laid_out(Release.open(Path(sys.argv[1])), tokenizer, Path(sys.argv[3]))
import json
print(json.dumps(texts(rows, tokenizer)))
"""


def test_another_process_reads_the_same_rows(
    release: Release, tokenizer: Tokenizer, tiny_model: Path, tmp_path: Path
) -> None:
    told = [str(release.path), str(tiny_model), str(tmp_path / "other")]
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, *told],
        cwd=PROJECT,
        env=os.environ | {"PYTHONHASHSEED": "7"},
        capture_output=True,
        text=True,
        check=True,
    )
    rows = laid_out(release, tokenizer, tmp_path / "work")
    assert json.loads(done.stdout) == texts(rows, tokenizer)


def test_tokens_are_made_once_and_a_half_made_store_is_swept_away(
    release: Release, tokenizer: Tokenizer, tmp_path: Path
) -> None:
    laid_out(release, tokenizer, tmp_path)
    (store,) = tmp_path.glob("stage1-*")
    before = (store / "ids.bin").stat().st_mtime_ns
    laid_out(release, tokenizer, tmp_path)
    assert (store / "ids.bin").stat().st_mtime_ns == before
    half = tmp_path / f".{store.name}.abcdefgh.tmp"
    half.mkdir()
    laid_out(release, tokenizer, tmp_path, stage=2)
    assert not half.exists()


@pytest.mark.parametrize("name", ["ids.bin", "targets.bin", "ends.bin", "source.bin", "meta.json"])
def test_stored_tokens_that_were_altered_are_refused(
    release: Release, tokenizer: Tokenizer, tmp_path: Path, name: str
) -> None:
    laid_out(release, tokenizer, tmp_path)
    (store,) = tmp_path.glob("stage1-*")
    data = (store / name).read_bytes()
    (store / name).write_bytes(data[: len(data) // 2])
    with pytest.raises(DamagedTokens, match="Remove that folder"):
        laid_out(release, tokenizer, tmp_path)


def test_infilling_moves_middles_of_the_asked_for_share_of_documents(
    release: Release, tokenizer: Tokenizer, tmp_path: Path
) -> None:
    settings = Recipe().stage1
    plain = laid_out(release, tokenizer, tmp_path)
    every = replace(settings, data=DataSettings(infilling_rate=1.0))
    moved = laid_out(release, tokenizer, tmp_path, stage1=every)
    assert SHORT in texts(plain, tokenizer)
    assert SHORT not in texts(moved, tokenizer)
    assert any(sorted(text) == sorted(SHORT) for text in texts(moved, tokenizer))


def test_infilling_that_the_tokenizer_cannot_mark_is_refused(
    release: Release, tmp_path: Path
) -> None:
    chatml = open_tokenizer(small_chatml(tmp_path / "chatml"))
    stage = replace(Recipe().stage1, data=DataSettings(infilling_rate=0.5))
    with pytest.raises(InfillingUnsupported, match=r"no \[SUFFIX\] and \[PREFIX\] tokens"):
        laid_out(release, chatml, tmp_path / "work", stage1=stage)


def test_general_text_is_replayed_from_files(
    release: Release, tokenizer: Tokenizer, tmp_path: Path
) -> None:
    path = tmp_path / "general.jsonl"
    path.write_text("".join(json.dumps({"text": f"Rain again, day {n}."}) + "\n" for n in range(9)))
    data = DataSettings(replay=ReplaySettings(path=str(path), share=0.1))
    rows = laid_out(release, tokenizer, tmp_path, stage1=replace(Recipe().stage1, data=data))
    assert any(text.startswith("Rain again") for text in texts(rows, tokenizer))
    assert rows.describe()["sources"]["replay"]["samples"] == 9


@pytest.mark.parametrize(
    ("lines", "why"),
    [
        ('{"body": "no text"}', "'text'"),
        ("[" * 100_000, "it nests too deeply"),
        ('["text"]', "it is no JSON object"),
        ('{"text": "a", "text": "b"}', "an object has a key twice"),
        ('{"text": "one"}\n{"text": null}', "row 2: `text` is None"),
        ('{"text": ["a", "b"]}', r"row 1: `text` is \['a', 'b'\]"),
        ('{"text": "half of a pair: \\ud800"}', "surrogates not allowed"),
        ("", "it has no text"),
        ('{"text": " "}', "it has no text"),
    ],
)
def test_general_text_that_is_not_there_is_one_clear_error(
    release: Release, tokenizer: Tokenizer, tmp_path: Path, lines: str, why: str
) -> None:
    path = tmp_path / "general.jsonl"
    path.write_text(lines)
    data = DataSettings(replay=ReplaySettings(path=str(path)))
    with pytest.raises(NoReplayText, match=f"{why}.*a column `text`"):
        laid_out(release, tokenizer, tmp_path, stage1=replace(Recipe().stage1, data=data))


def test_general_text_of_parquet_files_is_text(
    release: Release, tokenizer: Tokenizer, tmp_path: Path
) -> None:
    path = tmp_path / "general.parquet"
    data = DataSettings(replay=ReplaySettings(path=str(path), share=0.3))
    settings = replace(Recipe().stage1, data=data)
    pq.write_table(pa.table({"text": ["Rain again.", None]}), path)
    with pytest.raises(NoReplayText, match="row 2: `text` is None"):
        laid_out(release, tokenizer, tmp_path, stage1=settings)
    pq.write_table(pa.table({"text": ["Rain again."]}), path)
    rows = laid_out(release, tokenizer, tmp_path, stage1=settings)
    assert "Rain again." in texts(rows, tokenizer)


def test_a_split_without_rows_is_one_clear_error(
    release: Release, tokenizer: Tokenizer, tmp_path: Path
) -> None:
    with pytest.raises(EmptyMixture, match="split validation has no row of documents"):
        prepare(release, 1, "validation", Recipe(), tokenizer, tmp_path, Silent())
