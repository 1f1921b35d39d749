"""The main job on an S3 service, and on Google's: the same bytes, also after kills and refusals."""

import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from corpus.locking import leased
from corpus.places import files_below, place
from corpus.progress import Silent
from corpus.release import Release, verify
from corpus.release.manifest import TIMINGS_NAME
from corpus.store import ArchiveStore
from corpus.store.copying import copy_store
from elixir_corpus import build_release
from tests import programs
from tests.peers import google_storage
from tests.peers.object_store import ObjectStore, serving
from tests.stores import WORDS, module, small_store

BUCKETS = STORE, CORPUS = f"archives-{os.getpid()}", f"corpus-{os.getpid()}"
"""Those of this process: another may test here as well, and one URL has one writer a machine."""
ARCHIVES, OUT, WORK = f"s3://{STORE}/store", f"s3://{CORPUS}/releases", f"s3://{CORPUS}/work"
RELEASE = "2026.11.1"


def contents(folder: Path) -> dict[str, bytes]:
    """Return the files of a release; how long its stages took is no part of it."""
    found = {path.relative_to(folder).as_posix(): path for path in files_below(folder)}
    return {name: path.read_bytes() for name, path in found.items() if name != TIMINGS_NAME}


UNJUDGED = "tests.elixir_corpus.unjudged"
"""A build that judges nothing, which is most of the time of a small one."""


