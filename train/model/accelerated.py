"""The same seam through Unsloth, whose import alone needs an accelerator."""

from typing import TYPE_CHECKING, Any

from train.model.quantization import check_quantized
from train.model.targets import check_targets
from train.recipe import AdapterSettings, ModelSettings

if TYPE_CHECKING:
    import torch


def load_adapted(
    settings: ModelSettings,
    adapter: AdapterSettings,
    length: int,
    seed: int,
    compute: "torch.dtype",
) -> Any:
    """Return the base model with fresh adapters, both made by Unsloth.

    Raises NotQuantized and UnknownTarget.
    """
    from unsloth import FastLanguageModel  # before transformers, which it patches

    model, _ = FastLanguageModel.from_pretrained(
        model_name=settings.name,
        revision=settings.revision or None,
        trust_remote_code=False,
        max_seq_length=length,
        dtype=compute,
        load_in_4bit=settings.quantization == "nf4",
        load_in_8bit=settings.quantization == "int8",
        use_exact_model_name=True,  # it would take a quantised repository of its own instead
        fix_tokenizer=False,  # ours is another, and fixing fails where there is only a tekken.json
    )
    check_quantized(model, settings)
    check_targets(model, adapter.targets)
    return FastLanguageModel.get_peft_model(
        model,
        r=adapter.rank,
        lora_alpha=adapter.alpha,
        lora_dropout=adapter.dropout,
        use_rslora=adapter.rslora,
        target_modules=list(adapter.targets),
        modules_to_save=["embed_tokens", "lm_head"] if adapter.embeddings else None,
        bias="none",
        use_gradient_checkpointing="unsloth" if settings.gradient_checkpointing else False,
        random_state=seed,
    )
