import json
from pathlib import Path

import pytest

from tests.train.tokenizers import SOURCE, small_chatml, small_tekken
from train.tokenizer import Difference, TokenizersDisagree, agreement, check_agreement


@pytest.fixture
def both(tmp_path: Path) -> Path:
    from transformers.integrations.mistral import convert_tekken_tokenizer

    folder = small_tekken(tmp_path, "v7")
    convert_tekken_tokenizer(str(folder / "tekken.json")).save_pretrained(folder)
    return folder


def test_two_forms_of_one_tokenizer_agree(both: Path) -> None:
    texts = [SOURCE, "", "<s>[INST]", "日本語 🧪\r\n\t x"]
    assert agreement(both, texts) == []
    assert check_agreement(both, texts)


def test_two_ids_that_changed_places_are_found(both: Path) -> None:
    path = both / "tokenizer.json"
    model = json.loads(path.read_text())
    vocab = model["model"]["vocab"]
    assert (vocab["end"], vocab["x"]) == (574, 220)
    vocab["end"], vocab["x"] = 220, 574
    path.write_text(json.dumps(model))
    texts = ["y", "a\nend", "end"]
    assert agreement(both, texts) == [Difference(1, 2, 574, 220), Difference(2, 0, 574, 220)]
    with pytest.raises(TokenizersDisagree, match="different ids for 2 of 3 texts; text 1 parts"):
        check_agreement(both, texts)


def test_another_models_tokenizer_is_found(tmp_path: Path) -> None:
    folder = small_chatml(small_tekken(tmp_path))
    assert agreement(folder, [SOURCE])[0].position == 0


def test_one_form_alone_is_not_compared(tmp_path: Path) -> None:
    assert not check_agreement(small_tekken(tmp_path / "a"), [SOURCE])
    assert not check_agreement(small_chatml(tmp_path / "b"), [SOURCE])
