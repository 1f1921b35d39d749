"""The card's YAML: what the Hub reads to show, search and load a model.

Keys as in the Hub's documentation, "Model Cards" and its metadata specification.
"""

import re
from collections.abc import Mapping
from typing import Any

Values = Mapping[str, Any]

HUB_NAME = re.compile(r"[\w][\w.-]*/[\w][\w.-]*")
LANGUAGES = ("elixir", "erlang")


def front_matter(report: Values, license_name: str, dataset: str) -> str:
    """Return the YAML block of a card, without its fences."""
    import yaml

    return yaml.safe_dump(
        metadata(report, license_name, dataset),
        sort_keys=False,
        allow_unicode=True,
        default_flow_style=False,
        width=100,
    )


def metadata(report: Values, license_name: str, dataset: str = "") -> dict[str, Any]:
    """Return the card's metadata from the values of a report.

    `license_name` is the Hub's name of the adapter's licence, `dataset` the release's name on the
    Hub if it is there. A base that lies in a folder has no name on the Hub, and none is given.
    """
    name = report["identity"]["model"]["name"] or ""
    based = {"base_model": name, "base_model_relation": "adapter"} if is_on_hub(name) else {}
    results = _results(report)
    indexed = [{"name": report["identity"]["name"], "results": results}]
    return {
        **based,
        "library_name": "peft",
        "pipeline_tag": "text-generation",
        "license": license_name,
        "language": ["en", "code"],
        **({"datasets": [dataset]} if dataset else {}),
        "tags": sorted({"code", "lora", "otp", *_languages(report)}),
        **({"metrics": sorted({_metric_of(result) for result in results})} if results else {}),
        **({"model-index": indexed} if results else {}),
    }


def is_on_hub(name: str) -> bool:
    """Tell whether a model's name can be one on the Hub and is no folder."""
    return HUB_NAME.fullmatch(name) is not None and name.split("/")[0] not in (".", "..")


def _languages(report: Values) -> set[str]:
    sources = {row["name"] for each in report["data"] for row in each["sources"]}
    return {each for each in LANGUAGES if any(name.endswith(f".{each}") for name in sources)}


def _results(report: Values) -> list[dict[str, Any]]:
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


def _metric_of(result: Values) -> str:
    return str(result["metrics"][0]["type"])


def metric_type(group: str, name: str, unit: str | None) -> str:
    """Return what the Hub calls a measure: pass@k, exact_match, or its unit."""
    if found := re.search(r"pass@\d+", f"{group} {name}"):
        return found[0]
    return "exact_match" if unit == "share" else slug(unit or name).replace("-", "_")


def slug(text: str) -> str:
    """Write a name in small letters and hyphens."""
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")
