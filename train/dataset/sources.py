"""Texts and conversations to train on: a release's, general text, and chats of one's own.

Own chats are JSONL files, or a dataset on the Hub. A row is read in the formats that are in use:
`messages` (OpenAI, TRL), `prompt` with `completion` (OpenAI, TRL; texts or messages),
`conversations` (ShareGPT). All rows are checked before anything is tokenised. From the Hub Parquet
files are taken, so that no code of a dataset runs.
"""

import hashlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from corpus.atomic import canonical_json, sha256_file
from corpus.release import Release
from corpus.tables import SCORE_PLACES
from corpus.untrusted import check_text, parse_object, shown
from train.dataset.store import Conversation, Document, Reason
from train.errors import TrainError
from train.recipe import DataSettings
from train.tokenizer.conversation import read_messages
from train.tokenizer.interface import MalformedConversation, Message, ToolTurns

CONTEXT = "context"
"""The source that contexts are counted under."""
REPLAY = "replay"
"""The source that general text is counted under."""


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


EVERY_SCORE = (0.0, 1.0)
"""With these bounds scores are not looked at."""


class NoScores(TrainError):
    """Documents are asked for by their scores, and the release has none."""

    def __init__(self, release: Release) -> None:
        super().__init__(
            f"{release.path}: no document has a score, so data.scores cannot choose among them. "
            "Build the release with `score = true` under [signals], or leave data.scores out."
        )


def documents(
    release: Release, split: str, scores: tuple[float, float] = EVERY_SCORE
) -> Iterator[Document]:
    """Yield the documents of a split whose score lies between two, in the release's order.

    Raises NoScores.
    """
    chosen = None if tuple(scores) == EVERY_SCORE else _between(release, split, *scores)
    for batch in release.batches("documents", ("document_id", "language", "text"), split):
        for row in batch.to_pylist():
            if chosen is None or row["document_id"] in chosen:
                yield Document(f"documents.{row['language']}", row["document_id"], row["text"])


def _between(release: Release, split: str, least: float, most: float) -> frozenset[str]:
    """Return the ids of the documents with a score between two."""
    chosen: list[str] = []
    are_scored = False
    for batch in release.batches("signals", ("document_id", "score"), split):
        for row in batch.to_pylist():
            if row["score"] is None:
                continue
            are_scored = True
            if least <= round(row["score"], SCORE_PLACES) <= most:
                chosen.append(row["document_id"])
    if not are_scored:
        raise NoScores(release)
    return frozenset(chosen)


def contexts(release: Release, split: str) -> Iterator[Document]:
    """Yield the contexts of a split in the release's order: the files of packages, in order."""
    for batch in release.batches("context", ("id", "text"), split):
        for row in batch.to_pylist():
            yield Document(CONTEXT, row["id"], row["text"])


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
            texts = _parquet_texts(file) if file.suffix == ".parquet" else _json_texts(file)
            for number, text in enumerate(texts, 1):
                yield Document(REPLAY, f"{file.name}:{number - 1}", _checked(text, number))
        except (KeyError, NotImplementedError, TypeError, ValueError, OSError) as error:
            raise NoReplayText(file, f"it cannot be read as text ({error})") from error


def _checked(text: object, number: int) -> str:
    """Return a row's text. Raises TypeError, and ValueError for what UTF-8 cannot hold."""
    if not isinstance(text, str):
        raise TypeError(f"row {number}: `text` is {text!r:.40}")
    text.encode()  # JSON can spell half of a surrogate pair
    return text


def _parquet_texts(file: Path) -> Iterator[object]:
    import pyarrow.parquet as pq

    for batch in pq.ParquetFile(file).iter_batches(256, columns=["text"]):
        yield from batch.column("text").to_pylist()


def _json_texts(file: Path) -> Iterator[object]:
    with file.open(encoding="utf-8") as lines:
        for line in lines:
            if line.strip():
                yield parse_object(line)["text"]


PREFIX = "chat."
"""What the name of a source begins with."""
HUB = re.compile(r"hub:(?P<name>[\w.-]+/[\w.-]+)@(?P<revision>[^:]+)(?::(?P<split>[\w./-]+))?")
LONGEST_ROW = 8 * 2**20
"""Bytes of a line at most, and characters of the messages of a row."""
LARGEST = 64 * 2**30
"""Bytes of all files of a source at most."""
LARGEST_GROUP = 4 * 2**30
"""Bytes of a row group of a Parquet file at most, decompressed."""
NO_LICENCE = ("", "unknown", "other", "none")
SPEAKERS = {
    **dict.fromkeys(("human", "user"), "user"),
    **dict.fromkeys(("gpt", "assistant", "model", "chatgpt"), "assistant"),
}
"""ShareGPT's names of roles; others are kept."""
FENCED = re.compile(r"\s*(`{3,})[^\n`]*\n(.*?)\n?\1\s*", re.DOTALL)


class UnusableChats(TrainError):
    """A source of chats is not there, is no such source, or has no licence."""

    def __init__(self, place: str, why: str) -> None:
        super().__init__(
            f"{place}: {why}. Name a JSONL file, a folder of them, or "
            "hub:OWNER/NAME@REVISION[:SPLIT] in --stage2.data.chats."
        )


