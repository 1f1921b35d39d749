"""`make train-demo`: a real small model, fine-tuned on the demo's release on the CPU."""

from pathlib import Path

from corpus.release import Release
from corpus.release.versions import releases_in
from demo.main_job import Workplace, run_command
from demo.model import write_model
from demo.run import run


def train(out: Path, workers: int | None = None) -> Path:
    """Train below `out`, on the newest release there, or on the demo's if there is none.

    Returns the run's folder. Raises what `demo.run.run` and `demo.model.write_model` raise.
    """
    workplace = Workplace(out.resolve())
    release = demo_release(workplace, workers)
    model = write_model(workplace.root / "model")
    folder = workplace.root / "training"
    run_command("training", training_command(release.path, model, folder))
    return folder


def demo_release(workplace: Workplace, workers: int | None) -> Release:
    """Return the newest release below a workplace, made if there is none."""
    found = releases_in(workplace.releases)
    return found[-1] if found else run(workplace.root, workers)


def training_command(release: Path, model: Path, folder: Path) -> list[str]:
    """Return the arguments of `elixir-corpus` that train a model on a release."""
    command = ["train", "--release", str(release), "--recipe", "smoke-cpu"]
    return [*command, "--model.name", str(model), "--out", str(folder)]
