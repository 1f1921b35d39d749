"""The report of a run: what it was, what it learned and how fast, on one self-contained page."""

from train.report.publishing import compose, write
from train.report.sources import NoRunFiles, UnknownShape, UnreadableRunFile

__all__ = ["NoRunFiles", "UnknownShape", "UnreadableRunFile", "compose", "write"]
