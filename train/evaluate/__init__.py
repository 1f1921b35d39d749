"""Measuring a model: its loss on held-out text, and what becomes of the programs that it writes."""
