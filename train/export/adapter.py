"""The adapter as others load it: its two files, the tokenizer and the card."""

import shutil
from dataclasses import fields, replace
from pathlib import Path

from corpus.atomic import whole_folder, write_json
from train.checkpoint import ADAPTER, ADAPTER_SETTINGS
from train.export.checking import SAME, Compared, prompts, refer_to
from train.export.merged import adapted, check_base
from train.export.run import (
    FinishedRun,
    adapter_settings,
    card_of,
    copy_tokenizer,
    existing,
    made_from,
    told_place,
    write_card,
    write_record,
)
from train.model.loading import load_base
from train.recipe import ModelSettings

COPY = "exported"
"""The name under which peft loads the copy beside the original."""

ADVICE = "The copy was altered, or the disk is failing: run the command again."


def export_adapter(run: FinishedRun, out: Path, base: str | None = None) -> Compared:
    """Write the adapter, tokenizer, card and export.json; return the comparison.

    `base` is what the adapter is to name as its base, where it is not what the run called it: a
    local folder has another name on the Hub. The card names it too, unless it is a folder.

    The copy is loaded beside the original, on the base as the run quantised it, and must give the
    same logits. An export that is there already, whole and with the same card, is kept. Raises
    NoSuchModel, OtherBase, BaseDoesNotFit, ExportDiffers and OutputTaken.
    """
    card = card_of(run, "adapter", base)
    source = made_from(run, "adapter", card, base=told_place(base or run.model["name"])["name"])
    if found := existing(out, source, Compared):
        return found
    if base:
        check_named(run, base)
    with whole_folder(out, replaces=True) as folder:
        words = copy_tokenizer(run, folder)
        for name in (ADAPTER_SETTINGS, ADAPTER):
            shutil.copyfile(run.adapter / name, folder / name)
        write_card(folder, card)
        if base:
            config = adapter_settings(folder)
            renamed = config | {"base_model_name_or_path": base, "revision": None}
            write_json(folder / ADAPTER_SETTINGS, renamed)
        own = load_base(settings_of(run))
        check_base(own, run, run.model["name"])
        model = adapted(own, run, run.model["name"])
        reference = refer_to(model, prompts(words))
        model.load_adapter(str(folder), COPY)
        model.set_adapter(COPY)
        told = reference.check(model, SAME, "The copied adapter", ADVICE)
        write_record(folder, source, told)
    return told


def check_named(run: FinishedRun, base: str) -> None:
    """Raise OtherBase if what the adapter is to name as its base is another model.

    It is loaded for that, as those who load the adapter will, and let go before the run's own.
    Raises NoSuchModel where it cannot be.
    """
    if run.fingerprint and base != run.model["name"]:
        check_base(load_base(replace(settings_of(run), name=base, revision="")), run, base)


def settings_of(run: FinishedRun) -> ModelSettings:
    """Return the recipe's settings of the model, without what is no setting any more.

    Whole, also where a run divided it: an export is one process.
    """
    known = {field.name for field in fields(ModelSettings)}
    kept = {name: value for name, value in run.model.items() if name in known}
    return ModelSettings(**kept | {"sharded": False})
