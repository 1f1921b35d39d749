"""A decoder's shape, read from its config.json alone: no weights, no transformers.

The keys are those of transformers' configurations (`transformers.models.*.configuration_*`, 5.17);
where a file leaves one out, the default is that of its model type.
"""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from train.architecture.shape import Architecture, Stored
from train.errors import TrainError

WINDOWS = {"mistral": 4096}
"""Sliding windows of types that have one unless their configuration says null."""
POSITIONS = {"llama": 2048, "mistral": 131072, "ministral3": 262144, "qwen2": 32768}
TYPES = tuple(POSITIONS)
KEY_VALUE_HEADS = {"mistral": 8, "ministral3": 8, "qwen2": 32}
"""Where a file does not say; null means as many as there are heads, and so do other types."""
HEAD_DIM = {"ministral3": 128}
"""Likewise; null, and other types, mean hidden / heads."""
WITH_VISION = ("mistral3",)
"""Types whose language model is `text_config`, beside a Pixtral vision tower."""


class NoConfig(TrainError):
    """There is no config.json at the given place, or it cannot be fetched."""

    def __init__(self, place: str, why: str) -> None:
        super().__init__(
            f"{place}: no config.json can be read ({why}). Name a model's folder, its config.json, "
            "or a model on the Hub; a private one needs HF_TOKEN."
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


def read(place: Path | str, revision: str = "") -> Architecture:
    """Read a model's folder, its config.json, or that of a repository on the Hub.

    Raises NoConfig, MalformedConfig, UnknownArchitecture.
    """
    path = _locate(place, revision)
    try:
        config = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise NoConfig(str(place), error.strerror or str(error)) from error
    except (RecursionError, ValueError) as error:
        raise MalformedConfig(str(path), f"not JSON: {error}") from error
    if not isinstance(config, dict):
        raise MalformedConfig(str(path), "not a JSON object")
    return of_config(config, str(path))


def of_config(config: Mapping[str, Any], place: str) -> Architecture:
    """Return the shape that a configuration tells; `place` is for errors.

    Raises MalformedConfig, UnknownArchitecture.
    """
    try:
        return _shape(config, place)
    except (AttributeError, TypeError, ValueError) as error:
        raise MalformedConfig(place, f"a value is of the wrong type ({error})") from error


def _shape(config: Mapping[str, Any], place: str) -> Architecture:
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
    """Reads whole numbers above 0 out of a configuration."""

    def __init__(self, config: Mapping[str, Any], place: str) -> None:
        self.config = config
        self.place = place

    def __call__(self, key: str, default: int | None = None, left_out: int | None = None) -> int:
        """Return a number; `default` where it is null, or not there and `left_out` is None."""
        found = self.config.get(key, left_out)
        value = default if found is None else found
        if type(value) is not int or value < 1:
            said = "is missing" if value is None else f"is {value!r}"
            raise MalformedConfig(self.place, f"`{key}` {said}, but must be a number above 0")
        return value


def _rope(config: Mapping[str, Any]) -> tuple[float, str, float]:
    """Return base, kind of scaling and its factor; newer files hold all in `rope_parameters`."""
    scaling = config.get("rope_parameters") or config.get("rope_scaling") or {}
    base = scaling.get("rope_theta", config.get("rope_theta", 10_000.0))
    kind = scaling.get("rope_type", scaling.get("type", "default"))
    return float(base), str(kind), float(scaling.get("factor", 1.0))


def _window(number: _Numbers, model_type: str) -> int | None:
    if model_type == "qwen2" and not number.config.get("use_sliding_window", False):
        return None
    default = WINDOWS.get(model_type)
    found = number.config.get("sliding_window", default)
    return None if found is None else number("sliding_window", default)


def _biased(config: Mapping[str, Any], model_type: str) -> tuple[str, ...]:
    if model_type == "qwen2":
        return ("q_proj", "k_proj", "v_proj")
    every = ("q_proj", "k_proj", "v_proj", "o_proj")
    return every if model_type == "llama" and config.get("attention_bias") else ()


def _vision_parameters(config: Mapping[str, Any], hidden: int, place: str) -> int:
    """Count a Pixtral tower and the projector behind it, as transformers lays them out."""
    vision = config.get("vision_config")
    if not isinstance(vision, Mapping) or vision.get("model_type", "pixtral") != "pixtral":
        raise MalformedConfig(place, "`vision_config` is not that of a Pixtral tower")
    number = _Numbers(vision, place)
    width, inner = number("hidden_size", 1024), number("intermediate_size", 4096)
    patches = number("num_channels", 3) * number("patch_size", 16) ** 2 * width + width
    layer = 4 * width**2 + 3 * width * inner + 2 * width
    merged = int(config.get("spatial_merge_size", 2)) ** 2
    projector = width + merged * width**2 + (width + hidden) * hidden
    bias = 2 * hidden if config.get("multimodal_projector_bias", False) else 0
    return patches + number("num_hidden_layers", 24) * layer + projector + bias


def _stored(config: Mapping[str, Any]) -> Stored:
    quantization = config.get("quantization_config") or {}
    if quantization.get("quant_method") == "fp8":
        return "fp8"
    if quantization.get("load_in_4bit"):
        return "nf4"
    return "int8" if quantization.get("load_in_8bit") else "16-bit"


def _exempt(config: Mapping[str, Any]) -> Iterator[str]:
    """Yield the decoder's exempt modules from `layers` on: what is before that has many names."""
    quantization = config.get("quantization_config") or {}
    for name in quantization.get("llm_int8_skip_modules") or ():
        if "vision" not in name:
            yield name[name.find("layers.") :] if "layers." in name else name


def _locate(place: Path | str, revision: str) -> Path:
    path = Path(place)
    if path.is_dir():
        return path / "config.json"
    return path if path.exists() or isinstance(place, Path) else _fetched(place, revision)


def _fetched(name: str, revision: str) -> Path:
    from huggingface_hub import hf_hub_download
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError

    try:
        return Path(hf_hub_download(name, "config.json", revision=revision or None))
    except HFValidationError as error:
        raise NoConfig(name, "there is no such folder, and no such name on the Hub") from error
    except (HfHubHTTPError, OSError, ValueError) as error:
        raise NoConfig(name, str(error).strip().splitlines()[0]) from error
