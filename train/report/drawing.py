"""Lines and intervals as inline SVG, in the manner of the quality report: shapes without text."""

from collections.abc import Mapping, Sequence
from typing import Any

from quality.report.charts import WIDTH, drawing, number, rectangle

HEIGHT = 220
ROW = 14
"""Height of a drawing that stands in a table's row."""
DOTTED = "held-"
"""What kinds of series begin with whose points are few and measured one by one."""


def lines(chart: Mapping[str, Any]) -> str:
    """Draw the series of a chart over its grid; the border between two stages is a dashed line."""
    body = "".join(
        rectangle(0, HEIGHT * (1 - tick["place"] / 100), WIDTH, 0.6, "grid") for tick in chart["y"]
    )
    if chart["border"] is not None:
        x = number(chart["border"] * WIDTH)
        body += f'<line x1="{x}" y1="0" x2="{x}" y2="{HEIGHT}" class="diagonal"/>'
    body += "".join(_series(each["kind"], each["points"]) for each in chart["series"])
    base = rectangle(0, HEIGHT - 0.8, WIDTH, 0.8, "axis")
    named = dict.fromkeys(each["name"] for each in chart["series"] if each["name"] != chart["name"])
    title = f"{chart['name']}: {', '.join(named)}" if named else chart["name"]
    return drawing(title, body + base, HEIGHT, "lines")


def interval(low: float, value: float, high: float, title: str, kind: str) -> str:
    """Draw a value with its interval, all three as shares of the width."""
    left, at, right = (number(share * WIDTH) for share in (low, value, high))
    middle = number(ROW / 2)
    body = rectangle(0, ROW / 2 - 0.4, WIDTH, 0.8, "grid")
    body += f'<path d="M{left},{middle}H{right}" class="whisker {kind}"/>'
    body += f'<path d="M{at},{middle}h0" class="dot {kind}"/>'
    return drawing(title, body, ROW, "interval")


def _series(kind: str, points: Sequence[tuple[float, float]]) -> str:
    placed = [f"{number(x * WIDTH)},{number(HEIGHT * (1 - y))}" for x, y in points]
    drawn = f'<polyline points="{" ".join(placed)}" class="{kind}"/>' if len(placed) > 1 else ""
    if kind.startswith(DOTTED) or len(placed) == 1:
        drawn += "".join(f'<path d="M{place}h0" class="dot {kind}"/>' for place in placed)
    return drawn
