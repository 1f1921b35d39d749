"""The closed list of reasons why something is not in a release."""

from dataclasses import dataclass
from enum import StrEnum


class Stage(StrEnum):
    """The stage of the pipeline that rejected a file or an archive."""

    CRAWL = "crawl"
    WITHDRAWN = "withdrawn"
    UNPACK = "unpack"
    LICENSE = "license"
    FILTER = "filter"
    PARSE = "parse"
    OPT_OUT = "opt_out"
    DECONTAMINATE = "decontaminate"
    DEDUPLICATE = "deduplicate"


class Reason(StrEnum):
    """The one reason for a reject."""

    # crawl: the registry and the transfer
    BAD_SIGNATURE = "bad_signature"
    WRONG_REPOSITORY = "wrong_repository"
    MALFORMED_REGISTRY = "malformed_registry"
    CHECKSUM_MISMATCH = "checksum_mismatch"
    NO_CHECKSUM = "no_checksum"
    GONE = "gone"
    UNAVAILABLE = "unavailable"
    RETIRED = "retired"
    UNUSABLE_NAME = "unusable_name"
    EMPTY_REPOSITORY = "empty_repository"
    BLOCKED = "blocked"

    # withdrawn: versions that the registry warns of, and RETIRED
    DEPRECATED = "deprecated"
    SECURITY_ADVISORY = "security_advisory"

    # unpack: the archive as a whole
    NOT_A_TARBALL = "not_a_tarball"
    TRUNCATED = "truncated"
    MALFORMED_METADATA = "malformed_metadata"
    UNSUPPORTED_VERSION = "unsupported_version"
    ARCHIVE_TOO_LARGE = "archive_too_large"
    TOO_MANY_FILES = "too_many_files"
    EXPANSION_RATIO = "expansion_ratio"
    DUPLICATE_ARCHIVE = "duplicate_archive"
    EMPTY_ARCHIVE = "empty_archive"

    # unpack: one member
    UNSAFE_PATH = "unsafe_path"
    PATH_TOO_LONG = "path_too_long"
    LINK = "link"
    SPECIAL_FILE = "special_file"
    SUBMODULE = "submodule"
    LFS_POINTER = "lfs_pointer"
    DUPLICATE_MEMBER = "duplicate_member"
    CASE_COLLISION = "case_collision"

    # license
    LICENSE_UNKNOWN = "license_unknown"
    LICENSE_NOT_PERMITTED = "license_not_permitted"
    LICENSE_CONTRADICTED = "license_contradicted"
    LICENSE_TOO_LONG = "license_too_long"

    # license: one file of a package whose licence is permitted
    FILE_LICENSE_NOT_PERMITTED = "file_license_not_permitted"
    FILE_LICENSE_PROPRIETARY = "file_license_proprietary"
    FILE_LICENSE_UNKNOWN = "file_license_unknown"

    # filter
    NOT_SOURCE_CODE = "not_source_code"
    VENDORED = "vendored"
    LEFT_OUT = "left_out"
    EMPTY = "empty"
    TOO_SHORT = "too_short"
    OVERSIZED = "oversized"
    BINARY = "binary"
    NOT_UTF8 = "not_utf8"
    MINIFIED = "minified"
    GENERATED = "generated"
    MOSTLY_DATA = "mostly_data"

    # parse
    NESTED_TOO_DEEPLY = "nested_too_deeply"
    UNPARSABLE = "unparsable"
    EXTRACTION_FAILED = "extraction_failed"
    KILLED_WORKER = "killed_worker"
    OVER_BUDGET = "over_budget"

    # opt_out
    OPTED_OUT = "opted_out"

    # decontaminate
    CONTAMINATED = "contaminated"

    # deduplicate
    EXACT_DUPLICATE = "exact_duplicate"
    NEAR_DUPLICATE = "near_duplicate"


@dataclass(frozen=True, slots=True)
class Reject:
    """Why a file or an archive is left out; `detail` describes what was found."""

    stage: Stage
    reason: Reason
    detail: str


@dataclass(frozen=True, slots=True)
class RejectedFile:
    """A file that is left out, as in a row of the reject table.

    An empty `path` means the archive as a whole. `content_id` and `swhid` are None for a file that
    was not read.
    """

    path: str
    bytes: int
    content_id: str | None
    reject: Reject
    swhid: str | None = None
