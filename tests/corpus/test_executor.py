import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from corpus.executor import (
    BadCredentials,
    Cluster,
    Executor,
    Killed,
    OnThisMachine,
    SchedulerUnreachable,
    Serial,
    WorkerDied,
    connect,
    in_order,
)
from tests.executors import Backwards

# distributed leaves a TLS connection to a worker that died half open, on a busy machine; it is
# garbage, and reported, in any later test of a worker.
pytestmark = pytest.mark.filterwarnings("ignore:unclosed <ssl.SSLSocket:ResourceWarning")


def halve(number: int) -> int:
    return number // 2


def die_on_seven(number: int) -> int:
    if number == 7:
        os.kill(os.getpid(), signal.SIGKILL)
    return number * 10


def fail_on_seven(number: int) -> int:
    if number == 7:
        raise LookupError("seven")
    return number


@pytest.fixture(scope="module")
def two_workers() -> Iterator[Executor]:
    with connect(2, None) as executor:
        yield executor


def test_no_workers_means_this_process_and_the_given_order() -> None:
    with connect(0, None) as executor:
        assert isinstance(executor, Serial)
        assert list(executor.map(halve, [8, 4])) == [(8, 4), (4, 2)]


def test_a_cluster_gives_every_task_its_result(two_workers: Executor) -> None:
    assert dict(two_workers.map(halve, [2, 4, 6])) == {2: 1, 4: 2, 6: 3}


def test_equal_tasks_are_all_run(two_workers: Executor) -> None:
    assert list(two_workers.map(halve, [6, 6])) == [(6, 3), (6, 3)]


def test_results_come_in_the_order_of_the_tasks() -> None:
    assert list(in_order(Backwards(), "halve", halve, [8, 4, 6])) == [4, 2, 3]
    assert list(in_order(Backwards(), "halve", halve, [])) == []


def test_a_task_whose_worker_was_killed_runs_once_more() -> None:
    assert list(in_order(Backwards({1: 1}), "halve", halve, [8, 4, 6])) == [4, 2, 3]
    with pytest.raises(WorkerDied, match="'halve'"):
        list(in_order(Backwards({0: 2}), "halve", halve, [8, 4, 6]))


def test_a_task_that_kills_its_worker_takes_no_other_with_it(two_workers: Executor) -> None:
    results = dict(two_workers.map(die_on_seven, list(range(12))))
    assert results.pop(7) == Killed(7)
    assert results == {n: n * 10 for n in range(12) if n != 7}


@pytest.mark.timeout(120)
def test_workers_that_take_long_to_start_again_are_not_given_up() -> None:
    """A second is less than a worker needs; Dask's own patience is as little on a busy machine."""
    import dask
    import distributed  # noqa: F401 - its defaults must be there before some are replaced

    impatient = {"distributed.deploy.lost-worker-timeout": "0.2s"}
    with dask.config.set(impatient), connect(1, None) as executor:
        for _ in range(2):
            results = dict(executor.map(die_on_seven, [6, 7, 8]))
            assert results == {6: 60, 7: Killed(7), 8: 80}


def test_an_exception_in_a_task_is_raised_here(two_workers: Executor) -> None:
    with pytest.raises(LookupError, match="seven"):
        list(two_workers.map(fail_on_seven, [7]))


@pytest.mark.parametrize("address", ["tcp://127.0.0.1:9", "http://127.0.0.1:9", "here", ""])
def test_a_scheduler_that_does_not_answer_is_named(address: str) -> None:
    with (
        pytest.raises(SchedulerUnreachable, match=f"'{address}': no Dask scheduler answers"),
        connect(1, Cluster(address)),
    ):
        pass


def test_something_else_at_the_address_of_the_scheduler_is_given_up() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = f"tcp://127.0.0.1:{server.getsockname()[1]}"
        with (
            pytest.raises(SchedulerUnreachable, match="no Dask scheduler"),
            connect(1, Cluster(address)),
        ):
            pass


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (Cluster("tls://127.0.0.1:9", tls_ca=Path("ca.pem")), "needs --tls-cert, --tls-key too"),
        (Cluster("tcp://127.0.0.1:9", tls_key=Path("key.pem")), "is not encrypted"),
        (
            Cluster("tls://127.0.0.1:9", Path("no.pem"), Path("no.pem"), Path("no.pem")),
            "cannot be read: No such file or directory",
        ),
    ],
)
def test_credentials_that_do_not_fit_the_address_are_refused(given: Cluster, message: str) -> None:
    with pytest.raises(BadCredentials, match=message), connect(1, given):
        pass


def test_a_stranger_on_this_machine_gets_no_work_done_by_the_local_cluster() -> None:
    """Before, any process could send code to the workers of a build."""
    with connect(1, None) as executor:
        assert isinstance(executor, OnThisMachine)
        scheduler = executor.client.scheduler
        address = scheduler and scheduler.address
        assert address is not None
        assert address.startswith("tls://127.0.0.1:")
        stranger = Cluster(address.replace("tls", "tcp"))
        with pytest.raises(SchedulerUnreachable), connect(1, stranger):
            pass
        assert dict(executor.map(halve, [2])) == {2: 1}


def process_id(_: int) -> int:
    return os.getpid()


def test_renewed_workers_are_other_processes() -> None:
    with connect(1, None) as executor:
        before = dict(executor.map(process_id, [1]))
        executor.renew()
        assert dict(executor.map(process_id, [1])) != before


def test_workers_are_renewed_right_after_some_of_them_died() -> None:
    with connect(2, None) as executor:
        for _ in range(2):
            killed = [task for task, r in executor.map(die_on_seven, [7, 1]) if r == Killed(7)]
            executor.renew()
            assert killed == [7]
            assert dict(executor.map(halve, [2, 4])) == {2: 1, 4: 2}


INTERRUPTED_WHILE_RENEWING = """
import os, signal, threading
from corpus.executor import connect

signal.signal(signal.SIGINT, signal.default_int_handler)
with connect(1, None) as executor:
    threading.Timer(0.02, os.kill, (os.getpid(), signal.SIGINT)).start()
    executor.renew()
"""


def test_an_interrupt_while_workers_are_replaced_ends_them_all() -> None:
    script = [sys.executable, "-c", INTERRUPTED_WHILE_RENEWING]
    done = subprocess.run(script, capture_output=True, text=True, timeout=60, check=False)
    assert done.stderr.endswith("KeyboardInterrupt\n")
    assert done.returncode == -signal.SIGINT
