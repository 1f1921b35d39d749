"""Writing of README.md, LICENSE.md and croissant.json of a release, only from its report.json, and
of its bill of materials, from its attribution.

The Hub reads the front matter of README.md to show, search and load a dataset. Its keys are in the
Hub's documentation, "Dataset Cards" and "Data files Configuration".
"""

from dataclasses import dataclass
from pathlib import Path
from typing import NotRequired, TypedDict

from corpus.atomic import canonical_json, write_bytes
from corpus.errors import CorpusError
from corpus.release import Release
from datacards.croissant import Json, croissant
from datacards.materials import MATERIALS_NAME, bill_of_materials
from pages import frame
from quality.report.published import Feature, Kind, ListedSplit, ListedTable, Report, read_report

CARD_NAME, LICENSE_NAME, CROISSANT_NAME = "README.md", "LICENSE.md", "croissant.json"
SIZE_CATEGORIES = (
    (10**3, "n<1K"),
    (10**4, "1K<n<10K"),
    (10**5, "10K<n<100K"),
    (10**6, "100K<n<1M"),
    (10**7, "1M<n<10M"),
    (10**8, "10M<n<100M"),
)
LARGEST_CATEGORY = "100M<n<1B"
RESERVED_SPLIT = "all"
"""`datasets` reserves this name for the union of all splits, so a split with this name is loaded
under the name of its table. The names of the files do not change.
"""


@dataclass(frozen=True, kw_only=True, slots=True)
class CardFiles:
    """The paths of the card, the licence statement, the Croissant description and the bill of
    materials.
    """

    card: Path
    license: Path
    croissant: Path
    materials: Path


class CardDiffers(CorpusError):
    """The card of a published release differs from the one made from its report now."""

    def __init__(self, path: Path) -> None:
        super().__init__(
            f"{path}: the card made now differs from the published one. Nothing was written, "
            "because a published release is never changed. Check it with `python -m corpus "
            "verify`, and use "
            "the code at the commit that its manifest names."
        )


class UnusableReport(CorpusError):
    """The report.json of a release does not have the form of a report."""

    def __init__(self, path: Path, error: Exception) -> None:
        super().__init__(
            f"{path}: no card can be made from report.json ({type(error).__name__}: {error}). It "
            "was altered or written by another version: check the release with `python -m corpus "
            "verify`, and use the code at the commit that its manifest names."
        )


def write(release: Release) -> CardFiles:
    """Write the card and the bill of materials of a candidate, or check those of a release.

    Releases of versions that wrote no bill of materials have none to check.

    Raises NoReport without a readable report.json, UnusableReport, CardDiffers, OSError.
    """
    published = release.manifest.report_digest is not None
    report = read_report(release)
    files = CardFiles(
        card=release.path / CARD_NAME,
        license=release.path / LICENSE_NAME,
        croissant=release.path / CROISSANT_NAME,
        materials=release.path / MATERIALS_NAME,
    )
    try:
        made = {
            files.card: card(report),
            files.license: license_statement(report),
            files.croissant: canonical_json(croissant(report)),
        }
    except Exception as error:
        if not published:
            raise
        # Published reports are untrusted: any value may be missing or have another type.
        raise UnusableReport(release.path, error) from error
    if not published or any(each.path == MATERIALS_NAME for each in release.manifest.artifacts):
        made[files.materials] = bill_of_materials(release)
    for path, data in made.items():
        if not published:
            write_bytes(path, data)
        elif not path.is_file() or path.read_bytes() != data:
            raise CardDiffers(path)
    return files


def card(report: Report) -> bytes:
    """Render the card from the values of report.json."""
    return _rendered("README.md.j2", report)


def license_statement(report: Report) -> bytes:
    """Render LICENSE.md, to which the card's metadata links: the licences of the documents.

    For a licence outside its list the Hub requires a file of this name or an address.
    """
    return _rendered("LICENSE.md.j2", report)


