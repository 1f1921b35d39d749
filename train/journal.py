"""What a run tells while it goes: lines of metrics, kept, shown, and sent to a tracker.

metrics.jsonl has one line of JSON for every step, measurement and event. The usual trackers are
started through accelerate by name; each is a package of its own. The file is our own because a
resumed run has to drop what came after its checkpoint, which no tracker does.
"""

import json
import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from corpus.atomic import write_bytes
from corpus.console import errors
from corpus.untrusted import parse_object
from train.errors import TrainError
from train.options import to_mapping
from train.progress import Line, Note, training_progress
from train.recipe import Recipe

if TYPE_CHECKING:
    from accelerate.tracking import GeneralTracker


class DamagedMetrics(TrainError):
    """A line that was written whole cannot be read any more."""

    def __init__(self, path: Path, number: int) -> None:
        super().__init__(
            f"{path}, line {number}: not a line of metrics. The file was altered. Keep a copy, "
            "then remove that line to read the others; training itself does not depend on them."
        )


class Metrics:
    """Appends lines, each handed to the operating system before the next step.

    A killed process loses none of them; a machine that loses power may lose the last ones, which a
    resumed run writes again.
    """

    def __init__(self, path: Path, until: tuple[int, int] | None = None) -> None:
        """Open or create a file, and drop what came after a stage and step: a run goes on there.

        (0, 0) drops all. The file is replaced whole, so that a kill leaves the old lines or the
        new ones. Raises DamagedMetrics for one that cannot be gone on with, and OSError.
        """
        path.parent.mkdir(parents=True, exist_ok=True)
        lines = (line for line in read_metrics(path) if until is None or place_of(line) <= until)
        kept = b"".join(map(_encode, lines))
        if path.exists() and kept != path.read_bytes():
            write_bytes(path, kept)
        self._file = path.open("ab", buffering=0)

    def note(self, line: Line) -> None:
        """Append a line; a number that JSON has no word for becomes null. Raises OSError."""
        rest = _encode(line)
        while rest:  # a disk that fills up takes a part of it, and tells only when asked again
            rest = rest[self._file.write(rest) :]

    def __enter__(self) -> "Metrics":
        return self

    def __exit__(self, *ended: object) -> None:
        self._file.close()


def read_metrics(path: Path) -> list[Line]:
    """Read the lines of a file, none if there is no file.

    A last line without its end, as a kill leaves it, does not count. Raises DamagedMetrics for any
    other that is no line of metrics.
    """
    if not path.exists():
        return []
    *whole, _half = path.read_bytes().split(b"\n")
    return [_decode(path, number, line) for number, line in enumerate(whole, start=1)]


def place_of(line: Line) -> tuple[int, int]:
    """Return the stage and step that a line belongs to."""
    return int(line["stage"]), int(line["step"])


def _encode(line: Line) -> bytes:
    plain = {
        name: None if isinstance(value, float) and not math.isfinite(value) else value
        for name, value in line.items()
    }
    text = json.dumps(plain, ensure_ascii=False, sort_keys=True, allow_nan=False)
    return text.encode() + b"\n"


FIELDS: dict[str, dict[str, type]] = {"event": {"name": str}, "held_out": {"measured_on": str}}
"""What lines of a kind are chosen by, besides their place."""


def _decode(path: Path, number: int, data: bytes) -> Line:
    try:
        line = parse_object(data)
        fields = {"kind": str, "stage": int, "step": int, **FIELDS.get(str(line["kind"]), {})}
        if wrong := [name for name, kind in fields.items() if not isinstance(line[name], kind)]:
            raise TypeError(wrong[0])
        return line
    except (ValueError, KeyError, TypeError) as error:
        raise DamagedMetrics(path, number) from error


PROJECT = "elixir-corpus"
"""Under what wandb, mlflow and trackio list the runs."""
PACKAGES = {
    "tensorboard": ("tensorboard", "tensorboardX"),
    "wandb": ("wandb",),
    "mlflow": ("mlflow",),
    "trackio": ("trackio",),
}
"""What a tracker needs: any one of these."""
SENT = ("loss", "penalty", "learning_rate", "gradient_norm", "epoch", "memory")
"""What of a step is sent, besides tokens a second."""


class MissingTracker(TrainError):
    """The package of a tracker is not installed."""

    def __init__(self, name: str) -> None:
        super().__init__(
            f"tracker {name}: its package is not installed. Run `pip install {PACKAGES[name][0]}`, "
            "or train with `--tracker none`: metrics.jsonl holds the same figures."
        )


class TrackerNotStarted(TrainError):
    """A tracker is installed, but did not begin: no login or no network, say."""

    def __init__(self, name: str, cause: Exception) -> None:
        said = str(cause).strip().rstrip(".") or type(cause).__name__
        super().__init__(
            f"tracker {name}: it could not begin ({said}). Log in to it as its documentation says, "
            "or train with `--tracker none`: metrics.jsonl holds the same figures."
        )


