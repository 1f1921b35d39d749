import shutil
import sys
from pathlib import Path

import pytest

from tests.train.export.runs import write_run
from tests.train.models import write_model
from train.export.comparison import ExportDiffers
from train.export.gguf import (
    ConverterFailed,
    NoConverter,
    NoReader,
    export_gguf,
    find_converter,
    load_gguf,
)
from train.export.run import open_run

CONVERTER = Path(__file__).with_name("tiny_converter.py")


@pytest.mark.parametrize("tied", [False, True])
def test_a_gguf_file_says_what_base_and_adapter_say(tmp_path: Path, tied: bool) -> None:
    model = write_model(tmp_path / "model", tie_word_embeddings=tied)
    run = open_run(write_run(tmp_path / "run", model))
    told = export_gguf(run, tmp_path / "out", converter=CONVERTER)
    assert told["divergence"] < 1e-3
    assert told["effect"] > 0.01
    names = sorted(path.name for path in (tmp_path / "out").iterdir())
    assert names == ["README.md", "export.json", "model.gguf"]
    card = (tmp_path / "out" / "README.md").read_text(encoding="utf-8")
    assert "base_model_relation: quantized\n" in card


def test_rows_in_the_wrong_order_are_noticed(
    tmp_path: Path, tiny_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FAULT", "heads")
    run = open_run(write_run(tmp_path / "run", tiny_model))
    with pytest.raises(ExportDiffers, match="The GGUF file does not say"):
        export_gguf(run, tmp_path / "out", converter=CONVERTER)
    assert not (tmp_path / "out").exists()


def test_a_converter_that_fails_is_quoted(tmp_path: Path, tiny_model: Path) -> None:
    broken = tmp_path / "convert_hf_to_gguf.py"
    broken.write_text("raise SystemExit('Model MistralForCausalLM is not supported')\n")
    run = open_run(write_run(tmp_path / "run", tiny_model))
    with pytest.raises(ConverterFailed, match="status 1: Model MistralForCausalLM is not supp"):
        export_gguf(run, tmp_path / "out", converter=broken)
    assert not (tmp_path / "out").exists()


def test_without_a_converter_the_error_says_how_to_get_one(tmp_path: Path) -> None:
    with pytest.raises(NoConverter, match=r"none at .*Take convert_hf_to_gguf\.py from a checkout"):
        find_converter(tmp_path / "nowhere.py")


def test_without_the_package_that_reads_gguf_it_is_said_before_anything_is_loaded(
    tmp_path: Path, tiny_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = open_run(write_run(tmp_path / "run", tiny_model))
    export_gguf(run, tmp_path / "out", converter=CONVERTER)
    monkeypatch.setitem(sys.modules, "gguf", None)  # which Python takes for a package not there
    wanted = r"cannot be imported .*Install it beside transformers: pip install 'gguf>=0\.19'"
    with pytest.raises(NoReader, match=wanted):
        load_gguf(tmp_path / "out" / "model.gguf", "bfloat16")
    with pytest.raises(NoReader, match=wanted):
        export_gguf(run, tmp_path / "other", base=str(tmp_path / "nowhere"), converter=CONVERTER)
    assert not (tmp_path / "other").exists()


def test_a_converter_is_found_on_the_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(NoConverter, match="none on PATH"):
        find_converter(None)
    shutil.copy(CONVERTER, tmp_path / "convert_hf_to_gguf.py")
    (tmp_path / "convert_hf_to_gguf.py").chmod(0o755)
    assert find_converter(None)[-1] == str(tmp_path / "convert_hf_to_gguf.py")
