from train.dataset.rows import StageData
from train.material import left_out


def test_samples_that_are_left_out_are_counted_over_all_sources() -> None:
    described = StageData(
        sources={"instruct.a": {"samples": 10, "tokens": 2325, "bytes": 9000}},
        passes={"instruct.a": 1.0},
        dropped={
            "instruct.a": {"longer_than_context": 168},
            "instruct.b": {"longer_than_context": 10, "empty": 1},
        },
        rows=3,
        tokens=2325,
        fill=0.9,
    )
    assert left_out(described) == {
        "samples": 189,
        "reasons": {"empty": 1, "longer_than_context": 178},
    }
