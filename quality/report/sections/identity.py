"""Which release this is, what it was made from, and the figures that people ask for first."""

import hashlib

import pyarrow.compute as pc

from corpus.provenance import digest_of
from corpus.release import Release
from quality.report.figures import Section, estimated_tokens, share, total
from quality.report.sources import Sources


def identity(sources: Sources) -> Section:
    """Return version, digests and tools.

    The identity of the release itself, the digest of its manifest, cannot stand here: the manifest
    holds this report's digest. `content_digest` stands for the data: it digests the shards.
    """
    manifest = sources.release.manifest
    parent = manifest.parent
    return {
        "version": manifest.version,
        "build_digest": manifest.build_digest,
        "content_digest": content_digest(sources.release),
        "config_digest": manifest.config_digest,
        "inputs_digest": digest_of([item.sha256 for item in manifest.inputs]),
        "code": {
            "version": manifest.code_version,
            "commit": manifest.code_commit,
            "digest": manifest.code_digest,
        },
        "tools": manifest.tools,
        "parent": None if parent is None else {"version": parent.version, "id": parent.identity},
    }


def content_digest(release: Release) -> str:
    """Digest the paths and SHA-256 of all shards, one a line, as `sha256sum` would list them."""
    lines = [f"{shard.sha256}  {shard.path}\n" for shard in release.manifest.shards]
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def summary(sources: Sources) -> Section:
    """Return the headline figures."""
    documents, manifest = sources.documents, sources.release.manifest
    size = total(documents, "bytes")
    packages = int(pc.count_distinct(documents["package"]).as_py())
    rows = {
        name: sum(shard.rows for shard in sources.release.shards(name))
        for name in ("functions", "instruct")
    }
    return {
        "documents": documents.num_rows,
        "packages": packages,
        "archives_seen": manifest.archives_seen,
        "files_seen": manifest.files_seen,
        "kept_share": share(documents.num_rows, manifest.files_seen),
        "bytes": size,
        "lines": total(documents, "lines"),
        "lexical_tokens": total(documents, "tokens"),
        "estimated_llm_tokens": estimated_tokens(size),
        "functions": rows["functions"],
        "instruct_rows": rows["instruct"],
    }
