"""Does an export say what base and adapter say together? Told from logits on the same texts.

The reference is the base in 16 bits with the adapter beside it, computed in float32: weights stay
as they are stored and a layer is widened only while it runs, so a model of 24 billion parameters is
compared in 48 GB, and no rounding of activations hides that of weights.

How far an export may be from that is measured on the model itself. Its weights are moved at random
by at most half a step of the 16-bit type, which is what rounding a merged weight does, and the
logits' movement is the model's own rounding noise. An export may be `MULTIPLE` times as far.

Where a run learnt little, such noise hides the adapter, and logits no longer tell whether it is in
the weights. The weights themselves do: errors of quantising are not aligned with what merging adds,
so that the projection of what changed on what should have is 1, and 0 without the adapter.
"""

import copy
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, NotRequired

import torch
from torch.nn.modules.module import (
    register_module_forward_hook,
    register_module_forward_pre_hook,
)
from typing_extensions import TypedDict  # pydantic refuses typing's before Python 3.12

from train.errors import TrainError
from train.model.quantization import is_packed

if TYPE_CHECKING:
    from peft import PeftModel
    from torch import Tensor
    from transformers import PreTrainedModel

    from train.tokenizer.interface import Ids, Tokenizer

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

MULTIPLE = 3.0
"""Bound on an export's error, in amplitudes of the rounding noise. Errors of both kinds come from
independent roundings of the same weights, so their amplitudes have the same expectation; that of
one draw varies by a few tenths, and 3 leaves room for that and for what merging rounds besides
(the sum of low-rank products). Divergence grows with the amplitude's square, hence 9 times."""

FRACTION_BITS = {torch.bfloat16: 7, torch.float16: 10}
ROWS = 64
"""Tokens compared at once, so that double precision takes a small part of the memory."""


class Tolerance(TypedDict):
    """How far an export may be from the base with its adapter."""

    largest: float
    """Largest difference of two logits, in standard deviations of the logits."""
    divergence: float
    """Mean Kullback-Leibler divergence, in nats a token."""


SAME = Tolerance(largest=1e-5, divergence=1e-9)
"""The same weights computed twice."""


class Comparison(TypedDict):
    """How far an export is from the base with its adapter."""

    tokens: int
    largest: float
    """Largest difference of two logits, in standard deviations of the logits."""
    divergence: float
    """Mean Kullback-Leibler divergence from the adapted base to the export, in nats a token."""
    divergence_p99: float
    """The same of the token that 99% of the tokens do not exceed."""
    divergence_most: float
    """The same of the worst token."""
    effect: float
    """Mean divergence from the adapted base to the base alone: what the adapter does."""
    agreement: float
    """Share of the tokens after which both put the same token first."""
    outweighed: bool
    """Whether rounding or quantising changes the model more than the adapter does."""
    held: NotRequired[float]
    """Share of the adapter that rounding kept, where it was merged."""


class Compared(Comparison):
    """One in 16 bits as export.json has it."""

    tolerance: Tolerance
    """What was allowed."""


def exceeded(found: Comparison, tolerance: Tolerance) -> str | None:
    """Say what is out of bounds, or None. A figure that is not a number is."""
    bounds = {
        "largest difference of logits, in standard deviations": (
            found["largest"],
            tolerance["largest"],
        ),
        "divergence in nats a token": (found["divergence"], tolerance["divergence"]),
    }
    for name, (value, allowed) in bounds.items():
        if not value <= allowed:
            return f"the {name} is {value:.2g}, allowed is {allowed:.2g}"
    return None


class AdapterMissing(TrainError):
    """The weights of an export do not hold what merging adds to the base."""

    def __init__(self, what: str, share: float, unsure: float) -> None:
        super().__init__(
            f"{what} holds {share:.2f} of what merging adds to the base, give or take "
            f"{unsure:.2g}, and should hold all of it. Nothing was kept. The disk may be failing, "
            "or --converter writes it wrongly: run the command again."
        )


class AdapterTooWeak(TrainError):
    """Merging rounds nearly all away that was learnt."""

    def __init__(self, share: float) -> None:
        super().__init__(
            f"Of what the run learnt {share:.1%} changes weights by as much as a step of 16 bits, "
            "which cannot hold it: merged, it would be the base again. Keep it an adapter, or "
            "train on."
        )


LEAST_HELD = 0.05
"""Share of an adapter that rounding has to leave; five steps of training leave 0.64 of one."""
ROWS_HELD = 16
"""Rows of each adapted weight that are looked at: more than a million weights of a small model."""


