"""Opens Hex tarballs: an outer tar of VERSION, CHECKSUM, metadata.config and contents.tar.gz.

Format: the repository hexpm/specifications, `package_tarball.md`.
"""

import hashlib
import io
from collections.abc import Iterator
from dataclasses import dataclass, field

from corpus.archive.inflate import Inflater
from corpus.archive.limits import DEFAULT_LIMITS, ArchiveError, ArchiveLimits
from corpus.archive.metadata import HexMetadata, read_metadata
from corpus.archive.names import Names, normalized, printable, unsafe
from corpus.archive.tar import Entry, Kind, TarReader
from corpus.reasons import Reason, Reject, RejectedFile, Stage

VERSION = b"3"
LATER = Reject(Stage.UNPACK, Reason.DUPLICATE_MEMBER, "the archive has a later member of this name")
OUTER_HEADERS = 64
"""Headers in the outer tar: four files, and room for extended headers."""


@dataclass(frozen=True, slots=True)
class Member:
    """One file of an archive; `path` is relative, safe and has no empty or `.` parts."""

    path: str
    data: bytes


@dataclass(frozen=True, kw_only=True, slots=True)
class HexTarball:
    """An open Hex tarball. Checksums are hexadecimal SHA-256; the inner one may be absent."""

    metadata: HexMetadata
    outer_checksum: str
    inner_checksum: str | None
    contents: bytes = field(repr=False)
    limits: ArchiveLimits

    def members(self) -> Iterator[Member | RejectedFile]:
        """Yield every member in the order of the archive; folders are not mentioned.

        Of several with the same name the last counts, as where an archive is unpacked to a disk. A
        member that is not given out has the size that its header tells, and its path is printable.
        Raises ArchiveError before any is yielded if the contents are too large, truncated or not
        what they should be: then the archive is to be rejected as a whole.
        """
        reader = TarReader(
            Inflater(self.contents, self.limits), name="contents", headers=self.limits.files
        )
        names = Names()
        found: list[Member | RejectedFile] = []
        places: dict[str, int] = {}
        for entry in reader:
            if entry.kind is Kind.DIRECTORY:
                continue
            path = normalized(entry.path)
            if refusal := refused(entry, names, self.limits):
                shown = printable(entry.path, self.limits)
                found.append(RejectedFile(shown, entry.size, None, refusal))
                continue
            if (place := places.get(path)) is not None:
                earlier = found[place]
                size = len(earlier.data) if isinstance(earlier, Member) else earlier.bytes
                found[place] = RejectedFile(path, size, None, LATER)
            places[path] = len(found)
            if entry.size > self.limits.file:
                detail = f"{entry.size} bytes, over {self.limits.file}"
                reject = Reject(Stage.UNPACK, Reason.OVERSIZED, detail)
                found.append(RejectedFile(path, entry.size, None, reject))
            else:
                found.append(Member(path, reader.read()))
        yield from found


def refused(entry: Entry, names: Names, limits: ArchiveLimits) -> Reject | None:
    """Say why an entry is not given out whatever comes later, or None if it may be."""
    if entry.kind is Kind.LINK:
        return Reject(Stage.UNPACK, Reason.LINK, "a symbolic or hard link")
    if entry.kind is Kind.SPECIAL:
        detail = "a device, pipe, sparse file or unknown type"
        return Reject(Stage.UNPACK, Reason.SPECIAL_FILE, detail)
    if refusal := unsafe(entry.path, limits):
        return refusal
    if refusal := names.collision(normalized(entry.path)):
        return refusal
    return None


def open_hex_tarball(body: bytes, limits: ArchiveLimits = DEFAULT_LIMITS) -> HexTarball:
    """Open a Hex tarball as served. Raises ArchiveError.

    The contents are expanded only by `HexTarball.members`. Comparing `outer_checksum` with the
    registry's is for the caller to do.
    """
    if not body:
        raise ArchiveError(Reason.TRUNCATED, "the file is empty")
    if len(body) > limits.compressed:
        raise ArchiveError(Reason.ARCHIVE_TOO_LARGE, f"{len(body)} bytes, over {limits.compressed}")
    files = outer_files(body, limits)
    if files["VERSION"] != VERSION:
        raise ArchiveError(
            Reason.UNSUPPORTED_VERSION, f"VERSION is {files['VERSION']!r}, only 3 is known"
        )
    inner_checksum = verified_checksum(files)
    return HexTarball(
        metadata=read_metadata(files["metadata.config"]),
        outer_checksum=hashlib.sha256(body).hexdigest(),
        inner_checksum=inner_checksum,
        contents=files["contents.tar.gz"],
        limits=limits,
    )


def outer_files(body: bytes, limits: ArchiveLimits) -> dict[str, bytes]:
    """Return the files of the outer tar: all must be known, and all but CHECKSUM be there."""
    largest = {
        "VERSION": 16,
        "CHECKSUM": 256,
        "metadata.config": limits.metadata,
        "contents.tar.gz": limits.compressed,
    }
    files: dict[str, bytes] = {}
    reader = TarReader(io.BytesIO(body), name="tarball", headers=OUTER_HEADERS)
    for entry in reader:
        if entry.kind is not Kind.FILE or entry.path not in largest or entry.path in files:
            name = printable(entry.path, limits)
            raise ArchiveError(Reason.NOT_A_TARBALL, f"not a Hex tarball: {name} is not expected")
        if entry.size > largest[entry.path]:
            raise ArchiveError(
                Reason.ARCHIVE_TOO_LARGE,
                f"{entry.path}: {entry.size} bytes, over {largest[entry.path]}",
            )
        files[entry.path] = reader.read()
    if missing := largest.keys() - files.keys() - {"CHECKSUM"}:
        raise ArchiveError(
            Reason.NOT_A_TARBALL, f"not a Hex tarball: {', '.join(sorted(missing))} missing"
        )
    return files


def verified_checksum(files: dict[str, bytes]) -> str | None:
    """Return the inner checksum, None if there is none. Raises ArchiveError if it is wrong.

    It is deprecated, and promises nothing that the outer one does not, but costs little.
    """
    if "CHECKSUM" not in files:
        return None
    digest = hashlib.sha256()
    for name in ("VERSION", "metadata.config", "contents.tar.gz"):
        digest.update(files[name])
    if files["CHECKSUM"].lower() != digest.hexdigest().encode():
        raise ArchiveError(
            Reason.CHECKSUM_MISMATCH,
            f"CHECKSUM says {files['CHECKSUM'][:64]!r}, the files have {digest.hexdigest()}",
        )
    return digest.hexdigest()
