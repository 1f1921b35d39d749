"""All kinds of instruction rows."""

from typing import Protocol

import pyarrow as pa

from corpus.instruct import behaviour_module, documentation_to_function
from corpus.instruct.configuration import InstructConfig
from corpus.instruct.conversation import Failed


class Kind(Protocol):
    """Makes rows of `tables.INSTRUCT` from `tables.DOCUMENTS` and their `tables.FUNCTIONS`.

    `failed` is called for documents that give no rows because of an error; without it the error is
    raised.
    """

    def __call__(
        self,
        documents: pa.Table,
        functions: pa.Table,
        config: InstructConfig,
        failed: Failed = ...,
    ) -> pa.Table:
        """Return the rows, in the order of the documents."""
        ...


KINDS: dict[str, Kind] = {
    documentation_to_function.KIND: documentation_to_function.rows,
    behaviour_module.KIND: behaviour_module.rows,
}
