"""The shape of a decoder, and how many parameters that makes."""

from dataclasses import dataclass
from typing import Literal

Stored = Literal["16-bit", "nf4", "int8", "fp8"]


@dataclass(frozen=True, slots=True)
class Linear:
    """A projection that stands in every layer."""

    name: str
    """The last part of its module's name, such as `q_proj`."""
    block: str
    """`self_attn` or `mlp`."""
    inputs: int
    outputs: int
    has_bias: bool = False

    @property
    def weights(self) -> int:
        """Entries of the matrix."""
        return self.inputs * self.outputs


@dataclass(frozen=True, kw_only=True, slots=True)
class Parameters:
    """How many there are, by component."""

    embeddings: int
    attention: int
    feed_forward: int
    norms: int
    head: int
    """None where it is the embeddings once more."""
    vision: int

    @property
    def total(self) -> int:
        """All of them."""
        return (
            self.embeddings
            + self.attention
            + self.feed_forward
            + self.norms
            + self.head
            + self.vision
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class Architecture:
    """The shape of a decoder with rotary positions and gated feed-forward layers."""

    model_type: str
    """Of the language model: `ministral3` where the file says `mistral3`."""
    layers: int
    hidden: int
    intermediate: int
    heads: int
    key_value_heads: int
    head_dim: int
    """Width of one head; not hidden / heads in Devstral."""
    vocabulary: int
    ties_embeddings: bool
    rope_base: float
    rope_kind: str = "default"
    """How positions are scaled: `default`, `linear`, `llama3`, `yarn`, ..."""
    rope_factor: float = 1.0
    window: int | None = None
    """Tokens that attention looks back, where it is not all of them."""
    positions: int
    """The longest row that the model is for."""
    attention_bias: tuple[str, ...] = ()
    """Projections of attention that have a bias."""
    feed_forward_bias: bool = False
    vision: int = 0
    """Parameters of a vision tower and its projector, which no training here touches."""
    stored: Stored = "16-bit"
    """How the files hold the projections."""
    exempt: tuple[str, ...] = ()
    """Modules that a quantised model holds in 16 bits all the same."""

    @property
    def linears(self) -> tuple[Linear, ...]:
        """The projections of one layer, in the order in which they are applied."""
        queries, keys = self.heads * self.head_dim, self.key_value_heads * self.head_dim
        sizes = {
            "q_proj": (self.hidden, queries),
            "k_proj": (self.hidden, keys),
            "v_proj": (self.hidden, keys),
            "o_proj": (queries, self.hidden),
        }
        attention = (
            Linear(name, "self_attn", *size, name in self.attention_bias)
            for name, size in sizes.items()
        )
        inner, bias = self.intermediate, self.feed_forward_bias
        feed_forward = (
            Linear("gate_proj", "mlp", self.hidden, inner, bias),
            Linear("up_proj", "mlp", self.hidden, inner, bias),
            Linear("down_proj", "mlp", inner, self.hidden, bias),
        )
        return (*attention, *feed_forward)

    @property
    def parameters(self) -> Parameters:
        """Exact counts."""
        table = self.vocabulary * self.hidden
        return Parameters(
            embeddings=table,
            attention=self._in("self_attn"),
            feed_forward=self._in("mlp"),
            norms=(2 * self.layers + 1) * self.hidden,
            head=0 if self.ties_embeddings else table,
            vision=self.vision,
        )

    def adapter_parameters(self, rank: int, targets: tuple[str, ...]) -> int:
        """Count the weights of low-rank adapters on the named projections of every layer."""
        return self.layers * sum(
            rank * (linear.inputs + linear.outputs)
            for linear in self.linears
            if linear.name in targets
        )

    def is_exempt(self, layer: int, linear: Linear) -> bool:
        """Tell whether a quantised model holds this projection in 16 bits."""
        name = f".layers.{layer}.{linear.block}.{linear.name}."
        return any(f".{pattern}." in name for pattern in self.exempt)

    def _in(self, block: str) -> int:
        return self.layers * sum(
            linear.weights + linear.has_bias * linear.outputs
            for linear in self.linears
            if linear.block == block
        )
