"""Acquire: Hex.pm (and, later, GitHub) into the archive store."""
