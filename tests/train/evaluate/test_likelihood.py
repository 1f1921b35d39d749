import math
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.releases import behaviour, document, module, write_release
from tests.train.models import SOURCE
from train.evaluate.likelihood import (
    HeldOutDocument,
    ScoredDocument,
    bits_per_byte,
    difference,
    held_out_documents,
    score,
)
from train.evaluate.subject import Subject, open_subject
from train.model.settings import ModelSettings
from train.tokenizer import open_tokenizer


@pytest.fixture(scope="module")
def subject(tiny_model: Path) -> Subject:
    settings = ModelSettings(name=str(tiny_model), quantization="none")
    return open_subject(settings, None, open_tokenizer(str(tiny_model)))


def held_out(text: str) -> HeldOutDocument:
    return HeldOutDocument("id", "harbour", "elixir", "library", (), text)


def scored(nats: float, text: str = "1234") -> ScoredDocument:
    return ScoredDocument(held_out(text), nats, len(text))


def bits_by_hand(subject: Subject, text: str) -> float:
    """Add up -log2 of the probability of every token after the first, from whole logits."""
    ids = torch.from_numpy(subject.tokenizer.document(text).ids.astype("int64"))
    with torch.no_grad():
        logits = subject.model.adapted(input_ids=ids[None]).logits[0].double()
    probabilities = logits.log_softmax(-1)[:-1].gather(1, ids[1:, None])
    return float(-probabilities.sum() / math.log(2))


def test_bits_are_those_of_every_token_over_the_bytes_of_the_text(subject: Subject) -> None:
    text = SOURCE[:400] + "# é\n"
    (found,) = score(subject, subject.tokenizer, [held_out(text)], length=512)
    assert found.bytes == len(text.encode()) == len(text) + 1
    whole = bits_per_byte([found])
    assert whole.value == pytest.approx(bits_by_hand(subject, text) / found.bytes, rel=1e-5)


def test_a_document_longer_than_the_context_is_foretold_token_by_token_once(
    subject: Subject,
) -> None:
    ids = subject.tokenizer.document(SOURCE).ids
    assert len(ids) > 100

    class Counts:
        targets = 0

        def nats(self, sample: object) -> float:
            self.targets += int(sample.targets.sum())  # type: ignore[attr-defined]
            assert len(sample.ids) <= 50  # type: ignore[attr-defined]
            return 1.0

    counts = Counts()
    list(score(counts, subject.tokenizer, [held_out(SOURCE)], length=50))
    assert counts.targets == int(subject.tokenizer.document(SOURCE).targets[1:].sum())


def test_a_rate_is_that_of_all_bytes_not_the_mean_of_rates() -> None:
    found = bits_per_byte([scored(math.log(2) * 8, "1234"), scored(math.log(2) * 2, "12")])
    assert found.value == pytest.approx(10 / 6)
    assert (found.documents, found.bytes) == (2, 6)
    assert found.low <= found.value <= found.high


def test_more_documents_narrow_the_interval() -> None:
    draws = np.random.default_rng(1).uniform(1, 9, 400)
    few, many = (bits_per_byte([scored(each) for each in draws[:n]]) for n in (20, 400))
    assert many.high - many.low < (few.high - few.low) / 2


def test_what_is_hard_for_both_does_not_widen_the_interval_of_the_difference() -> None:
    draws = np.random.default_rng(2).uniform(1, 9, 50)
    before, after = ([scored(each - less) for each in draws] for less in (0.0, 0.5))
    value, low, high = difference(before, after)
    assert value == pytest.approx(-0.5 / 4 / math.log(2))
    assert low == pytest.approx(value)
    assert high == pytest.approx(value)
    assert difference(before, before) == (0.0, 0.0, 0.0)


def test_nothing_has_no_rate() -> None:
    with pytest.raises(ValueError, match="no document"):
        bits_per_byte([])


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
    assert [each.document_id for each in some] == [whole[n].document_id for n in (0, 3, 6)]
    assert {each.behaviours for each in whole} == {("GenServer",)}
    assert list(held_out_documents(release, "validation")) == []
