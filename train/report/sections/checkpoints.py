"""Which checkpoints a run keeps, and where it went on from one."""

from pathlib import Path

from corpus.untrusted import parse_object
from train.checkpoint.reading import checkpoint_folders
from train.report.sources import Sources, Values

PLACE = "checkpoints"


def checkpoints(sources: Sources) -> Values:
    """Return the checkpoints that lie there, how many were written, and the resumes."""
    events = [line for line in sources.lines if line["kind"] == "event"]
    return {
        "kept": [_checkpoint(path) for path in sorted(checkpoint_folders(sources.folder / PLACE))],
        "written": sum(line["name"] == "checkpoint" for line in events),
        "resumes": [
            {"stage": line["stage"], "step": line["step"]}
            for line in events
            if line["name"] == "resumed"
        ],
        "skipped": [str(line.get("why")) for line in events if line["name"] == "skipped"],
    }


def _checkpoint(path: Path) -> Values:
    """Return name, files and bytes; nothing is verified, which resuming does."""
    try:
        files = parse_object((path / "manifest.json").read_bytes())["files"]
        size = sum(each["bytes"] for each in files.values())
        return {"name": path.name, "files": len(files), "bytes": size}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return {"name": path.name, "files": None, "bytes": None}
