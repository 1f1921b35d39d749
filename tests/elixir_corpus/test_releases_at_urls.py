"""A release on an S3 service is published as one on a disk is, and read from the Hub."""

from collections.abc import Iterator

import pytest

from corpus.release import Release, finalize
from datacards.render import write
from quality.report import write as write_report
from quality.verdict import Check, GateVerdict, Level, Outcome
from tests import programs
from tests.peers import hub_server
from tests.peers.object_store import ObjectStore, serving
from tests.releases import example_release

REPOSITORY = "ana/elixir-corpus"
CHECK = Check(
    name="corpus.digests", level=Level.CORPUS, outcome=Outcome.PASSED, observed="", expected=""
)


@pytest.fixture(scope="module")
def service() -> Iterator[ObjectStore]:
    with serving() as found:
        yield found


@pytest.fixture(scope="module")
def release(tmp_path_factory: pytest.TempPathFactory) -> Release:
    folder = tmp_path_factory.mktemp("release")
    candidate = example_release(folder / "candidate")
    verdict = GateVerdict.of((CHECK,))
    write_report(candidate, verdict)
    write(candidate)
    return finalize(candidate, verdict.summary(), folder / candidate.manifest.version)


@pytest.fixture(scope="module")
def url(service: ObjectStore, release: Release) -> str:
    bucket = service.make_bucket("published")
    for path in release.path.rglob("*"):
        if path.is_file():
            name = path.relative_to(release.path).as_posix()
            service.put("published", f"{release.path.name}/{name}", path.read_bytes())
    return f"{bucket}/{release.path.name}"


def test_a_release_at_a_url_is_published_with_the_same_bytes_and_read_from_the_hub(
    service: ObjectStore, release: Release, url: str
) -> None:
    hub = hub_server.HubServer()
    with hub_server.serving(hub):
        environment = {
            **service.environment,
            "HF_ENDPOINT": hub.url,
            "HF_HOME": "/nonexistent",
            "HF_HUB_DISABLE_XET": "1",
            "HF_TOKEN": hub_server.TOKEN,
            "NO_PROXY": "127.0.0.1,localhost",
        }
        asked = ["datacards", "publish", url, REPOSITORY]
        done = programs.run(asked, environment, anew=["huggingface_hub"])
        assert done.returncode == 0, done.stdout + done.stderr
        there = f"hf://datasets/{REPOSITORY}"

        def said(*command: str) -> str:
            ran = programs.run(["corpus", *command], environment, anew=["huggingface_hub"])
            return f"{ran.returncode} {ran.stdout}{ran.stderr}"

        published = f"{there}@{release.manifest.version}"
        identity = Release.open(release.path).identity
        assert said("verify", published).endswith(
            f"files match the manifest; identity {identity}\n"
        )
        assert said("verify", there).startswith("0 ")
        assert "0 added; 0 removed" in said("diff", published, str(release.path))
        nothing = " ".join(said("verify", f"{there}@2020.1.1").split())
        assert nothing.startswith(f"2 error: {there}@2020.1.1: there is no manifest.json")
        assert "HF_TOKEN" in nothing
        (repository,) = hub.repositories.values()
        commits = len(repository.commits)
        refused = said("copy-archives", str(release.path), f"{there}/archives")
        assert refused.startswith("2 ")
        assert len(repository.commits) == commits
    (repository,) = hub.repositories.values()
    for name in ["manifest.json", "provenance.intoto.json", *release.manifest.paths()]:
        assert repository.files[name] == (release.path / name).read_bytes(), name
