"""`python -m sandbox`: whether untrusted code can be isolated on this machine, and how."""

import argparse
import sys
from collections.abc import Sequence
from dataclasses import asdict, replace

from corpus.errors import CorpusError
from sandbox.escapes import EscapesUntold
from sandbox.finding import attempted, candidate, find_way


def main(argv: Sequence[str] | None = None, program: str = "python -m sandbox") -> int:
    """Print what holds here, or the table of escapes. Returns the exit status."""
    parser = argparse.ArgumentParser(
        prog=program,
        description="Say whether untrusted code can be run on this machine, and how it is isolated."
        " Exit status: 0 isolated, 1 an escape is possible, 2 no sandbox is available.",
        epilog=f"Example: `{program} --escapes`",
    )
    parser.add_argument(
        "--escapes", action="store_true", help="try every escape, and print what came of each"
    )
    given = parser.parse_args(argv)
    try:
        return escapes() if given.escapes else holding()
    except (CorpusError, EscapesUntold, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2


def holding() -> int:
    """Print what holds a command here. Raises SandboxUnavailable."""
    for name, told in asdict(find_way()[1]).items():
        print(f"{name.replace('_', ' '):14}{told}")
    return 0


def escapes() -> int:
    """Print a line for each attempt. Raises SandboxUnavailable and EscapesUntold."""
    verdicts = attempted(replace(candidate()[0], groups=None))
    for each in verdicts:
        held = "held" if each.held else "NOT HELD"
        print(f"{held:10}{each.attempt.by:16}{each.attempt.name}: {each.came}")
    escaped = sum(not each.held for each in verdicts)
    print(f"{len(verdicts)} attempts, {escaped} of them not held")
    return 1 if escaped else 0


if __name__ == "__main__":
    sys.exit(main())
