from collections import Counter
from dataclasses import dataclass

from hypothesis import given
from hypothesis import strategies as st

from train.loop.order import Order, share


@dataclass(frozen=True)
class Counts:
    counts: tuple[int, ...]

    def rows_in(self, epoch: int) -> int:
        return self.counts[epoch]


def test_an_epoch_ends_with_a_smaller_step_and_the_next_begins_at_its_first_row() -> None:
    order = Order(Counts((5, 4)), epochs=2, batch=2)
    read = [(order.rows_of(step).epoch, order.rows_of(step).numbers) for step in range(5)]
    assert order.steps == 5
    assert read == [(0, (0, 1)), (0, (2, 3)), (0, (4,)), (1, (0, 1)), (1, (2, 3))]


def test_a_fraction_of_an_epoch_takes_that_share_of_its_rows() -> None:
    order = Order(Counts((10, 10)), epochs=1.5, batch=4)
    assert order.steps == 5
    assert [len(order.rows_of(step).numbers) for step in range(5)] == [4, 4, 2, 4, 1]


def test_a_limit_ends_the_stage_earlier_and_never_later() -> None:
    assert Order(Counts((10,)), epochs=1, batch=4, limit=2).steps == 2
    assert Order(Counts((10,)), epochs=1, batch=4, limit=9).steps == 3


def test_epochs_behind_the_limit_are_not_planned() -> None:
    order = Order(Counts((10, 10)), epochs=1e9, batch=4, limit=5)
    assert order.steps == 5
    assert order.rows_of(4).numbers == (4, 5, 6, 7)


def test_epochs_are_told_as_passes_made() -> None:
    order = Order(Counts((4, 8)), epochs=2, batch=2)
    assert [order.epochs_until(step) for step in (0, 1, 2, 4, 6)] == [0.0, 0.5, 1.0, 1.5, 2.0]


@given(
    st.lists(st.integers(1, 40), min_size=1, max_size=4),
    st.integers(1, 9),
    st.integers(1, 4),
    st.integers(1, 5),
)
def test_every_row_of_every_epoch_is_read_once_by_one_process(
    counts: list[int], batch: int, micro: int, processes: int
) -> None:
    order = Order(Counts(tuple(counts)), epochs=len(counts), batch=batch)
    read: Counter[tuple[int, int]] = Counter()
    for step in range(order.steps):
        rows = order.rows_of(step)
        shares = [share(rows.numbers, micro, rank, processes) for rank in range(processes)]
        assert len({len(each) for each in shares}) == 1
        for numbers in (numbers for each in shares for numbers in each if numbers):
            read.update((rows.epoch, number) for number in numbers)
    assert read == Counter((epoch, row) for epoch, n in enumerate(counts) for row in range(n))


def test_a_process_without_rows_takes_part_with_none() -> None:
    assert share((0, 1, 2), micro=1, rank=0, count=2) == [(0,), (2,)]
    assert share((0, 1, 2), micro=1, rank=1, count=2) == [(1,), None]


def test_of_an_epoch_that_is_taken_in_part_that_part_is_told() -> None:
    order = Order(Counts((10, 10)), epochs=1.5, batch=4)
    assert [order.epochs_until(step) for step in (3, 4, 5)] == [1.0, 1.4, 1.5]
