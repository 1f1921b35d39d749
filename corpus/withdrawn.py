"""Withdrawn versions: retired, deprecated, or named by a security advisory.

Their authors, or those who publish advisories, warn of them, so by default a build does not read
them: their archives become rejects, with the warning as the detail. It is decided before anything
is read, so no other file is left out as a duplicate of theirs. One that is kept by the
configuration carries the warning in the rows of its documents and in attribution.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from corpus.inputs import Inputs
from corpus.packages import Advisory
from corpus.reasons import Reason, Reject, Stage
from corpus.redaction import RedactionConfig, redact_text
from corpus.store import Archive, RejectedArchive
from corpus.untrusted import quoted

DEPRECATED = "deprecated"
"""The reason of a retirement for what still works but should not be used."""
LONGEST_DETAIL = 300
"""Characters of a warning that a detail quotes."""


@dataclass(frozen=True, kw_only=True, slots=True)
class WithdrawnConfig:
    """Which withdrawn versions are kept."""

    keep_retired: bool = False
    """Versions that were retired for any reason but deprecation."""
    keep_deprecated: bool = False
    """Versions that were retired as deprecated."""
    keep_advised: bool = False
    """Versions that a security advisory names."""


def without_withdrawn(inputs: Inputs, config: WithdrawnConfig) -> Inputs:
    """Return inputs in which withdrawn versions are refused, but for those that are kept.

    When a package was first published still counts its withdrawn versions.
    """
    refused = {
        archive.sha256: _refusal(archive, reject)
        for archive in inputs.archives
        if (reject := next(warnings(archive, config), None)) is not None
    }
    rows = sorted(
        [*inputs.refused, *refused.values()], key=lambda row: (row.source, row.name, row.version)
    )
    kept = tuple(archive for archive in inputs.archives if archive.sha256 not in refused)
    return replace(inputs, archives=kept, refused=tuple(rows))


def warnings(archive: Archive, config: WithdrawnConfig) -> Iterator[Reject]:
    """Yield why an archive is not read, the retirement before the advisories."""
    if archive.retirement is not None:
        is_deprecated = archive.retirement.partition(":")[0] == DEPRECATED
        if not (config.keep_deprecated if is_deprecated else config.keep_retired):
            reason = Reason.DEPRECATED if is_deprecated else Reason.RETIRED
            said = redact_text(archive.retirement, RedactionConfig())
            yield Reject(Stage.WITHDRAWN, reason, quoted(said, LONGEST_DETAIL))
    if archive.advisories and not config.keep_advised:
        told = "; ".join(map(_told, archive.advisories))
        yield Reject(Stage.WITHDRAWN, Reason.SECURITY_ADVISORY, quoted(told, LONGEST_DETAIL))


def _told(advisory: Advisory) -> str:
    severity = f" ({advisory.severity})" if advisory.severity else ""
    return f"{advisory.id}{severity}" + (f": {advisory.summary}" if advisory.summary else "")


def _refusal(archive: Archive, reject: Reject) -> RejectedArchive:
    return RejectedArchive(
        source=archive.source,
        name=archive.name,
        version=archive.version,
        url=archive.url,
        reject=reject,
        recorded_at=archive.fetched_at,
    )
