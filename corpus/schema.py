"""The Arrow schemas of every table that crosses a stage or leaves in a release."""

import pyarrow as pa

REQUIREMENT = pa.struct(
    [("name", pa.string()), ("requirement", pa.string()), ("optional", pa.bool_())]
)
LINK = pa.struct([("name", pa.string()), ("url", pa.string())])
LICENSE_TEXT = pa.struct([("path", pa.string()), ("text", pa.string())])

ARCHIVES = pa.schema(
    [
        ("source", pa.string()),
        ("name", pa.string()),
        ("version", pa.string()),
        ("url", pa.string()),
        ("sha256", pa.string()),
        ("bytes", pa.int64()),
        ("licenses", pa.list_(pa.string())),
        ("requirements", pa.list_(REQUIREMENT)),
        ("links", pa.list_(LINK)),
        ("published_at", pa.string()),
        ("retirement", pa.string()),
        ("advisories", pa.list_(pa.string())),
        ("fetched_at", pa.string()),
    ]
)
"""Index of the archive store, one row an archive. `licenses` as found; times are ISO 8601 UTC."""

BEHAVIOUR = pa.struct(
    [("name", pa.string()), ("evidence", pa.string()), ("confidence", pa.float32())]
)
MODULE = pa.struct(
    [
        ("name", pa.string()),
        ("kind", pa.string()),
        ("start_line", pa.int32()),
        ("end_line", pa.int32()),
        ("doc", pa.string()),
        ("doc_kind", pa.string()),
        ("uses", pa.list_(pa.string())),
        ("behaviours", pa.list_(BEHAVIOUR)),
        (
            "types",
            pa.list_(
                pa.struct(
                    [
                        ("name", pa.string()),
                        ("arity", pa.int32()),
                        ("kind", pa.string()),
                        ("line", pa.int32()),
                    ]
                )
            ),
        ),
        (
            "callbacks",
            pa.list_(
                pa.struct(
                    [
                        ("name", pa.string()),
                        ("arity", pa.int32()),
                        ("kind", pa.string()),
                        ("optional", pa.bool_()),
                        ("line", pa.int32()),
                    ]
                )
            ),
        ),
        ("exports", pa.list_(pa.struct([("name", pa.string()), ("arity", pa.int32())]))),
    ]
)
REDACTION = pa.struct([("rule", pa.string()), ("start", pa.int64()), ("end", pa.int64())])
"""`start` and `end` are byte offsets into the original file, half open."""

IDENTITY: list[tuple[str, pa.DataType]] = [
    ("document_id", pa.string()),
    ("content_id", pa.string()),
    ("source", pa.string()),
    ("package", pa.string()),
    ("version", pa.string()),
    ("archive_sha256", pa.string()),
    ("path", pa.string()),
]
"""What says where a file came from; the same columns in documents, rejects and fingerprints."""

EXTRACTED = pa.schema(
    [
        *IDENTITY,
        ("language", pa.string()),
        ("role", pa.string()),
        ("text", pa.large_string()),
        ("bytes", pa.int64()),
        ("lines", pa.int32()),
        ("tokens", pa.int32()),
        ("license_expression", pa.string()),
        ("license_evidence", pa.string()),
        ("modules", pa.list_(MODULE)),
        ("parse_errors", pa.int32()),
        ("median_line_length", pa.float32()),
        ("longest_line", pa.int32()),
        ("comment_fraction", pa.float32()),
        ("public_functions", pa.int32()),
        ("documented_functions", pa.int32()),
        ("specified_functions", pa.int32()),
        ("redactions", pa.list_(REDACTION)),
    ]
)
"""Documents as ingest leaves them, before clusters and splits are known.

`tokens` counts lexical tokens of the code without comments and documentation. `bytes` and
`lines` describe `text`; `content_id` is the SHA-256 of the original bytes.
"""

DOCUMENTS = pa.schema([*EXTRACTED, ("cluster_id", pa.string()), ("split", pa.string())])
"""Documents as a release holds them."""

