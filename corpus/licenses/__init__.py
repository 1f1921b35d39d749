"""Judgement of whether the licence of a package, and of each of its files, is permitted."""

from corpus.licenses.files import PackageLicenses, judge_files, statements_of
from corpus.licenses.judgement import LicenseEvidence, LicenseVerdict, judge, judge_declaration
from corpus.licenses.policy import BadList, LicensePolicy, is_license_id, read_list
from corpus.licenses.texts import copyright_lines, is_license_file, is_license_text, recognize

__all__ = [
    "BadList",
    "LicenseEvidence",
    "LicensePolicy",
    "LicenseVerdict",
    "PackageLicenses",
    "copyright_lines",
    "is_license_file",
    "is_license_id",
    "is_license_text",
    "judge",
    "judge_declaration",
    "judge_files",
    "read_list",
    "recognize",
    "statements_of",
]
