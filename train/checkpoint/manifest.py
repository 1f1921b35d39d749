"""What a checkpoint is: its files with their digests, whose it is, and where it stands."""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from corpus.atomic import canonical_json, sha256_file
from corpus.untrusted import check_counts, check_digest, check_name, check_text, parse_object

MANIFEST = "manifest.json"
SEAL = "manifest.sha256"
"""Holds the manifest's own digest, so that an altered one is noticed too."""
FORMAT = 1


@dataclass(frozen=True, slots=True)
class Identity:
    """The run that a checkpoint belongs to: what must be equal for it to go on."""

    release: str
    """SHA-256 of the release's manifest."""
    recipe: str
    """Digest of the resolved recipe."""
    model: str
    """The base model's name and revision."""
    world_size: int
    """Processes that trained."""
    tokens: str = ""
    """SHA-256 of the tokens that the checkpoint's stage reads; empty where they are not known."""
    weights: str = ""
    """What `train.model.fingerprint` tells of the base's weights; empty in older checkpoints."""

    def __post_init__(self) -> None:
        """Raise ValueError for what identifies no run."""
        check_text(self.release, self.recipe, self.model, self.tokens, self.weights)
        check_counts(self.world_size)


@dataclass(frozen=True, slots=True)
class StoredFile:
    """A file of a checkpoint."""

    sha256: str
    bytes: int

    def __post_init__(self) -> None:
        """Raise ValueError for what is true of no file."""
        check_digest(self.sha256)
        check_counts(self.bytes)


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A checkpoint that was verified, file by file."""

    path: Path
    identity: Identity
    position: dict[str, int]
    """`stage`, `step`, and `steps` of that stage."""
    files: dict[str, StoredFile]
    """By name; a checkpoint has no folders."""

    def __post_init__(self) -> None:
        """Raise ValueError for a place that no run has, and for a file elsewhere."""
        if self.position.keys() != {"stage", "step", "steps"}:
            raise ValueError("its place is not stage, step and steps")
        check_counts(*self.position.values())
        for name in self.files:
            check_name("file of a checkpoint", name)

    @property
    def name(self) -> str:
        """The name of its folder."""
        return self.path.name


class Unsound(Exception):
    """A folder is not what a checkpoint's manifest says; the message says in what."""


class OtherFormat(Exception):
    """A checkpoint is whole, and another version of this program wrote it."""


def describe(folder: Path) -> dict[str, StoredFile]:
    """Return size and digest of every file in a folder."""
    return {
        path.name: StoredFile(sha256_file(path), path.stat().st_size)
        for path in sorted(folder.iterdir())
    }


def manifest_bytes(
    identity: Identity, position: dict[str, int], files: dict[str, StoredFile]
) -> bytes:
    """Return the manifest as it is stored."""
    return canonical_json(
        {
            "format": FORMAT,
            "identity": asdict(identity),
            "position": position,
            "files": {name: asdict(each) for name, each in files.items()},
        }
    )


def seal(folder: Path) -> str:
    """Return what stands beside the manifest of a checkpoint."""
    return sha256_file(folder / MANIFEST) + "\n"


def verified(folder: Path) -> Checkpoint:
    """Read a checkpoint and recheck every byte of it. Raises Unsound and OtherFormat."""
    checkpoint = _read(folder)
    found = {path.name for path in folder.iterdir()} - {MANIFEST, SEAL}
    if missing := sorted(checkpoint.files.keys() - found):
        raise Unsound(f"{missing[0]} is missing")
    if extra := sorted(found - checkpoint.files.keys()):
        raise Unsound(f"{extra[0]} is not one of its files")
    for name, expected in checkpoint.files.items():
        if (folder / name).is_symlink():
            raise Unsound(f"{name} is a link")
        _compare(folder / name, expected)
    return checkpoint


def _compare(path: Path, expected: StoredFile) -> None:
    try:
        size = path.stat().st_size
        if size != expected.bytes:
            raise Unsound(f"{path.name} has {size} bytes, not {expected.bytes}")
        digest = sha256_file(path)
    except OSError as error:  # as a dying disk gives
        raise Unsound(f"{path.name} cannot be read ({error.strerror})") from error
    if digest != expected.sha256:
        raise Unsound(f"sha256 of {path.name} is {digest[:12]}..., not {expected.sha256[:12]}...")


def _read(folder: Path) -> Checkpoint:
    try:
        if (folder / SEAL).read_text(encoding="ascii") != seal(folder):
            raise Unsound(f"{MANIFEST} was altered")
        told: dict[str, Any] = parse_object((folder / MANIFEST).read_bytes())
        if told["format"] != FORMAT:
            raise OtherFormat(f"its format is {told['format']}, and this version reads {FORMAT}")
        files = {name: StoredFile(**each) for name, each in told["files"].items()}
        return Checkpoint(folder, Identity(**told["identity"]), told["position"], files)
    except FileNotFoundError as error:
        raise Unsound(f"{Path(error.filename).name} is missing") from error
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise Unsound(f"{MANIFEST} cannot be read ({error})") from error
