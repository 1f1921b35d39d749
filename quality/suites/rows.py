"""Promises about every row, one list a table; they see derived columns instead of text.

`quality.frames` says what the derived columns hold.
"""

from collections.abc import Iterator, Sequence

from corpus.ingest.source_file import MOST_ARGUMENTS
from corpus.instruct import KINDS
from corpus.licenses import LicensePolicy
from corpus.reasons import Reason, Stage
from corpus.schema import SPLIT_NAMES
from corpus.source import ROLES
from quality.settings import BuiltUnder
from quality.suites.promise import Promise

LANGUAGES = ("elixir", "erlang", "heex", "eex")
SOURCES = ("hex", "github", "local")
SOUND_EVIDENCE = ("verified", "declared_only", "text_only")
"""Evidence under which a document may be published; contradicted and unknown may not."""
VERIFICATIONS = ("none", "parsed", "compiled", "executed")
CHAT_ROLES = ("system", "user", "assistant")
LABELS = ("source", "language", "role", "license_expression", "license_evidence")
LENGTHS = ("bytes", "lines", "tokens", "median_line_length", "longest_line")
SIGNALS = ("hidden_characters", "control_tokens")
NUMBERS = (*LENGTHS, *SIGNALS, "parse_errors", "comment_fraction")
"""What Great Expectations would let pass as null where it asks for certain values."""


def promises(table: str, built: BuiltUnder) -> list[Promise]:
    """Return the promises about the rows of one table of a release."""
    of = {
        "documents": _documents,
        "functions": _functions,
        "instruct": _instruct,
        "rejects": _rejects,
    }
    return of[table](built)


def _documents(built: BuiltUnder) -> list[Promise]:
    return [
        *_digests("documents", ["document_id", "content_id", "archive_sha256", "cluster_id"]),
        _unique("documents", "document_id"),
        *_present("documents", ["text_bytes", "split", *LABELS, *NUMBERS]),
        *_present("documents", ["package", "version", "path"]),
        *(_filled("documents", column) for column in ("package", "version", "path")),
        _one_of("documents", "source", SOURCES),
        _one_of("documents", "language", LANGUAGES),
        _one_of("documents", "role", ROLES),
        _one_of("documents", "license_evidence", SOUND_EVIDENCE),
        _permitted("documents", built.policy),
        _one_of("documents", "split", SPLIT_NAMES),
        _true("documents", "in_its_shard", "a document lies in a shard of its own split"),
        _between("documents", "bytes", 1, built.longest_text),
        _equal("documents", "bytes", "text_bytes", "bytes is the length of the text in UTF-8"),
        _between("documents", "lines", 1, None),
        _between("documents", "tokens", 0, built.longest_text),
        _between("documents", "parse_errors", 0, None),
        _between("documents", "comment_fraction", 0, 1),
        *(_between("documents", signal, 0, None) for signal in SIGNALS),
        _true("documents", "counts_agree", "documented and specified functions are public ones"),
        _true("documents", "lists_are_told", "modules and redactions are lists, if empty ones"),
    ]


def _functions(built: BuiltUnder) -> list[Promise]:
    return [
        _true("functions", "refers_to_document", "a function belongs to a document of its split"),
        *_present("functions", ["name", "kind", "arity", "clauses"]),
        _between("functions", "arity", 0, MOST_ARGUMENTS),
        _between("functions", "clauses", 1, None),
        _true("functions", "ranges_are_sound", "clauses end after they begin, within their text"),
    ]


def _instruct(built: BuiltUnder) -> list[Promise]:
    return [
        *_digests("instruct", ["id"]),
        _unique("instruct", "id"),
        *_present("instruct", ["kind", "messages", "last_role", "license_expression"]),
        *_present("instruct", ["verification"]),
        _one_of("instruct", "kind", list(KINDS)),
        _between("instruct", "messages", 2, None),
        _one_of("instruct", "last_role", ["assistant"]),
        _true("instruct", "roles_are_known", f"roles are among {', '.join(CHAT_ROLES)}"),
        _between("instruct", "shortest_message", 1, None),
        _true("instruct", "answer_is_hidden", "there is an answer, and no prompt repeats it"),
        _true("instruct", "refers_to_documents", "a row names documents of this release"),
        _true("instruct", "split_is_inherited", "a row has the split of all of its documents"),
        _true("instruct", "license_is_inherited", "a row has the licence of its documents"),
        _permitted("instruct", built.policy),
        _one_of("instruct", "verification", VERIFICATIONS),
    ]


