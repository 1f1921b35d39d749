"""All kinds of instruction rows."""

from collections.abc import Callable

import pyarrow as pa

from corpus.instruct import behaviour_module, documentation_to_function
from corpus.instruct.configuration import InstructConfig

Kind = Callable[[pa.Table, pa.Table, InstructConfig], pa.Table]
"""From `schema.DOCUMENTS` and the `schema.FUNCTIONS` of those documents to `schema.INSTRUCT`."""

KINDS: dict[str, Kind] = {
    documentation_to_function.KIND: documentation_to_function.rows,
    behaviour_module.KIND: behaviour_module.rows,
}
