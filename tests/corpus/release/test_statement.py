import base64
import hashlib
import json
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner

from corpus.__main__ import app
from corpus.atomic import canonical_json
from corpus.release import GateSummary, Release, finalize, verify
from corpus.release.statement import (
    ENVELOPE_NAME,
    STATEMENT_NAME,
    UnusableKey,
    encoded,
    private_key,
    statement,
    write_signed,
)
from tests.releases import example_release

PRIVATE = """\
-----BEGIN PRIVATE KEY-----
MC4CAQAwBQYDK2VwBCIEIJ1hsZ3v/VpguoRK9JLsLMREScVpezJpGXA7rAMcrn9g
-----END PRIVATE KEY-----
"""
PUBLIC = """\
-----BEGIN PUBLIC KEY-----
MCowBQYDK2VwAyEA11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=
-----END PUBLIC KEY-----
"""
"""The key pair of RFC 8032, 7.1, test 1."""
OTHER = """\
-----BEGIN PUBLIC KEY-----
MCowBQYDK2VwAyEAPUAXw+hDiVqStwqnTRt+vJyYLM8uxJaMwM1V8Sr0Zgw=
-----END PUBLIC KEY-----
"""
"""The public key of test 2."""


@pytest.fixture
def release(tmp_path: Path) -> Release:
    """Return a release that has its name."""
    candidate = example_release(tmp_path / "candidate")
    (candidate.path / "report.json").write_text("{}", encoding="utf-8")
    (candidate.path / "bom.cdx.json").write_text("{}", encoding="utf-8")
    gate = GateSummary(outcome="passed", checks=1, failed=())
    return finalize(candidate, gate, tmp_path / "2026.11.1")


@pytest.fixture
def key(tmp_path: Path) -> Path:
    path = tmp_path / "key.pem"
    path.write_text(PRIVATE, encoding="utf-8")
    (tmp_path / "key.pub").write_text(PUBLIC, encoding="utf-8")
    (tmp_path / "other.pub").write_text(OTHER, encoding="utf-8")
    return path


def told(release: Release) -> dict[str, list[str]]:
    """Return what `verify` says of a release, by path."""
    return {problem.path: [problem.detail] for problem in verify(release)}


def test_a_statement_names_every_file_and_everything_that_it_was_made_from(
    release: Release,
) -> None:
    found = json.loads((release.path / STATEMENT_NAME).read_bytes())
    assert found["_type"] == "https://in-toto.io/Statement/v1"
    assert found["predicateType"] == "https://slsa.dev/provenance/v1"
    files = {
        path.relative_to(release.path).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in release.path.rglob("*")
        if path.is_file() and path.name != STATEMENT_NAME
    }
    assert {each["name"]: each["digest"]["sha256"] for each in found["subject"]} == files
    build = found["predicate"]["buildDefinition"]
    assert build["externalParameters"]["configDigest"] == release.manifest.config_digest
    assert build["resolvedDependencies"][0] == {
        "annotations": {"kept": "no"},
        "digest": {"sha256": hashlib.sha256(b"broken").hexdigest()},
        "uri": "pkg:hex/broken@1.0.0",
    }
    assert build["resolvedDependencies"][-2:] == [
        {
            "annotations": {"codeDigest": release.manifest.code_digest},
            "digest": {"gitCommit": "c" * 40},
            "uri": "pkg:generic/elixir-corpus@0.1.0",
        },
        {"uri": "pkg:pypi/pyarrow@26.0.1"},
    ]


def test_libraries_are_named_by_the_registry_that_has_them(release: Release) -> None:
    tools = {"@blueoak/list": "9.0.0", "torch": "2.13.0+cpu"}
    data = statement(replace(release.manifest, tools=tools), release.identity)
    build = json.loads(data)["predicate"]["buildDefinition"]
    assert [each["uri"] for each in build["resolvedDependencies"][-2:]] == [
        "pkg:npm/%40blueoak/list@9.0.0",
        "pkg:pypi/torch@2.13.0%2Bcpu",
    ]


def test_a_release_with_its_statement_verifies(release: Release) -> None:
    assert verify(release) == []


