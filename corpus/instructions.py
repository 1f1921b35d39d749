"""Instruction rows of one bundle: every kind, over the documents that stay."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from corpus.atomic import replacing
from corpus.instruct import KINDS, InstructConfig
from corpus.schema import INSTRUCT
from corpus.selection import of_kept


@dataclass(frozen=True, kw_only=True, slots=True)
class InstructTask:
    """The parts of one bundle, those of its documents that stay, and where the rows go."""

    documents: Path
    functions: Path
    kept: Path
    destination: Path
    config: InstructConfig


def write_rows(task: InstructTask) -> None:
    """Write the instruction rows of one bundle; an existing file is left as it is."""
    if task.destination.exists():
        return
    documents = of_kept(pq.read_table(task.documents), task.kept).combine_chunks()
    functions = pq.read_table(task.functions)
    stays = pc.is_in(functions["document_id"], value_set=documents["document_id"])
    functions = functions.filter(stays)
    tables = [kind(documents, functions, task.config) for kind in KINDS.values()]
    rows = first_of_each_id(pa.concat_tables(tables).cast(INSTRUCT))
    with replacing(task.destination) as temporary:
        pq.write_table(rows, temporary)


def first_of_each_id(rows: pa.Table) -> pa.Table:
    """Leave out what asks for the same place in a source again.

    `defimpl Shown, for: [Date, Time]` defines one text for two modules.
    """
    _, first = np.unique(rows["id"].to_numpy(), return_index=True)
    return rows.take(pa.array(np.sort(first)))
