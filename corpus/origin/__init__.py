"""The origin of code: the index of a release, and lookups in it."""
