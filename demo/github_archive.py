"""Packs a commit as GitHub does: one folder around all, the commit in a header, gzip."""

import gzip
import io
import tarfile
from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, kw_only=True, slots=True)
class Tree:
    """The files of a commit; links have a target, submodules are folders of other repositories."""

    files: Mapping[str, bytes] = field(default_factory=dict)
    links: Mapping[str, str] = field(default_factory=dict)
    submodules: tuple[str, ...] = ()


def packed(tree: Tree, commit: str, *, folder: str, time: int = 0, level: int = 6) -> bytes:
    """Return a `tar.gz` of a commit; `time` and `level` change its bytes, not its files."""
    body = io.BytesIO()
    comment = {"comment": commit} if commit else {}
    with tarfile.open(
        fileobj=body, mode="w", format=tarfile.PAX_FORMAT, pax_headers=comment
    ) as archive:
        names = {f"{folder}/{path}" for path in (*tree.files, *tree.links, *tree.submodules)}
        parents = {
            "/".join(name.split("/")[:depth])
            for name in names
            for depth in range(1, name.count("/") + 1)
        }
        folders = parents | {f"{folder}/{path}" for path in tree.submodules} | {folder}
        for name in sorted(names | folders):
            entry = tarfile.TarInfo(name)
            entry.mtime, entry.mode = time, 0o664
            path = name.removeprefix(f"{folder}/")
            data = tree.files.get(path, b"")
            if name in folders:
                entry.type, entry.mode = tarfile.DIRTYPE, 0o775
            elif path in tree.links:
                entry.type, entry.linkname = tarfile.SYMTYPE, tree.links[path]
            entry.size = len(data)
            archive.addfile(entry, io.BytesIO(data))
    return gzip.compress(body.getvalue(), level, mtime=time)
