"""report.json in a release: its path, schema version, sections, and how it is read."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Required, TypedDict, cast

from corpus.errors import CorpusError
from corpus.release import Release
from corpus.untrusted import parse_json
from quality.report.figures import Section

JSON_NAME, HTML_NAME = "report.json", "report.html"
SCHEMA_VERSION = 2
"""The version of report.json, whose keys are described in docs/how-to/report.md. It is raised when
a key is removed or renamed, or when the card needs a new key.
"""


class Identity(TypedDict):
    """The identity of the release, and what it was made from."""

    version: str
    build_digest: str
    content_digest: str
    config_digest: str
    inputs_digest: str
    code: Section
    tools: Mapping[str, str]
    parent: Section | None


class Summary(TypedDict):
    """The headline figures."""

    documents: int
    packages: int
    archives_seen: int
    files_seen: int
    kept_share: float
    bytes: int
    lines: int
    lexical_tokens: int
    estimated_llm_tokens: int
    functions: int
    instruct_rows: int


class Named(TypedDict):
    """An entry with a name."""

    name: str


class Composition(TypedDict):
    """Documents by language, role and split."""

    languages: Sequence[Named]
    roles: Sequence[Named]
    splits: Sequence[Section]


class Licenses(TypedDict):
    """Documents by expression and evidence, and the refused archives."""

    expressions: Sequence[Named]
    evidence: Sequence[Section]
    own: Sequence[Section]
    refused: Sequence[Section]
    verdicts: Sequence[Section]


class Limits(TypedDict):
    """Known limits, withdrawn versions by reason, and how authors opt out."""

    opted_out: Section
    withdrawn: Section
    known: list[str]
    opt_out: str


class Kind(TypedDict, total=False):
    """The type of a column or of a part of one: a plain one, a list, or a struct."""

    dtype: str
    list: "Kind"
    struct: Sequence["Feature"]


class Feature(Kind):
    """A column, or a part of one."""

    name: Required[str]
    meaning: Required[str]


class ListedShard(TypedDict):
    """A file of a table."""

    path: str
    sha256: str
    bytes: int
    rows: int


class ListedSplit(TypedDict):
    """The files of a table in one split."""

    name: str
    rows: int
    file_bytes: int
    arrow_bytes: int
    shards: Sequence[ListedShard]


class ListedTable(TypedDict):
    """A table, with its columns and files."""

    name: str
    row: str
    features: Sequence[Feature]
    columns: Sequence[Section]
    splits: Sequence[ListedSplit]


class Report(TypedDict):
    """The sections of report.json. Sections that only the page reads have no detailed type."""

    schema_version: int
    identity: Identity
    summary: Summary
    funnel: Section
    licenses: Licenses
    composition: Composition
    sizes: Section
    duplicates: Section
    elixir: Section
    behaviours: Section
    concentration: Section
    quality: Section
    tokens: Section
    contamination: Section
    redactions: Section
    signals: Section
    instruct: Section
    samples: Section
    gate: Section | None
    drift: Section
    limits: Limits
    tables: Sequence[ListedTable]
    attribution: Section


WRITE = "Write it with `python -m quality report RELEASE`."
FETCH = "The release was published with its report: fetch the release again."
CHECK_OUT = "Use the code at the commit that the release's manifest names."


class NoReport(CorpusError):
    """The release has no readable report.json."""

    def __init__(self, path: Path, detail: str, remedy: str) -> None:
        super().__init__(f"{path}: {detail}. {remedy}")


def read_report(release: Release) -> Report:
    """Read report.json. Raises NoReport where it is absent, not JSON or of another version."""
    path = release.path / JSON_NAME
    published = release.manifest.report_digest is not None
    try:
        report = parse_json(path.read_bytes())
    except FileNotFoundError as error:
        raise NoReport(path, "there is no report here", FETCH if published else WRITE) from error
    except ValueError as error:
        raise NoReport(path, f"not JSON ({error})", FETCH if published else WRITE) from error
    found = report.get("schema_version") if isinstance(report, dict) else None
    if found != SCHEMA_VERSION:
        detail = f"schema version {found}, this code reads {SCHEMA_VERSION}"
        raise NoReport(path, detail, CHECK_OUT if published else WRITE)
    return cast(Report, report)
