"""The filters: which files are source code to train on, and the reasons to leave out others."""

from corpus.filters.chain import FILTERS, judge
from corpus.filters.encoded import cut_encoded, data_tags, mostly_data
from corpus.filters.encoding import decode, recode
from corpus.filters.signals import control_tokens, hidden_characters
from corpus.filters.verdict import Candidate, Filter, Limits, Redaction

__all__ = [
    "FILTERS",
    "Candidate",
    "Filter",
    "Limits",
    "Redaction",
    "control_tokens",
    "cut_encoded",
    "data_tags",
    "decode",
    "hidden_characters",
    "judge",
    "mostly_data",
    "recode",
]
