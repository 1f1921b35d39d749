"""The dataset in Croissant, MLCommons' JSON-LD vocabulary for datasets (version 1.0), with its
extension for responsible AI (RAI 1.0).

Every shard is listed with its SHA-256, so a copy can be checked without our code.
"""

from collections.abc import Iterator, Sequence
from typing import TypedDict, cast

from pages.formats import plural
from quality.report.figures import Count, Files
from quality.report.published import Feature, ListedTable, Report

Json = dict[str, object]
"""An object of JSON or YAML that is only written."""

CONTEXT: Json = {
    "@language": "en",
    "@vocab": "https://schema.org/",
    "citeAs": "cr:citeAs",
    "column": "cr:column",
    "conformsTo": "dct:conformsTo",
    "cr": "http://mlcommons.org/croissant/",
    "data": {"@id": "cr:data", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "dct": "http://purl.org/dc/terms/",
    "equivalentProperty": "cr:equivalentProperty",
    "examples": {"@id": "cr:examples", "@type": "@json"},
    "extract": "cr:extract",
    "field": "cr:field",
    "fileObject": "cr:fileObject",
    "fileProperty": "cr:fileProperty",
    "fileSet": "cr:fileSet",
    "format": "cr:format",
    "includes": "cr:includes",
    "isLiveDataset": "cr:isLiveDataset",
    "jsonPath": "cr:jsonPath",
    "key": "cr:key",
    "md5": "cr:md5",
    "parentField": "cr:parentField",
    "path": "cr:path",
    "rai": "http://mlcommons.org/croissant/RAI/",
    "recordSet": "cr:recordSet",
    "references": "cr:references",
    "regex": "cr:regex",
    "repeated": "cr:repeated",
    "replace": "cr:replace",
    "samplingRate": "cr:samplingRate",
    "sc": "https://schema.org/",
    "separator": "cr:separator",
    "source": "cr:source",
    "subField": "cr:subField",
    "transform": "cr:transform",
}
"""The context that the Croissant 1.0 specification gives for every document. The terms of RAI are
written with their prefix: the context names some of them as if they were Croissant's own."""
CONFORMS_TO = ("http://mlcommons.org/croissant/1.0", "http://mlcommons.org/croissant/RAI/1.0")

PARQUET = "application/x-parquet"
TYPES = {
    "string": "sc:Text",
    "large_string": "sc:Text",
    "bool": "sc:Boolean",
    "int32": "sc:Integer",
    "int64": "sc:Integer",
    "uint64": "sc:Integer",
    "float32": "sc:Float",
    "float64": "sc:Float",
}


def croissant(report: Report) -> Json:
    """Return the Croissant description of a release, from the values of report.json.

    A build does not read a clock: the date is the month in the version, that of the newest archive.
    """
    version = report["identity"]["version"]
    return {
        "@context": CONTEXT,
        "@type": "sc:Dataset",
        "conformsTo": list(CONFORMS_TO),
        "name": "elixir-corpus",
        "description": (
            f"{report['summary']['documents']} source files of the Elixir ecosystem, traceable to "
            "archive, checksum, path and licence, deduplicated and split by repository."
        ),
        "version": version,
        "datePublished": version[:7].replace(".", "-"),
        "license": [row["name"] for row in report["licenses"]["expressions"]],
        "keywords": [row["name"] for row in report["composition"]["languages"]],
        "isLiveDataset": False,
        "citeAs": f"Elixir Corpus {version}, content {report['identity']['content_digest']}",
        **_responsible(report),
        "distribution": [part for table in report["tables"] for part in _files(table)],
        "recordSet": [_records(table) for table in report["tables"]],
    }


class _Archives(TypedDict):
    seen: int
    kept: int


class _Funnel(TypedDict):
    archives: _Archives
    files: Files


class _Dropped(TypedDict):
    documents: int


class _Duplicates(TypedDict):
    exact: _Dropped
    near: _Dropped
    threshold: float


class _Rule(TypedDict):
    name: str
    spans: int
    documents: int


class _Redactions(TypedDict):
    spans: int
    documents: int
    rules: Sequence[_Rule]


class _Concentration(TypedDict):
    largest_share: float
    effective_packages: float


class _OptedOut(TypedDict):
    archives: int
    files: int


class _Overlap(TypedDict):
    statement: str


def _responsible(report: Report) -> Json:
    """Return the terms of RAI 1.0, each from the figures of the release.

    Terms about human annotators are left out: there are none.
    """
    funnel = cast(_Funnel, report["funnel"])
    duplicates = cast(_Duplicates, report["duplicates"])
    concentration = cast(_Concentration, report["concentration"])
    overlap = cast(_Overlap, report["contamination"])
    seen, files = funnel["archives"]["seen"], funnel["files"]["seen"]
    removed = [row for stage in funnel["files"]["stages"] for row in stage["reasons"]]
    reasons = "; ".join(f"{row['reason']} {row['count']}" for row in removed)
    tools = ", ".join(f"{name} {version}" for name, version in report["identity"]["tools"].items())
    opted_out = cast(_OptedOut, report["limits"]["opted_out"])
    languages = cast(Sequence[Count], report["composition"]["languages"])
    shares = ", ".join(f"{row['name']} {row['share']:.1%}" for row in languages)
    return {
        "rai:dataCollection": (
            f"Read: {plural(seen, 'archive')} of packages, as their authors published them in a "
            f"package registry or as they lie in a folder, with {plural(files, 'file')}; "
            f"{report['summary']['documents']:,} of them became documents."
        ),
        "rai:dataCollectionType": ["Web API", "User-generated content data"],
        "rai:dataCollectionRawData": (
            "The archives, unchanged. manifest.json and bom.cdx.json name each with its SHA-256."
        ),
        "rai:dataCollectionMissingData": (
            "Every file that was read and is no document is a row of `rejects`, with its reason. "
            f"Files by reason: {reasons or 'none'}."
        ),
        "rai:dataPreprocessingProtocol": [
            "Files without a permitted licence are left out. The licence of a file is that of the "
            "nearest statement, or else of its package.",
            "Generated, minified, oversized and binary files, data and what is not source code "
            "are left out.",
            f"Left out: {plural(duplicates['exact']['documents'], 'exact duplicate')} and "
            f"{plural(duplicates['near']['documents'], 'near-duplicate')} (Jaccard similarity of "
            f"at least {duplicates['threshold']}); each names the document that is kept.",
            "Families of packages are assigned to a split as a whole, so no document of a "
            "held-out split has a near-duplicate in train.",
        ],
        "rai:dataManipulationProtocol": _redacted(report),
        "rai:dataAnnotationProtocol": (
            "Modules, functions, documentation and types are extracted by parsers, and "
            "instruction rows are derived from them by rules. No person annotated anything, and "
            "no language model wrote anything."
        ),
        "rai:machineAnnotationTools": [tools],
        "rai:dataUseCases": [
            "Training and evaluating language models on Elixir and Erlang source code.",
            "Research on the source code of that ecosystem.",
        ],
        "rai:dataBiases": [
            f"Documents by language: {shares or 'none'}.",
            f"The largest package has {concentration['largest_share']:.1%} of all bytes; the bytes "
            f"are as concentrated as in {concentration['effective_packages']} packages of equal "
            "size.",
            "Only code under licences that the build permits is in it, so authors who choose "
            "other licences are not represented. Comments and documentation are mostly in English.",
        ],
        "rai:dataLimitations": [*report["limits"]["known"], overlap["statement"]],
        "rai:dataSocialImpact": (
            "Authors are named: attribution.parquet has the copyright lines and licence texts of "
            "every package, and each document names its package and licence. "
            f"Opted out by authors: {plural(opted_out['archives'], 'archive')} and "
            f"{plural(opted_out['files'], 'file')}. Code may hold defects and insecure practices, "
            "which a model learns too."
        ),
        "rai:personalSensitiveInformation": (
            "Texts are source code that its authors published. Names and addresses of authors, and "
            "secrets that no rule finds, may be in comments and strings. "
            f"{_redacted(report)}"
        ),
        "rai:dataReleaseMaintenancePlan": (
            "A release is never changed; a later one has another version, and names its parent. "
            f"{report['limits']['opt_out']}"
        ),
    }


def _redacted(report: Report) -> str:
    """Return a sentence about the redactions, with their number by rule."""
    redactions = cast(_Redactions, report["redactions"])
    if not redactions["spans"]:
        return "Nothing was cut out of any text."
    rules = ", ".join(f"{rule['name']} {rule['spans']}" for rule in redactions["rules"])
    return (
        f"Cut out: {plural(redactions['spans'], 'span')} of "
        f"{plural(redactions['documents'], 'document')}; a tag "
        f"replaces each, and the column `redactions` has its place. Spans by rule: {rules}."
    )


def _files(table: ListedTable) -> Iterator[Json]:
    shards = [shard for split in table["splits"] for shard in split["shards"]]
    for shard in shards:
        yield {
            "@type": "cr:FileObject",
            "@id": shard["path"],
            "name": shard["path"],
            "contentUrl": shard["path"],
            "contentSize": f"{shard['bytes']} B",
            "encodingFormat": PARQUET,
            "sha256": shard["sha256"],
        }
    yield {
        "@type": "cr:FileSet",
        "@id": f"{table['name']}-files",
        "name": f"{table['name']}-files",
        "encodingFormat": PARQUET,
        "includes": f"data/{table['name']}/*.parquet",
    }


def _records(table: ListedTable) -> Json:
    name = table["name"]
    return {
        "@type": "cr:RecordSet",
        "@id": name,
        "name": name,
        "description": f"A row is {table['row']}.",
        "field": [_field(name, feature, f"{name}-files") for feature in table["features"]],
    }


def _field(above: str, feature: Feature, files: str) -> Json:
    """Describe one column: a plain type, a list of a plain type, or a list of structs and their
    parts.
    """
    name = f"{above}/{feature['name']}"
    column = feature["name"]
    inner = feature.get("list", feature)
    described: Json = {
        "@type": "cr:Field",
        "@id": name,
        "name": name,
        "description": feature["meaning"],
    }
    if "list" in feature:
        described["repeated"] = True
    if "struct" in inner:
        return {**described, "subField": list(_parts(name, inner["struct"], files, column, ""))}
    return {**described, "dataType": TYPES[inner["dtype"]], "source": _source(files, column)}


def _parts(
    above: str, parts: Sequence[Feature], files: str, column: str, path: str
) -> Iterator[Json]:
    """Describe the parts of a struct; parts of inner structs are named by their whole path."""
    for part in parts:
        name, inner = f"{above}/{part['name']}", part.get("list", part)
        if "struct" in inner:
            yield from _parts(name, inner["struct"], files, column, f"{path}{part['name']}[*].")
        else:
            yield {
                "@type": "cr:Field",
                "@id": name,
                "name": name,
                "description": part["meaning"],
                "dataType": TYPES[inner["dtype"]],
                "source": _source(files, column, f"{path}{part['name']}"),
            }


def _source(files: str, column: str, path: str | None = None) -> Json:
    """Return the source of values: a column, and a JSONPath inside each of its items."""
    transform = {} if path is None else {"transform": {"jsonPath": path}}
    return {"fileSet": {"@id": files}, "extract": {"column": column}, **transform}
