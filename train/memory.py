"""Memory of a training step on one GPU, component by component, and what makes it fit.

Counted from what autograd keeps of transformers' decoder layers with adapters on them (5.17, under
autocast, torch 2.13), one term a tensor; nothing is measured on the machine at hand. What happens
in sequence is not added up: of the moments in which memory peaks, the worst counts.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from train.architecture import Architecture, Linear
from train.errors import TrainError
from train.options import override
from train.recipe import ModelSettings, Recipe, UnknownTarget

MIB, GIB = 2**20, 2**30

BITS_16 = 2.0
NF4 = 4 / 8 + 1 / 64 + 4 / (64 * 256)
"""Bytes a weight, 4.127 bits: four bits, a byte a block of 64, and a float a 256 of those (Dettmers
et al. 2023, QLoRA, 3)."""
INT8 = 1.0
INT8_SCALE = 4
"""Bytes an output row of LLM.int8()."""

ADAPTER = 4
"""Bytes of a trained weight, which peft keeps in single precision, and of its gradient."""
MOMENTS = {
    "adamw": 8.0,
    "adamw_8bit": 2 * (1 + 4 / 256),
    "paged_adamw_8bit": 2 * (1 + 4 / 256),
}
"""Bytes a trained weight of AdamW's two moments; of 8-bit ones with a float a block of 256."""

CHUNK = 512
"""Positions of which the loss projects logits at once: `train.model.next_token.CHUNK`, whose module
needs torch."""
LOGITS = 3
"""Copies of a chunk's logits in single precision at the worst moment of the loss: logarithms of
probabilities, their gradient, and that of the logits."""
SHORTEST = 512
"""Tokens below which rows are not made shorter: most files would be cut."""

CONTEXT = round(0.6 * GIB)
"""CUDA's context with the kernels of torch and bitsandbytes."""
FRAGMENTS = 0.06
"""What the allocator reserves beyond the tensors of a step, as a fraction of them."""


class RowsTooLong(TrainError):
    """The recipe's rows are longer than what the model is for."""

    def __init__(self, length: int, positions: int) -> None:
        super().__init__(
            f"rows of {length:,} tokens, but the model has {positions:,} positions. "
            f"Set --length {positions} or less."
        )


def check(shape: Architecture, recipe: Recipe) -> None:
    """Raise RowsTooLong or UnknownTarget where the model cannot be trained so."""
    if recipe.length > shape.positions:
        raise RowsTooLong(recipe.length, shape.positions)
    names = [linear.name for linear in shape.linears]
    if unknown := [name for name in recipe.adapter.targets if name not in names]:
        raise UnknownTarget(unknown, sorted(names))


@dataclass(frozen=True, slots=True)
class Component:
    """A part of the memory."""

    name: str
    bytes: int
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Budget:
    """What a training step takes on a GPU."""

    components: tuple[Component, ...]

    @property
    def total(self) -> int:
        """Bytes in all."""
        return sum(component.bytes for component in self.components)


def budget(shape: Architecture, recipe: Recipe) -> Budget:
    """Count the memory of a step of `recipe` with a model of `shape`, on one GPU."""
    fixed = [*weights(shape, recipe), *trained(shape, recipe)]
    moving = list(activations(shape, recipe))
    slack = Component(
        "allocator",
        round(FRAGMENTS * sum(component.bytes for component in moving)),
        "fragments that no tensor fills",
    )
    context = Component("CUDA", CONTEXT, "context and kernels")
    components = [*fixed, *moving, slack, context]
    return Budget(tuple(each for each in components if each.bytes))


