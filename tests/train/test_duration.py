from pathlib import Path

import pytest

from corpus.progress import Silent
from corpus.release import Release
from tests.releases import document, example_release, instruction, write_release
from tests.train.configs import DEVSTRAL
from tests.train.models import write_tokenizer
from train.architecture import of_config
from train.dataset.packing import UnknownSource
from train.dataset.rows import prepare
from train.duration import (
    SAMPLED_ROWS,
    SourceSize,
    UnknownGpu,
    attention_flops,
    document_sources,
    expected_rate,
    gpu_named,
    instruction_sources,
    peak_flops,
    steps_and_tokens,
    token_flops,
    utilization,
    workload,
)
from train.recipe import load
from train.tokenizer.opening import open_tokenizer

SHAPE = of_config(DEVSTRAL, "config.json")


def test_a_token_takes_two_operations_a_weight_forward_and_two_back() -> None:
    flops = token_flops(SHAPE, load("devstral-32gb-seed"))
    layers, head = 22_229_811_200, 131_072 * 5_120
    adapter, attention = 9_830_400, 4 * 40 * 4096 * 1024
    forward = 2 * (layers + head + adapter) + attention
    backward = 2 * (layers + head) + 2 * (2 * adapter + attention)
    assert flops == forward + backward == pytest.approx(93.7e9, rel=1e-3)


def test_what_checkpointing_computes_a_second_time_is_not_needed() -> None:
    kept = load("devstral-32gb-seed", {"model.gradient_checkpointing": "false"})
    assert token_flops(SHAPE, kept) == token_flops(SHAPE, load("devstral-32gb-seed"))


def test_a_head_that_trains_takes_a_gradient_of_its_own() -> None:
    frozen = token_flops(SHAPE, load("devstral-32gb-seed"))
    trained = token_flops(SHAPE, load("devstral-32gb-seed", {"adapter.embeddings": "true"}))
    assert trained - frozen == 2 * 131_072 * 5_120


def test_attention_looks_at_half_of_the_row_or_at_its_window() -> None:
    windowed = of_config(DEVSTRAL | {"sliding_window": 512}, "config.json")
    assert attention_flops(SHAPE, 2048) == 4 * 40 * 4096 * 1024
    assert attention_flops(windowed, 2048) == 4 * 40 * 4096 * 512
    assert attention_flops(windowed, 512) == 4 * 40 * 4096 * 256


@pytest.mark.parametrize(
    ("name", "teraflops"),
    [
        ("RTX 4090", 165.2),
        ("NVIDIA GeForce RTX 5090", 209.5),
        ("l40s", 362.0),
        ("A100-80GB", 312.0),
        ("h100", 989.4),
        ("H100-PCIe", 756.0),
        ("NVIDIA H100 80GB HBM3", 989.4),
        ("RTX 6000 Ada", 364.0),
        ("H200", 989.4),
        ("NVIDIA GeForce RTX 4080 SUPER", 104.4),
        ("NVIDIA RTX PRO 6000 Blackwell Workstation Edition", 503.8),
        ("NVIDIA RTX 5000 Ada Generation", 261.1),
        ("NVIDIA B300 SXM6 AC", 2250.0),
        ("NVIDIA GH200 480GB", 989.4),
    ],
)
def test_a_gpu_is_found_however_it_is_written(name: str, teraflops: float) -> None:
    assert gpu_named(name).teraflops == teraflops


@pytest.mark.parametrize(
    ("name", "mebibytes"),
    [
        ("H100", 81_559),
        ("A100 80GB", 81_920),
        ("NVIDIA A100-SXM4-80GB", 81_920),
        ("NVIDIA A100-PCIE-40GB", 40_960),
        ("L4", 23_034),
        ("A40", 46_068),
        ("RTX 5090", 32_607),
        ("rtx 5080", 16_303),
        ("NVIDIA GeForce RTX 5070 Ti", 16_303),
        ("NVIDIA RTX PRO 4500 Blackwell", 32_623),
        ("NVIDIA RTX PRO 5000 72GB Blackwell", 73_415),
        ("NVIDIA RTX PRO 5000 Blackwell 48GB", 48_935),
    ],
)
def test_a_gpu_has_the_memory_that_its_driver_reports(name: str, mebibytes: int) -> None:
    assert gpu_named(name).memory == mebibytes


