"""Whether benchmarks stand in the corpus."""

from typing import Any


def contamination() -> dict[str, Any]:
    """Say plainly that nobody looked yet."""
    return {
        "measured": False,
        "statement": (
            "Overlap with public benchmarks was not measured in this version. Do not report scores "
            "on benchmarks that contain Elixir (MultiPL-E, McEval, the Exercism track, "
            "AutoCodeBench) as uncontaminated without a check of your own."
        ),
    }
