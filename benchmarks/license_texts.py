"""How long it takes to recognise a licence text, by processor time.

    python -m benchmarks.license_texts
    python -m benchmarks.license_texts --folder archives-unpacked --pattern '**/LICENSE*'

Without a folder the texts are those of this machine's Debian: the whole licences of
/usr/share/common-licenses, which are the longest that packages ship, and the copyright files of
its packages. The first text pays for the rules of the classifier, so it is told apart. So does
the first text of each licence, for the states of the automaton that it goes through: each text is
recognised twice ("first" and "again"), and the second time is that of any later text of its
licence. In the same run,
text by text, licenseclassifier recognises it alone, with the states known as well.
"""

import argparse
import statistics
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from licenseclassifier import identify_license

from corpus.licenses.texts import decoded, recognize

LIMIT = 10.0
"""Milliseconds that a text may take at the 90th percentile, and in the mean. Time grows with bytes:
the longest texts, copyright files of 200 KB, take more.
"""
COMMON, DOCUMENTATION = Path("/usr/share/common-licenses"), Path("/usr/share/doc")


def texts_of(folder: Path | None, pattern: str, most: int) -> dict[str, list[bytes]]:
    """Return distinct texts by where they come from."""
    if folder is not None:
        places = {str(folder): sorted(folder.glob(pattern))}
    else:
        places = {
            str(COMMON): sorted(COMMON.glob("*")),
            str(DOCUMENTATION): sorted(DOCUMENTATION.glob("*/copyright")),
        }
    return {
        name: list(dict.fromkeys(path.read_bytes() for path in paths if path.is_file()))[:most]
        for name, paths in places.items()
    }


def milliseconds(texts: Sequence[bytes]) -> dict[str, list[float]]:
    """Return the processor time of recognising each text, sorted: at first, again, and alone."""
    steps: dict[str, Callable[[bytes], object]] = {
        "first": recognize,
        "again": recognize,
        "classifier": lambda text: identify_license(decoded(text)),
    }
    spent: dict[str, list[float]] = {name: [] for name in steps}
    for text in texts:
        for name, step in steps.items():
            recognize.cache_clear()
            began = time.process_time()
            step(text)
            spent[name].append(1000 * (time.process_time() - began))
    return {name: sorted(each) for name, each in spent.items()}


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--folder", type=Path, help="a folder of licence texts")
    parser.add_argument("--pattern", default="**/*", help="which files of it")
    parser.add_argument("--most", type=int, default=300, help="texts of each kind at most")
    given = parser.parse_args()
    rules = milliseconds([b"MIT License"])["first"][0]
    print(f"rules of the classifier, once a process: {rules:.0f} ms")
    print(f"{'':28} {'texts':>6} {'bytes':>8} {'':>10} {'median':>8} {'p90':>8} {'most':>8}  ms")
    for name, texts in texts_of(given.folder, given.pattern, given.most).items():
        size = statistics.median(map(len, texts)) if texts else 0
        for what, spent in milliseconds(texts).items() if texts else ():
            p90 = spent[int(0.9 * (len(spent) - 1))]
            mean, middle = statistics.mean(spent), statistics.median(spent)
            told = f"{len(texts):6} {size:8.0f} {what:>10} {mean:8.1f} {middle:8.1f} {p90:8.1f}"
            within = max(mean, p90) <= LIMIT
            print(f"{name:28} {told} {spent[-1]:8.1f}  {'ok' if within else 'over'}")


if __name__ == "__main__":
    main()
