"""`python -m train.qlora`: fine-tune a language model on a release.

See `python -m train.qlora --help`, and docs/how-to/train.md.
"""

import logging
import os
import sys
from pathlib import Path

from train.command_line import Arguments, parse


def main(argv: list[str]) -> int:
    """Parse a command line, train, and return the exit code."""
    arguments = parse(argv)
    from corpus.console import output
    from corpus.errors import CorpusError
    from train.loop.stopping import Stopped

    try:
        folder = run(arguments)
    except Stopped as stopped:
        print(stopped, file=sys.stderr)
        return stopped.exit_code
    except CorpusError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    output.print(f"run      {folder}")
    output.print(f"adapter  {folder / 'adapter'}")
    output.print(f"report   {folder / 'report.html'}")
    return 0


def run(arguments: Arguments) -> Path:
    """Train with progress shown."""
    from corpus.terminal import progress_bars

    quieten()
    from train.pipeline import train

    with progress_bars() as progress:
        return train(arguments, progress)


def quieten() -> None:
    """Keep what libraries tell on loading out of the way."""
    for name in ("bitsandbytes", "transformers", "peft", "accelerate"):
        logging.getLogger(name).setLevel(logging.ERROR)
    os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1" if not sys.stderr.isatty() else "0")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
