"""A whole evaluation: what it is made on, two models opened and measured, the result written."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

from corpus.atomic import write_json
from corpus.progress import Progress
from corpus.release import Release
from corpus.tables import SPLIT_NAMES
from corpus.untrusted import parse_object
from sandbox import Sandbox
from train.dataset.sources import NoReplayText, replayed
from train.errors import TrainError
from train.evaluate.benchmarks import problems_of
from train.evaluate.harness import write_tasks
from train.evaluate.infilling import Gap, check_infilling, gaps, infilling
from train.evaluate.judge import Judgement, calibrate, elixir_version, judge_all
from train.evaluate.likelihood import HeldOutDocument, general_text, held_out_documents, likelihood
from train.evaluate.problems import Problem
from train.evaluate.scores import EVALUATION, Measure, as_json, measures_of
from train.evaluate.subject import Pair, Sampling, Subject, answers_to, open_subject
from train.evaluate.transcript import Entry, entry, place, samples, write
from train.export.run import NotARun, open_run
from train.recipe import Recipe, load
from train.tokenizer.opening import open_tokenizer


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


class NoHeldOutText(TrainError):
    """The split that is to be measured holds no document."""

    def __init__(self, release: Release, split: str) -> None:
        shards = release.shards("documents")
        others = ", ".join(dict.fromkeys(shard.split for shard in shards if shard.rows))
        super().__init__(
            f"{release.path}: no document in the split {split!r}. --split can be {others or split}."
        )


class NoGaps(TrainError):
    """No line can be cut out of the held-out functions."""

    def __init__(self, release: Release, split: str) -> None:
        super().__init__(
            f"--gaps: no function of three lines or more in the first documents of the split "
            f"{split!r} of {release.path}. Raise --gaps, name another --split, or leave it out."
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class Request:
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


def evaluate_run(request: Request, progress: Progress) -> list[Measure]:
    """Measure a run against its base or another model, and write what was found.

    Raises NotARun, NotARelease, NoSuchModel, SandboxUnavailable, NoToolchain, UnknownBenchmark and
    others of TrainError, before anything slow begins where that can be told.
    """
    open_run(request.run)
    recipe = load(request.run / "recipe.json")
    release = Release.open(request.release or place_of_release(request.run))
    if request.benchmarks and max(request.ks) > request.samples:
        raise TooFewSamples(max(request.ks), request.samples)
    if request.out is None:
        check_own(request, release)
    inputs = gathered(request, release)
    sandbox = Sandbox() if inputs.problems else None
    elixir = elixir_version(sandbox) if sandbox is not None else ""
    pair = open_pair(request, recipe)
    measures = on_text(pair, request, inputs, recipe.length, progress)
    told: dict[str, object] = {
        "release": {"version": release.manifest.version, "sha256": release.identity},
        "split": request.split,
        "against": request.against or "base",
    }
    if sandbox is not None:
        more, told["left_out"], entries = executed(
            pair, inputs.problems, sandbox, request, progress
        )
        measures += more
        told["sandbox"] = asdict(sandbox.held_by)
        told["answers"] = {
            "samples": request.samples,
            "elixir": elixir,
            **asdict(request.sampling),
            "sha256": write(place(request.file), entries),
        }
    write_json(request.file, as_json(measures, told))
    return measures


def write_harness(request: Request, folder: Path) -> list[str]:
    """Write what is asked for as tasks of the lm-evaluation-harness; return their names.

    Raises NotARun, UnknownPlace, NotARelease, UnknownBenchmark and others.
    """
    release = Release.open(request.release or place_of_release(request.run))
    inputs = gathered(request, release)
    return write_tasks(folder, inputs.documents, inputs.problems, request.sampling.longest)


def check_own(request: Request, release: Release) -> None:
    """Raise NotTheRunsOwn unless it is the run against its base, on text that it did not learn."""
    learned = release_of(request.run).get("sha256")
    if request.against:
        raise NotTheRunsOwn(f"--against {request.against}", "it is not the run's base")
    if request.split == "train":
        raise NotTheRunsOwn("--split train", "the run was trained on it")
    if learned and learned != release.identity:
        raise NotTheRunsOwn(str(release.path), "the run was trained on another release")


@dataclass(frozen=True, kw_only=True, slots=True)
class Inputs:
    """Held-out text, and what is to be written."""

    documents: Sequence[HeldOutDocument]
    general: Sequence[HeldOutDocument]
    """Text that is not source."""
    gaps: Sequence[Gap]
    problems: Sequence[Problem]


def gathered(request: Request, release: Release) -> Inputs:
    """Read everything that is asked for, and find it sound, before a model is opened.

    A split without documents is refused where nothing else is to be measured.
    Raises NoHeldOutText, NoReplayText, NoGaps and what `problems_of` raises.
    """
    split = request.split
    has_text = any(shard.rows for shard in release.shards("documents", split))
    needs_none = split in SPLIT_NAMES and (request.benchmarks or request.general or request.gaps)
    if not has_text and not needs_none:
        raise NoHeldOutText(release, split)
    return Inputs(
        documents=list(held_out_documents(release, split, request.documents)),
        general=general_documents(request.general) if request.general is not None else (),
        gaps=missing_lines(release, split, request.gaps) if request.gaps else (),
        problems=problems_of(request.benchmarks, release, (split,)),
    )


def general_documents(path: Path) -> list[HeldOutDocument]:
    """Read general text. Raises NoReplayText, also where there is none."""
    found = [
        HeldOutDocument(each.key, "", "", "", (), each.text) for each in replayed(path) if each.text
    ]
    if not found:
        raise NoReplayText(path, "it holds no text")
    return found


def missing_lines(release: Release, split: str, limit: int) -> list[Gap]:
    """Return at most so many gaps. Raises NoGaps where there is none."""
    found = list(gaps(release, split, limit))
    if not found:
        raise NoGaps(release, split)
    return found


def place_of_release(run: Path) -> Path:
    """Return where the release of a run was. Raises NotARun and UnknownPlace."""
    place = release_of(run).get("place")
    if not place or not isinstance(place, str):
        raise UnknownPlace(run)
    return Path(place)


def release_of(run: Path) -> dict[str, object]:
    """Return what run.json tells of the release, if anything. Raises NotARun."""
    try:
        told = parse_object((run / "run.json").read_bytes()).get("release")
    except (OSError, ValueError) as error:
        raise NotARun(run, f"run.json: {error}") from error
    return told if isinstance(told, dict) else {}


def on_text(
    pair: Pair, request: Request, inputs: Inputs, length: int, progress: Progress
) -> list[Measure]:
    """Measure what needs no execution. Raises InfillingUnsupported before the rest is measured."""
    if inputs.gaps:
        check_infilling(pair)
    name = request.general.name if request.general else ""
    measures = likelihood(pair, inputs.documents, length, progress)
    measures += general_text(pair, name, inputs.general, length, progress)
    return measures + infilling(pair, inputs.gaps, request.sampling, progress)


def open_pair(request: Request, recipe: Recipe) -> Pair:
    """Open the run's model, and the one it is compared with: its base, a run, or any model.

    Raises NoSuchModel, NoTokenizer and NotARun.
    """
    folder = Path(request.against)
    is_run = bool(request.against) and any(
        (folder / name).exists() for name in ("adapter", "recipe.json")
    )
    if is_run:
        open_run(folder)
    ours = open_model(recipe, request.run / "adapter", request.answers)
    if not request.against:
        return Pair(ours, ours)
    if is_run:
        other = load(folder / "recipe.json")
        return Pair(open_model(other, folder / "adapter", request.answers), ours)
    model = replace(recipe.model, name=request.against, revision="", tokenizer="")
    return Pair(
        open_model(replace(recipe, model=model, system_prompt="default"), None, request.answers),
        ours,
    )


def open_model(recipe: Recipe, adapter: Path | None, answers: Path) -> Subject:
    """Open a base model in the form in which it was trained on, with an adapter if there is one.

    Its answers are kept in the folder `answers`.
    """
    tokenizer = open_tokenizer(*recipe.model.tokenizer_place, recipe.system_prompt)
    return open_subject(recipe.model, adapter, tokenizer, answers)


def executed(
    pair: Pair, problems: Sequence[Problem], sandbox: Sandbox, how: Request, progress: Progress
) -> tuple[list[Measure], dict[str, list[str]], list[Entry]]:
    """Compare pass@k by source.

    Return the measures, what was left out because no machine could tell, by reason, and what was
    answered. A problem is asked only if here its reference passes and an empty answer does not.
    """
    progress.start("calibrate", 1)
    fit = calibrate(problems, sandbox, workers=how.workers)
    progress.advance()
    with pair.as_base():
        base = _answered(pair.base, fit.problems, sandbox, how, progress, "ask the base")
    adapter = _answered(pair.adapter, fit.problems, sandbox, how, progress, "ask the adapter")
    entries = [
        entry(problem, samples(*ours), samples(*theirs))
        for problem, ours, theirs in zip(fit.problems, base, adapter, strict=True)
    ]
    first, second = ([judgements for _, judgements in each] for each in (base, adapter))
    left_out = {reason: sorted(names) for reason, names in fit.left_out.items()}
    return measures_of(fit.problems, first, second, how.ks), left_out, entries


def _answered(
    subject: Subject,
    problems: Sequence[Problem],
    sandbox: Sandbox,
    how: Request,
    progress: Progress,
    stage: str,
) -> list[tuple[list[str], list[Judgement]]]:
    """Ask a model every problem, then run what it answered."""
    progress.start(stage, len(problems))
    prompts = [each.prompt for each in problems]
    answers = answers_to(subject, prompts, how.samples, how.sampling, progress.advance)
    return list(
        zip(answers, judge_all(problems, answers, sandbox, workers=how.workers), strict=True)
    )
