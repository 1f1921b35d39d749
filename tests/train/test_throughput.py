import pytest

from tests.train.configs import DEVSTRAL
from train.architecture import of_config
from train.recipe import load
from train.throughput import (
    UnknownGpu,
    attention_flops,
    expected_rate,
    gpu_named,
    peak_flops,
    token_flops,
    utilization,
)

SHAPE = of_config(DEVSTRAL, "config.json")


def test_a_token_takes_two_operations_a_weight_forward_and_two_back() -> None:
    flops = token_flops(SHAPE, load("devstral-32gb-seed"))
    layers, head = 22_229_811_200, 131_072 * 5_120
    adapter, attention = 9_830_400, 4 * 40 * 4096 * 1024
    assert flops.forward == 2 * (layers + head + adapter) + attention
    assert flops.backward == 2 * (layers + head) + 2 * (2 * adapter + attention)
    assert flops.recomputed == 2 * (head + layers + adapter) + attention
    assert flops.model == pytest.approx(93.7e9, rel=1e-3)
    assert flops.hardware == pytest.approx(140.2e9, rel=1e-3)


def test_without_checkpointing_the_loss_alone_is_computed_twice() -> None:
    recipe = load("devstral-32gb-seed", {"model.gradient_checkpointing": "false"})
    assert token_flops(SHAPE, recipe).recomputed == 2 * 131_072 * 5_120


def test_a_head_that_trains_takes_a_gradient_of_its_own() -> None:
    frozen = token_flops(SHAPE, load("devstral-32gb-seed"))
    trained = token_flops(SHAPE, load("devstral-32gb-seed", {"adapter.embeddings": "true"}))
    assert trained.backward - frozen.backward == 2 * 131_072 * 5_120


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
    assert utilization(rate * flops.model, 1, 209.5e12) == pytest.approx(0.4)


def test_a_shorter_sample_takes_less_than_its_row() -> None:
    recipe = load("devstral-32gb-seed")
    short, long = (token_flops(SHAPE, recipe, length) for length in (512, None))
    assert long.forward - short.forward == 4 * 40 * 4096 * (1024 - 256)


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
