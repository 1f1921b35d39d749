"""Every table, once: its columns, their meaning, its order, its files, and what is promised of it.

`TABLES` is the registry of the tables that people meet. What plans, sorts, writes, digests, reads,
judges and documents a release iterates it, so a table is added by an entry here and a stage that
fills it. The schemas of tables that only pass from one stage to the next stand here too.

Each column says what it means in its schema (`description`), so that the data card, Croissant,
`python -m corpus schema` and the Parquet files themselves tell the same. Times are ISO 8601 in UTC;
digests are SHA-256 in lower-case hexadecimal.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from itertools import chain
from typing import Final

import pyarrow as pa

from corpus.reasons import Reason, Stage
from corpus.source import MOST_ARGUMENTS, ROLES

DESCRIPTION = b"description"
"""The key of a column's meaning in the metadata of its field."""


def column(name: str, kind: pa.DataType, meaning: str) -> pa.Field:
    """Return a field with its meaning."""
    return pa.field(name, kind, metadata={DESCRIPTION: meaning})


def meaning_of(field: pa.Field) -> str:
    """Return what a column means, empty for a field that does not say."""
    meaning: bytes = (field.metadata or {}).get(DESCRIPTION, b"")
    return meaning.decode()


SOURCE = column(
    "source",
    pa.string(),
    "where the archive came from: hex, github, or folder for one made of a folder",
)


def _struct(*fields: pa.Field) -> pa.StructType:
    return pa.struct(fields)


def _table(*columns: pa.Field | Iterable[pa.Field]) -> pa.Schema:
    """Return a schema of columns and of other schemas' columns, in this order."""
    flat: list[pa.Field] = []
    for each in columns:
        flat += [each] if isinstance(each, pa.Field) else each
    return pa.schema(flat)


REQUIREMENT = _struct(
    column("name", pa.string(), "name of the required package"),
    column("requirement", pa.string(), 'version requirement, such as "~> 1.2"'),
    column("optional", pa.bool_(), "whether the package works without it"),
    column("app", pa.string(), "its OTP application, null where it is called as the package is"),
    column("repository", pa.string(), "repository that has it, null for the package's own"),
)
ADVISORY = _struct(
    column("id", pa.string(), "identifier, such as GHSA-... or CVE-..."),
    column("summary", pa.string(), "what it is about, null if unknown"),
    column("severity", pa.string(), "none, low, medium, high or critical, null if unknown"),
    column("score", pa.float64(), "CVSS score from 0 to 10, null if unknown"),
    column("url", pa.string(), "page of the advisory, null if unknown"),
    column("aliases", pa.list_(pa.string()), "other identifiers of the same vulnerability"),
)
DOWNLOADS = _struct(
    column("all", pa.int64(), "downloads of all time"),
    column("recent", pa.int64(), "downloads of the 90 days before it was fetched"),
)
LINK = _struct(
    column("name", pa.string(), "what the package calls the link"),
    column("url", pa.string(), "where it leads, as declared"),
)
HOSTED_REPOSITORY = _struct(
    column("id", pa.int64(), "the host's number, which stays when the repository is renamed"),
    column("stars", pa.int64(), "stars when the commit was fetched"),
    column("topics", pa.list_(pa.string()), "topics that its owner gave it"),
    column("default_branch", pa.string(), "branch that the commit was the head of"),
    column("committed_at", pa.string(), "when the commit was made, by the author's clock"),
    column("created_at", pa.string(), "when the repository was created at the host"),
    column("pushed_at", pa.string(), "when something was last pushed to it, null if unknown"),
    column("kilobytes", pa.int64(), "size with its history, null if unknown"),
    column("is_fork", pa.bool_(), "whether it was made as a fork of another"),
    column("is_archived", pa.bool_(), "whether its owner archived it"),
    column("is_mirror", pa.bool_(), "whether it is a mirror of another"),
    column("is_template", pa.bool_(), "whether it is a template for others"),
    column("license_hint", pa.string(), "the host's guess at its licence, which is no evidence"),
    column("tag", pa.string(), "tag that the commit was fetched for, null for the default branch"),
)
DOCUMENT_LICENSE = _struct(
    column("expression", pa.string(), "SPDX expression that holds for some documents"),
    column("documents", pa.int64(), "how many they are"),
)
LICENSE_TEXT = _struct(
    column("path", pa.string(), "path of the licence or NOTICE file inside the archive"),
    column("text", pa.string(), "its text"),
    column("sha256", pa.string(), "digest of its text in UTF-8, which names its file in LICENSES/"),
)

RETIREMENT = column("retirement", pa.string(), "why the version was retired, null if it was not")
ADVISORIES = column("advisories", pa.list_(ADVISORY), "security advisories that name the version")

ARCHIVES = _table(
    SOURCE,
    column("name", pa.string(), "name of the package"),
    column("version", pa.string(), "version of the package; of a repository, the commit"),
    column("url", pa.string(), "address that the archive was fetched from"),
    column("sha256", pa.string(), "digest of the archive file"),
    column("bytes", pa.int64(), "size of the archive file in bytes"),
    column("licenses", pa.list_(pa.string()), "licences as declared, unchanged"),
    column("requirements", pa.list_(REQUIREMENT), "packages that it requires"),
    column("links", pa.list_(LINK), "links that the package declares"),
    column("published_at", pa.string(), "when this version was published, null if unknown"),
    RETIREMENT,
    ADVISORIES,
    column("fetched_at", pa.string(), "when the archive was fetched"),
    column("first_published_at", pa.string(), "when the package's first version was published"),
    column("last_published_at", pa.string(), "when its latest version was published"),
    column("description", pa.string(), "what the package says that it is, null if it does not"),
    column("downloads", DOWNLOADS, "downloads of the package, null where the API was not asked"),
    column("owners", pa.list_(pa.string()), "who may publish it, null where the API was not asked"),
    column("superseded_by", pa.string(), "sha256 of what replaced this version, null if current"),
    column(
        "repository", HOSTED_REPOSITORY, "what the host says of the repository, null for packages"
    ),
)
"""Index of the archive store, one row an archive."""

