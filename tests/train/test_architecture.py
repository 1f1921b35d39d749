import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.train.configs import DEVSTRAL, DEVSTRAL_2512
from train.architecture import (
    HubNotAsked,
    MalformedConfig,
    NoConfig,
    Parameters,
    UnknownArchitecture,
    of_config,
    read,
)

SMALL: dict[str, Any] = {
    "vocab_size": 100,
    "hidden_size": 48,
    "intermediate_size": 80,
    "num_hidden_layers": 3,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
}


def test_devstral_small_has_its_published_number_of_parameters() -> None:
    shape = of_config(DEVSTRAL, "config.json")
    assert shape.parameters == Parameters(
        embeddings=671_088_640,
        attention=2_097_152_000,
        feed_forward=20_132_659_200,
        norms=414_720,
        head=671_088_640,
        vision=0,
    )
    assert shape.parameters.total == 23_572_403_200
    assert (shape.layers, shape.hidden, shape.heads, shape.key_value_heads) == (40, 5120, 32, 8)
    assert shape.head_dim == 128  # not 5120 / 32
    assert (shape.rope_base, shape.window, shape.positions) == (1e9, None, 131_072)


def test_adapters_of_rank_8_on_devstrals_attention_have_9830400_weights() -> None:
    shape = of_config(DEVSTRAL, "config.json")
    assert shape.adapter_parameters(8, ("q_proj", "k_proj", "v_proj", "o_proj")) == 9_830_400
    every = tuple(linear.name for linear in shape.linears)
    assert shape.adapter_parameters(16, every) == 92_405_760


def test_the_generation_of_2512_is_read_from_its_text_part() -> None:
    shape = of_config(DEVSTRAL_2512, "config.json")
    assert shape.model_type == "ministral3"
    assert (shape.rope_base, shape.rope_kind, shape.rope_factor) == (1e8, "yarn", 48.0)
    assert shape.positions == 393_216
    assert shape.window is None
    assert shape.parameters.total - shape.parameters.vision == 23_572_403_200
    assert shape.parameters.vision == 438_958_080
    assert shape.stored == "fp8"


def written(config: Any, folder: Path) -> Path:
    (folder / "config.json").write_text(json.dumps(config), encoding="utf-8")
    return folder


def test_a_folder_and_a_file_are_read_alike(tmp_path: Path) -> None:
    folder = written(DEVSTRAL, tmp_path)
    assert read(folder) == read(str(folder / "config.json")) == of_config(DEVSTRAL, "x")


def llama(**changes: Any) -> Any:
    from transformers import LlamaConfig

    return LlamaConfig(**SMALL | changes)


def mistral(**changes: Any) -> Any:
    from transformers import MistralConfig

    return MistralConfig(**SMALL | changes)


def qwen2(**changes: Any) -> Any:
    from transformers import Qwen2Config

    return Qwen2Config(**SMALL | changes)


def mistral3(**changes: Any) -> Any:
    from transformers import Mistral3Config

    vision = {
        "model_type": "pixtral",
        "hidden_size": 32,
        "intermediate_size": 64,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
    }
    text = SMALL | {"model_type": "ministral3", "head_dim": 20}
    return Mistral3Config(text_config=text, vision_config=vision, **changes)


def counted_by_transformers(config: Any) -> int:
    import torch
    from transformers import AutoModelForCausalLM, AutoModelForImageTextToText

    both = config.model_type == "mistral3"
    kind = AutoModelForImageTextToText if both else AutoModelForCausalLM
    with torch.device("meta"):
        return sum(weight.numel() for weight in kind.from_config(config).parameters())


@pytest.mark.parametrize(
    ("make", "changes"),
    [
        (llama, {}),
        (llama, {"attention_bias": True, "mlp_bias": True, "tie_word_embeddings": True}),
        (llama, {"head_dim": 20}),
        (mistral, {"head_dim": 20, "sliding_window": None}),
        (qwen2, {}),
        (qwen2, {"use_sliding_window": True, "tie_word_embeddings": True}),
        (mistral3, {"tie_word_embeddings": False}),
        (mistral3, {"tie_word_embeddings": True, "multimodal_projector_bias": True}),
    ],
)
def test_counts_are_those_of_the_model_that_transformers_makes(
    make: Callable[..., Any], changes: dict[str, Any], tmp_path: Path
) -> None:
    config = make(**changes)
    config.save_pretrained(tmp_path)
    assert read(tmp_path).parameters.total == counted_by_transformers(config)


@pytest.mark.parametrize("model_type", ["llama", "mistral", "qwen2", "ministral3"])
@pytest.mark.parametrize("key", ["num_key_value_heads", "head_dim"])
def test_what_a_file_leaves_out_is_what_its_type_has(
    model_type: str, key: str, tmp_path: Path
) -> None:
    from transformers import AutoConfig

    heads = {"hidden_size": 64, "num_attention_heads": 64, "num_key_value_heads": 2, "head_dim": 2}
    config = SMALL | heads | {"model_type": model_type}
    del config[key]
    theirs = AutoConfig.from_pretrained(written(config, tmp_path))
    assert read(tmp_path).parameters.total == counted_by_transformers(theirs)


def test_windows_are_those_that_the_type_means() -> None:
    def window(**config: Any) -> int | None:
        return of_config(SMALL | config, "x").window

    assert window(model_type="mistral") == 4096
    assert window(model_type="mistral", sliding_window=None) is None
    assert window(model_type="qwen2", sliding_window=2048) is None
    assert window(model_type="qwen2", sliding_window=2048, use_sliding_window=True) == 2048
    assert window(model_type="llama") is None


