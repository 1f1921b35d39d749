import pytest

from train.evaluate.intervals import FEWEST, Figure
from train.evaluate.measures import Measure, as_json, show


def measure(packages: int, difference: Figure) -> Measure:
    return Measure(
        group="held-out text",
        name="all",
        unit="bits per byte",
        better="lower",
        count=10,
        packages=packages,
        base=Figure(1.5, 1.4, 1.6),
        adapter=Figure(1.25, 1.2, 1.3),
        difference=difference,
    )


def test_an_interval_is_shown_where_there_are_packages_enough_for_one(
    capsys: pytest.CaptureFixture[str],
) -> None:
    sure = Figure(-0.25, -0.5, -0.125)
    show([measure(FEWEST, sure), measure(FEWEST - 1, sure), measure(FEWEST, Figure(0.0))], "base")
    enough, few, alike = capsys.readouterr().out.splitlines()[-3:]
    assert enough.split() == [
        "all",
        "10",
        "3",
        "1.5000",
        "1.2500",
        "-0.2500",
        "(-0.5000",
        "to",
        "-0.1250)",
    ]
    assert few.rstrip().endswith("-0.2500 (too few packages)")
    assert alike.rstrip().endswith("+0.0000 (the same everywhere)")


def test_ends_that_are_not_known_are_null_in_the_file() -> None:
    (told,) = as_json([measure(1, Figure(0.5))], {})["measures"]
    assert told["difference"] == {"value": 0.5, "low": None, "high": None}
