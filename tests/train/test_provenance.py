from train.provenance import left_out


def test_samples_that_are_left_out_are_counted_over_all_sources() -> None:
    described = {
        "sources": {"instruct.a": {"samples": 10, "tokens": 2325}},
        "dropped": {
            "instruct.a": {"longer_than_context": 168},
            "instruct.b": {"longer_than_context": 10, "empty": 1},
        },
    }
    assert left_out(described) == {
        "samples": 189,
        "reasons": {"empty": 1, "longer_than_context": 178},
    }