@pytest.fixture(scope="module")
def archives(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("local") / "archives"
    small_store(folder)
    return folder


@pytest.fixture(scope="module")
def unjudged(archives: Path) -> dict[str, bytes]:
    """Return the files of the release that `UNJUDGED` makes on this machine."""
    out = archives.with_name("unjudged")
    done = programs.run([UNJUDGED, str(archives), str(out), str(out / "work")])
    assert done.returncode == 0, done.stderr
    return contents(out / RELEASE)


@pytest.fixture(scope="module")
def service() -> Iterator[ObjectStore]:
    with serving() as found, found.for_this_process():
        yield found


@pytest.fixture
def server(service: ObjectStore, archives: Path) -> ObjectStore:
    """A service with a copy of the store."""
    service.reset()
    for name in BUCKETS:
        service.make_bucket(name)
    copy_store(ArchiveStore(archives), ARCHIVES, Silent())
    service.forget_requests()
    return service


def ran(
    server: ObjectStore, *command: str, environment: Mapping[str, str] | None = None
) -> tuple[int, str]:
    """Run a program as a user does, who has the owner's keys unless others are given."""
    done = programs.run(command, environment or server.environment)
    return done.returncode, done.stdout + done.stderr


def unjudged_build(server: ObjectStore) -> tuple[int, str]:
    return ran(server, UNJUDGED, ARCHIVES, OUT, WORK)


def refusal(server: ObjectStore, environment: Mapping[str, str] | None = None) -> str:
    """Return what the command says of a build that is refused."""
    told = ["--archives", ARCHIVES, "--out", OUT, "--work", WORK, "--workers", "0"]
    code, said = ran(server, "corpus", "build", *told, environment=environment)
    assert code == 2, said
    return " ".join(said.split())


@pytest.mark.timeout(600)
def test_a_release_at_a_url_has_the_bytes_of_one_that_is_built_here(
    server: ObjectStore, archives: Path
) -> None:
    here = build_release(archives, archives.with_name("out"), workers=0)
    there = build_release(ARCHIVES, OUT, work=WORK, workers=0)
    assert str(there.release.path) == f"{OUT}/{RELEASE}"
    assert contents(there.release.path) == contents(here.release.path)
    opened = Release.open(f"{OUT}/{RELEASE}")
    assert verify(opened) == []
    assert opened.read("documents", ["package"]).num_rows > 0
    assert [path.name for path in place(OUT).iterdir()] == [RELEASE]
    before = len(server.uploads())
    assert build_release(ARCHIVES, OUT, work=WORK, workers=0).release == opened
    assert len(server.uploads()) == before + 4, "whether both folders may be written, and leases"


def test_a_release_at_a_url_is_read_by_the_commands_and_damage_is_found(
    server: ObjectStore, unjudged: dict[str, bytes], tmp_path: Path
) -> None:
    release = f"{OUT}/{RELEASE}"
    for name, data in unjudged.items():
        server.put(CORPUS, f"releases/{RELEASE}/{name}", data)
    server.forget_requests()
    assert ran(server, "corpus", "explain", release, "anchor")[0] == 0
    (tmp_path / "anchor.ex").write_bytes(module("Anchor", WORDS[0]))
    asked = [release, str(tmp_path / "anchor.ex")]
    code, said = ran(server, "corpus", "origin", *asked)
    assert (code, "anchor" in said) == (0, True), said
    code, said = ran(server, "corpus", "verify", release)
    assert (code, said.startswith(f"{release}: ")) == (0, True), said
    assert server.uploads() == []
    server.put(CORPUS, f"releases/{RELEASE}/report.json", b"another")
    server.put(CORPUS, f"releases/{RELEASE}/extra.txt", b"")
    problems = verify(Release.open(release))
    assert [each.path for each in problems] == ["report.json", "extra.txt"]


@pytest.mark.timeout(600)
def test_a_build_that_is_killed_again_and_again_goes_on_and_gives_the_same_bytes(
    server: ObjectStore, unjudged: dict[str, bytes]
) -> None:
    moments = (
        "/work/parts/",
        "/work/select-documents-",
        "/work/sort-rows-",
        ".parquet",
        f"/releases/{RELEASE}/LICENSES/",
        f"/releases/{RELEASE}/manifest.json",
    )
    for moment in moments:
        with (
            tempfile.TemporaryFile() as told,
            programs.started(
                [UNJUDGED, ARCHIVES, OUT, WORK],
                server.environment,
                streams=(0, told.fileno(), told.fileno()),
            ) as program,
        ):

            def kill(path: str, moment: str = moment, pid: int = program.pid) -> None:
                if moment in path:
                    server.on_upload = lambda path: None
                    os.kill(pid, signal.SIGKILL)

            server.on_upload = kill
            code = program.wait(240)
            told.seek(0)
            assert code == -signal.SIGKILL, (moment, told.read())
    code, said = unjudged_build(server)
    assert code == 0, said
    assert contents(place(f"{OUT}/{RELEASE}")) == unjudged
    parts = [path for path in server.uploads() if path.endswith("/documents.arrow")]
    assert len(parts) - len(set(parts)) <= 1, "what was complete was not made again"


@pytest.mark.timeout(600)
def test_a_refused_build_says_what_is_missing_loses_nothing_and_goes_on(
    server: ObjectStore, unjudged: dict[str, bytes]
) -> None:
    said = refusal(server, server.user("reader", "s3:ListBucket", "s3:GetObject"))
    assert f"error: {OUT}: the store denied access" in said
    assert "s3:PutObject" in said
    server.trust_everyone()
    assert server.objects(CORPUS) == {}

    server.forget_requests()
    server.denied_after = 20  # as when the policy is changed while a build runs
    said = refusal(server)
    assert "the store denied access" in said
    assert "Nothing that was written is lost" in said
    kept = server.objects(CORPUS)
    assert len(kept) == 16, "of 20 uploads two were to find out whether it may be done, two leases"

    server.denied_after = None
    code, said = unjudged_build(server)
    assert code == 0, said
    assert contents(place(f"{OUT}/{RELEASE}")) == unjudged
    now = server.objects(CORPUS)
    assert {name: now.get(name) for name in kept} == kept


HOLDING = """
import sys, time
from corpus.locking import leased
from corpus.places import place
with leased(place(sys.argv[1]), "build"):
    print("held", flush=True)
    time.sleep(float(sys.argv[2]))
"""


def test_builds_on_two_machines_exclude_each_other_and_a_killed_one_is_forgotten(
    server: ObjectStore, tmp_path: Path
) -> None:
    """What tells machines apart here is their temporary folder, which has the locks."""
    elsewhere = {**os.environ, **server.environment, "TMPDIR": str(tmp_path)}
    command = [sys.executable, "-c", HOLDING, OUT]
    with subprocess.Popen(
        [*command, "600"], env=elsewhere, stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout
        assert other.stdout.readline() == "held\n"
        assert f"{OUT}: another build is writing here (on " in refusal(server)
        other.kill()
    assert "is forgotten after 240 s" in refusal(server)
    name = "releases/.build.lease"
    told = json.loads(server.objects(CORPUS)[name])
    assert subprocess.run([*command, "0"], env=elsewhere).returncode == 0, "it had the same lock"
    assert server.objects(CORPUS) == {}
    server.put(CORPUS, name, json.dumps(told | {"at": told["at"] - 300}).encode())
    with leased(place(OUT), "build"):
        assert json.loads(server.objects(CORPUS)[name])["process"] == os.getpid()
    assert server.objects(CORPUS) == {}


@pytest.mark.timeout(600)
def test_the_main_job_on_google_storage_gives_the_same_bytes_after_kills_and_a_refusal(
    archives: Path, unjudged: dict[str, bytes]
) -> None:
    store, out = "gs://archives/store", "gs://corpus/releases"
    with google_storage.serving() as service, service.for_this_process():
        service.make_bucket("archives")
        service.make_bucket("corpus")
        told = ["copy-archives", str(archives), store]
        done = programs.run(["corpus", *told], service.environment)
        assert done.returncode == 0, done.stderr
        assert ArchiveStore(store).archives() == ArchiveStore(archives).archives()

        told = ["build", "--archives", store, "--out", out, "--workers", "0"]
        service.is_read_only = True
        done = programs.run(["corpus", *told], service.environment)
        service.is_read_only = False
        assert done.returncode == 2, done.stderr
        said = " ".join(done.stderr.split())
        assert f"error: {out}: the store denied access" in said
        assert "storage.objects.list" in said
        assert "Traceback" not in said
        assert service.objects("corpus") == {}

        build = [UNJUDGED, store, out, f"{out}/work"]
        for moment in ("/parts/", f"/releases/{RELEASE}/manifest.json"):
            with programs.started(build, service.environment) as program:

                def kill(path: str, moment: str = moment, pid: int = program.pid) -> None:
                    if moment in path:
                        service.on_upload = lambda path: None
                        os.kill(pid, signal.SIGKILL)

                service.on_upload = kill
                assert program.wait(240) == -signal.SIGKILL, moment
        done = programs.run(build, service.environment)
        assert done.returncode == 0, done.stderr
        assert contents(place(f"{out}/{RELEASE}")) == unjudged
        done = programs.run(["corpus", "verify", f"{out}/{RELEASE}"], service.environment)
        assert done.returncode == 0, done.stderr
