"""Instruction rows: conversations made from documents, one module a kind.

A kind is a function from documents and their functions to rows of `tables.INSTRUCT`. Every row
inherits the licence and the split of the document that it was made from.
"""

from corpus.instruct.configuration import InstructConfig
from corpus.instruct.kinds import KINDS, Kind

__all__ = ["KINDS", "InstructConfig", "Kind"]
