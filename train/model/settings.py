"""What is trained, and which of its weights."""

from dataclasses import dataclass
from typing import Literal

from train.options import require

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
