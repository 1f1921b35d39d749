"""A recipe: everything that a run depends on besides the release, section by section.

Recipes are TOML files in `train/recipes/`; what a file leaves out has the default that stands here.
The resolved recipe is saved with the run.
"""

import hashlib
import json
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from typing import Literal

from corpus.atomic import canonical_json, write_json
from train.errors import TrainError
from train.options import build, options, override, require, to_mapping


@dataclass(frozen=True, kw_only=True, slots=True)
class ReplaySettings:
    """General text mixed in so that less of it is forgotten."""

    path: str = ""
    """A Parquet or JSON-lines file, or a folder of them, with a column `text`; empty for none."""
    share: float = 0.05
    """Replayed tokens as a fraction of all tokens of an epoch."""

    def __post_init__(self) -> None:
        require(0 <= self.share < 1, "share", self.share, "0 or more and less than 1")


@dataclass(frozen=True, kw_only=True, slots=True)
class DataSettings:
    """What one stage reads."""

    mixture: Mapping[str, float] = field(default_factory=dict)
    """Passes an epoch makes over each source, such as `documents.elixir` or
    `instruct.documentation_to_function`; a fraction takes that share of its samples, another share
    each epoch. Empty takes every source of the stage once, but no guides (`documents.markdown`,
    `documents.livemd`), which only a mixture that names them reads."""
    chats: Mapping[str, str] = field(default_factory=dict)
    """Chats of your own, by a name: a JSONL file, a folder of them, or a dataset on the Hub as
    hub:OWNER/NAME@REVISION[:SPLIT]. They are the sources `chat.NAME` of the mixture."""
    licences: Mapping[str, str] = field(default_factory=dict)
    """Their licences, as SPDX names them, by the same names; the Hub's card states one too."""
    malformed: Literal["refuse", "drop"] = "refuse"
    """What becomes of a row that is no chat or calls tools: the run is refused with file and line,
    or the row is left out and counted."""
    replay: ReplaySettings = field(default_factory=ReplaySettings)
    contexts: bool = False
    """Whether stage 1 reads whole packages, the table `context`, in place of single documents."""
    scores: tuple[float, float] = (0.0, 1.0)
    """Stage 1 reads documents whose score of the release's table `signals` lies between these, both
    included. With 0 and 1 it reads all, also those without a score."""
    infilling_rate: float = 0.0
    """Share of documents that are turned into fill-in-the-middle samples. Off by default: nothing
    shows that Devstral was trained on that format."""

    def __post_init__(self) -> None:
        for name, passes in self.mixture.items():
            require(passes >= 0, f"mixture.{name}", passes, "0 or more")
        is_something = not self.mixture or any(self.mixture.values())
        require(is_something, "mixture", dict(self.mixture), "above 0 for one source at least")
        for name, place in self.chats.items():
            well = re.fullmatch(r"[A-Za-z0-9_-]+", name) is not None
            require(well, "chats", name, "named with letters, digits, _ and -")
            stated = place.startswith("hub:") or bool(self.licences.get(name))
            require(stated, f"licences.{name}", "", f"the licence of {place}, such as MIT")
        for name in self.licences:
            require(name in self.chats, f"licences.{name}", self.licences[name], "of one of chats")
        least, most = self.scores
        require(0 <= least <= most <= 1, "scores", list(self.scores), "two numbers from 0 to 1")
        is_whole = not self.contexts or tuple(self.scores) == (0.0, 1.0)
        require(is_whole, "scores", list(self.scores), "left out where contexts are read")
        within = 0 <= self.infilling_rate <= 1
        require(within, "infilling_rate", self.infilling_rate, "from 0 to 1")


ATTENTION = ("q_proj", "k_proj", "v_proj", "o_proj")
FEED_FORWARD = ("gate_proj", "up_proj", "down_proj")


@dataclass(frozen=True, kw_only=True, slots=True)
class ModelSettings:
    """The base model and how it lies in memory."""

    name: str = "unsloth/Devstral-Small-2507"
    """A local folder or a name on the Hub."""
    revision: str = ""
    """Commit, tag or branch on the Hub; empty takes its main branch."""
    tokenizer: str = ""
    """A folder with the tokenizer's files, or a Hub name; empty takes the model's own."""
    quantization: Literal["nf4", "int8", "none"] = "nf4"
    """4-bit NormalFloat with double quantisation in blocks of 64 (Dettmers et al. 2023, QLoRA);
    8-bit integers (LLM.int8()); or the compute type itself."""
    compute: Literal["auto", "bfloat16", "float32"] = "auto"
    """The type of activations; auto takes bfloat16 on CUDA and float32 on a CPU."""
    backend: Literal["auto", "unsloth", "transformers"] = "auto"
    """What runs it; auto takes Unsloth on CUDA and transformers elsewhere."""
    gradient_checkpointing: bool = True
    """Compute activations again in the backward pass instead of keeping them."""
    sharded: bool = False
    """Divide the layers' frozen weights among the processes that train (FSDP) instead of giving all
    of them to each (DDP). Without Unsloth, and not in int8."""

    def __post_init__(self) -> None:
        require(bool(self.name), "name", self.name, "a folder or a name on the Hub")
        can_shard = self.quantization != "int8" and self.backend != "unsloth"
        wanted = "false with int8 and with Unsloth, which need whole weights"
        require(can_shard or not self.sharded, "sharded", self.sharded, wanted)

    @property
    def tokenizer_place(self) -> tuple[str, str]:
        """Folder or Hub name of the tokenizer, and its revision there."""
        return (self.tokenizer, "") if self.tokenizer else (self.name, self.revision)


