"""From the bytes of one Erlang file to its module and functions.

Forms lie flat in the tree, so this is one loop. Conditional forms (`-ifdef`) are taken as if all
of them held. A file without `-module`, such as a header, defines nothing by itself.
"""

import re

from tree_sitter import Node

from corpus.erlang import grammar
from corpus.erlang.forms import READERS
from corpus.erlang.record import FileRecord
from corpus.extraction import Extraction
from corpus.nesting import refuse_deep_brackets
from corpus.parsing import count_errors, parse

MAYBE = re.compile(rb"\bmaybe\b")


def extract(source: bytes) -> Extraction:
    """Read the module, its exports, types, callbacks and functions.

    Any bytes will do: what the parser cannot read counts as `parse_errors` and the rest is
    extracted. Raises NestedTooDeeply and Unparsable like `corpus.elixir.extract`.
    """
    refuse_deep_brackets(source)
    root = _parse(source)
    record = FileRecord(source)
    forms = root.named_children
    for form in forms:
        read = READERS.get(form.kind_id)
        if read is not None:
            read(record, form)
    last_line = forms[-1].end_point.row + 1 if forms else 0
    # The body of a macro may be a fragment: legal Erlang, though no grammar can read it.
    fragments = sum(count_errors(form) for form in forms if form.kind_id == grammar.DEFINE)
    return record.extraction(count_errors(root) - fragments, last_line)


def _parse(source: bytes) -> Node:
    """Parse once, or twice where `maybe` may be a plain atom.

    It is reserved since OTP 27 (EEP 49), and so in the grammar; until then it was a fine name, as
    of a type in rabbit_types. A stand-in of the same length keeps every offset.
    """
    root = parse(grammar.PARSER, source).root_node
    if not root.has_error or MAYBE.search(source) is None:
        return root
    other = parse(grammar.PARSER, MAYBE.sub(b"mayb_", source)).root_node
    return min(root, other, key=count_errors)
