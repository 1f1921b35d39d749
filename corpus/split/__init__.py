"""Splits: every package gets one, so that no training data is in a test.

Packages that come from one repository are a family, and families stay together; so do families
that share a good part of their code. A family's split follows from a hash of its name alone: it is
the same in every release, whatever else is in it. Two things bound that promise. A family that
is found to be kin of one that was published before it follows that one into its split. And where a
split would be empty, as in a small corpus, the families that hash next to its range fill it.
"""

from corpus.split.assignment import assign, links_of
from corpus.split.configuration import SplitConfig
from corpus.split.repository import PackageLinks

__all__ = ["PackageLinks", "SplitConfig", "assign", "links_of"]
