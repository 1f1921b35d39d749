"""Jinja as all pages and cards of the project use it."""

from typing import Any


def environment(package: str, *, html: bool) -> Any:
    """Return the environment of a package's folder `templates`, with our formats of numbers.

    Values are escaped in HTML and left as they are in Markdown; an unknown one is an error.
    """
    from jinja2 import Environment, PackageLoader, StrictUndefined

    from quality.report import formats

    made = Environment(
        loader=PackageLoader(package, "templates"),
        autoescape=html,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters |= {
        "n": formats.whole,
        "compact": formats.compact,
        "pct": formats.percent,
        "size": formats.size,
        "words": formats.words,
        "plural": formats.plural,
    }
    return made
