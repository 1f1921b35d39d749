"""A whole evaluation: two models opened, everything asked for measured, the result written."""

import json
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from corpus.atomic import write_json
from corpus.progress import Progress
from corpus.release import Release
from train.evaluate.infilling import gaps
from train.evaluate.likelihood import held_out_documents
from train.evaluate.measures import Measure, as_json
from train.evaluate.side_by_side import Pair, general_text, infilling, likelihood
from train.evaluate.subject import Sampling, Subject, open_subject
from train.recipe import Recipe, load
from train.tokenizer import open_tokenizer

EVALUATION = "evaluation.json"


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


def evaluate_run(plan: Plan, progress: Progress) -> list[Measure]:
    """Measure a run against its base or another model, and write what was found.

    Raises NotARun, NotARelease, NoSuchModel, SandboxUnavailable, UnknownBenchmark and others of
    TrainError, before anything slow begins where that can be told.
    """
    from corpus.sandbox import Sandbox
    from train.evaluate.executed import Execution, executed, problems_of
    from train.export.run import open_run

    open_run(plan.run)
    recipe = load(plan.run / "recipe.json")
    release = Release.open(plan.release or place_of_release(plan.run))
    problems = problems_of(plan.benchmarks, release, (plan.split,))
    sandbox = Sandbox() if problems else None
    pair = open_pair(plan, recipe)
    measures = on_text(pair, plan, recipe, release, progress)
    told: dict[str, Any] = {
        "release": {"version": release.manifest.version, "sha256": release.identity},
        "split": plan.split,
        "against": plan.against or "base",
    }
    if sandbox is not None:
        how = Execution(plan.samples, plan.ks, plan.sampling, plan.workers)
        more, told["left_out"] = executed(pair, problems, sandbox, how, progress)
        measures += more
    write_json(plan.file, as_json(measures, told))
    return measures


def place_of_release(run: Path) -> Path:
    """Return where the release of a run was."""
    told = json.loads((run / "run.json").read_bytes())
    return Path(told["release"]["place"])


def on_text(
    pair: Pair, plan: Plan, recipe: Recipe, release: Release, progress: Progress
) -> list[Measure]:
    """Measure what needs no execution. Raises NoReplayText and InfillingUnsupported."""
    documents = list(held_out_documents(release, plan.split, plan.documents))
    measures = likelihood(pair, documents, recipe.length, progress)
    if plan.general is not None:
        measures += general_text(pair, plan.general, recipe.length, progress)
    if plan.gaps:
        found = list(gaps(release, plan.split, plan.gaps))
        measures += infilling(pair, found, plan.sampling, progress)
    return measures


def open_pair(plan: Plan, recipe: Recipe) -> Pair:
    """Open the run's model, and the one it is compared with: its base, a run, or any model.

    Raises NoSuchModel, NoTokenizer and NotARun.
    """
    ours = open_model(recipe, plan.run / "adapter")
    if not plan.against:
        return Pair(ours, ours)
    folder = Path(plan.against)
    if (folder / "adapter").is_dir():
        return Pair(open_model(load(folder / "recipe.json"), folder / "adapter"), ours)
    other = replace(recipe, model=replace(recipe.model, name=plan.against, tokenizer=""))
    return Pair(open_model(other, None), ours)


def open_model(recipe: Recipe, adapter: Path | None) -> Subject:
    """Open a base model in the form in which it was trained on, with an adapter if there is one."""
    model = recipe.model
    revision = "" if model.tokenizer else model.revision
    tokenizer = open_tokenizer(model.tokenizer or model.name, revision)
    return open_subject(model, adapter, tokenizer)
