"""The base model with its adapter merged in, in 16 bits, as any program loads it."""

import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

from train.export.base import (
    adapted,
    base_place,
    check_base,
    load_base,
    load_exported,
    sixteen_bits,
)
from train.export.companions import card_of, copy_tokenizer, tokenizer_folder, write_card
from train.export.comparison import ROUNDED
from train.export.logits import prompts
from train.export.record import existing, made_from, write_record
from train.export.reference import Reference, refer_to
from train.export.run import FinishedRun
from train.folders import whole_folder

if TYPE_CHECKING:
    from train.tokenizer import Ids

SHARD = "5GB"
"""Largest file of weights; what the Hub recommends."""

ADVICE = (
    "If the adapter did learn little, 16 bits cannot hold it: keep it an adapter, or train on. "
    "Otherwise check that --base is the model that the run trained."
)


def export_merged(run: FinishedRun, out: Path, base: str | None = None) -> dict[str, Any]:
    """Write weights, configuration, tokenizer, card and export.json; return the comparison.

    `base` names the 16-bit base where the run trained a quantised one. The folder appears only
    after the weights, loaded again, gave the logits of base and adapter within `ROUNDED`. One that
    is there already, whole and with the same card, is kept. Raises QuantisedBase, OtherBase,
    BaseDoesNotFit, NoSuchModel, ExportDiffers and OutputTaken.
    """
    place = base_place(run, base)
    card = card_of(run, "merged", base)
    source = made_from(run, "merged", card, base=place)
    if found := existing(out, source):
        return found
    with whole_folder(out, replaces=True) as folder:
        words = copy_tokenizer(tokenizer_folder(run), folder)
        reference = merge(run, place, prompts(words), folder)
        comparison = reference.check(load_exported(folder), ROUNDED, "The merged model", ADVICE)
        write_card(folder, card)
        told = comparison.record(ROUNDED)
        write_record(folder, source, told)
    return told


def merge(
    run: FinishedRun, place: dict[str, Any], prompted: "list[Ids]", folder: Path
) -> Reference:
    """Write base and adapter as one model into `folder`; return what both said apart."""
    name = place["pretrained_model_name_or_path"]
    base = load_base(place)
    check_base(base, run, name)
    model = adapted(base, run, name)
    reference = refer_to(model, prompted)
    write_merged(model, folder)
    return reference


def write_merged(model: Any, folder: Path) -> None:
    """Merge a peft model and write it in 16 bits.

    peft adds the adapter's product, in float32, to the stored weight in place: one rounding.
    """
    with warnings.catch_warnings():
        # Where embeddings were trained apart from the head. That is as it should be.
        warnings.filterwarnings("ignore", message="Input and output embeddings are no longer tied")
        merged = model.merge_and_unload()
    merged.to(sixteen_bits(merged.dtype))
    merged.save_pretrained(folder, max_shard_size=SHARD)
