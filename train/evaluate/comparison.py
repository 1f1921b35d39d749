"""A whole evaluation: what it is made on, two models opened and measured, the result written."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

from corpus.atomic import write_json
from corpus.progress import Progress, tracked
from corpus.release import Release
from corpus.tables import SPLIT_NAMES
from sandbox import Sandbox
from train.dataset.sources import NoReplayText, replayed
from train.errors import TrainError
from train.evaluate.benchmarks import problems_of
from train.evaluate.harness import write_tasks
from train.evaluate.judge import Judgement, calibrate, judge_all, toolchain
from train.evaluate.problems import Problem
from train.evaluate.scores import EVALUATION, Measure, as_json, measures_of
from train.evaluate.subject import Pair, Sampling, Subject, open_subject
from train.evaluate.text import (
    Gap,
    HeldOutDocument,
    gaps,
    general_text,
    held_out_documents,
    infilling,
    likelihood,
)
from train.evaluate.transcript import entry, place, samples, write
from train.export.run import FinishedRun, open_run
from train.recipe import Recipe, load
from train.tokenizer.opening import open_tokenizer


class CannotEvaluate(TrainError):
    """What is asked for cannot be measured, or is not to be written where it would be."""


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

    Raises NotARun, NotARelease, NoSuchModel, SandboxUnavailable, NoToolchain, CannotEvaluate,
    UnusableBenchmark and others of TrainError, before anything slow begins where that can be told.
    """
    run = open_run(request.run)
    recipe = load(request.run / "recipe.json")
    release = Release.open(request.release or place_of_release(run))
    if request.benchmarks and (k := max(request.ks)) > request.samples:
        raise CannotEvaluate(
            f"-k {k}: pass@{k} needs at least {k} answers to each problem, and --samples is "
            f"{request.samples}. Raise --samples, or name a smaller k."
        )
    if request.out is None:
        check_own(request, release, run)
    inputs = gathered(request, release)
    sandbox = Sandbox() if inputs.problems else None
    if sandbox is not None:
        toolchain(sandbox)
    pair = open_pair(request, recipe)
    for subject in (pair.base, pair.adapter) if inputs.gaps else ():
        subject.tokenizer.infilling_prompt("", "")  # to raise before the rest is measured
    general = request.general.name if request.general else ""
    measures = [
        *likelihood(pair, inputs.documents, recipe.length, progress),
        *general_text(pair, general, inputs.general, recipe.length, progress),
        *infilling(pair, inputs.gaps, request.sampling, progress),
    ]
    told: dict[str, object] = {
        "release": {"version": release.manifest.version, "sha256": release.identity},
        "split": request.split,
        "against": request.against or "base",
    }
    if sandbox is not None:
        more, of_answers = executed(pair, inputs.problems, sandbox, request, progress)
        measures += more
        told |= of_answers
    write_json(request.file, as_json(measures, told))
    return measures


def write_harness(request: Request, folder: Path) -> list[str]:
    """Write what is asked for as tasks of the lm-evaluation-harness; return their names.

    Raises NotARun, NotARelease, CannotEvaluate, UnusableBenchmark and others.
    """
    release = Release.open(request.release or place_of_release(open_run(request.run)))
    inputs = gathered(request, release)
    return write_tasks(folder, inputs.documents, inputs.problems, request.sampling.longest)


