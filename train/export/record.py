"""export.json: what an export was made from, how it was compared, and every file's digest."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from corpus.atomic import sha256_file, write_json
from corpus.untrusted import check_counts, check_digest, check_path, parse_object
from train.errors import TrainError
from train.export.run import FinishedRun

NAME = "export.json"
CARD = "card_sha256"
TOOLS = ("elixir-corpus", "gguf", "peft", "safetensors", "torch", "transformers")


class OutputTaken(TrainError):
    """Something else lies where an export is to go."""

    def __init__(self, folder: Path, why: str) -> None:
        super().__init__(f"{folder}: {why}. Nothing was changed. Name another folder with --out.")


@dataclass(frozen=True, slots=True)
class Record:
    """What export.json says of an export that is there."""

    made_from: dict[str, Any]
    comparison: dict[str, Any]
    files: dict[str, tuple[int, str]]
    """Bytes and SHA-256 of every other file, by its name below the folder."""

    def __post_init__(self) -> None:
        """Raise ValueError for a file elsewhere, and for what is true of no file."""
        for path, (size, digest) in self.files.items():
            check_path(path)
            check_counts(size)
            check_digest(digest)


def write_record(folder: Path, made_from: Mapping[str, Any], comparison: Mapping[str, Any]) -> None:
    """Write export.json into a folder whose other files are complete."""
    files = {
        name: {"bytes": path.stat().st_size, "sha256": sha256_file(path)}
        for name, path in _files(folder).items()
    }
    record = {"made_from": made_from, "comparison": comparison, "files": files, "tools": tools()}
    write_json(folder / NAME, record)


def made_from(run: FinishedRun, form: str, card: bytes | None, **more: Any) -> dict[str, Any]:
    """Return what an export's content follows from."""
    return {
        "form": form,
        "adapter_sha256": run.digest,
        CARD: None if card is None else hashlib.sha256(card).hexdigest(),
        "release": run.release,
        **more,
    }


def existing(folder: Path, wanted: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return the comparison of an export that is there already; None if one is to be made.

    That is so where the place is free, and where the same export lies whose card would say
    something else now, or of which a file is missing or altered: the new one takes its place.
    Raises OutputTaken where anything else is, also beside an export that would have to give way.
    """
    if not folder.exists() or (folder.is_dir() and not any(folder.iterdir())):
        return None
    record = _read(folder)
    same = json.loads(json.dumps(wanted))
    if record.made_from | {CARD: None} != same | {CARD: None}:
        raise OutputTaken(folder, "another export lies there")
    why = _outdated(folder, record, same[CARD])
    if why is None:
        return record.comparison
    if others := sorted(_files(folder).keys() - record.files.keys() - {NAME}):
        lost = f"{others[0]}, which is no part of it, would be lost"
        raise OutputTaken(folder, f"the export there has to be made anew ({why}), and {lost}")
    return None


def _read(folder: Path) -> Record:
    try:
        told = parse_object((folder / NAME).read_bytes())
        files = {name: (each["bytes"], each["sha256"]) for name, each in told["files"].items()}
        return Record(dict(told["made_from"]), dict(told["comparison"]), files)
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        raise OutputTaken(folder, "something that is no export of ours lies there") from None


def _outdated(folder: Path, record: Record, card: str | None) -> str | None:
    """Say why an export has to be made anew, or None."""
    if record.made_from.get(CARD) != card:
        return "its card would say something else now"
    there = _files(folder)
    for name, (size, digest) in record.files.items():
        if name not in there:
            return f"{name} is missing"
        if there[name].stat().st_size != size or sha256_file(there[name]) != digest:
            return f"{name} was altered"
    return None


def _files(folder: Path) -> dict[str, Path]:
    """Return the files below a folder by their names in it, in order."""
    found = (path for path in sorted(folder.rglob("*")) if path.is_file())
    return {path.relative_to(folder).as_posix(): path for path in found}


def tools() -> dict[str, str]:
    """Return the versions of what had a part in it."""
    found = {}
    for name in TOOLS:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found
