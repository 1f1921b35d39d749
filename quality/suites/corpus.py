"""Promises about the corpus as a whole, over the one-row table of `quality.metrics`."""

from corpus.tables import unique_in_release
from quality.suites.promise import Promise
from quality.thresholds import GateConfig


def promises(config: GateConfig) -> list[Promise]:
    """Return the promises about the corpus; those that only warn come last."""
    return [
        _equal("files_accounted", "files_seen", "documents and rejected files are the files seen"),
        _equal("documents", "files_out", "documents are what the last stage let through"),
        _none("files_miscounted", "the manifest counts every reason as the rejects do"),
        _equal("archives_accounted", "archives_seen", "archives read or rejected are those seen"),
        _equal("archives_listed", "archives_seen", "inputs and rejects list every archive seen"),
        _least("documents", 1, "at least one document"),
        _least("smallest_split", 1, "at least one document in every split"),
        *(_none(promised.figure, promised.expected) for _, promised in unique_in_release()),
        _none("documents_also_rejected", "no document among the rejects"),
        _none("packages_across_splits", "no package in two splits"),
        _none("families_across_splits", "no two packages of one repository in different splits"),
        _none(
            "near_duplicates_across_splits", "no near-duplicate of a training document in a test"
        ),
        _most(
            "documents_in_split_clusters",
            config.documents_in_split_clusters,
            "of documents are in clusters that reach into another split",
        ),
        _most("parse_error_share", config.parse_errors, "of documents have parse errors"),
        _most(
            "largest_package_share",
            config.largest_package,
            "of all bytes are from one package",
            warning=True,
        ),
        _least_share("smallest_split_share", config.smallest_split, "of documents in every split"),
        _least_share(
            "verified_license_share",
            config.verified_licenses,
            "of documents have a verified licence",
        ),
        _least("instruct_rows", 1, "at least one instruction row", warning=True),
    ]


def _equal(column: str, other: str, expected: str) -> Promise:
    import great_expectations.expectations as gxe

    expectation = gxe.ExpectColumnPairValuesToBeEqual(column_A=column, column_B=other)
    return Promise(f"corpus.{column}.equal_{other}", expected, expectation)


def _none(column: str, expected: str) -> Promise:
    import great_expectations.expectations as gxe

    expectation = gxe.ExpectColumnValuesToBeInSet(column=column, value_set=[0])
    return Promise(f"corpus.{column}", expected, expectation)


def _least(column: str, least: int, expected: str, *, warning: bool = False) -> Promise:
    import great_expectations.expectations as gxe

    expectation = gxe.ExpectColumnValuesToBeBetween(column=column, min_value=least)
    return Promise(f"corpus.{column}.not_empty", expected, expectation, warning)


def _most(column: str, most: float, of: str, *, warning: bool = False) -> Promise:
    import great_expectations.expectations as gxe

    expectation = gxe.ExpectColumnValuesToBeBetween(column=column, max_value=most)
    return Promise(f"corpus.{column}", f"at most {most:.0%} {of}", expectation, warning)


def _least_share(column: str, least: float, of: str) -> Promise:
    import great_expectations.expectations as gxe

    expectation = gxe.ExpectColumnValuesToBeBetween(column=column, min_value=least)
    return Promise(f"corpus.{column}", f"at least {least:.0%} {of}", expectation, warning=True)
