"""llama.cpp, in a process of its own: what it makes of a GGUF file, and its quantisation.

    python -m train.export.llamacpp < request.json

The library is the one that the package xllamacpp ships, called by its C interface (`llama.h`,
`gguf.h`), since the package itself gives no logits of a prompt. A file that is damaged can make it
end the process; the parent turns that, and a time limit, into an error with a sentence.
"""

import ctypes
import http.client
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from enum import StrEnum
from functools import cache, partial
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from train.errors import TrainError
from train.tokenizer.interface import Ids, Message

if TYPE_CHECKING:
    from gguf import GGMLQuantizationType

Numbers = npt.NDArray[np.uint8 | np.float16 | np.float32]
Floats = npt.NDArray[np.float32]


class Kind(StrEnum):
    """How a GGUF file holds weights."""

    Q4_K_M = "q4_k_m"
    Q8_0 = "q8_0"
    BF16 = "bf16"
    F16 = "f16"


PACKAGE = "xllamacpp"
ANSWER, LOGITS = "answer.json", "logits.npy"
"""`Heard` as the process writes it, and its logits."""
LONGEST = 512
"""Tokens of a sequence: the context that llama.cpp makes where nobody asks for another."""
SECONDS = 600
SECONDS_PER_GB = 20
"""Time limit of one call, and what it grows by for every pass over the file."""
CHUNK = 1 << 22
"""Weights that one thread quantises at once."""


class NoLlamaCpp(TrainError):
    """llama.cpp is not installed, so that a GGUF file can be neither quantised nor checked."""

    def __init__(self) -> None:
        super().__init__(
            "A GGUF file is quantised and checked by llama.cpp, and the Python package "
            f"{PACKAGE} that brings it is not installed: pip install {PACKAGE}. Without it, "
            "--unchecked with --type bf16 or f16 writes a file that nothing has loaded; its card "
            "says so."
        )


class LlamaCppFailed(TrainError):
    """llama.cpp could not do with a file what it was asked to."""

    def __init__(self, file: str, why: str) -> None:
        super().__init__(
            f"llama.cpp does not run {file}: {why}. Nothing was kept. Look for a newer "
            f"{PACKAGE} if the model is newer than the installed one; --to merged needs neither."
        )


@dataclass(frozen=True, slots=True)
class Heard:
    """What llama.cpp makes of a file, and what its model says."""

    vocabulary: int
    bos: int
    eos: int
    adds_bos: bool
    eos_ends: bool
    """Whether generation stops at eos."""
    pieces: list[str]
    """The text of every token, specials as nothing; bytes that are no UTF-8 as U+FFFD."""
    tokens: list[list[int]]
    """Ids of every text that was asked for, without a beginning."""
    chats: list[list[int]]
    """Ids of every chat, rendered by the file's template, up to where an answer begins."""
    logits: Floats
    """After every token of every sequence, [tokens, vocabulary]; mapped from a temporary file."""


def check_installed() -> None:
    """Raise NoLlamaCpp unless llama.cpp can be called."""
    if find_spec(PACKAGE) is None:
        raise NoLlamaCpp


def listen(
    file: Path,
    texts: Sequence[str] = (),
    chats: Sequence[Sequence[Message]] = (),
    sequences: Sequence[Ids] = (),
    seconds: float | None = None,
) -> Heard:
    """Load a GGUF file in llama.cpp, tokenise, render chats and compute logits.

    A sequence has at most `LONGEST` tokens. Raises NoLlamaCpp and LlamaCppFailed.
    """
    asked = {
        "texts": list(texts),
        "chats": [list(chat) for chat in chats],
        "sequences": [ids.tolist() for ids in sequences],
    }
    with tempfile.TemporaryDirectory(dir=file.parent, prefix=".llamacpp.") as scratch:
        passes = 2 + len(sequences)
        _call("hear", file, seconds, passes, scratch=scratch, **asked)
        told = json.loads((Path(scratch) / ANSWER).read_bytes())
        path = Path(scratch) / LOGITS
        found = np.load(path, mmap_mode="c") if sequences else np.zeros((0, 0), np.float32)
        return Heard(**told, logits=found)  # the mapping outlives the file's name


def quantise(source: Path, destination: Path, kind: Kind, seconds: float | None = None) -> None:
    """Write a GGUF file of 16 bits in another type, tensor by tensor.

    Memory for one tensor in float32 is enough. Raises NoLlamaCpp and LlamaCppFailed.
    """
    # K-quants take up to 10 CPU seconds for a million weights on the slowest machines.
    _call("quantise", source, seconds, 50, destination=str(destination.resolve()), kind=kind)


