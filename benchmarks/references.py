"""Which problems of a benchmark this machine can decide, and why not the others.

    python -m benchmarks.references BENCHMARK [BENCHMARK ...] [--release RELEASE]

BENCHMARK is as for `python -m train.evaluate --benchmark`: otp, doctests, callbacks,
exercism=PLACE and the like. Every reference must pass and every empty answer must not, in the
sandbox and with the Elixir that is installed here; problems of which that is not true are listed.
Those without a reference are not run.
"""

import argparse
import time
from pathlib import Path

from corpus.release import Release
from corpus.release.versions import releases_in
from sandbox import Sandbox
from train.evaluate.benchmarks import problems_of
from train.evaluate.judge import calibrate

REAL = Path("build/real/releases")


def main() -> None:
    """Run and print."""
    formatter = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=formatter)
    parser.add_argument("benchmarks", nargs="+", metavar="BENCHMARK")
    parser.add_argument("--release", type=Path, help="default: the newest of `make real`")
    parser.add_argument("--splits", default="train,validation,test")
    parser.add_argument("--workers", type=int, default=0, help="one per CPU if 0")
    given = parser.parse_args()
    built = [given.release] if given.release else [each.path for each in releases_in(REAL)]
    if not built:
        parser.error("there is no release in build/real: run `make real`, or name one")
    release, splits = Release.open(built[-1]), given.splits.split(",")
    sandbox = Sandbox()
    for name in given.benchmarks:
        problems = problems_of([name], release, splits)
        tried = sum(problem.reference is not None for problem in problems)
        started = time.monotonic()
        _, left_out = calibrate(problems, sandbox, workers=given.workers)
        failed = sum(map(len, left_out.values()))
        seconds = time.monotonic() - started
        print(
            f"{name}: {tried - failed} of {tried} references pass and their empty answers do not "
            f"({len(problems) - tried} without a reference), {seconds:.0f} s",
            flush=True,
        )
        for reason, identities in sorted(left_out.items()):
            print(f"  {reason}: {', '.join(sorted(identities))}", flush=True)


if __name__ == "__main__":
    main()
