"""The list of all kinds of instruction rows."""

from typing import Final

from corpus.instruct.draft import Kind
from corpus.instruct.kinds import (
    behaviour_module,
    callback_completion,
    documentation_to_function,
    function_to_documentation,
    message_protocol,
)

KINDS: Final[tuple[Kind, ...]] = (
    documentation_to_function.KIND,
    behaviour_module.KIND,
    callback_completion.KIND,
    function_to_documentation.KIND,
    message_protocol.KIND,
)
"""In the order in which their rows are drafted; `tables.INSTRUCTION_KINDS` has their names."""
