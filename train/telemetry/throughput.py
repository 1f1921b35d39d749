"""How fast a run is, and how much of its device it uses."""

PEAKS = {
    "B200": 2250e12,
    "H200": 989e12,
    "H100 PCIe": 756e12,
    "H100 NVL": 835e12,
    "H100": 989e12,
    "A100": 312e12,
    "A10G": 70e12,
    "A10": 125e12,
    "A40": 149.7e12,
    "RTX A6000": 154.8e12,
    "RTX 6000 Ada": 364e12,
    "L40S": 362e12,
    "L40": 181e12,
    "L4": 121e12,
    "RTX 3090": 71e12,
    "RTX 4090": 165.2e12,
    "RTX 5090": 209.5e12,
}
"""Peak FLOP/s of dense bfloat16 with accumulation in float32, from NVIDIA's data sheets; the
sparse figures that some of them print are twice these. Longer names stand before shorter ones."""


def peak_flops(device: str) -> float | None:
    """Return the peak FLOP/s of a device by the name its driver gives; None if it is not listed."""
    words = f" {device.upper().replace('-', ' ')} "
    return next((peak for name, peak in PEAKS.items() if f" {name.upper()} " in words), None)


def flops_a_token(
    multiplied: int, trained: int, layers: int, attention_width: int, length: float
) -> float:
    """Return the floating-point operations that training needs for one token.

    PaLM, appendix B (Chowdhery et al. 2022), counts 6N + 12LHQT: per weight two in the forward
    pass, two for the gradient of its input and two for its own; per layer and token attended to,
    4HQ forward and twice that backward. Here only `trained` weights get gradients of their own,
    `multiplied` counts all that a token is multiplied with (no embedding table, but the head), and
    `attention_width` is HQ, heads times head size. `length` is the mean length of what is attended
    to: that of samples, not of the rows they are packed in. What gradient checkpointing computes
    again does not count: that is the difference between model and hardware utilisation.
    """
    return 4.0 * multiplied + 2.0 * trained + 12.0 * layers * attention_width * length


def utilisation(flops: float, seconds: float, peak: float) -> float:
    """Return the share of a device's peak that a model's operations took (PaLM, appendix B).

    `flops` were needed in `seconds`; `peak` is FLOP/s, of all devices together if several shared
    the work.
    """
    return flops / seconds / peak
