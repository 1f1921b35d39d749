"""Which files are source code worth learning from, and why the others are not."""

from corpus.filters.chain import FILTERS, judge
from corpus.filters.encoded import Redaction, cut_encoded
from corpus.filters.encoding import decode
from corpus.filters.limits import Limits
from corpus.filters.verdict import Candidate, Filter, Reject

__all__ = [
    "FILTERS",
    "Candidate",
    "Filter",
    "Limits",
    "Redaction",
    "Reject",
    "cut_encoded",
    "decode",
    "judge",
]