BEHAVIOUR = _struct(
    column("name", pa.string(), "module that defines the behaviour"),
    column("evidence", pa.string(), "how it is known: direct, structural, table, ..."),
    column("confidence", pa.float32(), "from 0 to 1"),
)
TYPE = _struct(
    column("name", pa.string(), "name of the type"),
    column("arity", pa.int32(), "number of its parameters"),
    column("kind", pa.string(), "type, typep, opaque or nominal"),
    column("line", pa.int32(), "line of its definition, from 1"),
)
CALLBACK = _struct(
    column("name", pa.string(), "name of the callback"),
    column("arity", pa.int32(), "number of its arguments"),
    column("kind", pa.string(), "callback or macrocallback"),
    column("optional", pa.bool_(), "whether an implementation may leave it out"),
    column("line", pa.int32(), "line of its definition, from 1"),
)
EXPORT = _struct(
    column("name", pa.string(), "name of the function"),
    column("arity", pa.int32(), "number of its arguments"),
)
MODULE = _struct(
    column("name", pa.string(), "full name of the module"),
    column("kind", pa.string(), "defmodule, defprotocol or defimpl; module in Erlang and Gleam"),
    column("start_line", pa.int32(), "first line, from 1"),
    column("end_line", pa.int32(), "last line, inclusive"),
    column("doc", pa.string(), "text of the module's documentation, null without a literal text"),
    column("doc_kind", pa.string(), "string, hidden (`@moduledoc false`) or null for none"),
    column("uses", pa.list_(pa.string()), "modules that it names in `use`"),
    column("behaviours", pa.list_(BEHAVIOUR), "behaviours that it implements"),
    column("types", pa.list_(TYPE), "types that it defines"),
    column("callbacks", pa.list_(CALLBACK), "callbacks that it defines for others"),
    column("exports", pa.list_(EXPORT), "exported functions (Erlang, Gleam); empty for Elixir"),
)
REDACTION = _struct(
    column("rule", pa.string(), "the rule that cut the span out"),
    column("start", pa.int64(), "first byte in the original file"),
    column("end", pa.int64(), "byte behind the last one"),
)

IDENTITY: tuple[pa.Field, ...] = (
    column("document_id", pa.string(), "digest of archive_sha256 and path"),
    column("content_id", pa.string(), "digest of the file's original bytes"),
    column("swhid", pa.string(), "SWHID of the file's original bytes: swh:1:cnt:..."),
    SOURCE,
    column("package", pa.string(), "name of the package"),
    column("version", pa.string(), "version of the package"),
    column("purl", pa.string(), "purl of the package at this version: pkg:hex/plug@1.19.2"),
    column("archive_sha256", pa.string(), "digest of the archive that holds the file"),
    column("path", pa.string(), "path of the file inside the archive"),
)
"""What says where a file came from; the same columns in documents, rejects and fingerprints."""

HOST: tuple[pa.Field, ...] = (
    column("repository", pa.string(), "address of the package's repository, null if unknown"),
    column("commit", pa.string(), "commit of that repository that has the file, null if unknown"),
    column("stars", pa.int64(), "stars of the repository when it was fetched, null if unknown"),
    column(
        "committed_at",
        pa.string(),
        "when that commit was made, the last one when it was fetched; null if unknown",
    ),
    column(
        "repository_created_at",
        pa.string(),
        "when the repository was created at its host, null if unknown",
    ),
)
"""What is known of the repository of a document."""

EXTRACTED = _table(
    IDENTITY,
    column("language", pa.string(), "elixir, erlang, heex, eex, gleam, markdown or livemd"),
    column(
        "role",
        pa.string(),
        "library, test, script, example, benchmark, config, migration, template or guide",
    ),
    column("text", pa.large_string(), "the file in UTF-8, without what `redactions` names"),
    column("bytes", pa.int64(), "length of `text` in bytes"),
    column("lines", pa.int32(), "lines of `text`"),
    column(
        "tokens",
        pa.int32(),
        "lexical tokens of the code without comments and documentation; words of a guide",
    ),
    column("license_expression", pa.string(), "SPDX expression that the file is taken under"),
    column("license_evidence", pa.string(), "verified, declared_only or text_only"),
    column("modules", pa.list_(MODULE), "modules that the file defines"),
    column("parse_errors", pa.int32(), "nodes that the parser could not read"),
    column("median_line_length", pa.float32(), "median length of a line in bytes"),
    column("longest_line", pa.int32(), "length of the longest line in bytes"),
    column("comment_fraction", pa.float32(), "share of lines that are comments, from 0 to 1"),
    column(
        "hidden_characters",
        pa.int32(),
        "invisible characters without an ordinary use: bidi controls, tags, zero width, ...",
    ),
    column(
        "control_tokens",
        pa.int32(),
        "pieces of text that are control tokens to a language model, such as <|im_start|>",
    ),
    column("public_functions", pa.int32(), "functions and macros that others can call"),
    column("documented_functions", pa.int32(), "public ones with documentation"),
    column("specified_functions", pa.int32(), "public ones with a specification"),
    column("redactions", pa.list_(REDACTION), "spans that were cut out of the original file"),
    column("published_at", pa.string(), "when this version was published, null if unknown"),
    HOST,
    RETIREMENT,
    column("advisories", pa.list_(pa.string()), "security advisories that name the version"),
)
"""Documents as ingest leaves them, before clusters and splits are known."""

DETECTED_LICENSE = _struct(
    column("path", pa.string(), "path of the licence or NOTICE file inside the archive"),
    column("sha256", pa.string(), "digest of its text in UTF-8, which names its file in LICENSES/"),
    column("licenses", pa.list_(pa.string()), "licences that its text is, as SPDX ids"),
    column("appended", pa.list_(pa.string()), "those of third parties that it lists after its own"),
    column("coverage", pa.float32(), "share of the text that these licences cover, from 0 to 1"),
)
LICENSE_VERDICTS = ("allowed", "refused", "quarantined")
"""Quarantined: what is declared and what the texts say contradict each other."""

LICENSES = _table(
    column("archive_sha256", pa.string(), "digest of the archive"),
    SOURCE,
    column("package", pa.string(), "name of the package or repository"),
    column("version", pa.string(), "version of the package, commit of the repository"),
    column("declared", pa.list_(pa.string()), "licences as declared, unchanged"),
    column("detected", pa.list_(DETECTED_LICENSE), "what its licence files were recognised as"),
    column("expression", pa.string(), "SPDX expression of the package, null if none was found"),
    column("evidence", pa.string(), "how it is known: verified, declared_only, text_only, ..."),
    column("verdict", pa.string(), "allowed, refused or quarantined"),
    column("reason", pa.string(), "why no file of it is allowed, null if some are"),
    column("detail", pa.string(), "what exactly was found"),
    column("own_statements", pa.int64(), "source files with a statement of their own"),
    column("own_refused", pa.int64(), "those of them that are not allowed"),
)
"""One row an archive whose licence was judged."""

CLUSTER_ID = column("cluster_id", pa.string(), "smallest document_id of its near-duplicates")
SPLIT = column("split", pa.string(), "train, validation or test")

DOCUMENTS = _table(EXTRACTED, CLUSTER_ID, SPLIT)
"""Documents as a release holds them."""

