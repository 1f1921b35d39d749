"""What a decoder looks like, told by its config.json alone: no weights, no transformers.

The keys are those of transformers' configurations (`transformers.models.*.configuration_*`, 5.17);
where a file leaves one out, the default is that of its model type.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import astuple, dataclass
from pathlib import Path
from typing import Literal

from train.errors import TrainError

Stored = Literal["16-bit", "nf4", "int8", "fp8"]
Config = Mapping[str, object]
"""A configuration as JSON gives it: nothing in it has been checked."""

SHAPES = Path(__file__).with_name("shapes.json")
WINDOWS = {"mistral": 4096}
"""Sliding windows of types that have one unless their configuration says null."""
POSITIONS = {"llama": 2048, "mistral": 131072, "ministral3": 262144, "qwen2": 32768}
TYPES = tuple(POSITIONS)
KEY_VALUE_HEADS = {"mistral": 8, "ministral3": 8, "qwen2": 32}
"""Where a file does not say; null means as many as there are heads, and so do other types."""
HEAD_DIM = {"ministral3": 128}
"""Likewise; null, and other types, mean hidden / heads."""
LARGEST = 2**31 - 1
"""Of any number in a configuration; torch cannot take sizes above 64 bits."""
WITH_VISION = ("mistral3",)
"""Types whose language model is `text_config`, beside a Pixtral vision tower."""


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
    """0 where it is the embeddings once more."""
    vision: int

    @property
    def total(self) -> int:
        """All of them."""
        return sum(astuple(self))


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


class NoConfig(TrainError):
    """There is no config.json at the given place, or it cannot be fetched."""

    def __init__(self, place: str, why: str) -> None:
        super().__init__(
            f"{place}: no config.json can be read ({why}). Name a model's folder, its config.json, "
            "or a model on the Hub; a private one needs HF_TOKEN."
        )


class HubNotAsked(TrainError):
    """A model whose shape is neither shipped nor cached, where the Hub may not be asked."""

    def __init__(self, name: str) -> None:
        super().__init__(
            f"{name}: its shape does not come with this program, and its config.json is not in the "
            "Hub cache of this machine. Add --fetch to read it from the Hub (some kilobytes), or "
            "name a model's folder or its config.json."
        )


class MalformedConfig(TrainError):
    """A config.json that does not say what a model of its type must say."""

    def __init__(self, place: str, detail: str) -> None:
        super().__init__(f"{place}: {detail}. Fetch the model's config.json again.")


class UnknownArchitecture(TrainError):
    """A model type that this module cannot count."""

    def __init__(self, place: str, model_type: str) -> None:
        known = ", ".join((*TYPES, *WITH_VISION))
        super().__init__(
            f"{place}: a model of type {model_type!r} cannot be planned; known are {known}."
        )


def read(place: Path | str, revision: str = "", *, fetch: bool = True) -> Architecture:
    """Read a model's folder, its config.json, or that of a repository on the Hub.

    Without `fetch` nothing is asked of the network: a name is looked for among the shapes in
    shapes.json (main branch only), then in this machine's Hub cache.
    Raises NoConfig, HubNotAsked, MalformedConfig, UnknownArchitecture.
    """
    path = Path(place)
    if path.is_dir():
        path = path / "config.json"
    elif not path.exists() and isinstance(place, str):
        if not fetch and not revision and place in (known := shipped()):
            return of_config(known[place], place)
        path = _of_hub(place, revision, fetch)
    try:
        config = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise NoConfig(str(place), error.strerror or str(error)) from error
    except (RecursionError, ValueError) as error:
        raise MalformedConfig(str(path), f"not JSON: {error}") from error
    if not isinstance(config, dict):
        raise MalformedConfig(str(path), "not a JSON object")
    return of_config(config, str(path))


def shipped() -> dict[str, Config]:
    """Return config.json, by repository name, of the models that recipes and pages name."""
    groups = json.loads(SHAPES.read_text(encoding="utf-8"))
    return {name: group["config"] for group in groups for name in group["names"]}


def of_config(config: Config, place: str) -> Architecture:
    """Return the shape that a configuration tells; `place` is for errors.

    Raises MalformedConfig, UnknownArchitecture.
    """
    try:
        return _shape(config, place)
    except (AttributeError, OverflowError, TypeError, ValueError) as error:
        raise MalformedConfig(place, f"a value is of the wrong type ({error})") from error


def _shape(config: Config, place: str) -> Architecture:
    model_type = str(config.get("model_type"))
    text = config.get("text_config") if model_type in WITH_VISION else config
    if not isinstance(text, Mapping):
        raise MalformedConfig(place, "`text_config` is missing, which holds the language model")
    if (text_type := str(text.get("model_type", "mistral"))) not in TYPES:
        raise UnknownArchitecture(place, text_type)
    number = _Numbers(text, place)
    heads, hidden = number("num_attention_heads"), number("hidden_size")
    base, kind, factor = _rope(text)
    tied = text if text is config or "tie_word_embeddings" not in config else config
    return Architecture(
        model_type=text_type,
        layers=number("num_hidden_layers"),
        hidden=hidden,
        intermediate=number("intermediate_size"),
        heads=heads,
        key_value_heads=number("num_key_value_heads", heads, KEY_VALUE_HEADS.get(text_type)),
        head_dim=number("head_dim", hidden // heads, HEAD_DIM.get(text_type)),
        vocabulary=number("vocab_size"),
        ties_embeddings=bool(tied.get("tie_word_embeddings", False)),
        rope_base=base,
        rope_kind=kind,
        rope_factor=factor,
        window=_window(number, text_type),
        positions=number("max_position_embeddings", POSITIONS[text_type]),
        attention_bias=_biased(text, text_type),
        feed_forward_bias=bool(text.get("mlp_bias", False)),
        vision=0 if text is config else _vision_parameters(config, hidden, place),
        stored=_stored(config),
        exempt=tuple(_exempt(config)),
    )


class _Numbers:
    """Reads whole numbers from 1 to `LARGEST` out of a configuration."""

    def __init__(self, config: Config, place: str) -> None:
        self.config = config
        self.place = place

    def __call__(self, key: str, default: int | None = None, left_out: int | None = None) -> int:
        """Return a number; `default` where it is null, or not there and `left_out` is None."""
        found = self.config.get(key, left_out)
        value = default if found is None else found
        if type(value) is not int or not 1 <= value <= LARGEST:
            said = "is missing" if value is None else f"is {value!r:.40}"
            why = f"`{key}` {said}, but must be a number from 1 to {LARGEST:,}"
            raise MalformedConfig(self.place, why)
        return value


def _rope(config: Config) -> tuple[float, str, float]:
    """Return base, kind of scaling and its factor; newer files hold all in `rope_parameters`."""
    scaling = _table(config, "rope_parameters") or _table(config, "rope_scaling")
    base = scaling.get("rope_theta", config.get("rope_theta", 10_000.0))
    kind = scaling.get("rope_type", scaling.get("type", "default"))
    return real(base), str(kind), real(scaling.get("factor", 1.0))


def _table(config: Config, key: str) -> Config:
    """Return a table, empty where it is missing or null. Raises TypeError for anything else."""
    found = config.get(key) or {}
    if not isinstance(found, Mapping):
        raise TypeError(f"`{key}` is {found!r}")
    return found


def real(value: object) -> float:
    """Return a number. Raises TypeError, and ValueError for text that is no number."""
    if not isinstance(value, int | float | str):
        raise TypeError(f"{value!r} is no number")
    return float(value)


def _window(number: _Numbers, model_type: str) -> int | None:
    if model_type == "qwen2" and not number.config.get("use_sliding_window", False):
        return None
    default = WINDOWS.get(model_type)
    found = number.config.get("sliding_window", default)
    return None if found is None else number("sliding_window", default)


def _biased(config: Config, model_type: str) -> tuple[str, ...]:
    if model_type == "qwen2":
        return ("q_proj", "k_proj", "v_proj")
    every = ("q_proj", "k_proj", "v_proj", "o_proj")
    return every if model_type == "llama" and config.get("attention_bias") else ()


def _vision_parameters(config: Config, hidden: int, place: str) -> int:
    """Count a Pixtral tower and the projector behind it, as transformers lays them out."""
    vision = config.get("vision_config")
    if not isinstance(vision, Mapping) or vision.get("model_type", "pixtral") != "pixtral":
        raise MalformedConfig(place, "`vision_config` is not that of a Pixtral tower")
    number = _Numbers(vision, place)
    width, inner = number("hidden_size", 1024), number("intermediate_size", 4096)
    patches = number("num_channels", 3) * number("patch_size", 16) ** 2 * width + width
    layer = 4 * width**2 + 3 * width * inner + 2 * width
    merged = _Numbers(config, place)("spatial_merge_size", 2) ** 2
    projector = width + merged * width**2 + (width + hidden) * hidden
    bias = 2 * hidden if config.get("multimodal_projector_bias", False) else 0
    return patches + number("num_hidden_layers", 24) * layer + projector + bias


def _stored(config: Config) -> Stored:
    quantization = _table(config, "quantization_config")
    if quantization.get("quant_method") == "fp8":
        return "fp8"
    if quantization.get("load_in_4bit"):
        return "nf4"
    return "int8" if quantization.get("load_in_8bit") else "16-bit"


def _exempt(config: Config) -> Iterator[str]:
    """Yield the decoder's exempt modules from `layers` on: what is before that has many names."""
    names = _table(config, "quantization_config").get("llm_int8_skip_modules") or ()
    if not isinstance(names, list | tuple):
        raise TypeError(f"`llm_int8_skip_modules` is {names!r}")
    for name in map(str, names):
        if "vision" not in name:
            yield name[name.find("layers.") :] if "layers." in name else name


def _of_hub(name: str, revision: str, fetch: bool) -> Path:
    from huggingface_hub import hf_hub_download, try_to_load_from_cache
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError

    try:
        if fetch:
            return Path(hf_hub_download(name, "config.json", revision=revision or None))
        cached = try_to_load_from_cache(name, "config.json", revision=revision or None)
    except HFValidationError as error:
        raise NoConfig(name, "there is no such folder, and no such name on the Hub") from error
    except (HfHubHTTPError, OSError, ValueError) as error:
        raise NoConfig(name, str(error).strip().splitlines()[0]) from error
    if not isinstance(cached, str):
        raise HubNotAsked(name)
    return Path(cached)
