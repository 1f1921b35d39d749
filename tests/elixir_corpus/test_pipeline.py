import os
from dataclasses import replace
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from corpus.__main__ import app
from corpus.executor import Cluster, Executor
from corpus.locking import FolderInUse, claim
from corpus.progress import Progress
from corpus.release import GateSummary, Release, verify
from corpus.release.statement import UnusableKey
from corpus.stages import read_timings
from elixir_corpus import build_release
from elixir_corpus.pipeline import Finish
from tests.stores import MIT, WORDS, add, module, small_store


def verdict(outcome: str, failed: tuple[str, ...] = ()) -> GateSummary:
    return GateSummary(outcome=outcome, checks=1, failed=failed)


def run(folder: Path, gate: GateSummary) -> tuple[Path, tuple[str, ...]]:
    def finish(candidate: Release, executor: Executor, progress: Progress) -> GateSummary:
        (candidate.path / "report.json").write_text("{}\n")
        return gate

    small_store(folder / "store")
    store, out = folder / "store", folder / "out"
    built = build_release(store, out, workers=0, finish=finish)
    return built.release.path, built.failed


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


def test_a_release_is_signed_also_when_it_was_there_before(tmp_path: Path) -> None:
    private = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
    key, public = tmp_path / "key.pem", tmp_path / "key.pub"
    key.write_bytes(private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    of_public = Encoding.PEM, PublicFormat.SubjectPublicKeyInfo
    public.write_bytes(private.public_key().public_bytes(*of_public))
    path, _ = run(tmp_path, verdict("passed"))
    assert [each.path for each in verify(Release.open(path), key=public)] == [
        "provenance.dsse.json"
    ]
    for _ in range(2):
        built = build_release(tmp_path / "store", tmp_path / "out", workers=0, sign=key)
        assert built.release.path == path
        assert verify(built.release, key=public) == []


def test_a_key_that_cannot_sign_ends_a_build_before_it_begins(tmp_path: Path) -> None:
    key = tmp_path / "key.pem"
    key.write_text("no key", encoding="utf-8")
    with pytest.raises(UnusableKey):
        build_release(tmp_path / "store", tmp_path / "out", workers=0, sign=key)
    assert not (tmp_path / "out").exists()


def test_what_earlier_builds_left_goes_when_a_release_has_its_name_and_that_is_asked_for(
    tmp_path: Path,
) -> None:
    def finish(outcome: str) -> Finish:
        def judge(candidate: Release, executor: Executor, progress: Progress) -> GateSummary:
            (candidate.path / "report.json").write_text("{}\n")
            return verdict(outcome)

        return judge

    def folders() -> set[Path]:
        return {*work.iterdir(), *(work / "parts").iterdir()}

    store, out = tmp_path / "store", tmp_path / "out"
    work = out / "work"
    archives = small_store(store)
    build_release(store, out, workers=0, finish=finish("passed"))
    before = folders()
    (work / "notes.txt").write_text("not ours")
    add(archives, "later", {"LICENSE": MIT, "lib/later.ex": module("Later", WORDS[0])})

    failed = build_release(store, out, workers=0, finish=finish("failed"), clean=True)
    assert failed.cleaned == 0
    assert before < folders()

    built = build_release(store, out, workers=0, finish=finish("passed"), clean=True)
    left = folders()
    assert built.cleaned == len(before - left) == len(before) - 1
    assert before & left == {work / "parts"}
    assert (work / "notes.txt").exists()
    assert verify(built.release) == []
    again = build_release(store, out, workers=0, finish=finish("passed"))
    assert (again.release.path, again.cleaned) == (built.release.path, 0)
    assert folders() == left


def test_a_candidate_that_was_sealed_when_the_build_was_killed_gets_its_name(
    tmp_path: Path,
) -> None:
    path, _ = run(tmp_path, verdict("passed"))
    sealed = Release.open(path)
    path.rename(path.with_name(f"{path.name}.candidate-{sealed.manifest.build_digest[:12]}"))
    again, _ = run(tmp_path, verdict("passed"))
    assert Release.open(again) == sealed


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
        built = build_release("store", "out", cluster=there, finish=lambda *_: verdict("failed"))
    assert built.release.path.parent == tmp_path / "out"
    assert len(built.release.read("documents")) == 12


def test_the_whole_main_job_is_one_call_and_a_plan_tells_what_the_next_one_does(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A dry run says what an edit of the configuration runs; its timings tell what ran then."""
    small_store(tmp_path / "store")
    out = tmp_path / "out"
    built = build_release(tmp_path / "store", out, workers=0)
    assert (built.release.path, built.failed) == (out / "2026.11.1", ())
    assert (out / "2026.11.1" / "report.html").exists()
    assert (out / "2026.11.1" / "README.md").exists()
    assert [each.stage for each in built.timings] == [
        *("read archives", "resolve behaviours", "verify documents", "align repositories"),
        *("find duplicates", "assign splits", "compare with benchmarks", "select documents"),
        *("measure signals", "write instructions", "write contexts", "index origins"),
        *("sort rows", "write shards", "write manifest"),
        *("gate", "report", "card"),
    ]
    assert read_timings(built.release.path) == list(built.timings)
    assert "timings.json" not in built.release.manifest.paths()
    assert verify(built.release) == []

    config = tmp_path / "other.toml"
    config.write_text("[instruct.behaviour_module]\nlongest_module = 900\n")
    before = sorted(out.rglob("*"))
    with pytest.raises(SystemExit) as ended:
        app(
            [
                *("build", "--archives", str(tmp_path / "store"), "--out", str(out)),
                *("--config", str(config), "--dry-run", "--log-level", "warning"),
            ]
        )
    assert ended.value.code == 0
    assert sorted(out.rglob("*")) == before
    told = [" ".join(line.split()) for line in capsys.readouterr().out.splitlines()]
    config_changed = "config: instruct.behaviour_module.longest_module"
    assert told == [
        "read archives is there 8 of 8 files there",
        "resolve behaviours is there 3 of 3 files there",
        "verify documents is there 3 of 3 files there",
        "align repositories is there 1 of 1 file there",
        "find duplicates is there 1 of 1 file there",
        "assign splits is there 1 of 1 file there",
        "compare with benchmarks is there 2 of 2 files there",
        "select documents is there 5 of 5 files there",
        "measure signals is there 1 of 1 file there",
        f"write instructions runs 0 of 3 files there {config_changed}",
        "write contexts is there 3 of 3 files there",
        "index origins is there 2 of 2 files there",
        "sort rows runs 0 of 2 files there input: instruct",
        "write shards runs 0 of 2 files there input: release, runs",
        f"write manifest runs 0 of 1 file there {config_changed}; input: release, repeats, shards",
        "gate, report and card runs every candidate is judged",
        "release 2026.11.2, if the candidate passes its gate",
    ]
    again = build_release(tmp_path / "store", out, config, workers=0)
    assert [each.stage for each in again.timings if each.ran] == [
        *("write instructions", "sort rows", "write shards", "write manifest"),
        *("gate", "report", "card"),
    ]


@pytest.mark.parametrize("dry_run", [["--dry-run"], []], ids=["a plan", "a build"])
def test_a_list_of_licences_that_does_not_exist_ends_a_build_before_it_begins(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], dry_run: list[str]
) -> None:
    small_store(tmp_path / "store")
    places = ["--archives", str(tmp_path / "store"), "--out", str(tmp_path / "out")]
    with pytest.raises(SystemExit) as ended:
        app(["build", *places, "--licenses", "gpl", "--workers", "0", *dry_run])
    assert ended.value.code == 2
    said = " ".join(capsys.readouterr().err.split())
    assert "'gpl' is no list of licences (blueoak, blueoak-silver, file-copyleft)" in said
    assert not (tmp_path / "out").exists()
