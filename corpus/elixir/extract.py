"""From the bytes of one Elixir file to its modules and functions."""

from corpus.elixir import grammar
from corpus.elixir.walk import Walk
from corpus.extraction import Extraction
from corpus.nesting import refuse_deep_brackets
from corpus.parsing import count_errors, parse, unread_bytes


def extract(source: bytes) -> Extraction:
    """Read modules, functions and their attributes from Elixir source, parsing it once.

    Any bytes will do: what the parser cannot read counts as `parse_errors` and the rest is
    extracted. Raises NestedTooDeeply for a file that only a machine could have nested, and
    Unparsable for one that the parser cannot finish.
    """
    refuse_deep_brackets(source)
    root = parse(grammar.PARSER, source).root_node
    walk = Walk(source)
    walk.run(root)
    modules, functions = walk.finish()
    spans = tuple(sorted(walk.doc_spans))
    unread = unread_bytes(root, source)
    return Extraction(count_errors(root), modules, functions, spans, unread)
