import re
import subprocess
import sys
from dataclasses import replace
from itertools import chain
from pathlib import Path

import pytest

from corpus.release import Release
from quality.gate import judge
from quality.settings import GateConfig
from quality.verdict import Check, GateVerdict, Level, Outcome
from tests.releases import (
    PRICE,
    Row,
    document,
    example_documents,
    example_functions,
    example_instruct,
    example_rejects,
    example_release,
    function,
    instruction,
    reject,
    sha,
    write_release,
)

KIND = "documentation_to_function"


def names(verdict: GateVerdict, *outcomes: Outcome) -> set[str]:
    return {check.name for check in verdict.with_outcome(*outcomes)}


def found(verdict: GateVerdict, name: str) -> Check:
    return next(check for check in verdict.checks if check.name == name)


def test_a_sound_release_passes_with_every_promise_checked(sound_verdict: GateVerdict) -> None:
    assert sound_verdict.outcome is Outcome.PASSED
    assert sound_verdict.exit_code == 0
    assert names(sound_verdict, Outcome.FAILED, Outcome.UNCHECKED) == set()
    assert {check.level for check in sound_verdict.checks} == {Level.ROW, Level.CORPUS}


def test_a_warning_does_not_hold_a_release_back(sound_verdict: GateVerdict) -> None:
    assert names(sound_verdict, Outcome.WARNED) == {"corpus.largest_package_share"}
    assert found(sound_verdict, "corpus.largest_package_share").expected == (
        "at most 25% of all bytes are from one package"
    )
    assert sound_verdict.summary().failed == ()


def test_broken_rows_fail_by_the_name_of_their_promise(tmp_path: Path) -> None:
    good = example_documents()
    broken = document(
        "shop",
        "lib/broken.ex",
        PRICE + "# more\n",
        cluster_id="not a digest",
        language="perl",
        role="virus",
        license_expression="GPL-3.0-only",
        license_evidence="contradicted",
        bytes=1,
        documented_functions=9,
    )
    broken["path"] = None
    strayed = document("shop", "lib/stray.ex", "defmodule A do\nend\n", source="ftp")
    documents = [*good, broken, strayed]
    verdict = judge(write_release(tmp_path, documents, example_functions(good)))
    assert names(verdict, Outcome.FAILED) >= {
        "documents.cluster_id.well_formed",
        "documents.language.known",
        "documents.role.known",
        "documents.license_expression.permitted",
        "documents.license_evidence.known",
        "documents.bytes.true",
        "documents.counts_agree",
        "documents.path.present",
        "documents.source.known",
    }
    assert verdict.outcome is Outcome.FAILED
    assert verdict.exit_code == 1
    permitted = found(verdict, "documents.license_expression.permitted")
    assert permitted.observed == "1 of 7 rows break it"
    assert permitted.detail == "for example GPL-3.0-only"


def test_functions_rows_and_rejects_must_refer_to_what_is_there(tmp_path: Path) -> None:
    documents = example_documents()
    train, held_out = documents[1], documents[4]
    stranger = document("nobody", "lib/x.ex", "x")
    instruct = [
        instruction(train, KIND, "Write it.", ""),
        instruction(train, KIND, "Write `def a, do: 1`.", "def a, do: 1"),
        instruction(train, KIND, "Write b.", "def b, do: 2", split="test"),
        instruction(stranger, KIND, "Write c.", "def c, do: 3"),
        instruction(held_out, KIND, "Write d.", "d", messages=asked_twice()),
        instruction(train, "whim", "Write e.", "def e, do: 5"),
        instruction(train, KIND, "Write f.", "def f, do: 6", license_expression="MIT"),
        instruction(train, KIND, "Write g.", "def g, do: 7", purls=["hex/shop"]),
    ]
    rejects = [
        *example_rejects(documents),
        reject("shop", "lib/price.ex", "filter", "whim"),
        reject("shop", "lib/a.ex", "deduplicate", "near_duplicate", representative_id=sha("no")),
    ]
    clause = {"start_line": 9, "end_line": 2, "start_byte": 5, "end_byte": 5, "guard": None}
    functions = [function(stranger, "X", "x", 0), function(train, "Y", "y", 300, clauses=[clause])]
    verdict = judge(write_release(tmp_path, documents, functions, instruct, rejects))
    assert names(verdict, Outcome.FAILED) == {
        "corpus.documents_also_rejected",
        "functions.refers_to_document",
        "functions.arity.in_range",
        "functions.ranges_are_sound",
        "instruct.shortest_message.in_range",
        "instruct.answer_parses",
        "instruct.answer_is_hidden",
        "instruct.split_is_inherited",
        "instruct.has_purls",
        "instruct.refers_to_documents",
        "instruct.kind.known",
        "instruct.license_is_inherited",
        "instruct.last_role.known",
        "rejects.reason.known",
        "rejects.is_no_document",
        "rejects.representative_is_kept",
    }


