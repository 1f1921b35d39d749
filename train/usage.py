"""The section of a card that says how to load what lies beside it: a run, or an export of one."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from pages import frame

HUB_NAME = re.compile(r"[\w][\w.-]*/[\w][\w.-]*")

Content = Literal["run", "adapter", "merged", "gguf"]
"""What a card's folder holds: a run with its adapter below, or one of the exports."""

SECTION = re.compile(r"^## Use it\n.*?(?=\s*(?:^## |\Z))", re.MULTILINE | re.DOTALL)

LEAD = "\nA LoRA adapter for "
"""How the card of a run begins, before the name of the base."""
LEADS: dict[Content, str] = {
    "merged": "\nWeights in 16 bits with a LoRA adapter merged in, of ",
    "gguf": "\nA GGUF file with a LoRA adapter merged in, of ",
}

BESIDE_A_TOWER = ("ministral3",)
"""Language models that are published beside a vision tower only, and load with it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Usage:
    """What loads a model, and from what."""

    holds: Content
    base: str
    """The base's name on the Hub, or its folder, of which a card tells the last name alone."""
    architecture: str | None = None
    """Type of the language model, if that is known."""
    quantization: str | None = None
    """How the base was held during training."""
    export: Mapping[str, object] = field(default_factory=dict)
    """What an export tells of itself: files and their figures, and what was allowed."""


def section(usage: Usage) -> str:
    """Write the section, without a newline at its end."""
    environment = frame.environment("train", html=False)
    environment.filters["place"] = place
    tower = usage.architecture in BESIDE_A_TOWER
    text: str = environment.get_template("usage.md.j2").render(
        usage=usage,
        published=is_on_hub(usage.base),
        loader="AutoModelForImageTextToText" if tower else "AutoModelForCausalLM",
    )
    return text.rstrip()


def with_usage(card: str, usage: Usage) -> str:
    """Return a run's card as one of something else; what is not in our words there is kept."""
    told = card.replace(LEAD, LEADS.get(usage.holds, LEAD), 1)
    return SECTION.sub(lambda _: section(usage), told, count=1)


def place(name: str | None) -> str:
    """Write the name of a model; of one that lies in a folder, that folder's name only."""
    if not name:
        return "an unnamed model"
    return Path(name).name if name.startswith(("/", ".", "~")) else name


def is_on_hub(name: str) -> bool:
    """Tell whether a model's name can be one on the Hub and is no folder."""
    return HUB_NAME.fullmatch(name) is not None and name.split("/")[0] not in (".", "..")