def test_a_statement_that_was_altered_or_is_missing_is_a_problem(release: Release) -> None:
    path = release.path / STATEMENT_NAME
    said = json.loads(path.read_bytes())
    said["predicate"]["buildDefinition"]["resolvedDependencies"].pop()
    path.write_bytes(canonical_json(said))
    assert told(release) == {STATEMENT_NAME: ["it is not the statement of this release"]}
    path.unlink()
    assert told(release) == {STATEMENT_NAME: ["missing"]}


def test_a_signature_is_checked_with_the_public_key(release: Release, key: Path) -> None:
    write_signed(release.path, release.manifest, private_key(key))
    assert verify(release) == []
    assert verify(release, key=key.with_name("key.pub")) == []
    (problem,) = verify(release, key=key.with_name("other.pub"))
    assert problem.path == ENVELOPE_NAME
    assert problem.detail.startswith("no signature is by the key ")


def test_signing_again_gives_the_same_bytes(release: Release, key: Path) -> None:
    write_signed(release.path, release.manifest, private_key(key))
    first = (release.path / ENVELOPE_NAME).read_bytes()
    write_signed(release.path, release.manifest, private_key(key))
    assert (release.path / ENVELOPE_NAME).read_bytes() == first


@pytest.mark.skipif(shutil.which("openssl") is None, reason="needs openssl")
def test_openssl_agrees_with_the_signature(release: Release, key: Path, tmp_path: Path) -> None:
    write_signed(release.path, release.manifest, private_key(key))
    envelope = json.loads((release.path / ENVELOPE_NAME).read_bytes())
    payload = base64.b64decode(envelope["payload"])
    assert payload == (release.path / STATEMENT_NAME).read_bytes()
    (tmp_path / "message").write_bytes(encoded(payload))
    (tmp_path / "signature").write_bytes(base64.b64decode(envelope["signatures"][0]["sig"]))
    command = ["openssl", "pkeyutl", "-verify", "-rawin", "-pubin", "-inkey", "key.pub"]
    command += ["-in", "message", "-sigfile", "signature"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert "Signature Verified Successfully" in done.stdout, done.stderr


def test_what_is_signed_is_encoded_as_the_protocol_says() -> None:
    assert encoded(b"hello world") == b"DSSEv1 28 application/vnd.in-toto+json 11 hello world"


@pytest.mark.parametrize(
    ("change", "detail"),
    [
        (lambda told: told["signatures"][0].update(sig="AAAA"), "its signature is wrong"),
        (lambda told: told.update(payload="AAAA"), "it does not hold the statement of this"),
        (lambda told: told.update(payload="no base64!"), "it is no DSSE envelope"),
        (lambda told: told.update(payloadType="text/plain"), "it does not hold the statement"),
        (lambda told: told.update(more=1), "it is no DSSE envelope"),
        (lambda told: told.update(signatures=[]), "no signature is by the key"),
        (lambda told: told.update(signatures=7), "it is no DSSE envelope"),
    ],
)
def test_an_altered_envelope_is_a_problem(
    release: Release, key: Path, change: object, detail: str
) -> None:
    assert callable(change)
    write_signed(release.path, release.manifest, private_key(key))
    path = release.path / ENVELOPE_NAME
    said = json.loads(path.read_bytes())
    change(said)
    path.write_bytes(canonical_json(said))
    (problem,) = verify(release, key=key.with_name("key.pub"))
    assert problem.detail.startswith(detail)


def test_an_unsigned_release_does_not_pass_with_a_key(release: Release, key: Path) -> None:
    done = CliRunner().invoke(
        app, ["verify", str(release.path), "--key", str(key.with_name("key.pub"))]
    )
    assert done.exit_code == 1
    assert "provenance.dsse.json: missing: the release is not signed" in done.output


def test_a_file_that_is_no_key_is_refused(tmp_path: Path, key: Path) -> None:
    path = tmp_path / "nothing.pem"
    path.write_text("no key", encoding="utf-8")
    with pytest.raises(UnusableKey, match="no private key that can be used"):
        private_key(path)
    with pytest.raises(UnusableKey, match="no private key that can be used"):
        private_key(key.with_name("key.pub"))
