"""Smells against credo, on the Elixir documents of a release: how often both say the same.

    python -m benchmarks.smells RELEASE --credo EBIN [--misses N]

EBIN is the folder with credo's compiled modules and those of what it needs. `elixir` runs each
check at its defaults on each file (benchmarks/credo_checks.exs). The table has, by check, what
credo finds and what `corpus.elixir.smells` finds, and precision and recall with every file's count
taken as that many findings: of n and m in one file the smaller number agrees.
"""

import argparse
import json
import subprocess
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from corpus.elixir.smells import CHECKS, smells
from corpus.release import Release

SCRIPT = Path(__file__).with_name("credo_checks.exs")


def write_documents(release: Path, folder: Path) -> dict[str, bytes]:
    """Write the Elixir documents of a release below a folder; return their texts by path."""
    texts = {}
    columns = ["document_id", "language", "path", "text"]
    for batch in Release.open(release).batches("documents", columns):
        for row in batch.to_pylist():
            if row["language"] == "elixir":
                path = folder / f"{row['document_id'][:16]}{Path(row['path']).suffix}"
                path.write_bytes(row["text"].encode())
                texts[str(path)] = row["text"].encode()
    return texts


def credo(ebin: Path, paths: list[str]) -> Iterator[dict[str, object]]:
    """Yield what credo finds in each file that this toolchain can parse."""
    command = ["elixir", "-pa", str(ebin), str(SCRIPT), *CHECKS]
    lines = "".join(f"{path}\n" for path in paths)
    told = subprocess.run(command, input=lines, capture_output=True, text=True, check=False)
    if told.returncode:
        raise SystemExit(told.stderr[-2000:])
    rows = (json.loads(line) for line in told.stdout.splitlines() if line.startswith("{"))
    yield from (row for row in rows if "error" not in row)


def main() -> int:
    """Print the table; the exit status is 1 where credo could not run."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("release", type=Path)
    parser.add_argument("--credo", type=Path, required=True)
    parser.add_argument("--misses", type=int, default=0, help="differences that are listed a check")
    given = parser.parse_args()
    theirs: Counter[str] = Counter()
    ours: Counter[str] = Counter()
    both: Counter[str] = Counter()
    misses: dict[str, list[str]] = {check: [] for check in CHECKS}
    files = 0
    with tempfile.TemporaryDirectory() as folder:
        texts = write_documents(given.release, Path(folder))
        for row in credo(given.credo, list(texts)):
            files += 1
            path = str(row["path"])
            found = smells(texts[path])
            for check in CHECKS:
                there, here = int(str(row[check])), found.get(check, 0)
                theirs[check] += there
                ours[check] += here
                both[check] += min(there, here)
                if there != here:
                    misses[check].append(f"{Path(path).name}: credo {there}, here {here}")
    print(f"{files} of {len(texts)} files\n")
    print(f"{'check':45}{'credo':>7}{'here':>7}{'precision':>11}{'recall':>8}")
    for check in (*CHECKS, "all"):
        a, b, c = ((x.total() if check == "all" else x[check]) for x in (theirs, ours, both))
        rates = (f"{c / b:.3f}" if b else "", f"{c / a:.3f}" if a else "")
        print(f"{check:45}{a:7}{b:7}{rates[0]:>11}{rates[1]:>8}")
        for line in misses.get(check, [])[: given.misses]:
            print(f"    {line}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
