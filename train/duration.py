"""How long a run takes: what it reads of a release, and what GPUs calculate in a second.

What is read is estimated without its text: documents are counted by their column of sizes,
instruction rows by that of kinds, and of their text a sample is read.
"""

import math
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING

from train.architecture import Architecture
from train.errors import TrainError
from train.recipe import Recipe, StageSettings

if TYPE_CHECKING:
    from corpus.release import Release

BYTES_PER_TOKEN = 3.42
"""Of Tekken on Elixir source, measured over 566 files of Elixir's own repository."""
FILL = 0.97
"""Share of a row that packing fills at least."""
AROUND = {1: 2, 2: 8}
"""Tokens that a sample has besides its text: begin and end; what a template puts around turns."""
SAMPLED_ROWS = 4096
"""Instruction rows that are read; they are in the order of a digest, so the first are as any."""


@dataclass(frozen=True, slots=True)
class SourceSize:
    """What a release has of one kind of text in its training split."""

    samples: float
    bytes: float


@dataclass(frozen=True, slots=True)
class Workload:
    """What one stage reads."""

    stage: int
    sources: Mapping[str, float]
    """Bytes that an epoch reads of each source, by its name."""
    epoch_tokens: int
    """Estimated; padding not counted."""
    epoch_rows: int
    steps: int
    """Of the whole stage."""
    row_tokens: int
    """Tokens of all rows of the whole stage, padding included: what takes time."""


def workload(
    release: "Release", recipe: Recipe, stage: int, bytes_per_token: float = BYTES_PER_TOKEN
) -> Workload:
    """Estimate what a stage of `recipe` reads of a release. Raises UnknownSource."""
    from train.dataset.packing import UnknownSource, default_passes

    settings = recipe.stage1 if stage == 1 else recipe.stage2
    sources = document_sources(release) if stage == 1 else instruction_sources(release)
    sources |= chat_sources(settings.data.chats)
    if unknown := [name for name in settings.data.mixture if name not in sources]:
        raise UnknownSource(unknown[0], sorted(sources))
    parts = {
        name: SourceSize(sources[name].samples * rate, sources[name].bytes * rate)
        for name, rate in (settings.data.mixture or default_passes(sources)).items()
    }
    around = AROUND[stage] + (prompt_bytes(recipe) / bytes_per_token if stage == 2 else 0)
    tokens = sum(part.bytes / bytes_per_token + around * part.samples for part in parts.values())
    if settings.data.replay.path:
        tokens /= 1 - settings.data.replay.share
    rows = math.ceil(tokens / (FILL * recipe.length))
    return Workload(
        stage,
        {name: part.bytes for name, part in parts.items()},
        round(tokens),
        rows,
        *steps_and_tokens(rows, recipe, settings),
    )


def document_sources(release: "Release") -> dict[str, SourceSize]:
    """Count documents and their bytes by language."""
    samples, size = Counter[str](), Counter[str]()
    for batch in release.batches("documents", ("language", "bytes"), "train", 65536):
        for language, count in zip(*(column.to_pylist() for column in batch.columns), strict=True):
            samples[f"documents.{language}"] += 1
            size[f"documents.{language}"] += count
    return {name: SourceSize(samples[name], size[name]) for name in sorted(samples)}


def instruction_sources(release: "Release") -> dict[str, SourceSize]:
    """Count instruction rows by kind, and estimate their bytes from the first rows there are.

    A kind that is not among those is taken to have rows of the usual size.
    """
    rows, sampled, size = Counter[str](), Counter[str](), Counter[str]()
    for batch in release.batches("instruct", ("kind",), "train", 65536):
        rows.update(batch.column("kind").to_pylist())
    for batch in release.batches("instruct", ("kind", "messages"), "train"):
        for row in batch.to_pylist():
            sampled[row["kind"]] += 1
            size[row["kind"]] += sum(len(each["content"].encode()) for each in row["messages"])
        if sampled.total() >= SAMPLED_ROWS:
            break
    usual = size.total() / max(1, sampled.total())
    means = {kind: size[kind] / sampled[kind] if sampled[kind] else usual for kind in rows}
    return {
        f"instruct.{kind}": SourceSize(rows[kind], rows[kind] * means[kind])
        for kind in sorted(rows)
    }


