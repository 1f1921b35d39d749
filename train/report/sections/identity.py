"""Which run this is: release, base model, adapter, recipe, machine and tools."""

from collections.abc import Iterator, Mapping
from typing import Any

from train.report.sources import RECIPE, WEIGHTS, Sources, Values

ADAPTER = ("rank", "alpha", "dropout", "targets", "rslora", "dora")


def identity(sources: Sources) -> Values:
    """Return what names the run; what its files do not tell is None."""
    run, recipe = sources.run, sources.recipe
    release, model, device = (run.get(name) or {} for name in ("release", "model", "device"))
    settings, adapter = recipe.get("model") or {}, recipe.get("adapter") or {}
    return {
        "name": sources.folder.absolute().name,
        "release": {name: release.get(name) for name in ("version", "sha256")},
        "model": {
            "name": model.get("name") or settings.get("name"),
            "revision": model.get("revision") or settings.get("revision") or None,
            "architecture": model.get("architecture"),
            "parameters": model.get("parameters"),
            "trained": model.get("trained"),
            "quantization": settings.get("quantization"),
        },
        "adapter": {name: adapter.get(name) for name in ADAPTER} if adapter else {},
        "weights_sha256": sources.digests.get(WEIGHTS),
        "recipe_sha256": sources.digests.get(RECIPE),
        "recipe": list(dotted(recipe)),
        "device": {name: device.get(name) for name in ("name", "count", "peak_flops")},
        "chats": run.get("chats") or [],
        "world_size": run.get("world_size"),
        "tools": dict(sorted((run.get("tools") or {}).items())),
    }


def dotted(settings: Mapping[str, Any], above: str = "") -> Iterator[Values]:
    """Yield every field of nested settings by its dotted name, in order."""
    for name, value in sorted(settings.items()):
        if isinstance(value, Mapping) and value:
            yield from dotted(value, f"{above}{name}.")
        else:
            yield {"name": f"{above}{name}", "value": _shown(value)}


def _shown(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(map(str, value))
    return "" if value in ({}, None) else str(value)
