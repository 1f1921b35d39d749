"""What config.json of Mistral's Devstral Small says of its shape."""

from typing import Any

DEVSTRAL: dict[str, Any] = {
    "architectures": ["MistralForCausalLM"],
    "model_type": "mistral",
    "hidden_size": 5120,
    "intermediate_size": 32768,
    "num_hidden_layers": 40,
    "num_attention_heads": 32,
    "num_key_value_heads": 8,
    "head_dim": 128,
    "vocab_size": 131072,
    "max_position_embeddings": 131072,
    "rope_theta": 1000000000.0,
    "sliding_window": None,
    "tie_word_embeddings": False,
}
"""Of 2505 and 2507."""

DEVSTRAL_2512: dict[str, Any] = {
    "architectures": ["Mistral3ForConditionalGeneration"],
    "model_type": "mistral3",
    "multimodal_projector_bias": False,
    "quantization_config": {"quant_method": "fp8", "activation_scheme": "static"},
    "spatial_merge_size": 2,
    "text_config": {
        "model_type": "ministral3",
        "hidden_size": 5120,
        "intermediate_size": 32768,
        "num_hidden_layers": 40,
        "num_attention_heads": 32,
        "num_key_value_heads": 8,
        "head_dim": 128,
        "vocab_size": 131072,
        "max_position_embeddings": 393216,
        "rope_parameters": {
            "rope_type": "yarn",
            "rope_theta": 100000000.0,
            "factor": 48.0,
            "original_max_position_embeddings": 8192,
        },
        "sliding_window": None,
        "tie_word_embeddings": False,
    },
    "vision_config": {
        "model_type": "pixtral",
        "hidden_size": 1024,
        "intermediate_size": 4096,
        "num_hidden_layers": 24,
        "num_attention_heads": 16,
        "patch_size": 14,
    },
}
"""The same language model beside a vision tower, in the keys of the generation of 2512."""
