"""Jinja as all pages and cards use it, and the frame that both reports stand in.

A page's template extends `frame.html.j2` and fills its blocks; equal values give equal bytes.
"""

import re
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING

from markupsafe import Markup, escape

from pages import formats

if TYPE_CHECKING:
    from jinja2 import Environment


@cache
def environment(package: str, *, html: bool) -> "Environment":
    """Return the environment of a package's folder `templates`, with our formats of numbers.

    Values are escaped in HTML and left as they are in Markdown; an unknown one is an error. It is
    one for each package, to which that adds what its own templates use.
    """
    from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined

    made = Environment(
        loader=ChoiceLoader([PackageLoader(each, "templates") for each in (package, "pages")]),
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
        "signed": formats.signed,
        "loss": formats.loss,
        "change": formats.change,
        "scientific": formats.scientific,
        "duration": formats.duration,
        "measure": formats.measure,
        "difference": formats.difference,
        "ticked": ticked,
        "breakable": breakable,
        "cell": cell,
        "fenced": fenced,
        "yaml": yaml_block,
    }
    return made


def style(*packages: str) -> Markup:
    """Return the style sheet of all pages, and those of packages behind it."""
    sheets = (
        files(each).joinpath("templates/style.css").read_text(encoding="utf-8")
        for each in ("pages", *packages)
    )
    return Markup("".join(sheets))


def ticked(text: str) -> Markup:
    """Turn `code` in backticks into HTML."""
    escaped = str(escape(text))
    return Markup(re.sub(r"`([^`]+)`", r"<code>\1</code>", escaped))


def breakable(name: str) -> Markup:
    """Let a name of several parts go on in the next line after any of them."""
    return Markup(re.sub(r"([_.])(?=.)", r"\1<wbr>", str(escape(name))))


def cell(text: object) -> str:
    """Write a text so that it stays in its cell of a Markdown table."""
    return str(text).replace("\\", "\\\\").replace("|", "\\|").replace("\n", " ")


def fenced(text: str) -> str:
    """Write a text as a block of code in Markdown, whatever fences it has itself."""
    longest = max((len(each) for each in re.findall("`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}text\n{text}\n{fence}"


def yaml_block(values: Mapping[str, object]) -> str:
    """Write values as the front matter of a card, without its fences, in their order."""
    import yaml

    text: str = yaml.safe_dump(
        values, sort_keys=False, allow_unicode=True, default_flow_style=False, width=100
    )
    return text