@dataclass(frozen=True, slots=True)
class Learnt:
    """What merging an adapter in 16 bits adds to some rows of every weight that it adapts."""

    rows: "dict[str, tuple[Tensor, Tensor, Tensor]]"
    """By the weight's name: numbers of rows, the base's weights and what is added, in float32."""
    held: float
    """Projection of that on what the adapter adds before rounding: 1 for all, 0 for none."""

    @classmethod
    def by(cls, adapted: "PeftModel", stored: torch.dtype) -> "Learnt":
        """Take it from a peft model that is not merged yet, layer by layer, merged in float32.

        `stored` is the 16-bit type of the export. Raises AdapterTooWeak.
        """
        from peft.tuners.lora import LoraLayer

        found, held, total = {}, 0.0, 0.0
        for name, layer in adapted.base_model.model.named_modules():
            if isinstance(layer, LoraLayer):
                alone = copy.deepcopy(layer).float()
                weight = alone.get_base_layer().weight
                rows = torch.linspace(0, len(weight) - 1, min(ROWS_HELD, len(weight))).long()
                base = weight.data[rows].clone()
                alone.merge()
                merged = alone.get_base_layer().weight.data[rows]
                added, base = (merged - base).double(), base.to(stored).float()
                kept = merged.to(stored).float() - base
                found[f"{name}.weight"] = (rows, base, kept)
                held += float((kept * added).sum())
                total += float(added.square().sum())
        share = held / total if total else 1.0
        if abs(share) < LEAST_HELD:
            raise AdapterTooWeak(share)
        return cls(found, share)

    def check(self, read: "Callable[[str, Tensor], Tensor]", what: str) -> None:
        """Hold some weights against it, each and all; `read` returns rows of one in float32.

        What changed is projected on what should have. The error of that from quantising is told
        from the weights' own errors; five of it are allowed, since a large model has hundreds of
        weights. Raises AdapterMissing.
        """
        sums = torch.zeros(3, dtype=torch.float64)
        for name, (rows, base, kept) in self.rows.items():
            changed, wanted = (read(name, rows) - base).double(), kept.double()
            of = (changed * wanted, wanted.square(), ((changed - wanted) * wanted).square())
            each = torch.stack([product.sum() for product in of])
            _check_share(each, f"{what}, {name},")
            sums += each
        _check_share(sums, what)


def _check_share(sums: "Tensor", what: str) -> None:
    found, wanted, squares = sums.tolist()
    if wanted == 0:
        return
    share, unsure = found / wanted, squares**0.5 / wanted
    if not abs(share - 1) <= max(0.25, 5 * unsure):
        raise AdapterMissing(what, share, unsure)


class ExportDiffers(TrainError):
    """An export does not say what the base says with its adapter, so there is none."""

    def __init__(self, what: str, why: str, comparison: Comparison, advice: str) -> None:
        super().__init__(
            f"{what} does not say what base and adapter say together: {why} "
            f"({comparison['tokens']} tokens compared). Nothing was kept. {advice}"
        )


@dataclass(frozen=True, slots=True)
class Reference:
    """What base and adapter say after each token of some texts, and how steady that is."""

    prompts: "list[Ids]"
    logits: "Tensor"
    """[tokens of all prompts, vocabulary], float32."""
    effect: float
    """Divergence from base and adapter to the base alone, in nats a token."""
    noise: Comparison
    """How far rounding the weights alone moves the logits."""

    def bounds(self, multiple: float = MULTIPLE) -> Tolerance:
        """Return how far an export in 16 bits may be: `multiple` amplitudes of the noise."""
        return Tolerance(
            largest=max(multiple * self.noise["largest"], SAME["largest"]),
            divergence=max(multiple**2 * self.noise["divergence"], SAME["divergence"]),
        )

    def check(
        self,
        exported: "PreTrainedModel | Tensor",
        tolerance: Tolerance,
        what: str,
        advice: str,
    ) -> Compared:
        """Compare a model that was exported and loaded again, or its logits.

        Raises ExportDiffers.
        """
        said = exported if isinstance(exported, torch.Tensor) else logits(exported, self.prompts)
        found = compare(self.logits, said, self.effect)
        if why := exceeded(found, tolerance):
            raise ExportDiffers(what, why, found, advice)
        return Compared({**found, "tolerance": tolerance})


def refer_to(
    adapted: "PeftModel",
    prompts: "list[Ids]",
    *,
    rounds_to: torch.dtype | None = None,
    activations: bool = False,
) -> Reference:
    """Take the logits of a peft model, with its adapter and without, and its rounding noise.

    `rounds_to` is the 16-bit type of the export; without one, nothing is rounded. With
    `activations` what enters a projection is rounded too, as a program does that computes in
    16 bits.
    """
    with_adapter = logits(adapted, prompts)
    with adapted.disable_adapter():
        effect = compare(with_adapter, logits(adapted, prompts), 0.0)["divergence"]
    moved = with_adapter
    if rounds_to is not None:
        moved = logits(adapted, prompts, Jitter(FRACTION_BITS[rounds_to], activations))
    return Reference(prompts, with_adapter, effect, compare(with_adapter, moved, effect))


