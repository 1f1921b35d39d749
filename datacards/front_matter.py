"""The card's YAML: what the Hub reads to show, search and load a dataset.

Keys as in the Hub's documentation, "Dataset Cards" and "Data files Configuration".
"""

from typing import Any

Row = dict[str, Any]

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
"""`datasets` keeps this name for the union of all splits, so a split of that name is loaded under
the name of its table; the files keep theirs."""


def front_matter(report: Row) -> str:
    """Return the YAML block of a card, without its fences."""
    import yaml

    return yaml.safe_dump(
        metadata(report), sort_keys=False, allow_unicode=True, default_flow_style=False, width=100
    )


def metadata(report: Row) -> Row:
    """Return the card's metadata; sizes and features are those of report.json."""
    filled = [table for table in report["tables"] if filled_splits(table)]
    languages = [row["name"] for row in report["composition"]["languages"]]
    return {
        "pretty_name": "Elixir Corpus",
        "license": "other",
        "license_name": "per-document",
        "license_link": "LICENSES",
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


def filled_splits(table: Row) -> list[Row]:
    """Return the splits that have rows: `datasets` refuses to load a split without any."""
    return [split for split in table["splits"] if split["rows"]]


def split_name(name: str, table: str) -> str:
    """Return the name under which `datasets` may load a split of a table."""
    return table if name == RESERVED_SPLIT else name


def _config(table: Row, is_default: bool) -> Row:
    files = [
        {
            "split": split_name(split["name"], table["name"]),
            "path": f"data/{table['name']}/{split['name']}-*.parquet",
        }
        for split in filled_splits(table)
    ]
    default = {"default": True} if is_default else {}
    return {"config_name": table["name"], **default, "data_files": files}


def _info(table: Row) -> Row:
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


def _feature(feature: Row) -> Row:
    named = {"name": feature["name"]} if "name" in feature else {}
    return {**named, **_type(feature)}


def _type(kind: Row) -> Row:
    """Write a type as `datasets` does: a list of a plain type names it, one of structs lists it."""
    if "struct" in kind:
        return {"struct": [_feature(field) for field in kind["struct"]]}
    if "list" not in kind:
        return {"dtype": kind["dtype"]}
    inner = kind["list"]
    if "struct" in inner:
        return {"list": [_feature(field) for field in inner["struct"]]}
    return {"list": inner["dtype"] if "dtype" in inner else _type(inner)}
