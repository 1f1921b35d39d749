"""A bundle of archives in, one Parquet part of each table out."""

from corpus.ingest.bundle import Bundle, IngestConfig, ingest, plan_bundles
from corpus.ingest.isolation import read_bundle

__all__ = ["Bundle", "IngestConfig", "ingest", "plan_bundles", "read_bundle"]