CLAUSE = _struct(
    column("start_line", pa.int32(), "first line, from 1"),
    column("end_line", pa.int32(), "last line, inclusive"),
    column("start_byte", pa.int64(), "first byte in the document's `text`"),
    column("end_byte", pa.int64(), "byte behind the last one"),
    column("guard", pa.string(), "guard as it is written, null without one"),
)
EXTRACTED_FUNCTIONS = _table(
    column("document_id", pa.string(), "document that defines the function"),
    *(EXTRACTED.field(name) for name in ("source", "package", "version", "purl", "path")),
    EXTRACTED.field("license_expression"),
    column("module", pa.string(), "full name of its module"),
    column("name", pa.string(), "name of the function or macro"),
    column("arity", pa.int32(), "number of its arguments"),
    column("defaults", pa.int32(), "arguments with a default value"),
    column("kind", pa.string(), "def, defp, defmacro, ... or function (Erlang)"),
    column("clauses", pa.list_(CLAUSE), "its clauses in the order of the file"),
    column("doc", pa.string(), "text of its documentation, null without a literal text"),
    column("doc_kind", pa.string(), "string, hidden (`@doc false`) or null for none"),
    column("specs", pa.list_(pa.string()), "specifications as they are written"),
    column("impl", pa.string(), "true, false or the behaviour in `@impl`, null without one"),
    column("branch", pa.string(), "condition that it is compiled under, null where it always is"),
)
"""One row a function; clause offsets are into the document's `text` in UTF-8."""

FUNCTIONS = _table(EXTRACTED_FUNCTIONS, SPLIT)
"""Functions as a release holds them, in the split of their document."""

RESOLVED_BEHAVIOUR = _struct(
    *BEHAVIOUR,
    column("through", pa.string(), "module in the `use` that sets it, null if none does"),
)
USE = _struct(
    column("name", pa.string(), "module that is used"),
    column("evidence", pa.string(), "direct; transitive or cross_package if a macro uses it"),
    column("leaves_behaviour", pa.bool_(), "whether it sets a behaviour of the module"),
    column("unresolved", pa.string(), "absent, cycle or too_long; null if it was followed"),
)
STARTED = _struct(
    column("name", pa.string(), "what is started: Registry, Task.Supervisor, gen_server, ..."),
    column("how", pa.string(), "child, or the function that starts it: start_link, async, ..."),
    column("function", pa.string(), "function that starts it, as name/arity"),
    column("line", pa.int32(), "line, from 1"),
)
CHILD = _struct(
    column("id", pa.string(), "its id, null where it is not written out"),
    column("module", pa.string(), "module that starts it, null where it is not written out"),
    column("restart", pa.string(), "permanent, transient or temporary; null for the default"),
    column("type", pa.string(), "worker or supervisor; null for the default"),
    column("line", pa.int32(), "line, from 1"),
)
SUPERVISOR = _struct(
    column("function", pa.string(), "function that gives the children, as name/arity"),
    column("line", pa.int32(), "line, from 1"),
    column("strategy", pa.string(), "one_for_one, ...; null for the default or a variable"),
    column("max_restarts", pa.int32(), "restarts that are allowed, null for the default"),
    column("max_seconds", pa.int32(), "seconds that they are counted in, null for the default"),
    column("children", pa.list_(CHILD), "children in the order of their start"),
    column("is_complete", pa.bool_(), "whether all children are written out there"),
)
PLACE = _struct(
    column("function", pa.string(), "function, as name/arity"),
    column("line", pa.int32(), "line, from 1"),
)
SPAN = _struct(
    column("start_line", pa.int32(), "first line, from 1"),
    column("end_line", pa.int32(), "last line, inclusive"),
    column("start_byte", pa.int64(), "first byte in the document's `text`"),
    column("end_byte", pa.int64(), "byte behind the last one"),
)
PROTOCOL = _struct(
    column("kind", pa.string(), "call, cast, info, continue or event"),
    column("tag", pa.string(), "shape of the message: `:stop`, `{:put, _, _}`; _ for any"),
    column("sent", pa.list_(PLACE), "where the module sends it"),
    column("answered", pa.list_(SPAN), "clauses of `handle_*` that answer it"),
)
PROCESS_LINK = _struct(
    column("kind", pa.string(), "link, monitor, trap_exit, spawn_link or spawn_monitor"),
    *PLACE,
)
PROCESSES: tuple[pa.Field, ...] = (
    column("starts", pa.list_(STARTED), "processes of Elixir and OTP that it starts"),
    column("supervisors", pa.list_(SUPERVISOR), "supervisors that it defines or starts"),
    column("messages", pa.list_(PROTOCOL), "messages that it sends or answers"),
    column("links", pa.list_(PROCESS_LINK), "where it links or monitors processes"),
    column("hooks", pa.list_(pa.string()), "its terminate, code_change and format_status"),
)
"""What a module tells of processes; empty lists for most."""
_OF_MODULE: tuple[pa.Field, ...] = (
    column("document_id", pa.string(), "document that defines the module"),
    *(EXTRACTED.field(name) for name in ("source", "package", "version", "purl", "path")),
    EXTRACTED.field("license_expression"),
    EXTRACTED.field("language"),
    EXTRACTED.field("role"),
    column("module", pa.string(), "full name of the module"),
    column("kind", pa.string(), "defmodule, defprotocol or defimpl; module in Erlang"),
    column("start_line", pa.int32(), "first line, from 1"),
    column("end_line", pa.int32(), "last line, inclusive"),
)

DECLARED = _table(
    _OF_MODULE,
    column("archive_sha256", pa.string(), "digest of the archive"),
    column("own", pa.list_(BEHAVIOUR), "behaviours that the file itself sets"),
    column("used", pa.string(), "what it uses, as `Module.used` has it"),
    column("macros", pa.string(), "functions that build code for others, as `Module.macros`"),
    PROCESSES,
)
"""What ingest reads of each module for `corpus.behaviours`."""

MODULES = _table(
    _OF_MODULE,
    column("behaviours", pa.list_(RESOLVED_BEHAVIOUR), "behaviours that it implements"),
    column("uses", pa.list_(USE), "modules that it uses, through macros as well"),
    PROCESSES,
    SPLIT,
)
"""Modules as a release holds them, in the split of their document."""

