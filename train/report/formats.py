"""How figures of a run are written for people; whole numbers and bytes are the quality report's."""

from quality.report.formats import UNKNOWN


def loss(value: float | None) -> str:
    """Write a loss or a rate in bits: four digits after the point."""
    return UNKNOWN if value is None else f"{value:.4f}"


def change(share: float | None) -> str:
    """Write by which share something grew or shrank: +1.2%, −13.4%."""
    if share is None:
        return UNKNOWN
    return f"{100 * share:+.1f}%".replace("-", "−")


def scientific(value: float | None) -> str:
    """Write a small number: 2e-5, 1.5e-5, 0."""
    if value is None:
        return UNKNOWN
    mantissa, exponent = f"{value:.2e}".split("e")
    return f"{mantissa.rstrip('0').rstrip('.')}e{int(exponent)}" if value else "0"


def duration(seconds: float | None) -> str:
    """Write a duration in its two largest units: 45 s, 3 min 20 s, 5 h 12 min, 2 d 4 h."""
    if seconds is None:
        return UNKNOWN
    left = round(seconds)
    if left < 60:
        return f"{left} s"
    for size, name, part, small in ((86400, "d", 3600, "h"), (3600, "h", 60, "min")):
        if left >= size:
            return f"{left // size} {name} {left % size // part} {small}"
    return f"{left // 60} min {left % 60} s"


def measure(value: float | None, unit: str | None) -> str:
    """Write a figure of an evaluation: shares as percent, bits and losses with their digits."""
    if value is None:
        return UNKNOWN
    if unit == "share":
        return f"{100 * value:.1f}%".replace("-", "−")
    return f"{value:.4f}".replace("-", "−")


def difference(value: float | None, unit: str | None) -> str:
    """Write by how much two figures of an evaluation differ; shares in percentage points."""
    if value is None:
        return UNKNOWN
    text = f"{100 * value:+.1f}" if unit == "share" else f"{value:+.4f}"
    return text.replace("-", "−")
