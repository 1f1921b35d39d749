"""Which text is read in which proportion, and how it is laid out."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from train.options import require


@dataclass(frozen=True, kw_only=True, slots=True)
class ReplaySettings:
    """General text mixed in so that less of it is forgotten."""

    path: str = ""
    """A Parquet or JSON-lines file, or a folder of them, with a column `text`; empty for none."""
    share: float = 0.05
    """Replayed tokens as a fraction of all tokens of an epoch."""

    def __post_init__(self) -> None:
        require(0 <= self.share < 1, "share", self.share, "0 or more and less than 1")


@dataclass(frozen=True, kw_only=True, slots=True)
class DataSettings:
    """What one stage reads."""

    mixture: Mapping[str, float] = field(default_factory=dict)
    """Passes an epoch makes over each source, such as `documents.elixir` or
    `instruct.documentation_to_function`; a fraction takes that share of its samples, another share
    each epoch. Empty takes every source of the stage once."""
    chats: Mapping[str, str] = field(default_factory=dict)
    """Chats of your own, by a name: a JSONL file, a folder of them, or a dataset on the Hub as
    hub:OWNER/NAME@REVISION[:SPLIT]. They are the sources `chat.NAME` of the mixture."""
    licences: Mapping[str, str] = field(default_factory=dict)
    """Their licences, as SPDX names them, by the same names; the Hub's card states one too."""
    malformed: Literal["refuse", "drop"] = "refuse"
    """What becomes of a row that is no chat or calls tools: the run is refused with file and line,
    or the row is left out and counted."""
    replay: ReplaySettings = field(default_factory=ReplaySettings)
    infilling_rate: float = 0.0
    """Share of documents that are turned into fill-in-the-middle samples. Off by default: nothing
    shows that Devstral was trained on that format."""

    def __post_init__(self) -> None:
        for name, passes in self.mixture.items():
            require(passes >= 0, f"mixture.{name}", passes, "0 or more")
        is_something = not self.mixture or any(self.mixture.values())
        require(is_something, "mixture", dict(self.mixture), "above 0 for one source at least")
        for name, place in self.chats.items():
            well = re.fullmatch(r"[A-Za-z0-9_-]+", name) is not None
            require(well, "chats", name, "named with letters, digits, _ and -")
            stated = place.startswith("hub:") or bool(self.licences.get(name))
            require(stated, f"licences.{name}", "", f"the licence of {place}, such as MIT")
        for name in self.licences:
            require(name in self.chats, f"licences.{name}", self.licences[name], "of one of chats")
        within = 0 <= self.infilling_rate <= 1
        require(within, "infilling_rate", self.infilling_rate, "from 0 to 1")
