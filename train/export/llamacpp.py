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
from dataclasses import asdict, dataclass
from functools import cache, partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any, TypedDict

import numpy as np
import numpy.typing as npt

from train.errors import TrainError
from train.tokenizer.interface import Ids, Message

Bytes = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float32]

PACKAGE = "xllamacpp"
ANSWER = "answer.json"
"""`FileFacts` as the process writes them."""
LOGITS = "logits.npy"
LONGEST = 512
"""Tokens of a sequence: the context that llama.cpp makes where nobody asks for another."""
SECONDS = 600
SECONDS_PER_GB = 20
"""Time limit of one call, and what it grows by for every pass over the file."""
CHUNK = 1 << 22
"""Weights that one thread quantises at once."""

F32, F16, Q5_0, Q8_0, Q4_K, Q6_K, BF16 = 0, 1, 6, 8, 12, 14, 30
"""Numbers of `enum ggml_type`."""
FTYPES = {"f16": 1, "bf16": 32, "q8_0": 7, "q4_k_m": 15}
"""Numbers of `enum llama_ftype`, which a file tells as general.file_type."""
BLOCKS = {
    F32: (1, 4),
    F16: (1, 2),
    BF16: (1, 2),
    Q5_0: (32, 22),
    Q8_0: (32, 34),
    Q4_K: (256, 144),
    Q6_K: (256, 210),
}
"""Weights and bytes of a block of each type."""
SMALLER = {Q4_K: Q5_0, Q6_K: Q8_0}
"""What stands in where a row is no multiple of 256 weights, as in llama-quantize."""


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
class FileFacts:
    """What llama.cpp makes of a file, as its process tells in JSON."""

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


@dataclass(frozen=True, slots=True)
class Heard(FileFacts):
    """What is known of a file, and what its model says."""

    logits: Floats
    """After every token of every sequence, [tokens, vocabulary]; mapped from a temporary file."""


def check_installed() -> None:
    """Raise NoLlamaCpp unless llama.cpp can be called."""
    if find_spec(PACKAGE) is None:
        raise NoLlamaCpp


class Questions(TypedDict):
    """What the process that loads a file is asked about it."""

    texts: list[str]
    chats: list[list[Message]]
    sequences: list[list[int]]


class Quantising(TypedDict):
    """What a file is to be made of one in 16 bits."""

    destination: str
    kind: str


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
    asked = Questions(
        texts=list(texts),
        chats=[list(chat) for chat in chats],
        sequences=[ids.tolist() for ids in sequences],
    )
    with tempfile.TemporaryDirectory(dir=file.parent, prefix=".llamacpp.") as scratch:
        passes = 2 + len(sequences)
        _call("hear", file, Path(scratch), seconds, passes, asked)
        told = json.loads((Path(scratch) / ANSWER).read_bytes())
        path = Path(scratch) / LOGITS
        found = np.load(path, mmap_mode="c") if sequences else np.zeros((0, 0), np.float32)
        return Heard(**told, logits=found)  # the mapping outlives the file's name


def quantise(source: Path, destination: Path, kind: str, seconds: float | None = None) -> None:
    """Write a GGUF file of 16 bits in another type, tensor by tensor.

    Memory for one tensor in float32 is enough. Raises NoLlamaCpp and LlamaCppFailed.
    """
    with tempfile.TemporaryDirectory(dir=destination.parent, prefix=".llamacpp.") as scratch:
        asked = Quantising(destination=str(destination.resolve()), kind=kind)
        # K-quants take up to 10 CPU seconds for a million weights on the slowest machines.
        _call("quantise", source, Path(scratch), seconds, 50, asked)


def _call(
    operation: str,
    file: Path,
    scratch: Path,
    seconds: float | None,
    passes: int,
    asked: Questions | Quantising,
) -> None:
    """Run this module on a request. Raises NoLlamaCpp and LlamaCppFailed."""
    check_installed()
    request = {"operation": operation, "file": str(file.resolve()), "scratch": str(scratch)}
    limit = seconds or SECONDS + SECONDS_PER_GB * passes * file.stat().st_size / 1e9
    with (scratch / "log").open("wb") as log:
        try:
            done = subprocess.run(
                [sys.executable, "-m", "train.export.llamacpp"],
                input=json.dumps({**request, **asked}).encode(),
                stdout=log,
                stderr=log,
                timeout=limit,
                check=False,
                cwd=Path(__file__).parents[2],
                # ggml calls a debugger on its way out, which takes seconds and prints pages.
                env=os.environ | {"GGML_NO_BACKTRACE": "1"},
            )
        except subprocess.TimeoutExpired as error:
            raise LlamaCppFailed(file.name, f"it took longer than {limit:.0f} s") from error
    if done.returncode:
        raise LlamaCppFailed(file.name, _why(done.returncode, scratch / "log"))


def _why(status: int, log: Path) -> str:
    lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
    telling = [
        line.strip()
        for line in lines
        if any(word in line.lower() for word in ("error", "assert", "exception", "failed"))
    ]
    said = telling[0] if telling else (lines or ["it said nothing"])[-1].strip()
    ended = f"it was ended by signal {-status}" if status < 0 else "it refuses the file"
    return f"{ended} ({said[:300]})"


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


