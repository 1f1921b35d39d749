"""One archive of a bundle: opened, its licence judged, its files read."""

import hashlib
from dataclasses import dataclass, field
from pathlib import Path

from corpus.archive import (
    ArchiveError,
    ArchiveLimits,
    HexTarball,
    Member,
    SkippedMember,
    open_hex_tarball,
)
from corpus.fingerprint import Fingerprint
from corpus.ingest.source_file import (
    FileConfig,
    Parsed,
    Rejected,
    SourceText,
    fingerprint_of,
    parse_text,
    read_text,
)
from corpus.licenses import (
    LicensePolicy,
    LicenseVerdict,
    copyright_lines,
    is_license_file,
    judge,
)
from corpus.reasons import Reason, Stage
from corpus.store import Archive, check_body


@dataclass(frozen=True, kw_only=True, slots=True)
class ReadConfig:
    """What an archive and its files are measured against."""

    archive: ArchiveLimits = field(default_factory=ArchiveLimits)
    license: LicensePolicy = field(default_factory=LicensePolicy)
    file: FileConfig = field(default_factory=FileConfig)


@dataclass(frozen=True, slots=True)
class OpenedArchive:
    """What became of one archive: its licence, and every file as a document or a reject.

    `fingerprints` are those of the documents, by path.
    `failure` is set when the archive could not be opened; then there are no files.
    """

    archive: Archive
    verdict: LicenseVerdict | None
    license_texts: dict[str, bytes]
    files: list[Parsed | Rejected]
    fingerprints: dict[str, Fingerprint]
    failure: Rejected | None

    @property
    def copyright(self) -> list[str]:
        """The copyright lines of its licence files, each once, in order."""
        lines = (line for text in self.license_texts.values() for line in copyright_lines(text))
        return list(dict.fromkeys(lines))


def open_archive(
    archive: Archive, path: Path, poison: frozenset[str], config: ReadConfig
) -> OpenedArchive:
    """Read one archive from the store; `poison` names files that are known to kill a worker.

    An empty name in `poison` means the archive as a whole. Raises DamagedArchive for one that
    changed since the build began.
    """
    if "" in poison:
        return _failed(archive, Reason.KILLED_WORKER, "opening it ended the worker process")
    try:
        tarball, members = _open(archive, path, config.archive)
    except ArchiveError as error:
        return _failed(archive, error.reason, error.detail)
    licenses = license_texts(members)
    verdict = judge(tarball.metadata.licenses or archive.licenses, licenses, config.license)
    # Pass by pass: in turns for every file, parser and the rest take each other's processor caches.
    texts = [_text(member, verdict, poison, config.file) for member in members]
    files = [_parsed(text, config.file) for text in texts]
    prints = {f.source.path: fingerprint_of(f, config.file) for f in files if isinstance(f, Parsed)}
    return OpenedArchive(archive, verdict, licenses, files, prints, None)


def try_members(archive: Archive, path: Path, config: ReadConfig, start: int, stop: int) -> None:
    """Read the files [start, stop) of an archive and keep nothing, to see whether that is safe."""
    _, members = _open(archive, path, config.archive)
    for member in members[start:stop]:
        text = read_text(member, config.file) if isinstance(member, Member) else None
        file = parse_text(text, config.file) if isinstance(text, SourceText) else None
        if isinstance(file, Parsed):
            fingerprint_of(file, config.file)


def member_paths(archive: Archive, path: Path, config: ReadConfig) -> list[str]:
    """Return the paths of all files in an archive, skipped ones included; none if it is broken."""
    try:
        return [member.path for member in _open(archive, path, config.archive)[1]]
    except ArchiveError:
        return []


def license_texts(members: list[Member | SkippedMember]) -> dict[str, bytes]:
    """Return the licence files among the members, by path."""
    return {
        member.path: member.data
        for member in members
        if isinstance(member, Member) and is_license_file(member.path)
    }


def _open(
    archive: Archive, path: Path, limits: ArchiveLimits
) -> tuple[HexTarball, list[Member | SkippedMember]]:
    body = path.read_bytes()
    check_body(archive, body, str(path.name))
    tarball = open_hex_tarball(body, limits)
    return tarball, list(tarball.members())


def _failed(archive: Archive, reason: Reason, detail: str) -> OpenedArchive:
    failure = Rejected("", None, archive.bytes, Stage.UNPACK, reason, detail)
    return OpenedArchive(archive, None, {}, [], {}, failure)


def _text(
    member: Member | SkippedMember,
    verdict: LicenseVerdict,
    poison: frozenset[str],
    config: FileConfig,
) -> SourceText | Rejected:
    if isinstance(member, SkippedMember):
        stage, reason, detail = Stage.UNPACK, member.reason, member.detail
        return Rejected(member.path, None, member.bytes, stage, reason, detail)
    if verdict.reason is not None:
        return _rejected(member, Stage.LICENSE, verdict.reason, verdict.detail)
    if member.path in poison:
        killed = "reading it ended the worker process"
        return _rejected(member, Stage.PARSE, Reason.KILLED_WORKER, killed)
    return read_text(member, config)


def _parsed(text: SourceText | Rejected, config: FileConfig) -> Parsed | Rejected:
    return parse_text(text, config) if isinstance(text, SourceText) else text


def _rejected(member: Member, stage: Stage, reason: Reason, detail: str) -> Rejected:
    content_id = hashlib.sha256(member.data).hexdigest()
    return Rejected(member.path, content_id, len(member.data), stage, reason, detail)