def chat_sources(chats: Mapping[str, str]) -> dict[str, SourceSize]:
    """Count lines and bytes of own chats; those on the Hub, which are not fetched, as none."""
    found = {}
    for name, place in chats.items():
        path = Path(place)
        files = [path] if path.is_file() else sorted(path.rglob("*.jsonl"))
        lines = 0
        for file in files:
            with file.open("rb") as opened:
                lines += sum(1 for _ in opened)
        found[f"chat.{name}"] = SourceSize(lines, sum(file.stat().st_size for file in files))
    return found


def prompt_bytes(recipe: Recipe) -> int:
    """Return the bytes of a system prompt that the recipe spells out; else it is not known here."""
    setting = recipe.system_prompt
    return (
        0
        if setting in ("default", "none") or setting.startswith("file:")
        else len(setting.encode())
    )


def steps_and_tokens(rows: int, recipe: Recipe, settings: StageSettings) -> tuple[int, int]:
    """Return the steps of a stage whose epochs have so many rows, and the tokens of their rows."""
    from train.dataset.packing import Order

    order = Order(lambda epoch: rows, settings.epochs, recipe.batch, settings.steps)
    if not rows or not order.steps:
        return 0, 0
    whole = sum(order.counts)
    read = whole if order.steps == order.ends[-1] else min(whole, order.steps * recipe.batch)
    return order.steps, read * recipe.length


ASSUMED_UTILIZATION = 0.35
"""Model FLOP utilisation where no rate was measured: 4-bit weights are widened before each product,
so less than the 0.4 to 0.5 that training in 16 bits reaches."""


@dataclass(frozen=True, slots=True)
class Gpu:
    """A model of GPU."""

    name: str
    memory: int
    """MiB, as nvidia-smi prints them."""
    teraflops: float
    """Dense bfloat16 products with single-precision sums, 10^12 a second."""
    source: str
    """Of the operations."""


COMPUTED = "{sms} multiprocessors at {clock} GHz, {operations} operations a clock each (whitepaper)"
PRO = "four times the {single} of single precision in its datasheet, as on the RTX PRO 6000"

