import os
from dataclasses import replace
from pathlib import Path

import pytest

from corpus.executor import Cluster
from corpus.locking import FolderInUse, claim
from corpus.pipeline import build_release
from corpus.progress import Progress, Silent
from corpus.release import GateSummary, Release
from tests.stores import small_store


def verdict(outcome: str, failed: tuple[str, ...] = ()) -> GateSummary:
    return GateSummary(outcome=outcome, checks=1, failed=failed)


def run(folder: Path, gate: GateSummary) -> tuple[Path, tuple[str, ...]]:
    def finish(candidate: Release, progress: Progress) -> GateSummary:
        (candidate.path / "report.json").write_text("{}\n")
        return gate

    small_store(folder / "store")
    store, out = folder / "store", folder / "out"
    outcome = build_release(store, out, None, 0, None, Silent(), finish)
    return outcome.release.path, outcome.failed


def test_a_candidate_that_passes_gets_its_name_and_its_verdict(tmp_path: Path) -> None:
    path, failed = run(tmp_path, verdict("passed"))
    assert (path.name, failed) == ("2026.11.1", ())
    gate = Release.open(path).manifest.gate
    assert gate is not None
    assert gate.outcome == "passed"


@pytest.mark.parametrize("outcome", ["failed", "unchecked"])
def test_a_candidate_that_does_not_pass_keeps_its_provisional_name(
    tmp_path: Path, outcome: str
) -> None:
    path, failed = run(tmp_path, verdict(outcome, ("row.ids",)))
    assert path.name.startswith("2026.11.1.candidate-")
    assert failed == ("row.ids",)
    assert not (tmp_path / "out" / "2026.11.1").exists()


def test_the_same_inputs_are_not_built_twice(tmp_path: Path) -> None:
    first, _ = run(tmp_path, verdict("passed"))
    again, _ = run(tmp_path, verdict("failed"))
    assert first == again


def test_two_builds_do_not_write_to_one_folder(tmp_path: Path) -> None:
    with claim(tmp_path / "out", "build"), pytest.raises(FolderInUse, match="another build"):
        run(tmp_path, verdict("passed"))


def test_a_cluster_that_speaks_tls_takes_work_from_whoever_has_its_credentials(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its workers have a working directory of their own, so they are told absolute paths."""
    from distributed import Client, LocalCluster
    from distributed.security import Security

    security = Security.temporary()
    cluster = Cluster("", *(tmp_path / name for name in ("ca.pem", "cert.pem", "key.pem")))
    for file, text in (
        (cluster.tls_ca, security.tls_ca_file),
        (cluster.tls_cert, security.tls_client_cert),
        (cluster.tls_key, security.tls_client_key),
    ):
        assert file is not None
        file.write_text(text)
    small_store(tmp_path / "store")
    monkeypatch.chdir(tmp_path)
    with LocalCluster(
        n_workers=1, threads_per_worker=1, dashboard_address="127.0.0.1:0", security=security
    ) as running:
        there = replace(cluster, address=running.scheduler_address)
        assert there.address.startswith("tls://")
        with Client(running) as client:
            client.run(os.chdir, "/")
        outcome = build_release(
            Path("store"), Path("out"), None, 1, there, Silent(), lambda *_: verdict("failed")
        )
    assert outcome.release.path.parent == tmp_path / "out"
    assert len(outcome.release.read("documents")) == 12
