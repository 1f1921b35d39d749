from benchmarks.scaling import Peak, failure, growth


def test_a_failed_gate_is_an_error_that_shows_what_the_build_said() -> None:
    assert failure(1, "parse_error_share is 0.2\n") == (
        "parse_error_share is 0.2\n"
        "The build did not pass its gate (exit code 1), so its figures would mean nothing."
    )


def test_the_growth_of_memory_is_told_for_each_number_of_workers() -> None:
    peaks = {
        (1, 1): Peak(1.0, 100, 200),
        (1, 2): Peak(1.0, 100, 100),
        (10, 1): Peak(9.0, 103, 220),
        (10, 2): Peak(5.0, 100, 150),
    }
    assert growth(peaks, 10) == (
        "memory at 10x against 1x, 1 worker(s): client 1.03, worker 1.10; "
        "2 worker(s): client 1.00, worker 1.50"
    )
