"""From the bytes of one Elixir file to its modules and functions."""

from corpus.elixir.repair import read
from corpus.elixir.walk import Walk
from corpus.extraction import Extraction
from corpus.nesting import refuse_deep_brackets


def extract(source: bytes) -> Extraction:
    """Read modules, functions and their attributes from Elixir source, parsing it once.

    Any bytes will do: what the parser cannot read is repaired or counts as `parse_errors`, and the
    rest is extracted. Raises NestedTooDeeply for a file that only a machine could have nested, and
    Unparsable for one that the parser cannot finish.
    """
    refuse_deep_brackets(source)
    reading = read(source)
    walk = Walk(source, is_sound=not reading.parse_errors)
    walk.run(reading.root)
    modules, functions = walk.finish()
    spans = tuple(sorted(walk.doc_spans))
    return Extraction(reading.parse_errors, modules, functions, spans, reading.unread_bytes)