@dataclass(frozen=True, kw_only=True, slots=True)
class AdapterSettings:
    """Low-rank adapters (Hu et al. 2021, LoRA)."""

    rank: int = 32
    """Width of the two factors of a weight's update."""
    alpha: int = 32
    """The update is scaled by alpha / rank."""
    rslora: bool = False
    """Scale it by alpha / sqrt(rank) instead, so that a high rank learns as fast as a low one
    (Kalajdzievski 2023, rank-stabilised LoRA)."""
    dora: bool = False
    """Also train the length of every output's weights, apart from their direction (Liu et al. 2024,
    DoRA). Each pass takes the norms of whole weights: slower, not with Unsloth, whose kernels have
    no lengths, not sharded, and not in int8, which peft cannot read before a first pass."""
    dropout: float = 0.0
    """Share of an adapter's inputs that are zeroed while it trains."""
    targets: tuple[str, ...] = ATTENTION + FEED_FORWARD
    """Linear layers that get an adapter, by the last part of their names."""
    embeddings: bool = False
    """Also train the embeddings and the head whole; costs their size in gradients and moments."""
    start: str = ""
    """Folder of an adapter to begin from instead of a fresh one: a run's `adapter`, or one of its
    checkpoints, as for a second stage of another kind after the same first one."""

    def __post_init__(self) -> None:
        require(self.rank >= 1, "rank", self.rank, "1 or more")
        require(self.alpha >= 1, "alpha", self.alpha, "1 or more")
        require(0 <= self.dropout < 1, "dropout", self.dropout, "0 or more and less than 1")
        is_set = bool(self.targets) and len(set(self.targets)) == len(self.targets)
        require(is_set, "targets", list(self.targets), "names of layers, each once")


