"""The report of a run: from its files to values, and from these to one self-contained page.

Style, table and number formats are those of the quality report, so that both read alike. Equal
files give equal values, and these equal bytes.
"""

from collections.abc import Callable, Mapping
from pathlib import Path

from markupsafe import Markup

from corpus.atomic import write_bytes
from pages import charts, frame
from train.report.comparison import Interval, answers, comparison, evaluation
from train.report.curves import curves
from train.report.run_files import Sources, UnusableRun, Values, read_sources, selected
from train.report.sections import checkpoints, data, elastic, held_out, identity, samples, speed

HTML_NAME = "report.html"

Report = Values
"""The sections of a report, by the names of the functions that tell them."""
SECTIONS: tuple[Callable[[Sources], object], ...] = (
    *(identity, speed, held_out, elastic, selected, curves, samples, data, checkpoints),
    *(evaluation, comparison, answers),
)


def write(run: Path) -> Path:
    """Write report.html into a run's folder, whole or not at all; return its path.

    Raises what `compose` raises, and OSError.
    """
    path = run / HTML_NAME
    write_bytes(path, render(compose(run)))
    return path


def compose(run: Path) -> Report:
    """Work out every section of the report; equal files give equal values.

    Raises UnusableRun and train.journal.DamagedMetrics.
    """
    sources = read_sources(run)
    report: Report = {}
    for section in SECTIONS:
        try:
            report[section.__name__] = section(sources)
        except (ArithmeticError, AttributeError, KeyError, TypeError, ValueError) as error:
            raise UnusableRun(
                f"{run}: the section {section.__name__} cannot be told from its files "
                f"({type(error).__name__}: {error}). Another version wrote them, or they were "
                "altered: use the version of elixir-corpus that the tools in run.json name."
            ) from error
    return report


def render(report: Report) -> bytes:
    """Render the page from the values that `compose` returns."""
    environment = frame.environment("train.report", html=True)
    environment.globals |= {
        "style": frame.style("train.report"),
        "bar": lambda share, title: Markup(charts.bar([(share, "a")], title)),
        "lines": lambda chart: Markup(charts.lines(chart)),
        "interval": interval,
    }
    page = environment.get_template("run.html.j2").render(**report)
    return f"{page.strip()}\n".encode()


def interval(told: Interval, scale: Mapping[str, float], title: str, kind: str) -> Markup:
    """Draw a value of an evaluation with its interval, if it has one, on a scale."""

    def place(value: float) -> float:
        return (value - scale["low"]) / (scale["high"] - scale["low"])

    value = told["value"]
    low = value if told["low"] is None else told["low"]
    high = value if told["high"] is None else told["high"]
    return Markup(charts.interval(place(low), place(value), place(high), title, kind))