def check_own(request: Request, release: Release, run: FinishedRun) -> None:
    """Raise CannotEvaluate unless it is the run against its base, on text that is new to it."""
    learned = run.release.get("sha256")
    if request.against:
        told, why = f"--against {request.against}", "it is not the run's base"
    elif request.split == "train":
        told, why = "--split train", "the run was trained on it"
    elif learned and learned != release.identity:
        told, why = str(release.path), "the run was trained on another release"
    else:
        return
    raise CannotEvaluate(
        f"{told}: {why}, so it is no evaluation for the run's folder, where report and card read "
        "it. Name a file of its own with --out."
    )


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
    Raises CannotEvaluate, NoReplayText and what `problems_of` raises.
    """
    split, shards = request.split, release.shards("documents")
    others = list(dict.fromkeys(shard.split for shard in shards if shard.rows))
    needs_none = split in SPLIT_NAMES and (request.benchmarks or request.general or request.gaps)
    if split not in others and not needs_none:
        raise CannotEvaluate(
            f"{release.path}: no document in the split {split!r}. --split can be "
            f"{', '.join(others) or split}."
        )
    documents = list(held_out_documents(release, split, request.documents))
    general = general_documents(request.general) if request.general is not None else []
    cut_out = list(gaps(release, split, request.gaps)) if request.gaps else []
    if request.gaps and not cut_out:
        raise CannotEvaluate(
            f"--gaps: no function of three lines or more in the first documents of the split "
            f"{split!r} of {release.path}. Raise --gaps, name another --split, or leave it out."
        )
    problems = problems_of(request.benchmarks, release, (split,))
    return Inputs(documents=documents, general=general, gaps=cut_out, problems=problems)


def general_documents(path: Path) -> list[HeldOutDocument]:
    """Read general text. Raises NoReplayText, also where there is none."""
    found = [
        HeldOutDocument(each.key, "", "", "", (), each.text) for each in replayed(path) if each.text
    ]
    if not found:
        raise NoReplayText(path, "it holds no text")
    return found


def place_of_release(run: FinishedRun) -> Path:
    """Return where the release of a run was. Raises CannotEvaluate."""
    if not run.release_place:
        raise CannotEvaluate(
            f"{run.folder / 'run.json'}: it does not say where the release lies. Name it with "
            "--release."
        )
    return Path(run.release_place)


def open_pair(request: Request, recipe: Recipe) -> Pair:
    """Open the run's model, and the one it is compared with: its base, a run, or any model.

    Each is opened in the form in which it was trained on. Raises NoSuchModel, DamagedAdapter,
    NoTokenizer and NotARun.
    """

    def opened(recipe: Recipe, adapter: Path | None) -> Subject:
        tokenizer = open_tokenizer(*recipe.model.tokenizer_place, recipe.system_prompt)
        return open_subject(recipe.model, adapter, tokenizer, request.answers)

    folder = Path(request.against)
    is_run = request.against and any((folder / n).exists() for n in ("adapter", "recipe.json"))
    if is_run:
        open_run(folder)
    ours = opened(recipe, request.run / "adapter")
    if is_run:
        return Pair(opened(load(folder / "recipe.json"), folder / "adapter"), ours)
    if request.against:
        model = replace(recipe.model, name=request.against, revision="", tokenizer="")
        return Pair(opened(replace(recipe, model=model, system_prompt="default"), None), ours)
    return Pair(ours, ours)


def executed(
    pair: Pair, problems: Sequence[Problem], sandbox: Sandbox, how: Request, progress: Progress
) -> tuple[list[Measure], dict[str, object]]:
    """Compare pass@k by source, and write what was answered beside the evaluation.

    Return the measures and what the evaluation tells of the answers: how they were drawn, and by
    reason which problems were left out. A problem is asked only if here its reference passes and
    an empty answer does not.
    """
    progress.start("calibrate", 1)
    fit, left_out = calibrate(problems, sandbox, workers=how.workers)
    progress.advance()

    def judged(subject: Subject, name: str) -> list[tuple[list[str], list[Judgement]]]:
        asked = tracked(progress, f"ask the {name}", len(fit), fit)
        answers = [subject.answer(each.prompt, how.samples, how.sampling) for each in asked]
        verdicts = judge_all(fit, answers, sandbox, workers=how.workers)
        return list(zip(answers, verdicts, strict=True))

    base, adapter = pair.both(judged)
    entries = [
        entry(problem, samples(*first), samples(*second))
        for problem, first, second in zip(fit, base, adapter, strict=True)
    ]
    before, after = ([verdicts for _, verdicts in each] for each in (base, adapter))
    return measures_of(fit, before, after, how.ks), {
        "left_out": {reason: sorted(names) for reason, names in left_out.items()},
        "sandbox": asdict(sandbox.held_by),
        "answers": {
            "samples": how.samples,
            "elixir": toolchain(sandbox)[0],
            **asdict(how.sampling),
            "sha256": write(place(how.file), entries),
        },
    }
