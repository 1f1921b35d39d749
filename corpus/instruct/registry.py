"""The list of all kinds of instruction rows."""

from typing import Final

from corpus.instruct.draft import Kind
from corpus.instruct.kinds import (
    behaviour_module,
    callback_completion,
    doctest_to_assertion,
    documentation_to_function,
    fill_in_the_middle,
    function_to_documentation,
    message_protocol,
    typespecs,
)

KINDS: Final[tuple[Kind, ...]] = (
    documentation_to_function.KIND,
    behaviour_module.KIND,
    callback_completion.KIND,
    function_to_documentation.KIND,
    message_protocol.KIND,
    typespecs.KIND,
    doctest_to_assertion.KIND,
    fill_in_the_middle.KIND,
)
"""In the order in which their rows are drafted; `tables.INSTRUCTION_KINDS` has their names."""
