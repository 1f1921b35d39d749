"""How numbers and names are written for people, in reports and in cards."""

SIZES = ("B", "kB", "MB", "GB", "TB")
SCALES = ((1e12, "T"), (1e9, "B"), (1e6, "M"), (1e3, "k"))
UNKNOWN = "–"


def whole(value: float | None) -> str:
    """Write a whole number with commas: 12,345."""
    return UNKNOWN if value is None else f"{value:,.0f}"


def compact(value: float) -> str:
    """Write a number in three digits or so: 940, 1.2k, 31M, 4.1B."""
    for scale, name in SCALES:
        if abs(value) >= scale * 0.9995:
            scaled = value / scale
            return f"{scaled:.0f}{name}" if abs(scaled) >= 99.5 else f"{scaled:.3g}{name}"
    return f"{value:.0f}"


def percent(share: float | None) -> str:
    """Write a share: 12%, 3.4%, under 0.1%; never 0% or 100% for what is not."""
    if share is None:
        return UNKNOWN
    if share in (0, 1):
        return f"{share:.0%}"
    if share < 0.001:
        return "<0.1%"
    if share > 0.999:
        return ">99.9%"
    return f"{share:.1%}" if share < 0.1 or share > 0.99 else f"{share:.0%}"


def size(value: float) -> str:
    """Write bytes in decimal units: 812 B, 1.2 MB."""
    unit = 0
    while abs(value) >= 999.5 and unit < len(SIZES) - 1:
        value, unit = value / 1000, unit + 1
    return f"{value:.0f} {SIZES[unit]}" if unit == 0 else f"{value:.3g} {SIZES[unit]}"


def words(name: str) -> str:
    """Write an identifier as words: declared_only becomes declared only."""
    return name.replace("_", " ")


def signed(value: float) -> str:
    """Write a change with its sign, and none as plain zero."""
    return "0" if value == 0 else f"{value:+,.0f}".replace("-", "−")


def plural(count: int, noun: str, nouns: str | None = None) -> str:
    """Write a count with its noun: 1 file, 2 files."""
    return f"{count:,} {noun if count == 1 else nouns or noun + 's'}"


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
