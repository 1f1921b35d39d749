"""Small charts as inline SVG: shapes only, drawn to any width; labels are text in the page.

Text inside a scaled drawing becomes unreadable on a phone, so there is none. Every chart gets a
`<title>` for those who hear the page. Colours are classes of the style sheet, light and dark.
"""

from collections.abc import Sequence
from html import escape

WIDTH, HEIGHT = 600, 150
GAP = 0.14
"""Share of a column that is left blank."""


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


def curve(points: Sequence[tuple[float, float]], title: str) -> str:
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
