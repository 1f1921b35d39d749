from collections import Counter
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from train.dataset.packing import (
    EpochTooLong,
    Order,
    SampleGroup,
    UnknownSource,
    mix,
    packed,
    share,
)


@given(st.lists(st.integers(1, 64), max_size=200))
def test_every_sample_is_in_one_row_and_no_row_is_too_long(lengths: list[int]) -> None:
    rows = packed(np.array(lengths, dtype=np.int64), 64)
    assert sorted(sample for row in rows for sample in row) == list(range(len(lengths)))
    assert all(sum(lengths[sample] for sample in row) <= 64 for row in rows)


def test_a_sample_goes_where_it_leaves_least_space() -> None:
    assert packed(np.array([6, 4, 7, 3]), 10) == [[2, 3], [0, 1]]


def test_rows_are_nearly_full_whatever_lengths_source_has() -> None:
    generator = np.random.default_rng(1)
    lengths = np.clip(generator.lognormal(6.0, 1.2, 20_000), 8, 2048).astype(np.int64)
    rows = packed(lengths, 2048)
    assert lengths.sum() / (len(rows) * 2048) > 0.97


ELIXIR = SampleGroup("documents.elixir", np.arange(10), tokens=1000)
ERLANG = SampleGroup("documents.erlang", np.arange(10, 14), tokens=400)
REPLAY = SampleGroup("replay", np.arange(14, 64), tokens=5000)


def test_without_any_named_each_source_is_read_once() -> None:
    epoch = mix([ELIXIR, ERLANG], None, {}, 0.0, seed=1).epoch(0)
    assert sorted(epoch.tolist()) == list(range(14))


def test_guides_are_read_only_if_they_are_named() -> None:
    guides = SampleGroup("documents.markdown", np.arange(100, 104), 40)
    sources = [ELIXIR, guides]
    assert 100 not in mix(sources, None, {}, 0.0, seed=1).epoch(0)
    named = mix(sources, None, {"documents.markdown": 1.0}, 0.0, seed=1).epoch(0)
    assert sorted(named.tolist()) == [100, 101, 102, 103]


def test_passes_repeat_a_source_and_leave_the_unnamed_out() -> None:
    epoch = mix([ELIXIR, ERLANG], None, {"documents.erlang": 3.0}, 0.0, seed=1).epoch(0)
    assert Counter(epoch.tolist()) == dict.fromkeys(range(10, 14), 3)


def test_a_fraction_of_a_pass_goes_on_where_the_epoch_before_ended() -> None:
    mixture = mix([ELIXIR], None, {"documents.elixir": 0.4}, 0.0, seed=1)
    epochs = [mixture.epoch(epoch).tolist() for epoch in range(5)]
    assert [len(epoch) for epoch in epochs] == [4] * 5
    assert Counter(sample for epoch in epochs for sample in epoch) == dict.fromkeys(range(10), 2)


def test_replayed_text_makes_up_its_share_of_the_tokens() -> None:
    epoch = mix([ELIXIR], REPLAY, {}, 0.2, seed=1).epoch(0)
    replayed = sum(sample >= 14 for sample in epoch.tolist())
    assert replayed * 100 / (replayed * 100 + 1000) == pytest.approx(0.2, abs=0.05)


def test_another_seed_takes_other_samples_for_a_fraction() -> None:
    first, same, other = (
        set(mix([ELIXIR], None, {"documents.elixir": 0.3}, 0.0, seed=seed).epoch(0).tolist())
        for seed in (1, 1, 2)
    )
    assert first == same != other


def test_a_source_that_is_not_there_is_named_with_those_there_are() -> None:
    with pytest.raises(UnknownSource, match=r"documents\.elixr, and the split has .*Did you mean"):
        mix([ELIXIR, ERLANG], None, {"documents.elixr": 1.0}, 0.0, seed=1)


@pytest.mark.parametrize(
    ("passes", "share"),
    [({"documents.elixir": 1e15}, 0.0), ({}, 0.9999999999999), ({"documents.elixir": 1e300}, 0.0)],
)
def test_an_epoch_that_no_memory_holds_is_refused(passes: dict[str, float], share: float) -> None:
    with pytest.raises(EpochTooLong, match="take more epochs instead"):
        mix([ELIXIR], REPLAY, passes, share, seed=1)


def counts(*rows: int) -> Callable[[int], int]:
    return rows.__getitem__


def test_an_epoch_ends_with_a_smaller_step_and_the_next_begins_at_its_first_row() -> None:
    order = Order(counts(5, 4), epochs=2, batch=2)
    read = [(order.rows_of(step).epoch, order.rows_of(step).numbers) for step in range(5)]
    assert order.steps == 5
    assert read == [(0, (0, 1)), (0, (2, 3)), (0, (4,)), (1, (0, 1)), (1, (2, 3))]


def test_a_fraction_of_an_epoch_takes_that_share_of_its_rows() -> None:
    order = Order(counts(10, 10), epochs=1.5, batch=4)
    assert order.steps == 5
    assert [len(order.rows_of(step).numbers) for step in range(5)] == [4, 4, 2, 4, 1]


def test_a_limit_ends_the_stage_earlier_and_never_later() -> None:
    assert Order(counts(10), epochs=1, batch=4, limit=2).steps == 2
    assert Order(counts(10), epochs=1, batch=4, limit=9).steps == 3


def test_epochs_behind_the_limit_are_not_planned() -> None:
    order = Order(counts(10, 10), epochs=1e9, batch=4, limit=5)
    assert order.steps == 5
    assert order.rows_of(4).numbers == (4, 5, 6, 7)


def test_epochs_are_told_as_passes_made() -> None:
    order = Order(counts(4, 8), epochs=2, batch=2)
    assert [order.epochs_until(step) for step in (0, 1, 2, 4, 6)] == [0.0, 0.5, 1.0, 1.5, 2.0]


@given(
    st.lists(st.integers(1, 40), min_size=1, max_size=4),
    st.integers(1, 9),
    st.integers(1, 4),
    st.integers(1, 5),
)
def test_every_row_of_every_epoch_is_read_once_by_one_process(
    rows_in: list[int], batch: int, micro: int, processes: int
) -> None:
    order = Order(counts(*rows_in), epochs=len(rows_in), batch=batch)
    read: Counter[tuple[int, int]] = Counter()
    for step in range(order.steps):
        rows = order.rows_of(step)
        shares = [share(rows.numbers, micro, rank, processes) for rank in range(processes)]
        assert len({len(each) for each in shares}) == 1
        for numbers in (numbers for each in shares for numbers in each if numbers):
            read.update((rows.epoch, number) for number in numbers)
    assert read == Counter((epoch, row) for epoch, n in enumerate(rows_in) for row in range(n))


def test_a_process_without_rows_takes_part_with_none() -> None:
    assert share((0, 1, 2), micro=1, rank=0, count=2) == [(0,), (2,)]
    assert share((0, 1, 2), micro=1, rank=1, count=2) == [(1,), None]


def test_of_an_epoch_that_is_taken_in_part_that_part_is_told() -> None:
    order = Order(counts(10, 10), epochs=1.5, batch=4)
    assert [order.epochs_until(step) for step in (3, 4, 5)] == [1.0, 1.4, 1.5]
