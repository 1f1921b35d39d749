"""Ingest: reads a bundle of archives and writes one part of each table."""