GPUS = (
    Gpu("A10", 23_028, 125.0, "NVIDIA A10 datasheet"),
    Gpu("A10G", 23_028, 70.0, "NVIDIA A10G datasheet, half of the figure with sparsity"),
    Gpu("A30", 24_576, 165.0, "NVIDIA A30 datasheet, without sparsity"),
    Gpu("A40", 46_068, 149.7, "NVIDIA A40 datasheet, without sparsity"),
    Gpu("A100 40GB", 40_960, 312.0, "NVIDIA A100 Tensor Core GPU datasheet"),
    Gpu("A100 80GB", 81_920, 312.0, "NVIDIA A100 Tensor Core GPU datasheet"),
    Gpu("B200", 183_359, 2250.0, "NVIDIA B200 datasheet, half of the figure with sparsity"),
    Gpu("B300", 275_040, 2250.0, "NVIDIA B300 datasheet, half of the figure with sparsity"),
    Gpu("GB200", 189_471, 2500.0, "NVIDIA GB200 NVL72 datasheet, half of the figure with sparsity"),
    Gpu("GH200", 97_871, 989.4, "NVIDIA GH200 datasheet, half of the figure with sparsity"),
    Gpu("H20", 97_871, 148.0, "NVIDIA H20 datasheet, without sparsity"),
    Gpu("H100", 81_559, 989.4, "NVIDIA H100 whitepaper, SXM5, without sparsity"),
    Gpu("H100 NVL", 95_830, 835.0, "NVIDIA H100 datasheet, half of the figure with sparsity"),
    Gpu("H100 PCIe", 81_559, 756.0, "NVIDIA H100 datasheet, half of the figure with sparsity"),
    Gpu("H200", 143_771, 989.4, "NVIDIA H200 datasheet, SXM, half of the figure with sparsity"),
    Gpu("L4", 23_034, 121.0, "NVIDIA L4 datasheet, half of the figure with sparsity"),
    Gpu("L40", 46_068, 181.0, "NVIDIA L40 datasheet, without sparsity"),
    Gpu("L40S", 46_068, 362.0, "NVIDIA L40S datasheet, without sparsity"),
    Gpu("RTX 3090", 24_576, 71.0, "NVIDIA Ampere GA102 GPU Architecture whitepaper"),
    Gpu("RTX 3090 Ti", 24_564, 80.0, COMPUTED.format(sms=84, clock=1.86, operations=512)),
    Gpu("RTX 4070 Ti SUPER", 16_376, 88.2, COMPUTED.format(sms=66, clock=2.61, operations=512)),
    Gpu("RTX 4080", 16_376, 97.5, "NVIDIA Ada GPU Architecture whitepaper, appendix A"),
    Gpu("RTX 4080 SUPER", 16_376, 104.4, COMPUTED.format(sms=80, clock=2.55, operations=512)),
    Gpu("RTX 4090", 24_564, 165.2, "NVIDIA Ada GPU Architecture whitepaper, appendix A"),
    Gpu("RTX 5070 Ti", 16_303, 87.9, "NVIDIA RTX Blackwell whitepaper, appendix A"),
    Gpu("RTX 5080", 16_303, 112.6, "NVIDIA RTX Blackwell whitepaper, appendix A"),
    Gpu("RTX 5090", 32_607, 209.5, "NVIDIA RTX Blackwell GPU Architecture whitepaper, appendix A"),
    Gpu("RTX 5000 Ada", 32_760, 261.1, "NVIDIA RTX 5000 Ada datasheet, a quarter of FP8 sparse"),
    Gpu("RTX 6000 Ada", 49_140, 364.0, "NVIDIA RTX 6000 Ada datasheet, half of that with sparsity"),
    Gpu("RTX A5000", 24_564, 111.1, "NVIDIA RTX A5000 datasheet, half of the figure with sparsity"),
    Gpu("RTX A6000", 49_140, 154.8, "NVIDIA RTX A6000 datasheet, half of the figure with sparsity"),
    Gpu("RTX PRO 4000", 24_467, 187.6, PRO.format(single=46.9)),
    Gpu("RTX PRO 4500", 32_623, 219.8, PRO.format(single=54.94)),
    Gpu("RTX PRO 5000 48GB", 48_935, 294.8, PRO.format(single=73.69)),
    Gpu("RTX PRO 5000 72GB", 73_415, 294.8, PRO.format(single=73.69)),
    Gpu("RTX PRO 6000", 97_887, 503.8, PRO.format(single=125.95)),
)
"""Memory is from output of nvidia-smi that users published: no datasheet tells it, and we did not
measure it. It is not the gigabytes of the name: 48 of them are 44.99 GiB on an L40S, which keeps a
part for error correction, and 47.99 on an A6000, where that is off at first. Another driver may say
a little else, and CUDA gives programs some hundred MiB less."""


OTHERS = re.compile(r" (TI|SUPER|D|LAPTOP|SFF|MAX Q|MIG|\d+[ABCQ]) ")
"""What a driver's name says besides where it is not the GPU of the table: a faster or slower one,
or a part of it (MIG, vGPU)."""

BEFORE_AMPERE = re.compile(r" (?:TESLA|QUADRO|TITAN|V100S?|T4|P40|P100|GTX|RTX 20\d0) ")
"""Generations that cannot calculate in bfloat16."""


class UnknownGpu(TrainError):
    """A GPU that the table does not have."""

    def __init__(self, name: str, near: Sequence[Gpu] = ()) -> None:
        known = [gpu.name for gpu in GPUS]
        close = [gpu.name for gpu in near] or get_close_matches(name.upper(), known, 1)
        hint = f"Did you mean {' or '.join(close)}? " if close else ""
        if BEFORE_AMPERE.search(f" {name.upper()} "):
            hint = "GPUs before Ampere (2020) lack bfloat16, in which recipes calculate. "
        super().__init__(
            f"--gpu {name}: not known. {hint}Known are {', '.join(known)}; for another one give "
            "--vram and a measured --tokens-per-second."
        )