def _call(operation: str, file: Path, seconds: float | None, passes: int, **asked: object) -> None:
    """Run this module on a request. Raises NoLlamaCpp and LlamaCppFailed."""
    check_installed()
    request = {"operation": operation, "file": str(file.resolve()), **asked}
    limit = seconds or SECONDS + SECONDS_PER_GB * passes * file.stat().st_size / 1e9
    try:
        done = subprocess.run(
            [sys.executable, "-m", "train.export.llamacpp"],
            input=json.dumps(request),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            errors="replace",
            timeout=limit,
            check=False,
            cwd=Path(__file__).parents[2],
            # ggml calls a debugger on its way out, which takes seconds and prints pages.
            env=os.environ | {"GGML_NO_BACKTRACE": "1"},
        )
    except subprocess.TimeoutExpired as error:
        raise LlamaCppFailed(file.name, f"it took longer than {limit:.0f} s") from error
    if status := done.returncode:
        lines = [line.strip() for line in done.stdout.splitlines()] or ["it said nothing"]
        words = ("error", "assert", "exception", "failed")
        telling = (line for line in lines if any(word in line.lower() for word in words))
        ended = f"it was ended by signal {-status}" if status < 0 else "it refuses the file"
        raise LlamaCppFailed(file.name, f"{ended} ({next(telling, lines[-1])[:300]})")


# What follows runs in the child.


class _Opaque(ctypes.Structure):
    """Parameters that only llama.cpp reads; larger than they are in any version (about 150)."""

    _fields_ = (("words", ctypes.c_uint64 * 64),)


class _Batch(ctypes.Structure):
    """`struct llama_batch`."""

    _fields_ = (
        ("n_tokens", ctypes.c_int32),
        ("token", ctypes.POINTER(ctypes.c_int32)),
        ("embd", ctypes.c_void_p),
        ("pos", ctypes.POINTER(ctypes.c_int32)),
        ("n_seq_id", ctypes.POINTER(ctypes.c_int32)),
        ("seq_id", ctypes.POINTER(ctypes.POINTER(ctypes.c_int32))),
        ("logits", ctypes.POINTER(ctypes.c_int8)),
    )


POINTER, TEXT, INT, LONG = ctypes.c_void_p, ctypes.c_char_p, ctypes.c_int32, ctypes.c_int64
BOOL, SIZE, INTS = ctypes.c_bool, ctypes.c_size_t, ctypes.POINTER(ctypes.c_int32)
SIGNATURES: dict[str, tuple[Any, ...]] = {
    "llama_backend_init": (None,),
    "llama_model_default_params": (_Opaque,),
    "llama_context_default_params": (_Opaque,),
    "llama_model_load_from_file": (POINTER, TEXT, _Opaque),
    "llama_init_from_model": (POINTER, POINTER, _Opaque),
    "llama_set_n_threads": (None, POINTER, INT, INT),
    "llama_get_memory": (POINTER, POINTER),
    "llama_memory_clear": (None, POINTER, BOOL),
    "llama_model_get_vocab": (POINTER, POINTER),
    "llama_vocab_n_tokens": (INT, POINTER),
    "llama_vocab_bos": (INT, POINTER),
    "llama_vocab_eos": (INT, POINTER),
    "llama_vocab_get_add_bos": (BOOL, POINTER),
    "llama_vocab_is_eog": (BOOL, POINTER, INT),
    "llama_tokenize": (INT, POINTER, TEXT, INT, INTS, INT, BOOL, BOOL),
    "llama_token_to_piece": (INT, POINTER, INT, ctypes.c_char_p, INT, INT, BOOL),
    "llama_batch_init": (_Batch, INT, INT, INT),
    "llama_decode": (INT, POINTER, _Batch),
    "llama_get_logits": (ctypes.POINTER(ctypes.c_float), POINTER),
    "ggml_quantize_chunk": (SIZE, INT, POINTER, POINTER, LONG, LONG, LONG, POINTER),
}
"""Result and arguments of every function that is called."""


@cache
def _library() -> ctypes.CDLL:
    """Return the library, each function with its signature."""
    import xllamacpp

    library = ctypes.CDLL(xllamacpp.xllamacpp.__file__)
    for name, (result, *arguments) in SIGNATURES.items():
        function = getattr(library, name)
        function.restype, function.argtypes = result, arguments
    return library


