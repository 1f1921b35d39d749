import os
import re
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from corpus.supervision import Budget, Cause, Ended, Watch, end_helpers, watched

QUICK = Budget(file_seconds=1, archive_seconds=3, clock=100)
IMPATIENT = Budget(file_seconds=1, clock=1)
BACKTRACKING = re.compile(r"(?:a|a)*b")


@pytest.fixture(autouse=True)
def _end() -> Iterator[None]:
    yield
    end_helpers()


def do(what: str, watch: Watch) -> str:
    """Do three groups of two items, and something bad on item 1 of group 1."""
    for group in range(3):
        with watch.group(group, 3.0):
            for item in range(2):
                with watch.step(item):
                    if (group, item) == (1, 1):
                        return harm(what)
    return "nothing"


def harm(what: str) -> str:
    if what == "backtrack":  # in C, with the interpreter's lock held
        BACKTRACKING.match("a" * 60)
    elif what == "sleep":
        time.sleep(600)
    elif what == "die":
        os.kill(os.getpid(), signal.SIGKILL)
    elif what == "memory":
        return str(len(bytearray(Budget().memory)))
    elif what == "raise":
        raise LookupError("nothing there")
    elif what == "unpicklable":
        raise LookupError(lambda: None)
    return f"done by {os.getpid()}"


@pytest.mark.parametrize(
    ("what", "budget", "cause"),
    [
        ("backtrack", QUICK, Cause.TIME),
        ("sleep", IMPATIENT, Cause.CLOCK),
        ("die", QUICK, Cause.DIED),
        ("memory", QUICK, Cause.MEMORY),
    ],
)
def test_what_ends_its_process_is_told_with_its_place(
    what: str, budget: Budget, cause: Cause
) -> None:
    assert watched(do, what, budget) == Ended(cause, 1, 1)
    assert str(watched(do, "work", QUICK)).startswith("done by ")


def test_an_error_is_raised_here_and_the_process_goes_on() -> None:
    before = watched(do, "work", QUICK)
    with pytest.raises(LookupError, match="nothing there"):
        watched(do, "raise", QUICK)
    assert watched(do, "work", QUICK) == before


def test_an_error_that_cannot_be_sent_is_raised_by_its_text() -> None:
    with pytest.raises(RuntimeError, match="LookupError"):
        watched(do, "unpicklable", QUICK)


def many_steps(seconds: float, watch: Watch) -> None:
    with watch.group(7, 3.0):
        for item in range(100):
            with watch.step(item):
                until = time.process_time() + seconds
                while time.process_time() < until:
                    pass


def test_steps_that_are_quick_each_can_use_up_the_budget_of_their_group() -> None:
    assert watched(many_steps, 0.01, QUICK) is None
    assert watched(many_steps, 0.5, QUICK) == Ended(Cause.TIME, 7, -1)


def between_groups(_: None, watch: Watch) -> None:
    with watch.group(0, 3.0):
        pass
    os.kill(os.getpid(), signal.SIGKILL)


def test_a_death_between_groups_has_no_place() -> None:
    assert watched(between_groups, None, QUICK) == Ended(Cause.DIED, -1, -1)


def process_of(_: None, watch: Watch) -> int:
    return os.getpid()


def test_a_helper_that_died_while_it_had_nothing_to_do_is_replaced() -> None:
    first = watched(process_of, None, QUICK)
    assert isinstance(first, int)
    os.kill(first, signal.SIGKILL)
    second = watched(process_of, None, QUICK)
    assert isinstance(second, int)
    assert second != first


def test_ended_helpers_are_gone() -> None:
    process = watched(process_of, None, QUICK)
    end_helpers()
    assert not Path(f"/proc/{process}").exists()


def prints(_: None, watch: Watch) -> str:
    os.write(1, b"noise")
    print("more")
    return "answer"


def test_what_is_printed_meanwhile_does_not_disturb_the_answer() -> None:
    assert watched(prints, None, QUICK) == "answer"


def test_a_budget_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="file_seconds is 0; it must be at least 1"):
        Budget(file_seconds=0)


class Unloadable:
    """Something that another process cannot make of its pickle."""

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return int, ("no number",)


def test_a_task_that_cannot_be_read_there_is_an_error_here() -> None:
    with pytest.raises(ValueError, match="no number"):
        watched(process_of, Unloadable(), QUICK)  # type: ignore[arg-type]
    assert isinstance(watched(process_of, None, QUICK), int)
