"""Standard output, standard error, and how a command ends when something goes wrong."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NoReturn

import typer
from rich.console import Console

from corpus.errors import CorpusError

output = Console(soft_wrap=True, markup=False, emoji=False)
errors = Console(stderr=True, soft_wrap=True, markup=False, emoji=False)

INTERRUPTED = 130
"""What a shell reports of a command that SIGINT ended: 128 and the signal's number."""


@contextmanager
def plain_errors(code: int = 2) -> Iterator[None]:
    """Turn what users can mend, or did themselves, into one message and an exit code."""
    try:
        yield
    except CorpusError as error:
        fail(str(error), code)
    except BrokenPipeError:
        raise  # the reader has left, as `head` does: Typer ends quietly
    except OSError as error:
        place = f"{error.filename}: " if error.filename else ""
        said = (error.strerror or str(error)).rstrip(".")
        fail(f"{place}{said}. Run the command again once that is mended.", code)
    except KeyboardInterrupt:
        fail("interrupted. What is finished is kept; the same command goes on.", INTERRUPTED)


def fail(message: str, code: int) -> NoReturn:
    """Print an error to standard error and leave with `code`."""
    print(f"error: {message}", file=sys.stderr)
    raise typer.Exit(code)
