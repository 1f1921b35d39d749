"""What an export's card says; the runs are those that cards are tested with."""

import json
import re
from pathlib import Path

import pytest
import yaml

from tests.train.report.runs import RUN, write_run
from train.card import write
from train.card.usage import Content
from train.export.companions import card_of
from train.export.run import CONFIG, WEIGHTS, FinishedRun, open_run

DEVSTRAL = "mistralai/Devstral-Small-2507"
FORMS: tuple[Content, ...] = ("adapter", "merged", "gguf")


def finished(folder: Path, **model: str) -> FinishedRun:
    """Return a run with its card, as an export sees it."""
    run = write_run(folder)
    told = RUN | {"model": RUN["model"] | model}
    (run / "run.json").write_text(json.dumps(told), encoding="utf-8")
    (run / "adapter").mkdir(exist_ok=True)
    (run / "adapter" / CONFIG).write_text('{"base_model_name_or_path": "mistralai/any"}')
    (run / "adapter" / WEIGHTS).touch()
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
    card = card_of(finished(tmp_path / "run"), "gguf", None)
    assert "```shell\nllama-cli -m model.gguf\nllama-server -m model.gguf\n```" in usage_of(card)
    assert "python" not in usage_of(card)
    assert front_of(card)["base_model_relation"] == "quantized"


@pytest.mark.parametrize("holds", FORMS)
def test_all_but_metadata_beginning_and_use_is_the_card_of_the_run(
    tmp_path: Path, holds: Content
) -> None:
    run = finished(tmp_path / "run")
    card = card_of(run, holds, None)
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
    card = card_of(run, holds, "ana/tiny")
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
        card = card_of(run, holds, given)
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
