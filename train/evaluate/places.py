"""Where a benchmark lies: a local path, or a folder of a dataset on the Hub."""

from pathlib import Path

from train.evaluate.errors import NoBenchmark

EXPECTED = (
    "a local file or folder, or a dataset on the Hub as OWNER/NAME or OWNER/NAME/FOLDER; a private "
    "one needs HF_TOKEN"
)


def located(place: str) -> Path:
    """Return the path of a benchmark; one on the Hub is fetched into its cache first.

    What exists here comes before what the Hub may have under the same name. Raises NoBenchmark.
    """
    path = Path(place)
    is_here = path.exists() or path.is_absolute() or place.startswith(".")
    owner, _, rest = place.partition("/")
    name, _, folder = rest.strip("/").partition("/")
    if is_here or not (owner and name):
        return path
    return fetched(f"{owner}/{name}", folder)


def fetched(repository: str, folder: str = "") -> Path:
    """Fetch a dataset's folder from the Hub, or all of it, and return its path.

    Raises NoBenchmark where the Hub has no such folder or cannot be reached.
    """
    from huggingface_hub import snapshot_download

    place = f"{repository}/{folder}".rstrip("/")
    try:
        snapshot = snapshot_download(
            repository,
            repo_type="dataset",
            allow_patterns=[folder, f"{folder}/*"] if folder else None,
        )
    except (OSError, ValueError) as error:
        why = str(error).strip().splitlines()[0]
        raise NoBenchmark(place, f"{EXPECTED} ({why})") from error
    if not (found := Path(snapshot) / folder).exists():
        raise NoBenchmark(place, EXPECTED)
    return found
