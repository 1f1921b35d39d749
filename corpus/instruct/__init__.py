"""Instruction rows: conversations made from documents, with one module per kind.

A kind proposes places in the documents of a package and drafts a question with its answer for each.
`corpus/instruct/drafting.py` checks the drafts, chooses among them, and makes rows of
`tables.INSTRUCT`, which have the licence and the split of their documents.
"""