def _hear(
    file: str,
    scratch: str,
    texts: list[str],
    chats: list[list[Message]],
    sequences: list[list[int]],
) -> None:
    """Write what `listen` asks for into two files. Raises ValueError."""
    llama = _library()
    llama.llama_backend_init()
    model = llama.llama_model_load_from_file(file.encode(), llama.llama_model_default_params())
    if not model:
        raise ValueError("error: it cannot be loaded")
    words = llama.llama_model_get_vocab(model)
    size = llama.llama_vocab_n_tokens(words)
    eos = llama.llama_vocab_eos(words)
    rendered = _rendered(file, chats) if chats else []
    told: dict[str, object] = {
        "vocabulary": size,
        "bos": llama.llama_vocab_bos(words),
        "eos": eos,
        "adds_bos": llama.llama_vocab_get_add_bos(words),
        "eos_ends": eos >= 0 and llama.llama_vocab_is_eog(words, eos),
        "pieces": [_piece(words, number) for number in range(size)],
        "tokens": [_tokenised(words, each, special=False) for each in texts],
        "chats": [_tokenised(words, each, special=True) for each in rendered],
    }
    if sequences:
        _logits(model, size, sequences, Path(scratch) / LOGITS)
    (Path(scratch) / ANSWER).write_text(json.dumps(told), encoding="utf-8")


def _piece(words: int, number: int) -> str:
    room = 512
    buffer = ctypes.create_string_buffer(room)
    length = _library().llama_token_to_piece(words, number, buffer, room, 0, False)
    if length < 0:
        raise ValueError(f"error: token {number} has no text")
    return buffer.raw[:length].decode(errors="replace")


def _tokenised(words: int, text: str, *, special: bool) -> list[int]:
    """Tokenise as llama-server does a prompt (`special`), or as plain text."""
    encoded = text.encode()
    room = len(encoded) + 8
    ids = (ctypes.c_int32 * room)()
    count = _library().llama_tokenize(words, encoded, len(encoded), ids, room, special, special)
    if count < 0:
        raise ValueError(f"error: {text[:60]!r} cannot be tokenised")
    return list(ids[:count])


def _rendered(file: str, chats: Sequence[Sequence[Message]]) -> list[str]:
    """Render chats by the file's template, as llama-server does it."""
    import xllamacpp

    settings = xllamacpp.CommonParams()
    settings.model.path = file
    settings.n_ctx = LONGEST
    settings.n_parallel = 1
    settings.port = 0
    settings.warmup = False
    server = xllamacpp.Server(settings)
    _, _, address = server.listening_address.rpartition("/")
    told = []
    for chat in chats:
        connection = http.client.HTTPConnection(address, timeout=60)
        connection.request(
            "POST",
            "/apply-template",
            json.dumps({"messages": chat}),
            {"Content-Type": "application/json"},
        )
        answer = json.loads(connection.getresponse().read())
        connection.close()
        if "prompt" not in answer:
            raise ValueError(f"error: the chat template fails: {answer}")
        told.append(str(answer["prompt"]))
    return told


def _logits(model: int, vocabulary: int, sequences: list[list[int]], path: Path) -> None:
    llama = _library()
    settings = llama.llama_context_default_params()
    if settings.words[0] & 0xFFFFFFFF != LONGEST:  # n_ctx, the first field
        raise ValueError("error: this version of llama.cpp has another default context")
    context = llama.llama_init_from_model(model, settings)
    if not context:
        raise ValueError("error: no context can be made")
    threads = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    threads = int(os.environ.get("OMP_NUM_THREADS") or threads or 1)
    llama.llama_set_n_threads(context, threads, threads)
    batch = llama.llama_batch_init(LONGEST, 0, 1)
    total = sum(len(ids) for ids in sequences)
    out: Any = np.lib.format.open_memmap(  # type: ignore[no-untyped-call]
        path, "w+", np.float32, (total, vocabulary)
    )
    row = 0
    for ids in sequences:
        for at, number in enumerate(ids):
            batch.token[at], batch.pos[at], batch.n_seq_id[at] = number, at, 1
            batch.seq_id[at][0], batch.logits[at] = 0, 1
        batch.n_tokens = len(ids)
        llama.llama_memory_clear(llama.llama_get_memory(context), True)
        if status := llama.llama_decode(context, batch):
            raise ValueError(f"error: llama_decode returns {status}")
        found = llama.llama_get_logits(context)
        out[row : row + len(ids)] = np.ctypeslib.as_array(found, (len(ids), vocabulary))
        row += len(ids)
    out.flush()


