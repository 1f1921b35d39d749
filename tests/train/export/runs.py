"""Finished runs, made of a real random adapter on the tiny model."""

import json
import warnings
from pathlib import Path
from typing import Any

CARD = """\
---
license: apache-2.0
library_name: peft
base_model: tiny
base_model_relation: adapter
---
# An adapter

Trained on a release.
"""


def tell_weights(folder: Path, model: Path) -> None:
    """Let a run's run.json tell the weights of a model, as training on its 4-bit form does."""
    from train.model.fingerprint import of_unquantised
    from train.model.loading import load_adapted
    from train.recipe import AdapterSettings, ModelSettings

    trained = load_adapted(ModelSettings(name=str(model)), AdapterSettings(), length=64, seed=1)
    told = json.loads((folder / "run.json").read_bytes())
    told["model"]["fingerprint"] = of_unquantised(trained)
    (folder / "run.json").write_text(json.dumps(told), encoding="utf-8")


def write_run(
    folder: Path, model: Path, *, strength: float = 0.1, seed: int = 3, **lora: Any
) -> Path:
    """Write what `train.qlora` leaves; `strength` is the deviation of the adapter's B."""
    import torch
    from peft import LoraConfig, get_peft_model

    from train.export.merged import load_base

    torch.manual_seed(seed)
    targets = ["q_proj", "k_proj", "v_proj", "o_proj", "down_proj"]
    config = LoraConfig(r=4, lora_alpha=8, target_modules=targets, task_type="CAUSAL_LM", **lora)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Model has `tie_word_embeddings=True`")
        loaded = load_base(str(model))
        adapted = get_peft_model(loaded, config)
    for name, weight in adapted.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(weight, std=strength)
        elif "modules_to_save" in name:
            weight.data += strength * torch.randn_like(weight)
    adapted.save_pretrained(folder / "adapter")
    recipe = {"seed": 1, "model": {"name": str(model), "quantization": "nf4"}}
    (folder / "recipe.json").write_text(json.dumps(recipe), encoding="utf-8")
    release = {"version": "2026.11.1", "sha256": "5f" * 32, "place": str(folder.parent)}
    told = {"release": release, "model": {"name": str(model)}}
    (folder / "run.json").write_text(json.dumps(told), encoding="utf-8")
    (folder / "README.md").write_text(CARD, encoding="utf-8")
    return folder
