"""The base of every error that the trainer raises on purpose."""

from corpus.errors import CorpusError


class TrainError(CorpusError):
    """Training, evaluation or export cannot go on, and the message says what to do next."""
