"""Small charts as inline SVG: shapes only, drawn to any width; labels are text in the page.

Text inside a scaled drawing becomes unreadable on a phone, so there is none. Every chart gets a
`<title>` for those who hear the page. Colours are classes of the style sheet, light and dark.

They are our own, since plotting libraries draw labels into the picture or need a script, and their
bytes change with version and fonts; a report's bytes follow from its release.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import TypedDict

WIDTH, HEIGHT = 600, 150
GAP = 0.14
"""Share of a column that is left blank."""


LINES_HEIGHT = 220
ROW = 14
"""Height of a drawing that stands in a table's row."""
DOTTED = "held-"
"""What kinds of series begin with whose points are few and measured one by one."""
NARROW, TINY = 1e-9, 1e-300
"""A range below these, relative and absolute, is one value: floats have no ticks within it."""

Points = Sequence[tuple[float, float]]


def number(value: float) -> str:
    """Write a coordinate: two decimals at most, none that are zero."""
    return f"{value:.2f}".rstrip("0").rstrip(".")


def drawing(title: str, body: str, height: float, kind: str) -> str:
    """Wrap shapes in an SVG element that fills the width it is given."""
    return (
        f'<svg class="{kind}" viewBox="0 0 {WIDTH} {number(height)}" preserveAspectRatio="none" '
        f'role="img" aria-label="{escape(title)}"><title>{escape(title)}</title>{body}</svg>'
    )


def rectangle(x: float, y: float, width: float, height: float, kind: str) -> str:
    """Draw one rectangle."""
    place = " ".join(
        f'{name}="{number(value)}"'
        for name, value in {"x": x, "y": y, "width": width, "height": height}.items()
    )
    return f'<rect {place} class="{kind}"/>'


def columns(counts: Sequence[float], title: str, kind: str = "a") -> str:
    """Draw a histogram; a count that is not zero is always visible."""
    most = max(counts, default=0) or 1
    step = WIDTH / max(len(counts), 1)
    grid = "".join(rectangle(0, HEIGHT * line / 4, WIDTH, 0.6, "grid") for line in range(4))
    bars = "".join(
        rectangle(step * (place + GAP / 2), HEIGHT - tall, step * (1 - GAP), tall, kind)
        for place, count in enumerate(counts)
        if (tall := max(HEIGHT * count / most, 1.5) if count else 0)
    )
    base = rectangle(0, HEIGHT - 0.8, WIDTH, 0.8, "axis")
    return drawing(title, grid + bars + base, HEIGHT, "columns")


def bar(parts: Sequence[tuple[float, str]], title: str, start: float = 0) -> str:
    """Draw parts of a whole side by side, as shares of the width with a class each."""
    body = rectangle(0, 0, WIDTH, 12, "track")
    place = start
    for part, kind in parts:
        wide = max(part * WIDTH, 1.5) if part > 0 else 0
        left = min(place * WIDTH, WIDTH - wide)
        body += rectangle(left, 0, wide, 12, kind) if wide else ""
        place += part
    return drawing(title, body, 12, "bar")


def curve(points: Points, title: str) -> str:
    """Draw a curve from (0, 0) to (1, 1) over the diagonal, with the area between them."""
    side = HEIGHT * 1.6
    placed = [(x * WIDTH, side * (1 - y)) for x, y in points]
    path = " ".join(f"{number(x)},{number(y)}" for x, y in placed)
    grid = "".join(rectangle(0, side * line / 4, WIDTH, 0.6, "grid") for line in range(4))
    body = (
        f'{grid}<polygon points="0,{number(side)} {path} {WIDTH},0" class="area"/>'
        f'<line x1="0" y1="{number(side)}" x2="{WIDTH}" y2="0" class="diagonal"/>'
        f'<polyline points="{path}" class="line"/>' + rectangle(0, side - 0.8, WIDTH, 0.8, "axis")
    )
    return drawing(title, body, side, "curve")


class Tick(TypedDict):
    """A mark on an axis, and where it stands in percent."""

    place: float
    text: str


class Series(TypedDict):
    """A line of a chart: its class in the style sheet, its name, points as shares of both axes."""

    kind: str
    name: str
    points: Points