def _rejects(built: BuiltUnder) -> list[Promise]:
    return [
        *_digests("rejects", ["document_id"]),
        *_present("rejects", ["source", "package", "path", "stage", "reason"]),
        _one_of("rejects", "stage", [stage.value for stage in Stage]),
        _one_of("rejects", "reason", [reason.value for reason in Reason]),
        _true("rejects", "is_no_document", "what was rejected is not a document as well"),
        _true(
            "rejects", "representative_is_kept", "a duplicate names a document that stands for it"
        ),
    ]


def _digests(table: str, columns: Sequence[str]) -> Iterator[Promise]:
    from quality.suites.expectations import ExpectColumnValuesToBeDigests

    for column in columns:
        yield from _present(table, [column])
        name, expected = f"{table}.{column}.well_formed", "64 hexadecimal digits"
        yield Promise(name, expected, ExpectColumnValuesToBeDigests(column=column))


def _present(table: str, columns: Sequence[str]) -> Iterator[Promise]:
    import great_expectations.expectations as gxe

    for column in columns:
        expectation = gxe.ExpectColumnValuesToNotBeNull(column=column)
        yield Promise(f"{table}.{column}.present", "never null", expectation)


def _filled(table: str, column: str) -> Promise:
    import great_expectations.expectations as gxe

    expectation = gxe.ExpectColumnValueLengthsToBeBetween(column=column, min_value=1)
    return Promise(f"{table}.{column}.filled", "never empty", expectation)


def _unique(table: str, column: str) -> Promise:
    import great_expectations.expectations as gxe

    expectation = gxe.ExpectColumnValuesToBeUnique(column=column)
    return Promise(f"{table}.{column}.unique", "no value twice", expectation)


def _one_of(table: str, column: str, values: Sequence[str]) -> Promise:
    import great_expectations.expectations as gxe

    named = ", ".join(values) if len(values) <= 6 else f"one of the {len(values)} that are defined"
    expectation = gxe.ExpectColumnValuesToBeInSet(column=column, value_set=list(values))
    return Promise(f"{table}.{column}.known", named, expectation)


def _between(table: str, column: str, least: float, most: float | None) -> Promise:
    import great_expectations.expectations as gxe

    expected = f"at least {least}" if most is None else f"from {least:,} to {most:,}"
    expectation = gxe.ExpectColumnValuesToBeBetween(column=column, min_value=least, max_value=most)
    return Promise(f"{table}.{column}.in_range", expected, expectation)


def _equal(table: str, column: str, other: str, expected: str) -> Promise:
    import great_expectations.expectations as gxe

    expectation = gxe.ExpectColumnPairValuesToBeEqual(column_A=column, column_B=other)
    return Promise(f"{table}.{column}.true", expected, expectation)


def _true(table: str, column: str, expected: str) -> Promise:
    from quality.suites.expectations import ExpectColumnValuesToBeTrue

    return Promise(f"{table}.{column}", expected, ExpectColumnValuesToBeTrue(column=column))


def _permitted(table: str, policy: LicensePolicy) -> Promise:
    from quality.suites.expectations import ExpectColumnValuesToBePermittedLicenses

    permitted = sorted(policy.permitted | policy.permitted_extra)
    expectation = ExpectColumnValuesToBePermittedLicenses(
        column="license_expression", permitted=permitted
    )
    expected = f"an SPDX expression that {len(permitted)} permitted licences satisfy"
    return Promise(f"{table}.license_expression.permitted", expected, expectation)
