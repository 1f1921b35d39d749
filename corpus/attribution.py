"""Attribution: the authors and licences of the packages in a release."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from corpus.atomic import replacing, write_bytes
from corpus.licenses import is_license_text
from corpus.tables import ALIGNED, ATTRIBUTION, FAMILY, SPLITS, VERSIONS


def write_attribution(
    archives: Iterable[pa.Table],
    documents: Mapping[str, Counter[str | None]],
    folder: Path,
    families: pa.Table | None = None,
    aligned: pa.Table | None = None,
) -> None:
    """Write `attribution.parquet`, and every licence and NOTICE text once to LICENSES/.

    `archives` are tables of `tables.READ_ARCHIVES` in the order of the index. `documents` has, by
    archive checksum, the number of documents by licence expression; an archive without documents is
    left out. `families` is a table of `tables.SPLITS`, `aligned` one of `tables.VERSIONS`; values
    that they lack are null. The table has the licence files of every package by path. The folder
    has one text for each licence by its SPDX id, for readers, and all texts by digest,
    `LICENSES/texts/AB/ABC....txt`.
    """
    texts: dict[str, str] = {}
    written: set[str] = set()
    families = SPLITS.empty_table() if families is None else families
    aligned = VERSIONS.empty_table() if aligned is None else aligned
    with (
        replacing(folder / "attribution.parquet") as temporary,
        pq.ParquetWriter(temporary, ATTRIBUTION, compression="zstd") as writer,
    ):
        for table in archives:
            contributing = _contributing(table, documents, families, aligned)
            writer.write_table(contributing)
            for name, text in _texts(contributing):
                texts.setdefault(name, text)
            for each in contributing["license_texts"].to_pylist():
                for told in each:
                    if told["sha256"] not in written:
                        written.add(told["sha256"])
                        write_bytes(folder / text_path(told["sha256"]), told["text"].encode())
    for name, text in sorted(texts.items()):
        write_bytes(folder / "LICENSES" / f"{name}.txt", text.encode())


def text_path(digest: str) -> str:
    """Return where a release has a text, in one of 256 folders: the Hub takes 10,000 files each."""
    return f"LICENSES/texts/{digest[:2]}/{digest}.txt"


def _contributing(
    archives: pa.Table,
    documents: Mapping[str, Counter[str | None]],
    families: pa.Table,
    aligned: pa.Table,
) -> pa.Table:
    found = [documents.get(checksum, Counter()) for checksum in archives["sha256"].to_pylist()]
    licenses = [
        [{"expression": name, "documents": count} for name, count in _ordered(each)]
        for each in found
    ]
    columns = {"documents": [each.total() for each in found], "document_licenses": licenses}
    for name, values in columns.items():
        field = ATTRIBUTION.field(name)
        archives = archives.append_column(field, pa.array(values, field.type))
    places = pc.index_in(archives["package"], value_set=families["package"])
    for field in FAMILY:
        archives = archives.append_column(field, families[field.name].take(places))
    places = pc.index_in(archives["sha256"], value_set=aligned["archive_sha256"])
    for field in ALIGNED:
        archives = archives.append_column(field, aligned[field.name].take(places))
    return archives.filter(pc.greater(archives["documents"], 0)).select(ATTRIBUTION.names)


def _ordered(licenses: Counter[str | None]) -> list[tuple[str | None, int]]:
    """Sort expressions; the gate finds documents without one."""
    return sorted(licenses.items(), key=lambda item: item[0] or "")


def _texts(table: pa.Table) -> Iterator[tuple[str, str]]:
    """Yield licence id and text if a verified package has one file at the root for one id."""
    for row in table.to_pylist():
        expression = row["license_expression"] or ""
        texts = [each for each in row["license_texts"] if is_license_text(each["path"])]
        single = expression.replace("-", "").replace(".", "").isalnum()
        if single and len(texts) == 1 and row["license_evidence"] == "verified":
            yield expression, texts[0]["text"]
