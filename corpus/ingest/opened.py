"""Reading one archive of a bundle: it is opened, its licence is judged, and its files are read."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from types import MappingProxyType
from typing import Final, TypeVar

from corpus.fingerprint import Code, Fingerprint
from corpus.ingest.source_file import (
    FileConfig,
    Parsed,
    SourceText,
    code_of,
    fingerprinted,
    parse_text,
    read_text,
    rejected,
)
from corpus.licenses import (
    LicensePolicy,
    LicenseVerdict,
    PackageLicenses,
    copyright_lines,
    judge_files,
    statements_of,
)
from corpus.packages import Link
from corpus.reasons import Reason, Reject, RejectedFile, Stage
from corpus.redaction import RedactionConfig, hold_scanner, redact_text
from corpus.source import language_of
from corpus.sources import (
    ArchiveError,
    ArchiveLimits,
    Contents,
    Member,
    source_named,
)
from corpus.store import Archive, check_body
from corpus.supervision import NO_BUDGET, Budget, Watch

Item = TypeVar("Item")
Result = TypeVar("Result")

WHOLE: Final = -1
"""In place of a file's position: the archive as a whole."""
SEVERAL: Final = -2
"""In place of a file's position: several small files that are fingerprinted together."""
SEVERAL_BYTES: Final = 1 << 18
"""Maximum bytes of text that are fingerprinted together, which takes about 10 MB."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ReadConfig:
    """The limits for an archive and its files."""

    archive: ArchiveLimits = field(default_factory=ArchiveLimits)
    license: LicensePolicy = field(default_factory=LicensePolicy)
    file: FileConfig = field(default_factory=FileConfig)
    budget: Budget = field(default_factory=Budget)

    def seconds(self, archive: Archive) -> float:
        """Return the CPU time that an archive and its files may take together."""
        megabytes = archive.bytes / 1e6
        return self.budget.archive_seconds + self.budget.archive_seconds_a_megabyte * megabytes


@dataclass(frozen=True)
class OpenedArchive:
    """The result for one archive: its licences, and every file as a document or a reject.

    `fingerprints` are those of the documents, by path.
    `failure` is set when the archive could not be opened; then there are no files.
    """

    archive: Archive
    licenses: PackageLicenses | None
    files: list[Parsed | RejectedFile]
    fingerprints: dict[str, Fingerprint]
    failure: RejectedFile | None
    notes: tuple[str, ...] = ()
    """The parts of its metadata that could not be understood."""
    declared: tuple[str, ...] = ()
    """The licences that it declares, as they are written."""
    is_opted_out: bool = False
    """Whether it was read for its fingerprints only."""
    redaction: RedactionConfig = field(default_factory=RedactionConfig)
    """What its texts and files were redacted for."""

    @property
    def verdict(self) -> LicenseVerdict | None:
        """The verdict on the package as a whole, None for an archive that failed."""
        return self.licenses.package if self.licenses else None

    @cached_property
    def license_texts(self) -> Mapping[str, str]:
        """The licence files that apply to the package or some of its files, by path, redacted."""
        texts = self.licenses.texts if self.licenses else {}
        return {
            path: redact_text(text.decode(errors="replace"), self.redaction)
            for path, text in texts.items()
        }

    @cached_property
    def links(self) -> tuple[Link, ...]:
        """The links that the package declares, redacted."""
        return tuple(
            Link(redact_text(link.name, self.redaction), redact_text(link.url, self.redaction))
            for link in self.archive.links
        )

    @cached_property
    def retirement(self) -> str | None:
        """Why the version was retired, in the words of its owner, redacted."""
        said = self.archive.retirement
        return said and redact_text(said, self.redaction)

    @property
    def copyright(self) -> list[str]:
        """The copyright lines of its licence files and annotations, each once, in order.

        Who holds the rights stays; e-mail addresses do not.
        """
        texts = self.license_texts.values()
        lines = [line for text in texts for line in copyright_lines(text.encode())]
        told = self.licenses.copyright if self.licenses else ()
        lines += [redact_text(line, self.redaction) for line in told]
        return list(dict.fromkeys(lines))


def open_archive(
    archive: Archive,
    path: Path,
    config: ReadConfig,
    refusals: Mapping[int, Reject] = MappingProxyType({}),
    watch: Watch = NO_BUDGET,
    one_by_one: bool = False,
) -> OpenedArchive:
    """Read one archive from the store; `refusals` are files by their position in it, or `WHOLE`.

    `watch` is called for every step on a file, or on `SEVERAL` unless `one_by_one`. Raises
    DamagedArchive for an archive that changed since the build began, and UnknownSource.
    """
    if (refusal := refusals.get(WHOLE)) is not None:
        return _failed(archive, refusal)
    try:
        opened = _open(archive, path, config.archive)
    except ArchiveError as error:
        return _failed(archive, error.reject)
    redaction = config.file.redaction
    members = with_redacted_paths(opened.members, redaction)
    if not members:
        detail = "its contents hold no file"
        return _failed(archive, Reject(Stage.UNPACK, Reason.EMPTY_ARCHIVE, detail))
    contents = {item.path: item.data for item in members if isinstance(item, Member)}
    if redaction.secrets:
        hold_scanner(data for path, data in contents.items() if language_of(path))
    declared = opened.licenses or archive.licenses
    said = {}
    for position, item in enumerate(members):
        if isinstance(item, Member) and position not in refusals:
            with watch.step(position):
                said[item.path] = statements_of(item.path, item.data)
    licenses = judge_files(declared, contents, config.license, said)

    def text_of(position: int, member: Member | RejectedFile) -> SourceText | RejectedFile:
        return _text(member, licenses, refusals.get(position), config.file)

    def parsed(_: int, text: SourceText | RejectedFile) -> Parsed | RejectedFile:
        return parse_text(text, config.file) if isinstance(text, SourceText) else text

    # Pass by pass: alternating between filters and parser evicts both from the processor caches.
    texts = _stepwise(text_of, members, watch)
    files = _stepwise(parsed, texts, watch)
    prints = fingerprint_files(files, config.file, watch, one_by_one)
    files = [_with_redacted_detail(file, redaction) for file in files]
    notes = tuple(redact_text(note, redaction) for note in opened.notes)
    told = tuple(redact_text(each, redaction) for each in declared)
    return OpenedArchive(archive, licenses, files, prints, None, notes, told, redaction=redaction)


def with_redacted_paths(
    members: list[Member | RejectedFile], config: RedactionConfig
) -> list[Member | RejectedFile]:
    """Redact what is private in paths; a path that then stands twice has a number before its name.

    All that follows knows the redacted path only.
    """
    listed = "\n".join(member.path for member in members)
    if redact_text(listed, config) == listed:
        return members
    taken = {member.path for member in members}
    renamed = []
    for member in members:
        path = redact_text(member.path, config)
        if path != member.path:
            folder, slash, name = path.rpartition("/")
            number = 1
            while path in taken:
                number += 1
                path = f"{folder}{slash}{number}_{name}"
            taken.add(path)
            member = replace(member, path=path)
        renamed.append(member)
    return renamed


def _with_redacted_detail(
    file: Parsed | RejectedFile, config: RedactionConfig
) -> Parsed | RejectedFile:
    if isinstance(file, Parsed):
        return file
    detail = redact_text(file.reject.detail, config)
    return replace(file, reject=replace(file.reject, detail=detail))


def fingerprint_files(
    files: list[Parsed | RejectedFile],
    config: FileConfig,
    watch: Watch = NO_BUDGET,
    one_by_one: bool = False,
) -> dict[str, Fingerprint]:
    """Return fingerprints by path; a file that fails becomes a reject in `files`."""
    prints: dict[str, Fingerprint] = {}
    waiting: dict[int, tuple[Parsed, Code]] = {}

    def finish() -> None:
        with watch.step(SEVERAL if len(waiting) > 1 else next(iter(waiting))):
            found = fingerprinted(list(waiting.values()), config)
        for position, each in zip(waiting, found, strict=True):
            if isinstance(each, RejectedFile):
                files[position] = each
            else:
                prints[waiting[position][0].source.path] = each
        waiting.clear()

    size, most = 0, 0 if one_by_one else SEVERAL_BYTES
    for position, file in enumerate(files):
        if isinstance(file, RejectedFile):
            continue
        with watch.step(position):
            code = code_of(file)
        if isinstance(code, RejectedFile):
            files[position] = code
            continue
        size += len(code.text)
        if waiting and size > most:
            finish()
            size = len(code.text)
        waiting[position] = file, code
    if waiting:
        finish()
    return prints


def _stepwise(step: Callable[[int, Item], Result], items: list[Item], watch: Watch) -> list[Result]:
    results = []
    for position, item in enumerate(items):
        with watch.step(position):
            results.append(step(position, item))
    return results


def _open(archive: Archive, path: Path, limits: ArchiveLimits) -> Contents:
    body = path.read_bytes()
    check_body(archive, body, str(path.name))
    return source_named(archive.source).open(body, limits)


def _failed(archive: Archive, reject: Reject) -> OpenedArchive:
    failure = RejectedFile("", archive.bytes, None, reject)
    return OpenedArchive(archive, None, [], {}, failure)


def _text(
    member: Member | RejectedFile,
    licenses: PackageLicenses,
    refusal: Reject | None,
    config: FileConfig,
) -> SourceText | RejectedFile:
    if isinstance(member, RejectedFile):
        return member
    verdict = licenses.of(member.path)
    if verdict.reason is not None:
        return rejected(member, Reject(Stage.LICENSE, verdict.reason, verdict.detail))
    if refusal is not None:
        return rejected(member, refusal)
    return read_text(member, config)
