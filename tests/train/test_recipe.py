import json
import re
import tomllib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from train.options import BadValue, UnknownOption, options
from train.recipe import (
    RECIPES,
    WITHOUT_EFFECT,
    Recipe,
    UnusableRecipe,
    differences,
    digest,
    load,
    save,
    shipped,
)


def test_the_shipped_recipes_load() -> None:
    assert shipped() == ("devstral-32gb", "devstral-32gb-seed", "devstral-80gb", "smoke-cpu")
    for name in shipped():
        assert isinstance(load(name), Recipe)


def test_the_default_adapts_every_linear_layer_at_the_rates_of_adapters() -> None:
    recipe = load("devstral-32gb")
    assert (recipe.adapter.rank, recipe.adapter.alpha, recipe.adapter.dropout) == (32, 32, 0.0)
    assert recipe.adapter.targets == (
        *("q_proj", "k_proj", "v_proj", "o_proj"),
        *("gate_proj", "up_proj", "down_proj"),
    )
    assert recipe.stage1.optimizer.learning_rate == 2e-4
    assert recipe.stage2.optimizer.learning_rate == 5e-5
    assert load("devstral-80gb").adapter == recipe.adapter
    assert Recipe().adapter == recipe.adapter


def test_the_seed_is_what_the_project_set_out_with() -> None:
    recipe = load("devstral-32gb-seed")
    assert (recipe.length, recipe.batch, recipe.micro_batch) == (2048, 8, 1)
    assert recipe.model.quantization == "nf4"
    assert (recipe.adapter.rank, recipe.adapter.alpha, recipe.adapter.dropout) == (8, 16, 0.05)
    assert recipe.adapter.targets == ("q_proj", "k_proj", "v_proj", "o_proj")
    first, second = recipe.stage1.optimizer, recipe.stage2.optimizer
    assert (first.learning_rate, first.schedule, first.warm_up) == (2e-5, "cosine", 0.1)
    assert recipe.stage1.epochs == 3.0
    assert second.learning_rate == 5e-6
    groups = second.groups
    assert (groups.embeddings, groups.early, groups.late, groups.head) == (0.1, 0.5, 1.0, 2.0)


def test_a_recipe_for_a_processor_asks_for_nothing_of_a_gpu() -> None:
    recipe = load("smoke-cpu")
    assert recipe.model.backend == "transformers"
    assert recipe.model.compute == "float32"
    assert recipe.stage1.optimizer.kind == recipe.stage2.optimizer.kind == "adamw"
    assert recipe.stage1.steps
    assert recipe.stage2.steps


def keys_of(table: dict[str, Any], prefix: str = "") -> Iterator[str]:
    for key, value in table.items():
        if isinstance(value, dict):
            yield from keys_of(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}"


@pytest.mark.parametrize(
    "name", ["devstral-32gb", "devstral-32gb-seed", "devstral-80gb", "smoke-cpu"]
)
def test_a_shipped_recipe_says_in_a_comment_what_it_is_for(name: str) -> None:
    text = (RECIPES / f"{name}.toml").read_text(encoding="utf-8")
    assert re.match(r"# \S", text)
    known = {option.key for option in options(Recipe())}
    assert set(keys_of(tomllib.loads(text))) <= known


def test_an_unknown_recipe_is_answered_with_those_there_are() -> None:
    with pytest.raises(UnusableRecipe) as caught:
        load("devstral-32g")
    assert "Did you mean devstral-32gb?" in str(caught.value)
    assert "devstral-32gb, devstral-32gb-seed, devstral-80gb, smoke-cpu" in str(caught.value)


