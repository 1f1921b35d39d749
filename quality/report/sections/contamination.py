"""Whether benchmarks stand in the corpus."""

from quality.report.figures import Section


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
