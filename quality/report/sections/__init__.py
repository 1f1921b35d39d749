"""The sections of the report: one function each, from what was read to plain JSON values."""
