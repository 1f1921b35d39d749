"""Who wrote what is in a release, and under which terms."""

from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from corpus.atomic import replacing, write_bytes
from corpus.schema import ATTRIBUTION


def attribution_table(archives: pa.Table, documents: dict[str, int]) -> pa.Table:
    """Return one row an archive that contributed, sorted by source, package and version.

    `archives` has `schema.READ_ARCHIVES`; `documents` counts documents by archive checksum.
    """
    rows = [
        {**row, "documents": documents[row["sha256"]]}
        for row in archives.to_pylist()
        if documents.get(row["sha256"], 0) > 0
    ]
    table = pa.Table.from_pylist(rows, schema=ATTRIBUTION)
    return table.sort_by([(name, "ascending") for name in ("source", "package", "version")])


def write_attribution(table: pa.Table, folder: Path) -> None:
    """Write `attribution.parquet`, and in LICENSES/ one text of every licence as it was found.

    Every package's own licence files stand in the table; the folder is for people to read.
    """
    with replacing(folder / "attribution.parquet") as temporary:
        pq.write_table(table, temporary, compression="zstd")
    for name, text in sorted(dict(_texts(table)).items()):
        write_bytes(folder / "LICENSES" / f"{name}.txt", text.encode())


def _texts(table: pa.Table) -> Iterator[tuple[str, str]]:
    """Yield licence id and text where one file stands for one licence id, verified."""
    for row in reversed(table.to_pylist()):
        single = row["license_expression"].replace("-", "").replace(".", "").isalnum()
        if single and len(row["license_texts"]) == 1 and row["license_evidence"] == "verified":
            yield row["license_expression"], row["license_texts"][0]["text"]