class BadRow(TrainError):
    """A row of a source of chats cannot be trained on."""

    def __init__(self, place: str, why: str) -> None:
        super().__init__(
            f"{place}: {why}. Mend the row or take it out, or set --stage2.data.malformed drop to "
            "leave out all such rows, counted."
        )


@dataclass(frozen=True, slots=True)
class Chats:
    """A source of chats whose rows were read once and found sound."""

    name: str
    place: str
    """As it was given."""
    files: tuple[Path, ...]
    license: str
    revision: str
    """The commit, of a dataset on the Hub."""
    sha256: str
    """Over names and digests of the files."""
    rows: int
    drops: bool
    """Whether malformed rows are left out instead of refused."""

    def conversations(self) -> Iterator[Conversation]:
        """Yield the rows; those that are left out have the reason in place of messages."""
        for place, row in _rows(self.files):
            try:
                messages = _messages_in(row)
            except MalformedConversation as error:
                if not self.drops:
                    raise BadRow(place, error.reason) from error
                is_call = isinstance(error, ToolTurns)
                why: Reason = "tool_turns" if is_call else "malformed_conversation"
                yield Conversation(f"{PREFIX}{self.name}", place, (), why)
            else:
                yield Conversation(f"{PREFIX}{self.name}", place, messages)

    def describe(self) -> dict[str, str | int]:
        """Return what a card tells of the source; of a local one the last name of its place."""
        return {
            "name": self.name,
            "place": self.place if HUB.fullmatch(self.place) else Path(self.place).name,
            "license": self.license,
            "revision": self.revision,
            "sha256": self.sha256,
            "rows": self.rows,
        }


def open_chats(settings: DataSettings) -> tuple[Chats, ...]:
    """Open all sources of a stage and read every row once.

    Raises UnusableChats, and BadRow for the first row that is no chat unless such are left out.
    """
    opened = []
    for name, place in sorted(settings.chats.items()):
        stated = settings.licences.get(name, "")
        folder, files, revision = _located(place)
        stated = stated or (_licence_of(folder) if revision else "")
        if stated.lower() in NO_LICENCE:
            why = "its card states no licence" if revision else "no licence is stated for it"
            raise UnusableChats(place, f"{why}: state it with --stage2.data.licences {name}=SPDX")
        if sum(each.stat().st_size for each in files) > LARGEST:
            raise UnusableChats(place, f"it has more than {LARGEST // 2**30} GiB")
        told = [(path.relative_to(folder).as_posix(), sha256_file(path)) for path in files]
        digest = hashlib.sha256(canonical_json(told)).hexdigest()
        drops = settings.malformed == "drop"
        read = Chats(name, place, files, stated, revision, digest, 0, drops)
        opened.append(replace(read, rows=sum(1 for _ in read.conversations())))
    return tuple(opened)


def held_out_answers(release: Release) -> frozenset[bytes]:
    """Return digests of what held-out instruction rows answer, and of held-out documents."""
    found = set[bytes]()
    for split in ("validation", "test"):
        for batch in release.batches("instruct", ("messages",), split):
            for messages in batch.column("messages").to_pylist():
                found |= {_digest(m["content"]) for m in messages if m["role"] == "assistant"}
        for batch in release.batches("documents", ("text",), split):
            found |= {_digest(text) for text in batch.column("text").to_pylist()}
    return frozenset(found)


def is_held_out(messages: tuple[Message, ...], answers: frozenset[bytes]) -> bool:
    """Tell whether an answer is one of those, but for white space and a fence around it."""
    return any(_digest(m["content"]) in answers for m in messages if m["role"] == "assistant")


def _digest(text: str) -> bytes:
    fenced = FENCED.fullmatch(text)
    words = " ".join((fenced[2] if fenced else text).split())
    return hashlib.sha256(words.encode()).digest()[:16]


def _located(place: str) -> tuple[Path, tuple[Path, ...], str]:
    """Return the folder and files of a source, and its commit on the Hub."""
    if place.startswith("hub:"):
        return _fetched(place)
    path = Path(place)
    files = (
        tuple(sorted(each for each in path.rglob("*.jsonl") if each.is_file()))
        if path.is_dir()
        else (path,)
    )
    if not files or (path.suffix != ".jsonl" and not path.is_dir()) or not files[0].is_file():
        raise UnusableChats(place, "there is no JSONL file")
    return (path if path.is_dir() else path.parent), files, ""


