"""Places of files: a folder of this machine, or an fsspec URL such as s3://bucket/releases.

A place is a `Path`. That of a URL is a `UPath` of universal_pathlib, which has the interface of
`Path` and asks the object store; so code that lists, tests and reads files is the same for both.
What differs is here (opening a file for Arrow, copying to and from this machine, what an error
means) and in `corpus.atomic` (how a file is written completely or not at all).

Object stores have no folders, no rename and no lock. An upload of one object is atomic, and there
is no other guarantee to build on. Credentials and addresses of servers are taken from the
environment of each process (AWS_ACCESS_KEY_ID, AWS_ENDPOINT_URL, ...), never from a task, so that
no scheduler sees them.
"""

import fcntl
import logging
import os
import re
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, Any, Final, cast

from corpus.errors import CorpusError

if TYPE_CHECKING:
    import pyarrow as pa
    from upath import UPath

LOCAL = ("file", "local")
EXTRAS = {"s3": "s3", "s3a": "s3", "gs": "gs", "gcs": "gs"}
"""The extra of this project that brings the filesystem of a protocol."""
URL = re.compile(rf"(?:([a-z][a-z0-9]+):/+|({'|'.join(EXTRAS)}):)(.*)", re.DOTALL | re.IGNORECASE)
"""As it is given, or with one slash after the colon, or none, as `Path` writes it."""
READ_BYTES: Final = 1 << 20
"""What is fetched ahead: small, because a shard is merged from up to 200 runs at once."""
FETCHED_AT_ONCE: Final = 256
FOREIGN = frozenset({"aiobotocore", "aiohttp", "botocore", "gcsfs", "google", "httpx"}) | {
    "huggingface_hub",
    "requests",
}
"""Libraries whose errors about a connection are no OSError."""
SCRATCH: Final = "elixir-corpus-scratch-"
HELD: Final = "held"
"""The file in a temporary folder whose lock says that a process uses it."""
INNER = re.compile(r"(https?://[^/\s\"']+)[/?][^\s\"']*")
"""An address in an error of a library: the server, and what was asked of it."""
NO_BUCKET = re.compile(r"bucket does not exist|(?:^|/)b/[^/]+/o$")
"""What S3 says, and the address at which gcsfs found nothing: the objects of a bucket."""
BAD_ADDRESS = "invalid endpoint"
FORBIDDEN = "Forbidden: "
"""How an OSError of gcsfs begins where access is denied: an address, and on the next line why."""
RIGHTS: Final = {
    "s3": (
        "S3: s3:ListBucket, s3:GetObject, s3:PutObject, s3:DeleteObject; reading needs the first "
        "two only"
    ),
    "gs": (
        "Google: storage.objects.list, .get, .create, .delete; reading needs the first two only"
    ),
}
ADDRESSES: Final = {
    "s3": "the address of the server (S3: AWS_ENDPOINT_URL, nothing for AWS itself)",
    "gs": "the address of the server (STORAGE_EMULATOR_HOST, nothing for Google itself)",
    "hf": "the address of the server (HF_ENDPOINT, nothing for the Hub itself)",
}


_GIVEN: dict[str, None] = {}
"""The URLs that this process was given, which errors name in place of paths below them."""


class PlaceError(CorpusError):
    """A URL cannot be used."""


class NoAccess(PlaceError):
    """A request to an object store failed.

    It names the URL that the user gave. A worker knows only the place below it, `at`; so the name
    is chosen when the message is read, by the process that was given the URL.
    """

    def __init__(self, at: str, why: str) -> None:
        super().__init__(at, why)

    def __str__(self) -> str:
        at, why = self.args
        return f"{_given(at)}: {why}"


class NotPermitted(NoAccess):
    """The object store refuses what these credentials ask for."""


class Unreachable(NoAccess):
    """There is no such bucket, no server, or no credentials."""


def place(given: str | Path) -> Path:
    """Return the place that a path or a URL names.

    Raises PlaceError for a protocol that is unknown or whose library is not installed, and for a
    URL without a bucket, below which the names of our own folders would be taken for buckets.
    """
    if not isinstance(given, str) and is_remote(given):
        return given
    match = URL.fullmatch(str(given))
    if match is None:
        return Path(given)
    protocol, rest = (match[1] or match[2]).lower(), match[3]
    if protocol in LOCAL:
        return Path(f"/{rest}")
    if protocol in EXTRAS and not rest:
        raise PlaceError(
            f"{protocol}://: it names no bucket. Give one, such as {protocol}://bucket."
        )
    if protocol == "hf" and not rest:
        raise PlaceError("hf://: it names no dataset. Give hf://datasets/OWNER/NAME@VERSION.")
    from upath import UPath

    # It logs what it raises, with a traceback; what is raised is told once (`explained`).
    logging.getLogger("gcsfs").setLevel(logging.CRITICAL)
    url = f"{protocol}://{rest.rstrip('/')}"
    _GIVEN[url] = None
    try:
        # A cached listing would not have what other processes wrote meanwhile.
        found = UPath(url, use_listings_cache=False)
        _ = found.fs
    except ImportError as error:
        extra = EXTRAS.get(protocol)
        install = f"pip install 'elixir-corpus[{extra}]'" if extra else "install it"
        raise PlaceError(f"{url}: its library is missing ({error}): {install}.") from error
    except ValueError as error:
        raise PlaceError(f"{url}: {error}. Give a folder, or a URL such as s3://...") from error
    # UPath keeps to the interface of Path, but is no subclass of it.
    return cast("Path", found)


