"""Publishing, by the command, in processes of their own against a Hub on loopback.

huggingface_hub reads its environment when it starts. HF_HUB_DISABLE_XET chooses Git LFS; without it
large files go by Xet.
"""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from time import sleep
from typing import Any

import pytest

from corpus.release import Release, finalize
from datacards.render import write
from quality.report import write as write_report
from quality.verdict import Check, GateVerdict, Level, Outcome
from tests import programs
from tests.peers.hub_datasets import printed
from tests.peers.hub_server import (
    ATTRIBUTES,
    GUEST,
    READER,
    TOKEN,
    HubServer,
    Repository,
    serving,
    without_attributes,
)
from tests.project import PROJECT
from tests.releases import document, example_release, write_release

REPO = "ana/elixir-corpus"
KEY = f"datasets/{REPO}"
TABLES = ("documents", "functions", "instruct", "rejects")
CHECK = Check(
    name="corpus.digests", level=Level.CORPUS, outcome=Outcome.PASSED, observed="", expected=""
)
VERDICT = GateVerdict.of((CHECK,))
Files = dict[str, bytes]


def sealed(candidate: Release, folder: Path) -> Release:
    write_report(candidate, VERDICT)
    write(candidate)
    return finalize(candidate, VERDICT.summary(), folder / candidate.manifest.version)


@pytest.fixture(scope="module")
def old(tmp_path_factory: pytest.TempPathFactory) -> Release:
    """A version with other documents, and with a licence text that the next one lacks."""
    folder = tmp_path_factory.mktemp("old")
    documents = [document("shop", "lib/tax.ex", "defmodule Shop.Tax do\nend\n")]
    candidate = write_release(folder / "candidate", documents, version="2026.10.1")
    (folder / "candidate" / "LICENSES").mkdir(exist_ok=True)
    (folder / "candidate" / "LICENSES" / "ISC.txt").write_text("ISC", encoding="utf-8")
    return sealed(candidate, folder)


@pytest.fixture(scope="module")
def release(tmp_path_factory: pytest.TempPathFactory) -> Release:
    folder = tmp_path_factory.mktemp("new")
    return sealed(example_release(folder / "candidate"), folder)


RUNNER = """
import json, os, sys, traceback
from typer.testing import CliRunner
from datacards.__main__ import app
for line in sys.stdin:
    command, token = json.loads(line)
    os.environ["HF_TOKEN"] = token
    done = CliRunner().invoke(app, command)
    if done.exc_info and done.exc_info[0] is not SystemExit:
        traceback.print_exception(*done.exc_info)
    print(json.dumps([done.exit_code, done.stdout, done.stderr]), flush=True)
"""


class Hub(HubServer):
    """The peer, and a process that runs commands against it, which imports libraries once."""

    runner: subprocess.Popen[str]


