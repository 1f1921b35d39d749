"""The model card of a run: README.md, valid on the Hub, made from the run's files alone."""

from train.card.front_matter import metadata
from train.card.licences import LicenceCount, licences_of
from train.card.render import card, write

__all__ = ["LicenceCount", "card", "licences_of", "metadata", "write"]
