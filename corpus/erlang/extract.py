"""From the bytes of one Erlang file to its module and functions.

Conditional forms (`-ifdef`) are taken as if all of them held; functions tell their branch. A file
without `-module`, such as a header, defines nothing by itself.
"""

from corpus.erlang import grammar
from corpus.erlang.forms import read_forms
from corpus.erlang.record import FileRecord
from corpus.erlang.repair import Mended, mend
from corpus.extraction import Extraction
from corpus.nesting import refuse_deep_brackets
from corpus.parsing import count_errors, unread_bytes


def extract(source: bytes) -> Extraction:
    """Read the module, its exports, types, callbacks and functions.

    Any bytes will do: what the parser cannot read counts as `parse_errors` and `unread_bytes`, and
    the rest is extracted. Raises NestedTooDeeply and Unparsable like `corpus.elixir.extract`.
    """
    refuse_deep_brackets(source)
    root = grammar.root_of(source)
    mended, record = Mended(source, 0, 0), FileRecord(source, is_as_written=True)
    if root.has_error or not read_forms(record, root.named_children):
        mended, record = mend(source, root), FileRecord(source)
        root = grammar.root_of(mended.source)
        read_forms(record, root.named_children)
    errors = mended.errors + count_errors(root)
    unread = mended.unread + unread_bytes(root, mended.source)
    return record.extraction(errors, unread)
