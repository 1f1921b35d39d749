"""Common parts of all commands: options, output, and errors.

No other module writes to a terminal. Names, paths, licences, answers of models and output of
programs are untrusted, so their control characters are escaped.
"""

import json
import logging
import re
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import IO, Annotated, NoReturn

import typer
from rich.console import (
    Console,
    ConsoleOptions,
    HighlighterType,
    JustifyMethod,
    OverflowMethod,
    RenderableType,
)
from rich.segment import Segment
from rich.style import Style
from rich.text import Text

from corpus.errors import CorpusError
from corpus.provenance import code_version

OBEYED = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]"
)
"""Control characters except tab and newline, bidirectional controls (Boucher and Anderson 2021),
and surrogates, which stand for undecodable bytes of file names and cannot be written.
"""


def visible(text: str) -> str:
    """Return a text with escaped control characters, so that a terminal executes none."""
    return OBEYED.sub(_written, text)


def _written(found: re.Match[str]) -> str:
    code = ord(found[0])
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"


class Terminal(Console):
    """A console that prints text literally: no markup, and no control characters but its styles."""

    def __init__(
        self,
        *,
        stderr: bool = False,
        quiet: bool = False,
        file: IO[str] | None = None,
        width: int | None = None,
        force_terminal: bool | None = None,
    ) -> None:
        super().__init__(
            stderr=stderr,
            quiet=quiet,
            file=file,
            width=width,
            force_terminal=force_terminal,
            soft_wrap=True,
            markup=False,
            emoji=False,
            highlight=False,
        )

    def render_str(
        self,
        text: str,
        *,
        style: str | Style = "",
        justify: JustifyMethod | None = None,
        overflow: OverflowMethod | None = None,
        emoji: bool | None = None,
        markup: bool | None = None,
        highlight: bool | None = None,
        highlighter: HighlighterType | None = None,
    ) -> Text:
        """Return a text for output; it is escaped here, before its width is measured."""
        return super().render_str(
            visible(text),
            style=style,
            justify=justify,
            overflow=overflow,
            emoji=emoji,
            markup=markup,
            highlight=highlight,
            highlighter=highlighter,
        )

    def render(
        self, renderable: RenderableType, options: ConsoleOptions | None = None
    ) -> Iterable[Segment]:
        """Yield the output; controls of the console itself, as for a bar, are separate segments."""
        for text, style, control in super().render(renderable, options):
            yield Segment(text if control else visible(text), style, control)


class PlainFormatter(logging.Formatter):
    """Wraps another formatter, and escapes control characters, also in tracebacks."""

    def __init__(self, formatter: logging.Formatter | None) -> None:
        super().__init__()
        self.formatter = formatter or logging.Formatter()

    def format(self, record: logging.LogRecord) -> str:
        """Return the line of a record."""
        return visible(self.formatter.format(record))


output = Terminal()
errors = Terminal(stderr=True)


def say(text: object, *, is_error: bool = False) -> None:
    """Print a line without wrapping to standard output or standard error."""
    print(visible(str(text)), file=sys.stderr if is_error else sys.stdout, flush=True)


def say_part(text: str) -> None:
    """Print a part of a line immediately, to standard output."""
    print(visible(text), end="", flush=True)


def say_json(value: object, *, is_canonical: bool = False) -> None:
    """Print JSON on one line, or in the form of this project's files.

    Control characters are escaped as in JSON, so the value does not change.
    """
    indent = 2 if is_canonical else None
    text = json.dumps(value, ensure_ascii=False, indent=indent, sort_keys=is_canonical)
    print(OBEYED.sub(lambda found: f"\\u{ord(found[0]):04x}", text), flush=True)


INTERRUPTED = 130
"""The exit status of a command that SIGINT ended: 128 plus the signal's number."""

HELP = {"help_option_names": ["-h", "--help"]}


def application(text: str) -> typer.Typer:
    """Return an application without subcommands; `text` is the first line of its help.

    Completion is off: Typer would install it for the name of the program, which is `python` for
    `python -m`.
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
        say(f"elixir-corpus {code_version()}")
        raise typer.Exit


Version = Annotated[
    bool,
    typer.Option(
        "--version", help="Print the version and exit.", callback=_print_version, is_eager=True
    ),
]
"""The option `--version` for the callback of an application."""


@contextmanager
def plain_errors(code: int = 2) -> Iterator[None]:
    """Turn errors that users can fix, and interrupts, into one message and an exit code."""
    try:
        yield
    except CorpusError as error:
        fail(str(error), code)
    except BrokenPipeError:
        raise  # the reader of the pipe has exited, such as `head`: Typer exits without a message
    except OSError as error:
        place = f"{error.filename}: " if error.filename else ""
        said = (error.strerror or str(error)).rstrip(".")
        fail(f"{place}{said}. Fix this, then run the command again.", code)
    except KeyboardInterrupt:
        fail("interrupted. Finished parts are kept; the same command resumes.", INTERRUPTED)


def fail(message: str, code: int) -> NoReturn:
    """Print an error to standard error and exit with `code`."""
    say(f"error: {message}", is_error=True)
    raise typer.Exit(code)
