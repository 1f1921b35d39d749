"""The Hub, as those who publish there see it: names, tokens, and what a refusal means."""

import re
from dataclasses import dataclass

from corpus.errors import CorpusError

HUB_NAME = re.compile(r"[\w-][\w.-]*/[\w-][\w.-]*", re.ASCII)
"""OWNER/NAME."""
LONGEST_MESSAGE = 500
"""Characters of what the Hub says that are shown."""


class NoToken(CorpusError):
    """Nobody is logged in."""

    def __init__(self) -> None:
        super().__init__(
            "Publishing needs a Hub token with permission to write, and HF_TOKEN is not set. Make "
            "one in the Hub's settings, then: export HF_TOKEN=hf_..."
        )


def token() -> str:
    """Return the Hub's token, from HF_TOKEN or an earlier login. Raises NoToken."""
    from huggingface_hub import get_token

    if found := get_token():
        return found
    raise NoToken


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a request failed."""

    status: int | None
    """That of HTTP; None where no answer came, or one that cannot be read."""
    message: str
    """What the Hub or the connection says, as one sentence."""
    retry_after: str | None = None
    """Seconds to wait or a date, where the Hub names it."""


def refusal(error: Exception) -> Refusal:
    """Say why the Hub or the way to it refused, from what huggingface_hub raised.

    An upload fails with an error about the file, and its cause says why.
    """
    from huggingface_hub.errors import HfHubHTTPError

    cause = error
    while not isinstance(cause, HfHubHTTPError) and isinstance(cause.__cause__, Exception):
        cause = cause.__cause__
    if not isinstance(cause, HfHubHTTPError):
        return Refusal(None, said(str(cause) or type(cause).__name__))
    answer = cause.response
    message = said(cause.server_message or str(cause))
    return Refusal(answer.status_code, message, answer.headers.get("Retry-After"))


def said(message: str) -> str:
    """Return a message as one sentence."""
    line = " ".join(message.split())
    if len(line) > LONGEST_MESSAGE:
        line = f"{line[:LONGEST_MESSAGE]}..."
    return line if line.endswith((".", "!", "?")) else f"{line}."