CLAUSE = pa.struct(
    [
        ("start_line", pa.int32()),
        ("end_line", pa.int32()),
        ("start_byte", pa.int64()),
        ("end_byte", pa.int64()),
        ("guard", pa.string()),
    ]
)
FUNCTIONS = pa.schema(
    [
        ("document_id", pa.string()),
        ("module", pa.string()),
        ("name", pa.string()),
        ("arity", pa.int32()),
        ("defaults", pa.int32()),
        ("kind", pa.string()),
        ("clauses", pa.list_(CLAUSE)),
        ("doc", pa.string()),
        ("doc_kind", pa.string()),
        ("specs", pa.list_(pa.string())),
        ("impl", pa.string()),
    ]
)
"""One row a function; clause offsets are into the document's `text` in UTF-8."""

REJECTS = pa.schema(
    [
        *IDENTITY,
        ("bytes", pa.int64()),
        ("stage", pa.string()),
        ("reason", pa.string()),
        ("detail", pa.string()),
        ("representative_id", pa.string()),
    ]
)
"""One row a rejected file; an empty `path` means the archive as a whole.

`representative_id` is the document_id that stands for a dropped duplicate.
"""

PERMUTATIONS = 128
"""Numbers in a MinHash signature."""

FINGERPRINTS = pa.schema(
    [
        *IDENTITY,
        ("bytes", pa.int64()),
        ("role", pa.string()),
        ("license_evidence", pa.string()),
        ("normalized_id", pa.string()),
        ("shingles", pa.list_(pa.uint64())),
        ("signature", pa.binary(4 * PERMUTATIONS)),
    ]
)
"""What deduplication sees of a document.

`normalized_id` digests the normalised token sequence; `shingles` are sorted, unique hashes;
`signature` is PERMUTATIONS little-endian uint32 minima.
"""

READ_ARCHIVES = pa.schema(
    [
        ("source", pa.string()),
        ("package", pa.string()),
        ("version", pa.string()),
        ("sha256", pa.string()),
        ("url", pa.string()),
        ("license_expression", pa.string()),
        ("license_evidence", pa.string()),
        ("license_reason", pa.string()),
        ("copyright", pa.list_(pa.string())),
        ("license_texts", pa.list_(LICENSE_TEXT)),
        ("links", pa.list_(LINK)),
        ("files_seen", pa.int64()),
        ("failure", pa.string()),
    ]
)
"""One row an archive that ingest read.

`license_reason` is set when its licence is not permitted, `failure` when it could not be opened.
"""

KEPT = pa.schema(
    [
        ("document_id", pa.string()),
        ("content_id", pa.string()),
        ("bytes", pa.int64()),
        ("cluster_id", pa.string()),
        ("split", pa.string()),
    ]
)
"""One row a document that stays in the release."""

CLUSTERS = pa.schema(
    [
        ("document_id", pa.string()),
        ("cluster_id", pa.string()),
        ("representative_id", pa.string()),
        ("relation", pa.string()),
        ("similarity", pa.float32()),
    ]
)
"""One row a document. `relation` is "representative", "exact" or "near".

`similarity` is the exact Jaccard similarity to the representative (1 for exact duplicates).
"""

SPLITS = pa.schema([("package", pa.string()), ("family", pa.string()), ("split", pa.string())])
"""One row a package."""

MESSAGE = pa.struct([("role", pa.string()), ("content", pa.string())])
INSTRUCT = pa.schema(
    [
        ("id", pa.string()),
        ("kind", pa.string()),
        ("messages", pa.list_(MESSAGE)),
        ("document_ids", pa.list_(pa.string())),
        ("license_expression", pa.string()),
        ("verification", pa.string()),
        ("toolchain", pa.string()),
        ("split", pa.string()),
    ]
)
"""Instruction rows; `verification` is none, parsed, compiled or executed."""

ATTRIBUTION = pa.schema(
    [
        ("source", pa.string()),
        ("package", pa.string()),
        ("version", pa.string()),
        ("url", pa.string()),
        ("sha256", pa.string()),
        ("license_expression", pa.string()),
        ("license_evidence", pa.string()),
        ("copyright", pa.list_(pa.string())),
        ("license_texts", pa.list_(LICENSE_TEXT)),
        ("links", pa.list_(LINK)),
        ("documents", pa.int64()),
    ]
)
"""One row an archive that contributed; `copyright` lines as they stand in its licence files."""

SPLIT_NAMES = ("train", "validation", "test")
