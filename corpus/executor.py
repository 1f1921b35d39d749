"""Running tasks in this process, on a local Dask cluster, or on a running one.

A task gets paths and configuration and returns a small value; text is never sent through the
scheduler. Workers are processes and not threads, because tree-sitter holds the global interpreter
lock while it parses.
"""

import asyncio
import re
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from functools import partial
from multiprocessing import resource_tracker
from pathlib import Path
from typing import TYPE_CHECKING, Generic, Protocol, TypeVar

from corpus.errors import CorpusError
from corpus.supervision import end_helpers, tidily

if TYPE_CHECKING:
    from distributed import Client
    from distributed.security import Security

Task = TypeVar("Task")
Result = TypeVar("Result")

SCHEDULER_SETTINGS = {
    "distributed.scheduler.worker-saturation": 1.0,
    "distributed.scheduler.allowed-failures": 1,
    "distributed.admin.tick.limit": "60s",
    "distributed.deploy.lost-worker-timeout": "365 days",
}
"""Without the first two settings, tasks queued behind one that kills its worker are treated as its
cause too. Without the last one, a local cluster gives up a worker that is not running 15 seconds
after it died, even if it died again or is still starting on a busy machine; then tasks wait
forever.
"""

SCHEDULER_SECONDS = 5
ADDRESS = re.compile(r"(tcp|tls)://(?:\[[0-9a-fA-F:.]+\]|[^/:\[\]]+):\d+")


@dataclass(frozen=True, slots=True)
class Killed(Generic[Task]):
    """The worker died while it ran this task."""

    task: Task


class SchedulerUnreachable(CorpusError):
    """No scheduler answers at the address."""

    def __init__(self, address: str) -> None:
        super().__init__(
            f"{address!r}: no Dask scheduler answers there. Give its address as tls://HOST:PORT "
            "or tcp://HOST:PORT, with the protocol of the scheduler, start one with `dask "
            "scheduler`, or leave --scheduler out to use this machine."
        )


class BadCredentials(CorpusError):
    """TLS credentials are missing, unreadable or not wanted."""


@dataclass(frozen=True, slots=True)
class Cluster:
    """A running Dask cluster: the address of its scheduler and, for tls://, PEM files."""

    address: str
    tls_ca: Path | None = None
    tls_cert: Path | None = None
    tls_key: Path | None = None

    def security(self) -> "Security | None":
        """Return the credentials in the form of Dask, None for tcp://.

        Raises SchedulerUnreachable for an invalid address, and BadCredentials.
        """
        match = ADDRESS.fullmatch(self.address)
        if match is None:
            raise SchedulerUnreachable(self.address)
        files = {"--tls-ca": self.tls_ca, "--tls-cert": self.tls_cert, "--tls-key": self.tls_key}
        if match[1] == "tcp":
            if any(files.values()):
                raise BadCredentials(f"{self.address} is not encrypted; give it as tls://HOST:PORT")
            return None
        missing = [name for name, file in files.items() if file is None]
        if missing:
            raise BadCredentials(f"{self.address} needs {', '.join(missing)} too")
        return self._from_files()

    def _from_files(self) -> "Security":
        from distributed.security import Security

        security = Security(
            require_encryption=True,
            tls_ca_file=str(self.tls_ca),
            tls_client_cert=str(self.tls_cert),
            tls_client_key=str(self.tls_key),
        )
        try:
            security.get_connection_args("client")
        except OSError as error:
            said = error.strerror or str(error)
            raise BadCredentials(f"the TLS credentials cannot be read: {said}") from error
        return security


class WorkerDied(CorpusError):
    """A worker died in a stage in which a single file cannot be the cause."""

    def __init__(self, stage: str) -> None:
        super().__init__(
            f"A worker process died while it ran the stage {stage!r}; it was probably out of "
            "memory. Run the same command again with fewer --workers; finished parts are kept."
        )


class Executor(Protocol):
    """The place where tasks run."""

    def map(
        self, function: Callable[[Task], Result], tasks: Sequence[Task]
    ) -> Iterator[tuple[Task, Result | Killed[Task]]]:
        """Yield each task with its result, in order of completion.

        An exception of the task is raised here; a dead worker gives a `Killed`.
        """
        ...

    def renew(self) -> None:
        """Restart the workers to free their memory, if they belong to this executor."""
        ...


class Serial:
    """Runs every task in this process, one after another."""

    def map(
        self, function: Callable[[Task], Result], tasks: Sequence[Task]
    ) -> Iterator[tuple[Task, Result | Killed[Task]]]:
        """Yield each task with its result, in the given order."""
        for task in tasks:
            yield task, function(task)

    def renew(self) -> None:
        """End the helper process; there are no workers."""
        end_helpers()


SERIAL = Serial()