COMPONENT = _struct(
    column("name", pa.string(), "name as it is written, without its sign: button, Shop.Cart.row"),
    column("kind", pa.string(), "local (`<.button>`), remote (`<Shop.Cart.row>`) or slot"),
    column("module", pa.string(), "module that defines it, null where the file does not tell"),
    column("line", pa.int32(), "line in the document, from 1"),
)
EXTRACTED_FRAGMENTS = _table(
    column("document_id", pa.string(), "document that holds the fragment"),
    *(EXTRACTED.field(name) for name in ("source", "package", "version", "purl", "path")),
    EXTRACTED.field("license_expression"),
    EXTRACTED.field("role"),
    column("kind", pa.string(), "template (the whole file), sigil, block, or session (of a shell)"),
    column("language", pa.string(), "language of the fragment, null for a block that names none"),
    column("module", pa.string(), "module around a sigil, null without one"),
    column("function", pa.string(), "function around a sigil, as name/arity; null without one"),
    column("start_line", pa.int32(), "first line in the document, from 1"),
    column("end_line", pa.int32(), "last line, inclusive"),
    column("start_byte", pa.int64(), "first byte in the document's `text`"),
    column("end_byte", pa.int64(), "byte behind the last one"),
    column("is_parsed", pa.bool_(), "whether it parses without an error, null if not tried"),
    column("components", pa.list_(COMPONENT), "components and slots that it calls, in order"),
    column("assigns", pa.list_(pa.string()), "assigns that its expressions use, without the @"),
    column("expressions", pa.int32(), "Elixir expressions in a template, without comments"),
    column("expressions_parsed", pa.int32(), "those of them without an error"),
)
"""Pieces of documents that are in another language, or templates."""
FRAGMENTS = _table(EXTRACTED_FRAGMENTS, SPLIT)
"""Fragments as a release holds them, in the split of their document."""
VERDICT_VALUES = ("verified", "failed", "unverifiable")
DOUBTS = (
    *("syntax_error", "compile_error", "module_defined_twice", "ended_the_beam"),
    *("broke_the_channel", "no_toolchain", "no_sandbox", "toolchain_too_old"),
    *("part_of_toolchain", "no_checker", "missing_requirement", "failed_requirement"),
    *("cyclic_requirement", "missing_file", "native_code", "needs_application", "timeout", "limit"),
)
"""Why a document is not verified; `corpus.verification.verdicts` explains them."""
VERIFICATIONS = ("none", "parsed", "compiled", "executed")
COMPILER_WARNING = _struct(
    column("line", pa.int32(), "line, from 1; 0 where the compiler tells none"),
    column("text", pa.string(), "what the compiler says"),
)
VERDICTS = _table(
    column("document_id", pa.string(), "the document"),
    *(EXTRACTED.field(name) for name in ("source", "package", "version", "purl", "path")),
    EXTRACTED.field("license_expression"),
    EXTRACTED.field("language"),
    EXTRACTED.field("role"),
    column("toolchain", pa.string(), "Elixir and Erlang/OTP that tried it, or none"),
    column("verdict", pa.string(), "verified, failed or unverifiable"),
    column("level", pa.string(), "how far it came: none, parsed, compiled or executed"),
    column("reason", pa.string(), "why it is not verified, null if it is"),
    column("detail", pa.string(), "what exactly was found"),
    column("parsed", pa.bool_(), "whether the toolchain reads it, null if that is not known"),
    column(
        "formatted",
        pa.bool_(),
        "whether it equals its formatted form, by the settings of its package; null if not known",
    ),
    column(
        "compiled",
        pa.bool_(),
        "whether it compiled with its package, null where that was not tried",
    ),
    column("warnings", pa.int32(), "warnings of the compiler, null where it did not compile"),
    column("first_warnings", pa.list_(COMPILER_WARNING), "the first five of them, by line"),
    SPLIT,
)
"""What the real toolchain says of documents, one row for each document and toolchain."""

MACROS = _table(
    column("archive_sha256", pa.string(), "digest of the archive"),
    column("package", pa.string(), "source and name of the package"),
    column("version", pa.string(), "version of the package"),
    column("module", pa.string(), "full name of the module"),
    column("macros", pa.string(), "functions that build code for others, as `Module.macros`"),
)
"""The modules of all archives that others can use."""
REACH = _table(
    column("archive_sha256", pa.string(), "digest of an archive"),
    column("required", pa.string(), "digest of an archive that it requires"),
    column("confidence", pa.float64(), "confidence in the choice of this version"),
)
"""Which archive stands for each requirement of each archive."""

INTERFACES = _table(
    column("archive_sha256", pa.string(), "digest of an archive that others require"),
    EXTRACTED.field("purl"),
    column("document_id", pa.string(), "document that defines the module"),
    column("module", pa.string(), "full name of the module"),
    SPLIT,
    EXTRACTED.field("license_expression"),
    column("text", pa.string(), "what the module offers"),
    column("tokens", pa.int32(), "tokens of the text (Tekken)"),
)
"""What the modules of required packages offer."""
PLACES = _table(
    column("archive_sha256", pa.string(), "digest of an archive"),
    column("place", pa.int32(), "its place behind the archives that it requires, from 0"),
    column("part", pa.int32(), "number of the part that has its interfaces, null without any"),
)
"""The order of the archives, by their requirements."""

IN_CONTEXT = _struct(
    column("document_id", pa.string(), "the document"),
    column("path", pa.string(), "its path inside the archive"),
    column("start_byte", pa.int64(), "first byte in the document's `text`"),
    column("end_byte", pa.int64(), "byte behind the last one"),
    column("at_byte", pa.int64(), "where these bytes begin in the context's `text`"),
)
INTERFACE_IN_CONTEXT = _struct(
    column("purl", pa.string(), "purl of the required package at its version"),
    column("module", pa.string(), "full name of the module"),
    column("document_id", pa.string(), "document that defines it"),
)
CONTEXT = _table(
    column("id", pa.string(), "digest of archive_sha256 and window"),
    *(EXTRACTED.field(name) for name in ("source", "package", "version", "purl")),
    EXTRACTED.field("archive_sha256"),
    column("place", pa.int32(), "place of the package behind those that it requires, from 0"),
    column("window", pa.int32(), "number of the context among those of its package, from 0"),
    column("text", pa.large_string(), "interfaces of required modules, then files in order"),
    column("bytes", pa.int64(), "length of `text` in bytes"),
    column("tokens", pa.int32(), "tokens of `text` (Tekken)"),
    column("files", pa.list_(IN_CONTEXT), "the files, and pieces of files, in it"),
    column("interfaces", pa.list_(INTERFACE_IN_CONTEXT), "the interfaces in it"),
    column("document_ids", pa.list_(pa.string()), "documents that its files are"),
    column("purls", pa.list_(pa.string()), "purls of these documents' packages"),
    column("license_expression", pa.string(), "SPDX expression of all of its text"),
    SPLIT,
)
"""Contexts as a release holds them."""

REJECTS = _table(
    IDENTITY,
    column("bytes", pa.int64(), "size of the file in bytes"),
    column("stage", pa.string(), "stage of the pipeline that rejected it"),
    column("reason", pa.string(), "the reason, from a closed list"),
    column("detail", pa.string(), "what exactly was found"),
    column("representative_id", pa.string(), "document_id of the kept document it duplicates"),
    column("functions_lost", pa.int32(), "functions of a dropped duplicate that no document holds"),
    column(
        "removed_by",
        pa.list_(pa.int64()),
        "numbers of the opt-out entries that leave it out, null for other reasons",
    ),
)
"""One row a rejected file; an empty `path` means the archive as a whole."""

PERMUTATIONS = 128
"""Numbers in a MinHash signature."""

