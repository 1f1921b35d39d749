"""The promises of a release, as lists: `rows` about every row, `corpus` about the whole."""
