"""The report of a release: what is in it, what is not and why, as JSON and as a page."""

from quality.report.published import NoReport, read_report
from quality.report.publishing import ReportDiffers, ReportFiles, write

__all__ = ["NoReport", "ReportDiffers", "ReportFiles", "read_report", "write"]
