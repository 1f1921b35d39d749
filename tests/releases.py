"""Small releases for tests: rows written out by hand, accounted for in a manifest that adds up."""

import hashlib
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from corpus.attribution import write_attribution
from corpus.identifiers import purl, swhid
from corpus.release import Input, Manifest, Release, Shard, StageCount
from corpus.release.assembly import FILE_STAGES
from corpus.release.planning import ShardPlan
from corpus.release.shards import describe
from corpus.tables import PROCESSES, READ_ARCHIVES, SHARDED, SPLIT_NAMES

Row = dict[str, Any]

ROW_GROUP_ROWS = 100
"""Those of real releases end at 8 MB of text."""

COUNTER = """\
defmodule Shop.Counter do
  @moduledoc "Counts what is sold."
  use GenServer

  @doc "Starts a counter."
  @spec start_link(keyword()) :: GenServer.on_start()
  def start_link(options), do: GenServer.start_link(__MODULE__, 0, options)

  @impl true
  def init(count), do: {:ok, count}
end
"""
PRICE = """\
defmodule Shop.Price do
  @doc "Adds the tax."
  def gross(net, rate), do: net + net * rate
  def net(gross, rate), do: gross / (1 + rate)
end
"""
PRICE_TEST = """\
defmodule Shop.PriceTest do
  use ExUnit.Case
  test "gross", do: assert Shop.Price.gross(100, 0.5) == 150.0
end
"""
QUEUE = """\
-module(kiosk_queue).
-behaviour(gen_server).
-export([init/1]).

init(Size) -> {ok, Size}.
"""
TOKEN = """\
defmodule Ledger.Token do
  @secret "encoded_900_bytes"
  def secret, do: @secret
end
"""


def sha(text: str) -> str:
    """Return a digest that looks like an identifier."""
    return hashlib.sha256(text.encode()).hexdigest()


def place(package: str, path: str, text: str = "") -> Row:
    """Return the identity columns of a file."""
    return {
        "document_id": sha(f"{package}/{path}"),
        "content_id": sha(text) if path else None,
        "swhid": swhid(text.encode()) if path else None,
        "source": "hex",
        "package": package,
        "version": "1.0.0",
        "purl": f"pkg:hex/{package}@1.0.0",
        "archive_sha256": sha(package),
        "path": path,
    }


