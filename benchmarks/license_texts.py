"""How long it takes to recognise a licence text, by processor time.

    python -m benchmarks.license_texts
    python -m benchmarks.license_texts --folder archives-unpacked --pattern '**/LICENSE*'

Without a folder the texts are those of this machine's Debian: the whole licences of
/usr/share/common-licenses, which are the longest that packages ship, and the copyright files of
its packages. The first text pays for the rules of the classifier, so it is told apart.
"""

import argparse
import statistics
import time
from collections.abc import Sequence
from pathlib import Path

from corpus.licenses.texts import recognize

LIMIT = 10.0
"""Milliseconds that a text may take in the median. A long one takes more: time grows with bytes."""
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


def milliseconds(texts: Sequence[bytes]) -> list[float]:
    """Return the processor time of recognising each text, sorted."""
    spent = []
    for text in texts:
        recognize.cache_clear()
        began = time.process_time()
        recognize(text)
        spent.append(1000 * (time.process_time() - began))
    return sorted(spent)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--folder", type=Path, help="a folder of licence texts")
    parser.add_argument("--pattern", default="**/*", help="which files of it")
    parser.add_argument("--most", type=int, default=300, help="texts of each kind at most")
    given = parser.parse_args()
    first = milliseconds([b"MIT License"])[0]
    print(f"rules of the classifier, once a process: {first:.0f} ms")
    print(f"{'texts of':28} {'texts':>6} {'bytes':>8} {'median':>8} {'p90':>8} {'most':>8}  ms")
    for name, texts in texts_of(given.folder, given.pattern, given.most).items():
        if texts:
            spent = milliseconds(texts)
            size = statistics.median(map(len, texts))
            p90 = spent[int(0.9 * (len(spent) - 1))]
            middle = statistics.median(spent)
            told = f"{len(texts):6} {size:8.0f} {middle:8.1f} {p90:8.1f}"
            print(f"{name:28} {told} {spent[-1]:8.1f}  {'ok' if middle <= LIMIT else 'over'}")


if __name__ == "__main__":
    main()