FINGERPRINTS = _table(
    IDENTITY,
    column("bytes", pa.int64(), "length of the document's text in bytes"),
    column("role", pa.string(), "role of the document"),
    column("tokens", pa.int32(), "lexical tokens of its code, words of a guide"),
    column("license_evidence", pa.string(), "evidence of the document's licence"),
    column("lf_id", pa.string(), "digest of its original bytes with LF in place of CRLF"),
    column("normalized_id", pa.string(), "digest of the normalised token sequence"),
    column("shingles", pa.list_(pa.uint64()), "sorted, unique hashes of five tokens each"),
    column("signature", pa.binary(4 * PERMUTATIONS), "little-endian uint32 minima"),
    column("functions", pa.list_(pa.uint64()), "sorted, unique digests of its functions' tokens"),
)
"""What deduplication sees of a document."""

READ_ARCHIVES = _table(
    SOURCE,
    column("package", pa.string(), "name of the package"),
    column("version", pa.string(), "version of the package"),
    column("purl", pa.string(), "purl of the package at this version: pkg:hex/plug@1.19.2"),
    column("sha256", pa.string(), "digest of the archive"),
    column("url", pa.string(), "address that the archive was fetched from"),
    column("license_expression", pa.string(), "SPDX expression of the package"),
    column("license_evidence", pa.string(), "how the package's licence is known"),
    column("license_reason", pa.string(), "why the licence is not permitted, null if it is"),
    column("copyright", pa.list_(pa.string()), "copyright lines of its licence files"),
    column("license_texts", pa.list_(LICENSE_TEXT), "its licence files"),
    column("links", pa.list_(LINK), "links that the package declares"),
    RETIREMENT,
    ADVISORIES,
    column("notes", pa.list_(pa.string()), "what of its metadata could not be understood"),
    column("files_seen", pa.int64(), "files in the archive"),
    column("failure", pa.string(), "why the archive could not be opened, null if it could"),
)
"""One row an archive that ingest read."""

KEPT = _table(
    column("document_id", pa.string(), "the document"),
    column("content_id", pa.string(), "digest of its original bytes"),
    column("bytes", pa.int64(), "length of its text in bytes"),
    CLUSTER_ID,
    SPLIT,
    HOST,
)
"""One row a document that stays in the release. What is known of its repository takes the place of
what ingest knew, where it is not null."""

ALIGNMENTS = _table(
    column("package", pa.string(), "name of the package on Hex"),
    column("version", pa.string(), "version of the package"),
    column("archive_sha256", pa.string(), "digest of its tarball"),
    column("host", pa.string(), "repository as OWNER/NAME"),
    column("host_sha256", pa.string(), "digest of the archive of its commit"),
    column("folder", pa.string(), "folder of the repository that has the package"),
    column("files", pa.int64(), "files of the version that tell something"),
    column("shared", pa.int64(), "those of them that the commit has unchanged at their paths"),
    column("moved", pa.int64(), "others that the commit has unchanged at another path"),
    column("share", pa.float64(), "share of the version's files that these are, from 0 to 1"),
    column("is_best", pa.bool_(), "whether no other commit has more of the version"),
    column("contents", pa.list_(pa.string()), "digests of what is unchanged, for the best commit"),
    column("paths", pa.list_(pa.string()), "paths of the same files in the tarball"),
    HOST,
)
"""Versions of packages and the commits that have their files."""

ALIGNED: tuple[pa.Field, ...] = (
    column("repository", pa.string(), "repository that has the files of the version, null if none"),
    column("commit", pa.string(), "commit of it that was compared"),
    column("repository_folder", pa.string(), "folder of it that has them, empty for the root"),
    column("aligned_files", pa.int64(), "files of the version that were compared by content"),
    column("aligned_share", pa.float64(), "share of them that the commit has unchanged, 0 to 1"),
)
"""Which commit a version of a package on Hex is aligned with."""
VERSIONS = _table(column("archive_sha256", pa.string(), "digest of the tarball"), ALIGNED)
"""One row a version that is aligned with a commit."""

CLUSTERS = _table(
    column("document_id", pa.string(), "the document"),
    CLUSTER_ID,
    column("representative_id", pa.string(), "document_id of the one its cluster keeps"),
    column("relation", pa.string(), "representative, exact or near"),
    column("similarity", pa.float32(), "exact Jaccard similarity to the representative"),
)
"""One row a document."""

FAMILY: tuple[pa.Field, ...] = (
    column("family", pa.string(), "repository or package that its family is named after"),
    column("joined_by", pa.string(), "repository or kinship; null for a package on its own"),
    column("joined_with", pa.string(), "the repository, or the family that it shares code with"),
    column("joined_share", pa.float32(), "kinship: share of code in near-duplicates, 0 to 1"),
    column("joined_documents", pa.int32(), "kinship: documents that these are"),
)
"""The family of a package, which stays in one split, and why the package is in it."""

SPLITS = _table(column("package", pa.string(), "name of the package"), FAMILY, SPLIT)
"""One row a package."""

MESSAGE = _struct(
    column("role", pa.string(), "system, user or assistant"),
    column("content", pa.string(), "what is said"),
)
NEED = _struct(
    column("kind", pa.string(), "private_function, attribute, alias, import or struct"),
    column("name", pa.string(), "name/arity of a function, else the name as the answer writes it"),
)
INSTRUCTION_KINDS = (
    "documentation_to_function",
    "behaviour_module",
    "callback_completion",
    "function_to_documentation",
    "message_protocol",
    "typespecs",
    "doctest_to_assertion",
    "fill_in_the_middle",
)
"""Kinds of instruction rows; `corpus.instruct` makes them."""

DIFFICULTIES = ("glue", "easy", "medium", "hard")
"""Levels of difficulty of instruction rows; `corpus.instruct` finds them."""

INSTRUCT = _table(
    column("id", pa.string(), "digest of the kind, the document and the place in it"),
    column("kind", pa.string(), "kind of instruction"),
    column("subject", pa.string(), "what is asked for: Module.function/arity, or a module"),
    column("messages", pa.list_(MESSAGE), "the conversation"),
    column("difficulty", pa.string(), "how much there is to find out: glue, easy, medium or hard"),
    column("needs", pa.list_(NEED), "what the answer takes from code that the question lacks"),
    column("document_ids", pa.list_(pa.string()), "documents that the answer comes from"),
    column("purls", pa.list_(pa.string()), "purl of the package of each of these documents"),
    column("package", pa.string(), "name of their package"),
    column("paths", pa.list_(pa.string()), "path of each of these documents in its archive"),
    column("license_expression", pa.string(), "SPDX expression of these documents"),
    column("verification", pa.string(), "none, parsed, compiled or executed"),
    column("toolchain", pa.string(), "version that verified it, null for none"),
    SPLIT,
)
"""Instruction rows."""

