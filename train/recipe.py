"""A recipe: everything that a run depends on besides the release.

Recipes are TOML files in `train/recipes/`; what a file leaves out has the default that stands
beside its owner. The resolved recipe is saved with the run.
"""

import hashlib
import json
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Literal

from corpus.atomic import canonical_json, write_json
from train.checkpoint.settings import CheckpointSettings, SelectionSettings
from train.dataset.settings import DataSettings
from train.errors import TrainError
from train.model.settings import AdapterSettings, ModelSettings
from train.optimization.settings import ElasticSettings, GroupRates, OptimizerSettings
from train.options import build, options, override, require, to_mapping

RECIPES = Path(__file__).parent / "recipes"
"""The recipes that the project ships."""

DEFAULT = "devstral-32gb"

WITHOUT_EFFECT = (
    "evaluate_every",
    "evaluation_rows",
    "evaluation_documents",
    "tracker",
    "checkpoint.every",
    "checkpoint.keep",
    "stage1.enabled",
    "stage2.enabled",
    "stage2.data.licences",
    "samples.prompts",
    "samples.count",
    "samples.tokens",
)
"""Options that change no weight of the steps that are taken: when something is looked at or saved,
and which stages are taken now."""

DECIDING = ("evaluate_every", "evaluation_rows")
"""Those of them that count where measurements decide which step's weights are taken."""


@dataclass(frozen=True, kw_only=True, slots=True)
class StageSettings:
    """One of the two stages."""

    enabled: bool = True
    """Whether it is taken."""
    epochs: float = 3.0
    """Passes over the stage's mixture; a fraction ends within the last one."""
    steps: int = 0
    """Ends the stage after so many steps, whatever `epochs` says; 0 for no such end."""
    neftune_noise_alpha: float = 0.0
    """Noise on the embeddings of training rows, uniform within alpha / sqrt(length * width) of a
    sample (Jain et al. 2023, NEFTune: 5 to 15 for instructions); 0 for none."""
    data: DataSettings = field(default_factory=DataSettings)
    optimizer: OptimizerSettings = field(default_factory=OptimizerSettings)

    def __post_init__(self) -> None:
        require(self.epochs > 0, "epochs", self.epochs, "above 0")
        require(self.steps >= 0, "steps", self.steps, "0 or more")
        noise = self.neftune_noise_alpha
        require(noise >= 0, "neftune_noise_alpha", noise, "0 or more")


SECOND_STAGE = StageSettings(
    epochs=2.0,
    optimizer=OptimizerSettings(
        learning_rate=5e-5,
        groups=GroupRates(embeddings=0.1, early=0.5, late=1.0, head=2.0),
    ),
)


@dataclass(frozen=True, kw_only=True, slots=True)
class SampleSettings:
    """Prompts that are answered at every measurement, to be read in the report."""

    prompts: tuple[str, ...] = ()
    """Questions that are asked; none takes held-out ones."""
    count: int = 2
    """Held-out questions that are asked where no prompts are given, each of another kind."""
    tokens: int = 64
    """Tokens of an answer at most."""

    def __post_init__(self) -> None:
        require(self.count >= 0, "count", self.count, "0 or more")
        require(self.tokens >= 1, "tokens", self.tokens, "1 or more")
        require(len(self.prompts) <= 20, "prompts", len(self.prompts), "20 at most")


