"""The reference implementation of Hex, which Debian's rebar3 embeds, as Python functions.

It packs real tarballs, signs a real registry, and judges what others read and wrote. Every
function starts Erlang once (about 0.4 s) for all the work it is given.
"""

import base64
import json
import shutil
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from corpus.erlang_terms import Atom
from corpus.errors import CorpusError
from demo.hex_tarball import Term

SCRIPT = Path(__file__).with_name("reference.escript")
TIMEOUT = 300.0
"""Seconds that one start of Erlang may take."""

Value = (
    None
    | bool
    | int
    | str
    | bytes
    | Sequence["Value"]
    | Mapping[str, "Value"]
    | Mapping[Atom, "Value"]
)
"""What Erlang is given: tuples stay tuples, other sequences become lists, texts binaries."""
Message = dict[Atom, Value]
"""A message of the registry, by the names of its fields."""
Task = tuple[Value, ...]


class ReferenceUnavailable(CorpusError):
    """The reference implementation cannot be run on this machine."""


class ReferenceFailed(CorpusError):
    """The reference implementation refused or crashed."""


@dataclass(frozen=True, kw_only=True, slots=True)
class PackJob:
    """A Hex tarball to write to `destination`.

    `metadata` is metadata.config as a dictionary of texts, lists and dictionaries; `files` gives
    for each path in the archive its content, or the file on disk that holds it.
    """

    destination: Path
    metadata: Mapping[str, Term]
    files: Mapping[str, bytes | Path]


@dataclass(frozen=True, slots=True)
class Packed:
    """A written tarball; checksums are hexadecimal SHA-256."""

    path: Path
    outer_checksum: str
    inner_checksum: str


@dataclass(frozen=True, slots=True)
class ReferenceAnswer:
    """What the reference says of an input: its value, or the printed error."""

    value: object
    error: str | None


@dataclass(frozen=True, kw_only=True, slots=True)
class RegistryDependency:
    """One requirement of a release in the registry; `app` if it differs from the package."""

    package: str
    requirement: str
    optional: bool = False
    app: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class RegistryRelease:
    """One release; `retired` is a reason of the registry, such as "RETIRED_SECURITY"."""

    version: str
    inner_checksum: str
    outer_checksum: str
    dependencies: tuple[RegistryDependency, ...] = ()
    retired: str | None = None
    retirement_message: str = ""


def unavailable() -> str | None:
    """Say what is missing to run the reference, naming the package; None if nothing is."""
    for program, package in (("escript", "erlang-base"), ("rebar3", "rebar3")):
        if shutil.which(program) is None:
            return f"{program} is not installed; on Debian: apt-get install {package}"
    return None


def pack_many(jobs: Sequence[PackJob]) -> list[Packed]:
    """Write a tarball for each job. Raises ReferenceUnavailable, ReferenceFailed."""
    with tempfile.TemporaryDirectory(prefix="reference-") as folder:
        verdicts = run([pack_task(job, Path(folder)) for job in jobs])
    return [packed(job, verdict) for job, verdict in zip(jobs, verdicts, strict=True)]


def pack(files: Mapping[str, bytes | Path], metadata: Mapping[str, Term]) -> bytes:
    """Return one tarball as bytes. Raises ReferenceUnavailable, ReferenceFailed."""
    with tempfile.TemporaryDirectory(prefix="reference-") as folder:
        path = Path(folder, "packed.tar")
        pack_many([PackJob(destination=path, metadata=metadata, files=files)])
        return path.read_bytes()


def pack_task(job: PackJob, folder: Path) -> Task:
    """Build the task for one job; contents that are not on disk yet are put into `folder`."""
    job.destination.parent.mkdir(parents=True, exist_ok=True)
    files = [
        (name, str(on_disk(source, folder)) if isinstance(source, bytes) else str(source))
        for name, source in job.files.items()
    ]
    return Atom("pack"), str(job.destination), dict(job.metadata), files


def on_disk(content: bytes, folder: Path) -> Path:
    """Write `content` to a new file in `folder`."""
    with tempfile.NamedTemporaryFile(dir=folder, delete=False) as file:
        file.write(content)
    return Path(file.name)


def packed(job: PackJob, verdict: ReferenceAnswer) -> Packed:
    """Return the result of a job, or raise ReferenceFailed."""
    if verdict.error is not None:
        raise ReferenceFailed(f"{job.destination}: the reference did not pack it: {verdict.error}")
    said = told(verdict.value)
    return Packed(job.destination, str(said["outer_checksum"]), str(said["inner_checksum"]))


def told(value: object) -> dict[str, object]:
    """Return an answer of the reference that is an object. Raises ReferenceFailed."""
    if not isinstance(value, dict):
        raise ReferenceFailed(f"{SCRIPT.name} answered {value!r:.300}, not with an object")
    return value


def unpack_many(paths: Sequence[Path]) -> list[ReferenceAnswer]:
    """Open each tarball. A value has `metadata`, `files` ([path, bytes, sha256]) and checksums."""
    return run([(Atom("unpack"), str(path)) for path in paths])