def compare(reference: "Tensor", exported: "Tensor", effect: float) -> Comparison:
    """Compare logits, each [tokens, vocabulary] in float32.

    `effect` is the divergence that the adapter makes, in nats a token.
    """
    parts = list(zip(reference.split(ROWS), exported.split(ROWS), strict=True))
    told = torch.cat([divergences(some, others) for some, others in parts])
    largest = torch.stack([(some - others).abs().max() for some, others in parts]).max()
    divergence = float(told.mean())
    return Comparison(
        tokens=len(reference),
        largest=float(largest / reference.std()),
        divergence=divergence,
        divergence_p99=float(told.quantile(0.99)),
        divergence_most=float(told.max()),
        effect=effect,
        agreement=float((reference.argmax(-1) == exported.argmax(-1)).double().mean()),
        outweighed=divergence > effect,
    )


def divergences(reference: "Tensor", other: "Tensor") -> "Tensor":
    """Return the Kullback-Leibler divergence from `reference` to `other`, in nats, [tokens]."""
    told, found = (each.double().log_softmax(-1) for each in (reference, other))
    return (told.exp() * (told - found)).sum(-1)


def prompts(tokenizer: "Tokenizer") -> "list[Ids]":
    """Return the fixed prompts as documents without their end."""
    return [tokenizer.document(text).ids[:-1] for text in PROMPTS]


def logits(
    model: "PreTrainedModel", prompted: "list[Ids]", jitter: "Jitter | None" = None
) -> "Tensor":
    """Return the logits after every token of every prompt, [tokens, vocabulary] in float32.

    They lie on the model's device, which is that of its first weight.
    """
    model.eval()
    device = next(model.parameters()).device
    with torch.no_grad(), single_precision(model, jitter):
        rows = [torch.from_numpy(ids.astype("int64"))[None].to(device) for ids in prompted]
        found = [model(input_ids=row, use_cache=False).logits[0].float() for row in rows]
    return torch.cat(found)


class Jitter:
    """Moves numbers by at most half a step of a 16-bit float type, at random from a fixed seed."""

    def __init__(self, fraction_bits: int, activations: bool = False) -> None:
        self.fraction_bits = fraction_bits
        self.activations = activations
        self._generator: dict[torch.device, torch.Generator] = {}

    def __call__(self, values: "Tensor") -> "Tensor":
        """Return float32 values moved; a step is 2^-fraction_bits of the power of two below."""
        device = values.device
        if device not in self._generator:
            self._generator[device] = torch.Generator(device).manual_seed(1)
        _, exponent = torch.frexp(values)
        step = torch.ldexp(torch.ones_like(values), exponent - 1 - self.fraction_bits)
        moved = torch.rand(values.shape, generator=self._generator[device], device=device) - 0.5
        return torch.where(values == 0, values, values + moved * step)


@contextmanager
def single_precision(model: torch.nn.Module, jitter: Jitter | None = None) -> Iterator[None]:
    """Compute in float32, whatever float type the weights are stored in.

    Packed weights stay as they are: their bits are no numbers, whatever type they are kept in, and
    bitsandbytes widens them itself. With `jitter`, weights that merging rounds are moved while they
    are wide: those beside an adapter, and all that are stored in float32.
    """
    stored: dict[torch.nn.Parameter, Tensor] = {}
    rounded = _rounded_by_merging(model) if jitter is not None else set()

    def widen(module: torch.nn.Module, inputs: tuple["Tensor", ...]) -> tuple["Tensor", ...] | None:
        for weight in module.parameters(recurse=False):
            if weight in stored or not weight.is_floating_point() or is_packed(weight):
                continue
            if weight.dtype is not torch.float32 or weight in rounded:
                stored[weight] = weight.data
                wide = weight.data.float()
                weight.data = jitter(wide) if jitter and weight in rounded else wide
        if jitter and jitter.activations and isinstance(module, torch.nn.Linear):
            return tuple(jitter(each.float()) for each in inputs)
        return None

    def narrow(module: torch.nn.Module, *_: object) -> None:
        for weight in module.parameters(recurse=False):
            if weight in stored:
                weight.data = stored.pop(weight)

    # torch's type leaves out that a hook may return other inputs.
    before = register_module_forward_pre_hook(widen)  # type: ignore[arg-type]
    with before, register_module_forward_hook(narrow, always_call=True):
        yield


def _rounded_by_merging(model: torch.nn.Module) -> set[torch.nn.Parameter]:
    return {
        weight
        for name, weight in model.named_parameters()
        if "lora_" not in name
        and weight.is_floating_point()
        and weight.ndim > 1
        and (weight.dtype is torch.float32 or ".base_layer." in name or ".modules_to_save." in name)
    }
