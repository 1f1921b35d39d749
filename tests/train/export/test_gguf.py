"""GGUF files, each loaded by llama.cpp itself; and what it must not take."""

import json
import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import mistral_common
import pytest
import torch
from safetensors.torch import load_file, save_file

from tests.train.configs import DEVSTRAL
from tests.train.export.runs import write_run
from tests.train.models import SHAPE, TEMPLATE, write_model
from tests.train.tokenizer.test_tekken import chat, reference
from tests.train.tokenizers import small_tekken
from train.architecture import Architecture, of_config
from train.export.checking import (
    MULTIPLE,
    PROMPTS,
    AdapterMissing,
    ExportDiffers,
    Learnt,
    prompts,
    refer_to,
)
from train.export.gguf import (
    LIMITS,
    ConverterFailed,
    NoConverter,
    OtherTokens,
    Wanted,
    WrittenWrongly,
    certify,
    chat_template,
    check_tokens,
    check_written,
    export_gguf,
    find_converter,
    name_of,
    ollama_file,
    write_sixteen_bits,
)
from train.export.llamacpp import Kind, LlamaCppFailed, NoLlamaCpp, listen, quantise, tensor_type
from train.export.merged import base_and_adapter, write_merged
from train.export.run import FinishedRun, copy_tokenizer, open_run
from train.tokenizer.opening import open_tokenizer

TEKKEN = Path(mistral_common.__file__).parent / "data" / "tekken_240911.json"


