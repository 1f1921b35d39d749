"""metrics.jsonl: one line of JSON for every step, measurement and event of a run."""

import json
import math
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

from corpus.atomic import write_bytes
from corpus.untrusted import parse_object
from train.errors import TrainError

Line = Mapping[str, Any]
"""`kind` is step, held_out or event; `stage` and `step` say where it belongs."""


class DamagedMetrics(TrainError):
    """A line that was written whole cannot be read any more."""

    def __init__(self, path: Path, number: int) -> None:
        super().__init__(
            f"{path}, line {number}: not a line of metrics. The file was altered. Keep a copy, "
            "then remove that line to read the others; training itself does not depend on them."
        )


class Metrics:
    """Appends lines, each handed to the operating system before the next step.

    A killed process loses none of them; a machine that loses power may lose the last ones, which a
    resumed run writes again.
    """

    def __init__(self, path: Path) -> None:
        """Open or create a file. Raises DamagedMetrics for one that cannot be gone on with."""
        self.path = path
        if path.exists():
            self._keep(read_metrics(path))
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = path.open("ab", buffering=0)

    def note(self, line: Line) -> None:
        """Append a line; a number that JSON has no word for becomes null. Raises OSError."""
        rest = _encode(line)
        while rest:  # a disk that fills up takes a part of it, and tells only when asked again
            rest = rest[self._file.write(rest) :]

    def truncate_to(self, stage: int, step: int) -> None:
        """Drop what came after a step: a run goes on there. (0, 0) drops all.

        The file is replaced whole, so that a kill leaves the old lines or the new ones. Raises
        OSError.
        """
        lines = read_metrics(self.path)
        self._file.close()
        self._keep(line for line in lines if place_of(line) <= (stage, step))
        self._file = self.path.open("ab", buffering=0)

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def __enter__(self) -> "Metrics":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def _keep(self, lines: Iterable[Line]) -> None:
        data = b"".join(_encode(line) for line in lines)
        if data != self.path.read_bytes():
            write_bytes(self.path, data)


def read_metrics(path: Path) -> list[dict[str, Any]]:
    """Read the lines of a file, none if there is no file.

    A last line without its end, as a kill leaves it, does not count. Raises DamagedMetrics for any
    other that is no line of metrics.
    """
    if not path.exists():
        return []
    *whole, _half = path.read_bytes().split(b"\n")
    return [_decode(path, number, line) for number, line in enumerate(whole, start=1)]


def place_of(line: Line) -> tuple[int, int]:
    """Return the stage and step that a line belongs to."""
    return int(line["stage"]), int(line["step"])


def _encode(line: Line) -> bytes:
    plain = {name: _finite(value) for name, value in line.items()}
    text = json.dumps(plain, ensure_ascii=False, sort_keys=True, allow_nan=False)
    return text.encode() + b"\n"


def _finite(value: Any) -> Any:
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _decode(path: Path, number: int, data: bytes) -> dict[str, Any]:
    try:
        line = parse_object(data)
        place_of(line)
        return dict(line)
    except (ValueError, KeyError, TypeError) as error:
        raise DamagedMetrics(path, number) from error
