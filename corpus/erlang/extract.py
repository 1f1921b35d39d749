"""From the bytes of one Erlang file to its module and functions.

Forms lie flat in the tree, so this is one loop. Conditional forms (`-ifdef`) are taken as if all
of them held; functions tell their branch. A file without `-module`, such as a header, defines
nothing by itself.
"""

from tree_sitter import Node

from corpus.erlang import edoc, grammar
from corpus.erlang.forms import READERS
from corpus.erlang.record import FileRecord
from corpus.erlang.repair import Mended, is_open, mend
from corpus.extraction import Extraction
from corpus.nesting import refuse_deep_brackets
from corpus.parsing import count_errors, parse, unread_bytes


def extract(source: bytes) -> Extraction:
    """Read the module, its exports, types, callbacks and functions.

    Any bytes will do: what the parser cannot read counts as `parse_errors` and `unread_bytes`, and
    the rest is extracted. Raises NestedTooDeeply and Unparsable like `corpus.elixir.extract`.
    """
    refuse_deep_brackets(source)
    root = parse(grammar.PARSER, source).root_node
    mended = Mended(source, 0, 0)
    forms = root.named_children
    if root.has_error or _misses_a_stop(source, forms):
        mended = mend(source, root)
        root = parse(grammar.PARSER, mended.source).root_node
        forms = root.named_children
    record = FileRecord(source, is_as_written=mended.source is source)
    has_edoc = edoc.MARK.search(source) is not None
    others = 0
    for form in forms:
        kind = form.kind_id
        if kind == grammar.COMMENT:
            if has_edoc:
                record.comments.append(form)
            continue
        read = READERS.get(kind)
        if read is not None:
            read(record, form)
        elif kind not in grammar.FORMS:
            others += form.end_byte - form.start_byte
        if has_edoc and kind != grammar.SPEC:
            record.comments.clear()
    last_line = record.line_at(len(source.rstrip()))
    errors = mended.errors + count_errors(root)
    unread = mended.unread + others + unread_bytes(root, mended.source)
    return record.extraction(errors, last_line, unread)


def _misses_a_stop(source: bytes, forms: list[Node]) -> bool:
    """Tell whether a function goes on into the next form, which is no error to the grammar."""
    return any(
        form.kind_id == grammar.FUNCTION_DECLARATION and is_open(source, form)
        for form in forms[:-1]
    )