def weights(shape: Architecture, recipe: Recipe) -> Iterator[Component]:
    """Yield the weights of the base model, as they lie on the GPU."""
    quantization = recipe.model.quantization
    layers = [(layer, linear) for layer in range(shape.layers) for linear in shape.linears]
    exempt = [linear for layer, linear in layers if shape.is_exempt(layer, linear)]
    every = [linear for _, linear in layers]
    if quantization == "none":
        exempt, packed = every, 0
    else:
        packed = round(
            sum(_packed(linear, quantization) for linear in every)
            - sum(_packed(linear, quantization) for linear in exempt)
        )
    kind = {"nf4": "NF4, 4.127 bits each", "int8": "LLM.int8()", "none": ""}[quantization]
    yield Component("quantised weights", packed, f"projections of the layers, {kind}")
    counts = shape.parameters
    biases = sum(linear.outputs for linear in every if linear.has_bias)
    others = counts.embeddings + counts.head + counts.norms + counts.vision + biases
    plain = others + sum(linear.weights for linear in exempt)
    size = 4 if quantization == "none" and width(recipe.model) == 4 else BITS_16
    what = "all weights" if quantization == "none" else "embeddings, head, norms"
    yield Component("plain weights", round(plain * size), f"{what}, {size * 8:.0f} bits each")


def trained(shape: Architecture, recipe: Recipe) -> Iterator[Component]:
    """Yield what training adds to the weights: adapters, gradients, moments, what holds them."""
    adapter, optimizers = recipe.adapter, (recipe.stage1.optimizer, recipe.stage2.optimizer)
    count = shape.adapter_parameters(adapter.rank, adapter.targets)
    if adapter.embeddings:
        count += shape.parameters.embeddings + shape.parameters.head
    yield Component("adapter", count * ADAPTER, f"{count:,} weights, 32 bits each")
    yield Component("gradients", count * ADAPTER, "of the adapter")
    kind = max((each.kind for each in optimizers), key=lambda kind: MOMENTS[kind])
    yield Component("optimizer", round(count * MOMENTS[kind]), f"two moments, {kind}")
    if recipe.elastic.strength:
        yield Component("consolidation", 2 * count * ADAPTER, "anchor and Fisher diagonal")


def activations(shape: Architecture, recipe: Recipe) -> Iterator[Component]:
    """Yield what a forward and backward pass of one micro-batch keeps, at its worst moment."""
    tokens = recipe.micro_batch * recipe.length
    state = tokens * shape.hidden * width(recipe.model)
    layer = kept_of_layer(shape, recipe)
    mask = 3 * recipe.micro_batch * recipe.length**2
    yield Component("attention mask", mask, "truth values and their 16-bit form")
    yield Component(
        "states around the loss", 2 * state, "last hidden states, and those with labels"
    )
    again = passing(shape, recipe)
    loss = LOGITS * 4 * min(CHUNK, tokens) * shape.vocabulary + 2 * state
    if not recipe.model.gradient_checkpointing:
        yield Component("activations", shape.layers * layer, "of all layers")
        yield worst(loss, again, "one layer's backward pass")
        return
    offloads = recipe.model.backend != "transformers"
    stored = 3 if offloads else shape.layers
    where = "in the host's memory but for 3 layers" if offloads else f"of {shape.layers} layers"
    yield Component("layer inputs", stored * state, where)
    layer -= tokens * input_of_last_adapter(shape, recipe)
    yield worst(loss, layer + again, "one layer, computed again and its backward pass")


def kept_of_layer(shape: Architecture, recipe: Recipe) -> int:
    """Return the bytes of activations that one layer keeps for its backward pass.

    Frozen projections keep nothing but in 8 bits, where bitsandbytes keeps their inputs.
    """
    size, queries = width(recipe.model), shape.heads * shape.head_dim
    norms = 2 * 4 * shape.hidden
    attention = 4 * queries * size  # queries, keys and values for every head, what comes out
    feed_forward = 3 * shape.intermediate * size  # gate, its activation, up
    adapters = inputs_of_adapters(shape, recipe)
    eight_bit = (2 * shape.hidden + shape.intermediate) * size
    others = eight_bit if recipe.model.quantization == "int8" else 0
    tokens = recipe.micro_batch * recipe.length
    return tokens * (norms + attention + feed_forward + adapters + others)


def inputs_of_adapters(shape: Architecture, recipe: Recipe) -> int:
    """Return the bytes a token that adapters of one layer keep of what they read.

    With dropout each has its own, and what was dropped; without, those of one input share it.
    """
    reading = [linear for linear in shape.linears if linear.name in recipe.adapter.targets]
    alone = ("o_proj", "down_proj")
    kept = {
        linear.name if recipe.adapter.dropout or linear.name in alone else linear.block: linear
        for linear in reading
    }
    return sum(linear.inputs for linear in kept.values()) * _bytes_of_input(recipe)


