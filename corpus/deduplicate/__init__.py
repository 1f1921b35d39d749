"""Deduplication: exact groups, near-duplicate clusters, and their representatives."""

from corpus.deduplicate.banding import Buckets, band_keys, buckets
from corpus.deduplicate.clustering import cluster
from corpus.deduplicate.configuration import NearDuplicates
from corpus.deduplicate.order import representative_order, version_key
from corpus.deduplicate.reading import BadFingerprints
from corpus.deduplicate.stars import Stars, stars

__all__ = [
    "BadFingerprints",
    "Buckets",
    "NearDuplicates",
    "Stars",
    "band_keys",
    "buckets",
    "cluster",
    "representative_order",
    "stars",
    "version_key",
]
