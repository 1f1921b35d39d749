"""The logits of a model on fixed prompts, in single precision, where the model lies.

Weights stay as they are stored; a layer is widened only while it runs. So a model of 24 billion
parameters is compared in 48 GB, and no rounding of activations hides that of weights.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import torch

from train.model.quantization import is_packed

if TYPE_CHECKING:
    from torch import Tensor

    from train.tokenizer import Ids, Tokenizer

PROMPTS = (
    """\
defmodule Queue do
  @moduledoc "First in, first out."
  @type t :: {list(), list()}

  @spec new() :: t()
  def new, do: {[], []}

  def push({front, back}, item), do: {front, [item | back]}

  def pop({[], []}), do: :empty
  def pop({[], back}), do: pop({Enum.reverse(back), []})
  def pop({[item | front], back}), do: {item, {front, back}}
end
""",
    """\
  @impl true
  def handle_info({:DOWN, ref, :process, _pid, reason}, state) do
    Logger.warning("worker stopped: #{inspect(reason)}")
    {:noreply, %{state | workers: Map.delete(state.workers, ref)}}
  end
""",
    "-module(counter).\n-export([start/0, loop/1]).\n\nstart() -> spawn(?MODULE, loop, [0]).\n",
    "A supervisor starts its children in order and stops them in reverse order. When a child dies",
)
"""Elixir, Erlang and English: what an adapter of ours changes, and what it should not."""


def prompts(tokenizer: "Tokenizer") -> "list[Ids]":
    """Return the fixed prompts as documents without their end."""
    return [tokenizer.document(text).ids[:-1] for text in PROMPTS]


def logits(model: Any, prompted: "list[Ids]") -> "Tensor":
    """Return the logits after every token of every prompt, [tokens, vocabulary] in float32.

    They lie on the model's device, which is that of its first weight.
    """
    model.eval()
    device = next(model.parameters()).device
    with torch.no_grad(), single_precision(model):
        rows = [torch.from_numpy(ids.astype("int64"))[None].to(device) for ids in prompted]
        found = [model(input_ids=row, use_cache=False).logits[0] for row in rows]
    return torch.cat(found).float()


@contextmanager
def single_precision(model: torch.nn.Module) -> Iterator[None]:
    """Compute in float32, whatever float type the weights are stored in.

    Packed weights stay as they are: their bits are no numbers, whatever type they are kept in, and
    bitsandbytes widens them itself.
    """
    stored: dict[torch.nn.Parameter, Tensor] = {}

    def widen(module: torch.nn.Module, _: Any) -> None:
        for weight in module.parameters(recurse=False):
            narrow_float = weight.is_floating_point() and weight.dtype is not torch.float32
            if narrow_float and not is_packed(weight):
                stored[weight] = weight.data
                weight.data = weight.data.float()

    def narrow(module: torch.nn.Module, *_: Any) -> None:
        for weight in module.parameters(recurse=False):
            if weight in stored:
                weight.data = stored.pop(weight)

    hooks = []
    for module in model.modules():
        if any(True for _ in module.parameters(recurse=False)):
            hooks += [
                module.register_forward_pre_hook(widen),
                module.register_forward_hook(narrow, always_call=True),
            ]
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()
