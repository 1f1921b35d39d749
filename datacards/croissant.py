"""The dataset in Croissant, MLCommons' JSON-LD vocabulary for datasets (version 1.0).

Every shard is listed with its SHA-256, so a copy can be checked without our code.
"""

from collections.abc import Iterator, Sequence

from quality.report.published import Feature, ListedTable, Report

Json = dict[str, object]
"""An object of JSON or YAML that is written and not used in further computation."""

CONTEXT: Json = {
    "@language": "en",
    "@vocab": "https://schema.org/",
    "citeAs": "cr:citeAs",
    "column": "cr:column",
    "conformsTo": "dct:conformsTo",
    "cr": "http://mlcommons.org/croissant/",
    "data": {"@id": "cr:data", "@type": "@json"},
    "dataBiases": "cr:dataBiases",
    "dataCollection": "cr:dataCollection",
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
    "personalSensitiveInformation": "cr:personalSensitiveInformation",
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
"""The context that the Croissant 1.0 specification gives for every document."""

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
    """Return the Croissant description of a release, from the values of report.json."""
    version = report["identity"]["version"]
    return {
        "@context": CONTEXT,
        "@type": "sc:Dataset",
        "conformsTo": "http://mlcommons.org/croissant/1.0",
        "name": "elixir-corpus",
        "description": (
            f"{report['summary']['documents']} source files of the Elixir ecosystem, traceable to "
            "archive, checksum, path and licence, deduplicated and split by repository."
        ),
        "version": version,
        "license": [row["name"] for row in report["licenses"]["expressions"]],
        "keywords": [row["name"] for row in report["composition"]["languages"]],
        "isLiveDataset": False,
        "citeAs": f"Elixir Corpus {version}, content {report['identity']['content_digest']}",
        "dataCollection": "Packages of the Hex registry, filtered by licence and quality.",
        "personalSensitiveInformation": " ".join(report["limits"]["known"]),
        "distribution": [part for table in report["tables"] for part in _files(table)],
        "recordSet": [_records(table) for table in report["tables"]],
    }


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
