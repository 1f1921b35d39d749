"""What the documents are: languages, roles, splits, and how these mix."""

import pyarrow.compute as pc

from corpus.tables import SPLIT_NAMES
from quality.report.figures import Row, Section, estimated_tokens, share, tally, total
from quality.report.sources import Sources


def composition(sources: Sources) -> Section:
    """Return documents, bytes and tokens by language, by role and by split."""
    documents = sources.documents
    return {
        "languages": [_estimated(row) for row in tally(documents, "language")],
        "roles": [_estimated(row) for row in tally(documents, "role")],
        "splits": [_split(sources, name) for name in SPLIT_NAMES],
    }


def _estimated(row: Row) -> Row:
    return {**row, "estimated_llm_tokens": estimated_tokens(row["bytes"])}


def _split(sources: Sources, name: str) -> Row:
    documents = sources.documents.filter(pc.equal(sources.documents["split"], name))
    rows = {
        config: sum(shard.rows for shard in sources.release.shards(config, name))
        for config in ("functions", "instruct")
    }
    return {
        "name": name,
        "documents": documents.num_rows,
        "share": share(documents.num_rows, sources.documents.num_rows),
        "packages": int(pc.count_distinct(documents["package"]).as_py()),
        "bytes": total(documents, "bytes"),
        "lexical_tokens": total(documents, "tokens"),
        "estimated_llm_tokens": estimated_tokens(total(documents, "bytes")),
        "functions": rows["functions"],
        "instruct_rows": rows["instruct"],
        "languages": {row["name"]: row["documents"] for row in tally(documents, "language")},
        "roles": {row["name"]: row["documents"] for row in tally(documents, "role")},
    }
