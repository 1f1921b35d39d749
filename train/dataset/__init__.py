"""The data path: from a release to packed rows of token ids."""

from train.dataset.mixture import EpochTooLong, UnknownSource
from train.dataset.preparation import EmptyMixture, prepare
from train.dataset.row import PackedRow
from train.dataset.rows import Rows
from train.dataset.settings import DataSettings, ReplaySettings
from train.dataset.sources import NoReplayText
from train.dataset.store import DamagedTokens

__all__ = [
    "DamagedTokens",
    "DataSettings",
    "EmptyMixture",
    "EpochTooLong",
    "NoReplayText",
    "PackedRow",
    "ReplaySettings",
    "Rows",
    "UnknownSource",
    "prepare",
]