def _rendered(name: str, report: Report) -> bytes:
    environment = frame.environment("datacards", html=False)
    environment.filters["split_name"] = split_name
    template = environment.get_template(name)
    text: str = template.render(**report, metadata=metadata(report))
    return f"{text.rstrip()}\n".encode()


class Config(TypedDict):
    """A configuration of the dataset, and whether it is the default."""

    config_name: str
    default: NotRequired[bool]
    data_files: list[dict[str, str]]


class Info(TypedDict):
    """Columns and sizes of a configuration."""

    config_name: str
    features: list[Json]
    splits: list[Json]
    download_size: int
    dataset_size: int


class Metadata(TypedDict):
    """The front matter of the card."""

    pretty_name: str
    license: str
    license_name: str
    license_link: str
    language: list[str]
    task_categories: list[str]
    task_ids: list[str]
    annotations_creators: list[str]
    language_creators: list[str]
    source_datasets: list[str]
    tags: list[str]
    size_categories: list[str]
    configs: list[Config]
    dataset_info: list[Info]


def metadata(report: Report) -> Metadata:
    """Return the card's metadata; sizes and features are those of report.json."""
    filled = [table for table in report["tables"] if filled_splits(table)]
    languages = [row["name"] for row in report["composition"]["languages"]]
    return {
        "pretty_name": "Elixir Corpus",
        "license": "other",
        "license_name": "per-document",
        "license_link": LICENSE_NAME,
        "language": ["en", "code"],
        "task_categories": ["text-generation"],
        "task_ids": ["language-modeling"],
        "annotations_creators": ["machine-generated"],
        "language_creators": ["found"],
        "source_datasets": ["original"],
        "tags": sorted({"code", "otp", "hex", "deduplicated", "license-clean", *languages}),
        "size_categories": [size_category(report["summary"]["documents"])],
        "configs": [_config(table, table is report["tables"][0]) for table in filled],
        "dataset_info": [_info(table) for table in filled],
    }


def size_category(rows: int) -> str:
    """Return the Hub's name for a number of rows."""
    return next((name for bound, name in SIZE_CATEGORIES if rows < bound), LARGEST_CATEGORY)


def filled_splits(table: ListedTable) -> list[ListedSplit]:
    """Return the splits that have rows: `datasets` refuses to load a split without rows."""
    return [split for split in table["splits"] if split["rows"]]


def split_name(name: str, table: str) -> str:
    """Return the name under which `datasets` may load a split of a table."""
    return table if name == RESERVED_SPLIT else name


def _config(table: ListedTable, is_default: bool) -> Config:
    files = [
        {
            "split": split_name(split["name"], table["name"]),
            "path": f"data/{table['name']}/{split['name']}-*.parquet",
        }
        for split in filled_splits(table)
    ]
    if is_default:
        return {"config_name": table["name"], "default": True, "data_files": files}
    return {"config_name": table["name"], "data_files": files}


def _info(table: ListedTable) -> Info:
    splits = [
        {
            "name": split_name(split["name"], table["name"]),
            "num_bytes": split["arrow_bytes"],
            "num_examples": split["rows"],
        }
        for split in filled_splits(table)
    ]
    return {
        "config_name": table["name"],
        "features": [_feature(feature) for feature in table["features"]],
        "splits": splits,
        "download_size": sum(split["file_bytes"] for split in filled_splits(table)),
        "dataset_size": sum(split["arrow_bytes"] for split in filled_splits(table)),
    }


def _feature(feature: Feature) -> Json:
    return {"name": feature["name"], **_type(feature)}


def _type(kind: Kind) -> Json:
    """Write a type as `datasets` does: a list of a plain type has its name, one of structs its
    parts.
    """
    if "struct" in kind:
        return {"struct": [_feature(field) for field in kind["struct"]]}
    if "list" not in kind:
        return {"dtype": kind["dtype"]}
    inner = kind["list"]
    if "struct" in inner:
        return {"list": [_feature(field) for field in inner["struct"]]}
    return {"list": inner["dtype"] if "dtype" in inner else _type(inner)}
