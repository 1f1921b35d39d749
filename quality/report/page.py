"""Rendering of report.json as one self-contained page. The same values give the same bytes."""

from collections.abc import Iterable, Mapping, Sequence
from typing import TypedDict

from markupsafe import Markup

from corpus.comparison import CAUSES, MOVES
from pages import charts, frame
from quality.report.figures import Bin, Files, Point, share
from quality.report.highlighting import excerpt, highlight
from quality.report.published import Report


class Tick(TypedDict):
    """A mark on an axis: its position in percent, and its value."""

    place: float
    at: float


class Step(TypedDict):
    """The files rejected for one reason; `start` and `part` are shares of the files seen."""

    stage: str
    reason: str
    count: int
    bytes: int
    start: float
    part: float


def render(report: Report) -> bytes:
    """Render the page from the values of report.json."""
    environment = frame.environment("quality.report", html=True)
    environment.filters |= {
        "code": highlight,
        "excerpt": lambda text: excerpt(text)["excerpt"],
    }
    environment.globals |= {
        "style": frame.style(),
        "bar": _bar,
        "causes": CAUSES,
        "columns": _columns,
        "curve": _curve,
        "waterfall": waterfall,
        "most": _most,
        "moves": MOVES,
        "ticks": ticks,
    }
    page: str = environment.get_template("report.html.j2").render(**report)
    return f"{page.strip()}\n".encode()


def _bar(parts: Sequence[tuple[float, str]], title: str, start: float = 0) -> Markup:
    return Markup(charts.bar(parts, title, start))


def _columns(rows: Sequence[Bin], title: str, kind: str = "a") -> Markup:
    return Markup(charts.columns([row["count"] for row in rows], title, kind))


def _curve(rows: Sequence[Point], title: str) -> Markup:
    return Markup(charts.curve([(row["packages"], row["bytes"]) for row in rows], title))


def _most(rows: Iterable[Mapping[str, float]], key: str) -> float:
    return max((row[key] for row in rows), default=0) or 1


def ticks(rows: Sequence[Bin]) -> list[Tick]:
    """Choose about four lower edges of a histogram, and its end, with positions in percent."""
    step = -(-len(rows) // 4)
    chosen = [place for place in range(0, len(rows), step) if len(rows) - place > 0.2 * len(rows)]
    edges = [Tick(place=round(100 * at / len(rows), 2), at=rows[at]["from"]) for at in chosen]
    return [*edges, Tick(place=100, at=rows[-1]["to"])]


def waterfall(files: Files) -> list[Step]:
    """Return the steps from files seen to documents: each reason removes its part from the end."""
    seen = files["seen"]
    steps: list[Step] = []
    left = seen
    for stage in files["stages"]:
        for item in stage["reasons"]:
            left -= item["count"]
            steps.append(
                {
                    "stage": stage["stage"],
                    "reason": item["reason"],
                    "count": item["count"],
                    "bytes": files["rejected_bytes"].get(item["reason"], 0),
                    "start": share(left, seen),
                    "part": share(item["count"], seen),
                }
            )
    return steps