def token_flops(shape: Architecture, recipe: Recipe, length: float | None = None) -> float:
    """Count the floating-point operations that training on one token needs.

    Products and sums count each, so a product with a matrix takes two a weight. What checkpointing
    and the loss compute a second time does not count (Chowdhery et al. 2022, PaLM, B); frozen
    weights get no gradient. The token stands in a sample of `length` tokens and attends to its
    half; without `length` that is a row, an upper bound where rows hold several samples.
    """
    layers = 2.0 * shape.layers * sum(linear.weights for linear in shape.linears)
    head = 2.0 * shape.vocabulary * shape.hidden
    adapter = 2.0 * shape.adapter_parameters(recipe.adapter.rank, recipe.adapter.targets)
    attention = attention_flops(shape, length or recipe.length)
    trained_head = head if recipe.adapter.embeddings else 0.0
    forward = layers + adapter + attention + head
    backward = layers + head + trained_head + 2 * (adapter + attention)
    return forward + backward


def attention_flops(shape: Architecture, length: float) -> float:
    """Count the operations of a token's scores and weighed values, forward, in all layers."""
    seen = min(length / 2, shape.window or length)
    return 4.0 * shape.layers * shape.heads * shape.head_dim * seen


def gpu_named(name: str) -> Gpu:
    """Find a GPU by its name, or by what its driver calls it, in any case. Raises UnknownGpu."""
    found = of_device(name)
    if len(found) != 1:
        raise UnknownGpu(name, found)
    return found[0]


def expected_rate(flops: float, gpu: Gpu, utilization: float = ASSUMED_UTILIZATION) -> float:
    """Return tokens a second at a model FLOP utilisation."""
    return gpu.teraflops * 1e12 * utilization / flops


@dataclass(frozen=True, kw_only=True, slots=True)
class Rate:
    """How fast tokens go by."""

    tokens_per_second: float
    is_measured: bool
    utilization: float | None
    """Of the GPU's floating-point operations; None where no GPU is named."""


def rate_of(
    shape: Architecture, recipe: Recipe, gpu: Gpu | None, measured: float | None
) -> Rate | None:
    """Return the measured rate, or what a GPU may be expected to do; None without either."""
    flops = token_flops(shape, recipe)
    if measured is not None:
        used = utilization(measured * flops, 1, gpu.teraflops * 1e12) if gpu else None
        return Rate(tokens_per_second=measured, is_measured=True, utilization=used)
    if gpu is None:
        return None
    return Rate(
        tokens_per_second=expected_rate(flops, gpu),
        is_measured=False,
        utilization=ASSUMED_UTILIZATION,
    )


def peak_flops(device: str) -> float | None:
    """Return the peak FLOP/s of a GPU by the name its driver gives; None if it is not listed."""
    found = of_device(device)
    return found[0].teraflops * 1e12 if found else None


def of_device(device: str) -> list[Gpu]:
    """Return the GPUs that a driver's name may stand for: several where they differ in memory.

    The longest name counts. A part of a GPU, or one for laptops, is none of those in the table.
    """
    words = f" {device.upper().replace('-', ' ')} "
    named = [gpu for gpu in GPUS if f" {without_memory(gpu.name)} " in words]
    longest = max((without_memory(gpu.name) for gpu in named), key=len, default="")
    if OTHERS.search(words.replace(f" {longest} ", "  ")):
        return []
    named = [gpu for gpu in named if without_memory(gpu.name) == longest]
    return [gpu for gpu in named if f" {gpu.name.upper().rpartition(' ')[2]} " in words] or named


def without_memory(name: str) -> str:
    """Return a GPU's name in capitals, without the gigabytes that some carry."""
    return re.sub(r" \d+GB$", "", name).upper()


def utilization(flops: float, seconds: float, peak: float) -> float:
    """Return the share of a device's peak that a model's operations took (PaLM, appendix B).

    `flops` were needed in `seconds`; `peak` is FLOP/s, of all devices together if several shared
    the work.
    """
    return flops / seconds / peak