@pytest.fixture(scope="module")
def narrow(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tiny model in 16 bits, as a merged folder holds it; its chats begin with bos."""
    from transformers import AutoModelForCausalLM

    folder = write_model(tmp_path_factory.mktemp("narrow") / "model")
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.bfloat16)
    model.save_pretrained(folder)
    configured("chat_template", "{{- bos_token }}" + TEMPLATE)(folder)
    return folder


@pytest.fixture(scope="module")
def run(tiny_model: Path, tmp_path_factory: pytest.TempPathFactory) -> FinishedRun:
    return open_run(write_run(tmp_path_factory.mktemp("run"), tiny_model))


@pytest.fixture(scope="module")
def exported(run: FinishedRun, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("exported") / "gguf"
    export_gguf(run, out, Wanted(kinds=tuple(Kind)))
    return out


def test_every_form_is_loaded_by_llama_cpp_and_says_what_base_and_adapter_say(
    exported: Path,
) -> None:
    told = json.loads((exported / "export.json").read_bytes())["comparison"]
    assert told["checked"] is True
    conversion = told["conversion"]
    assert 0 < conversion["divergence"] < conversion["tolerance"]["divergence"] < 1e-2
    assert conversion["effect"] > 0.01
    assert sorted(told["files"]) == ["bf16", "f16", "q4_k_m", "q8_0"]
    for kind, each in told["files"].items():
        assert 0 < each["divergence"] < each["allowed"] == LIMITS[Kind(kind)]
        assert each["divergence"] < each["divergence_p99"] < each["divergence_most"]
        assert each["bytes"] == (exported / name_of(Kind(kind))).stat().st_size
    assert told["files"]["q4_k_m"]["divergence"] > 3 * told["files"]["q8_0"]["divergence"]
    assert told["text"] == "fixed texts; the run's release is not at hand"


def test_the_folder_holds_files_card_modelfile_and_record(exported: Path) -> None:
    assert sorted(path.name for path in exported.iterdir()) == [
        "Modelfile",
        "README.md",
        "export.json",
        "model-BF16.gguf",
        "model-F16.gguf",
        "model-Q4_K_M.gguf",
        "model-Q8_0.gguf",
    ]
    assert "base_model_relation: quantized\n" in (exported / "README.md").read_text("utf-8")


def test_an_export_that_is_there_is_kept(run: FinishedRun, exported: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in exported.iterdir()}
    export_gguf(run, exported, Wanted(kinds=tuple(Kind)))
    assert {path: path.stat().st_mtime_ns for path in exported.iterdir()} == before


def test_tied_embeddings_and_a_system_prompt_go_along(tmp_path: Path) -> None:
    model = write_model(tmp_path / "model", tie_word_embeddings=True)
    folder = write_run(tmp_path / "run", model)
    told = json.loads((folder / "run.json").read_bytes()) | {"system_prompt": 'Say "so".\n'}
    (folder / "run.json").write_text(json.dumps(told), encoding="utf-8")
    export_gguf(open_run(folder), tmp_path / "out", Wanted(kinds=(Kind.Q8_0,)))
    heard = listen(
        tmp_path / "out" / "model-Q8_0.gguf", chats=[[{"role": "user", "content": "Hi"}]]
    )
    words = open_tokenizer(model)
    expected = [
        {"role": "system", "content": 'Say "so".\n'},
        {"role": "user", "content": "Hi"},
    ]
    assert heard.chats == [words.prompt(expected).tolist()]  # type: ignore[arg-type]
    modelfile = (tmp_path / "out" / "Modelfile").read_text(encoding="utf-8")
    assert modelfile.startswith("FROM ./model-Q8_0.gguf\n")
    assert 'Say "so".' in modelfile


# Damaged files: what a tokenizer.json became is written, and held against what it was.


def edited(folder: Path, change: Callable[[dict[str, Any]], None]) -> None:
    path = folder / "tokenizer.json"
    told = json.loads(path.read_bytes())
    change(told)
    path.write_text(json.dumps(told), encoding="utf-8")


def forget_tokens(folder: Path) -> None:
    def change(told: dict[str, Any]) -> None:
        vocabulary = told["model"]["vocab"]
        kept = {name: number for name, number in vocabulary.items() if number < 480}
        told["model"]["vocab"] = kept
        told["model"]["merges"] = [
            pair for pair in told["model"]["merges"] if "".join(pair) in kept
        ]

    edited(folder, change)


def swap_tokens(folder: Path) -> None:
    def change(told: dict[str, Any]) -> None:
        vocabulary = told["model"]["vocab"]
        first, second = list(vocabulary)[300:302]
        vocabulary[first], vocabulary[second] = vocabulary[second], vocabulary[first]

    edited(folder, change)


def forget_merges(folder: Path) -> None:
    def change(told: dict[str, Any]) -> None:
        del told["model"]["merges"][-60:]

    edited(folder, change)


def cut_otherwise(folder: Path) -> None:
    def change(told: dict[str, Any]) -> None:
        pattern = (
            r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*"
            r"|\s*[\r\n]+|\s+(?!\S)|\s+"
        )
        told["pre_tokenizer"] = {
            "type": "Sequence",
            "pretokenizers": [
                {"type": "Split", "pattern": {"Regex": pattern}, "behavior": "Isolated"},
                {"type": "ByteLevel", "add_prefix_space": False, "use_regex": False},
            ],
        }
        told["pre_tokenizer"]["pretokenizers"][0]["invert"] = False
        told["pre_tokenizer"]["pretokenizers"][1]["trim_offsets"] = True

    edited(folder, change)


def configured(name: str, value: str) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        path = folder / "tokenizer_config.json"
        path.write_text(json.dumps(json.loads(path.read_bytes()) | {name: value}), "utf-8")

    return change


@pytest.mark.parametrize(
    ("damage", "why"),
    [
        (forget_tokens, r"token 480 is .*, the model's is "),
        (swap_tokens, r"token \d+ is .*, the model's is "),
        (forget_merges, r"becomes \[.*\], not \["),
        (cut_otherwise, r"becomes \[.*\], not \["),
        (configured("eos_token", "</s>"), "an answer ends with token 2, the model's with 4"),
        (configured("bos_token", "<pad>"), "a text begins with token 0, the model's with 1"),
        (
            configured(
                "chat_template", "{{- bos_token }}" + TEMPLATE.replace("'\\n' + message", "message")
            ),
            "its chat template gives other ids",
        ),
    ],
    ids=["missing", "permuted", "merges", "cut", "eos", "bos", "template"],
)
def test_a_damaged_tokenizer_is_refused(
    tmp_path: Path, narrow: Path, damage: Callable[[Path], None], why: str
) -> None:
    damaged = shutil.copytree(narrow, tmp_path / "damaged")
    damage(damaged)
    write_sixteen_bits(damaged, open_tokenizer(damaged), tmp_path / "model.gguf")
    with pytest.raises(OtherTokens, match=why):
        check_tokens(tmp_path / "model.gguf", open_tokenizer(narrow))


# Damaged weights and numbers, held against base and adapter.

Judge = Callable[[Path], None]


@pytest.fixture(scope="module")
def judged(run: FinishedRun, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Judge]:
    """A merged folder of a weak adapter, and what judges a file that is written from one."""
    folder = tmp_path_factory.mktemp("judged")
    weak = open_run(write_run(folder / "run", Path(run.model["name"]), strength=1e-3))
    merged = folder / "merged"
    merged.mkdir()
    words = copy_tokenizer(weak, merged)
    model, stored = base_and_adapter(weak, None)
    fixed = refer_to(model, prompts(words), rounds_to=stored, activations=True)
    learnt = Learnt.by(model, stored)
    write_merged(model, merged)
    facts = write_sixteen_bits(merged, words, folder / "model.gguf")

    def judge(path: Path) -> None:
        certify(path, words, fixed, MULTIPLE)
        check_written(path, facts, learnt)

    return merged, judge


def reweighted(name: str, change: Callable[[torch.Tensor], torch.Tensor | None]) -> Any:
    def damage(folder: Path) -> None:
        path = folder / "model.safetensors"
        stored = load_file(path)
        for each in [each for each in stored if name in each]:
            changed = change(stored.pop(each))
            if changed is not None:
                stored[each] = changed.contiguous()
        save_file(stored, path, metadata={"format": "pt"})

    return damage


def swapped(weight: torch.Tensor) -> torch.Tensor:
    rows = torch.arange(len(weight))
    rows[0], rows[5] = 5, 0
    return weight[rows]


def with_nan(weight: torch.Tensor) -> torch.Tensor:
    weight[3, 3] = float("nan")
    return weight


def shaped(change: Callable[[dict[str, Any]], object]) -> Callable[[Path], None]:
    def damage(folder: Path) -> None:
        path = folder / "config.json"
        config = json.loads(path.read_bytes())
        change(config)
        path.write_text(json.dumps(config), encoding="utf-8")

    return damage


@pytest.mark.parametrize(
    ("damage", "error", "why"),
    [
        (lambda folder: None, None, ""),
        (reweighted("layers.1.mlp.down_proj", swapped), ExportDiffers, "largest difference"),
        (reweighted("layers.1.self_attn.v_proj", with_nan), ExportDiffers, "is nan"),
        (
            reweighted("layers.2.mlp.up_proj", lambda _: None),
            LlamaCppFailed,
            r"blk\.2\.ffn_up\.weight' not found",
        ),
        (
            shaped(lambda config: config["rope_parameters"].update(rope_theta=5e5)),
            ExportDiffers,
            "difference",
        ),
        (
            shaped(lambda config: config.update(rms_norm_eps=1e-5)),
            WrittenWrongly,
            r"layer_norm_rms_epsilon is .*, the model's is 1e-06",
        ),
        ("base", AdapterMissing, r"holds -?0\.\d+ of what merging adds"),
    ],
    ids=["sound", "rows", "nan", "missing", "rope", "eps", "base"],
)
def test_other_weights_and_numbers_are_refused(
    tmp_path: Path,
    judged: tuple[Path, Judge],
    narrow: Path,
    damage: Any,
    error: type[Exception] | None,
    why: str,
) -> None:
    merged, judge = judged
    folder = shutil.copytree(merged, tmp_path / "damaged")
    if damage == "base":  # and not as much of the adapter as a weak one's logits tell
        shutil.copy(narrow / "model.safetensors", folder)
    else:
        damage(folder)
    path = tmp_path / "model.gguf"
    write_sixteen_bits(folder, open_tokenizer(folder), path)
    if error is None:
        judge(path)
        return
    with pytest.raises(error, match=why):
        judge(path)


def test_a_short_run_is_exported_and_told_where_quantising_outweighs_it(
    tmp_path: Path, tiny_model: Path
) -> None:
    folder = write_run(tmp_path / "run", tiny_model, strength=1e-3)
    report = folder / "README.md"
    report.write_text(report.read_text("utf-8") + "\n## Use it\n\nAs it is.\n", encoding="utf-8")
    told = export_gguf(open_run(folder), tmp_path / "out", Wanted())
    assert told["files"]["q4_k_m"]["outweighed"] is True
    assert 0.5 < told["conversion"]["held"] < 1.5
    card = (tmp_path / "out" / "README.md").read_text(encoding="utf-8")
    assert "Quantising changes `model-Q4_K_M.gguf` more than the adapter does" in card


@pytest.mark.timeout(1200)  # 131,072 tokens, on a busy machine
def test_the_real_tekken_vocabulary_gives_the_same_ids_in_llama_cpp(tmp_path: Path) -> None:
    from transformers import MistralConfig, MistralForCausalLM

    torch.manual_seed(1)
    shape = SHAPE | {"vocab_size": 131072, "num_hidden_layers": 1, "eos_token_id": 2}
    MistralForCausalLM(MistralConfig(**shape)).bfloat16().save_pretrained(tmp_path / "model")
    shutil.copy(TEKKEN, tmp_path / "model" / "tekken.json")
    words = open_tokenizer(tmp_path / "model")
    write_sixteen_bits(tmp_path / "model", words, tmp_path / "model.gguf")
    heard = check_tokens(tmp_path / "model.gguf", words)
    assert (heard.bos, heard.eos, heard.adds_bos, heard.vocabulary) == (1, 2, True, 131072)
    assert heard.tokens[0] == words.encode(PROMPTS[0]).tolist()
    assert len(heard.chats) == 3


@pytest.mark.parametrize("version", ["v3", "v7", "v11", "v13"])
def test_chats_of_every_tekken_version_get_mistral_commons_ids_in_llama_cpp(
    tmp_path: Path, version: str
) -> None:
    from transformers import MistralConfig, MistralForCausalLM

    shape = SHAPE | {"vocab_size": 2100, "num_hidden_layers": 1, "eos_token_id": 2}
    model = tmp_path / "model"
    MistralForCausalLM(MistralConfig(**shape)).bfloat16().save_pretrained(model)
    small_tekken(model, version)
    words = open_tokenizer(model, system_prompt="You write Elixir.\nBe brief.")
    path = tmp_path / "model.gguf"
    write_sixteen_bits(model, words, path)
    asked = [["What is `|>`?", "A pipe.", "Show it."], ["Reverse [1, 2]."]]
    systems = [None, "You answer in Erlang."]
    heard = listen(
        path, chats=[chat(*each, system=told) for each, told in zip(asked, systems, strict=True)]
    )
    theirs = reference(model / "tekken.json")
    for ids, each, told in zip(heard.chats, asked, systems, strict=True):
        whole = theirs(chat(*each, "x", system=told or "You write Elixir.\nBe brief."))
        assert ids == whole[:-2]  # without the answer and its end


@pytest.mark.timeout(1200)  # five processes
def test_weights_in_the_wrong_order_are_noticed(
    tmp_path: Path, run: FinishedRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    converter = tmp_path / "convert_hf_to_gguf.py"
    converter.write_text(
        "import os, sys\n"
        "from pathlib import Path\n"
        "from train.export.gguf import write_sixteen_bits\n"
        "from train.tokenizer.opening import open_tokenizer\n"
        "folder, _, out, _, kind = sys.argv[1:]\n"
        "assert kind == 'bf16'\n"
        "if os.environ.get('FAULT'):\n"
        "    import json\n"
        "    path = Path(folder, 'config.json')\n"
        "    config = json.loads(path.read_bytes())\n"
        "    config['rope_parameters']['rope_theta'] *= 50\n"
        "    path.write_text(json.dumps(config))\n"
        "write_sixteen_bits(Path(folder), open_tokenizer(folder), Path(out))\n",
        encoding="utf-8",
    )
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[3]))
    wanted = Wanted(kinds=(Kind.BF16,), converter=converter)
    told = export_gguf(run, tmp_path / "sound", wanted)
    assert told["conversion"]["agreement"] > 0.9
    monkeypatch.setenv("FAULT", "positions")
    with pytest.raises(ExportDiffers, match=r"model-BF16\.gguf in llama\.cpp does not say"):
        export_gguf(run, tmp_path / "out", wanted)
    assert not (tmp_path / "out").exists()


def test_a_quantisation_that_costs_more_than_allowed_is_refused(
    tmp_path: Path, run: FinishedRun
) -> None:
    wanted = Wanted(kinds=(Kind.Q4_K_M,), most=1e-6)
    with pytest.raises(ExportDiffers, match=r"allowed is 1e-06 .*accept it with --most-diverg"):
        export_gguf(run, tmp_path / "out", wanted)
    assert not (tmp_path / "out").exists()


def truncated(path: Path) -> None:
    os.truncate(path, path.stat().st_size // 2)


def no_heads(path: Path) -> None:
    """Let it tell of no heads, by which llama.cpp divides."""
    from gguf import GGUFReader

    reader = GGUFReader(path, "r+")
    for name in ("llama.attention.head_count", "llama.attention.head_count_kv"):
        field = reader.fields[name]
        field.parts[field.data[0]][0] = 0
    reader.data.flush()


@pytest.mark.parametrize("damage", [truncated, no_heads, lambda path: path.write_bytes(b"GGUF")])
def test_a_file_that_llama_cpp_fails_on_is_an_error_with_a_sentence(
    tmp_path: Path, exported: Path, damage: Callable[[Path], object]
) -> None:
    path = Path(shutil.copy(exported / "model-Q8_0.gguf", tmp_path / "model.gguf"))
    damage(path)
    with pytest.raises(LlamaCppFailed, match=r"llama\.cpp does not run model\.gguf: it "):
        listen(path, ["def a"], [], [open_tokenizer_ids()])
    assert [each.name for each in tmp_path.iterdir()] == ["model.gguf"]


@pytest.mark.parametrize("content", [b"", b"GGUF", b"{}" * 90])
def test_a_file_that_is_no_gguf_is_not_quantised(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "model.gguf"
    path.write_bytes(content)
    with pytest.raises(LlamaCppFailed, match=r"refuses the file \(error: it is no whole GGUF file"):
        quantise(path, tmp_path / "small.gguf", Kind.Q8_0)


def open_tokenizer_ids() -> Any:
    import numpy as np

    return np.arange(5, 20)


def test_a_file_that_takes_too_long_is_given_up(exported: Path) -> None:
    with pytest.raises(LlamaCppFailed, match=r"it took longer than 0 s"):
        listen(exported / "model-Q8_0.gguf", ["def a"], seconds=0.01)


def test_without_llama_cpp_nothing_is_written_unless_told_and_then_it_is_told(
    tmp_path: Path, run: FinishedRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("train.export.llamacpp.PACKAGE", "a_package_that_nobody_has")
    for wanted in (Wanted(), Wanted(kinds=(Kind.BF16,)), Wanted(unchecked=True)):
        with pytest.raises(NoLlamaCpp, match="is not installed"):
            export_gguf(run, tmp_path / "out", wanted)
    assert not (tmp_path / "out").exists()
    told = export_gguf(run, tmp_path / "out", Wanted(kinds=(Kind.BF16,), unchecked=True))
    assert told["checked"] is False
    assert json.loads((tmp_path / "out" / "export.json").read_bytes())["made_from"]["unchecked"]


def test_a_model_that_only_the_converter_knows_needs_it(
    tmp_path: Path, narrow: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    model = shutil.copytree(narrow, tmp_path / "model")
    path = model / "config.json"
    path.write_text(json.dumps(json.loads(path.read_bytes()) | {"sliding_window": 64}), "utf-8")
    with pytest.raises(NoConverter, match=r"\(a sliding window\).*none on PATH.*--converter"):
        write_sixteen_bits(model, open_tokenizer(model), tmp_path / "model.gguf")
    assert not (tmp_path / "model.gguf").exists()
    broken = tmp_path / "convert_hf_to_gguf.py"
    broken.write_text("raise SystemExit('Model MistralForCausalLM is not supported')\n")
    broken.chmod(0o755)
    assert find_converter(None, "") == [sys.executable, str(broken)]
    with pytest.raises(ConverterFailed, match="status 1: Model MistralForCausalLM is not supp"):
        write_sixteen_bits(model, open_tokenizer(model), tmp_path / "model.gguf")


def test_the_modelfile_says_what_the_template_says(narrow: Path) -> None:
    words = open_tokenizer(narrow)
    assert ollama_file("model-Q4_K_M.gguf", chat_template(narrow, words), words) == (
        "FROM ./model-Q4_K_M.gguf\n"
        'TEMPLATE """{{- range $i, $_ := .Messages }}{{ if eq .Role "system" }}<|im_start|>system\n'
        '{{ .Content }}<|im_end|>\n{{ else if eq .Role "user" }}<|im_start|>user\n'
        "{{ .Content }}<|im_end|>\n<|im_start|>assistant\n"
        '{{ else if eq .Role "assistant" }}{{ .Content }}<|im_end|>\n{{ end }}{{ end }}"""\n'
        'PARAMETER stop "<|im_end|>"\n'
    )


