import pytest

from train.telemetry import flops_a_token, peak_flops, utilisation


def test_training_all_weights_takes_what_palm_counts() -> None:
    # 6N + 12LHQT with N = 1,000, L = 2, HQ = 8, T = 10
    assert flops_a_token(1000, 1000, 2, 8, 10) == 6000 + 1920


def test_frozen_weights_need_no_gradients_of_their_own() -> None:
    assert flops_a_token(1000, 10, 2, 8, 0) == 4020


def test_utilisation_is_the_share_of_the_peak() -> None:
    # 4e14 operations in two seconds on a device of 1e15 a second
    assert utilisation(4e14, 2.0, 1e15) == pytest.approx(0.2)


@pytest.mark.parametrize(
    ("device", "peak"),
    [
        ("NVIDIA H100 80GB HBM3", 989e12),
        ("NVIDIA H100 PCIe", 756e12),
        ("NVIDIA A100-SXM4-40GB", 312e12),
        ("NVIDIA A10G", 70e12),
        ("NVIDIA A10", 125e12),
        ("NVIDIA GeForce RTX 4090", 165.2e12),
        ("NVIDIA L4", 121e12),
        ("Intel(R) Xeon(R) CPU", None),
    ],
)
def test_a_device_is_known_by_the_name_that_its_driver_gives(
    device: str, peak: float | None
) -> None:
    assert peak_flops(device) == peak
