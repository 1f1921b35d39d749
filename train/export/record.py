"""export.json: what an export was made from, how it was compared, and every file's digest."""

import json
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from corpus.atomic import sha256_file, write_json
from train.errors import TrainError
from train.export.run import FinishedRun

NAME = "export.json"
TOOLS = ("elixir-corpus", "gguf", "peft", "safetensors", "torch", "transformers")


class OutputTaken(TrainError):
    """Something else lies where an export is to go."""

    def __init__(self, folder: Path, why: str) -> None:
        super().__init__(f"{folder}: {why}. Remove that folder, or name another with --out.")


def write_record(folder: Path, made_from: Mapping[str, Any], comparison: Mapping[str, Any]) -> None:
    """Write export.json into a folder whose other files are complete."""
    files = {
        path.relative_to(folder).as_posix(): {
            "bytes": path.stat().st_size,
            "sha256": sha256_file(path),
        }
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }
    record = {"made_from": made_from, "comparison": comparison, "files": files, "tools": tools()}
    write_json(folder / NAME, record)


def made_from(run: FinishedRun, form: str, **more: Any) -> dict[str, Any]:
    """Return what an export's content follows from."""
    return {"form": form, "adapter_sha256": run.digest, "release": run.release, **more}


def existing(folder: Path, wanted: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return the comparison of an export that is there already; None if the place is free.

    Raises OutputTaken where something else is.
    """
    if not folder.exists() or (folder.is_dir() and not any(folder.iterdir())):
        return None
    try:
        record = json.loads((folder / NAME).read_bytes())
        if record["made_from"] == json.loads(json.dumps(wanted)):
            return dict(record["comparison"])
    except (OSError, ValueError, KeyError, TypeError):
        raise OutputTaken(folder, "something that is no export of ours lies there") from None
    raise OutputTaken(folder, "another export lies there")


def tools() -> dict[str, str]:
    """Return the versions of what had a part in it."""
    found = {}
    for name in TOOLS:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found