PARTS = {
    "q_proj": "attn_q",
    "k_proj": "attn_k",
    "v_proj": "attn_v",
    "o_proj": "attn_output",
    "gate_proj": "ffn_gate",
    "up_proj": "ffn_up",
    "down_proj": "ffn_down",
}


def size_of(shape: Architecture, kind: Kind) -> int:
    """Return the bytes of a model's weights in a file of some kind, told by its shape alone."""
    from gguf import GGML_QUANT_SIZES

    tensors = [("token_embd.weight", (shape.hidden, shape.vocabulary))]
    if not shape.ties_embeddings:
        tensors.append(("output.weight", (shape.hidden, shape.vocabulary)))
    for layer in range(shape.layers):
        tensors += [
            (f"blk.{layer}.{PARTS[each.name]}.weight", (each.inputs, each.outputs))
            for each in shape.linears
        ]
    total = 4 * (2 * shape.layers + 1) * shape.hidden
    for name, (width, rows) in tensors:
        chosen = tensor_type(name, (width, rows), kind, shape.layers, shape.ties_embeddings)
        weights, size = GGML_QUANT_SIZES[chosen]
        total += width * rows // weights * size
    return total


@pytest.mark.parametrize(
    ("kind", "bytes_"),
    [
        (Kind.BF16, 47_145_635_840),
        (Kind.Q8_0, 25_046_896_640),
        (Kind.Q4_K_M, 14_326_026_240),
    ],
)
def test_sizes_follow_from_the_shape_of_devstral(kind: Kind, bytes_: int) -> None:
    shape = of_config(DEVSTRAL, "config.json")
    assert size_of(shape, kind) == bytes_


def test_the_size_told_from_a_shape_is_that_of_the_file(exported: Path, tiny_model: Path) -> None:
    from train.architecture import read

    shape = read(tiny_model)
    for kind in Kind:
        told = json.loads((exported / "export.json").read_bytes())["comparison"]["files"][kind]
        assert 0 < told["bytes"] - size_of(shape, kind) < 40_000  # what stands before the weights
