"""The report of a run: what it was, what it learned and how fast, on one self-contained page."""

from train.report.page import Report, compose, write
from train.report.run_files import UnusableRun

__all__ = ["Report", "UnusableRun", "compose", "write"]
