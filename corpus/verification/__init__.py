"""Verification of documents by the real toolchain: read, formatted, compiled."""