@pytest.fixture(scope="module")
def peer() -> Iterator[Hub]:
    peer = Hub()
    with (
        serving(peer),
        subprocess.Popen(
            [sys.executable, "-c", RUNNER],
            cwd=PROJECT,
            env={**of_nobody(), **environment(peer)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        ) as peer.runner,
    ):
        yield peer


@pytest.fixture
def hub(peer: Hub) -> Hub:
    peer.forget()
    return peer


def of_nobody() -> dict[str, str]:
    """Forget how whoever runs the tests uses the Hub."""
    return {name: value for name, value in os.environ.items() if not name.startswith("HF_")}


def files_of(release: Release) -> Files:
    names = ["manifest.json", "provenance.intoto.json", *release.manifest.paths()]
    return {name: (release.path / name).read_bytes() for name in names}


def environment(hub: HubServer) -> dict[str, str]:
    chosen = {"HF_ENDPOINT": hub.url, "HF_HOME": "/nonexistent", "HF_HUB_DISABLE_XET": "1"}
    return chosen | {"HF_TOKEN": TOKEN, "NO_PROXY": "127.0.0.1,localhost"}


def command(
    hub: Hub, release: Release, *options: str, token: str = TOKEN, repo: str = REPO
) -> subprocess.CompletedProcess[str]:
    command = ["publish", str(release.path), repo, *options]
    assert hub.runner.stdin
    assert hub.runner.stdout
    hub.runner.stdin.write(json.dumps([command, token]) + "\n")
    hub.runner.stdin.flush()
    status, out, err = json.loads(hub.runner.stdout.readline())
    for secret in (TOKEN, READER, GUEST):
        assert secret not in out + err
    return subprocess.CompletedProcess(command, status, out, err)


def published(hub: Hub, release: Release, *options: str) -> str:
    done = command(hub, release, *options)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def repository(hub: Hub) -> Repository:
    return hub.repositories[KEY]


def held(hub: Hub) -> Files:
    return repository(hub).files


def watched(hub: Hub, *states: Files) -> None:
    """Check after each request that main holds one of the states, or nothing yet."""

    def check() -> None:
        if KEY in hub.repositories:
            assert held(hub) in ({}, *states)

    hub.watch = check


def whole(hub: Hub, *states: Files) -> bool:
    """Say whether main never held anything but the states, in this order, after nothing."""
    ever = [files for _, files in repository(hub).commits]
    return ever == list(states)


def test_a_release_is_one_commit_with_a_tag(hub: Hub, release: Release) -> None:
    told = published(hub, release)
    files = files_of(release)
    assert whole(hub, files)
    repo = repository(hub)
    assert not repo.private
    assert repo.refs["refs/tags/2026.11.1"] == repo.head
    assert repo.history[-1].summary == "Publish 2026.11.1"
    assert ".gitattributes" in repo.history[-1].tree
    assert f"published at {hub.url}/datasets/{REPO}, commit {repo.head}" in told
    assert f"send   {release.identity[:12]}" in told
    assert f"{REPO}: to be created, public" in told
    assert f"2026.11.1: {len(files)} of {len(files)} files to send" in told


def test_what_is_there_already_is_not_sent_again(hub: Hub, release: Release) -> None:
    published(hub, release, "--private")
    before = len(hub.log)
    told = published(hub, release, "--private")
    assert repository(hub).private
    assert f"{REPO}: private, main holds 2026.11.1" in told
    assert f"there  {release.identity[:12]}" in told
    assert f"0 of {len(files_of(release))} files to send (0 B of " in told
    assert whole(hub, files_of(release))
    assert {method for method, path in hub.log[before:] if "validate" not in path} == {"GET"}


def test_a_new_version_replaces_the_old_one_and_leaves_what_others_put_there(
    hub: Hub, old: Release, release: Release
) -> None:
    published(hub, old)
    tree = {**repository(hub).history[-1].tree, "figure.svg": b"<svg/>"}
    repository(hub).commit("refs/heads/main", "Add a figure", tree)
    told = published(hub, release)
    assert "remove" in told
    assert "LICENSES/ISC.txt" in told
    assert "main holds 2026.10.1" in told
    assert held(hub) == {**files_of(release), "figure.svg": b"<svg/>"}
    assert set(repository(hub).refs) == {
        "refs/heads/main",
        "refs/tags/2026.10.1",
        "refs/tags/2026.11.1",
    }


LOAD = """
import json, sys
from datasets import load_dataset
repo, tables = sys.argv[1], sys.argv[2:]
found = {}
for table in tables:
    whole = load_dataset(repo, table, revision="2026.11.1")
    for name, rows in whole.items():
        stream = load_dataset(repo, table, revision="2026.11.1", split=name, streaming=True)
        assert list(stream) == rows.to_list(), (table, name)
        found[f"{table}/{name}"] = rows.to_list()
print(json.dumps(found))
"""


def test_every_row_is_loaded_back_by_datasets_whole_and_as_a_stream(
    hub: Hub, release: Release, tmp_path: Path
) -> None:
    published(hub, release)
    found = json.loads(printed(hub.url, tmp_path, LOAD, REPO, *TABLES))
    expected: dict[str, Any] = {}
    for table in TABLES:
        for shard in release.manifest.shards:
            if shard.config == table and shard.rows:
                name = "rejects" if shard.split == "all" else shard.split
                rows = release.read(table, split=shard.split).to_pylist()
                expected[f"{table}/{name}"] = json.loads(json.dumps(rows))
    assert found == expected
    assert sum(map(len, found.values())) > 15


def test_large_files_go_in_parts_where_the_hub_asks_for_it(hub: Hub, release: Release) -> None:
    hub.part_bytes = 2000
    published(hub, release)
    assert hub.asked("/complete")
    assert whole(hub, files_of(release))


@dataclass
class Killing:
    """Publishing, ended as `kill -9` does at a moment of the nth request that contains a text."""

    hub: Hub
    release: Release
    moment: str
    part: str
    nth: int
    environment: Mapping[str, str] | None = None

    def run(self) -> None:
        command = ["datacards", "publish", str(self.release.path), REPO]
        with Path(os.devnull).open("r+") as nothing:
            streams = (nothing.fileno(),) * 3
            before = len(self.hub.log)
            with programs.started(
                command, self.environment or environment(self.hub), streams, ["huggingface_hub"]
            ) as program:
                self.hub.hook = partial(self.hook, program, before)
                assert program.wait(60) == -signal.SIGKILL, (self.moment, self.part)
                self.hub.hook = None

    def hook(self, program: programs.Program, before: int, when: str, number: int) -> None:
        asked = [self.part in " ".join(each) for each in self.hub.log[before:number]]
        if when == self.moment and asked[-1] and sum(asked) == self.nth:
            os.kill(program.pid, signal.SIGKILL)
            with suppress(ProcessLookupError):
                while True:
                    os.kill(program.pid, 0)
                    sleep(0.005)
            raise ConnectionAbortedError  # what was on its way is lost


MOMENTS = (
    ("before", "preupload", 1),
    ("before", "verify", 1),
    ("halfway", "PUT", 1),
    ("after", "PUT", 1),
    ("halfway", "/commit/main", 1),
    ("after", "/commit/main", 1),
    ("before", "POST /api/datasets/ana/elixir-corpus/tag/", 1),
    ("after", "POST /api/datasets/ana/elixir-corpus/tag/", 1),
)


def resumed(
    hub: Hub,
    old: Release,
    release: Release,
    moments: Sequence[tuple[str, str, int]],
    most_operations: int = 25_000,
) -> str:
    """Publish a release over an old one, killed at each moment, and return what the last run tells.

    Every file arrives once, and main is one of the two releases at every moment.
    """
    states = files_of(old), files_of(release)
    published(hub, old)
    watched(hub, *states)
    hub.most_operations = most_operations
    for moment in moments:
        Killing(hub, release, *moment).run()
    told = published(hub, release)
    assert whole(hub, *states)
    assert repository(hub).refs["refs/tags/2026.11.1"] == repository(hub).head
    assert max(Counter(hub.arrived).values()) == 1
    return told


def test_a_run_that_is_killed_at_any_moment_is_resumed(
    hub: Hub, old: Release, release: Release
) -> None:
    resumed(hub, old, release, MOMENTS)


def test_large_files_go_by_xet_and_a_run_that_is_killed_is_resumed(
    hub: Hub, old: Release, release: Release, tmp_path: Path
) -> None:
    by_xet = environment(hub) | {"HF_HOME": str(tmp_path), "HF_HUB_DISABLE_XET": "0"}
    states = files_of(old), files_of(release)
    published(hub, old)
    watched(hub, *states)
    before = len(hub.log)
    for moment in (("halfway", "POST /cas/v1/xorbs/", 1), ("before", "POST /cas/v1/shards", 1)):
        Killing(hub, release, *moment, by_xet).run()
    asked = ["datacards", "publish", str(release.path), REPO]
    done = programs.run(asked, by_xet, anew=["huggingface_hub"])
    assert done.returncode == 0, done.stdout + done.stderr
    assert whole(hub, *states)
    assert hub.xorbs
    assert [each for each in hub.log[before:] if each[0] == "PUT"] == []
    again = programs.run(asked, by_xet, anew=["huggingface_hub"])
    assert again.returncode == 0, again.stdout + again.stderr
    assert whole(hub, *states)


def test_a_token_that_may_not_write_is_a_sentence_by_xet_too(
    hub: Hub, release: Release, tmp_path: Path
) -> None:
    by_xet = environment(hub) | {"HF_HOME": str(tmp_path), "HF_HUB_DISABLE_XET": "0"}
    hub.answer("xet-write-token", 403, "Forbidden: you must use a write token")
    asked = ["datacards", "publish", str(release.path), REPO]
    done = programs.run(asked, by_xet, anew=["huggingface_hub"])
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert "403" in done.stderr
    assert held(hub) == {}
    done = programs.run(asked, by_xet, anew=["huggingface_hub"])
    assert done.returncode == 0, done.stdout + done.stderr


IN_PARTS = (
    ("after", "POST /api/datasets/ana/elixir-corpus/discussions", 1),
    ("halfway", "/commit/refs%2Fpr%2F1", 3),
    ("after", "/commit/refs%2Fpr%2F1", 3),
    ("before", "/merge", 1),
    ("after", "/merge", 1),
)


def test_a_release_above_the_limit_is_merged_when_it_is_whole_and_resumed_when_killed(
    hub: Hub, old: Release, release: Release
) -> None:
    told = resumed(hub, old, release, IN_PARTS, most_operations=12)
    assert f"0 of {len(files_of(release))} files to send" in told
    assert repository(hub).history[-1].summary.startswith("Publish 2026.11.1 (")
    assert [each.status for each in repository(hub).pull_requests] == ["merged"]


def test_main_that_moves_before_the_merge_is_not_mixed(
    hub: Hub, old: Release, release: Release
) -> None:
    published(hub, old)
    hub.most_operations = 12

    def hook(when: str, number: int) -> None:
        """Somebody else commits when the pull request is almost full."""
        if when == "before" and "/commit/refs%2Fpr%2F1" in hub.log[number - 1][1]:
            head = repository(hub).resolve("main")
            tree = {**head.tree, "data/documents/train-other.parquet": b"other"}
            repository(hub).commit("refs/heads/main", "Add rows", tree)
            hub.hook = None

    hub.hook = hook
    done = command(hub, release)
    assert done.returncode == 1
    assert "merging failed (status 412): main has another commit now." in done.stderr
    published(hub, release)
    assert held(hub) == files_of(release)
    assert [each.status for each in repository(hub).pull_requests] == ["draft", "merged"]


def test_a_commit_between_comparison_and_commit_is_not_overwritten(
    hub: Hub, old: Release, release: Release
) -> None:
    published(hub, old)

    def hook(when: str, number: int) -> None:
        if when == "before" and "/commit/main" in hub.log[number - 1][1]:
            tree = {**repository(hub).resolve("main").tree, "data/more.parquet": b"other"}
            repository(hub).commit("refs/heads/main", "Add rows", tree)
            hub.hook = None

    hub.hook = hook
    done = command(hub, release)
    assert done.returncode == 1
    assert "committing to main failed (status 412): A commit has happened since." in done.stderr
    published(hub, release)
    assert held(hub) == files_of(release)


def test_a_pull_request_of_somebody_without_permission_waits_for_its_merge(
    hub: Hub, old: Release, release: Release
) -> None:
    published(hub, old)
    refused = command(hub, release, token=GUEST)
    assert refused.returncode == 1
    assert "or propose the release with --create-pr" in refused.stderr
    for _ in range(2):
        done = command(hub, release, "--create-pr", token=GUEST)
        assert done.returncode == 0, done.stderr
        assert f"proposed at {hub.url}/{KEY}/discussions/1: merge it" in done.stdout
    assert held(hub) == files_of(old)
    (request,) = repository(hub).pull_requests
    assert (request.author, request.status) == ("bob", "open")
    assert without_attributes(repository(hub).resolve("refs/pr/1").tree) == files_of(release)


def test_a_dry_run_tells_and_changes_nothing(hub: Hub, old: Release, release: Release) -> None:
    published(hub, old)
    before = len(hub.log)
    done = command(hub, release, "--dry-run", token="")
    assert done.returncode == 0, done.stderr
    assert re.search(r"^remove +3 B  LICENSES/ISC\.txt$", done.stdout, re.MULTILINE)
    assert "1 to remove" in done.stdout
    assert {m for m, path in hub.log[before:] if path != "/api/validate-yaml"} == {"GET"}
    assert held(hub) == files_of(old)


def test_a_dry_run_asks_nobody_where_the_hub_is_switched_off(hub: Hub, release: Release) -> None:
    offline = {**environment(hub), "HF_HUB_OFFLINE": "1", "HF_TOKEN": ""}
    asked = ["datacards", "publish", str(release.path), REPO, "--dry-run"]
    done = programs.run(asked, offline, anew=["huggingface_hub"])
    assert done.returncode == 0, done.stderr
    assert "not asked what it holds, because HF_HUB_OFFLINE is set" in done.stdout
    assert hub.log == []


FAULTS = (
    ("/api/validate-yaml", 401, "Invalid credentials", "checking the card", "has expired"),
    ("/api/repos/create", 403, "No rights", "creating the repository", "may not do this"),
    ("/refs", 404, "Not here", "listing tags", "may not see it"),
    ("/commit/main", 409, "Busy", "committing to main", "wait until it has ended"),
    ("/commit/main", 412, "Moved", "committing to main", "compared anew"),
    ("/commit/main", 429, "Slow down", "committing to main", "wait (77 s, says the Hub)"),
    ("/commit/main", 500, "Oh", "committing to main", "The Hub has a fault: wait"),
    ("/tag/", 500, "Oh", "tagging 2026.11.1", "The Hub has a fault: wait"),
)


@pytest.mark.parametrize(("part", "status", "message", "doing", "advice"), FAULTS)
def test_a_refusal_is_a_sentence_and_the_next_run_finishes(
    hub: Hub, release: Release, part: str, status: int, message: str, doing: str, advice: str
) -> None:
    watched(hub, files_of(release))
    hub.answer(part, status, message, Retry_After="77" if status == 429 else "")
    done = command(hub, release)
    assert done.returncode == 1
    assert f"error: {REPO}: {doing} failed (status {status}): {message}." in done.stderr
    assert advice in done.stderr
    assert "Then run the command again: what arrived is not sent again" in done.stderr
    published(hub, release)
    assert whole(hub, files_of(release))
    assert max(Counter(hub.arrived).values()) == 1


def test_a_repository_that_somebody_else_creates_meanwhile_is_used(
    hub: Hub, release: Release
) -> None:
    def hook(when: str, number: int) -> None:
        if when == "before" and hub.log[number - 1][1] == "/api/repos/create":
            hub.add(KEY, {".gitattributes": ATTRIBUTES})

    hub.hook = hook
    published(hub, release)
    assert whole(hub, files_of(release))


@pytest.mark.parametrize("after", [False, True])
def test_a_connection_that_dies_is_a_sentence_and_the_next_run_finishes(
    hub: Hub, release: Release, after: bool
) -> None:
    watched(hub, files_of(release))
    hub.cut("/commit/main", after=after)
    done = command(hub, release)
    assert done.returncode == 1
    assert f"error: {REPO}: committing to main failed: " in done.stderr
    assert "See that the Hub can be reached" in done.stderr
    published(hub, release)
    assert whole(hub, files_of(release))


def test_an_upload_that_stumbles_is_tried_again(hub: Hub, release: Release) -> None:
    shard = next(each for each in release.manifest.shards if each.rows)
    hub.answer(f"/objects/{shard.sha256}", 500, "Oh")
    published(hub, release)
    assert whole(hub, files_of(release))


def test_an_answer_that_is_none_is_a_sentence(hub: Hub, release: Release) -> None:
    published(hub, release)
    hub.respond_with("/refs", b"[]")
    done = command(hub, release)
    assert (done.returncode, "Traceback" in done.stderr) == (1, False)
    assert f"error: {REPO}: listing tags failed: " in done.stderr


def test_what_cannot_be_published_is_refused_before_anything_is_sent(
    hub: Hub, old: Release, release: Release, tmp_path: Path
) -> None:
    candidate = example_release(tmp_path / "candidate")
    damaged = tmp_path / "damaged"
    shutil.copytree(release.path, damaged)
    (damaged / "report.html").write_text("other", encoding="utf-8")
    plain = "the name of a repository on the Hub is OWNER/NAME"
    for done, said in (
        (command(hub, candidate), "no gate has judged it, so it is not published"),
        (command(hub, Release.open(damaged)), "report.html: sha256 is"),
        (command(hub, release, repo="elixir-corpus"), plain),
        (command(hub, release, token=""), "HF_TOKEN is not set"),
    ):
        assert done.returncode == 2
        assert said in done.stderr
    assert hub.log == []


def test_a_repository_that_holds_something_else_is_left_alone(
    hub: Hub, old: Release, release: Release
) -> None:
    refused = command(hub, release, token=READER)
    assert (refused.returncode, "creating the repository failed" in refused.stderr) == (1, True)
    hub.add(KEY, {"train.csv": b"a,b"})
    done = command(hub, release)
    assert done.returncode == 2
    assert "it holds files and no manifest.json of a release (train.csv)" in done.stderr
    hub.add(KEY, {"manifest.json": b'{"version": [[', "x": b""})
    assert command(hub, release).returncode == 2
    del hub.repositories[KEY]
    published(hub, release)
    private = command(hub, release, "--private")
    assert (private.returncode, "exists and is public" in private.stderr) == (2, True)
    superseded = command(hub, old)
    assert superseded.returncode == 2
    assert "main holds version 2026.11.1, which is later than 2026.10.1" in superseded.stderr
    assert whole(hub, files_of(release))


def test_a_version_is_published_once(hub: Hub, release: Release) -> None:
    published(hub, release)
    repo = repository(hub)
    tree = repo.resolve("main").tree
    repo.commit("refs/heads/main", "Change the card", {**tree, "README.md": b"other"})
    published(hub, release)
    assert held(hub) == files_of(release)
    assert repo.refs["refs/tags/2026.11.1"] == repo.history[1].oid
    repo.refs["refs/tags/2026.11.1"] = repo.history[2].oid
    done = command(hub, release)
    assert done.returncode == 2
    assert "the tag 2026.11.1 names other content (README.md)" in done.stderr


def test_a_card_that_the_hub_refuses_is_told_before_anything_is_sent(
    hub: Hub, tmp_path: Path
) -> None:
    candidate = example_release(tmp_path / "candidate")
    write_report(candidate, VERDICT)
    card = write(candidate).card
    text = card.read_text(encoding="utf-8")
    card.write_text(text.replace("license_link: LICENSE.md", "license_link: TEXTS"), "utf-8")
    done = command(hub, finalize(candidate, VERDICT.summary(), tmp_path / "2026.11.1"))
    assert done.returncode == 2
    assert 'the metadata of the card: "license_link" must be LICENSE, LICENSE.md' in done.stderr
    assert {path for _, path in hub.log} <= {"/api/validate-yaml", "/api/agent-harnesses"}


HASHED = """
import sys, threading, json
from collections import Counter
from pathlib import Path
counted = Counter()
def watch(frame, event, argument):
    if event == "call" and frame.f_code.co_name == "sha256_file":
        counted[str(frame.f_locals["path"])] += 1
    elif event == "call" and frame.f_code.co_name == "sha_fileobj":
        counted[frame.f_locals["fileobj"].name] += 1
import datacards.publishing as publishing
import huggingface_hub.utils.sha
threading.setprofile(watch)
sys.setprofile(watch)
plan = publishing.plan(Path(sys.argv[1]), sys.argv[2])
publishing.publish(plan)
sys.setprofile(None)
print(json.dumps(counted))
"""


def test_every_file_is_hashed_once(hub: Hub, release: Release) -> None:
    done = subprocess.run(
        [sys.executable, "-c", HASHED, str(release.path), REPO],
        cwd=PROJECT,
        env={**of_nobody(), **environment(hub)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert json.loads(done.stdout) == {
        str(release.path / path): 1
        for path in ("provenance.intoto.json", *release.manifest.paths())
    }
    assert whole(hub, files_of(release))