def _fetched(place: str) -> tuple[Path, tuple[Path, ...], str]:
    """Fetch card and Parquet files of a split; what is in the cache is not fetched."""
    from huggingface_hub import snapshot_download

    found = HUB.fullmatch(place)
    if found is None:
        raise UnusableChats(place, "this names no dataset with a revision")
    split = found["split"] or "train"
    try:
        snapshot = snapshot_download(
            found["name"],
            repo_type="dataset",
            revision=found["revision"],
            allow_patterns=["README.md", f"*{split}*.parquet", f"*{split}/*.parquet"],
        )
    except (OSError, ValueError) as error:
        why = (str(error).strip().splitlines() or [type(error).__name__])[0].rstrip(".")
        raise UnusableChats(place, f"the Hub did not give it ({why})") from error
    folder = Path(snapshot)
    part = re.compile(rf"(?:(.*)/)?{re.escape(split)}(?:/[^/]+|(?:-[\w-]+)?)\.parquet")
    named = {each.relative_to(folder).as_posix(): each for each in folder.rglob("*.parquet")}
    of_split = {name: match[1] for name in sorted(named) if (match := part.fullmatch(name))}
    if not of_split:
        raise UnusableChats(
            place,
            f"no Parquet file of the split {split}; the Hub's own are at @refs/convert/parquet",
        )
    if len(configs := set(of_split.values())) > 1:
        some = ", ".join(sorted(f"{each}/{split}" for each in configs if each))
        raise UnusableChats(place, f"the split is there in several: take one of {some}")
    return folder, tuple(named[name] for name in of_split), folder.name


def _licence_of(folder: Path) -> str:
    """Return the licence that a dataset's card states, empty for none."""
    import yaml

    try:
        text = (folder / "README.md").read_text(encoding="utf-8")
        found = re.match(r"---\s*\n(.*?)\n---", text, re.DOTALL)
        told = yaml.safe_load(found[1]) if found else {}
        stated = told.get("license") or ""
        stated = " OR ".join(stated) if isinstance(stated, list) else stated
        check_text(stated)
    except (OSError, ValueError, AttributeError, TypeError, yaml.YAMLError, RecursionError):
        return ""
    return str(stated)[:200]


def _rows(files: tuple[Path, ...]) -> Iterator[tuple[str, dict[str, object]]]:
    """Yield where each row stands, and the row. Raises UnusableChats for what is no row at all."""
    for file in files:
        yield from _parquet_rows(file) if file.suffix == ".parquet" else _json_rows(file)


def _json_rows(file: Path) -> Iterator[tuple[str, dict[str, object]]]:
    with file.open("rb") as lines:
        number = 0
        while line := lines.readline(LONGEST_ROW + 1):
            number += 1
            place = f"{file}:{number}"
            if len(line) > LONGEST_ROW:
                raise UnusableChats(place, f"the line has more than {LONGEST_ROW:,} bytes")
            line = line.removeprefix(b"\xef\xbb\xbf") if number == 1 else line
            if line.strip():
                try:
                    yield place, parse_object(line.decode())
                except ValueError as error:
                    raise UnusableChats(place, f"it is no line of JSON ({error})") from error


def _parquet_rows(file: Path) -> Iterator[tuple[str, dict[str, object]]]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        opened = pq.ParquetFile(file)
        groups = (opened.metadata.row_group(n) for n in range(opened.metadata.num_row_groups))
        if any(each.total_byte_size > LARGEST_GROUP for each in groups):
            raise UnusableChats(str(file), f"a row group exceeds {LARGEST_GROUP // 2**30} GiB")
        known = ("messages", "prompt", "completion", "conversations", "system", "tools")
        columns = [name for name in known if name in opened.schema_arrow.names]
        number = 0
        for batch in opened.iter_batches(256, columns=columns):
            for row in batch.to_pylist():
                number += 1
                yield f"{file}:{number}", row
    except (OSError, pa.ArrowException) as error:
        raise UnusableChats(str(file), f"it cannot be read as Parquet ({error})") from error


def _messages_in(row: Mapping[str, object]) -> tuple[Message, ...]:
    """Return the messages of a row, in whichever format. Raises MalformedConversation."""
    if row.get("tools"):
        raise ToolTurns("it has tools")
    if row.get("messages") is not None:
        found: object = row["messages"]
    elif row.get("prompt") is not None and row.get("completion") is not None:
        found = _pair(row["prompt"], row["completion"])
    elif isinstance(turns := row.get("conversations"), list):
        found = [_spoken(each) for each in turns]
        if row.get("system"):
            found = [{"role": "system", "content": row["system"]}, *found]
    else:
        raise MalformedConversation(
            "there are neither `messages`, nor `prompt` and `completion`, nor `conversations`"
        )
    messages = read_messages(found)
    if sum(len(each["content"]) for each in messages) > LONGEST_ROW:
        raise MalformedConversation(f"its text has more than {LONGEST_ROW:,} characters")
    return messages


def _pair(prompt: object, completion: object) -> list[object]:
    if isinstance(prompt, list) and isinstance(completion, list):
        return [*prompt, *completion]
    if isinstance(prompt, str) and isinstance(completion, str):
        return [
            {"role": "user", "content": prompt},
            {"role": "assistant", "content": completion},
        ]
    raise MalformedConversation("`prompt` and `completion` are neither two texts nor two lists")


def _spoken(turn: object) -> object:
    """Return a turn of ShareGPT as a message; what is none is left to be refused."""
    if not isinstance(turn, Mapping):
        return turn
    role = turn.get("from", turn.get("role"))
    content = turn.get("value", turn.get("content"))
    known = SPEAKERS.get(role, role) if isinstance(role, str) else shown(role)
    return {**turn, "role": known, "content": content}
