"""Publishing an export on the Hub, in one commit: whole or not at all."""

from pathlib import Path

from corpus.hub import HUB_NAME, refusal, token
from train.checkpoint import ADAPTER_SETTINGS
from train.errors import TrainError
from train.export.run import FinishedRun, adapter_settings


class BadRepository(TrainError):
    """What was given is no name of a repository."""

    def __init__(self, name: str) -> None:
        super().__init__(f"--repo {name}: the name of a repository on the Hub is OWNER/NAME.")


class LocalBase(TrainError):
    """The adapter names a base that nobody else has."""

    def __init__(self, name: str) -> None:
        super().__init__(
            f"The run's base model is the local folder {name}, where nobody else can load it from. "
            "Name the same model on the Hub with --base OWNER/NAME; adapter and card then say so."
        )


class HubRefused(TrainError):
    """The Hub did not take it."""

    def __init__(self, repository: str, why: str) -> None:
        super().__init__(
            f"{repository}: nothing was published, the Hub says: {why} "
            "Run the command again once that is mended; files that arrived are not sent again."
        )


def check_publishable(
    run: FinishedRun, repository: str, base: str | None, *, whole: bool = False
) -> None:
    """Raise NoToken, BadRepository or LocalBase before any work is done.

    What is `whole` holds its base, so that the base may be a local folder.
    """
    if not HUB_NAME.fullmatch(repository):
        raise BadRepository(repository)
    name = base or str(run.model["name"])
    if not whole and (Path(name).exists() or not HUB_NAME.fullmatch(name)):
        raise LocalBase(name)
    token()


def publish(
    folder: Path, repository: str, *, public: bool = False, endpoint: str | None = None
) -> str:
    """Commit all files of an export to a repository, made if need be; return its address.

    `endpoint` is the Hub's address; HF_ENDPOINT or the public one unless given. A repository that
    holds the same files already gets no commit. Raises NoToken and HubRefused.
    """
    from httpx import HTTPError
    from huggingface_hub import CommitOperationAdd, HfApi

    hub = HfApi(endpoint=endpoint, token=token())
    names = sorted(path.name for path in folder.iterdir() if path.is_file())
    try:
        address = hub.create_repo(repository, private=not public, exist_ok=True)
        hub.create_commit(
            repository,
            operations=[CommitOperationAdd(name, str(folder / name)) for name in names],
            commit_message=_summary(folder, names),
        )
    except (HTTPError, OSError, ValueError, RuntimeError) as error:
        raise HubRefused(repository, refusal(error).message) from error
    return str(address)


def _summary(folder: Path, names: list[str]) -> str:
    if ADAPTER_SETTINGS in names:
        return f"Publish an adapter for {adapter_settings(folder)['base_model_name_or_path']}"
    files = [name for name in names if name.endswith(".gguf")]
    return f"Publish {', '.join(files)}" if files else "Publish merged weights"
