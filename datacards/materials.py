"""The bill of materials of a release, in CycloneDX 1.6 (ECMA-424).

A component is an archive that contributed documents, with its purl, its digest, its licence and the
evidence for it. The same release gives the same bytes: the file has no time stamp, and its serial
number is derived from the build.
"""

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Protocol, TypedDict, cast
from uuid import NAMESPACE_URL, uuid5

from corpus.atomic import canonical_json
from corpus.identifiers import purl
from corpus.provenance import DISTRIBUTION
from corpus.release import Manifest, Release

if TYPE_CHECKING:
    from cyclonedx.model import ExternalReference, Property
    from cyclonedx.model.bom import Bom
    from cyclonedx.model.component import Component

MATERIALS_NAME = "bom.cdx.json"
"""The file name that the specification recommends."""
PREFIX = DISTRIBUTION
"""The prefix of this project's properties, which the specification requires."""
COLUMNS = ["source", "package", "version", "url", "sha256", "license_expression"]
COLUMNS += ["license_evidence", "copyright", "documents", "document_licenses"]
COLUMNS += ["retirement", "advisories"]


class LicenseCount(TypedDict):
    """The documents of an archive under one licence."""

    expression: str | None
    documents: int


class Warned(TypedDict):
    """A security advisory about an archive that was kept."""

    id: str


class Material(TypedDict):
    """The columns of attribution that a component contains."""

    source: str
    package: str
    version: str
    url: str | None
    sha256: str
    license_expression: str | None
    license_evidence: str | None
    copyright: list[str] | None
    documents: int
    document_licenses: list[LicenseCount]
    retirement: str | None
    advisories: list[Warned] | None


class _Written(Protocol):
    """Methods that the library's decorator adds to its classes, which type checkers do not see."""

    def as_json(self, view_: type[object]) -> str: ...


def bill_of_materials(release: Release) -> bytes:
    """Return the bill of materials of a release or candidate as canonical JSON.

    Components are serialised one by one: in one model of the library they took quadratic time.
    Raises OSError and pyarrow.ArrowException if the attribution cannot be read.
    """
    from cyclonedx.output.json import JsonV1Dot6
    from cyclonedx.schema.schema import SchemaVersion1Dot6

    bill = _bill(release.manifest)
    told = json.loads(JsonV1Dot6(bill).output_as_string())
    del told["metadata"]["timestamp"]
    rows = (row for batch in release.batches("attribution", COLUMNS) for row in batch.to_pylist())
    components: list[dict[str, object]] = [
        json.loads(cast("_Written", _component(row)).as_json(view_=SchemaVersion1Dot6))
        for row in rows
    ]
    parts = sorted(str(each["bom-ref"]) for each in components)
    told["components"] = sorted(components, key=lambda each: str(each["bom-ref"]))
    subject = told["metadata"]["component"]["bom-ref"]
    told["dependencies"] = [{"ref": subject, "dependsOn": parts}]
    return canonical_json(told)


def _bill(manifest: Manifest) -> "Bom":
    from cyclonedx.model.bom import Bom, BomMetaData
    from cyclonedx.model.component import Component, ComponentType
    from cyclonedx.model.tool import ToolRepository

    subject = Component(
        name=DISTRIBUTION,
        type=ComponentType.DATA,
        version=manifest.version,
        bom_ref=f"release {manifest.version}",
        properties=_properties(build_digest=manifest.build_digest),
    )
    return Bom(
        serial_number=uuid5(NAMESPACE_URL, f"{manifest.build_digest}/{manifest.version}"),
        metadata=BomMetaData(
            component=subject, tools=ToolRepository(components=list(_tools(manifest)))
        ),
    )


def _tools(manifest: Manifest) -> "Iterator[Component]":
    from cyclonedx.model.component import Component, ComponentType

    yield Component(
        name=DISTRIBUTION, type=ComponentType.APPLICATION, version=manifest.code_version
    )
    for name, version in sorted(manifest.tools.items()):
        yield Component(name=name, type=ComponentType.LIBRARY, version=version)


def _component(row: Material) -> "Component":
    from cyclonedx.model import Copyright, HashAlgorithm, HashType
    from cyclonedx.model.component import Component, ComponentType
    from cyclonedx.model.component_evidence import ComponentEvidence
    from cyclonedx.model.license import LicenseAcknowledgement, LicenseExpression
    from packageurl import PackageURL

    name = purl(row["source"], row["package"], row["version"])
    concluded = row["license_expression"]
    found = sorted({each["expression"] or "NOASSERTION" for each in row["document_licenses"]})
    return Component(
        type=ComponentType.LIBRARY,
        name=row["package"],
        version=row["version"],
        purl=PackageURL.from_string(name),
        bom_ref=f"{name}#{row['sha256']}",
        hashes=[HashType(alg=HashAlgorithm.SHA_256, content=row["sha256"])],
        licenses=[LicenseExpression(concluded, acknowledgement=LicenseAcknowledgement.CONCLUDED)]
        if concluded
        else [],
        evidence=ComponentEvidence(
            licenses=[LicenseExpression(_all_of(found))] if found else [],
            copyright=[Copyright(text=line) for line in row["copyright"] or ()],
        ),
        external_references=list(_references(row)),
        properties=_properties(
            source=row["source"],
            license_evidence=row["license_evidence"] or "unknown",
            documents=str(row["documents"]),
            **{
                f"documents:{each['expression'] or 'NOASSERTION'}": str(each["documents"])
                for each in row["document_licenses"]
            },
            **({"retirement": row["retirement"]} if row["retirement"] else {}),
            **{f"advisory:{each['id']}": "kept" for each in row["advisories"] or ()},
        ),
    )


def _all_of(expressions: list[str]) -> str:
    """Return the AND of the licences of several files."""
    if len(expressions) == 1:
        return expressions[0]
    return " AND ".join(f"({each})" if " " in each else each for each in expressions)


def _references(row: Material) -> "Iterator[ExternalReference]":
    """Yield the URL of the archive, if it has one."""
    from cyclonedx.exception.model import InvalidUriException
    from cyclonedx.model import ExternalReference, ExternalReferenceType, XsUri

    if row["url"]:
        try:
            yield ExternalReference(type=ExternalReferenceType.DISTRIBUTION, url=XsUri(row["url"]))
        except InvalidUriException:
            return


def _properties(**values: str) -> "list[Property]":
    from cyclonedx.model import Property

    return [Property(name=f"{PREFIX}:{name}", value=value) for name, value in values.items()]
