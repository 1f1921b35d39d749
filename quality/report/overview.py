"""The identity of a release, its headline figures, the gate's verdict and known limits."""

import hashlib
from collections import Counter

import pyarrow.compute as pc

from corpus.provenance import digest_of
from corpus.reasons import Reason
from corpus.release import Release
from quality.report.figures import Section, estimated_tokens, share, total
from quality.report.published import Identity, Limits, Summary
from quality.report.sources import Sources
from quality.verdict import GateVerdict, Outcome


def identity(sources: Sources) -> Identity:
    """Return the version, digests and tools.

    The identity of the release is the digest of its manifest. It cannot be in the report, because
    the manifest contains the report's digest. `content_digest` is the digest of all shards.
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
    """Digest the paths and SHA-256 of all shards, one per line, in the format of `sha256sum`."""
    lines = [f"{shard.sha256}  {shard.path}\n" for shard in release.manifest.shards]
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def summary(sources: Sources) -> Summary:
    """Return the headline figures."""
    documents, manifest = sources.documents, sources.release.manifest
    size = total(documents, "bytes")
    packages = int(pc.count_distinct(documents["package"]).as_py())
    return {
        "documents": total(documents, "rows"),
        "packages": packages,
        "archives_seen": manifest.archives_seen,
        "files_seen": manifest.files_seen,
        "kept_share": share(total(documents, "rows"), manifest.files_seen),
        "bytes": size,
        "lines": total(documents, "lines"),
        "lexical_tokens": total(documents, "tokens"),
        "estimated_llm_tokens": estimated_tokens(size),
        "functions": sources.rows("functions"),
        "instruct_rows": sources.rows("instruct"),
    }


def gate(verdict: GateVerdict | None) -> Section | None:
    """Return the verdict with a count of outcomes, or None if the gate did not run."""
    if verdict is None:
        return None
    counts = Counter(check.outcome.value for check in verdict.checks)
    return {**verdict.to_json(), "counts": {name.value: counts[name.value] for name in Outcome}}


def limits(sources: Sources) -> Limits:
    """Return the known limits and how to opt out, as sentences, and how much was opted out."""
    manifest = sources.release.manifest
    reason = Reason.OPTED_OUT.value
    withdrawn = (Reason.RETIRED, Reason.DEPRECATED, Reason.SECURITY_ADVISORY)
    return {
        "withdrawn": {each.value: manifest.archives_rejected.get(each, 0) for each in withdrawn},
        "opted_out": {
            "archives": manifest.archives_rejected.get(reason, 0),
            "files": sum(stage.reasons.get(reason, 0) for stage in manifest.stages),
        },
        "known": [
            "Token counts for language models are estimates from bytes; count with your tokenizer.",
            "Behaviours that a `use` adds are found where the package that defines it is in the "
            "store; the table `modules` tells which uses could not be followed.",
            "Functions and modules that macros generate are not in the source, so they are not "
            "listed. About a third of what Elixir modules export is generated in this way.",
            "The licence of a file is read from tags, annotations, notices and licence files. "
            "`debian/copyright` is not read. Statements in languages other than English are not "
            "read, except for plain denials in German, French and Spanish.",
            "Secrets, private keys, e-mail addresses and public IP addresses are found by rules "
            "and replaced by tags. A password that reads like a word is not recognised. Names of "
            "people, postal addresses and telephone numbers are not looked for.",
            "Instruction rows are derived from documentation. They were parsed but not executed, "
            "unless the column `verification` says otherwise.",
        ],
        "opt_out": (
            "If you are an author and want your code removed from future releases, open a "
            "discussion where this dataset is published. Name the package, the repository, your "
            "account, the package and path, or the SHA-256 or SWHID of a file. The next version "
            "and all later ones exclude it, together with copies in other packages, and list "
            "these files as rejects with the reason `opted_out`. Every release carries the ledger "
            "of removals, so `python -m corpus optout check --package NAME RELEASE` tells what it "
            "holds of a package. Versions that are already published stay traceable by their "
            "digests."
        ),
    }


NOT_COMPARED = (
    "This version was not compared with any benchmark. Check for overlap yourself before you "
    "report scores on benchmarks that contain Elixir (MultiPL-E, McEval, the Exercism track, "
    "AutoCodeBench) as uncontaminated."
)
COMPARED = (
    "Every document was compared with {names} before the kept ones were selected, and those that "
    "hold a problem were left out with the reason `contaminated`. So a score on these benchmarks "
    "does not come from copies in this dataset, as far as the comparison finds them: it misses "
    "solutions that were written differently, and problems that are too short. It says nothing "
    "about what the base model saw before, nor about other benchmarks."
)
MOST_PROBLEMS = 20
"""Problems of a benchmark that are listed."""


def contamination(sources: Sources) -> Section:
    """Return which problems of benchmarks were found, and what scores on them mean."""
    benchmarks = sources.release.manifest.benchmarks
    reason = Reason.CONTAMINATED.value
    stages = sources.release.manifest.stages
    names = [each.name for each in benchmarks if each.compared]
    joined = ", ".join(names[:-1]) + " and " + names[-1] if len(names) > 1 else "".join(names)
    return {
        "measured": bool(benchmarks),
        "statement": COMPARED.format(names=joined) if names else NOT_COMPARED,
        "documents": sum(stage.reasons.get(reason, 0) for stage in stages),
        "benchmarks": [
            {
                "name": each.name,
                "digest": each.digest,
                "files": each.files,
                "problems": each.problems,
                "compared": each.compared,
                "found": len(each.found),
                "found_share": share(len(each.found), each.problems),
                "documents": each.documents,
                "most_copied": [
                    {"problem": name, "documents": count}
                    for name, count in sorted(
                        each.found.items(), key=lambda pair: (-pair[1], pair[0])
                    )[:MOST_PROBLEMS]
                ],
            }
            for each in benchmarks
        ],
    }