def test_an_unknown_gpu_is_answered_with_those_that_are_known() -> None:
    with pytest.raises(UnknownGpu, match=r"Did you mean RTX 5090\? Known are A10, A10G,"):
        gpu_named("rtx 5095")


def test_a_gpu_before_ampere_is_told_what_it_lacks() -> None:
    with pytest.raises(UnknownGpu, match=r"not known. GPUs before Ampere \(2020\) lack bfloat16"):
        gpu_named("Tesla T4")


def test_a_gpu_that_comes_in_several_sizes_is_asked_for_its_own() -> None:
    with pytest.raises(UnknownGpu, match=r"Did you mean A100 40GB or A100 80GB\?"):
        gpu_named("A100")


def test_a_rate_and_its_utilisation_are_two_sides_of_one_figure() -> None:
    flops = token_flops(SHAPE, load("devstral-32gb-seed"))
    rate = expected_rate(flops, gpu_named("RTX 5090"), 0.4)
    assert rate == pytest.approx(209.5e12 * 0.4 / 93.7e9, rel=1e-3)
    assert utilization(rate * flops, 1, 209.5e12) == pytest.approx(0.4)


def test_a_shorter_sample_takes_less_than_its_row() -> None:
    recipe = load("devstral-32gb-seed")
    short, long = (token_flops(SHAPE, recipe, length) for length in (512, None))
    assert long - short == 3 * 4 * 40 * 4096 * (1024 - 256)


@pytest.mark.parametrize(
    ("device", "peak"),
    [
        ("NVIDIA H100 80GB HBM3", 989.4e12),
        ("NVIDIA H100 PCIe", 756e12),
        ("NVIDIA A100-SXM4-40GB", 312e12),
        ("NVIDIA A10G", 70e12),
        ("NVIDIA A10", 125e12),
        ("NVIDIA GeForce RTX 4090", 165.2e12),
        ("NVIDIA L4", 121e12),
        ("NVIDIA RTX 6000 Ada Generation", 364e12),
        ("NVIDIA GeForce RTX 3090 Ti", 80e12),
        ("NVIDIA GeForce RTX 4070 Ti", None),
        ("NVIDIA GeForce RTX 5080 Laptop GPU", None),
        ("NVIDIA RTX PRO 6000 Blackwell Max-Q Workstation Edition", None),
        ("NVIDIA RTX PRO 4000 Blackwell SFF Edition", None),
        ("NVIDIA GeForce RTX 4090 Laptop GPU", None),
        ("NVIDIA GeForce RTX 5090 D", None),
        ("NVIDIA H100 80GB HBM3 MIG 3g.40gb", None),
        ("NVIDIA A40-48Q", None),
        ("Intel(R) Xeon(R) CPU", None),
    ],
)
def test_a_device_is_known_by_the_name_that_its_driver_gives(
    device: str, peak: float | None
) -> None:
    assert peak_flops(device) == pytest.approx(peak)


def counted_release(folder: Path) -> Release:
    """1,000 bytes of Elixir twice, 500 of Erlang, and one held-out document."""
    documents = [
        document("shop", "lib/a.ex", "a" * 1000),
        document("shop", "lib/b.ex", "b" * 1000),
        document("shop", "src/c.erl", "c" * 500),
        document("kiosk", "lib/d.ex", "d" * 900, "validation"),
    ]
    rows = [
        instruction(documents[0], "explain", "é" * 10, "x" * 30),
        instruction(documents[1], "explain", "p" * 10, "y" * 30),
        instruction(documents[2], "repair", "q" * 100, "z" * 100),
    ]
    return write_release(folder, documents, (), rows)


def test_documents_are_counted_by_language_and_held_out_ones_are_not(tmp_path: Path) -> None:
    assert document_sources(counted_release(tmp_path)) == {
        "documents.elixir": SourceSize(2, 2000),
        "documents.erlang": SourceSize(1, 500),
    }


def test_instruction_rows_are_counted_by_kind_in_bytes(tmp_path: Path) -> None:
    assert instruction_sources(counted_release(tmp_path)) == {
        "instruct.explain": SourceSize(2, 90),
        "instruct.repair": SourceSize(1, 200),
    }


