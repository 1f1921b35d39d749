"""Does our reader of Hex tarballs read what the reference implementation reads?"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from corpus.sources import ArchiveError, HexMetadata, Member, open_hex_tarball
from demo.reference import ReferenceAnswer, told, unpack_many
from pages.formats import plural


@dataclass(frozen=True, slots=True)
class Agreement:
    """How many tarballs were compared, how many files they hold, and each difference."""

    tarballs: int
    files: int
    differences: tuple[str, ...]

    def __str__(self) -> str:
        same = self.tarballs - len(self.differences)
        return f"{same} of {plural(self.tarballs, 'tarball')}, {plural(self.files, 'file')} in them"


def compare(paths: Sequence[Path]) -> Agreement:
    """Open every tarball with both readers: metadata, checksums, and each file's digest.

    Raises ReferenceUnavailable and ReferenceFailed.
    """
    verdicts = unpack_many(paths)
    good = [told(verdict.value)["files"] for verdict in verdicts if verdict.error is None]
    files = sum(len(each) for each in good if isinstance(each, list))
    found = [difference(path, verdict) for path, verdict in zip(paths, verdicts, strict=True)]
    return Agreement(len(paths), files, tuple(each for each in found if each is not None))


def difference(path: Path, reference: ReferenceAnswer) -> str | None:
    """Say where the readers differ on one tarball, or None."""
    ours = read(path)
    if isinstance(ours, str) or reference.error is not None:
        return f"{path.name}: ours says {ours if isinstance(ours, str) else 'it is good'}, " + (
            f"the reference {reference.error or 'that it is good'}"
        )
    said = told(reference.value)
    theirs = {**said, "metadata": told_by_reference(told(said["metadata"]))}
    for name, value in ours.items():
        if value != theirs[name]:
            return f"{path.name}: {name}: ours {value!r:.300}, the reference {theirs[name]!r:.300}"
    return None


def read(path: Path) -> dict[str, object] | str:
    """Read a tarball in the terms of the reference, or say why it cannot be read."""
    try:
        tarball = open_hex_tarball(path.read_bytes())
        files = [
            [member.path, len(member.data), hashlib.sha256(member.data).hexdigest()]
            if isinstance(member, Member)
            else [member.path, member.bytes, f"skipped: {member.reject.reason}"]
            for member in tarball.members()
        ]
    except ArchiveError as error:
        return str(error)
    checksums = {"outer_checksum": tarball.outer_checksum, "inner_checksum": tarball.inner_checksum}
    return {**checksums, "files": files, "metadata": told_by_us(tarball.metadata)}


def told_by_us(metadata: HexMetadata) -> dict[str, object]:
    """Return what we keep of metadata."""
    return {
        "name": metadata.name,
        "version": metadata.version,
        "app": metadata.app,
        "description": metadata.description,
        "elixir": metadata.elixir,
        "licenses": list(metadata.licenses),
        "build_tools": list(metadata.build_tools),
        "files": list(metadata.files),
        "links": {link.name: link.url for link in metadata.links},
        "requirements": {
            each.name: (each.requirement, each.optional) for each in metadata.requirements
        },
    }


def told_by_reference(metadata: Mapping[str, object]) -> dict[str, object]:
    """Return the same of the reference's metadata."""
    texts = ("name", "version", "app", "description", "elixir")
    lists = ("licenses", "build_tools", "files")
    return {
        **{key: metadata.get(key) for key in texts},
        **{key: metadata.get(key, []) for key in lists},
        "links": metadata.get("links") or {},
        "requirements": {
            name: (fields.get("requirement", ""), fields.get("optional", False))
            for name, each in told(metadata.get("requirements") or {}).items()
            for fields in [told(each)]
        },
    }
