"""The end of a run: the adapter in its own folder, and what it changed on the test split."""

from pathlib import Path

from corpus.atomic import write_json
from corpus.progress import Progress
from train.card import write as write_card
from train.evaluate.likelihood import held_out_documents, likelihood
from train.evaluate.scores import EVALUATION, as_json
from train.evaluate.subject import Pair, Subject
from train.folders import whole_folder
from train.loop.run import Run
from train.loop.state import adapter_files
from train.report import write as write_report
from train.report.run_files import RUN, read_sources, selected

ADAPTER = "adapter"
SPLIT = "test"


def finish(out: Path, run: Run, progress: Progress) -> None:
    """Write the adapter in peft's format, then what it changed, the report and the card.

    All processes pass through the model, which may be divided among them, and the first one writes;
    all of it is made again from the last checkpoint if it is interrupted.
    """
    if run.processes.is_first:
        write_adapter(out, run)
    evaluation = evaluate(run, progress)
    if run.processes.is_first:
        write_json(out / EVALUATION, evaluation)
        record_selection(out)
        write_report(out)
        write_card(out, run.material.release)
    run.processes.wait()


def evaluate(run: Run, progress: Progress) -> dict[str, object]:
    """Compare base and adapter on the split that no step and no measurement has seen."""
    release, recipe = run.material.release, run.recipe
    documents = list(held_out_documents(release, SPLIT, recipe.evaluation_documents))
    subject = Subject(run.model, run.material.tokenizer, run.processes.device)
    measures = likelihood(Pair(subject, subject), documents, recipe.length, progress)
    told = {
        "release": {"version": release.manifest.version, "sha256": release.identity},
        "split": SPLIT,
        "against": "base",
    }
    return as_json(measures, told)


def record_selection(out: Path) -> None:
    """Write into run.json which step's weights each stage ended with, where one was selected."""
    sources = read_sources(out)
    if found := selected(sources):
        write_json(out / RUN, sources.run | {"selected": found})


def write_adapter(out: Path, run: Run) -> Path:
    """Write the adapter's folder, whole or not at all; one that is there gives way."""
    with whole_folder(out / ADAPTER, replaces=True) as folder:
        for name, write in adapter_files(run.model.adapted).items():
            write(folder / name)
    return out / ADAPTER
