import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from tests.releases import behaviour, document, module, write_release
from tests.train.models import SOURCE
from train.evaluate.scores import Measure
from train.evaluate.subject import Subject, open_subject
from train.evaluate.text import (
    HeldOutDocument,
    behaviours_of,
    bits,
    cut,
    held_out_documents,
    score,
)
from train.recipe import ModelSettings
from train.tokenizer.interface import Sample
from train.tokenizer.opening import open_tokenizer


@pytest.fixture(scope="module")
def subject(tiny_model: Path) -> Subject:
    settings = ModelSettings(name=str(tiny_model), quantization="none")
    return open_subject(settings, None, open_tokenizer(str(tiny_model)))


def held_out(text: str, package: str = "harbour") -> HeldOutDocument:
    return HeldOutDocument("id", package, "elixir", "library", (), text)


def measured(
    documents: list[HeldOutDocument], base: list[float], adapter: list[float] | None = None
) -> Measure:
    return bits("group", "name", documents, base, adapter or base)


def bits_by_hand(subject: Subject, text: str) -> float:
    """Add up -log2 of the probability of every token after the first, from whole logits."""
    return bits_of_ids(subject, subject.tokenizer.document(text).ids.tolist())


def bits_of_ids(subject: Subject, tokens: list[int]) -> float:
    ids = torch.tensor(tokens)
    with torch.no_grad():
        logits = subject.model.adapted(input_ids=ids[None]).logits[0].double()
    probabilities = logits.log_softmax(-1)[:-1].gather(1, ids[1:, None])
    return float(-probabilities.sum() / math.log(2))


def test_bits_are_those_of_every_token_over_the_bytes_of_the_text(subject: Subject) -> None:
    text = SOURCE[:400] + "# é\n"
    whole = measured([held_out(text)], [score(subject, text, length=512)]).base
    assert len(text.encode()) == len(text) + 1
    by_hand = bits_by_hand(subject, text) / (len(text) + 1)
    assert whole.value == pytest.approx(by_hand, rel=1e-5)


def test_a_document_longer_than_the_context_is_foretold_token_by_token_once(
    subject: Subject,
) -> None:
    ids = subject.tokenizer.document(SOURCE).ids
    assert len(ids) > 100

    class Counts(Subject):
        targets = 0

        def nats(self, sample: Sample) -> float:
            self.targets += int(sample.targets.sum())
            assert len(sample.ids) <= 50
            return 1.0

    counts = Counts(subject.model, subject.tokenizer, subject.device)
    score(counts, SOURCE, length=50)
    assert counts.targets == int(subject.tokenizer.document(SOURCE).targets[1:].sum())


def test_the_windows_of_a_long_document_are_foretold_each_from_its_first_token(
    subject: Subject,
) -> None:
    text = SOURCE[:600]
    ids = subject.tokenizer.document(text).ids.tolist()
    assert 79 < len(ids) <= 3 * 79 + 1
    found = score(subject, text, length=80)
    windows = ids[:80], ids[79:159], ids[158:238]
    by_hand = sum(bits_of_ids(subject, each) for each in windows if len(each) > 1)
    assert len(text.encode()) == 600
    assert measured([held_out(text)], [found]).base.value == pytest.approx(by_hand / 600, rel=1e-5)


@given(st.lists(st.booleans(), min_size=1, max_size=60), st.integers(2, 20))
def test_no_token_is_lost_or_foretold_twice_where_a_document_is_cut(
    told: list[bool], length: int
) -> None:
    targets = np.array([False, *told[1:]])
    pieces = list(cut(Sample(np.arange(len(told), dtype=np.int32), targets), length))
    assert all(len(each.ids) <= length for each in pieces)
    assert [int(token) for each in pieces for token in each.ids[each.targets]] == [
        token for token, wanted in enumerate(told) if wanted and token
    ]
    followed = [token for each in pieces for token in each.ids[1:]]
    assert followed == list(range(1, len(told)))


def test_a_rate_is_that_of_all_bytes_not_the_mean_of_rates() -> None:
    found = measured([held_out("1234"), held_out("12", "pier")], [8.0, 2.0]).base
    assert found.value == pytest.approx(10 / 6)
    assert found.low < found.value < found.high


def test_what_is_hard_for_both_does_not_widen_the_interval_of_the_difference() -> None:
    random = np.random.default_rng(2)
    hard, gains = random.uniform(1, 9, 50), random.uniform(0.4, 0.6, 50)
    documents = [held_out("1234", str(n // 5)) for n in range(50)]
    found = measured(documents, hard.tolist(), (hard - gains).tolist())
    gain, alone = found.difference, found.base
    assert gain.value == pytest.approx(-gains.mean() / 4)
    assert 0 < gain.high - gain.low < (alone.high - alone.low) / 20


def test_nothing_has_no_rate() -> None:
    with pytest.raises(ValueError, match="nothing to measure"):
        measured([], [])


def test_a_document_has_the_behaviours_of_all_its_modules_once_each() -> None:
    supervisor, server = behaviour("Supervisor"), behaviour("GenServer")
    modules: list[Any] = [
        module("Quay", behaviours=[supervisor, server]),
        module("Quay.Berth", behaviours=[server]),
        module("Quay.Tide", behaviours=[]),
    ]
    assert behaviours_of(modules) == ("GenServer", "Supervisor")
    assert behaviours_of([]) == ()


def test_documents_are_taken_from_all_over_a_split(tmp_path: Path) -> None:
    rows = [
        document(
            "yard", f"lib/part_{n}.ex", f"defmodule Part{n} do\nend\n", "test",
            modules=[module(f"Part{n}", behaviours=[behaviour("GenServer")])],
        )
        for n in range(10)
    ]  # fmt: skip
    release = write_release(tmp_path / "release", rows)
    whole = list(held_out_documents(release, "test"))
    some = list(held_out_documents(release, "test", 3))
    assert len(whole) == 10
    assert [each.document_id for each in some] == [whole[n].document_id for n in (0, 4, 7)]
    assert len(list(held_out_documents(release, "test", 8))) == 8
    assert list(held_out_documents(release, "test", 11)) == whole
    assert {each.behaviours for each in whole} == {("GenServer",)}
    assert list(held_out_documents(release, "validation")) == []
