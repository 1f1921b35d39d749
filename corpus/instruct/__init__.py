"""Instruction rows: conversations made from documents, with one module per kind.

A kind is a function that makes rows of `tables.INSTRUCT` from documents and their functions. Every
row has the licence and the split of its document.
"""

from corpus.instruct.configuration import InstructConfig
from corpus.instruct.kinds import KINDS, Kind

__all__ = ["KINDS", "InstructConfig", "Kind"]