class _Reading(ctypes.Structure):
    """`struct gguf_init_params`."""

    _fields_ = (("no_alloc", ctypes.c_bool), ("ctx", ctypes.c_void_p))


POINTER, TEXT, INT, LONG, BOOL = (
    ctypes.c_void_p,
    ctypes.c_char_p,
    ctypes.c_int32,
    ctypes.c_int64,
    ctypes.c_bool,
)
SIZE = ctypes.c_size_t
INTS = ctypes.POINTER(ctypes.c_int32)
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
    "gguf_init_from_file": (POINTER, TEXT, _Reading),
    "gguf_get_n_tensors": (LONG, POINTER),
    "gguf_get_data_offset": (SIZE, POINTER),
    "gguf_get_tensor_name": (TEXT, POINTER, LONG),
    "gguf_get_tensor_type": (INT, POINTER, LONG),
    "gguf_get_tensor_offset": (SIZE, POINTER, LONG),
    "gguf_get_tensor_size": (SIZE, POINTER, LONG),
    "gguf_get_tensor_ne": (ctypes.POINTER(LONG), POINTER, LONG),
    "gguf_set_tensor_type": (None, POINTER, TEXT, INT),
    "gguf_set_val_u32": (None, POINTER, TEXT, ctypes.c_uint32),
    "gguf_get_meta_size": (SIZE, POINTER),
    "gguf_get_meta_data": (None, POINTER, POINTER),
    "ggml_quantize_chunk": (SIZE, INT, POINTER, POINTER, LONG, LONG, LONG, POINTER),
}
"""Result and arguments of every function that is called."""


@cache
def _function(name: str) -> Callable[..., Any]:
    """Return a function of the library."""
    import xllamacpp

    found = getattr(ctypes.CDLL(xllamacpp.xllamacpp.__file__), name)
    found.restype, *found.argtypes = SIGNATURES[name]
    return found  # type: ignore[no-any-return]


def _hear(file: str, request: Questions, scratch: Path) -> None:
    """Write what `listen` asks for into two files. Raises ValueError."""
    _function("llama_backend_init")()
    model = _function("llama_model_load_from_file")(
        file.encode(), _function("llama_model_default_params")()
    )
    if not model:
        raise ValueError("error: it cannot be loaded")
    words = _function("llama_model_get_vocab")(model)
    size = _function("llama_vocab_n_tokens")(words)
    eos = _function("llama_vocab_eos")(words)
    rendered = _rendered(file, request["chats"]) if request["chats"] else []
    told = FileFacts(
        vocabulary=size,
        bos=_function("llama_vocab_bos")(words),
        eos=eos,
        adds_bos=_function("llama_vocab_get_add_bos")(words),
        eos_ends=eos >= 0 and _function("llama_vocab_is_eog")(words, eos),
        pieces=[_piece(words, number) for number in range(size)],
        tokens=[_tokenised(words, each, special=False) for each in request["texts"]],
        chats=[_tokenised(words, each, special=True) for each in rendered],
    )
    if request["sequences"]:
        _logits(model, size, request["sequences"], scratch / LOGITS)
    (scratch / ANSWER).write_text(json.dumps(asdict(told)), encoding="utf-8")


def _piece(words: int, number: int) -> str:
    room = 512
    buffer = ctypes.create_string_buffer(room)
    length = _function("llama_token_to_piece")(words, number, buffer, room, 0, False)
    if length < 0:
        raise ValueError(f"error: token {number} has no text")
    return buffer.raw[:length].decode(errors="replace")


def _tokenised(words: int, text: str, *, special: bool) -> list[int]:
    """Tokenise as llama-server does a prompt (`special`), or as plain text."""
    encoded = text.encode()
    room = len(encoded) + 8
    ids = (ctypes.c_int32 * room)()
    count = _function("llama_tokenize")(words, encoded, len(encoded), ids, room, special, special)
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
    settings = _function("llama_context_default_params")()
    if settings.words[0] & 0xFFFFFFFF != LONGEST:  # n_ctx, the first field
        raise ValueError("error: this version of llama.cpp has another default context")
    context = _function("llama_init_from_model")(model, settings)
    if not context:
        raise ValueError("error: no context can be made")
    threads = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    threads = int(os.environ.get("OMP_NUM_THREADS") or threads or 1)
    _function("llama_set_n_threads")(context, threads, threads)
    batch = _function("llama_batch_init")(LONGEST, 0, 1)
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
        _function("llama_memory_clear")(_function("llama_get_memory")(context), True)
        if status := _function("llama_decode")(context, batch):
            raise ValueError(f"error: llama_decode returns {status}")
        found = np.ctypeslib.as_array(
            _function("llama_get_logits")(context), (len(ids), vocabulary)
        )
        out[row : row + len(ids)] = found
        row += len(ids)
    out.flush()


