"""A bundle of archives in, one Parquet part of each table out."""

from corpus.ingest.bundle import Bundle, IngestConfig, ingest, plan_bundles, without_poison
from corpus.ingest.isolation import find_poison

__all__ = ["Bundle", "IngestConfig", "find_poison", "ingest", "plan_bundles", "without_poison"]