SMELL_CHECKS = (
    *("Design.TagFIXME", "Design.TagTODO", "Readability.ModuleDoc"),
    *("Readability.PredicateFunctionNames", "Readability.PreferImplicitTry"),
    *("Readability.SinglePipe", "Readability.WithSingleClause"),
    *("Refactor.CondStatements", "Refactor.CyclomaticComplexity", "Refactor.FilterCount"),
    *("Refactor.FilterFilter", "Refactor.FunctionArity", "Refactor.MapJoin"),
    *("Refactor.MatchInCondition", "Refactor.NegatedConditionsInUnless"),
    *("Refactor.NegatedConditionsWithElse", "Refactor.Nesting", "Refactor.RejectReject"),
    "Refactor.UnlessWithElse",
    *("Warning.ApplicationConfigInModuleAttribute", "Warning.Dbg"),
    *("Warning.ExpensiveEmptyEnumCheck", "Warning.IExPry", "Warning.IoInspect"),
    *("Warning.RaiseInsideRescue", "Warning.UnsafeToAtom"),
)
"""Smells that are counted, by the names of credo's checks below `Credo.Check`."""
SMELL = _struct(
    column("check", pa.string(), "name of credo's check: Refactor.Nesting, ..."),
    column("count", pa.int32(), "how often it finds something, from 1"),
)
SCORE_PLACES: Final = 4
"""Digits of a score behind the point: no sum in another order or on another machine shows in it."""
SIGNALS = _table(
    column("document_id", pa.string(), "the document"),
    *(EXTRACTED.field(name) for name in ("source", "package", "version", "purl", "path")),
    EXTRACTED.field("license_expression"),
    EXTRACTED.field("language"),
    EXTRACTED.field("role"),
    column("tekken_tokens", pa.int32(), "tokens of its text in Mistral's Tekken (tekken_240911)"),
    column(
        "documented_share",
        pa.float32(),
        "share of public functions with documentation, null without any or where it is not read",
    ),
    column(
        "specified_share",
        pa.float32(),
        "share of public functions with a specification, null without any",
    ),
    column("smells", pa.list_(SMELL), "structural smells by check, null for other languages"),
    column("smell_count", pa.int32(), "sum of their counts, null for other languages"),
    column(
        "is_tested",
        pa.bool_(),
        "whether a test of its archive is named after one of its modules; null for what is no "
        "library's module, and where the archive has no tests",
    ),
    column("age_days", pa.int32(), "days from its version to the newest archive of the store"),
    column("package_age_days", pa.int32(), "days from the package's first version to this one"),
    column("downloads", pa.int64(), "downloads of its package, null where the API was not asked"),
    column("recent_downloads", pa.int64(), "those of the 90 days before it was fetched"),
    column("dependents", pa.int32(), "other packages of the store that require its package"),
    column("score", pa.float32(), "weighted mean of signals from 0 to 1, null if turned off"),
    SPLIT,
)
"""Signals of quality of documents as a release holds them; nothing is left out for one."""

ORIGIN_KINDS = ("content", "swhid", "code", "run", "copy")
"""What a key is the beginning of; `corpus.origin` explains them."""

ORIGIN = _table(
    column("key", pa.uint64(), "first 64 bits of a digest: of a file, its code or a run in it"),
    column("kind", pa.string(), "content, swhid, code, run; copy for the bytes of a duplicate"),
    column("content", pa.uint64(), "first 64 bits of the document's content_id"),
    column("line", pa.int32(), "line where the run begins, from 1; 0 for the whole file"),
    column("package", pa.string(), "package of the document"),
)
"""Keys by which the origin of a file or a piece of code is found."""

ATTRIBUTION = _table(
    SOURCE,
    column("package", pa.string(), "name of the package"),
    column("version", pa.string(), "version of the package"),
    column("purl", pa.string(), "purl of the package at this version: pkg:hex/plug@1.19.2"),
    column("url", pa.string(), "address that the archive was fetched from"),
    column("sha256", pa.string(), "digest of the archive"),
    column("license_expression", pa.string(), "SPDX expression of the package"),
    column("license_evidence", pa.string(), "how the package's licence is known"),
    column(
        "copyright", pa.list_(pa.string()), "copyright lines of its licence files and annotations"
    ),
    column("license_texts", pa.list_(LICENSE_TEXT), "its licence files"),
    column("links", pa.list_(LINK), "links that the package declares"),
    RETIREMENT,
    ADVISORIES,
    column("notes", pa.list_(pa.string()), "what of its metadata could not be understood"),
    column("documents", pa.int64(), "documents that the release holds of it"),
    column("document_licenses", pa.list_(DOCUMENT_LICENSE), "their licences, by their own files"),
    FAMILY,
    ALIGNED,
)
"""One row an archive that contributed."""


class FromBuild(StrEnum):
    """A bound that the build of a release decides; `quality.settings` tells it."""

    LONGEST_TEXT = "longest_text"


@dataclass(frozen=True, slots=True)
class NeverNull:
    """No row lacks a value in these columns."""

    columns: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Filled:
    """No value of these columns is an empty string."""

    columns: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Digests:
    """Each of these columns has a SHA-256 digest in every row."""

    columns: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Unique:
    """No value of the column stands in two rows that are judged together."""

    column: str


@dataclass(frozen=True, slots=True)
class UniqueInRelease:
    """No value of the column stands in two rows of the table; `figure` counts those that do."""

    column: str
    figure: str
    expected: str


@dataclass(frozen=True, slots=True)
class OneOf:
    """Every value of the column is one of these."""

    column: str
    values: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Between:
    """Every value of the column, or the length of its list, lies between two numbers."""

    column: str
    least: float
    most: float | FromBuild | None = None


@dataclass(frozen=True, slots=True)
class Equal:
    """Two columns have the same value in every row."""

    column: str
    other: str
    expected: str


@dataclass(frozen=True, slots=True)
class Holds:
    """A statement about each row is true; `quality.frames` works it out."""

    statement: str
    expected: str


@dataclass(frozen=True, slots=True)
class Permitted:
    """The build's licence policy permits every SPDX expression of the column."""

    column: str


Promised = (
    NeverNull
    | Filled
    | Digests
    | Unique
    | UniqueInRelease
    | OneOf
    | Between
    | Equal
    | Holds
    | Permitted
)
"""What the gate holds a table to. A column is one of the schema, or of `quality.frames`."""


def never_null(*columns: str) -> NeverNull:
    """Promise that no row lacks a value in these columns."""
    return NeverNull(columns)


def filled(*columns: str) -> Filled:
    """Promise that no value of these columns is an empty string."""
    return Filled(columns)