def _quantise(file: str, destination: str, kind: str) -> None:
    """Do what `quantise` asks for. Raises ValueError."""
    from gguf import GGML_QUANT_SIZES, GGUFReader, GGUFValueType, GGUFWriter, LlamaFileType

    try:
        given = GGUFReader(file)
    except (IndexError, KeyError, ValueError) as error:
        raise ValueError(f"error: it is no whole GGUF file: {error}") from error
    writer = GGUFWriter(destination, given.fields["general.architecture"].contents())
    own = ("general.architecture", "general.file_type", "general.quantization_version")
    for name, field in given.fields.items():
        if name not in own and not name.startswith("GGUF."):
            of = field.types[-1] if field.types[0] is GGUFValueType.ARRAY else None
            writer.add_key_value(name, field.contents(), field.types[0], of)
    writer.add_file_type(LlamaFileType[f"MOSTLY_{kind.upper()}"])
    writer.add_quantization_version(2)
    layers = 1 + max(_layer(each.name) for each in given.tensors)
    tied = all(each.name != "output.weight" for each in given.tensors)
    types = {}
    for each in given.tensors:
        new = tensor_type(each.name, each.shape.tolist(), kind, layers, tied)
        weights, size = GGML_QUANT_SIZES[new]
        types[each.name] = new
        shape, stored = each.shape.tolist()[::-1], each.n_elements // weights * size
        writer.add_tensor_info(each.name, shape, np.dtype(np.float32), stored, raw_dtype=new)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_ti_data_to_file()
    threads = int(os.environ.get("OMP_NUM_THREADS") or os.cpu_count() or 1)
    with ThreadPoolExecutor(threads) as pool:
        for each in given.tensors:
            rows = each.data.reshape(-1, each.data.shape[-1])
            some = max(1, CHUNK // int(each.shape[0]))
            pieces = [rows[first : first + some] for first in range(0, len(rows), some)]
            convert = partial(_converted, stored=each.tensor_type, new=types[each.name])
            writer.write_tensor_data(np.concatenate(list(pool.map(convert, pieces))))
    writer.close()


def _converted(
    rows: Numbers, *, stored: "GGMLQuantizationType", new: "GGMLQuantizationType"
) -> Numbers:
    """Return rows of weights of one type in another. Raises ValueError."""
    from gguf import GGML_QUANT_SIZES, GGMLQuantizationType, dequantize

    if stored is new:
        return rows
    if stored.name not in ("F32", "F16", "BF16"):
        raise ValueError(f"error: tensors of type {stored.name} are quantised already")
    wide: Floats = np.ascontiguousarray(dequantize(rows, stored))
    if new is GGMLQuantizationType.F32:
        return wide
    weights, size = GGML_QUANT_SIZES[new]
    out = np.empty((len(wide), wide.shape[1] // weights * size), np.uint8)
    done = _library().ggml_quantize_chunk(
        new, wide.ctypes.data, out.ctypes.data, 0, *wide.shape, None
    )
    if done != out.nbytes:
        raise ValueError(f"error: {done} bytes were quantised, not {out.nbytes}")
    return out


def _layer(name: str) -> int:
    return int(name.split(".")[1]) if name.startswith("blk.") else 0


def tensor_type(
    name: str, shape: Sequence[int], kind: str, layers: int, tied: bool
) -> "GGMLQuantizationType":
    """Return the type of a tensor in a file of some kind.

    The mixture of Q4_K_M is llama-quantize's (llama.cpp, src/llama-quant.cpp): 6 bits for the
    head, and for values and down projections in the first and last eighth of the layers and
    every third between; 4 bits for the rest. Where a row is no multiple of 256 weights, as there,
    another type stands in. Vectors stay in float32.
    """
    from gguf import GGML_QUANT_SIZES
    from gguf import GGMLQuantizationType as Types

    if len(shape) == 1 or shape[1] == 1:
        return Types.F32
    if kind != Kind.Q4_K_M:
        chosen = Types[kind.upper()]
    else:
        number, eighth = _layer(name), layers // 8
        is_head = name == ("token_embd.weight" if tied else "output.weight")
        has_more = name.endswith(("attn_v.weight", "ffn_down.weight")) and (
            number < eighth or number >= 7 * layers // 8 or (number - eighth) % 3 == 2
        )
        chosen = Types.Q6_K if is_head or has_more else Types.Q4_K
        if shape[0] % GGML_QUANT_SIZES[chosen][0]:
            chosen = Types.Q8_0 if chosen is Types.Q6_K else Types.Q5_0
    return Types.F16 if shape[0] % GGML_QUANT_SIZES[chosen][0] else chosen


def _main() -> None:
    request = json.loads(sys.stdin.buffer.read())
    operations: dict[str, Callable[..., None]] = {"hear": _hear, "quantise": _quantise}
    try:
        operations[request.pop("operation")](**request)
    except ValueError as error:
        sys.exit(str(error))
    sys.stdout.flush()
    os._exit(0)  # threads of the server would hold the process for seconds


if __name__ == "__main__":
    _main()
