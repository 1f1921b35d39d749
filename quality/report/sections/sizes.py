"""How long documents are, and how many fit the context of a model."""

import numpy as np

from quality.report.figures import BYTES_PER_TOKEN, Numbers, Row, Section, distribution, share
from quality.report.sources import Sources

CONTEXTS = (1024, 2048, 4096, 8192, 16384, 32768, 131072)
"""Tokens; the last is what Devstral Small was made for."""


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