def digests(*columns: str) -> Digests:
    """Promise that each of these columns has a SHA-256 digest in every row."""
    return Digests(columns)


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Table:
    """A table that people meet, in one file of a release or in an archive store."""

    name: str
    row: str
    """What a row is, as it follows "A row is"."""
    schema: pa.Schema
    files: str
    """Where its rows lie: a path or pattern below the folder of a release or of a store."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class ShardedTable(Table):
    """A table of a release that is cut into shards: a configuration of the dataset on the Hub."""

    sort_key: tuple[str, ...]
    """What rows are sorted by. The first column is a SHA-256 digest, or 64 bits of a digest as a
    number, because its first digits cut the table evenly. Rows with equal keys keep the order in
    which they stand in their part."""
    row_key: tuple[str, ...]
    """The columns that name a row, the first of them that of `sort_key`: what the logical digest of
    a shard is made of."""
    is_split: bool
    """Whether it is divided into train, validation and test; else all rows are in one split."""
    is_of_documents: bool = False
    """Whether a stage before selection fills it, so that only the rows of documents which stay
    (`KEPT`) are released, and their cluster and split is added to them."""
    cut_by: str | None = None
    """What shards and row groups are cut by: a column of bytes, or the text in the parts of a list,
    as in "messages.content"; None to cut by rows."""
    promises: tuple[Promised, ...] = ()
    """What the gate holds it to, in the order in which the verdict tells it."""

    @property
    def splits(self) -> tuple[str, ...]:
        """The splits that it is divided into."""
        return SPLIT_NAMES if self.is_split else (WHOLE,)


SPLIT_NAMES = ("train", "validation", "test")
WHOLE: Final = "all"
"""The one split of a table that is not divided."""

SOURCES = ("hex", "folder", "github")
LANGUAGES = ("elixir", "erlang", "heex", "eex", "gleam", "markdown", "livemd")
SOUND_EVIDENCE = ("verified", "declared_only", "text_only")
"""Evidence under which a document may be published; contradicted and unknown may not."""
FRAGMENT_KINDS = ("template", "sigil", "block", "session")
COMPONENT_KINDS = ("local", "remote", "slot")
CHAT_ROLES = ("system", "user", "assistant")

_SHARDED = (
    ShardedTable(
        name="documents",
        row="one source file, with its text, provenance, licence, modules and split",
        schema=DOCUMENTS,
        files="data/documents/*.parquet",
        sort_key=("content_id", "document_id"),
        row_key=("content_id", "path"),
        is_split=True,
        is_of_documents=True,
        cut_by="bytes",
        promises=(
            digests("document_id", "content_id", "archive_sha256", "cluster_id"),
            Unique("document_id"),
            UniqueInRelease("document_id", "document_ids_repeated", "no document twice"),
            UniqueInRelease(
                "content_id", "content_ids_repeated", "no two documents with the same bytes"
            ),
            never_null("text_bytes", "split", "source", "language", "role"),
            never_null("license_expression", "license_evidence", "bytes", "lines", "tokens"),
            never_null("median_line_length", "longest_line", "hidden_characters"),
            never_null("control_tokens", "parse_errors", "comment_fraction"),
            never_null("package", "version", "path", "swhid", "purl"),
            filled("package", "version", "path"),
            Holds("identities_agree", "swhid and purl are well-formed, the purl its package's"),
            OneOf("source", SOURCES),
            OneOf("language", LANGUAGES),
            OneOf("role", ROLES),
            OneOf("license_evidence", SOUND_EVIDENCE),
            Permitted("license_expression"),
            OneOf("split", SPLIT_NAMES),
            Holds("in_its_shard", "a document lies in a shard of its own split"),
            Between("bytes", 1, FromBuild.LONGEST_TEXT),
            Equal("bytes", "text_bytes", "bytes is the length of the text in UTF-8"),
            Between("lines", 1),
            Between("tokens", 0, FromBuild.LONGEST_TEXT),
            Between("parse_errors", 0),
            Between("comment_fraction", 0, 1),
            Between("hidden_characters", 0),
            Between("control_tokens", 0),
            Holds("counts_agree", "documented and specified functions are public ones"),
            Holds("lists_are_told", "modules and redactions are lists, if empty ones"),
        ),
    ),
    ShardedTable(
        name="functions",
        row="one function or macro of a document, with its clauses, documentation and specs",
        schema=FUNCTIONS,
        files="data/functions/*.parquet",
        sort_key=("document_id",),
        row_key=("document_id", "module", "name", "arity"),
        is_split=True,
        is_of_documents=True,
        promises=(
            Holds("refers_to_document", "a function belongs to a document of its split"),
            never_null("name", "kind", "arity", "clauses"),
            Between("arity", 0, MOST_ARGUMENTS),
            Between("clauses", 1),
            Holds("ranges_are_sound", "clauses end after they begin, within their text"),
        ),
    ),
    ShardedTable(
        name="modules",
        row="one module of a document, with its behaviours, its uses and its processes",
        schema=MODULES,
        files="data/modules/*.parquet",
        sort_key=("document_id",),
        row_key=("document_id", "module", "start_line"),
        is_split=True,
        is_of_documents=True,
        promises=(
            Holds("belongs_to_document", "a module belongs to a document of its split"),
            never_null("module", "kind", "start_line", "end_line", "behaviours", "uses"),
            never_null("starts", "supervisors", "messages", "links", "hooks"),
            filled("module"),
            Between("start_line", 1),
            Holds("behaviours_are_sound", "behaviours have a name, evidence and a confidence"),
        ),
    ),
    ShardedTable(
        name="fragments",
        row="one template, `~H` sigil or code block of a document, with what it contains",
        schema=FRAGMENTS,
        files="data/fragments/*.parquet",
        sort_key=("document_id",),
        row_key=("document_id", "start_byte"),
        is_split=True,
        is_of_documents=True,
        promises=(
            Holds("belongs_to_document", "a fragment belongs to a document of its split"),
            never_null("kind", "start_line", "end_line", "components", "assigns"),
            never_null("expressions", "expressions_parsed"),
            OneOf("kind", FRAGMENT_KINDS),
            Between("expressions_parsed", 0),
            Holds("fragment_is_within", "a fragment ends after it begins, within its document"),
            Holds("components_are_told", "a component has a name, a known kind and a line"),
            Holds("counts_agree", "no more expressions have no error than there are"),
        ),
    ),
    ShardedTable(
        name="signals",
        row="the signals of quality of one document: tokens, coverage, smells, standing, score",
        schema=SIGNALS,
        files="data/signals/*.parquet",
        sort_key=("document_id",),
        row_key=("document_id",),
        is_split=True,
        promises=(
            digests("document_id"),
            UniqueInRelease("document_id", "signals_repeated", "no document with two signals"),
            Holds("belongs_to_document", "signals belong to a document of its split"),
            never_null("tekken_tokens", "language", "role"),
            Between("tekken_tokens", 1, FromBuild.LONGEST_TEXT),
            Between("documented_share", 0, 1),
            Between("specified_share", 0, 1),
            Between("age_days", 0),
            Between("package_age_days", 0),
            Between("downloads", 0),
            Between("recent_downloads", 0),
            Between("dependents", 0),
            Between("score", 0, 1),
            Holds("smells_are_sound", "smells are known checks, and their counts add up"),
        ),
    ),
    ShardedTable(
        name="verdicts",
        row="one document and toolchain, with what the toolchain says of the document",
        schema=VERDICTS,
        files="data/verdicts/*.parquet",
        sort_key=("document_id", "toolchain"),
        row_key=("document_id", "toolchain"),
        is_split=True,
        is_of_documents=True,
        promises=(
            Holds("is_of_document", "a verdict belongs to a document of its split"),
            never_null("toolchain", "verdict", "level", "first_warnings"),
            OneOf("verdict", VERDICT_VALUES),
            OneOf("level", VERIFICATIONS),
            Holds("reason_is_told", "what is not verified has a reason, and nothing else has"),
            Holds("level_is_reached", "parsed and compiled are as the level says"),
        ),
    ),
    ShardedTable(
        name="instruct",
        row="one conversation, with the documents it came from and how it was verified",
        schema=INSTRUCT,
        files="data/instruct/*.parquet",
        sort_key=("id",),
        row_key=("id",),
        is_split=True,
        cut_by="messages.content",
        promises=(
            digests("id"),
            Unique("id"),
            UniqueInRelease("id", "instruct_ids_repeated", "no instruction row twice"),
            never_null("kind", "messages", "last_role", "license_expression", "verification"),
            OneOf("kind", INSTRUCTION_KINDS),
            Between("messages", 2),
            OneOf("last_role", ("assistant",)),
            Holds("roles_are_known", f"roles are among {', '.join(CHAT_ROLES)}"),
            Between("shortest_message", 1),
            OneOf("difficulty", DIFFICULTIES),
            Between("needs", 0, 0),
            Holds("answer_parses", "the answer is Elixir that parses"),
            Holds("answer_is_hidden", "there is an answer, and no prompt repeats it"),
            Holds("refers_to_documents", "a row names documents of this release"),
            Holds("has_purls", "a row has a purl for each of its documents"),
            Holds("split_is_inherited", "a row has the split of all of its documents"),
            Holds("license_is_inherited", "a row has the licence of its documents"),
            Permitted("license_expression"),
            OneOf("verification", VERIFICATIONS),
        ),
    ),
    ShardedTable(
        name="context",
        row="one context for pretraining: files of a package in order, up to a number of tokens",
        schema=CONTEXT,
        files="data/context/*.parquet",
        sort_key=("id",),
        row_key=("id",),
        is_split=True,
        cut_by="bytes",
        promises=(
            digests("id", "archive_sha256"),
            Unique("id"),
            UniqueInRelease("id", "context_ids_repeated", "no context twice"),
            never_null("source", "package", "version", "purl", "place", "window", "text_bytes"),
            never_null("files", "interfaces", "license_expression"),
            Between("window", 0),
            Between("tokens", 1),
            Equal("bytes", "text_bytes", "bytes is the length of the text in UTF-8"),
            Holds("holds_its_files", "each file lies within the text of the context"),
            Holds("refers_to_documents", "a context names documents of this release"),
            Holds("has_purls", "a context has a purl for each of its documents"),
            Holds("split_is_inherited", "a context has the split of all of its documents"),
            Permitted("license_expression"),
        ),
    ),
    ShardedTable(
        name="licenses",
        row="one archive, with the verdict on its licence and the evidence",
        schema=LICENSES,
        files="data/licenses/*.parquet",
        sort_key=("archive_sha256",),
        row_key=("archive_sha256",),
        is_split=False,
        promises=(
            digests("archive_sha256"),
            Unique("archive_sha256"),
            never_null("source", "package", "version", "declared", "detected", "evidence"),
            never_null("verdict", "own_statements", "own_refused"),
            OneOf("verdict", LICENSE_VERDICTS),
            Between("own_statements", 0),
            Between("own_refused", 0),
        ),
    ),
    ShardedTable(
        name="rejects",
        row="one file or archive that was left out, with the stage and the reason",
        schema=REJECTS,
        files="data/rejects/*.parquet",
        sort_key=("document_id", "archive_sha256", "path"),
        row_key=("document_id", "path", "reason"),
        is_split=False,
        promises=(
            digests("document_id"),
            never_null("source", "package", "path", "stage", "reason"),
            OneOf("stage", tuple(stage.value for stage in Stage)),
            OneOf("reason", tuple(reason.value for reason in Reason)),
            Holds("is_no_document", "what was rejected is not a document as well"),
            Holds("representative_is_kept", "a duplicate names a document that stands for it"),
        ),
    ),
    ShardedTable(
        name="origin",
        row="one key of a document: of the file, its code, or a run of tokens in it",
        schema=ORIGIN,
        files="data/origin/*.parquet",
        sort_key=("key", "kind", "content", "line"),
        row_key=("key", "kind", "content"),
        is_split=False,
        promises=(Holds("is_key", "a key has a known kind, a document, its package and a line"),),
    ),
)

SHARDED = {table.name: table for table in _SHARDED}
"""The tables of a release that are cut into shards; the first is what `load_dataset` loads."""


def unique_in_release() -> Iterator[tuple[str, UniqueInRelease]]:
    """Yield the columns that repeat no value in a whole table, with the name of the table."""
    for table in SHARDED.values():
        for promised in table.promises:
            if isinstance(promised, UniqueInRelease):
                yield table.name, promised


ATTRIBUTION_TABLE = Table(
    name="attribution",
    row="one archive that contributed, with its licence and its copyright lines",
    schema=ATTRIBUTION,
    files="attribution.parquet",
)
"""The one table of a release that is a single file."""

ARCHIVES_TABLE = Table(
    name="archives",
    row="one archive of a store, as `scrapy crawl hex` keeps it",
    schema=ARCHIVES,
    files="archives/*/*/*.json, index/archives-*.rows",
)

TABLES: dict[str, Table] = {
    **SHARDED,
    ATTRIBUTION_TABLE.name: ATTRIBUTION_TABLE,
    ARCHIVES_TABLE.name: ARCHIVES_TABLE,
}
"""The tables that people meet: those of a release, and the index of an archive store."""


@dataclass(frozen=True, slots=True)
class Column:
    """One column, or a part of one, such as `modules.behaviours.name`."""

    name: str
    type: str
    """As words: "string", "list of int32", "list of struct"."""
    meaning: str


def columns_of(schema: Iterable[pa.Field], within: str = "") -> Iterator[Column]:
    """Yield every column with its meaning, the parts of a struct behind it."""
    for field in schema:
        name, inner, words = f"{within}{field.name}", field.type, ""
        while pa.types.is_list(inner):
            inner, words = inner.value_type, f"{words}list of "
        is_struct = pa.types.is_struct(inner)
        yield Column(name, f"{words}{'struct' if is_struct else inner}", meaning_of(field))
        if is_struct:
            yield from columns_of(map(inner.field, range(inner.num_fields)), f"{name}.")


def dictionary(*tables: str) -> str:
    """Return the data dictionary of some tables as Markdown."""
    return "".join(f"{line}\n" for line in chain.from_iterable(map(_page, tables)))


def _page(table: str) -> Iterator[str]:
    yield f"## {table}"
    yield f"\nA row is {TABLES[table].row}.\n"
    yield "| Column | Type | Meaning |"
    yield "|---|---|---|"
    for column in columns_of(TABLES[table].schema):
        yield f"| `{column.name}` | {column.type} | {column.meaning} |"
    yield ""