def input_of_last_adapter(shape: Architecture, recipe: Recipe) -> int:
    """Return what `inputs_of_adapters` has of the last projection: gone before memory peaks."""
    last = shape.linears[-1]
    return last.inputs * _bytes_of_input(recipe) if last.name in recipe.adapter.targets else 0


def passing(shape: Architecture, recipe: Recipe) -> int:
    """Return the bytes that come and go while a layer's feed-forward part is gone back through.

    Of two moments the worse: the product of gate and up is taken apart, three gradients as wide as
    it and one as wide as the model; or a projection is gone through, with two and three of these,
    and its matrix in full width where it is stored in fewer bits.
    """
    size, tokens = width(recipe.model), recipe.micro_batch * recipe.length
    product = tokens * (3 * shape.intermediate + shape.hidden)
    projection = tokens * (2 * shape.intermediate + 3 * shape.hidden)
    if recipe.model.quantization != "none":
        projection += max(linear.weights for linear in shape.linears)
    return max(product, projection) * size


def worst(loss: int, layer: int, what: str) -> Component:
    """Return the larger of two moments: in the loss, or in a layer."""
    if loss > layer:
        return Component("worst moment", loss, f"logits of {CHUNK} positions and their gradients")
    return Component("worst moment", layer, what)


def width(model: ModelSettings) -> int:
    """Return the bytes of an activation; `auto` is 16 bits on the GPU that is planned for."""
    return 4 if model.compute == "float32" else 2


def _bytes_of_input(recipe: Recipe) -> int:
    return width(recipe.model) + (1 if recipe.adapter.dropout else 0)


def _packed(linear: Linear, quantization: str) -> float:
    if quantization == "int8":
        return linear.weights * INT8 + linear.outputs * INT8_SCALE
    return linear.weights * NF4


Setting = bool | int | str


@dataclass(frozen=True, slots=True)
class Change:
    """Options to set, and what the recipe takes once they and those before are set."""

    options: tuple[str, ...]
    """As on the command line."""
    why: str
    total: int
    """Bytes."""


def changes(shape: Architecture, recipe: Recipe, capacity: int) -> tuple[list[Change], Recipe]:
    """Return changes that each save memory, until the recipe fits or none is left; and what it
    then is.
    """
    made: list[Change] = []
    total = budget(shape, recipe).total
    for settings, why in milder(recipe):
        if total <= capacity:
            break
        changed = override(recipe, settings)
        saved = budget(shape, changed).total
        if saved < total:
            options = (
                f"--{key.replace('_', '-')} {str(value).lower()}" for key, value in settings.items()
            )
            made.append(Change(tuple(options), why, saved))
            recipe, total = changed, saved
    return made, recipe


def milder(recipe: Recipe) -> Iterator[tuple[dict[str, Setting], str]]:
    """Yield settings that save memory, those that change the result least first."""
    yield {"model.gradient_checkpointing": True}, "activations are computed twice, a third slower"
    if recipe.micro_batch > 1:
        yield {"micro_batch": 1}, "the same steps in smaller pieces"
    yield (
        {f"stage{stage}.optimizer.kind": "paged_adamw_8bit" for stage in (1, 2)},
        "moments in 8 bits, in the host's memory when there is no room",
    )
    yield {"adapter.embeddings": False}, "embeddings and head stay as they are"
    yield {"model.quantization": "nf4"}, "weights in 4 bits"
    yield {"model.compute": "bfloat16"}, "activations in 16 bits"
    yield {"model.backend": "auto"}, "Unsloth keeps layer inputs in the host's memory"
    length = recipe.length // 2
    while length >= SHORTEST:
        yield {"length": length}, "shorter rows: more files are cut"
        length //= 2


def largest_micro_batch(shape: Architecture, recipe: Recipe, capacity: int) -> int:
    """Return the most rows at once that divide the batch and fit, 0 if not even one does."""
    fitting = (
        rows
        for rows in range(recipe.batch, 0, -1)
        if recipe.batch % rows == 0
        if budget(shape, override(recipe, {"micro_batch": rows})).total <= capacity
    )
    return next(fitting, 0)