def consult_many(paths: Sequence[Path]) -> list[ReferenceAnswer]:
    """Read files of Erlang terms. A value spells out the types of its terms."""
    return run([(Atom("consult"), str(path)) for path in paths])


def sign_registry(
    packages: Mapping[str, Sequence[RegistryRelease]], *, repository: str, private_key: bytes
) -> dict[str, bytes]:
    """Build, sign and compress `versions` and every `packages/NAME`; `private_key` is PEM (RSA).

    Releases must stand in ascending order. Returns resource name to body, as it is served.
    """
    key = private_key.decode()
    tasks: list[Task] = [(Atom("sign_versions"), versions_message(packages, repository), key)]
    names = ["versions"]
    for name, releases in packages.items():
        tasks.append((Atom("sign_package"), package_message(name, releases, repository), key))
        names.append(f"packages/{name}")
    verdicts = run(tasks)
    for name, verdict in zip(names, verdicts, strict=True):
        if verdict.error is not None:
            raise ReferenceFailed(f"{name}: the reference did not sign it: {verdict.error}")
    bodies = [base64.b64decode(str(verdict.value)) for verdict in verdicts]
    return dict(zip(names, bodies, strict=True))


def versions_message(packages: Mapping[str, Sequence[RegistryRelease]], repository: str) -> Message:
    """Return the `Versions` message."""
    return atom_keys(
        repository=repository,
        packages=[
            atom_keys(
                name=name,
                versions=[release.version for release in releases],
                retired=[index for index, release in enumerate(releases) if release.retired],
            )
            for name, releases in packages.items()
        ],
    )


def package_message(name: str, releases: Sequence[RegistryRelease], repository: str) -> Message:
    """Return the `Package` message."""
    return atom_keys(
        name=name, repository=repository, releases=[release_message(each) for each in releases]
    )


def release_message(release: RegistryRelease) -> Message:
    """Return the `Release` message."""
    message = atom_keys(
        version=release.version,
        inner_checksum=bytes.fromhex(release.inner_checksum),
        outer_checksum=bytes.fromhex(release.outer_checksum),
        dependencies=[dependency_message(each) for each in release.dependencies],
    )
    if release.retired:
        message[Atom("retired")] = atom_keys(
            reason=Atom(release.retired), message=release.retirement_message
        )
    return message


def dependency_message(dependency: RegistryDependency) -> Message:
    """Return the `Dependency` message."""
    message = atom_keys(
        package=dependency.package,
        requirement=dependency.requirement,
        optional=dependency.optional,
    )
    return message | (atom_keys(app=dependency.app) if dependency.app else {})


def decode_registry(
    body: bytes, *, repository: str, public_key: bytes, package: str | None = None
) -> ReferenceAnswer:
    """Verify and decode `versions`, or the resource of one package. `public_key` is PEM.

    A value is the list of packages or releases; keys as in Hex's registry messages, checksums
    hexadecimal.
    """
    with tempfile.TemporaryDirectory(prefix="reference-") as folder:
        path = str(on_disk(body, Path(folder)))
        key = public_key.decode()
        if package is None:
            return run([(Atom("decode_versions"), path, key, repository)])[0]
        return run([(Atom("decode_package"), path, key, repository, package)])[0]


def atom_keys(**fields: Value) -> Message:
    """Return a message: its keys are atoms."""
    return {Atom(key): value for key, value in fields.items()}


def run(tasks: Sequence[Task]) -> list[ReferenceAnswer]:
    """Do all tasks in one start of Erlang. Raises ReferenceUnavailable, ReferenceFailed."""
    if reason := unavailable():
        raise ReferenceUnavailable(f"The reference implementation cannot be run: {reason}")
    with tempfile.NamedTemporaryFile("w", suffix=".terms", encoding="ascii") as request:
        request.writelines(f"{printed(task)}.\n" for task in tasks)
        request.flush()
        command = ["escript", str(SCRIPT), str(shutil.which("rebar3")), request.name]
        done = subprocess.run(command, capture_output=True, timeout=TIMEOUT, check=False)
    if done.returncode or len(lines := done.stdout.splitlines()) != len(tasks):
        told = (done.stderr or done.stdout)[-2000:].decode(errors="replace")
        raise ReferenceFailed(f"{SCRIPT.name} failed with status {done.returncode}: {told}")
    answers = map(json.loads, lines)
    return [ReferenceAnswer(answer.get("value"), answer.get("error")) for answer in answers]


def printed(value: Value) -> str:
    """Return a value as an Erlang term in ASCII; text becomes a binary of its UTF-8 bytes."""
    match value:
        case bool():
            return str(value).lower()
        case None:
            return "undefined"
        case int():
            return str(value)
        case Atom():
            return f"'{value}'"
        case str():
            return printed(value.encode())
        case bytes():
            return f"<<{','.join(map(str, value))}>>"
        case tuple():
            return f"{{{','.join(map(printed, value))}}}"
        case Mapping():
            pairs = (f"{printed(key)}=>{printed(item)}" for key, item in value.items())
            return f"#{{{','.join(pairs)}}}"
        case _:
            return f"[{','.join(map(printed, value))}]"
