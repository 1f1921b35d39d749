"""Kinds of instruction rows, one module each; `corpus/instruct/registry.py` lists them."""