def test_older_files_say_how_positions_are_scaled_in_their_own_way() -> None:
    scaling = {"rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1.0}
    config = {"model_type": "llama", "rope_theta": 500000.0, "rope_scaling": scaling}
    shape = of_config(SMALL | config, "x")
    assert (shape.rope_base, shape.rope_kind, shape.rope_factor) == (500_000.0, "llama3", 8.0)


def test_a_quantised_repository_tells_which_layers_it_exempts() -> None:
    quantization = {
        "quant_method": "bitsandbytes",
        "load_in_4bit": True,
        "llm_int8_skip_modules": ["lm_head", "model.layers.1.mlp", "vision_tower.layers.0"],
    }
    shape = of_config(DEVSTRAL | {"quantization_config": quantization}, "x")
    assert shape.stored == "nf4"
    linears = {linear.name: linear for linear in shape.linears}
    assert shape.is_exempt(1, linears["gate_proj"])
    assert not shape.is_exempt(1, linears["q_proj"])
    assert not shape.is_exempt(0, linears["gate_proj"])
    assert not shape.is_exempt(11, linears["gate_proj"])


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ([1], "not a JSON object"),
        (SMALL | {"model_type": "llama", "hidden_size": None}, "`hidden_size` is missing"),
        (SMALL | {"model_type": "llama", "vocab_size": -1}, "`vocab_size` is -1"),
        (SMALL | {"model_type": "llama", "head_dim": "128"}, "`head_dim` is '128'"),
        ({"model_type": "mistral3"}, "`text_config` is missing"),
        (DEVSTRAL_2512 | {"vision_config": {"model_type": "siglip"}}, "not that of a Pixtral"),
        (DEVSTRAL | {"rope_scaling": "yarn"}, "a value is of the wrong type"),
        (DEVSTRAL | {"rope_theta": None}, "a value is of the wrong type"),
        (DEVSTRAL | {"quantization_config": ["fp8"]}, "a value is of the wrong type"),
        (DEVSTRAL | {"sliding_window": 0}, "`sliding_window` is 0"),
        (DEVSTRAL | {"hidden_size": 10**30}, "must be a number from 1 to 2,147,483,647"),
        (DEVSTRAL | {"rope_theta": 10**400}, "a value is of the wrong type"),
        (
            DEVSTRAL_2512 | {"spatial_merge_size": "two"},
            "`spatial_merge_size` is 'two', but must be",
        ),
    ],
)
def test_a_config_that_cannot_be_counted_says_which_key_is_to_blame(
    config: Any, message: str, tmp_path: Path
) -> None:
    with pytest.raises(MalformedConfig) as caught:
        read(written(config, tmp_path))
    assert message in str(caught.value)


def test_a_file_that_is_not_json_is_refused(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{", encoding="utf-8")
    with pytest.raises(MalformedConfig, match="not JSON"):
        read(tmp_path)


def test_an_unknown_type_is_refused_with_those_that_are_known() -> None:
    with pytest.raises(UnknownArchitecture) as caught:
        of_config(SMALL | {"model_type": "mamba"}, "config.json")
    assert str(caught.value) == (
        "config.json: a model of type 'mamba' cannot be planned; "
        "known are llama, mistral, ministral3, qwen2, mistral3."
    )


def test_a_folder_without_config_is_refused(tmp_path: Path) -> None:
    with pytest.raises(NoConfig, match="No such file"):
        read(tmp_path)
    with pytest.raises(NoConfig, match="No such file"):
        read(tmp_path / "absent")


def test_a_model_that_the_hub_does_not_give_is_named_in_one_sentence(tmp_path: Path) -> None:
    code = (
        "from train.architecture import NoConfig, read\n"
        "try:\n    read('maker/model')\nexcept NoConfig as error:\n    print(error)\n"
    )
    settings = {"HF_HUB_OFFLINE": "1", "HF_HOME": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=os.environ | settings,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.startswith("maker/model: no config.json can be read (")
    assert done.stdout.count("\n") == 1


def test_a_folder_that_is_not_there_is_not_called_a_malformed_name(tmp_path: Path) -> None:
    with pytest.raises(NoConfig, match="there is no such folder, and no such name on the Hub"):
        read(str(tmp_path / "absent"))


def test_smollm2_is_known_by_its_name_without_a_network() -> None:
    shape = read("HuggingFaceTB/SmolLM2-135M-Instruct", fetch=False)
    assert (shape.parameters.total, shape.ties_embeddings) == (134_515_008, True)


def test_a_repository_of_4_bit_weights_is_known_as_such() -> None:
    assert read("unsloth/Devstral-Small-2507-bnb-4bit", fetch=False).stored == "nf4"


def test_a_pinned_revision_is_not_answered_by_the_shape_of_the_main_branch(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    with pytest.raises(HubNotAsked, match="Add --fetch"):
        read("unsloth/Devstral-Small-2507", "0123abc", fetch=False)


def test_a_config_in_the_cache_of_the_hub_is_read_without_asking(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    kept = tmp_path / "models--maker--model"
    (kept / "refs").mkdir(parents=True)
    (kept / "refs" / "main").write_text("abc")
    (kept / "snapshots" / "abc").mkdir(parents=True)
    written(SMALL | {"model_type": "llama"}, kept / "snapshots" / "abc")
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    assert read("maker/model", fetch=False).layers == 3