def is_remote(path: Path) -> bool:
    """Return whether a place is a URL, so that it has no rename, no lock and no folders."""
    return not isinstance(path, PurePath)


def _remote(path: Path) -> "UPath":
    return cast("UPath", path)


def filesystem(path: Path) -> Any:
    """Return the fsspec filesystem of a remote place."""
    return _remote(path).fs


def key(path: Path) -> str:
    """Return the name by which a place's own filesystem knows it."""
    return _remote(path).path if is_remote(path) else str(path)


@contextmanager
def explained(path: Path) -> Iterator[None]:
    """Turn the errors of an object store at a remote place into ones that say what to do.

    Raises NotPermitted, and Unreachable for a server or bucket that is not there.
    """
    try:
        yield
    except Exception as error:
        if not is_remote(path):
            raise
        protocol = EXTRAS.get(_remote(path).protocol, _remote(path).protocol)
        is_told = isinstance(error, OSError) and str(error).startswith(FORBIDDEN)
        if isinstance(error, PermissionError) or is_told:
            rights = RIGHTS.get(protocol)
            raise NotPermitted(
                str(path),
                f"the store denied access ({_said(error)}). The credentials in the "
                "environment have to allow listing, and reading, writing and deleting below that "
                f"folder{f' ({rights})' if rights else ''}. Nothing that was written is lost: run "
                "the same command again with such credentials.",
            ) from error
        foreign = type(error).__module__.partition(".")[0] in FOREIGN
        said = str(error).lower()
        absent = isinstance(error, FileNotFoundError) and NO_BUCKET.search(said)
        misled = isinstance(error, ValueError) and BAD_ADDRESS in said
        if not (foreign or absent or misled):
            raise
        told = "the bucket does not exist" if absent else _said(error)
        address = ADDRESSES.get(protocol, "the address of the server")
        raise Unreachable(
            str(path),
            f"{told}. Check the name of the {'dataset' if protocol == 'hf' else 'bucket'}, the "
            f"credentials, and {address}. Nothing that was written is lost: then run the "
            "same command again.",
        ) from error


def _given(name: str) -> str:
    """Return the URL that a user gave and that a path is below, the longest one; else the path."""
    above = [url for url in _GIVEN if name == url or name.startswith(f"{url}/")]
    return max(above, key=len, default=name)


def _said(error: BaseException) -> str:
    lines = (str(error) or type(error).__name__).splitlines()
    said = lines[str(error).startswith(FORBIDDEN) and len(lines) > 1].rstrip(".")
    return INNER.sub(r"\1", said)


def refuse_the_hub(folder: Path) -> None:
    """Raise PlaceError for a place on the Hub, which is to be written.

    The Hub takes commits. One for each file would be slow, beyond its limits, and would show half
    a release on `main`.
    """
    if is_remote(folder) and _remote(folder).protocol == "hf":
        raise PlaceError(
            f"{folder}: the Hub is for reading here, since each file would be a commit of its own. "
            "Write to a folder or to s3:// or gs://, and publish the release with `python -m "
            "datacards publish RELEASE OWNER/NAME`."
        )


def check_access(folder: Path) -> None:
    """Write, read, list and delete a small object at a remote place, before work begins there.

    Raises NotPermitted, Unreachable, and PlaceError for the Hub, where each file would be a commit.
    """
    if not is_remote(folder):
        return
    from uuid import uuid4

    refuse_the_hub(folder)
    probe = folder / f".access-{uuid4().hex}"
    with explained(folder):
        store = filesystem(folder)
        try:
            store.pipe_file(key(probe), b"may be deleted")
        except FileNotFoundError as error:
            # gcsfs; S3's library says the same of a bucket, and there is nothing else to be found.
            raise FileNotFoundError("the specified bucket does not exist") from error
        store.cat_file(key(probe))
        store.ls(key(folder), detail=False)
        store.rm_file(key(probe))


def open_input(path: Path) -> "pa.NativeFile":
    """Open a file for Arrow, of which only the parts that are asked for are read.

    Raises FileNotFoundError and other OSErrors, NotPermitted and Unreachable.
    """
    import pyarrow as pa

    if not is_remote(path):
        return pa.OSFile(str(path))
    with explained(path):
        file = filesystem(path).open(key(path), "rb", block_size=READ_BYTES)
    return pa.PythonFile(file, mode="r")


def arrow_filesystem(path: Path) -> "pa.fs.FileSystem | None":
    """Return the filesystem of Arrow for `key` of a place, None for this machine."""
    if not is_remote(path):
        return None
    from pyarrow import fs

    return fs.PyFileSystem(fs.FSSpecHandler(filesystem(path)))


