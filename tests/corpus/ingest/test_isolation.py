import os
import signal
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from corpus.executor import Executor, Killed, Result, Task, connect
from corpus.ingest import Bundle, IngestConfig, find_poison, ingest, plan_bundles, without_poison
from corpus.ingest.isolation import Attempts, Probe, paths_of, read
from corpus.store import ArchiveStore
from tests.stores import MIT, add, module

POISON = frozenset({"lib/c.ex", "lib/e.ex"})


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def die_on_poison(probe: Probe) -> None:
    if POISON & set(paths_of(probe)[probe.start : probe.stop]):
        die()


def die_on_bad(bundle: Bundle) -> None:
    if any(archive.name == "bad" for archive in bundle.archives):
        die()


class Died(Exception):
    """Stands for the end of a worker."""


def end_on_bad(bundle: Bundle) -> None:
    if any(archive.name == "bad" for archive in bundle.archives):
        raise Died


class OneCrowdedWorker:
    """Blames, as Dask may, all tasks that the worker held when one of them ended it."""

    def map(
        self, function: Callable[[Task], Result], tasks: Sequence[Task]
    ) -> Iterator[tuple[Task, Result | Killed[Task]]]:
        try:
            yield from [(task, function(task)) for task in tasks]
        except Died:
            yield from [(task, Killed(task)) for task in tasks]

    def renew(self) -> None:
        raise NotImplementedError


@pytest.fixture(scope="module")
def two_workers() -> Iterator[Executor]:
    with connect(2, None) as executor:
        yield executor


def test_every_file_that_kills_a_worker_is_found_and_no_other(
    two_workers: Executor, tmp_path: Path
) -> None:
    store = ArchiveStore(tmp_path / "store")
    sources = {f"lib/{letter}.ex": module(letter.upper(), f"{letter}lpha") for letter in "abcdef"}
    bad = add(store, "bad", {"LICENSE": MIT, **sources})
    add(store, "good", {"LICENSE": MIT, "lib/g.ex": module("G", "golf")})
    (bundle,) = plan_bundles(store.archives(), store, tmp_path / "parts", IngestConfig())
    assert find_poison(two_workers, bundle, Attempts(die_on_bad, die_on_poison)) == {
        bad.sha256: POISON
    }


def test_an_archive_that_kills_a_worker_by_no_file_of_its_own_is_named_as_a_whole(
    two_workers: Executor, tmp_path: Path
) -> None:
    store = ArchiveStore(tmp_path / "store")
    bad = add(store, "bad", {"LICENSE": MIT, "lib/a.ex": module("A", "alpha")})
    add(store, "good", {"LICENSE": MIT, "lib/g.ex": module("G", "golf")})
    (bundle,) = plan_bundles(store.archives(), store, tmp_path / "parts", IngestConfig())
    poison = find_poison(two_workers, bundle, Attempts(die_on_bad, read))
    assert poison == {bad.sha256: frozenset([""])}


def test_an_archive_that_a_dying_worker_merely_held_is_not_blamed(tmp_path: Path) -> None:
    store = ArchiveStore(tmp_path / "store")
    bad = add(store, "bad", {"LICENSE": MIT, "lib/a.ex": module("A", "alpha")})
    add(store, "good", {"LICENSE": MIT, "lib/g.ex": module("G", "golf")})
    (bundle,) = plan_bundles(store.archives(), store, tmp_path / "parts", IngestConfig())
    poison = find_poison(OneCrowdedWorker(), bundle, Attempts(end_on_bad, read))
    assert poison == {bad.sha256: frozenset([""])}


def test_an_archive_that_is_poison_as_a_whole_is_one_reject(tmp_path: Path) -> None:
    import pyarrow.parquet as pq

    store = ArchiveStore(tmp_path / "store")
    archive = add(store, "bad", {"LICENSE": MIT, "lib/a.ex": module("A", "alpha")})
    (bundle,) = plan_bundles(store.archives(), store, tmp_path / "parts", IngestConfig())
    part = ingest(without_poison(bundle, {archive.sha256: frozenset([""])}))
    (row,) = pq.read_table(part / "rejects.parquet").to_pylist()
    assert (row["path"], row["stage"], row["reason"]) == ("", "unpack", "killed_worker")


def test_a_poison_file_is_a_reject_row_and_the_rest_is_read(tmp_path: Path) -> None:
    import pyarrow.parquet as pq

    store = ArchiveStore(tmp_path / "store")
    files = {"LICENSE": MIT, "lib/a.ex": module("A", "alpha"), "lib/b.ex": module("B", "bravo")}
    archive = add(store, "bad", files)
    (bundle,) = plan_bundles(store.archives(), store, tmp_path / "parts", IngestConfig())
    part = ingest(without_poison(bundle, {archive.sha256: frozenset({"lib/a.ex"})}))
    assert pq.read_table(part / "documents.parquet")["path"].to_pylist() == ["lib/b.ex"]
    rejects = pq.read_table(part / "rejects.parquet").to_pylist()
    assert {(row["path"], row["stage"], row["reason"]) for row in rejects} == {
        ("LICENSE", "filter", "not_source_code"),
        ("lib/a.ex", "parse", "killed_worker"),
    }
