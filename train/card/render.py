"""Rendering README.md from the values of the run's report."""

import re
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from corpus.atomic import write_bytes
from corpus.release import Release
from quality import templating
from train.card.front_matter import front_matter
from train.card.licences import LicenceCount, licences_of
from train.card.usage import Usage, place, section

CARD_NAME = "README.md"
ADAPTER_LICENSE = "apache-2.0"
"""The Hub's name of the licence that an adapter gets unless another is named: this project's own.
The card says so. The terms of the base model and of the training data stand beside it."""
STAGES = {1: "continued pretraining on documents", 2: "instruction tuning"}


def write(
    run: Path,
    release: Release | None = None,
    license_name: str = "",
    dataset: str = "",
) -> Path:
    """Write RUN/README.md, whole or not at all; return its path.

    `release` is what the run was trained on: it tells the licences of the training data. `dataset`
    is its name on the Hub. An empty `license_name` stands for `ADAPTER_LICENSE`. Raises what
    `train.report.compose` and `licences_of` raise, and OSError.
    """
    from train.report import compose

    licences = licences_of(release) if release is not None else []
    path = run / CARD_NAME
    write_bytes(path, card(compose(run), licences, license_name, dataset))
    return path


def card(
    report: Mapping[str, Any],
    licences: Sequence[LicenceCount] = (),
    license_name: str = "",
    dataset: str = "",
) -> bytes:
    """Render a card from the values that `train.report.compose` returns."""
    licensed = license_name or ADAPTER_LICENSE
    text: str = (
        _environment()
        .get_template("README.md.j2")
        .render(
            **report,
            front_matter=front_matter(report, licensed, dataset),
            licences=licences,
            license_name=licensed,
            license_is_named=bool(license_name),
            dataset=dataset,
            usage=section(usage_of(report["identity"])),
            settings={row["name"]: row["value"] for row in report["identity"]["recipe"]},
            stage_names=STAGES,
        )
    )
    return f"{text.rstrip()}\n".encode()


def usage_of(identity: Mapping[str, Any]) -> Usage:
    """Return how what a run's folder holds is loaded, from the report's section of that name."""
    model = identity["model"]
    return Usage(
        holds="run",
        base=model["name"] or "",
        architecture=model["architecture"],
        quantization=model["quantization"],
    )


@cache
def _environment() -> Any:
    from train.report import formats

    environment = templating.environment("train.card", html=False)
    environment.filters |= {
        "loss": formats.loss,
        "change": formats.change,
        "duration": formats.duration,
        "measure": formats.measure,
        "difference": formats.difference,
        "cell": cell,
        "place": place,
        "setting": setting,
        "fenced": fenced,
    }
    return environment


def cell(text: object) -> str:
    """Write a text so that it stays in its cell of a Markdown table."""
    return str(text).replace("\\", "\\\\").replace("|", "\\|").replace("\n", " ")


def fenced(text: str) -> str:
    """Write a text as a block of code, whatever fences it has itself."""
    longest = max((len(each) for each in re.findall("`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}text\n{text}\n{fence}"


def setting(value: object) -> str:
    """Write a setting of the recipe; "0" and "0.0" mean that there is none."""
    is_set = isinstance(value, str) and value not in ("", "0", "0.0")
    return str(value) if is_set else "–"