class Tracker:
    """Sends lines of metrics to one of accelerate's trackers.

    Steps of the second stage go on after those of the first, since trackers take none that go back.
    A tracker that fails is left alone from then on: a run does not end with it.
    """

    def __init__(self, name: str, tracker: "GeneralTracker", earlier: Iterable[Line] = ()) -> None:
        """Go on after the `earlier` lines of a resumed run, which are not sent again."""
        self.name = name
        self.tracker: GeneralTracker | None = tracker
        self.stage = 0
        self.before = 0
        self.last = 0
        for line in earlier:
            self._step_of(line)

    def note(self, line: Line) -> None:
        """Send a line, if it holds figures."""
        step = self._step_of(line)
        if values := values_of(line):
            self._unless_it_failed(lambda tracker: tracker.log(values, step=step))

    def finish(self) -> None:
        """Send what is left."""
        self._unless_it_failed(lambda tracker: tracker.finish())

    def _step_of(self, line: Line) -> int:
        if line["stage"] != self.stage:
            self.stage, self.before = line["stage"], self.last
        self.last = self.before + int(line["step"])
        return self.last

    def _unless_it_failed(self, call: "Callable[[GeneralTracker], None]") -> None:
        if self.tracker is None:
            return
        try:
            call(self.tracker)
        except Exception as error:  # each tracker has errors of its own
            self.tracker = None
            errors.print(f"tracker {self.name}: gets no more ({error}); metrics.jsonl goes on.")


def check_tracker(name: str) -> None:
    """Raise MissingTracker if what a tracker needs is not installed; "none" needs nothing."""
    if name != "none" and not any(find_spec(package) for package in PACKAGES[name]):
        raise MissingTracker(name)


def open_tracker(
    name: str, run: Path, settings: Mapping[str, object], earlier: Iterable[Line] = ()
) -> Tracker:
    """Begin a run in a tracker, named like the run's folder, with its settings.

    Call it in the first process only, and after the processes have found each other. TensorBoard
    writes to `run/tensorboard`; the others send to where they are logged in. Raises MissingTracker
    and TrackerNotStarted.
    """
    check_tracker(name)
    from accelerate import tracking

    run_name = run.absolute().name
    make: dict[str, Callable[[], GeneralTracker]] = {
        "tensorboard": lambda: tracking.TensorBoardTracker("tensorboard", run),
        "wandb": lambda: tracking.WandBTracker(PROJECT, name=run_name, dir=str(run)),
        "mlflow": lambda: tracking.MLflowTracker(experiment_name=PROJECT, run_name=run_name),
        "trackio": lambda: tracking.TrackioTracker(PROJECT, name=run_name),
    }
    try:
        tracker = make[name]()
        tracker.start()
        tracker.store_init_configuration(flat(settings))
    except Exception as error:  # each tracker has errors of its own
        raise TrackerNotStarted(name, error) from error
    return Tracker(name, tracker, earlier)


def flat(settings: Mapping[str, object], above: str = "") -> dict[str, int | float | str | bool]:
    """Return nested settings under dotted names, as trackers take them."""
    found: dict[str, int | float | str | bool] = {}
    for name, value in settings.items():
        if isinstance(value, Mapping):
            found |= flat(value, f"{above}{name}.")
        else:
            found[f"{above}{name}"] = value if isinstance(value, int | float | str) else str(value)
    return found


def values_of(line: Line) -> dict[str, float]:
    """Return the figures of a line, named by stage and by what they were measured on."""
    if line["kind"] == "step":
        prefix = f"stage{line['stage']}"
        values = {name: line[name] for name in SENT if line.get(name) is not None}
        values["tokens_per_second"] = line["tokens"] / max(line["seconds"], 1e-9)
    elif line["kind"] == "held_out":
        prefix = f"held_out_{line['measured_on']}"
        values = {name: line[name] for name in ("loss", "bits_per_byte")}
    else:
        return {}
    return {f"{prefix}/{name}": float(value) for name, value in values.items()}


METRICS = "metrics.jsonl"
SAMPLES = "samples.jsonl"


@contextmanager
def journal(
    out: Path, recipe: Recipe, place: tuple[int, int], is_first: bool = True
) -> Iterator[Note]:
    """Yield what takes every line of a run, to the file, the terminal and a tracker.

    What came after `place`, a stage and step, is forgotten: it is taken again. (0, 0) forgets all.
    What the model wrote goes to a file of its own. Only the first process keeps a journal. Raises
    DamagedMetrics, MissingTracker and TrackerNotStarted.
    """
    if not is_first:
        yield lambda line: None
        return
    with ExitStack() as held:
        samples = held.enter_context(Metrics(out / SAMPLES, place))
        metrics = held.enter_context(Metrics(out / METRICS, place))
        takers = [metrics.note, held.enter_context(training_progress())]
        if recipe.tracker != "none":
            earlier = read_metrics(out / METRICS)
            tracker = open_tracker(recipe.tracker, out, to_mapping(recipe), earlier)
            held.callback(tracker.finish)
            takers.append(tracker.note)

        def note(line: Line) -> None:
            for take in [samples.note] if line["kind"] == "sample" else takers:
                take(line)

        yield note