def test_many_instruction_rows_are_estimated_from_the_first(tmp_path: Path) -> None:
    whole = document("shop", "lib/a.ex", "a")
    rows = [instruction(whole, "explain", f"{n:05}", "x" * 95) for n in range(SAMPLED_ROWS + 1000)]
    release = write_release(tmp_path, [whole], (), rows)
    assert instruction_sources(release) == {"instruct.explain": SourceSize(5096, 509_600)}


def test_a_kind_that_is_not_among_the_first_rows_is_counted_all_the_same(tmp_path: Path) -> None:
    whole = document("shop", "lib/a.ex", "a")
    kinds = ["explain"] * SAMPLED_ROWS * 2 + ["repair"] * 3
    rows = [instruction(whole, kind, f"{n:05}", "x" * 95) for n, kind in enumerate(kinds)]
    release = write_release(tmp_path, [whole], (), rows)
    assert instruction_sources(release) == {
        "instruct.explain": SourceSize(SAMPLED_ROWS * 2, SAMPLED_ROWS * 200),
        "instruct.repair": SourceSize(3, 300),
    }


def test_an_epoch_is_bytes_by_bytes_a_token_and_what_stands_around_samples(
    tmp_path: Path,
) -> None:
    recipe = load("devstral-32gb", {"length": "128", "batch": "2"})
    load1 = workload(counted_release(tmp_path), recipe, 1, bytes_per_token=2.5)
    assert load1.epoch_tokens == 1000 + 3 * 2
    assert load1.epoch_rows == 9  # 1,006 / (0.97 * 128), rounded up
    assert load1.steps == 3 * 5
    assert load1.row_tokens == 3 * 9 * 128
    assert load1.sources == {"documents.elixir": 2000, "documents.erlang": 500}


def test_a_mixture_and_replayed_text_count(tmp_path: Path) -> None:
    recipe = load(
        "devstral-32gb",
        {
            "stage1.data.mixture": "documents.elixir=0.5",
            "stage1.data.replay.path": "general.jsonl",
            "stage1.data.replay.share": "0.2",
        },
    )
    read = workload(counted_release(tmp_path), recipe, 1, bytes_per_token=2.5)
    assert read.sources == {"documents.elixir": 1000}
    assert read.epoch_tokens == 502  # (1,000 / 2.5 + 2 around one sample) / 0.8


def test_a_source_that_the_release_does_not_have_is_named(tmp_path: Path) -> None:
    recipe = load("devstral-32gb", {"stage1.data.mixture": "documents.gleam=1"})
    with pytest.raises(UnknownSource, match=r"documents\.gleam"):
        workload(counted_release(tmp_path), recipe, 1)


def test_a_stage_ends_where_its_steps_or_its_epochs_do() -> None:
    recipe = load("devstral-32gb", {"stage1.epochs": "1.5", "stage2.steps": "4"})
    assert steps_and_tokens(16, recipe, recipe.stage1) == (3, 24 * 2048)
    assert steps_and_tokens(16, recipe, recipe.stage2) == (4, 32 * 2048)
    assert steps_and_tokens(17, recipe, recipe.stage2) == (4, 32 * 2048)
    assert steps_and_tokens(0, recipe, recipe.stage1) == (0, 0)


def test_the_estimate_is_what_the_data_path_lays_out(tmp_path: Path) -> None:
    """With the bytes a token that the tokenizer itself has on the text, and nothing cut."""
    release = example_release(tmp_path / "release")
    tokenizer = open_tokenizer(write_tokenizer(tmp_path / "tokenizer"))
    texts = release.read("documents", ("text",), "train").column("text").to_pylist()
    tokens = sum(len(tokenizer.encode(text)) for text in texts)
    recipe = load("devstral-32gb", {"length": "512"})
    read = workload(release, recipe, 1, sum(len(text.encode()) for text in texts) / tokens)
    rows = prepare(release, 1, "train", recipe, tokenizer, tmp_path / "work", Silent())
    assert read.epoch_tokens == rows.tokens(0)
    assert read.epoch_rows == rows.rows_in(0)
