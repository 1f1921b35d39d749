"""The base of every error that this package raises on purpose."""


class CorpusError(Exception):
    """The input is wrong; the message says what to do next."""
