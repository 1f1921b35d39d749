"""The model card of a run: README.md, valid on the Hub, made from the run's files alone.

Keys of its YAML are as in the Hub's documentation, "Model Cards" and its metadata specification.
"""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from corpus.atomic import write_bytes
from corpus.release import Release
from pages import frame
from train.report.page import Report, compose
from train.report.run_files import Values
from train.usage import Usage, is_on_hub, place, section

CARD_NAME = "README.md"
ADAPTER_LICENSE = "apache-2.0"
"""The Hub's name of the licence that an adapter gets unless another is named: this project's own.
The card says so. The terms of the base model and of the training data stand beside it."""
STAGES = {1: "continued pretraining on documents", 2: "instruction tuning"}
LANGUAGES = ("elixir", "erlang")
UNKNOWN = "none stated"


@dataclass(frozen=True, slots=True)
class LicenceCount:
    """What of the training split stands under one licence expression."""

    expression: str
    """SPDX."""
    documents: int
    packages: int
    instructions: int


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
    licences = licences_of(release) if release is not None else []
    path = run / CARD_NAME
    write_bytes(path, card(compose(run), licences, license_name, dataset))
    return path


def card(
    report: Report,
    licences: Sequence[LicenceCount] = (),
    license_name: str = "",
    dataset: str = "",
) -> bytes:
    """Render a card from the values that `train.report.compose` returns."""
    licensed = license_name or ADAPTER_LICENSE
    model = report["identity"]["model"]
    usage = Usage(
        holds="run",
        base=model["name"] or "",
        architecture=model["architecture"],
        quantization=model["quantization"],
    )
    environment = frame.environment("train", html=False)
    environment.filters |= {"place": place, "setting": setting}
    text: str = environment.get_template("card.md.j2").render(
        **report,
        metadata=metadata(report, licensed, dataset),
        licences=licences,
        license_name=licensed,
        license_is_named=bool(license_name),
        dataset=dataset,
        usage=section(usage),
        settings={row["name"]: row["value"] for row in report["identity"]["recipe"]},
        stage_names=STAGES,
    )
    return f"{text.rstrip()}\n".encode()


def setting(value: object) -> str:
    """Write a setting of the recipe; "0" and "0.0" mean that there is none."""
    is_set = isinstance(value, str) and value not in ("", "0", "0.0")
    return str(value) if is_set else "–"


def metadata(report: Report, license_name: str, dataset: str = "") -> Values:
    """Return the card's metadata from the values of a report.

    `license_name` is the Hub's name of the adapter's licence, `dataset` the release's name on the
    Hub if it is there. A base that lies in a folder has no name on the Hub, and none is given.
    """
    name = report["identity"]["model"]["name"] or ""
    based = {"base_model": name, "base_model_relation": "adapter"} if is_on_hub(name) else {}
    sources = [row["name"] for each in report["data"] for row in each["sources"]]
    found = {each for each in LANGUAGES if any(name.endswith(f".{each}") for name in sources)}
    results = _results(report)
    metrics = {result["metrics"][0]["type"] for result in results}
    indexed = [{"name": report["identity"]["name"], "results": results}]
    return {
        **based,
        "library_name": "peft",
        "pipeline_tag": "text-generation",
        "license": license_name,
        "language": ["en", "code"],
        **({"datasets": [dataset]} if dataset else {}),
        "tags": sorted({"code", "lora", "otp", *found}),
        **({"metrics": sorted(metrics), "model-index": indexed} if results else {}),
    }


def _results(report: Report) -> list[Values]:
    """Return the figures of the adapter as a model index has them: of text that is new to it."""
    if not report["comparison"]["is_of_new_text"]:
        return []
    return [
        {
            "task": {"type": "text-generation"},
            "dataset": {
                "type": slug(group["name"]),
                "name": f"{group['name']}: {row['name']}",
                "config": row["name"],  # results of one type and config are taken for one dataset's
            },
            "metrics": [
                {
                    "type": metric_type(group["name"], row["name"], row["unit"]),
                    "value": round(row["adapter"]["value"], 4),
                    "name": f"{row['unit']}, {row['better']} is better",
                }
            ],
        }
        for group in report["evaluation"]
        for row in group["rows"]
        if row["adapter"]
    ]


def metric_type(group: str, name: str, unit: str | None) -> str:
    """Return what the Hub calls a measure: pass@k, exact_match, or its unit."""
    if found := re.search(r"pass@\d+", f"{group} {name}"):
        return found[0]
    return "exact_match" if unit == "share" else slug(unit or name).replace("-", "_")


def slug(text: str) -> str:
    """Write a name in small letters and hyphens."""
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")


def licences_of(release: Release) -> list[LicenceCount]:
    """Count the training split of a release by licence, most documents first.

    Copyright lines and texts stand in the release's attribution.parquet. Raises OSError and
    pyarrow.ArrowException for shards that cannot be read.
    """
    documents: Counter[str] = Counter()
    instructions: Counter[str] = Counter()
    packages: dict[str, set[str]] = {}
    for batch in release.batches("documents", ("license_expression", "package"), "train"):
        for row in batch.to_pylist():
            expression = row["license_expression"] or UNKNOWN
            documents[expression] += 1
            packages.setdefault(expression, set()).add(row["package"])
    for batch in release.batches("instruct", ("license_expression",), "train"):
        found = batch.column("license_expression").to_pylist()
        instructions.update(expression or UNKNOWN for expression in found)
    expressions = sorted(
        documents.keys() | instructions.keys(), key=lambda each: (-documents[each], each)
    )
    return [
        LicenceCount(each, documents[each], len(packages.get(each, ())), instructions[each])
        for each in expressions
    ]