def asked_twice() -> list[Row]:
    return [{"role": "assistant", "content": "Yes?"}, {"role": "user", "content": "Write d."}]


@pytest.mark.parametrize(
    ("prompt", "answer"),
    [
        ("Write this:\n\ndef a(x) do\n  x + 1\nend", "```elixir\ndef a(x) do\n  x + 1\nend\n```"),
        ("    def a(x) do\n      x + 1\n    end", "````elixir\ndef a(x) do\n  x + 1\nend\n````"),
        ("Write it.", "```elixir\n\n```"),
        ("Write it.", None),
        (None, "def a, do: 1"),
    ],
    ids=["without its fence", "indented", "empty", "null", "no prompt"],
)
def test_an_answer_must_be_there_and_not_in_its_prompt(
    tmp_path: Path, prompt: str | None, answer: str | None
) -> None:
    documents = example_documents()
    messages = [{"role": "user", "content": prompt}, {"role": "assistant", "content": answer}]
    row = instruction(documents[0], KIND, "", "", messages=messages)
    verdict = judge(write_release(tmp_path, documents, instruct=[row]))
    broken = {"instruct.shortest_message.in_range", "instruct.answer_is_hidden"}
    assert names(verdict, Outcome.FAILED, Outcome.UNCHECKED) & broken
    assert names(verdict, Outcome.FAILED, Outcome.UNCHECKED) <= broken


UNKNOWN = (
    {
        **{
            f"documents.{column}": {f"documents.{column}.present"}
            for column in (
                *("license_evidence", "source", "role", "lines", "tokens", "parse_errors"),
                *("comment_fraction", "longest_line", "hidden_characters", "control_tokens"),
            )
        },
        "documents.modules": {"documents.lists_are_told"},
        "documents.license_expression": {
            "documents.license_expression.present",
            "instruct.license_is_inherited",
        },
        "functions.arity": {"functions.arity.present"},
        "functions.clauses": {"functions.clauses.present"},
        "functions.kind": {"functions.kind.present"},
        "instruct.kind": {"instruct.kind.present"},
        "instruct.split": {"instruct.split_is_inherited"},
        "instruct.verification": {"instruct.verification.present"},
        "instruct.document_ids": {"instruct.refers_to_documents", "instruct.has_purls"},
        "rejects.source": {"rejects.source.present"},
    },
    {
        "documents.redactions": {"documents.lists_are_told"},
        "instruct.purls": {"instruct.has_purls"},
        "instruct.messages": {
            "instruct.messages.present",
            "instruct.last_role.present",
            "instruct.shortest_message.in_range",
            "instruct.answer_is_hidden",
        },
        "instruct.license_expression": {
            "instruct.license_expression.present",
            "instruct.license_is_inherited",
        },
    },
)
"""Columns of a row that are null, and the promises that each breaks: no two of a release the same,
so that each is broken by its own column."""


@pytest.mark.parametrize("broken", UNKNOWN, ids=["most columns", "the others"])
def test_what_is_unknown_keeps_no_promise(tmp_path: Path, broken: dict[str, set[str]]) -> None:
    documents = example_documents()
    rows = {
        "documents": documents,
        "functions": example_functions(documents),
        "instruct": example_instruct(documents),
        "rejects": example_rejects(documents),
    }
    for name in broken:
        table, _, column = name.partition(".")
        rows[table][0] = {**rows[table][0], column: None}
    verdict = judge(write_release(tmp_path, *rows.values()))
    assert sorted(names(verdict, Outcome.FAILED)) == sorted(chain(*broken.values()))


