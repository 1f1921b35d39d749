"""What keeps a command from being run in a sandbox."""

from corpus.errors import CorpusError


class SandboxUnavailable(CorpusError):
    """No command can be confined on this machine, so none is run."""

    def __init__(self, reason: str, remedy: str) -> None:
        super().__init__(f"No sandbox here: {reason}. Foreign code is not run without. {remedy}")


class SandboxFailed(CorpusError):
    """The sandbox could not be set up for this command, which therefore did not run."""

    def __init__(self, argv0: str, said: str) -> None:
        super().__init__(
            f"{argv0}: its sandbox could not be set up ({said.strip() or 'it said nothing'}). "
            "Check the names of its files and the folders it is to read."
        )


class SandboxGivenUp(CorpusError):
    """A command was ended because nobody waits for its outcome any more."""

    def __init__(self, argv0: str) -> None:
        super().__init__(f"{argv0}: ended early, as was asked for. Run it again for its outcome.")
