"""The data path: from a release to packed rows of token ids."""

from train.dataset.settings import DataSettings, ReplaySettings

__all__ = ["DataSettings", "ReplaySettings"]
