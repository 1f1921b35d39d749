"""`python -m train.qlora`: fine-tune a language model on a release.

See `python -m train.qlora --help`, and docs/how-to/train.md.
"""

import os
import sys
from pathlib import Path

from train.command_line import Arguments, parse


def main(argv: list[str]) -> int:
    """Parse a command line, train, and return the exit code."""
    arguments = parse(argv)
    from corpus.console import output, say
    from corpus.errors import CorpusError
    from train.loop.stopping import Stopped

    try:
        folder = run(arguments)
    except Stopped as stopped:
        say(stopped, is_error=True)
        return stopped.exit_code
    except CorpusError as error:
        say(f"error: {error}", is_error=True)
        return 2
    except OSError as error:
        place = error.filename or arguments.out  # as on a full disk
        said = (error.strerror or str(error)).rstrip(".")
        ending = "Once that is mended, the same command goes on."
        say(f"error: {place}: {said}. {ending}", is_error=True)
        return 2
    except KeyboardInterrupt:  # before the first step, or after the last one
        say("SIGINT: what is finished is kept; the same command goes on.", is_error=True)
        return 130
    if os.environ.get("RANK", "0") == "0":  # torchrun starts several, and one speaks for all
        output.print(f"run      {folder}")
        output.print(f"adapter  {folder / 'adapter'}")
        output.print(f"report   {folder / 'report.html'}")
    return 0


def run(arguments: Arguments) -> Path:
    """Train with progress shown."""
    from train.model.loading import prepare

    prepare(arguments.recipe.model)
    from corpus.terminal import show_progress
    from train.libraries import quieten
    from train.run import train

    quieten()
    with show_progress() as progress:
        return train(arguments, progress)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