def in_order(
    executor: Executor, stage: str, function: Callable[[Task], Result], tasks: Sequence[Task]
) -> Iterator[Result]:
    """Yield the results in the order of the tasks.

    A task whose worker was killed runs once more. Raises WorkerDied if that worker dies, too.
    """
    numbered = list(enumerate(tasks))
    waiting: dict[int, Result] = {}
    following = 0
    for last in (False, True):
        killed = []
        for task, result in executor.map(partial(_numbered, function), numbered):
            if isinstance(result, Killed):
                killed.append(task)
                continue
            place, waiting[place] = result
            while following in waiting:
                yield waiting.pop(following)
                following += 1
        if not killed:
            return
        if last:
            raise WorkerDied(stage)
        numbered = killed


def _numbered(function: Callable[[Task], Result], numbered: tuple[int, Task]) -> tuple[int, Result]:
    place, task = numbered
    return place, function(task)


class OnDask:
    """Runs tasks on a Dask cluster through its client; its workers may have other clients."""

    def __init__(self, client: "Client") -> None:
        self.client = client

    def map(
        self, function: Callable[[Task], Result], tasks: Sequence[Task]
    ) -> Iterator[tuple[Task, Result | Killed[Task]]]:
        """Yield each task with its result, in order of completion."""
        from distributed import as_completed
        from distributed.scheduler import KilledWorker

        futures = self.client.map(partial(tidily, function), tasks, pure=False, retries=0)
        by_key = {future.key: task for future, task in zip(futures, tasks, strict=True)}
        for future in as_completed(futures):
            task = by_key[future.key]
            error = future.exception() if future.status == "error" else None
            if isinstance(error, KilledWorker):
                yield task, Killed(task)
            else:
                yield task, future.result()
            future.release()

    def renew(self) -> None:
        """Do nothing: a restart would end tasks of other clients."""


class OnThisMachine(OnDask):
    """Runs tasks on its own worker processes, which are closed with it.

    Scheduler and workers run code from any client that connects, and every process on this machine
    could connect. They therefore use TLS with credentials that are created for them and held in
    memory only.
    """

    def __init__(self, workers: int) -> None:
        self._workers = workers
        self._open()

    def renew(self) -> None:
        """Start new workers.

        Dask's own restart waits two minutes for workers that it is already replacing because they
        died, and then gives up.
        """
        self.close()
        self._open()

    def close(self) -> None:
        """Close the workers.

        Dask waits forever for a cluster whose closing was interrupted.
        """
        with interrupts_held():
            self.client.close()
            self._cluster.close()

    def _open(self) -> None:
        from distributed import Client, LocalCluster

        with interrupts_held():
            self._cluster = LocalCluster(
                n_workers=self._workers,
                threads_per_worker=1,
                processes=True,
                dashboard_address="127.0.0.1:0",
                memory_limit="auto",
                silence_logs="CRITICAL",
                security=True,
            )
            self.client = Client(self._cluster)


@contextmanager
def interrupts_held() -> Iterator[None]:
    """Block SIGINT in this process and in processes started meanwhile; deliver it afterwards.

    A terminal sends SIGINT to all processes, and each would print a traceback, so started processes
    inherit the mask and this process ends them. The mask alone does not block it in this process,
    because threads that were started before receive it and Python then raises in the main thread.
    """
    # If this helper of multiprocessing started later, it would unblock the signal.
    resource_tracker.ensure_running()
    with _interrupts_noted():
        before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        try:
            yield
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)


@contextmanager
def _interrupts_noted() -> Iterator[None]:
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    came = threading.Event()
    handler = signal.signal(signal.SIGINT, lambda *_: came.set())
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, handler)
        if came.is_set():
            signal.raise_signal(signal.SIGINT)


@contextmanager
def connect(workers: int, cluster: Cluster | None) -> Iterator[Executor]:
    """Yield an executor: this process for 0 workers, else a local or the given cluster.

    Raises SchedulerUnreachable if nothing answers at the cluster's address, and BadCredentials.
    """
    if cluster is None and workers == 0:
        yield Serial()
        return
    import dask
    import distributed  # noqa: F401 - its defaults must be there before some are replaced

    with dask.config.set(SCHEDULER_SETTINGS):
        if cluster is None:
            with closing(OnThisMachine(workers)) as executor:
                yield executor
        else:
            with _remote(cluster) as remote:
                yield remote


@contextmanager
def _remote(cluster: Cluster) -> Iterator[Executor]:
    from distributed import Client

    security = cluster.security()
    try:
        asyncio.run(_greet(cluster.address, security))
        client = Client(cluster.address, timeout=SCHEDULER_SECONDS, security=security)
    except (OSError, UnicodeError) as error:
        raise SchedulerUnreachable(cluster.address) from error
    with client:
        yield OnDask(client)


async def _greet(address: str, security: "Security | None") -> None:
    """Do the handshake of Dask with a timeout; Dask's client would wait forever.

    Raises OSError (or its subclass TimeoutError) if nothing or another program answers.
    """
    from distributed.comm.core import connect as open_connection

    arguments = security.get_connection_args("client") if security else {}
    greeting = open_connection(address, timeout=SCHEDULER_SECONDS, **arguments)
    connection = await asyncio.wait_for(greeting, SCHEDULER_SECONDS)
    await connection.close()
