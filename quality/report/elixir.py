"""Figures about code: modules, behaviours, functions, documentation and specs."""

from collections import Counter, defaultdict
from collections.abc import Mapping

import pyarrow as pa
import pyarrow.compute as pc

from corpus.release import Span
from quality.partial import Counts, Observed
from quality.report.figures import Section, counted, distribution, share, total
from quality.report.sources import Facts, First, Partial, Sources

TOP = 20
MOST_ERRORS = 8
DOCUMENTED = ("elixir",)
"""Languages whose documentation is counted; Erlang's is in comments."""
ERLANG = {"function": "erlang function"}
"""Names for kinds that could be confused with kinds of Elixir."""
PLACE = ("package", "path", "language", "lines", "parse_errors")


def elixir(sources: Sources) -> Section:
    """Return counts of modules, behaviours, uses and functions, and the documented share."""
    return {
        "modules": _modules(sources.of(Modules)),
        "functions": _functions(sources.of(Functions)),
        "coverage": _coverage(sources),
        "parse_errors": _parse_errors(sources),
    }


class Modules(Partial):
    """The modules that documents define."""

    table = "documents"
    columns = ("language", "modules")

    def __init__(self) -> None:
        self.kinds: Counts[str] = Counts()
        self.docs: Counts[str] = Counts()
        self.uses: Counts[str] = Counts()
        self.behaviours: Counts[tuple[str, str]] = Counts()

    def add(self, batch: pa.RecordBatch, span: Span) -> None:
        """Count modules, the modules that they `use`, and their behaviours by evidence."""
        modules = batch["modules"].flatten()
        owners = pc.list_parent_indices(batch["modules"])
        languages = batch["language"].take(owners)
        self.kinds.update(_labels(languages, modules.field("kind")))
        self.docs.update(_moduledocs(languages, modules.field("doc_kind")))
        self.uses.update(modules.field("uses").flatten().to_pylist())
        found = modules.field("behaviours").flatten()
        pairs = (found.field(name).to_pylist() for name in ("name", "evidence"))
        self.behaviours.update(zip(*pairs, strict=True))


def _labels(languages: pa.Array, kinds: pa.Array) -> list[str]:
    """Return the kind of each module, with a separate name for Erlang modules."""
    return [
        kind if language == "elixir" else f"{language} {kind}"
        for kind, language in zip(kinds.to_pylist(), languages.to_pylist(), strict=True)
    ]


def _moduledocs(languages: pa.Array, kinds: pa.Array) -> list[str]:
    """Return the kind of documentation of every Elixir module; Erlang modules have none."""
    return [kind or "none" for kind in kinds.filter(pc.equal(languages, "elixir")).to_pylist()]


def _modules(found: Modules) -> Section:
    return {
        "count": found.kinds.total(),
        "kinds": counted(found.kinds),
        "moduledocs": counted(found.docs),
        "uses": {
            "distinct": len(found.uses),
            "count": found.uses.total(),
            "top": counted(found.uses, TOP),
        },
        "behaviours": _behaviours(found.behaviours),
    }


def _behaviours(found: Mapping[tuple[str, str], int]) -> Section:
    by_name: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for (name, evidence), count in found.items():
        by_name[name][evidence] += count
    of_all = sum(by_name.values(), Counter[str]())
    ordered = sorted(by_name.items(), key=lambda item: (-item[1].total(), item[0]))[:TOP]
    return {
        "distinct": len(by_name),
        "count": of_all.total(),
        "evidence": counted(of_all),
        "top": [
            {
                "name": name,
                "count": counts.total(),
                "share": share(counts.total(), of_all.total()),
                "evidence": dict(sorted(counts.items())),
            }
            for name, counts in ordered
        ],
    }


class Functions(Partial):
    """The functions, the number of their clauses, and the lines of each clause."""

    table = "functions"
    columns = ("kind", "clauses", "impl")

    def __init__(self) -> None:
        self.kinds: Counts[str] = Counts()
        self.implementations: Counts[str] = Counts()
        self.clauses, self.lines = Observed(), Observed()

    def add(self, batch: pa.RecordBatch, span: Span) -> None:
        """Count functions and clauses."""
        self.kinds.update(ERLANG.get(kind, kind) for kind in batch["kind"].to_pylist())
        self.implementations["marked"] += len(batch) - batch["impl"].null_count
        self.clauses.add(pc.list_value_length(batch["clauses"]))
        flat = batch["clauses"].flatten()
        lines = pc.subtract(flat.field("end_line"), flat.field("start_line"))
        self.lines.add(pc.add(lines, 1))


def _functions(found: Functions) -> Section:
    return {
        "count": found.kinds.total(),
        "kinds": counted(found.kinds),
        "marked_impl": found.implementations["marked"],
        "clauses": distribution(*found.clauses.arrays()),
        "lines_per_clause": distribution(*found.lines.arrays()),
    }


def _coverage(sources: Sources) -> list[Section]:
    """Return, for each language, the share of public functions with documentation and with a spec.

    The documentation figures are None for a language whose documentation is not counted.
    """
    rows: list[Section] = []
    for language in ("elixir", "erlang"):
        table = sources.documents
        table = table.filter(pc.equal(table["language"], language))
        public, documented, specified = (total(table, name) for name in Facts.functions)
        is_read = language in DOCUMENTED
        if public:
            rows.append(
                {
                    "language": language,
                    "public": public,
                    "specified": specified,
                    "specified_share": share(specified, public),
                    "documented": documented if is_read else None,
                    "documented_share": share(documented, public) if is_read else None,
                }
            )
    return rows


class Broken(Partial):
    """The documents with most parse errors."""

    table = "documents"
    columns = (*PLACE, "document_id")

    def __init__(self) -> None:
        order = [("parse_errors", "descending"), ("document_id", "ascending")]
        self.most = First(order, MOST_ERRORS)

    def add(self, batch: pa.RecordBatch, span: Span) -> None:
        """Consider documents with errors."""
        self.most.add(batch.select(self.columns).filter(pc.greater(batch["parse_errors"], 0)))


def _parse_errors(sources: Sources) -> Section:
    documents = sources.documents
    broken = total(documents, "broken")
    return {
        "documents": broken,
        "share": share(broken, total(documents, "rows")),
        "errors": total(documents, "parse_errors"),
        "most": [{name: row[name] for name in PLACE} for row in sources.of(Broken).most.rows()],
    }
