"""What the documents are: languages, roles, splits and how these mix; how long they are, and how
many fit the context of a model.
"""

import numpy as np
import pyarrow.compute as pc

from corpus.tables import SPLIT_NAMES
from quality.report.figures import (
    BYTES_PER_TOKEN,
    Numbers,
    Row,
    Section,
    distribution,
    estimated_tokens,
    share,
    tally,
    total,
)
from quality.report.sources import Sources

CONTEXTS = (1024, 2048, 4096, 8192, 16384, 32768, 131072)
"""Tokens; the last is what Devstral Small was made for."""


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


def sizes(sources: Sources) -> Section:
    """Return the distributions of bytes, lines and tokens, and what fits which context."""
    documents = sources.documents
    values = {name: documents[name].to_numpy() for name in ("bytes", "lines", "tokens")}
    estimated = np.rint(values["bytes"] / BYTES_PER_TOKEN).astype(np.int64)
    return {
        "bytes": distribution(values["bytes"]),
        "lines": distribution(values["lines"]),
        "lexical_tokens": distribution(values["tokens"]),
        "estimated_llm_tokens": distribution(estimated),
        "bytes_per_token": BYTES_PER_TOKEN,
        "contexts": [_fit(estimated, context) for context in CONTEXTS],
    }


def _fit(tokens: Numbers, context: int) -> Row:
    """Count documents that fit whole, and the tokens that stand within the first `context`."""
    return {
        "context": context,
        "documents": int((tokens <= context).sum()),
        "documents_share": share(int((tokens <= context).sum()), len(tokens)),
        "tokens_share": share(int(np.minimum(tokens, context).sum()), int(tokens.sum())),
    }