class UnknownTarget(TrainError):
    """No layer of the model has the name of an adapter's target."""

    def __init__(self, targets: list[str], known: list[str]) -> None:
        super().__init__(
            f"--adapter.targets: the model has no linear layer named {', '.join(targets)}; it has "
            f"{', '.join(known)}."
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class GroupRates:
    """Factors on the learning rate by depth (Howard and Ruder 2018, discriminative fine-tuning)."""

    embeddings: float = 1.0
    early: float = 1.0
    """The first half of the layers."""
    late: float = 1.0
    """The second half of the layers."""
    head: float = 1.0

    def __post_init__(self) -> None:
        for name in ("embeddings", "early", "late", "head"):
            factor = getattr(self, name)
            require(factor >= 0, name, factor, "0 or more")


@dataclass(frozen=True, kw_only=True, slots=True)
class OptimizerSettings:
    """AdamW (Loshchilov and Hutter 2019) and its schedule."""

    learning_rate: float = 2e-4
    """The highest rate, at the end of the warm-up."""
    schedule: Literal["cosine", "linear", "constant"] = "cosine"
    warm_up: float = 0.1
    """Fraction of all steps over which the rate rises linearly from zero."""
    final: float = 0.0
    """The rate that a step behind the last would have, as a fraction of the highest."""
    weight_decay: float = 0.0
    betas: tuple[float, float] = (0.9, 0.999)
    epsilon: float = 1e-8
    clip: float = 1.0
    """Largest norm of the gradient; longer ones are scaled down to it."""
    kind: Literal["adamw", "adamw_8bit", "paged_adamw_8bit"] = "adamw"
    """The latter two are those of bitsandbytes and need CUDA."""
    groups: GroupRates = field(default_factory=GroupRates)

    def __post_init__(self) -> None:
        require(self.learning_rate > 0, "learning_rate", self.learning_rate, "above 0")
        require(0 <= self.warm_up <= 1, "warm_up", self.warm_up, "from 0 to 1")
        require(0 <= self.final <= 1, "final", self.final, "from 0 to 1")
        require(self.weight_decay >= 0, "weight_decay", self.weight_decay, "0 or more")
        are_shares = all(0 <= beta < 1 for beta in self.betas)
        require(are_shares, "betas", list(self.betas), "two numbers from 0 to less than 1")
        require(self.epsilon > 0, "epsilon", self.epsilon, "above 0")
        require(self.clip > 0, "clip", self.clip, "above 0")


@dataclass(frozen=True, kw_only=True, slots=True)
class ElasticSettings:
    """Elastic weight consolidation (Kirkpatrick et al. 2017) of stage 1 during stage 2."""

    strength: float = 0.0
    """Lambda: the penalty is strength / 2 * sum(F * (weight - anchor)^2); 0 leaves it out."""
    samples: int = 256
    """Training samples of stage 1 that the Fisher diagonal F is estimated from, a gradient each."""
    labels: Literal["true", "sampled"] = "sampled"
    """Gradients for the tokens of the text itself (the empirical Fisher) or for tokens drawn from
    the model's own distribution (the Fisher; Kunstner et al. 2019 tell the two apart)."""

    def __post_init__(self) -> None:
        require(self.strength >= 0, "strength", self.strength, "0 or more")
        require(self.samples >= 1, "samples", self.samples, "1 or more")


@dataclass(frozen=True, kw_only=True, slots=True)
class CheckpointSettings:
    """When checkpoints are written and removed."""

    every: int = 50
    """Steps between two checkpoints; a stage also ends with one."""
    keep: int = 3
    """Newest checkpoints that are kept; the last one of each stage stays besides."""

    def __post_init__(self) -> None:
        require(self.every >= 1, "every", self.every, "1 or more")
        require(self.keep >= 1, "keep", self.keep, "1 or more")


@dataclass(frozen=True, kw_only=True, slots=True)
class SelectionSettings:
    """Which step's weights a stage ends with, and when it ends early: by held-out loss, as it is
    measured every `evaluate_every` steps and at a stage's ends.
    """

    take: Literal["last", "best"] = "last"
    """Weights that a stage ends with, and the next one begins from: of its last step, or of the
    one with the lowest loss."""
    patience: int = 0
    """Measurements in a row that do not improve, after which a stage ends; 0 for no such end."""
    improvement: float = 0.0
    """Nats a token by which a loss must be lower than the lowest before, to count as improved."""
    held_out: Literal["own", "documents", "instructions"] = "own"
    """Rows that decide: those of the stage itself, or of the first or second stage for both."""

    def __post_init__(self) -> None:
        require(self.patience >= 0, "patience", self.patience, "0 or more")
        require(self.improvement >= 0, "improvement", self.improvement, "0 or more")

    @property
    def is_on(self) -> bool:
        """Whether measurements decide anything, so that the best step is kept."""
        return self.take == "best" or self.patience > 0

    def rows_of(self, stage: int) -> int:
        """Return the stage whose held-out rows decide in a stage."""
        return {"own": stage, "documents": 1, "instructions": 2}[self.held_out]


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
        scores = self.stage2.data.scores
        require(scores == (0.0, 1.0), "stage2.data.scores", list(scores), "left out in stage 2")
        contexts = self.stage2.data.contexts
        require(not contexts, "stage2.data.contexts", contexts, "false: it is for stage 1")
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


class UnusableRecipe(TrainError):
    """Neither a shipped recipe nor a file that can be read as one."""


def shipped() -> tuple[str, ...]:
    """Return the names of the recipes that the project ships."""
    return tuple(sorted(path.stem for path in RECIPES.glob("*.toml")))


def load(name_or_path: str | Path, overrides: Mapping[str, object] | None = None) -> Recipe:
    """Read a shipped recipe by its name, or a file: TOML, or the JSON that `save` writes.

    `overrides` are as `train.options.override` takes them. Raises UnusableRecipe, UnknownOption
    and BadValue.
    """
    path = RECIPES / f"{name_or_path}.toml"
    if str(name_or_path) not in shipped():
        path = Path(name_or_path)
        if path.suffix not in (".toml", ".json") or not path.is_file():
            near = get_close_matches(str(name_or_path), shipped(), 1)
            hint = f"Did you mean {near[0]}? " if near else ""
            raise UnusableRecipe(
                f"{name_or_path}: no such recipe. {hint}Name one of {', '.join(shipped())}, or a "
                "file with .toml or .json at its end."
            )
    try:
        text = path.read_text(encoding="utf-8")
        told = json.loads(text) if path.suffix == ".json" else tomllib.loads(text)
    except (OSError, RecursionError, ValueError) as error:  # as for an integer of 5,000 digits
        why = f"{path}: not a recipe: {error}. See {RECIPES} for how one looks."
        raise UnusableRecipe(why) from error
    return override(build(Recipe, told, str(path)), overrides or {})


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
