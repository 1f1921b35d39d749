"""What a model looks like, told by its config.json before anything else is fetched."""

from train.architecture.reading import (
    MalformedConfig,
    NoConfig,
    UnknownArchitecture,
    of_config,
    read,
)
from train.architecture.shape import Architecture, Linear, Parameters

__all__ = [
    "Architecture",
    "Linear",
    "MalformedConfig",
    "NoConfig",
    "Parameters",
    "UnknownArchitecture",
    "of_config",
    "read",
]
