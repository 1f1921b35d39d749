"""Builds a versioned release from an archive store."""
