"""Tokens of Tekken: bytes a token of Elixir and of other languages, and what more would save.

    python -m benchmarks.tokens RELEASE [--megabytes N] [--entries N,N,...]

Other languages are what lies on the machine: Python's standard library, the C headers in
/usr/include, JavaScript and shell scripts below /usr, as far as they are there; each by the
files with the smallest digests of their paths, N megabytes at most. The second table joins pairs of
tokens of the release's Elixir documents to further entries of the vocabulary, chosen on one half of
them and counted on the other, as the report does on a small sample.
"""

import argparse
import hashlib
import sysconfig
from collections.abc import Iterator
from pathlib import Path

from corpus.release import Release
from corpus.tokens import count, encode
from quality.report.tokens import further_entries

FOREIGN = {
    "Python (standard library)": (Path(sysconfig.get_paths()["stdlib"]), "*.py"),
    "C (headers)": (Path("/usr/include"), "*.h"),
    "JavaScript": (Path("/usr/lib"), "*.js"),
    "Perl": (Path("/usr/share/perl"), "*.pm"),
    "Markdown": (Path("/usr"), "*.md"),
}
LARGEST = 500_000
"""Bytes of a file; larger ones are data."""


def foreign(folder: Path, pattern: str, limit: float) -> Iterator[str]:
    """Yield the texts of some files, without those of other packages or that are no UTF-8."""
    paths = [path for path in folder.rglob(pattern) if "site-packages" not in path.parts]
    size = 0
    for path in sorted(paths, key=lambda path: hashlib.sha256(bytes(path)).digest()):
        if path.is_symlink() or not path.is_file() or not 0 < path.stat().st_size < LARGEST:
            continue
        try:
            text = path.read_text(encoding="utf-8")
        except (UnicodeDecodeError, OSError):
            continue
        size += len(text.encode())
        if size > limit:
            return
        yield text


def row(name: str, texts: list[str]) -> str:
    """Return a line of the first table."""
    size, tokens = sum(len(text.encode()) for text in texts), sum(count(texts))
    rate = f"{size / tokens:.2f}" if tokens else ""
    return f"{name:28}{len(texts):8,}{size / 1e6:9.2f}{tokens:13,}{rate:>14}"


def main() -> None:
    """Print both tables."""
    formatter = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=formatter)
    parser.add_argument("release", type=Path)
    parser.add_argument("--megabytes", type=float, default=8.0)
    parser.add_argument("--entries", default="10,100,1000")
    given = parser.parse_args()
    by_language: dict[str, list[str]] = {}
    for batch in Release.open(given.release).batches("documents", ["language", "text"]):
        for each in batch.to_pylist():
            by_language.setdefault(each["language"], []).append(each["text"])
    print(f"{'':28}{'files':>8}{'MB':>9}{'tokens':>13}{'bytes a token':>14}")
    for language, texts in sorted(by_language.items()):
        print(row(language, texts))
    for name, (folder, pattern) in FOREIGN.items():
        if folder.is_dir():
            print(row(name, list(foreign(folder, pattern, given.megabytes * 1e6))))
    encoded = [encode(text) for text in by_language.get("elixir", [])]
    found = further_entries(encoded, tuple(int(each) for each in given.entries.split(",")))
    print(f"\njudged on {found['judged_tokens']:,} tokens of Elixir")
    print(*(f"{each}" for each in found["saved"]), sep="\n")  # type: ignore[attr-defined]


if __name__ == "__main__":
    main()
