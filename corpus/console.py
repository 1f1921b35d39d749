"""What all commands share: options, output, and how they end when something goes wrong."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, NoReturn

import typer
from rich.console import Console

from corpus.errors import CorpusError
from corpus.provenance import code_version

output = Console(soft_wrap=True, markup=False, emoji=False, highlight=False)
errors = Console(stderr=True, soft_wrap=True, markup=False, emoji=False, highlight=False)

INTERRUPTED = 130
"""What a shell reports of a command that SIGINT ended: 128 and the signal's number."""

HELP = {"help_option_names": ["-h", "--help"]}


def application(text: str) -> typer.Typer:
    """Return a command line without subcommands yet; `text` is the first line of its help.

    Completion is left out: Typer would write it to the shell's start-up file under the name of the
    program, which is `python` for `python -m`.
    """
    return typer.Typer(
        help=text,
        no_args_is_help=True,
        rich_markup_mode="markdown",
        add_completion=False,
        context_settings=HELP,
    )


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"elixir-corpus {code_version()}")
        raise typer.Exit


Version = Annotated[
    bool,
    typer.Option(
        "--version", help="Print the version and leave.", callback=_print_version, is_eager=True
    ),
]
"""The option `--version` of an application's callback."""


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
