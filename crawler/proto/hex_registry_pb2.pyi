from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Envelope(_message.Message):
    __slots__ = ("payload", "signature")
    PAYLOAD_FIELD_NUMBER: _ClassVar[int]
    SIGNATURE_FIELD_NUMBER: _ClassVar[int]
    payload: bytes
    signature: bytes
    def __init__(self, payload: _Optional[bytes] = ..., signature: _Optional[bytes] = ...) -> None: ...

class NameIndex(_message.Message):
    __slots__ = ("packages", "repository")
    PACKAGES_FIELD_NUMBER: _ClassVar[int]
    REPOSITORY_FIELD_NUMBER: _ClassVar[int]
    packages: _containers.RepeatedCompositeFieldContainer[NameEntry]
    repository: str
    def __init__(self, packages: _Optional[_Iterable[_Union[NameEntry, _Mapping]]] = ..., repository: _Optional[str] = ...) -> None: ...

class NameEntry(_message.Message):
    __slots__ = ("name", "updated_at")
    NAME_FIELD_NUMBER: _ClassVar[int]
    UPDATED_AT_FIELD_NUMBER: _ClassVar[int]
    name: str
    updated_at: Instant
    def __init__(self, name: _Optional[str] = ..., updated_at: _Optional[_Union[Instant, _Mapping]] = ...) -> None: ...

class VersionIndex(_message.Message):
    __slots__ = ("packages", "repository")
    PACKAGES_FIELD_NUMBER: _ClassVar[int]
    REPOSITORY_FIELD_NUMBER: _ClassVar[int]
    packages: _containers.RepeatedCompositeFieldContainer[VersionEntry]
    repository: str
    def __init__(self, packages: _Optional[_Iterable[_Union[VersionEntry, _Mapping]]] = ..., repository: _Optional[str] = ...) -> None: ...

class VersionEntry(_message.Message):
    __slots__ = ("name", "versions", "retired", "with_advisories")
    NAME_FIELD_NUMBER: _ClassVar[int]
    VERSIONS_FIELD_NUMBER: _ClassVar[int]
    RETIRED_FIELD_NUMBER: _ClassVar[int]
    WITH_ADVISORIES_FIELD_NUMBER: _ClassVar[int]
    name: str
    versions: _containers.RepeatedScalarFieldContainer[str]
    retired: _containers.RepeatedScalarFieldContainer[int]
    with_advisories: _containers.RepeatedScalarFieldContainer[int]
    def __init__(self, name: _Optional[str] = ..., versions: _Optional[_Iterable[str]] = ..., retired: _Optional[_Iterable[int]] = ..., with_advisories: _Optional[_Iterable[int]] = ...) -> None: ...

class PackageIndex(_message.Message):
    __slots__ = ("releases", "name", "repository", "advisories")
    RELEASES_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    REPOSITORY_FIELD_NUMBER: _ClassVar[int]
    ADVISORIES_FIELD_NUMBER: _ClassVar[int]
    releases: _containers.RepeatedCompositeFieldContainer[ReleaseEntry]
    name: str
    repository: str
    advisories: _containers.RepeatedCompositeFieldContainer[AdvisoryEntry]
    def __init__(self, releases: _Optional[_Iterable[_Union[ReleaseEntry, _Mapping]]] = ..., name: _Optional[str] = ..., repository: _Optional[str] = ..., advisories: _Optional[_Iterable[_Union[AdvisoryEntry, _Mapping]]] = ...) -> None: ...

class ReleaseEntry(_message.Message):
    __slots__ = ("version", "inner_checksum", "dependencies", "retired", "outer_checksum", "advisory_indexes", "published_at")
    VERSION_FIELD_NUMBER: _ClassVar[int]
    INNER_CHECKSUM_FIELD_NUMBER: _ClassVar[int]
    DEPENDENCIES_FIELD_NUMBER: _ClassVar[int]
    RETIRED_FIELD_NUMBER: _ClassVar[int]
    OUTER_CHECKSUM_FIELD_NUMBER: _ClassVar[int]
    ADVISORY_INDEXES_FIELD_NUMBER: _ClassVar[int]
    PUBLISHED_AT_FIELD_NUMBER: _ClassVar[int]
    version: str
    inner_checksum: bytes
    dependencies: _containers.RepeatedCompositeFieldContainer[DependencyEntry]
    retired: RetirementEntry
    outer_checksum: bytes
    advisory_indexes: _containers.RepeatedScalarFieldContainer[int]
    published_at: Instant
    def __init__(self, version: _Optional[str] = ..., inner_checksum: _Optional[bytes] = ..., dependencies: _Optional[_Iterable[_Union[DependencyEntry, _Mapping]]] = ..., retired: _Optional[_Union[RetirementEntry, _Mapping]] = ..., outer_checksum: _Optional[bytes] = ..., advisory_indexes: _Optional[_Iterable[int]] = ..., published_at: _Optional[_Union[Instant, _Mapping]] = ...) -> None: ...

class DependencyEntry(_message.Message):
    __slots__ = ("package", "requirement", "optional", "app", "repository")
    PACKAGE_FIELD_NUMBER: _ClassVar[int]
    REQUIREMENT_FIELD_NUMBER: _ClassVar[int]
    OPTIONAL_FIELD_NUMBER: _ClassVar[int]
    APP_FIELD_NUMBER: _ClassVar[int]
    REPOSITORY_FIELD_NUMBER: _ClassVar[int]
    package: str
    requirement: str
    optional: bool
    app: str
    repository: str
    def __init__(self, package: _Optional[str] = ..., requirement: _Optional[str] = ..., optional: _Optional[bool] = ..., app: _Optional[str] = ..., repository: _Optional[str] = ...) -> None: ...

class RetirementEntry(_message.Message):
    __slots__ = ("reason", "message")
    REASON_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    reason: int
    message: str
    def __init__(self, reason: _Optional[int] = ..., message: _Optional[str] = ...) -> None: ...

class AdvisoryEntry(_message.Message):
    __slots__ = ("id", "summary", "html_url", "severity", "cvss_score", "api_url", "aliases")
    ID_FIELD_NUMBER: _ClassVar[int]
    SUMMARY_FIELD_NUMBER: _ClassVar[int]
    HTML_URL_FIELD_NUMBER: _ClassVar[int]
    SEVERITY_FIELD_NUMBER: _ClassVar[int]
    CVSS_SCORE_FIELD_NUMBER: _ClassVar[int]
    API_URL_FIELD_NUMBER: _ClassVar[int]
    ALIASES_FIELD_NUMBER: _ClassVar[int]
    id: str
    summary: str
    html_url: str
    severity: int
    cvss_score: float
    api_url: str
    aliases: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, id: _Optional[str] = ..., summary: _Optional[str] = ..., html_url: _Optional[str] = ..., severity: _Optional[int] = ..., cvss_score: _Optional[float] = ..., api_url: _Optional[str] = ..., aliases: _Optional[_Iterable[str]] = ...) -> None: ...

class Instant(_message.Message):
    __slots__ = ("seconds", "nanos")
    SECONDS_FIELD_NUMBER: _ClassVar[int]
    NANOS_FIELD_NUMBER: _ClassVar[int]
    seconds: int
    nanos: int
    def __init__(self, seconds: _Optional[int] = ..., nanos: _Optional[int] = ...) -> None: ...
