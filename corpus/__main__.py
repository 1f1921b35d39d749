"""`python -m corpus`: build, verify and explain a release, and inspect a file."""

import os
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from corpus.console import (
    Version,
    application,
    errors,
    fail,
    output,
    plain_errors,
    say,
    say_json,
)
from corpus.executor import Cluster
from corpus.release import Release
from corpus.terminal import (
    LogLevel,
    LogLevelOption,
    show_comparison,
    show_explanation,
    show_funnel,
    show_origin,
    show_plan,
    show_progress,
    show_timings,
)
from pages.formats import plural

if TYPE_CHECKING:
    from corpus.optout.ledger import Kind

app = application("Turn an archive store into a release, verify and explain it, and inspect files.")

ReleaseFolder = Annotated[
    Path, typer.Argument(help="The folder of a release, as printed by `build`.")
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print the result as one JSON object.")]
ConfigOption = Annotated[
    Path | None, typer.Option(help="A TOML file; `python -m corpus config` prints every key.")
]
BenchmarksOption = Annotated[
    list[str] | None,
    typer.Option(
        metavar="PLACE|NAME=PLACE",
        help="A benchmark: documents that hold a problem of it are left out. MultiPL-E, McEval, "
        "AutoCodeBench, a checkout of Exercism or of ash-project/evals, or JSON lines or Parquet "
        "of your own; a file, a folder or hf://datasets/OWNER/NAME/FOLDER. Can be repeated.",
    ),
]
LicensesOption = Annotated[
    str | None,
    typer.Option(
        metavar="NAME|FILE",
        help="The licences that are permitted, in place of those of the configuration: "
        "blueoak, blueoak-silver, file-copyleft, or a file with one SPDX id a line, or a JSON "
        "array of them.",
    ),
]


@app.callback()
def corpus(version: Version = False) -> None:
    """Turn an archive store into a release, verify and explain it, and inspect files."""


@app.command(
    epilog="Example: `python -m corpus build --archives archives --out releases --workers 8`"
)
def build(
    archives: Annotated[
        Path, typer.Option(help="The archive store that a crawl filled, a folder or a URL.")
    ],
    out: Annotated[
        Path,
        typer.Option(
            help="The folder for releases, each in a folder named by its version, or an fsspec URL "
            "such as s3://bucket/releases."
        ),
    ],
    work: Annotated[
        Path | None,
        typer.Option(
            help="The folder or URL for intermediate tables, with which an interrupted build goes "
            "on; OUT/work without it."
        ),
    ] = None,
    config: ConfigOption = None,
    workers: Annotated[
        int, typer.Option(help="Number of worker processes; 0 uses this process only.", min=0)
    ] = os.cpu_count() or 1,
    scheduler: Annotated[
        str | None,
        typer.Option(
            help="A running Dask scheduler, tls://HOST:PORT or tcp://HOST:PORT. Anyone who can "
            "connect to it can run code on its workers."
        ),
    ] = None,
    tls_ca: Annotated[
        Path | None, typer.Option(help="With tls://: the certificate authority, PEM.")
    ] = None,
    tls_cert: Annotated[
        Path | None, typer.Option(help="With tls://: our certificate, PEM.")
    ] = None,
    tls_key: Annotated[
        Path | None, typer.Option(help="With tls://: the key of our certificate, PEM.")
    ] = None,
    optout: Annotated[
        Path | None,
        typer.Option(
            help="The ledger of opt-outs, which `optout add` writes: what it names is left out. A "
            "folder whose newest release has opt-outs takes no build without them."
        ),
    ] = None,
    benchmarks: BenchmarksOption = None,
    elixir: Annotated[
        list[str] | None,
        typer.Option(
            metavar="PATH",
            help="A program `elixir` that documents are verified with; may be given several times. "
            "Without it, the one in PATH if the configuration has verification.verify auto or on.",
        ),
    ] = None,
    licenses: LicensesOption = None,
    dry_run: Annotated[
        bool,
        typer.Option(
            "--dry-run",
            help="Check the archives, and print what each stage would do and why; write nothing.",
        ),
    ] = False,
    clean: Annotated[
        bool,
        typer.Option(
            "--clean",
            help="After the release is named, remove from OUT/work everything that this build did "
            "not use: tables of earlier archives, settings and code.",
        ),
    ] = False,
    sign: Annotated[
        Path | None,
        typer.Option(
            help="An Ed25519 private key, PEM without a password: sign the statement of what the "
            "release was made from, in provenance.dsse.json."
        ),
    ] = None,
    log_level: LogLevelOption = LogLevel.INFO,
) -> None:
    """Build a release, run the gate on it, and name it if it passes.

    An interrupted build resumes where it stopped. Exit code 1 means that the gate failed, 2 that
    the build could not finish.
    """
    if dry_run:
        told = benchmarks or [], elixir or []
        _show_plan(archives, out, work, config, licenses, optout, *told, log_level)
        return
    from elixir_corpus.pipeline import build_release

    if scheduler is None and any((tls_ca, tls_cert, tls_key)):
        fail("TLS credentials are for a scheduler: give --scheduler tls://HOST:PORT too", 2)
    cluster = Cluster(scheduler, tls_ca, tls_cert, tls_key) if scheduler else None
    with plain_errors(), show_progress(log_level) as progress:
        built = build_release(
            archives,
            out,
            config,
            workers,
            work=work,
            licenses=licenses,
            optout=optout,
            benchmarks=benchmarks or [],
            elixir=elixir or [],
            cluster=cluster,
            progress=progress,
            clean=clean,
            sign=sign,
        )
    show_funnel(built.release)
    show_timings(built.timings)
    for benchmark in built.release.manifest.benchmarks:
        found = f"{len(benchmark.found)} of {plural(benchmark.problems, 'problem')}"
        left_out = plural(benchmark.documents, "document")
        short = benchmark.problems - benchmark.compared
        not_compared = f", {short} too short to compare" if short else ""
        output.print(f"{benchmark.name}: {found} found, {left_out} left out{not_compared}")
    for entry in built.unmatched:
        removal = entry.removal
        errors.print(f"left out nothing: {entry.name}, {removal.kind} {removal.value}")
    if clean:
        folders, cleaned = plural(built.cleaned, "folder"), work or out / "work"
        output.print(f"removed {folders} of earlier builds from {cleaned}")
    output.print(f"release {built.release.manifest.version}: {built.release.path}")
    if built.failed:
        failed = "\n".join(f"  {name}" for name in built.failed)
        fail(f"the gate did not pass, so the candidate keeps its provisional name:\n{failed}", 1)


def _show_plan(
    archives: Path,
    out: Path,
    work: Path | None,
    config: Path | None,
    licenses: str | None,
    optout: Path | None,
    benchmarks: list[str],
    elixir: list[str],
    log_level: LogLevel,
) -> None:
    from corpus.build import plan_build
    from corpus.configuration import configured, permitting
    from corpus.decontamination.benchmarks import read_benchmarks
    from corpus.optout.ledger import read_ledger
    from corpus.places import place
    from corpus.store import ArchiveStore
    from corpus.verification.toolchains import find_toolchains

    with plain_errors(), show_progress(log_level) as progress:
        store, ledger = ArchiveStore(archives), read_ledger(optout) if optout else None
        settings = configured(config)
        settings = settings if licenses is None else permitting(settings, licenses)
        at = None if work is None else place(work)
        told = read_benchmarks(benchmarks, settings.decontamination.fields)
        found = find_toolchains(elixir, settings.verification)
        planned = plan_build(store, place(out), settings, progress, ledger, at, told, found)
    show_plan(planned)


@app.command(
    epilog="Example: `python -m corpus add-folder ../shop --archives archives --name acme/shop "
    "--version 1.4.0 --url https://github.com/acme/shop`"
)
def add_folder(
    folder: Annotated[Path, typer.Argument(help="A checkout, or any folder of source files.")],
    archives: Annotated[Path, typer.Option(help="The archive store to add it to.")],
    name: Annotated[
        str, typer.Option(help="Name of the package in the store: NAME or OWNER/NAME.")
    ],
    version: Annotated[
        str, typer.Option(help="Version of the package, for example a tag or a commit.")
    ],
    url: Annotated[
        str | None,
        typer.Option(help="Public address of the same files; it is written to attribution."),
    ] = None,
) -> None:
    """Add a folder to an archive store; `build` reads it like a package.

    Files below .git, _build, deps and node_modules are not read, and links are not followed. The
    same files give the same archive. Exit code 2: the folder or a name cannot be used.
    """
    from corpus.sources.folder import add_folder as add
    from corpus.store import ArchiveStore

    with plain_errors():
        archive, packed = add(ArchiveStore(archives), folder, name=name, version=version, url=url)
    for file in packed.left_out:
        errors.print(f"left out: {file.path}: {file.reject.detail} ({file.reject.reason})")
    files = plural(packed.files, "file")
    output.print(f"{name} {version}: {files}, {archive.bytes} bytes, sha256 {archive.sha256}")


@app.command(
    epilog="Example: `python -m corpus copy-archives archives s3://bucket/archives`",
)
def copy_archives(
    archives: Annotated[Path, typer.Argument(help="The archive store that a crawl filled.")],
    url: Annotated[
        str, typer.Argument(metavar="URL", help="Where the copy is, such as s3://bucket/archives.")
    ],
    log_level: LogLevelOption = LogLevel.INFO,
) -> None:
    """Copy an archive store to a URL, from which `build` reads it; only what is missing is sent.

    Exit code 1: some archives are damaged and were left out. 2: the copy could not finish, and the
    same command resumes.
    """
    from corpus.store import ArchiveStore
    from corpus.store.copying import copy_store

    with plain_errors(), show_progress(log_level) as progress:
        copied = copy_store(ArchiveStore(archives), url, progress)
    sent = plural(copied.uploaded, "archive")
    output.print(f"{url}: {sent} uploaded, {copied.there} there before")
    for archive in copied.damaged:
        errors.print(f"damaged: {archive.name} {archive.version} is not as its row says")
    if copied.damaged:
        raise typer.Exit(1)


@app.command(epilog="Example: `python -m corpus verify releases/2026.11.1`")
def verify(
    release: ReleaseFolder,
    key: Annotated[
        Path | None,
        typer.Option(help="An Ed25519 public key, PEM: the release has to be signed by it."),
    ] = None,
) -> None:
    """Recheck every digest of a release, and the statement of what it was made from.

    Exit code 1 means that something differs, or with --key that its signature does not hold.
    """
    from corpus.release import DamagedRelease
    from corpus.release import verify as problems_of

    with plain_errors():
        opened = Release.open(release)
        problems = problems_of(opened, key=key)
    if problems:
        fail(str(DamagedRelease(opened, problems)), 1)
    files = len(opened.manifest.shards) + len(opened.manifest.artifacts)
    output.print(f"{opened.path}: {files} files match the manifest; identity {opened.identity}")
    if key is not None:
        output.print(f"{opened.path}: signed by the key in {key}")


@app.command(
    epilog="Examples: `python -m corpus explain releases/2026.11.1 plug/lib/plug.ex`, "
    "`python -m corpus explain releases/2026.11.1 near_duplicate --json`"
)
def explain(
    release: ReleaseFolder,
    wanted: Annotated[
        str,
        typer.Argument(
            metavar="PACKAGE[/PATH]|HASH|REASON",
            help="A package, a file or folder in it, 8 or more digits of a hash of either, or a "
            "reason for which files were left out.",
        ),
    ],
    as_json: JsonOption = False,
) -> None:
    """Show the result for a package, folder, file or hash, or what was left out for a reason.

    Exit code 2: the release has nothing about it, or cannot be read.
    """
    from corpus.explain import explain as look_up

    with plain_errors():
        found = look_up(Release.open(release), wanted)
    if as_json:
        say_json(asdict(found))
    else:
        show_explanation(found)


@app.command(
    epilog="Example: `python -m corpus samples releases/2026.11.1 "
    "--kind documentation_to_function --seed 7`"
)
def samples(
    release: ReleaseFolder,
    kind: Annotated[str | None, typer.Option(help="A kind; default: all kinds.")] = None,
    count: Annotated[int, typer.Option(min=1, help="Rows of each kind.")] = 20,
    seed: Annotated[int, typer.Option(help="Another number gives other rows.")] = 0,
    as_json: JsonOption = False,
) -> None:
    """Print instruction rows to read, the same ones for the same seed.

    Exit code 2: there is no such kind, or the release cannot be read.
    """
    from corpus.samples import samples as sample

    with plain_errors():
        found = list(sample(Release.open(release), kind, count, seed))
    if as_json:
        say_json([asdict(each) for each in found])
        return
    for each in found:
        say(f"# {each.kind}: {len(each.sample)} of {each.rows}\n")
        for row in each.sample:
            say(f"## {row['subject']} ({row['difficulty']}, {row['verification']})\n")
            say(f"{row['package']}: {', '.join(row['paths'])}; {row['id']}\n")
            for message in row["messages"]:
                say(f"### {message['role']}\n\n{message['content']}\n")


@app.command(
    epilog="Examples: `python -m corpus diff releases/2026.10.1 releases/2026.11.1`, "
    "`python -m corpus diff releases/2026.10.1 releases/2026.11.1 --json`"
)
def diff(
    old: Annotated[Path, typer.Argument(metavar="RELEASE", help="The earlier release.")],
    new: Annotated[Path, typer.Argument(metavar="RELEASE", help="The later release.")],
    as_json: JsonOption = False,
) -> None:
    """Compare two releases: packages, rows, splits, licences, tokens and reasons, and why.

    Digests are not checked; `verify` does that. Exit code 2: a release cannot be read.
    """
    from corpus.comparison import compare

    with plain_errors():
        found = compare(Release.open(old), Release.open(new))
    if as_json:
        say_json(asdict(found))
    else:
        show_comparison(found)


@app.command(
    epilog="Examples: `python -m corpus origin releases/2026.11.1 lib/cart.ex`, "
    "`cat answer.md | python -m corpus origin releases/2026.11.1 - --json`, "
    "`python -m corpus origin releases/2026.11.1 "
    "swh:1:cnt:94a9ed024d3859793618152ea559a168bbcbb5e2`"
)
def origin(
    release: ReleaseFolder,
    query: Annotated[
        str,
        typer.Argument(
            metavar="FILE|HASH|-",
            help="A file, or - for standard input: a source file, or any text with pieces of code "
            "in it. Or the SHA-256, the Git blob id or the SWHID of a file.",
        ),
    ],
    as_json: JsonOption = False,
) -> None:
    """Say where a file or a piece of code is from, with its licence and whom to name.

    Exit code 1: the release has nothing like it; 2: there is no answer, with the cause.
    """
    from corpus.origin.search import Origins, is_hash, read_query

    with plain_errors():
        origins = Origins(Release.open(release))
        if query == "-":
            answer = origins.ask(read_query(sys.stdin.buffer))
        elif is_hash(query) and not Path(query).exists():
            answer = origins.ask_hash(query)
        else:
            with Path(query).open("rb") as file:
                answer = origins.ask(read_query(file), query)
    if as_json:
        say_json(answer.plain())
    else:
        show_origin(answer)
    if not answer.matches:
        raise typer.Exit(1)


@app.command(epilog="Example: `python -m corpus schema documents`")
def schema(
    table: Annotated[
        str | None, typer.Argument(help="documents, functions, ...; default: all tables.")
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print JSON instead of Markdown.")
    ] = False,
) -> None:
    """Print the meaning of every column of a release and of an archive store."""
    from corpus.tables import TABLES, columns_of, dictionary

    if table is not None and table not in TABLES:
        fail(f"there is no table {table!r}; the tables are {', '.join(TABLES)}", 2)
    chosen = [table] if table else list(TABLES)
    if not as_json:
        say(dictionary(*chosen).removesuffix("\n"))
        return
    told = {
        table.name: {"row": table.row, "columns": list(map(asdict, columns_of(table.schema)))}
        for table in map(TABLES.__getitem__, chosen)
    }
    say_json(told, is_canonical=True)


@app.command(
    epilog="Examples: `python -m corpus inspect lib`, `python -m corpus inspect lib/*.ex`, "
    "`git show HEAD:lib/plug.ex | python -m corpus inspect - --name plug.ex`"
)
def inspect(
    paths: Annotated[
        list[Path],
        typer.Argument(
            help="Elixir and Erlang source files, folders of them, or - for standard input."
        ),
    ],
    name: Annotated[Path, typer.Option(help="File name for the source on standard input.")] = Path(
        "stdin.ex"
    ),
) -> None:
    """Print what extraction finds in source files, one JSON line per file.

    Exit code 2: a file could not be read; all others are printed.
    """
    from corpus.errors import CorpusError

    failures = 0
    for path, read in _inspected(paths, name):
        try:
            found = read()
        except CorpusError as error:
            failures += 1
            errors.print(f"error: {path}: {error}")
        else:
            say_json(found)
    if failures:
        raise typer.Exit(2)


def _inspected(
    paths: list[Path], name: Path
) -> Iterator[tuple[Path, Callable[[], Mapping[str, object]]]]:
    """Yield each source, and the function that reads it."""
    from corpus.inspect import inspect as inspect_file
    from corpus.inspect import inspect_bytes, source_files

    for path in paths:
        if path == Path("-"):
            yield name, lambda: inspect_bytes(name, sys.stdin.buffer.read())
        else:
            files = list(source_files(path))
            if not files:
                errors.print(f"note: {path}: no file below it is Elixir or Erlang source")
            yield from ((file, partial(inspect_file, file)) for file in files)


@app.command(epilog="Example: `python -m corpus config --config small.toml > full.toml`")
def config(config: ConfigOption = None, licenses: LicensesOption = None) -> None:
    """Print every key of the configuration with the value that is in effect, as TOML."""
    from corpus.configuration import configured, dump, permitting

    with plain_errors():
        settings = configured(config)
        settings = settings if licenses is None else permitting(settings, licenses)
        say(dump(settings).rstrip("\n"))


ledger_app = application("Keep the ledger of opt-outs, and tell authors what a release holds.")
app.add_typer(
    ledger_app,
    name="optout",
    epilog="Example: `python -m corpus optout check --package plug releases/2026.11.1`",
)

LedgerOption = Annotated[
    Path, typer.Option("--ledger", help="The ledger, a file of one entry a line.")
]
OwnerOption = Annotated[str | None, typer.Option(help="An account: hex:NAME, github.com:NAME, ...")]
RepositoryOption = Annotated[
    str | None, typer.Option(help="A repository, such as github.com/acme/shop.")
]
PackageOption = Annotated[str | None, typer.Option(help="A package, in all versions.")]
PathOption = Annotated[
    str | None, typer.Option(help="With --package: a file of it, or a pattern: lib/private/*.")
]
ContentOption = Annotated[str | None, typer.Option(help="The SHA-256 of a file, wherever it is.")]
SwhidOption = Annotated[str | None, typer.Option(help="The SWHID of a file: swh:1:cnt:...")]


def _named(
    owner: str | None,
    repository: str | None,
    package: str | None,
    path: str | None,
    content: str | None,
    swhid: str | None,
) -> "tuple[Kind, str] | None":
    """Return what the options name, None for nothing; ends the command if they name two things."""
    from corpus.optout.ledger import Kind

    if path is not None:
        if package is None:
            fail("--path is a file of a package: give --package too", 2)
        package, path = None, f"{package}:{path}"
    named = {
        Kind.OWNER: owner,
        Kind.REPOSITORY: repository,
        Kind.PACKAGE: package,
        Kind.PATH: path,
        Kind.CONTENT: content,
        Kind.SWHID: swhid,
    }
    given = [(kind, value) for kind, value in named.items() if value is not None]
    if len(given) > 1:
        fail(f"name one thing: --{given[0][0]} or --{given[1][0]}", 2)
    return given[0] if given else None


@ledger_app.command(
    "add",
    epilog="Example: `python -m corpus optout add --package plug --reason 'asked, discussion 12'`",
)
def optout_add(
    owner: OwnerOption = None,
    repository: RepositoryOption = None,
    package: PackageOption = None,
    path: PathOption = None,
    content: ContentOption = None,
    swhid: SwhidOption = None,
    reason: Annotated[
        str | None, typer.Option(help="Why, for example a discussion. Every release tells it.")
    ] = None,
    tables: Annotated[
        Path | None,
        typer.Option("--from", help="A TOML file of [[exclude]] tables, as version 0.1.0 had."),
    ] = None,
    day: Annotated[
        datetime | None,
        typer.Option(
            "--date",
            formats=["%Y-%m-%d"],
            help="When it was asked for; today, in UTC, if it is not given.",
        ),
    ] = None,
    ledger: LedgerOption = Path("optout.jsonl"),
) -> None:
    """Append an entry to the ledger, which begins with the first one. Nothing takes it back.

    What the ledger has already is not added again. Exit code 2: nothing was added.
    """
    from corpus.optout.ledger import add, read_exclusions, removal

    named = _named(owner, repository, package, path, content, swhid)
    today = datetime.now(UTC).date()
    if day is not None and day.date() > today:
        fail(f"--date {day.date()} is after today, {today}: give the day it was asked for", 2)
    with plain_errors():
        if tables is not None and named is None and reason is None:
            removals = read_exclusions(tables)
        elif tables is None and named is not None and reason is not None:
            removals = [removal(*named, reason)]
        else:
            fail("give --reason and what to leave out, such as --package NAME; or --from FILE", 2)
        kept, new = add(ledger, removals, day.date() if day else today)
    for entry in kept.entries[len(kept.entries) - new :]:
        output.print(f"{entry.name}: {entry.removal.kind} {entry.removal.value}")
    if not new:
        output.print(f"{ledger} has all of this already; nothing was added")


@ledger_app.command(
    "check",
    epilog="Examples: `python -m corpus optout check`, "
    "`python -m corpus optout check --package plug releases/2026.11.1 releases/2026.11.2`",
)
def optout_check(
    releases: Annotated[
        list[Path] | None, typer.Argument(help="Folders of releases that are asked.")
    ] = None,
    owner: OwnerOption = None,
    repository: RepositoryOption = None,
    package: PackageOption = None,
    path: PathOption = None,
    content: ContentOption = None,
    swhid: SwhidOption = None,
    ledger: Annotated[
        Path | None,
        typer.Option(
            help="The ledger whose chain is checked, and that has to have all entries of the "
            "releases; optout.jsonl if no release is given."
        ),
    ] = None,
) -> None:
    """Check the chain of the ledger, and tell what releases hold of a package, a repository, ...

    Exit code 1: a release holds something of it. Exit code 2: a ledger or a release cannot be used.
    """
    from corpus.optout.ledger import read_ledger, removal
    from corpus.optout.releases import ask, refuse_lost_entries

    named = _named(owner, repository, package, path, content, swhid)
    if named is not None and not releases:
        fail("name the releases that are to be asked, such as releases/2026.11.1", 2)
    held = 0
    with plain_errors():
        opened = [Release.open(folder) for folder in releases or ()]
        if ledger is not None or not opened:
            place = ledger or Path("optout.jsonl")
            kept = read_ledger(place)
            for release in opened:
                refuse_lost_entries(release, kept)
            entries = plural(len(kept.entries), "entry", "entries")
            output.print(f"{place}: {entries}, unbroken; head {kept.head}")
        if named is not None:
            kind, value = named
            value = removal(kind, value, "asked for").value
            for release in opened:
                answer = ask(release, kind, value)
                held += answer.documents
                output.print(answer.sentence)
    if held:
        raise typer.Exit(1)


@ledger_app.command("list", epilog="Example: `python -m corpus optout list --json`")
def optout_list(
    ledger: LedgerOption = Path("optout.jsonl"),
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one JSON object per entry.")
    ] = False,
) -> None:
    """Print the entries of a ledger, or of optout.jsonl of a release, after a check of its chain.

    Exit code 2: the ledger cannot be read.
    """
    from corpus.optout.ledger import read_ledger

    with plain_errors():
        entries = read_ledger(ledger).entries
    for entry in entries:
        if as_json:
            say(entry.line().decode().removesuffix("\n"))
        else:
            removal = entry.removal
            output.print(f"{entry.name}: {removal.kind} {removal.value} ({removal.reason})")


if __name__ == "__main__":
    app(prog_name="python -m corpus")
