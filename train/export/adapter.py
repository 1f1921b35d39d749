"""The adapter as others load it: its two files, the tokenizer and the card."""

import shutil
from dataclasses import fields
from pathlib import Path
from typing import Any

from train.export.base import adapted
from train.export.companions import copy_tokenizer, tokenizer_folder
from train.export.comparison import SAME
from train.export.folder import whole_folder
from train.export.logits import prompts
from train.export.record import existing, made_from, write_record
from train.export.reference import refer_to
from train.export.run import CONFIG, WEIGHTS, FinishedRun
from train.model.loading import load_base
from train.model.settings import ModelSettings

COPY = "exported"
"""The name under which peft loads the copy beside the original."""

ADVICE = "The copy was altered, or the disk is failing: run the command again."


def export_adapter(run: FinishedRun, out: Path) -> dict[str, Any]:
    """Write the adapter, tokenizer, card and export.json; return the comparison.

    The copy is loaded beside the original, on the base as the run quantised it, and must give the
    same logits. A folder that is there already is returned as it is. Raises NoSuchModel,
    BaseDoesNotFit, ExportDiffers and OutputTaken.
    """
    source = made_from(run, "adapter")
    if found := existing(out, source):
        return found
    with whole_folder(out) as folder:
        words = copy_tokenizer(tokenizer_folder(run), folder)
        for name in (CONFIG, WEIGHTS):
            shutil.copyfile(run.adapter / name, folder / name)
        if run.card.is_file():
            shutil.copyfile(run.card, folder / "README.md")
        model = adapted(load_base(settings_of(run)), run, run.model["name"])
        reference = refer_to(model, prompts(words))
        model.load_adapter(str(folder), COPY)
        model.set_adapter(COPY)
        told = reference.check(model, SAME, "The copied adapter", ADVICE).record(SAME)
        write_record(folder, source, told)
    return told


def settings_of(run: FinishedRun) -> ModelSettings:
    """Return the recipe's settings of the model, without what is no setting any more."""
    known = {field.name for field in fields(ModelSettings)}
    return ModelSettings(**{name: value for name, value in run.model.items() if name in known})
