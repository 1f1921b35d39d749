"""The known limits of the data, what was not measured, and how authors opt out."""

from corpus.reasons import Reason
from quality.report.figures import Section
from quality.report.sources import Sources


def limits(sources: Sources) -> Section:
    """Return the known limits and the way out, as sentences, and how much was opted out."""
    manifest = sources.release.manifest
    reason = Reason.OPTED_OUT.value
    return {
        "opted_out": {
            "archives": manifest.archives_rejected.get(reason, 0),
            "files": sum(stage.reasons.get(reason, 0) for stage in manifest.stages),
        },
        "known": [
            "Token counts for language models are estimates from bytes; count with your tokenizer.",
            "Behaviours are those that stand in the module itself; those that a `use` brings in "
            "from another module or package are not followed yet.",
            "Functions and behaviours that macros generate are not visible in source; about a "
            "third of what Elixir modules export is of that kind.",
            "Licence evidence speaks of the package. A file that names another licence in its own "
            "header is not told apart.",
            "E-mail addresses, secrets and other personal data are not redacted in this version; "
            "only encoded and other data is cut out.",
            "Instruction rows are derived from documentation; they were parsed and not executed "
            "unless a row says so.",
        ],
        "opt_out": (
            "Authors who want their code out of future releases: open a discussion where this "
            "dataset is published and name the package, the package and path, or the SHA-256 of a "
            "file. The next version is built with that name among its exclusions: it leaves the "
            "file out, with the copies that other packages have of it, and its rejects say "
            "`opted_out` with the reason. Versions already published stay traceable by their "
            "digests."
        ),
    }


def contamination() -> Section:
    """Say plainly that nobody looked yet."""
    return {
        "measured": False,
        "statement": (
            "Overlap with public benchmarks was not measured in this version. Do not report scores "
            "on benchmarks that contain Elixir (MultiPL-E, McEval, the Exercism track, "
            "AutoCodeBench) as uncontaminated without a check of your own."
        ),
    }
