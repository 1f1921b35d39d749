"""The usual trackers by name, through accelerate; each is a package of its own."""

from collections.abc import Callable, Iterable, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Protocol

from corpus.console import errors
from train.errors import TrainError

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


class Tracker(Protocol):
    """Takes values by name as they come."""

    def log(self, values: Mapping[str, float], step: int) -> None:
        """Send the values of a step; steps never go back."""
        ...

    def finish(self) -> None:
        """Send what is left."""
        ...


class _Accelerated:
    """One of accelerate's trackers, left alone once it fails: a run does not end with it."""

    def __init__(self, name: str, tracker: Any) -> None:
        self.name = name
        self.tracker = tracker

    def log(self, values: Mapping[str, float], step: int) -> None:
        """Send the values of a step."""
        self._unless_it_failed(lambda: self.tracker.log(dict(values), step=step))

    def finish(self) -> None:
        """Send what is left."""
        self._unless_it_failed(lambda: self.tracker.finish())

    def _unless_it_failed(self, call: Callable[[], None]) -> None:
        if self.tracker is None:
            return
        try:
            call()
        except Exception as error:  # each tracker has errors of its own
            self.tracker = None
            errors.print(f"tracker {self.name}: gets no more ({error}); metrics.jsonl goes on.")


def check_tracker(name: str) -> None:
    """Raise MissingTracker if what a tracker needs is not installed; "none" needs nothing."""
    if name != "none" and not any(find_spec(package) for package in PACKAGES[name]):
        raise MissingTracker(name)


def open_tracker(name: str, run: Path, settings: Mapping[str, Any]) -> Tracker:
    """Begin a run in a tracker, named like the run's folder, with its settings.

    Call it in the first process only, and after the processes have found each other. TensorBoard
    writes to `run/tensorboard`; the others send to where they are logged in. Raises MissingTracker
    and TrackerNotStarted.
    """
    check_tracker(name)
    try:
        tracker = _made(name, run)
        tracker.start()
        tracker.store_init_configuration(flat(settings))
    except Exception as error:  # each tracker has errors of its own
        raise TrackerNotStarted(name, error) from error
    return _Accelerated(name, tracker)


def _made(name: str, run: Path) -> Any:
    from accelerate import tracking

    run_name = run.absolute().name
    if name == "tensorboard":
        return tracking.TensorBoardTracker("tensorboard", run)
    if name == "wandb":
        return tracking.WandBTracker(PROJECT, name=run_name, dir=str(run))
    if name == "mlflow":
        return tracking.MLflowTracker(experiment_name=PROJECT, run_name=run_name)
    return tracking.TrackioTracker(PROJECT, name=run_name)


def flat(settings: Mapping[str, Any], above: str = "") -> dict[str, int | float | str | bool]:
    """Return nested settings under dotted names, as trackers take them."""
    found: dict[str, int | float | str | bool] = {}
    for name, value in settings.items():
        if isinstance(value, Mapping):
            found |= flat(value, f"{above}{name}.")
        else:
            found[f"{above}{name}"] = value if isinstance(value, int | float | str) else str(value)
    return found


class TrackedMetrics:
    """Turns lines of metrics into what a tracker takes.

    Steps of the second stage go on after those of the first, since trackers take none that go back.
    """

    def __init__(self, tracker: Tracker, earlier: Iterable[Mapping[str, Any]] = ()) -> None:
        """Go on after the `earlier` lines of a resumed run, which are not sent again."""
        self.tracker = tracker
        self.stage = 0
        self.before = 0
        self.last = 0
        for line in earlier:
            self._step_of(line)

    def note(self, line: Mapping[str, Any]) -> None:
        """Send a line, if it holds figures."""
        step = self._step_of(line)
        if values := values_of(line):
            self.tracker.log(values, step)

    def _step_of(self, line: Mapping[str, Any]) -> int:
        if line["stage"] != self.stage:
            self.stage, self.before = line["stage"], self.last
        self.last = self.before + int(line["step"])
        return self.last


def values_of(line: Mapping[str, Any]) -> dict[str, float]:
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