class LineChart(TypedDict):
    """Lines over steps; the border between two stages is a share of the width."""

    name: str
    unit: str
    stage: int | None
    series: list[Series]
    x: list[Tick]
    y: list[Tick]
    border: float | None


def lines(chart: LineChart) -> str:
    """Draw the series of a chart over its grid; the border between two stages is a dashed line."""
    body = "".join(
        rectangle(0, LINES_HEIGHT * (1 - tick["place"] / 100), WIDTH, 0.6, "grid")
        for tick in chart["y"]
    )
    if chart["border"] is not None:
        x = number(chart["border"] * WIDTH)
        body += f'<line x1="{x}" y1="0" x2="{x}" y2="{LINES_HEIGHT}" class="diagonal"/>'
    body += "".join(_series(each["kind"], each["points"]) for each in chart["series"])
    base = rectangle(0, LINES_HEIGHT - 0.8, WIDTH, 0.8, "axis")
    named = dict.fromkeys(each["name"] for each in chart["series"] if each["name"] != chart["name"])
    title = f"{chart['name']}: {', '.join(named)}" if named else chart["name"]
    return drawing(title, body + base, LINES_HEIGHT, "lines")


def interval(low: float, value: float, high: float, title: str, kind: str) -> str:
    """Draw a value with its interval, all three as shares of the width."""
    left, at, right = (number(share * WIDTH) for share in (low, value, high))
    middle = number(ROW / 2)
    body = rectangle(0, ROW / 2 - 0.4, WIDTH, 0.8, "grid")
    body += f'<path d="M{left},{middle}H{right}" class="whisker {kind}"/>'
    body += f'<path d="M{at},{middle}h0" class="dot {kind}"/>'
    return drawing(title, body, ROW, "interval")


def _series(kind: str, points: Points) -> str:
    placed = [f"{number(x * WIDTH)},{number(LINES_HEIGHT * (1 - y))}" for x, y in points]
    drawn = f'<polyline points="{" ".join(placed)}" class="{kind}"/>' if len(placed) > 1 else ""
    if kind.startswith(DOTTED) or len(placed) == 1:
        drawn += "".join(f'<path d="M{place}h0" class="dot {kind}"/>' for place in placed)
    return drawn


@dataclass(frozen=True, slots=True)
class Axis:
    """A range of values, and where its ticks stand, as shares of it."""

    low: float
    high: float
    ticks: list[Tick]

    def place(self, value: float) -> float:
        """Return where a value stands: 0 at the low end, 1 at the high one."""
        return (value - self.low) / (self.high - self.low)


def axis(
    values: Sequence[float], ticks: int = 4, *, from_zero: bool = False, is_tight: bool = False
) -> Axis:
    """Return an axis that all values fit on, with about so many ticks.

    It ends on ticks; a tight one ends with the values. Ticks are 1, 2 or 5 times a power of ten
    apart.
    """
    low = 0.0 if from_zero else min(values, default=0.0)
    high = max([*values, low], default=1.0)
    if high - low <= max(abs(low), abs(high)) * NARROW + TINY:
        high = low + (abs(low) if abs(low) > TINY else 1.0)
    step = round_step((high - low) / ticks)
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    if is_tight:
        last = math.floor(high / step + 1e-9)
    else:
        low, high = first * step, last * step
    numbers = [number * step for number in range(first, last + 1)]
    placed: list[Tick] = [
        {"place": round(100 * (number - low) / (high - low), 2), "text": written(number, step)}
        for number in numbers
    ]
    return Axis(low, high, placed)


def round_step(wanted: float) -> float:
    """Return the smallest of 1, 2 and 5 times a power of ten that is not below what is wanted."""
    power = 10.0 ** math.floor(math.log10(wanted))
    return next(power * factor for factor in (1, 2, 5, 10) if power * factor >= wanted * 0.999)


def written(value: float, step: float) -> str:
    """Write a tick with as many digits as tell it from its neighbours."""
    if value == 0:
        return "0"
    if abs(step) < 1e-3:
        mantissa, exponent = f"{value:.1e}".split("e")
        return f"{mantissa.removesuffix('.0')}e{int(exponent)}"
    digits = max(0, -math.floor(math.log10(step) + 1e-9))
    return f"{value:,.{digits}f}"