def test_a_file_is_read_over_the_defaults(tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    file.write_text(
        "length = 4096\n[stage2.optimizer]\nschedule = 'linear'\n"
        "[stage1.data.mixture]\n'documents.elixir' = 2\n"
    )
    recipe = load(file)
    assert recipe.length == 4096
    assert recipe.stage2.optimizer.schedule == "linear"
    assert recipe.stage2.optimizer.learning_rate == 5e-5
    assert recipe.stage1.data.mixture == {"documents.elixir": 2.0}


def test_a_misspelt_key_in_a_file_is_an_error_that_names_the_file(tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    file.write_text("[stage1.optimizer]\nlearning_rat = 1e-4\n")
    with pytest.raises(UnknownOption) as caught:
        load(file)
    assert str(caught.value) == (
        f"{file}: there is no option stage1.optimizer.learning_rat. "
        "Did you mean stage1.optimizer.learning_rate?"
    )


def test_what_is_not_toml_is_refused_with_its_line(tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    file.write_text("length = \n")
    with pytest.raises(UnusableRecipe, match=r"not a recipe: .*line 1"):
        load(file)
    file = tmp_path / "mine.json"
    file.write_text("[1, 2]")
    with pytest.raises(BadValue, match="must be a table"):
        load(file)


@pytest.mark.parametrize("name", ["mine.toml", "mine.json"])
def test_a_number_of_any_size_is_one_clear_error(tmp_path: Path, name: str) -> None:
    file = tmp_path / name
    begin, end = (
        ('{"elastic": {"strength": ', "}}")
        if name.endswith("json")
        else ("[elastic]\nstrength = ", "\n")
    )
    file.write_text(f"{begin}1{400 * '0'}{end}")
    with pytest.raises(BadValue, match=r"elastic\.strength is 10*, but must be a finite number"):
        load(file)
    for value in (f"1{5000 * '0'}", f"{20_000 * '['}{20_000 * ']'}"):
        file.write_text(f"{begin}{value}{end}")
        with pytest.raises(UnusableRecipe, match=f"{name}: not a recipe"):
            load(file)


def test_a_file_that_is_not_there_is_an_unknown_recipe(tmp_path: Path) -> None:
    with pytest.raises(UnusableRecipe, match="no such recipe"):
        load(tmp_path / "mine.toml")


def test_overrides_come_after_the_file() -> None:
    assert load("devstral-32gb", {"stage1.optimizer.learning_rate": "1e-5"}) == replace(
        load("devstral-32gb"),
        stage1=replace(
            load("devstral-32gb").stage1,
            optimizer=replace(load("devstral-32gb").stage1.optimizer, learning_rate=1e-5),
        ),
    )


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("seed", "-1"),
        ("seed", str(2**64)),
        ("length", "8"),
        ("batch", "0"),
        ("micro_batch", "0"),
        ("micro_batch", "3"),
        ("evaluate_every", "-1"),
        ("evaluation_rows", "0"),
        ("evaluation_documents", "-1"),
        ("model.name", ""),
        ("adapter.rank", "0"),
        ("adapter.alpha", "0"),
        ("adapter.dropout", "1"),
        ("adapter.targets", ""),
        ("adapter.targets", "q_proj,q_proj"),
        ("stage1.epochs", "0"),
        ("stage2.steps", "-1"),
        ("stage1.data.infilling_rate", "1.5"),
        ("stage2.data.infilling_rate", "0.5"),
        ("stage1.data.scores", "0.6,0.5"),
        ("stage1.data.scores", "0,2"),
        ("stage2.data.scores", "0.5,1"),
        ("stage1.data.mixture", "documents.elixir=-1"),
        ("stage1.data.mixture", "documents.elixir=0"),
        ("stage1.data.replay.share", "1"),
        ("stage1.optimizer.learning_rate", "0"),
        ("stage1.optimizer.learning_rate", "-1e-5"),
        ("stage1.optimizer.warm_up", "1.1"),
        ("stage1.optimizer.final", "-0.1"),
        ("stage1.optimizer.weight_decay", "-0.1"),
        ("stage1.optimizer.betas", "0.9,1"),
        ("stage1.optimizer.epsilon", "0"),
        ("stage1.optimizer.clip", "0"),
        ("stage2.optimizer.groups.early", "-1"),
        ("elastic.strength", "-1"),
        ("elastic.samples", "0"),
        ("checkpoint.every", "0"),
        ("checkpoint.keep", "0"),
    ],
)
def test_a_value_out_of_range_is_refused_by_its_name(key: str, value: str) -> None:
    with pytest.raises(BadValue) as caught:
        load("devstral-32gb", {key: value})
    named = "batch" if (key, value) == ("micro_batch", "3") else key
    assert str(caught.value).startswith(f"command line: {named}")


def test_one_stage_at_least_is_taken() -> None:
    with pytest.raises(BadValue, match=r"stage2\.enabled"):
        load("devstral-32gb", {"stage1.enabled": "false", "stage2.enabled": "false"})


def test_batch_and_micro_batch_are_judged_together() -> None:
    recipe = load("devstral-32gb", {"batch": "12", "micro_batch": "3"})
    assert (recipe.batch, recipe.micro_batch) == (12, 3)


def test_a_saved_recipe_is_the_recipe(tmp_path: Path) -> None:
    recipe = load("smoke-cpu", {"stage1.data.mixture": "documents.elixir=0.5"})
    save(recipe, tmp_path / "recipe.json")
    assert load(tmp_path / "recipe.json") == recipe
    saved = json.loads((tmp_path / "recipe.json").read_text())
    assert set(keys_of(saved)) - {"stage1.data.mixture.documents.elixir"} == {
        option.key for option in options(recipe) if not isinstance(option.value, dict)
    }


def test_recipes_that_train_differently_have_other_digests() -> None:
    recipe = load("devstral-32gb")
    assert digest(recipe) == digest(load("devstral-32gb"))
    assert len(digest(recipe)) == 64
    changed = [
        load("devstral-32gb", {key: value})
        for key, value in {
            "seed": "1",
            "length": "4096",
            "micro_batch": "2",
            "adapter.rank": "16",
            "stage1.optimizer.learning_rate": "1e-5",
            "stage2.data.mixture": "instruct.x=1",
            "elastic.strength": "1",
        }.items()
    ]
    assert len({digest(each) for each in (recipe, *changed)}) == 8


def test_how_often_a_run_is_looked_at_and_saved_changes_no_digest() -> None:
    other = {
        "evaluate_every": "7",
        "evaluation_rows": "7",
        "evaluation_documents": "7",
        "tracker": "tensorboard",
        "checkpoint.every": "7",
        "checkpoint.keep": "7",
        "stage2.enabled": "false",
        "stage2.data.licences": "mine=Apache-2.0",
        "samples.prompts": "Which tide?",
        "samples.count": "7",
        "samples.tokens": "7",
    }
    own = {"stage2.data.chats": "mine=mine.jsonl", "stage2.data.licences": "mine=MIT"}
    assert set(other) | {"stage1.enabled"} == set(WITHOUT_EFFECT)
    assert digest(load("devstral-32gb", own | other)) == digest(load("devstral-32gb", own))


def test_a_whole_number_digests_as_the_fraction_that_it_equals() -> None:
    as_integer = replace(Recipe(), stage1=replace(Recipe().stage1, epochs=3))
    assert digest(as_integer) == digest(Recipe())


@pytest.mark.parametrize("selecting", [{"selection.take": "best"}, {"selection.patience": "3"}])
def test_what_is_measured_counts_where_it_decides(selecting: dict[str, str]) -> None:
    selected = load("devstral-32gb", selecting)
    for changed in ({"evaluate_every": "1"}, {"evaluation_rows": "1"}):
        other = load("devstral-32gb", selecting | changed)
        assert digest(other) != digest(selected)
        assert len(differences(selected, other)) == 1
    other = load("devstral-32gb", selecting | {"checkpoint.every": "1", "checkpoint.keep": "9"})
    assert digest(other) == digest(selected)
    with pytest.raises(BadValue, match="evaluate_every is 0, but must be above 0 where selection"):
        load("devstral-32gb", selecting | {"evaluate_every": "0"})


@pytest.mark.parametrize(
    "other", [{"model.backend": "auto"}, {"model.sharded": "true"}, {"model.quantization": "int8"}]
)
def test_lengths_of_weights_are_not_trained_where_weights_are_not_whole(
    other: dict[str, str],
) -> None:
    wanted = {"adapter.dora": "true", "model.backend": "transformers"}
    assert load("devstral-32gb", wanted).adapter.dora
    with pytest.raises(BadValue, match=r"adapter\.dora is true, but must be false unless model"):
        load("devstral-32gb", wanted | other)