def test_clauses_lie_within_their_text(tmp_path: Path) -> None:
    documents = example_documents()
    clause = {"start_line": 1, "end_line": 2, "start_byte": 0, "end_byte": 9_999, "guard": None}
    beyond = function(documents[0], "Shop.Counter", "start_link", 1, clauses=[clause])
    verdict = judge(write_release(tmp_path, documents, [beyond]))
    assert names(verdict, Outcome.FAILED) == {"functions.ranges_are_sound"}


def test_a_document_has_a_name(tmp_path: Path) -> None:
    documents = example_documents()
    documents[0]["path"] = ""
    verdict = judge(write_release(tmp_path, documents))
    assert names(verdict, Outcome.FAILED) == {"documents.path.filled"}


def test_a_swhid_or_purl_that_names_something_else_fails_the_gate(tmp_path: Path) -> None:
    documents = example_documents()
    documents[0]["swhid"] = "swh:1:dir:" + "0" * 40
    documents[1]["purl"] = "pkg:hex/shop@2.0.0"
    verdict = judge(write_release(tmp_path, documents))
    assert names(verdict, Outcome.FAILED) == {"documents.identities_agree"}
    assert found(verdict, "documents.identities_agree").observed == "2 of 5 rows break it"


def test_files_and_archives_that_vanished_fail_the_gate(tmp_path: Path) -> None:
    verdict = judge(example_release(tmp_path, files_seen=13, archives_seen=9))
    assert names(verdict, Outcome.FAILED) == {
        "corpus.files_accounted.equal_files_seen",
        "corpus.archives_accounted.equal_archives_seen",
        "corpus.archives_listed.equal_archives_seen",
    }
    check = found(verdict, "corpus.files_accounted.equal_files_seen")
    assert (check.observed, check.detail) == ("12", "files_seen is 13")


def test_a_document_that_is_there_twice_fails_the_gate(tmp_path: Path) -> None:
    documents = example_documents()
    verdict = judge(write_release(tmp_path, [*documents, documents[0]]))
    assert names(verdict, Outcome.FAILED) >= {
        "corpus.document_ids_repeated",
        "corpus.content_ids_repeated",
        "documents.document_id.unique",
    }


def test_packages_and_clusters_that_cross_splits_fail_the_gate(tmp_path: Path) -> None:
    documents = example_documents()
    documents[1] |= {"split": "test", "cluster_id": documents[0]["cluster_id"]}
    verdict = judge(write_release(tmp_path, documents))
    assert names(verdict, Outcome.FAILED) >= {
        "corpus.packages_across_splits",
        "corpus.families_across_splits",
        "corpus.documents_in_split_clusters",
    }
    assert found(verdict, "corpus.documents_in_split_clusters").observed == "40.00%"
    assert found(verdict, "corpus.packages_across_splits").detail == "for example shop"


def module_of(count: int, name: str, said: str) -> str:
    body = "\n".join(f"  def step{n}(value), do: value * {n} + offset({n})" for n in range(count))
    return f'defmodule {name} do\n  @moduledoc "{said}"\n{body}\nend\n'


def test_a_near_duplicate_of_training_code_in_the_test_split_fails_the_gate(tmp_path: Path) -> None:
    trained = document("one", "lib/steps.ex", module_of(60, "One.Steps", "Steps, told at length."))
    tested = document("two", "lib/steps.ex", module_of(58, "Two.Steps", "Other words."), "test")
    tested["cluster_id"] = sha("a cluster of its own")
    verdict = judge(write_release(tmp_path, [*example_documents(), trained, tested]))
    assert names(verdict, Outcome.FAILED) == {"corpus.near_duplicates_across_splits"}
    leak = found(verdict, "corpus.near_duplicates_across_splits")
    first, second = sorted(row["document_id"][:12] for row in (trained, tested))
    assert leak.observed == "1"
    assert re.fullmatch(rf"for example {first} and {second}, 0\.9\d\d", leak.detail)


def test_a_promise_that_cannot_be_checked_is_not_called_broken(tmp_path: Path) -> None:
    release = example_release(tmp_path)
    (tmp_path / "attribution.parquet").unlink()
    verdict = judge(release)
    assert verdict.outcome is Outcome.UNCHECKED
    assert verdict.exit_code == 2
    assert names(verdict, Outcome.FAILED) == set()
    assert names(verdict, Outcome.UNCHECKED) == {"corpus.families_across_splits"}
    detail = found(verdict, "corpus.families_across_splits").detail
    assert detail == "FileNotFoundError: attribution.parquet"


