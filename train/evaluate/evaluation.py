"""A whole evaluation: two models opened, everything asked for measured, the result written."""

from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from corpus.atomic import write_json
from corpus.progress import Progress
from corpus.release import Release
from corpus.untrusted import parse_object
from train.errors import TrainError
from train.evaluate.inputs import Inputs, gathered
from train.evaluate.measures import Measure, as_json
from train.evaluate.side_by_side import Pair, check_infilling, general_text, infilling, likelihood
from train.evaluate.subject import Sampling, Subject, open_subject
from train.evaluate.transcript import place, write
from train.recipe import Recipe, load
from train.tokenizer.opening import open_tokenizer

EVALUATION = "evaluation.json"


class TooFewSamples(TrainError):
    """pass@k was asked for with fewer than k answers."""

    def __init__(self, k: int, samples: int) -> None:
        super().__init__(
            f"-k {k}: pass@{k} needs at least {k} answers to each problem, and --samples is "
            f"{samples}. Raise --samples, or name a smaller k."
        )


class UnknownPlace(TrainError):
    """A run does not say where its release lies."""

    def __init__(self, run: Path) -> None:
        super().__init__(
            f"{run / 'run.json'}: it does not say where the release lies. Name it with --release."
        )


class NotTheRunsOwn(TrainError):
    """What is asked for is not what a run's card and report tell of it."""

    def __init__(self, told: str, why: str) -> None:
        super().__init__(
            f"{told}: {why}, so it is no evaluation for the run's folder, where report and card "
            "read it. Name a file of its own with --out."
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class Plan:
    """What is to be measured, and of what."""

    run: Path
    release: Path | None = None
    against: str = ""
    split: str = "test"
    documents: int = 200
    gaps: int = 0
    benchmarks: tuple[str, ...] = ()
    samples: int = 1
    ks: tuple[int, ...] = (1,)
    sampling: Sampling = field(default_factory=Sampling)
    general: Path | None = None
    workers: int = 0
    out: Path | None = None

    @property
    def file(self) -> Path:
        """Where the result is written."""
        return self.out or self.run / EVALUATION

    @property
    def answers(self) -> Path:
        """Where answers are kept as they are drawn, for an evaluation that is killed to go on."""
        return self.run / "work" / "answers"


def evaluate_run(plan: Plan, progress: Progress) -> list[Measure]:
    """Measure a run against its base or another model, and write what was found.

    Raises NotARun, NotARelease, NoSuchModel, SandboxUnavailable, NoToolchain, UnknownBenchmark and
    others of TrainError, before anything slow begins where that can be told.
    """
    from sandbox import Sandbox
    from train.evaluate.executed import Execution, executed
    from train.evaluate.execution import elixir_version
    from train.export.run import open_run

    open_run(plan.run)
    recipe = load(plan.run / "recipe.json")
    release = Release.open(plan.release or place_of_release(plan.run))
    if plan.benchmarks and max(plan.ks) > plan.samples:
        raise TooFewSamples(max(plan.ks), plan.samples)
    if plan.out is None:
        check_own(plan, release)
    inputs = inputs_of(plan, release)
    sandbox = Sandbox() if inputs.problems else None
    elixir = elixir_version(sandbox) if sandbox is not None else ""
    pair = open_pair(plan, recipe)
    measures = on_text(pair, plan, inputs, recipe.length, progress)
    told: dict[str, Any] = {
        "release": {"version": release.manifest.version, "sha256": release.identity},
        "split": plan.split,
        "against": plan.against or "base",
    }
    if sandbox is not None:
        how = Execution(plan.samples, plan.ks, plan.sampling, plan.workers)
        more, told["left_out"], entries = executed(pair, inputs.problems, sandbox, how, progress)
        measures += more
        told["sandbox"] = asdict(sandbox.held_by)
        told["answers"] = {
            "samples": plan.samples,
            "elixir": elixir,
            **asdict(plan.sampling),
            "sha256": write(place(plan.file), entries),
        }
    write_json(plan.file, as_json(measures, told))
    return measures


def write_harness(plan: Plan, folder: Path) -> list[str]:
    """Write what a plan asks for as tasks of the lm-evaluation-harness; return their names.

    Raises NotARun, UnknownPlace, NotARelease, UnknownBenchmark and others.
    """
    from train.evaluate.harness import write_tasks

    release = Release.open(plan.release or place_of_release(plan.run))
    inputs = inputs_of(plan, release)
    return write_tasks(folder, inputs.documents, inputs.problems, plan.sampling.longest)


def check_own(plan: Plan, release: Release) -> None:
    """Raise NotTheRunsOwn unless it is the run against its base, on text that it did not learn."""
    learned = release_of(plan.run).get("sha256")
    if plan.against:
        raise NotTheRunsOwn(f"--against {plan.against}", "it is not the run's base")
    if plan.split == "train":
        raise NotTheRunsOwn("--split train", "the run was trained on it")
    if learned and learned != release.identity:
        raise NotTheRunsOwn(str(release.path), "the run was trained on another release")


def inputs_of(plan: Plan, release: Release) -> Inputs:
    """Gather what a plan asks for. Raises as `gathered` does."""
    return gathered(
        release,
        plan.split,
        documents=plan.documents,
        general=plan.general,
        gaps=plan.gaps,
        benchmarks=plan.benchmarks,
    )


def place_of_release(run: Path) -> Path:
    """Return where the release of a run was. Raises NotARun and UnknownPlace."""
    place = release_of(run).get("place")
    if not place or not isinstance(place, str):
        raise UnknownPlace(run)
    return Path(place)


def release_of(run: Path) -> dict[str, object]:
    """Return what run.json tells of the release, if anything. Raises NotARun."""
    from train.export.run import NotARun

    try:
        told = parse_object((run / "run.json").read_bytes()).get("release")
    except (OSError, ValueError) as error:
        raise NotARun(run, f"run.json: {error}") from error
    return told if isinstance(told, dict) else {}


def on_text(
    pair: Pair, plan: Plan, inputs: Inputs, length: int, progress: Progress
) -> list[Measure]:
    """Measure what needs no execution. Raises InfillingUnsupported before the rest is measured."""
    if inputs.gaps:
        check_infilling(pair)
    name = plan.general.name if plan.general else ""
    measures = likelihood(pair, inputs.documents, length, progress)
    measures += general_text(pair, name, inputs.general, length, progress)
    return measures + infilling(pair, inputs.gaps, plan.sampling, progress)


def open_pair(plan: Plan, recipe: Recipe) -> Pair:
    """Open the run's model, and the one it is compared with: its base, a run, or any model.

    Raises NoSuchModel, NoTokenizer and NotARun.
    """
    from train.export.run import open_run

    folder = Path(plan.against)
    is_run = bool(plan.against) and any(
        (folder / name).exists() for name in ("adapter", "recipe.json")
    )
    if is_run:
        open_run(folder)
    ours = open_model(recipe, plan.run / "adapter", plan.answers)
    if not plan.against:
        return Pair(ours, ours)
    if is_run:
        other = load(folder / "recipe.json")
        return Pair(open_model(other, folder / "adapter", plan.answers), ours)
    model = replace(recipe.model, name=plan.against, revision="", tokenizer="")
    return Pair(
        open_model(replace(recipe, model=model, system_prompt="default"), None, plan.answers), ours
    )


def open_model(recipe: Recipe, adapter: Path | None, answers: Path) -> Subject:
    """Open a base model in the form in which it was trained on, with an adapter if there is one.

    Its answers are kept in the folder `answers`.
    """
    tokenizer = open_tokenizer(*recipe.model.tokenizer_place, recipe.system_prompt)
    return open_subject(recipe.model, adapter, tokenizer, answers)
