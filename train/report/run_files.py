"""The files of a run that report and card are made from, each of which may be absent."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from typing_extensions import TypedDict  # pydantic refuses typing's before Python 3.12

from corpus.atomic import sha256_file
from corpus.untrusted import parse_object
from train.checkpoint import ADAPTER
from train.errors import TrainError
from train.evaluate.transcript import Entry, NoAnswers, read
from train.journal import read_metrics
from train.progress import Line

RUN, RECIPE, EVALUATION = "run.json", "recipe.json", "evaluation.json"
METRICS = "metrics.jsonl"
SAMPLES = "samples.jsonl"
WEIGHTS = f"adapter/{ADAPTER}"

STAGES = (1, 2)


class Device(TypedDict, total=False):
    """What a run trained on."""

    name: str | None
    count: int | None
    peak_flops: float | None


class RunFile(TypedDict, total=False):
    """What the report takes from run.json; other fields are not read."""

    release: dict[str, Any] | None
    model: dict[str, Any] | None
    device: Device | None
    tools: dict[str, str] | None
    chats: list[dict[str, Any]] | None
    data: dict[str, dict[str, dict[str, Any]]] | None
    world_size: int | None


Values = dict[str, Any]
"""JSON as a run wrote it, or as a template reads it."""


class UnusableRun(TrainError):
    """The files of a run are not there, were altered, or are of another version."""


@dataclass(frozen=True, slots=True)
class Sources:
    """What a run left behind."""

    folder: Path
    run: Values
    """run.json: `release` (version, sha256), `model` (name, revision, architecture, parameters,
    trained), `device` (name, count, peak_flops), `tools`, `world_size`, and `data`: by stage
    (`stage1`, `stage2`) and split (`train`, `validation`) what `train.dataset.Rows` describes."""
    recipe: Values
    evaluation: Values
    """evaluation.json: `measures`, a list of `group`, `name`, `unit`, `better` (lower or higher),
    and for `base`, `adapter` and `difference` a `value` with `low` and `high` where known; of what:
    `against`, `split`, `release` (version, sha256), and where problems were asked `answers`
    (samples, temperature, longest, elixir) and `left_out`, identities by reason."""
    answers: list[Entry]
    """What `train.evaluate` wrote beside evaluation.json; empty if that is not of the same
    evaluation, or of an older version."""
    lines: list[Line]
    samples: list[Line]
    """samples.jsonl: `stage`, `step`, `number` of the question, `question`, `answer`."""
    digests: dict[str, str]
    """SHA-256 of recipe.json and of the adapter's weights, where they are."""


def read_sources(folder: Path) -> Sources:
    """Read the files of a run. Raises UnusableRun and DamagedMetrics."""
    names = (RUN, METRICS, RECIPE, EVALUATION)
    if not any((folder / name).is_file() for name in names):
        raise UnusableRun(
            f"{folder}: none of {', '.join(names)} is here. Name the folder that "
            "`python -m train.qlora` wrote."
        )
    found = [name for name in (RECIPE, WEIGHTS) if (folder / name).is_file()]
    told: dict[str, Values] = {}
    for path in (folder / name for name in (RUN, RECIPE, EVALUATION)):
        try:
            told[path.name] = parse_object(path.read_bytes()) if path.is_file() else {}
        except ValueError as error:
            raise UnusableRun(
                f"{path}: it cannot be read ({error}). The file was altered. Restore it, or move "
                "it away to tell of the run without it."
            ) from error
    check_run(folder / RUN, told[RUN])
    try:
        answers = read(folder / EVALUATION)
    except NoAnswers:
        answers = []
    return Sources(
        folder=folder,
        run=told[RUN],
        recipe=told[RECIPE],
        evaluation=told[EVALUATION],
        answers=answers,
        lines=read_metrics(folder / METRICS),
        samples=read_metrics(folder / SAMPLES),
        digests={name: sha256_file(folder / name) for name in found},
    )


def check_run(path: Path, told: Values) -> None:
    """Raise UnusableRun if a field of run.json is of another type."""
    from pydantic import TypeAdapter, ValidationError

    try:
        TypeAdapter(RunFile).validate_python(told, strict=True)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        raise UnusableRun(
            f"{path}: {'.'.join(map(str, first['loc']))}: {first['msg']}. The file was altered. "
            "Restore it, or move it away to tell of the run without it."
        ) from error


def steps_of(sources: Sources, stage: int | None = None) -> list[Line]:
    """Return the lines of steps, of one stage or of all, in the order of the run."""
    return [
        line for line in sources.lines if line["kind"] == "step" and stage in (None, line["stage"])
    ]


def stages_of(sources: Sources) -> list[int]:
    """Return the stages that have steps."""
    return [stage for stage in STAGES if steps_of(sources, stage)]


def selected(sources: Sources) -> list[Values]:
    """Return of each stage where held-out loss decided: the step whose weights it ended with
    (`taken`), the best one with its `loss`, `by` which rows, its `steps` and those `planned`.
    """
    told = ("stage", "taken", "best", "loss", "by", "steps", "planned")
    return [
        {name: line[name] for name in told}
        for line in sources.lines
        if line["kind"] == "event" and line["name"] == "selected"
    ]


def measured(sources: Sources, stage: int, on: int) -> list[Line]:
    """Return the measurements that a stage made on the held-out rows of a stage."""
    return [
        line
        for line in sources.lines
        if line["kind"] == "held_out"
        and line["stage"] == stage
        and line["measured_on"] == f"stage{on}"
    ]


def peak_of(sources: Sources) -> float | None:
    """Return the peak FLOP/s of all devices together, if run.json tells it."""
    device = sources.run.get("device") or {}
    peak = device.get("peak_flops")
    return peak * (device.get("count") or 1) if peak else None
