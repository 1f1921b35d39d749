"""Instruction rows of one bundle: every kind, over the documents that stay."""

from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from corpus.atomic import replacing
from corpus.instruct import KINDS, InstructConfig
from corpus.schema import DOCUMENTS, INSTRUCT


@dataclass(frozen=True, kw_only=True, slots=True)
class InstructTask:
    """The parts of one bundle, the documents that stay, and where the rows go."""

    documents: Path
    functions: Path
    kept: Path
    destination: Path
    config: InstructConfig


def write_rows(task: InstructTask) -> None:
    """Write the instruction rows of one bundle; an existing file is left as it is."""
    if task.destination.exists():
        return
    documents = _kept_documents(task)
    functions = pq.read_table(task.functions)
    of_kept = pc.is_in(functions["document_id"], value_set=documents["document_id"])
    functions = functions.filter(of_kept)
    tables = [kind(documents, functions, task.config) for kind in KINDS]
    with replacing(task.destination) as temporary:
        pq.write_table(pa.concat_tables(tables).cast(INSTRUCT), temporary)


def _kept_documents(task: InstructTask) -> pa.Table:
    kept = pq.read_table(task.kept, columns=["document_id", "cluster_id", "split"])
    documents = pq.read_table(task.documents)
    positions = pc.index_in(documents["document_id"], value_set=kept["document_id"])
    documents = documents.filter(pc.is_valid(positions))
    found = kept.take(pc.drop_null(positions))
    for name in ("cluster_id", "split"):
        documents = documents.append_column(DOCUMENTS.field(name), found[name])
    return documents.combine_chunks()
