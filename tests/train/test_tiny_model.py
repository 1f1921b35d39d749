"""The model of the tests is what a user's model folder is."""

from pathlib import Path

from tests.train.models import SOURCE, VOCABULARY, write_model


def test_the_tiny_model_loads_as_transformers_loads_any(tiny_model: Path) -> None:
    import torch
    from transformers import AutoModelForCausalLM

    model = AutoModelForCausalLM.from_pretrained(tiny_model, dtype=torch.float32)
    layer = model.model.layers[0].self_attn
    assert layer.q_proj.weight.shape == (96, 64)
    assert layer.k_proj.weight.shape == (48, 64)
    with torch.no_grad():
        logits = model(torch.arange(20)[None]).logits
    assert logits.shape == (1, 20, VOCABULARY)
    assert torch.isfinite(logits).all()
    assert logits.std() > 0.5


def test_its_tokenizer_opens_in_both_libraries_with_the_same_ids(tiny_model: Path) -> None:
    from transformers import AutoTokenizer

    from train.tokenizer.opening import open_tokenizer

    ours, theirs = open_tokenizer(tiny_model), AutoTokenizer.from_pretrained(tiny_model)
    assert len(theirs) == ours.vocabulary == VOCABULARY
    assert (ours.bos, ours.eos, ours.pad) == (1, 4, 0)
    document = ours.document(SOURCE).ids
    assert document.tolist() == [*theirs(SOURCE)["input_ids"], 4]
    assert len(SOURCE) / len(document) > 2
    chat = [{"role": "user", "content": "Moor it."}]
    told = theirs.apply_chat_template(chat, add_generation_prompt=True, return_dict=False)
    assert ours.prompt([{"role": "user", "content": "Moor it."}]).tolist() == told


def test_the_same_seed_gives_the_same_weights(tmp_path: Path) -> None:
    first, same, other = (
        write_model(tmp_path / name, seed) for name, seed in (("a", 1), ("b", 1), ("c", 2))
    )
    weights = [(each / "model.safetensors").read_bytes() for each in (first, same, other)]
    assert weights[0] == weights[1] != weights[2]
