"""Judges whether a package's licence permits training, and how well that is known."""

from corpus.licenses.judgement import Evidence, LicenseVerdict, judge, judge_declaration
from corpus.licenses.policy import LicensePolicy, is_license_id
from corpus.licenses.texts import copyright_lines, is_license_file

__all__ = [
    "Evidence",
    "LicensePolicy",
    "LicenseVerdict",
    "copyright_lines",
    "is_license_file",
    "is_license_id",
    "judge",
    "judge_declaration",
]
