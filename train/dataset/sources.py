"""What a split of a release holds for a stage, and general text from elsewhere."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from corpus.release import Release
from corpus.untrusted import parse_object
from train.errors import TrainError
from train.tokenizer.conversation import read_messages
from train.tokenizer.interface import MalformedConversation, Message, ToolTurns

Reason = Literal[
    "empty",
    "longer_than_context",
    "nothing_to_learn",
    "malformed_conversation",
    "tool_turns",
    "in_held_out",
]
"""Why there is no sample."""
REPLAY = "replay"
"""The source that general text is counted under."""


@dataclass(frozen=True, slots=True)
class Document:
    """A text to continue."""

    source: str
    key: str
    text: str


@dataclass(frozen=True, slots=True)
class Conversation:
    """Messages, of which the assistant's are to be learned."""

    source: str
    key: str
    messages: tuple[Message, ...]
    left_out: "Reason | None" = None
    """Why there are none."""


class NoReplayText(TrainError):
    """The general text that was named is not there, or is no text."""

    def __init__(self, path: Path, why: str) -> None:
        super().__init__(
            f"{path}: {why}. Name a Parquet or JSON-lines file, or a folder of them, with a column "
            "`text`; or name none."
        )


class UnsupportedRow(TrainError):
    """An instruction row of a release calls tools."""

    def __init__(self, release: Release, row: str, why: str) -> None:
        super().__init__(
            f"{release.path}: in the instruction row {row} {why}. Train on a release without such "
            "rows."
        )


def documents(release: Release, split: str) -> Iterator[Document]:
    """Yield the documents of a split in the release's order."""
    for batch in release.batches("documents", ("document_id", "language", "text"), split):
        for row in batch.to_pylist():
            yield Document(f"documents.{row['language']}", row["document_id"], row["text"])


def conversations(release: Release, split: str) -> Iterator[Conversation]:
    """Yield the instruction rows of a split in the release's order. Raises UnsupportedRow."""
    for batch in release.batches("instruct", ("id", "kind", "messages"), split):
        for row in batch.to_pylist():
            source, key = f"instruct.{row['kind']}", row["id"]
            try:
                yield Conversation(source, key, read_messages(row["messages"]))
            except ToolTurns as error:
                raise UnsupportedRow(release, key, error.reason) from error
            except MalformedConversation:
                yield Conversation(source, key, (), "malformed_conversation")


def replayed(path: Path) -> Iterator[Document]:
    """Yield general text, file by file in the order of their names. Raises NoReplayText."""
    files = sorted(path.rglob("*")) if path.is_dir() else [path]
    readable = [file for file in files if file.suffix in (".parquet", ".jsonl")]
    if not readable:
        raise NoReplayText(path, "there is no Parquet or JSON-lines file")
    for file in readable:
        try:
            texts = _parquet(file) if file.suffix == ".parquet" else _json_lines(file)
            for number, text in enumerate(texts, 1):
                yield Document(REPLAY, f"{file.name}:{number - 1}", _checked(text, number))
        except (KeyError, NotImplementedError, TypeError, ValueError, OSError) as error:
            raise NoReplayText(file, f"it cannot be read as text ({error})") from error


def _checked(text: Any, number: int) -> str:
    """Return a row's text. Raises TypeError, and ValueError for what UTF-8 cannot hold."""
    if not isinstance(text, str):
        raise TypeError(f"row {number}: `text` is {text!r:.40}")
    text.encode()  # JSON can spell half of a surrogate pair
    return text


def _parquet(file: Path) -> Iterator[Any]:
    import pyarrow.parquet as pq

    for batch in pq.ParquetFile(file).iter_batches(256, columns=["text"]):
        yield from batch.column("text").to_pylist()


def _json_lines(file: Path) -> Iterator[Any]:
    with file.open(encoding="utf-8") as lines:
        for line in lines:
            if line.strip():
                yield parse_object(line)["text"]
