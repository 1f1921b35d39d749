"""The sections of the report: each a function from the files of a run to plain values."""
