"""From the values of a report to one self-contained page: equal values give equal bytes.

Style, table and number formats are those of the quality report, so that both read alike.
"""

import re
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Any

from markupsafe import Markup, escape

from quality import templating
from quality.report import charts
from train.report import drawing, formats


def render(report: Mapping[str, Any]) -> bytes:
    """Render the page from the values that `train.report.compose` returns."""
    page: str = _environment().get_template("run.html.j2").render(**report)
    return f"{page.strip()}\n".encode()


@cache
def _environment() -> Any:
    environment = templating.environment("train.report", html=True)
    environment.filters |= {
        "loss": formats.loss,
        "change": formats.change,
        "scientific": formats.scientific,
        "duration": formats.duration,
        "measure": formats.measure,
        "difference": formats.difference,
        "breakable": breakable,
    }
    environment.globals |= {
        "style": Markup(_style("quality.report") + _style("train.report")),
        "bar": lambda share, title: Markup(charts.bar([(share, "a")], title)),
        "lines": lambda chart: Markup(drawing.lines(chart)),
        "interval": interval,
    }
    return environment


def breakable(name: str) -> Markup:
    """Let a name of several parts go on in the next line after any of them."""
    return Markup(re.sub(r"([_.])(?=.)", r"\1<wbr>", str(escape(name))))


def interval(told: Mapping[str, Any], scale: Mapping[str, float], title: str, kind: str) -> Markup:
    """Draw a value of an evaluation with its interval, if it has one, on a scale."""

    def place(value: float) -> float:
        return (value - scale["low"]) / (scale["high"] - scale["low"])

    value = told["value"]
    low, high = (value if told[end] is None else told[end] for end in ("low", "high"))
    return Markup(drawing.interval(place(low), place(value), place(high), title, kind))


def _style(package: str) -> str:
    return files(package).joinpath("templates/style.css").read_text(encoding="utf-8")
