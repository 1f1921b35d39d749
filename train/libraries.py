"""What is asked of the libraries beneath: their versions, the device they see, and to be quiet."""

import logging
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch

TALKATIVE = ("accelerate", "bitsandbytes", "peft", "transformers")


def quieten() -> None:
    """Let libraries speak of errors only, and draw no bars of their own."""
    for name in TALKATIVE:
        logging.getLogger(name).setLevel(logging.ERROR)
    from transformers.utils import logging as bars

    bars.disable_progress_bar()


def installed(name: str) -> str | None:
    """Return the version of an installed package, if it is."""
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def device_name(device: "torch.device") -> str:
    """Return what a driver calls a GPU, else "cpu"."""
    import torch

    return torch.cuda.get_device_name(device) if device.type == "cuda" else "cpu"
