"""The section of a card that says how to load what lies beside it."""

import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal

from quality import templating
from train.card.front_matter import is_on_hub

Content = Literal["run", "adapter", "merged", "gguf"]
"""What a card's folder holds: a run with its adapter below, or one of the exports."""

SECTION = re.compile(r"^## Use it\n.*?(?=\s*(?:^## |\Z))", re.MULTILINE | re.DOTALL)

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


def section(usage: Usage) -> str:
    """Write the section, without a newline at its end."""
    tower = usage.architecture in BESIDE_A_TOWER
    text: str = (
        _environment()
        .get_template("usage.md.j2")
        .render(
            usage=usage,
            published=is_on_hub(usage.base),
            loader="AutoModelForImageTextToText" if tower else "AutoModelForCausalLM",
        )
    )
    return text.rstrip()


def with_usage(card: str, usage: Usage) -> str:
    """Return a card that says how to load something else; one without such a section is kept."""
    return SECTION.sub(lambda _: section(usage), card, count=1)


def place(name: str | None) -> str:
    """Write the name of a model; of one that lies in a folder, that folder's name only."""
    if not name:
        return "an unnamed model"
    return Path(name).name if name.startswith(("/", ".", "~")) else name


@cache
def _environment() -> Any:
    environment = templating.environment("train.card", html=False)
    environment.filters["place"] = place
    return environment
