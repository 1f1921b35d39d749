"""The curves of a run: loss of each stage, learning rate, gradient norm, speed, penalty."""

from collections.abc import Callable, Sequence
from itertools import accumulate

from pages.charts import LineChart, Points, Series, axis
from train.duration import utilization
from train.progress import Line
from train.report.run_files import Sources, measured, peak_of, stages_of, steps_of

POINTS = 300
"""Most points of a line: more are averaged in groups, or the page would grow with the run."""
WINDOW = 25
"""A line that is smoothed is averaged over this fraction of its length."""

RATE, PENALTY = "Learning rate", "Elastic penalty, added to the loss"
SMOOTH = (RATE, PENALTY)
"""What is drawn as it is."""

Figure = Callable[[Line], float | None]


def curves(sources: Sources) -> dict[str, list[LineChart]]:
    """Return the loss charts by stage, and the charts over the whole run."""
    course = _course(sources)
    return {
        "loss": [_loss(sources, stage) for stage in stages_of(sources)],
        "course": [chart for chart in course if chart["series"]],
    }


def _loss(sources: Sources, stage: int) -> LineChart:
    raw = points_of(steps_of(sources, stage), lambda line: line["loss"])
    own = points_of(measured(sources, stage, stage), lambda line: line["loss"])
    other = points_of(measured(sources, stage, 3 - stage), lambda line: line["loss"])
    series = [
        *_noisy("training", raw),
        Series(kind=f"held-{stage}", name=f"held out, stage {stage}", points=own),
        Series(kind=f"held-{3 - stage} aside", name=f"held out, stage {3 - stage}", points=other),
    ]
    return _chart(f"Stage {stage}", "loss in nats a token", series, stage=stage)


def _course(sources: Sources) -> list[LineChart]:
    """Return the charts whose steps run on from the first stage to the second.

    Each has a line for each stage: what is smoothed must not mix the two.
    """
    peak = peak_of(sources) or 0.0
    charts: dict[str, Figure] = {
        RATE: lambda line: line.get("learning_rate"),
        "Gradient norm before clipping": lambda line: line.get("gradient_norm"),
        "Tokens a second": lambda line: line["tokens"] / line["seconds"],
    }
    if peak:
        charts["Model FLOP utilisation"] = lambda line: (
            utilization(line["flops"], line["seconds"], peak) if line.get("flops") else None
        )
    if any(line.get("penalty") for line in steps_of(sources, 2)):
        charts[PENALTY] = lambda line: line.get("penalty") if line["stage"] == 2 else None
    stages, first = stages_of(sources), steps_of(sources, 1)
    ends = {1: 0, 2: max((line["step"] for line in first), default=0)}
    drawn = []
    for name, figure in charts.items():
        series = []
        for stage in stages:
            points = points_of(steps_of(sources, stage), figure, ends)
            if name in SMOOTH:
                series.append(Series(kind="line", name=name, points=thinned(points)))
            else:
                series += _noisy(name, points)
        border = ends[2] if len(stages) == 2 else None
        drawn.append(_chart(name, "", series, border=border, from_zero=True))
    return drawn


def _noisy(name: str, points: Points) -> list[Series]:
    """Return a line and its moving average; of few points, the line alone."""
    if len(points) < 2 * WINDOW:
        return [Series(kind="line", name=name, points=points)]
    every = Series(kind="raw", name="every step", points=thinned(points))
    return [every, Series(kind="line", name=name, points=thinned(smoothed(points)))]


def points_of(lines: Sequence[Line], figure: Figure, ends: dict[int, int] | None = None) -> Points:
    """Return step and figure of every line that has one; `ends` moves the steps of a stage on."""
    found = ((line, figure(line)) for line in lines)
    offset = ends or {}
    return [
        (float(line["step"] + offset.get(line["stage"], 0)), float(value))
        for line, value in found
        if value is not None
    ]


def smoothed(points: Points) -> Points:
    """Average every point with its neighbours; at the ends there are some on one side only."""
    reach = len(points) // WINDOW // 2
    sums = list(accumulate((y for _, y in points), initial=0.0))
    averaged = []
    for at, (x, _) in enumerate(points):
        first, last = max(0, at - reach), min(len(points), at + reach + 1)
        averaged.append((x, (sums[last] - sums[first]) / (last - first)))
    return averaged


def thinned(points: Points) -> Points:
    """Average groups of neighbours so that few enough points are left; both ends stay."""
    if len(points) <= POINTS:
        return points
    size = -(-(len(points) - 2) // (POINTS - 2))
    inner = points[1:-1]
    groups = [inner[start : start + size] for start in range(0, len(inner), size)]
    means = [
        (sum(x for x, _ in group) / len(group), sum(y for _, y in group) / len(group))
        for group in groups
    ]
    return [points[0], *means, points[-1]]


def _chart(
    name: str,
    unit: str,
    series: list[Series],
    *,
    stage: int | None = None,
    border: int | None = None,
    from_zero: bool = False,
) -> LineChart:
    """Return a chart: its series as points between 0 and 1, and its axes."""
    drawn = [each for each in series if each["points"]]
    points = [point for each in drawn for point in each["points"]]
    across = axis([x for x, _ in points], ticks=5, from_zero=True, is_tight=True)
    up = axis([y for _, y in points], from_zero=from_zero)
    for each in drawn:
        each["points"] = [
            (round(across.place(x), 4), round(up.place(y), 4)) for x, y in each["points"]
        ]
    return {
        "name": name,
        "unit": unit,
        "stage": stage,
        "series": drawn,
        "x": across.ticks,
        "y": up.ticks,
        "border": round(across.place(border), 4) if border else None,
    }