def document(package: str, path: str, text: str, split: str = "train", **columns: Any) -> Row:
    """Return a row of DOCUMENTS; a cluster of its own unless `columns` say otherwise."""
    lengths = sorted(len(line) for line in text.splitlines())
    return {
        **place(package, path, text),
        "language": "erlang" if path.endswith(".erl") else "elixir",
        "role": "test" if path.startswith("test/") else "library",
        "text": text,
        "bytes": len(text.encode()),
        "lines": len(lengths),
        "tokens": len(text.split()),
        "license_expression": "Apache-2.0",
        "license_evidence": "verified",
        "modules": [],
        "parse_errors": 0,
        "median_line_length": float(lengths[len(lengths) // 2]),
        "longest_line": lengths[-1],
        "comment_fraction": 0.0,
        "hidden_characters": 0,
        "control_tokens": 0,
        "public_functions": 0,
        "documented_functions": 0,
        "specified_functions": 0,
        "redactions": [],
        "published_at": "2026-11-02T10:00:00Z",
        "repository": f"https://github.com/example/{package}",
        "commit": None,
        "stars": None,
        "committed_at": None,
        "repository_created_at": None,
        "retirement": None,
        "advisories": [],
        "cluster_id": sha(f"{package}/{path}"),
        "split": split,
        **columns,
    }


def module(name: str, kind: str = "module", **columns: Any) -> Row:
    """Return a value of MODULE."""
    nothing: Row = {"types": [], "callbacks": [], "exports": [], "uses": [], "behaviours": []}
    lines = {"start_line": 1, "end_line": 5}
    return {
        "name": name,
        "kind": kind,
        "doc": None,
        "doc_kind": None,
        **lines,
        **nothing,
        **columns,
    }


def behaviour(name: str, evidence: str = "direct") -> Row:
    """Return a value of BEHAVIOUR."""
    return {"name": name, "evidence": evidence, "confidence": 1.0}


def function(of: Row, module: str, name: str, arity: int, **columns: Any) -> Row:
    """Return a row of FUNCTIONS."""
    clause = {"start_line": 2, "end_line": 2, "start_byte": 0, "end_byte": 1, "guard": None}
    return {
        **{
            name: of[name]
            for name in ("document_id", "source", "package", "version", "purl", "path")
        },
        "license_expression": of["license_expression"],
        "split": of["split"],
        "module": module,
        "name": name,
        "arity": arity,
        "defaults": 0,
        "kind": "def",
        "clauses": [clause],
        "doc": None,
        "doc_kind": None,
        "specs": [],
        "impl": None,
        "branch": None,
        **columns,
    }


def reject(package: str, path: str, stage: str, reason: str, **columns: Any) -> Row:
    """Return a row of REJECTS; an empty path stands for the archive."""
    nothing = {"bytes": 120, "detail": f"because of {reason}", "representative_id": None}
    return {**place(package, path, path), "stage": stage, "reason": reason, **nothing, **columns}


def instruction(of: Row, kind: str, prompt: str, answer: str, **columns: Any) -> Row:
    """Return a row of INSTRUCT in the split of its document."""
    messages = [{"role": "user", "content": prompt}, {"role": "assistant", "content": answer}]
    return {
        "id": sha(kind + prompt),
        "kind": kind,
        "subject": prompt,
        "messages": messages,
        "difficulty": "easy",
        "needs": [],
        "document_ids": [of["document_id"]],
        "purls": [of["purl"]],
        "package": of["package"],
        "paths": [of["path"]],
        "license_expression": of["license_expression"],
        "verification": "parsed",
        "toolchain": None,
        "split": of["split"],
        **columns,
    }


def example_documents() -> list[Row]:
    """Return five documents of three packages, one package a split."""
    counter = module(
        "Shop.Counter",
        doc="Counts what is sold.",
        doc_kind="string",
        uses=["GenServer"],
        behaviours=[behaviour("GenServer", "table")],
    )
    functions: Row = {"public_functions": 2, "documented_functions": 1}
    redaction = {"rule": "encoded", "start": 38, "end": 938}
    token: Row = {
        "modules": [module("Ledger.Token")],
        "redactions": [redaction],
        "hidden_characters": 3,
        "control_tokens": 2,
        "public_functions": 1,
    }
    return [
        document(
            "shop",
            "lib/counter.ex",
            COUNTER,
            modules=[counter],
            specified_functions=1,
            **functions,
        ),
        document("shop", "lib/price.ex", PRICE, modules=[module("Shop.Price")], **functions),
        document(
            "shop",
            "test/price_test.exs",
            PRICE_TEST,
            modules=[module("Shop.PriceTest", uses=["ExUnit.Case"])],
        ),
        document(
            "kiosk",
            "src/kiosk_queue.erl",
            QUEUE,
            "validation",
            license_expression="MIT",
            license_evidence="declared_only",
            modules=[module("kiosk_queue", behaviours=[behaviour("gen_server")])],
        ),
        document("ledger", "lib/token.ex", TOKEN, "test", license_expression="MIT", **token),
    ]


def module_row(of: Row, name: str, **columns: Any) -> Row:
    """Return a row of MODULES."""
    alike = ("document_id", "source", "package", "version", "purl", "path", "license_expression")
    return {
        **{each: of[each] for each in (*alike, "language", "role", "split")},
        "module": name,
        "kind": "defmodule",
        "start_line": 1,
        "end_line": 9,
        **{each.name: [] for each in PROCESSES},
        "behaviours": [],
        "uses": [],
        **columns,
    }


def signal_rows(documents: Sequence[Row], score: float | None = 0.5) -> list[Row]:
    """Return rows of SIGNALS that keep every promise, one a document."""
    names = SHARDED["signals"].schema.names
    return [
        {
            **dict.fromkeys(names),
            **{name: row[name] for name in names if name in row},
            "tekken_tokens": 40,
            "smells": [{"check": "Refactor.Nesting", "count": 2}],
            "smell_count": 2,
            "score": score,
        }
        for row in documents
    ]


def example_functions(documents: Sequence[Row]) -> list[Row]:
    """Return the functions of the example."""
    counter, price, _, queue, token = documents
    said = {"doc": "Adds the tax.", "doc_kind": "string"}
    return [
        function(counter, "Shop.Counter", "start_link", 1, specs=["start_link(keyword())"]),
        function(counter, "Shop.Counter", "init", 1, impl="true"),
        function(price, "Shop.Price", "gross", 2, **said),
        function(price, "Shop.Price", "net", 2),
        function(queue, "kiosk_queue", "init", 1, kind="function"),
        function(token, "Ledger.Token", "secret", 0),
    ]


def example_rejects(documents: Sequence[Row]) -> list[Row]:
    """Return rejected files of every stage, and one archive that would not open."""
    price = documents[1]["document_id"]
    near = "Jaccard similarity 0.842 to its representative"
    exact = "Jaccard similarity 1.000 to its representative"
    return [
        reject("shop", "README.md", "filter", "not_source_code"),
        reject("shop", "deps/x/lib/x.ex", "filter", "vendored"),
        reject("shop", "lib/big.ex", "filter", "oversized", bytes=2_000_000),
        reject("kiosk", "src/deep.erl", "parse", "nested_too_deeply"),
        reject("gpl", "lib/gpl.ex", "license", "license_not_permitted"),
        reject(
            "kiosk",
            "src/price.ex",
            "deduplicate",
            "near_duplicate",
            representative_id=price,
            detail=near,
        ),
        reject(
            "ledger",
            "lib/price.ex",
            "deduplicate",
            "exact_duplicate",
            representative_id=price,
            detail=exact,
        ),
        reject("broken", "", "unpack", "truncated", document_id=sha("broken/")),
        reject("gone", "", "crawl", "gone", archive_sha256=None),
    ]


def example_instruct(documents: Sequence[Row]) -> list[Row]:
    """Return one row of each kind."""
    counter, price = documents[:2]
    asked = "Write a GenServer that counts what is sold."
    return [
        instruction(
            price, "documentation_to_function", "Write `gross/2`: adds the tax.", "def gross ..."
        ),
        instruction(counter, "behaviour_module", asked, COUNTER),
    ]


def example_release(folder: Path, **manifest: Any) -> Release:
    """Write a release that keeps every promise."""
    documents = example_documents()
    return write_release(
        folder,
        documents,
        example_functions(documents),
        example_instruct(documents),
        example_rejects(documents),
        **manifest,
    )


def write_release(
    folder: Path,
    documents: Sequence[Row],
    functions: Sequence[Row] = (),
    instruct: Sequence[Row] = (),
    rejects: Sequence[Row] = (),
    *,
    modules: Sequence[Row] | None = None,
    signals: Sequence[Row] | None = None,
    context: Sequence[Row] | None = None,
    row_group_rows: int = ROW_GROUP_ROWS,
    **manifest: Any,
) -> Release:
    """Write shards, attribution and manifest; `manifest` replaces what the rows would give.

    Without `modules`, `signals` or `context` it lacks that table, as a release of earlier code.
    """
    tables = {"documents": documents, "functions": functions, "instruct": instruct}
    optional = {"modules": modules, "signals": signals, "context": context}
    tables |= {name: rows for name, rows in optional.items() if rows is not None}
    split_of = {row["document_id"]: row["split"] for row in documents}
    shards = [
        _shard(
            folder,
            ShardPlan(config, split, 0, 1, 0, ()),
            [row for row in rows if _split(row, split_of) == split],
            row_group_rows,
        )
        for config, rows in tables.items()
        for split in SPLIT_NAMES
    ]
    inputs = _inputs(documents, rejects)
    whole = {"rejects": rejects, "licenses": _licenses(inputs, rejects)}
    shards += [
        _shard(folder, ShardPlan(config, "all", 0, 1, 0, ()), rows, row_group_rows)
        for config, rows in whole.items()
    ]
    write_attribution([_archives(inputs)], _documents_by_archive(documents), folder)
    replace(_manifest(shards, inputs, documents, rejects), **manifest).write(folder)
    return Release.open(folder)


def _split(row: Row, split_of: dict[str, str]) -> str:
    return str(row.get("split") or split_of.get(row.get("document_id", ""), "train"))


def _shard(folder: Path, plan: ShardPlan, rows: Sequence[Row], row_group_rows: int) -> Shard:
    path = folder / plan.path
    path.parent.mkdir(parents=True, exist_ok=True)
    declared = SHARDED[plan.config]
    ordered = sorted(rows, key=lambda row: str(row[declared.sort_key[0]]))
    table = pa.Table.from_pylist(ordered, schema=declared.schema)
    pq.write_table(table, path, row_group_size=row_group_rows, compression="zstd")
    return describe(path, plan)


def _inputs(documents: Iterable[Row], rejects: Iterable[Row]) -> list[Input]:
    """Return one input an archive that reached the store, by what its rows say."""
    of: dict[str, dict[str, Any]] = {}
    for row in rejects:
        if row["stage"] != "crawl":
            unreadable = row["path"] == ""
            refused = row["stage"] == "license"
            evidence = None if unreadable else "verified" if not refused else "declared_only"
            license = None if unreadable else "GPL-3.0-only" if refused else "Apache-2.0"
            kept = not (unreadable or refused)
            of.setdefault(row["package"], _input(row, license, evidence, kept))
    for row in documents:
        license, evidence = row["license_expression"], row["license_evidence"]
        of[row["package"]] = _input(row, license, evidence, True)
    return [Input(**of[name]) for name in sorted(of)]


def _input(row: Row, license: str | None, evidence: str | None, kept: bool) -> dict[str, Any]:
    names = ("source", "package", "version")
    return {
        **{name: row[name] for name in names},
        "sha256": row["archive_sha256"],
        "license_expression": license,
        "license_evidence": evidence,
        "kept": kept,
    }


def _licenses(inputs: Iterable[Input], rejects: Iterable[Row]) -> list[Row]:
    """Return a verdict for each input whose licence was judged."""
    reasons = {row["package"]: row["reason"] for row in rejects if row["stage"] == "license"}
    return [
        {
            "archive_sha256": item.sha256,
            "source": item.source,
            "package": item.package,
            "version": item.version,
            "declared": [item.license_expression],
            "detected": [],
            "expression": item.license_expression,
            "evidence": item.license_evidence,
            "verdict": "allowed" if item.kept else "refused",
            "reason": None if item.kept else reasons[item.package],
            "detail": "",
            "own_statements": 0,
            "own_refused": 0,
        }
        for item in inputs
        if item.license_evidence
    ]


def _archives(inputs: Iterable[Input]) -> pa.Table:
    links = [{"name": "GitHub", "url": "https://github.com/example/{}"}]
    rows = [
        {
            "source": item.source,
            "package": item.package,
            "version": item.version,
            "purl": purl(item.source, item.package, item.version),
            "sha256": item.sha256,
            "url": f"https://repo.hex.pm/tarballs/{item.package}-{item.version}.tar",
            "license_expression": item.license_expression,
            "license_evidence": item.license_evidence,
            "copyright": ["Copyright 2026 The Authors"],
            "license_texts": [{"path": "LICENSE", "text": text, "sha256": sha(text)}],
            "links": [{**link, "url": link["url"].format(item.package)} for link in links],
        }
        for item in inputs
        for text in [f"{item.license_expression} text"]
    ]
    return pa.Table.from_pylist(rows, schema=READ_ARCHIVES)


def _documents_by_archive(documents: Iterable[Row]) -> dict[str, Counter[str | None]]:
    counts: dict[str, Counter[str | None]] = {}
    for row in documents:
        counts.setdefault(row["archive_sha256"], Counter())[row["license_expression"]] += 1
    return counts


def _manifest(
    shards: Sequence[Shard],
    inputs: Sequence[Input],
    documents: Sequence[Row],
    rejects: Sequence[Row],
) -> Manifest:
    files = [row for row in rejects if row["path"]]
    archives = [row for row in rejects if not row["path"]]
    crawl = sum(row["stage"] == "crawl" for row in archives)
    return Manifest(
        version="2026.11.1",
        build_digest=sha("build"),
        config={"duplicates": {"threshold": 0.7}},
        config_digest=sha("config"),
        code_version="0.1.0",
        code_commit="c" * 40,
        code_digest=sha("code"),
        tools={"pyarrow": "26.0.1"},
        inputs=tuple(inputs),
        archives_seen=len(inputs) + crawl,
        archives_rejected=dict(sorted(Counter(row["reason"] for row in archives).items())),
        files_seen=len(documents) + len(files),
        stages=tuple(_stages(len(documents) + len(files), files)),
        shards=tuple(sorted(shards, key=lambda shard: shard.path)),
    )


def _stages(files: int, rejects: Sequence[Row]) -> Iterable[StageCount]:
    for stage in FILE_STAGES:
        reasons = Counter(row["reason"] for row in rejects if row["stage"] == stage)
        left = files - reasons.total()
        yield StageCount(
            stage=stage, files_in=files, files_out=left, reasons=dict(sorted(reasons.items()))
        )
        files = left