def test_a_broken_promise_outweighs_one_that_could_not_be_checked(tmp_path: Path) -> None:
    release = example_release(tmp_path, files_seen=13)
    (tmp_path / "attribution.parquet").unlink()
    assert judge(release).outcome is Outcome.FAILED


@pytest.mark.parametrize("damage", ["altered", "missing"])
def test_nothing_is_said_of_the_rows_of_a_damaged_shard(tmp_path: Path, damage: str) -> None:
    release = example_release(tmp_path)
    shard = tmp_path / release.shards("documents", "train")[0].path
    if damage == "missing":
        shard.unlink()
    else:
        data = bytearray(shard.read_bytes())
        data[100] ^= 1
        shard.write_bytes(bytes(data))
    verdict = judge(release)
    assert verdict.outcome is Outcome.UNCHECKED
    assert [check.name for check in verdict.checks] == ["corpus.digests"]
    assert "train-00000-of-00001.parquet" in verdict.checks[0].detail


def test_a_release_without_documents_fails(tmp_path: Path) -> None:
    verdict = judge(write_release(tmp_path, []))
    assert verdict.outcome is Outcome.FAILED
    assert "corpus.documents.not_empty" in names(verdict, Outcome.FAILED)


def test_limits_are_those_of_the_configuration(sound_release: Release) -> None:
    verdict = judge(sound_release, GateConfig(largest_package=0.9, examples=1, frame_rows=1))
    assert found(verdict, "corpus.largest_package_share").outcome is Outcome.PASSED
    assert found(verdict, "documents.bytes.in_range").observed == "5 rows"


def test_a_document_may_be_as_long_as_the_build_let_it(tmp_path: Path) -> None:
    limits = {"ingest": {"read": {"file": {"filters": {"file": 90}}}}}
    verdict = judge(write_release(tmp_path, example_documents(), config=limits))
    length = found(verdict, "documents.bytes.in_range")
    assert length.outcome is Outcome.FAILED
    assert length.expected == "from 1 to 180"  # twice that: Latin-1 grows when it becomes UTF-8
    assert length.observed == "1 of 5 rows break it"


def test_the_policy_of_the_build_decides_which_licences_are_permitted(tmp_path: Path) -> None:
    documents = example_documents()
    documents[4]["license_expression"] = "MPL-2.0"
    policy = {"ingest": {"read": {"license": {"permitted_extra": ["MPL-2.0", "MPL 2"]}}}}
    strict = judge(write_release(tmp_path / "strict", documents))
    lenient = judge(write_release(tmp_path / "lenient", documents, config=policy))
    assert names(strict, Outcome.FAILED) == {"documents.license_expression.permitted"}
    assert lenient.outcome is Outcome.PASSED


def test_the_same_rows_get_the_same_verdict_again(
    tmp_path: Path, sound_verdict: GateVerdict
) -> None:
    assert judge(example_release(tmp_path)).to_json() == sound_verdict.to_json()


def test_no_checks_are_no_verdict() -> None:
    assert GateVerdict.of(()).outcome is Outcome.UNCHECKED


def test_the_summary_names_what_held_the_release_back(sound_verdict: GateVerdict) -> None:
    broken = replace(sound_verdict.checks[0], outcome=Outcome.FAILED)
    summary = GateVerdict.of((broken, *sound_verdict.checks[1:])).summary()
    assert summary.outcome == "failed"
    assert summary.failed == ("corpus.digests",)
    assert summary.checks == len(sound_verdict.checks)


LISTEN = """
import sys
def refuse(event, arguments):
    if event in ("socket.connect", "socket.getaddrinfo", "socket.sendto"):
        raise SystemExit(f"the gate opened a connection: {arguments}")
sys.addaudithook(refuse)
from pathlib import Path
from corpus.release import Release
from quality.gate import judge
print(judge(Release.open(Path(sys.argv[1]))).outcome)
"""


def test_judging_sends_nothing_anywhere(sound_release: Release) -> None:
    command = [sys.executable, "-c", LISTEN, str(sound_release.path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.stdout.strip() == "passed", done.stderr


def test_instruction_rows_of_the_example_are_sound(sound_release: Release) -> None:
    rows = example_instruct(example_documents())
    assert sound_release.read("instruct", ["id"]).num_rows == len(rows) == 2
