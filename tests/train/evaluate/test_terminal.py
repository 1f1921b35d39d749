import pytest

from train.evaluate.measures import FEWEST, Figure, Measure
from train.evaluate.terminal import show


def measure(count: int) -> Measure:
    return Measure(
        group="held-out text",
        name="all",
        unit="bits per byte",
        better="lower",
        count=count,
        base=Figure(1.5, 1.4, 1.6),
        adapter=Figure(1.25, 1.2, 1.3),
        difference=Figure(-0.25, -0.5, -0.125),
    )


def test_an_interval_is_shown_where_there_are_items_enough_for_one(
    capsys: pytest.CaptureFixture[str],
) -> None:
    show([measure(FEWEST), measure(FEWEST - 1)], "base")
    enough, few = capsys.readouterr().out.splitlines()[-2:]
    assert enough.split() == [
        "all",
        "10",
        "1.5000",
        "1.2500",
        "-0.2500",
        "(-0.5000",
        "to",
        "-0.1250)",
    ]
    assert few.rstrip().endswith("-0.2500 (too few to tell)")