@contextmanager
def copied_here(paths: Sequence[Path]) -> Iterator[list[Path]]:
    """Yield files of this machine with the same names and bytes; remote ones are copied.

    The copies are in a temporary folder (TMPDIR), which is removed afterwards.
    """
    if not any(map(is_remote, paths)):
        yield list(paths)
        return
    with scratch() as folder:
        found = []
        for number, path in enumerate(paths):
            near = path
            if is_remote(path):
                near = folder / str(number) / path.name
                near.parent.mkdir()
                with explained(path):
                    filesystem(path).get_file(key(path), str(near))
            found.append(near)
        yield found


def upload(file: Path, path: Path) -> None:
    """Write a file of this machine to a remote place: an object is replaced as a whole.

    Raises NotPermitted, Unreachable and OSError; then the place is as it was.
    """
    with explained(path):
        filesystem(path).put_file(str(file), key(path))


def put_bytes(path: Path, data: bytes) -> None:
    """Write bytes to a remote place; raises as `upload` does."""
    with explained(path):
        filesystem(path).pipe_file(key(path), data)


def files_below(folder: Path) -> list[Path]:
    """Return all files below a folder, sorted; one request for a thousand of a remote one."""
    if not is_remote(folder):
        return sorted(path for path in folder.rglob("*") if path.is_file())
    with explained(folder):
        found = filesystem(folder).find(key(folder))
    top = key(folder).strip("/")
    below = (name.strip("/").removeprefix(top).lstrip("/") for name in found)
    # In the order of `Path`, by which other code decides the order of what it writes.
    return [folder / name for name in sorted(below, key=lambda name: name.split("/")) if name]


def count_present(paths: Iterable[Path]) -> int:
    """Count the files that exist; remote ones with one request for each folder."""
    listed: dict[Path, set[str]] = {}
    count = 0
    for path in paths:
        if not is_remote(path):
            count += path.exists()
            continue
        if path.parent not in listed:
            listed[path.parent] = _names_in(path.parent)
        count += path.name in listed[path.parent]
    return count


def _names_in(folder: Path) -> set[str]:
    try:
        with explained(folder):
            found = filesystem(folder).ls(key(folder), detail=False)
    except FileNotFoundError:
        return set()
    return {name.rstrip("/").rpartition("/")[2] for name in found}


def read_files(paths: Sequence[Path]) -> Iterator[tuple[Path, bytes]]:
    """Yield files with their bytes, remote ones read many at once; one that vanished is left out.

    Raises what reading raises.
    """
    for start in range(0, len(paths), FETCHED_AT_ONCE):
        some = paths[start : start + FETCHED_AT_ONCE]
        if not some or not is_remote(some[0]):
            for path in some:
                try:
                    yield path, path.read_bytes()
                except FileNotFoundError:
                    continue
            continue
        names = {key(path): path for path in some}
        with explained(some[0]):
            found = filesystem(some[0]).cat(list(names), on_error="return")
        for name, path in names.items():
            data = found.get(name, found.get(f"/{name.lstrip('/')}"))
            if isinstance(data, FileNotFoundError) or data is None:
                continue
            if isinstance(data, Exception):
                with explained(path):
                    raise data
            yield path, data


@contextmanager
def scratch() -> Iterator[Path]:
    """Yield an empty temporary folder of this machine (in TMPDIR), which is removed afterwards.

    A process that is killed leaves it, and a later process removes it: it holds a lock on a file in
    the folder while it runs, which the kernel releases when it and its children have ended.
    """
    top = Path(tempfile.gettempdir())
    _remove_left(top)
    folder = Path(tempfile.mkdtemp(prefix=SCRATCH, dir=top))
    try:
        # The file gets its name when it is locked, so that nobody finds it without its lock.
        with (folder / f"{HELD}.new").open("wb") as held:
            fcntl.flock(held, fcntl.LOCK_EX)
            (folder / f"{HELD}.new").rename(folder / HELD)
            inside = folder / "files"
            inside.mkdir()
            yield inside
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _remove_left(top: Path) -> None:
    """Remove the temporary folders of this user whose processes have ended."""
    for folder in top.glob(f"{SCRATCH}*"):
        try:
            if folder.is_symlink() or folder.stat().st_uid != os.geteuid():
                continue
            with (folder / HELD).open("rb") as held:
                fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(folder, ignore_errors=True)
        except OSError:
            continue  # it is in use, or just being made or removed


def scratch_for(path: Path) -> Path:
    """Return a folder of this machine for the temporary files of what is written to `path`."""
    return Path(tempfile.gettempdir()) if is_remote(path) else path.parent


def local_name(folder: Path) -> Path:
    """Return a folder of this machine that stands for a remote one, where a lock can be held."""
    if not is_remote(folder):
        return folder
    name = sha256(str(folder).encode()).hexdigest()[:16]
    return Path(tempfile.gettempdir()) / f"elixir-corpus-{name}"
