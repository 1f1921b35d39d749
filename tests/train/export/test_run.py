"""What an export comes with: its card, and the record by which it is known again."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.train.export.runs import write_run
from tests.train.report.runs import RUN
from tests.train.report.runs import write_run as write_reported
from train.card import write
from train.checkpoint import ADAPTER, ADAPTER_SETTINGS
from train.export.adapter import export_adapter
from train.export.run import FinishedRun, OutputTaken, card_of, open_run
from train.usage import Content

WEIGHTS = "adapter_model.safetensors"


@pytest.fixture
def run(tmp_path: Path, tiny_model: Path) -> Path:
    return write_run(tmp_path / "run", tiny_model)


@pytest.fixture
def exported(run: Path, tmp_path: Path) -> Path:
    export_adapter(open_run(run), tmp_path / "out")
    return tmp_path / "out"


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def flip_a_bit(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)


def cut_short(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1])


@pytest.mark.parametrize("damage", [flip_a_bit, cut_short, Path.unlink])
@pytest.mark.parametrize("name", [WEIGHTS, "tokenizer.json"])
def test_a_damaged_export_is_made_anew(
    run: Path, exported: Path, name: str, damage: Callable[[Path], object]
) -> None:
    before = contents(exported)
    damage(exported / name)
    export_adapter(open_run(run), exported)
    assert contents(exported) == before
    assert [each.name for each in exported.parent.iterdir() if each.name.startswith(".")] == []


def test_an_export_whose_card_would_say_something_else_is_made_anew(
    run: Path, exported: Path
) -> None:
    with (run / "README.md").open("a", encoding="utf-8") as card:
        card.write("\n## Evaluation\n\npass@1: 0.5\n")
    export_adapter(open_run(run), exported)
    assert "pass@1: 0.5" in (exported / "README.md").read_text(encoding="utf-8")
    (run / "README.md").unlink()
    export_adapter(open_run(run), exported)
    assert not (exported / "README.md").exists()


def test_a_whole_export_is_returned_whatever_lies_beside_it(run: Path, exported: Path) -> None:
    (exported / "notes.txt").write_text("mine", encoding="utf-8")
    before = {path: path.stat().st_mtime_ns for path in exported.iterdir()}
    told = export_adapter(open_run(run), exported)
    assert told == json.loads((exported / "export.json").read_bytes())["comparison"]
    assert {path: path.stat().st_mtime_ns for path in exported.iterdir()} == before


def test_a_file_that_is_no_part_of_a_damaged_export_is_not_lost_with_it(
    run: Path, exported: Path
) -> None:
    (exported / "notes.txt").write_text("mine", encoding="utf-8")
    flip_a_bit(exported / WEIGHTS)
    before = contents(exported)
    with pytest.raises(OutputTaken, match=rf"{WEIGHTS} was altered\), and notes\.txt, which"):
        export_adapter(open_run(run), exported)
    assert contents(exported) == before


@pytest.mark.parametrize("record", ["{", "[]", '{"made_from": {}, "comparison": {}, "files": []}'])
def test_a_record_that_says_nothing_is_no_export_of_ours(
    run: Path, exported: Path, record: str
) -> None:
    (exported / "export.json").write_text(record, encoding="utf-8")
    with pytest.raises(OutputTaken, match="no export of ours"):
        export_adapter(open_run(run), exported)


DEVSTRAL = "mistralai/Devstral-Small-2507"
FIGURES: dict[str, Any] = {
    "names": ["model-Q4_K_M.gguf"],
    "modelfile": True,
    "files": {
        "model-Q4_K_M.gguf": {
            "bytes": 14_330_000_000,
            "divergence": 0.0213,
            "divergence_p99": 0.25,
            "divergence_most": 3.1,
            "agreement": 0.965,
        }
    },
    "text": "16 held-out Elixir documents",
    "tokens": 4096,
    "effect": 0.5,
}
"""What export.json and the card tell of a GGUF export."""

FORMS: tuple[Content, ...] = ("adapter", "merged", "gguf")


def finished(folder: Path, **model: str) -> FinishedRun:
    """Return a run with its card, as an export sees it."""
    run = write_reported(folder)
    told = RUN | {"model": RUN["model"] | model}
    (run / "run.json").write_text(json.dumps(told), encoding="utf-8")
    (run / "adapter").mkdir(exist_ok=True)
    (run / "adapter" / ADAPTER_SETTINGS).write_text('{"base_model_name_or_path": "mistralai/any"}')
    (run / "adapter" / ADAPTER).touch()
    write(run)
    return open_run(run)


def usage_of(card: bytes | None) -> str:
    assert card is not None
    (found,) = re.findall(r"^## Use it\n(.*?)\n\n## ", card.decode(), re.MULTILINE | re.DOTALL)
    return str(found)


def front_of(card: bytes | None) -> dict[str, str]:
    assert card is not None
    found: dict[str, str] = yaml.safe_load(card.decode().split("---\n")[1])
    return found


def code_in(usage: str) -> str:
    (found,) = re.findall(r"```python\n(.*?)```", usage, re.DOTALL)
    compile(found, "card", "exec")
    return str(found)


def test_an_adapter_is_loaded_on_its_base(tmp_path: Path) -> None:
    run = finished(tmp_path / "run")
    code = code_in(usage_of(card_of(run, "adapter", None)))
    assert f'base = "{DEVSTRAL}"\nadapter = "."' in code
    assert "PeftModel.from_pretrained(model, adapter)" in code
    beside_the_run = code_in(usage_of(run.card.read_bytes()))
    assert beside_the_run == code.replace(
        'adapter = "."  # the folder of this card, or its name on the Hub',
        'adapter = "adapter"  # beside this card',
    )


def test_merged_weights_are_loaded_by_themselves(tmp_path: Path) -> None:
    card = card_of(finished(tmp_path / "run"), "merged", None)
    code = code_in(usage_of(card))
    assert 'AutoModelForCausalLM.from_pretrained(folder, dtype="auto"' in code
    assert 'folder = "."' in code
    assert "peft" not in usage_of(card)
    assert DEVSTRAL not in usage_of(card)
    assert front_of(card)["base_model_relation"] == "finetune"


def test_a_gguf_file_is_loaded_by_llama_cpp(tmp_path: Path) -> None:
    card = card_of(finished(tmp_path / "run"), "gguf", None, FIGURES)
    file = "model-Q4_K_M.gguf"
    assert f"llama-cli -m {file}\nllama-server -m {file}\nollama create my" in usage_of(card)
    row = f"| `{file}` | 14.33 | 0.021 | 0.25 | 3.1 | 96.5% |"
    assert row in usage_of(card)
    assert "on 16 held-out Elixir documents (4096 tokens)" in usage_of(card)
    assert "python" not in usage_of(card)
    assert front_of(card)["base_model_relation"] == "quantized"


@pytest.mark.parametrize("holds", FORMS)
def test_all_but_metadata_beginning_and_use_is_the_card_of_the_run(
    tmp_path: Path, holds: Content
) -> None:
    run = finished(tmp_path / "run")
    card = card_of(run, holds, None, FIGURES)
    assert card is not None
    own = run.card.read_bytes()
    assert card.partition(b"## Intended use")[2] == own.partition(b"## Intended use")[2]
    title = b"# run\n"
    given, before = (each.partition(title)[2].partition(b"## Use it")[0] for each in (card, own))
    begins = {
        "adapter": b"\nA LoRA adapter for mistralai/",
        "merged": b"\nWeights in 16 bits with a LoRA adapter merged in, of mistralai/",
        "gguf": b"\nA GGUF file with a LoRA adapter merged in, of mistralai/",
    }
    assert given.startswith(begins[holds])
    assert given.removeprefix(begins[holds]) == before.removeprefix(begins["adapter"])


@pytest.mark.parametrize("holds", FORMS)
def test_a_base_given_by_its_name_on_the_hub_is_named(tmp_path: Path, holds: Content) -> None:
    run = finished(tmp_path / "run", name="/home/me/models/tiny")
    card = card_of(run, holds, "ana/tiny", FIGURES)
    assert front_of(card)["base_model"] == "ana/tiny"
    assert ('base = "ana/tiny"' in usage_of(card)) is (holds == "adapter")


@pytest.mark.parametrize("holds", FORMS)
def test_a_base_given_as_a_folder_is_not_named_to_strangers(
    tmp_path: Path, holds: Content, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = finished(tmp_path / "run")
    (tmp_path / "models" / "tiny").mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    for given in ("models/tiny", str(tmp_path / "models" / "tiny")):
        card = card_of(run, holds, given, FIGURES)
        assert card is not None
        assert given not in card.decode()
        assert front_of(card)["base_model"] == DEVSTRAL
        assert (f'base = "{DEVSTRAL}"' in usage_of(card)) is (holds == "adapter")


def test_where_nobody_knows_the_name_of_a_base_the_card_says_that_it_must_be_had(
    tmp_path: Path,
) -> None:
    run = finished(tmp_path / "run", name="/home/me/models/tiny")
    card = card_of(run, "adapter", "/home/me/models/tiny-in-16-bits")
    assert card is not None
    assert b"/home" not in card
    assert 'base = "PATH/TO/THE/BASE"' in code_in(usage_of(card))
    assert "have the very same model, and say where" in usage_of(card)
    assert "base_model" not in front_of(card)


def test_a_language_model_that_comes_with_a_vision_tower_is_loaded_with_it(tmp_path: Path) -> None:
    run = finished(tmp_path / "run", architecture="ministral3")
    for holds in FORMS[:2]:
        code = code_in(usage_of(card_of(run, holds, None)))
        assert "AutoModelForImageTextToText.from_pretrained(" in code
        assert "AutoModelForCausalLM" not in code


def test_a_card_without_a_section_on_use_gets_none(tmp_path: Path) -> None:
    run = finished(tmp_path / "run")
    run.card.write_text("# Mine\n", encoding="utf-8")
    assert card_of(run, "adapter", None) == b"# Mine\n"
    run.card.unlink()
    assert card_of(run, "adapter", None) is None


def test_a_card_tells_what_was_allowed_beyond_the_usual_and_what_nobody_checked(
    tmp_path: Path,
) -> None:
    run = finished(tmp_path / "run")
    names = {"names": ["model-BF16.gguf"]}
    assert "told to accept" not in usage_of(card_of(run, "gguf", None, FIGURES))
    told = usage_of(card_of(run, "gguf", None, names | {"unchecked": True}))
    assert "Nobody has loaded this file yet: it was exported without a check." in told
    told = usage_of(card_of(run, "gguf", None, FIGURES | {"most": 0.75}))
    assert "told to accept a divergence of up to 0.75" in told
    told = usage_of(card_of(run, "merged", None, {"noise_multiple": 10.0}))
    assert "told to accept weights up to 10 times the rounding noise" in told