def _quantise(source: str, request: Quantising) -> None:
    """Do what `quantise` asks for."""
    kind = request["kind"]
    given, wanted = (
        _function("gguf_init_from_file")(source.encode(), _Reading(True, None)) for _ in range(2)
    )
    if not given or not wanted:
        raise ValueError("error: it is no GGUF file")
    count = _function("gguf_get_n_tensors")(given)
    names = [_function("gguf_get_tensor_name")(given, number) for number in range(count)]
    layers = 1 + max(_layer(name.decode()) for name in names)
    shapes = [list(_function("gguf_get_tensor_ne")(given, number)[:4]) for number in range(count)]
    tied = b"output.weight" not in names
    types = [
        tensor_type(name.decode(), shape, kind, layers, tied)
        for name, shape in zip(names, shapes, strict=True)
    ]
    for name, number in zip(names, types, strict=True):
        _function("gguf_set_tensor_type")(wanted, name, number)
    _function("gguf_set_val_u32")(wanted, b"general.file_type", FTYPES[kind])
    _function("gguf_set_val_u32")(wanted, b"general.quantization_version", 2)
    size = _function("gguf_get_meta_size")(wanted)
    head = ctypes.create_string_buffer(size)
    _function("gguf_get_meta_data")(wanted, head)
    data = np.memmap(source, np.uint8, "r")
    begin = _function("gguf_get_data_offset")(given)
    with (
        Path(request["destination"]).open("wb") as out,
        ThreadPoolExecutor(int(os.environ.get("OMP_NUM_THREADS") or os.cpu_count() or 1)) as pool,
    ):
        out.write(head.raw)
        for number, (shape, new) in enumerate(zip(shapes, types, strict=True)):
            at = begin + _function("gguf_get_tensor_offset")(given, number)
            raw = data[at : at + _function("gguf_get_tensor_size")(given, number)]
            out.seek(size + _function("gguf_get_tensor_offset")(wanted, number))
            stored = _function("gguf_get_tensor_type")(given, number)
            rows = max(1, CHUNK // shape[0])
            width = shape[0] * BLOCKS[stored][1]
            pieces = [
                raw[first : first + rows * width] for first in range(0, len(raw), rows * width)
            ]
            convert = partial(_converted, stored=stored, new=new, width=shape[0])
            for piece in pool.map(convert, pieces):
                out.write(piece.data)


def _converted(raw: Bytes, *, stored: int, new: int, width: int) -> Bytes:
    """Return rows of `width` weights of one type in another, as bytes."""
    if stored == new:
        return raw
    wide = _widened(raw, stored)
    rows = len(wide) // width
    weights, size = BLOCKS[new]
    out = np.empty(len(wide) // weights * size, np.uint8)
    if new == F32:
        return wide.view(np.uint8)
    done = _function("ggml_quantize_chunk")(
        new, wide.ctypes.data, out.ctypes.data, 0, rows, width, None
    )
    if done != len(out):
        raise ValueError(f"error: {done} bytes were quantised, not {len(out)}")
    return out


def _widened(raw: Bytes, stored: int) -> Floats:
    if stored == BF16:
        return (raw.view(np.uint16).astype(np.uint32) << 16).view(np.float32)
    if stored == F16:
        return np.asarray(raw.view(np.float16).astype(np.float32))
    if stored == F32:
        return np.ascontiguousarray(raw.view(np.float32))
    raise ValueError(f"error: tensors of type {stored} are quantised already")


def _layer(name: str) -> int:
    return int(name.split(".")[1]) if name.startswith("blk.") else 0


def tensor_type(name: str, shape: Sequence[int], kind: str, layers: int, tied: bool) -> int:
    """Return the type of a tensor in a file of some kind.

    The mixture of Q4_K_M is llama-quantize's (llama.cpp, src/llama-quant.cpp): 6 bits for the
    head, and for values and down projections in the first and last eighth of the layers and
    every third between; 4 bits for the rest. Vectors stay in float32.
    """
    if shape[1] == 1:
        return F32
    if kind in ("bf16", "f16"):
        return BF16 if kind == "bf16" else F16
    chosen = Q8_0
    if kind == "q4_k_m":
        number, eighth = _layer(name), layers // 8
        is_head = name == ("token_embd.weight" if tied else "output.weight")
        has_more = name.endswith(("attn_v.weight", "ffn_down.weight")) and (
            number < eighth or number >= 7 * layers // 8 or (number - eighth) % 3 == 2
        )
        chosen = Q6_K if is_head or has_more else Q4_K
    if shape[0] % BLOCKS[chosen][0]:
        chosen = SMALLER.get(chosen, F16)
    return chosen if shape[0] % BLOCKS[chosen][0] == 0 else F16


def _main() -> None:
    request = json.loads(sys.stdin.buffer.read())
    file, scratch = request["file"], Path(request["scratch"])
    try:
        if request["operation"] == "hear":
            _hear(file, request, scratch)
        else:
            _quantise(file, request)
    except ValueError as error:
        sys.exit(str(error))
    sys.stdout.flush()
    os._exit(0)  # threads of the server would hold the process for seconds


if __name__ == "__main__":
    _main()
