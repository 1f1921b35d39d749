"""A model too small to be any good, with a real tokenizer: what the trainer's tests train.

Its shape has what trips code that assumes Llama's: key heads are fewer than query heads, and heads
are wider than the hidden width divided among them.
"""

import json
from pathlib import Path
from typing import Any

VOCABULARY = 512
"""Tokens of the tokenizer and rows of the embedding."""

SPECIAL = ("<pad>", "<s>", "</s>", "<|im_start|>", "<|im_end|>", "[PREFIX]", "[SUFFIX]")

SHAPE: dict[str, Any] = {
    "vocab_size": VOCABULARY,
    "hidden_size": 64,
    "intermediate_size": 128,
    "num_hidden_layers": 4,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "head_dim": 24,
    "max_position_embeddings": 512,
    "sliding_window": None,
    "tie_word_embeddings": False,
    "initializer_range": 0.1,  # so that logits differ enough for a wrong weight to show
    "pad_token_id": SPECIAL.index("<pad>"),
    "bos_token_id": SPECIAL.index("<s>"),
    "eos_token_id": SPECIAL.index("<|im_end|>"),
}

TEMPLATE = (
    "{%- for message in messages %}"
    "{{- '<|im_start|>' + message['role'] + '\\n' + message['content'] + '<|im_end|>\\n' }}"
    "{%- endfor %}"
    "{%- if add_generation_prompt %}{{- '<|im_start|>assistant\\n' }}{%- endif %}"
)

SOURCE = '''\
defmodule Harbour.Berth do
  @moduledoc """
  A place at the quay, and the vessel that lies there.
  """

  use GenServer
  require Logger

  @enforce_keys [:number, :depth]
  defstruct [:number, :depth, vessel: nil, since: nil]

  @type t :: %__MODULE__{number: pos_integer(), depth: float(), vessel: String.t() | nil}

  @doc "Starts the process of a berth."
  @spec start_link(keyword()) :: GenServer.on_start()
  def start_link(options) do
    {name, options} = Keyword.pop(options, :name)
    GenServer.start_link(__MODULE__, options, name: name)
  end

  @doc """
  Moors a vessel, if the water is deep enough and nobody lies there.

      iex> Harbour.Berth.moor(berth, "Aurora", 4.5)
      :ok
  """
  def moor(berth, vessel, draught) when is_binary(vessel) and draught > 0 do
    GenServer.call(berth, {:moor, vessel, draught})
  end

  def leave(berth), do: GenServer.call(berth, :leave)

  @impl true
  def init(options) do
    {:ok, struct!(__MODULE__, options)}
  end

  @impl true
  def handle_call({:moor, _vessel, draught}, _from, %{depth: depth} = state)
      when draught >= depth do
    {:reply, {:error, :too_shallow}, state}
  end

  def handle_call({:moor, vessel, _draught}, _from, %{vessel: nil} = state) do
    Logger.info("#{vessel} lies at berth #{state.number}")
    {:reply, :ok, %{state | vessel: vessel, since: DateTime.utc_now()}}
  end

  def handle_call({:moor, _vessel, _draught}, _from, state) do
    {:reply, {:error, :taken}, state}
  end

  def handle_call(:leave, _from, state) do
    {:reply, :ok, %{state | vessel: nil, since: nil}}
  end
end

defmodule Harbour.Tide do
  @moduledoc "Heights of the water over a day."

  def mean([]), do: 0.0
  def mean(heights), do: Enum.sum(heights) / length(heights)

  def rising?(heights) do
    heights
    |> Enum.chunk_every(2, 1, :discard)
    |> Enum.map(fn [before, later] -> later - before end)
    |> Enum.all?(&(&1 > 0))
  end

  def table(heights) do
    for {height, hour} <- Enum.with_index(heights), into: %{} do
      {hour, Float.round(height, 2)}
    end
  end
end
'''


def write_model(folder: Path, seed: int = 11, **changes: Any) -> Path:
    """Write config, random weights that follow from `seed`, and the tokenizer; return the folder.

    `changes` are keys of the configuration, as transformers' MistralConfig has them.
    """
    import torch
    from transformers import MistralConfig, MistralForCausalLM

    torch.manual_seed(seed)
    model = MistralForCausalLM(MistralConfig(**SHAPE | changes))
    model.save_pretrained(folder)
    return write_tokenizer(folder)


def write_vision_model(folder: Path, seed: int = 11) -> Path:
    """Write a random model of Devstral's 2512 generation: Ministral 3 beside a Pixtral tower."""
    import torch
    from transformers import Mistral3Config, Mistral3ForConditionalGeneration

    shape = {key: value for key, value in SHAPE.items() if key != "tie_word_embeddings"}
    rope = {
        "rope_type": "yarn",
        "rope_theta": 1e6,
        "factor": 4.0,
        "original_max_position_embeddings": 128,
        "mscale": 1.0,
        "mscale_all_dim": 1.0,
        "llama_4_scaling_beta": 0.1,
    }
    tower = {
        "model_type": "pixtral",
        "hidden_size": 32,
        "intermediate_size": 64,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "head_dim": 16,
        "image_size": 56,
        "patch_size": 14,
    }
    torch.manual_seed(seed)
    config = Mistral3Config(
        text_config=shape | {"model_type": "ministral3", "rope_parameters": rope},
        vision_config=tower,
        tie_word_embeddings=False,
    )
    Mistral3ForConditionalGeneration(config).save_pretrained(folder)
    return write_tokenizer(folder)


def write_fp8_model(folder: Path, seed: int = 11) -> Path:
    """Write what `write_vision_model` does as Mistral publishes it: 8-bit floats, static scales."""
    import torch
    from safetensors.torch import load_file, save_file

    write_vision_model(folder, seed)
    stored = {}
    for name, weight in load_file(folder / "model.safetensors").items():
        stored[name] = weight.to(torch.bfloat16)
        if name.startswith("language_model") and name.endswith("_proj.weight"):
            scale = (weight.abs().max() / torch.finfo(torch.float8_e4m3fn).max).to(torch.bfloat16)
            stored[name] = (weight / scale).to(torch.float8_e4m3fn)
            stored[f"{name}_scale_inv"] = scale
            stored[name.replace("weight", "activation_scale")] = torch.ones((), dtype=scale.dtype)
    save_file(stored, folder / "model.safetensors", metadata={"format": "pt"})
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    config["quantization_config"] = {
        "activation_scheme": "static",
        "dequantize": False,
        "modules_to_not_convert": ["model.vision_tower", "model.multi_modal_projector", "lm_head"],
        "quant_method": "fp8",
        "weight_block_size": None,
    }
    (folder / "config.json").write_text(json.dumps(config), encoding="utf-8")
    return folder


def write_tokenizer(folder: Path) -> Path:
    """Write a byte-level BPE learnt from `SOURCE`, with a ChatML template; return the folder."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        special_tokens=list(SPECIAL),
        show_progress=False,
    )
    tokenizer.train_from_iterator([SOURCE], trainer)
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A", pair="<s> $A $B", special_tokens=[("<s>", SPECIAL.index("<s>"))]
    )
    folder.mkdir(parents=True, exist_ok=True)
    tokenizer.save(str(folder / "tokenizer.json"))
    config = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "bos_token": "<s>",
        "eos_token": "<|im_end|>",
        "pad_token": "<pad>",
        "clean_up_tokenization_spaces": False,
        "chat_template": TEMPLATE,
    }
    (folder / "tokenizer_config.json").write_text(json.dumps(config, indent=2), encoding="utf-8")
    return folder
