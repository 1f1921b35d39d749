"""The corpus as its ecosystem sees it: modules, behaviours, functions, documentation, specs."""

from collections import Counter, defaultdict

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from quality.report.figures import Row, Section, counted, distribution, share, total
from quality.report.sources import Sources

TOP = 20
MOST_ERRORS = 8
MODULE_COLUMNS = ["language", "modules"]
FUNCTION_COLUMNS = ["kind", "clauses", "doc_kind", "specs", "impl"]
BATCH_ROWS = 1024
DOCUMENTED = ("elixir",)
"""Languages whose documentation is read; Erlang's stands in comments."""
ERLANG = {"function": "erlang function"}
"""Kinds that would be read amiss among Elixir's."""


def elixir(sources: Sources) -> Section:
    """Return counts of modules, behaviours, uses and functions, and how much is documented."""
    return {
        "modules": _modules(sources),
        "functions": _functions(sources),
        "coverage": _coverage(sources),
        "parse_errors": _parse_errors(sources),
    }


def _modules(sources: Sources) -> Row:
    kinds: Counter[str] = Counter()
    docs: Counter[str] = Counter()
    uses: Counter[str] = Counter()
    behaviours: dict[str, Counter[str]] = defaultdict(Counter)
    for batch in sources.release.batches("documents", MODULE_COLUMNS, None, BATCH_ROWS):
        modules = batch["modules"].flatten()
        kinds.update(_labels(batch, modules.field("kind")))
        docs.update(_moduledocs(batch, modules))
        uses.update(modules.field("uses").flatten().to_pylist())
        found = modules.field("behaviours").flatten()
        pairs = (found.field(name).to_pylist() for name in ("name", "evidence"))
        for name, evidence in zip(*pairs, strict=True):
            behaviours[name][evidence] += 1
    return {
        "count": kinds.total(),
        "kinds": counted(kinds),
        "moduledocs": counted(docs),
        "uses": {"distinct": len(uses), "count": uses.total(), "top": counted(uses, TOP)},
        "behaviours": _behaviours(behaviours),
    }


def _labels(batch: pa.RecordBatch, kinds: pa.Array) -> list[str]:
    """Tell Erlang's modules from Elixir's."""
    owners = pc.list_parent_indices(batch["modules"])
    languages = batch["language"].take(owners).to_pylist()
    return [
        kind if language == "elixir" else f"{language} {kind}"
        for kind, language in zip(kinds.to_pylist(), languages, strict=True)
    ]


def _moduledocs(batch: pa.RecordBatch, modules: pa.Array) -> list[str]:
    """Return the kind of every Elixir module's documentation; Erlang has no such thing."""
    owners = pc.list_parent_indices(batch["modules"])
    is_elixir = pc.equal(batch["language"].take(owners), "elixir")
    kinds = modules.field("doc_kind").filter(is_elixir).to_pylist()
    return [kind or "none" for kind in kinds]


def _behaviours(found: dict[str, Counter[str]]) -> Row:
    evidence = sum(found.values(), Counter())
    ordered = sorted(found.items(), key=lambda item: (-item[1].total(), item[0]))[:TOP]
    return {
        "distinct": len(found),
        "count": evidence.total(),
        "evidence": counted(evidence),
        "top": [
            {
                "name": name,
                "count": counts.total(),
                "share": share(counts.total(), evidence.total()),
                "evidence": dict(sorted(counts.items())),
            }
            for name, counts in ordered
        ],
    }


def _functions(sources: Sources) -> Row:
    kinds: Counter[str] = Counter()
    implementations = 0
    clauses: list[pa.Array] = []
    lines: list[pa.Array] = []
    for batch in sources.release.batches("functions", FUNCTION_COLUMNS, None, BATCH_ROWS):
        kinds.update(ERLANG.get(kind, kind) for kind in batch["kind"].to_pylist())
        implementations += len(batch) - batch["impl"].null_count
        clauses.append(pc.list_value_length(batch["clauses"]).to_numpy(zero_copy_only=False))
        flat = batch["clauses"].flatten()
        lines.append(pc.subtract(flat.field("end_line"), flat.field("start_line")).to_numpy() + 1)
    return {
        "count": kinds.total(),
        "kinds": counted(kinds),
        "marked_impl": implementations,
        "clauses": distribution(_joined(clauses)),
        "lines_per_clause": distribution(_joined(lines)),
    }


def _joined(parts: list[pa.Array]) -> pa.Array:
    return np.concatenate(parts) if parts else np.empty(0, dtype=np.int64)


def _coverage(sources: Sources) -> list[Row]:
    """Say for each language with functions what share of the public ones has a doc and a spec.

    Documentation is None where the extractor does not read it.
    """
    rows = []
    for language in ("elixir", "erlang"):
        table = sources.documents
        table = table.filter(pc.equal(table["language"], language))
        public, documented, specified = (
            total(table, f"{name}_functions") for name in ("public", "documented", "specified")
        )
        row: Row = {"language": language, "public": public, "specified": specified}
        row["specified_share"] = share(specified, public)
        is_read = language in DOCUMENTED
        row["documented"] = documented if is_read else None
        row["documented_share"] = share(documented, public) if is_read else None
        rows.append(row)
    return [row for row in rows if row["public"]]


def _parse_errors(sources: Sources) -> Row:
    documents = sources.documents
    broken = int(pc.sum(pc.greater(documents["parse_errors"], 0)).as_py() or 0)
    columns = ["package", "path", "language", "lines", "parse_errors"]
    worst = sources.first(
        [*columns, "document_id"],
        lambda batch: pc.greater(batch["parse_errors"], 0),
        [("parse_errors", "descending"), ("document_id", "ascending")],
        MOST_ERRORS,
    )
    return {
        "documents": broken,
        "share": share(broken, documents.num_rows),
        "errors": total(documents, "parse_errors"),
        "most": [{name: row[name] for name in columns} for row in worst],
    }