@dataclass(frozen=True, kw_only=True, slots=True)
class Recipe:
    """Everything that a run depends on besides the release."""

    seed: int = 20261101
    """What order, dropout and the adapter's first weights follow from."""
    length: int = 2048
    """Tokens of a packed row."""
    batch: int = 8
    """Rows of one optimizer step, over all processes and accumulated micro-batches."""
    micro_batch: int = 1
    """Rows that one process handles at once."""
    evaluate_every: int = 50
    """Steps between two measurements of held-out loss; 0 measures at the ends of stages only."""
    evaluation_rows: int = 64
    """Held-out rows of each such measurement at most."""
    evaluation_documents: int = 200
    """Documents of the test split on which base and adapter are compared in the end; 0 for all."""
    system_prompt: str = "default"
    """The system message of chats that have none, in training, evaluation, chat and export: a text,
    `file:PATH`, `default` for the model's own (its SYSTEM_PROMPT.txt, or what its chat template
    adds), or `none`."""
    tracker: Literal["none", "tensorboard", "wandb", "mlflow", "trackio"] = "none"
    """Also send the metrics there, through accelerate."""
    model: ModelSettings = field(default_factory=ModelSettings)
    adapter: AdapterSettings = field(default_factory=AdapterSettings)
    stage1: StageSettings = field(default_factory=StageSettings)
    """Continued pretraining on documents."""
    stage2: StageSettings = SECOND_STAGE
    """Instruction tuning."""
    elastic: ElasticSettings = field(default_factory=ElasticSettings)
    checkpoint: CheckpointSettings = field(default_factory=CheckpointSettings)
    selection: SelectionSettings = field(default_factory=SelectionSettings)
    samples: SampleSettings = field(default_factory=SampleSettings)

    def __post_init__(self) -> None:
        require(0 <= self.seed < 2**64, "seed", self.seed, "0 or more and less than 2**64")
        require(self.length >= 16, "length", self.length, "16 or more")
        require(self.micro_batch >= 1, "micro_batch", self.micro_batch, "1 or more")
        is_multiple = self.batch >= 1 and self.batch % self.micro_batch == 0
        wanted = f"a multiple of micro_batch ({self.micro_batch})"
        require(is_multiple, "batch", self.batch, wanted)
        require(self.evaluate_every >= 0, "evaluate_every", self.evaluate_every, "0 or more")
        require(self.evaluation_rows >= 1, "evaluation_rows", self.evaluation_rows, "1 or more")
        wanted = "above 0 where selection.take is best or selection.patience is set"
        measures = self.evaluate_every > 0 or not self.selection.is_on
        require(measures, "evaluate_every", self.evaluate_every, wanted)
        compared = self.evaluation_documents
        require(compared >= 0, "evaluation_documents", compared, "0 or more")
        infilled = self.stage2.data.infilling_rate
        wanted = "0, because conversations are not filled in"
        require(not infilled, "stage2.data.infilling_rate", infilled, wanted)
        is_read = self.model.backend == "transformers" and self.model.quantization != "int8"
        wanted = (
            "false unless model.backend is transformers, model.quantization nf4 or none, and "
            "model.sharded false: it takes the norms of whole weights"
        )
        can = is_read and not self.model.sharded
        require(can or not self.adapter.dora, "adapter.dora", True, wanted)
        own = self.stage1.data.chats
        require(not own, "stage1.data.chats", own, "empty: stage 1 reads documents, stage 2 chats")
        is_some = self.stage1.enabled or self.stage2.enabled
        require(is_some, "stage2.enabled", False, "true where stage1.enabled is false")


class UnknownRecipe(TrainError):
    """Neither a shipped recipe nor a file."""

    def __init__(self, name: str) -> None:
        near = get_close_matches(name, shipped(), 1)
        hint = f"Did you mean {near[0]}? " if near else ""
        super().__init__(
            f"{name}: no such recipe. {hint}Name one of {', '.join(shipped())}, or a file with "
            ".toml or .json at its end."
        )


class MalformedRecipe(TrainError):
    """A file that cannot be read, is not TOML, or not JSON where its name says so."""

    def __init__(self, path: Path, detail: str) -> None:
        super().__init__(f"{path}: not a recipe: {detail}. See {RECIPES} for how one looks.")


def shipped() -> tuple[str, ...]:
    """Return the names of the recipes that the project ships."""
    return tuple(sorted(path.stem for path in RECIPES.glob("*.toml")))


def load(name_or_path: str | Path, overrides: Mapping[str, Any] | None = None) -> Recipe:
    """Read a shipped recipe by its name, or a file: TOML, or the JSON that `save` writes.

    `overrides` are as `train.options.override` takes them. Raises UnknownRecipe, MalformedRecipe,
    UnknownOption and BadValue.
    """
    path = _file(name_or_path)
    return override(build(Recipe, _read(path), str(path)), overrides or {})


def save(recipe: Recipe, path: Path) -> None:
    """Write all options of a recipe as JSON that `load` reads."""
    write_json(path, to_mapping(recipe))


def digest(recipe: Recipe) -> str:
    """Return a SHA-256 that differs for recipes that train differently.

    Options `without_effect` are not in it, so a run may go on with others of them.
    """
    mapping = to_mapping(recipe)
    for key in without_effect(recipe):
        *sections, name = key.split(".")
        table = mapping
        for section in sections:
            table = table[section]
        del table[name]
    return hashlib.sha256(canonical_json(mapping)).hexdigest()


def differences(before: Recipe, after: Recipe) -> list[str]:
    """Return what differs between two recipes that train differently, option by option."""
    pairs = zip(options(before), options(after), strict=True)
    ignored = without_effect(before) & without_effect(after)
    return [
        f"{old.key} was {old.value!r} and is {new.value!r}"
        for old, new in pairs
        if old.value != new.value and old.key not in ignored
    ]


def without_effect(recipe: Recipe) -> set[str]:
    """Return the options that change no weight of the steps that a recipe takes."""
    return {*WITHOUT_EFFECT} - {*(DECIDING if recipe.selection.is_on else ())}


def _file(name_or_path: str | Path) -> Path:
    path = RECIPES / f"{name_or_path}.toml"
    if str(name_or_path) in shipped():
        return path
    path = Path(name_or_path)
    if path.suffix not in (".toml", ".json") or not path.is_file():
        raise UnknownRecipe(str(name_or_path))
    return path


def _read(path: Path) -> Any:
    try:
        text = path.read_text(encoding="utf-8")
        return json.loads(text) if path.suffix == ".json" else tomllib.loads(text)
    except (OSError, RecursionError, ValueError) as error:  # as for an integer of 5,000 digits
        raise MalformedRecipe(path, str(error)) from error
