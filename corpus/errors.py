"""The base of every error that this package raises on purpose."""


class CorpusError(Exception):
    """Something is wrong with what was given, and the message says what to do next."""
