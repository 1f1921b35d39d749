"""Fetches Debian source packages without touching the system's configuration of apt.

Most machines have no `deb-src` entry. One is derived here from the entries for binaries, and apt
gets it, its lists and its caches in a folder of ours.
"""

import re
import shlex
import shutil
import subprocess
import tarfile
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from corpus.atomic import whole_folder
from corpus.errors import CorpusError

ETC = Path("/etc/apt")
OS_RELEASE = Path("/etc/os-release")
TIMEOUT = 900.0
"""Seconds that one call of apt-get may take."""
ROLLING = frozenset({"stable", "testing", "unstable", "sid"})
POCKETS = ("", "-updates", "-security", "/updates")
"""What stands after a release's name in the suites of Debian and Ubuntu."""

Stanza = dict[str, str]
"""One entry in the form of deb822: fields by name, without continuation lines."""


class SourcesUnavailable(CorpusError):
    """The sources cannot be had on this machine."""


def fetch_sources(names: Sequence[str], folder: Path) -> None:
    """Fetch and unpack the upstream sources of Debian packages into `folder/unpacked`.

    What was unpacked before is kept. Debian's own patches are left out. Raises SourcesUnavailable.
    """
    unpacked = folder / "unpacked"
    if unpacked.exists():
        return
    if shutil.which("apt-get") is None:
        raise SourcesUnavailable("apt-get is not here: this needs Debian or one of its children.")
    options = private_options(folder.resolve())
    apt_get(["update", *options], folder)
    apt_get(["source", "--download-only", *options, *names], folder)
    unpack(sorted(folder.glob("*.orig.tar.*")), unpacked)


def private_options(folder: Path) -> list[str]:
    """Lay out a private state for apt under `folder` and return the options that select it."""
    entries = source_entries(read_entries(ETC), suites_of(OS_RELEASE.read_text(encoding="utf-8")))
    if not entries:
        raise SourcesUnavailable(
            f"{ETC} names no archive of this system's own release to fetch sources from."
        )
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "lists" / "partial").mkdir(parents=True, exist_ok=True)
    (folder / "cache" / "archives" / "partial").mkdir(parents=True, exist_ok=True)
    path = folder / "debian.sources"
    path.write_text("\n".join(map(written, entries)), encoding="utf-8")
    settings = {
        "Dir::Etc::SourceList": path,
        "Dir::Etc::SourceParts": "/dev/null",
        "Dir::State::Lists": folder / "lists",
        "Dir::Cache": folder / "cache",
        "APT::Sandbox::User": "root",
        "Acquire::Retries": "3",
        "Acquire::Languages": "none",
    }
    return [part for name, value in settings.items() for part in ("-o", f"{name}={value}")]


def apt_get(arguments: Sequence[str], folder: Path) -> None:
    """Run apt-get in `folder`. Raises SourcesUnavailable with the end of what it said."""
    command = ["apt-get", "--quiet", *arguments]
    try:
        done = subprocess.run(
            command, cwd=folder, capture_output=True, text=True, timeout=TIMEOUT, check=False
        )
    except subprocess.TimeoutExpired as error:
        raise SourcesUnavailable(f"apt-get took more than {TIMEOUT:.0f} s; try again.") from error
    if done.returncode:
        said = "\n".join((done.stdout + done.stderr).strip().splitlines()[-5:])
        raise SourcesUnavailable(
            f"apt-get {arguments[0]} failed; is the archive in reach from here? It said:\n{said}"
        )


def unpack(archives: Iterable[Path], destination: Path) -> None:
    """Unpack tar archives into a folder that appears when all are done."""
    with whole_folder(destination) as partial:
        for archive in archives:
            with tarfile.open(archive) as opened:
                opened.extractall(partial, filter="data")


def suites_of(os_release: str) -> frozenset[str]:
    """Return the names of suites that belong to the running system, from its os-release."""
    found = re.search(r'^VERSION_CODENAME="?([\w-]+)"?$', os_release, re.MULTILINE)
    names = {found[1], *ROLLING} if found else ROLLING
    return frozenset(name + pocket for name in names for pocket in POCKETS)


def read_entries(etc: Path) -> Iterator[Stanza]:
    """Yield the entries of sources.list and sources.list.d, in both of their forms."""
    folder = etc / "sources.list.d"
    for path in (etc / "sources.list", *sorted(folder.glob("*.list"))):
        if path.is_file():
            lines = path.read_text(encoding="utf-8").splitlines()
            yield from (stanza for line in lines if (stanza := parse_line(line)))
    for path in sorted(folder.glob("*.sources")):
        yield from parse_deb822(path.read_text(encoding="utf-8"))


def parse_line(line: str) -> Stanza | None:
    """Parse an entry of one line: `deb [signed-by=...] URI SUITE COMPONENT...`."""
    found = re.match(r"(deb|deb-src)\s+(?:\[([^\]]*)\]\s+)?(\S+)\s+(\S+)\s*([^#]*)", line.strip())
    if found is None:
        return None
    kind, options, uri, suite, components = found.groups()
    stanza = {"Types": kind, "URIs": uri, "Suites": suite, "Components": components.strip()}
    given = dict(part.split("=", 1) for part in shlex.split(options or "") if "=" in part)
    return stanza | ({"Signed-By": given["signed-by"]} if "signed-by" in given else {})


def parse_deb822(text: str) -> Iterator[Stanza]:
    """Parse entries of several lines, with blank lines between them (deb822)."""
    uncommented = re.sub(r"^#.*\n?", "", text, flags=re.MULTILINE)
    for block in re.split(r"\n\s*\n", uncommented.strip()):
        joined = re.sub(r"\n[ \t]+", " ", block)
        fields = (line.split(":", 1) for line in joined.splitlines() if ":" in line)
        stanza = {name.strip(): value.strip() for name, value in fields}
        if stanza.get("Enabled", "yes").lower() != "no" and "URIs" in stanza:
            yield stanza


def source_entries(entries: Iterable[Stanza], suites: frozenset[str]) -> list[Stanza]:
    """Return entries for sources from the system's own archives, each once.

    Other archives, which people add for single programs, often have no sources and would make apt
    fail.
    """
    found = []
    for entry in entries:
        own = [suite for suite in entry.get("Suites", "").split() if suite in suites]
        if not own or not entry.get("Components"):
            continue
        names = ("URIs", "Components", "Signed-By")
        kept = {name: entry[name] for name in names if name in entry}
        source = {"Types": "deb-src", "Suites": " ".join(own), **kept}
        if source not in found:
            found.append(source)
    return found


def written(entry: Stanza) -> str:
    """Write an entry in the form of deb822."""
    return "".join(f"{name}: {value}\n" for name, value in entry.items())
