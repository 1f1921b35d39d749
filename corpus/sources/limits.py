"""How large an archive may be, and the error for one that is larger or broken."""

from dataclasses import dataclass

from corpus.bounds import check_least
from corpus.errors import CorpusError
from corpus.reasons import Reason, Reject, Stage

MIB = 1024 * 1024


@dataclass(frozen=True, kw_only=True, slots=True)
class ArchiveLimits:
    """Bounds that hold before anything is expanded; sizes in bytes.

    Raises ValueError unless all are above 0.
    """

    compressed: int = 16 * MIB
    """The archive as served. hex_core's `tarball_max_size`."""
    expanded: int = 128 * MIB
    """The contents with tar headers and padding. hex_core's `tarball_max_uncompressed_size`."""
    metadata: int = 1 * MIB
    """metadata.config. Hex's own limit for it."""
    files: int = 20_000
    """Headers in the contents. All of RabbitMQ 3.10's source tree has 3,105."""
    file: int = 8 * MIB
    """One file; a larger one is skipped unread. The largest in that tree has 2.1 MB."""
    path: int = 512
    """UTF-8 bytes of a path. USTAR ends at 256, only extended headers go further."""
    depth: int = 32
    """Folders in a path. That tree, and Elixir's, reach eleven."""
    ratio: int = 100
    """Expanded by compressed: Apache POI's bound (ZipSecureFile). Of 81 real applications none
    reaches 12; DEFLATE ends at 1,032."""
    ratio_from: int = 1 * MIB
    """Expanded size from which the ratio counts: a few zeros are no bomb."""

    def __post_init__(self) -> None:
        """Check that every bound lets something through."""
        check_least(1, self, *self.__slots__)


DEFAULT_LIMITS = ArchiveLimits()


class ArchiveError(CorpusError):
    """An archive that must be rejected as a whole, and why."""

    def __init__(self, reason: Reason, detail: str) -> None:
        super().__init__(reason, detail)
        self.reject = Reject(Stage.UNPACK, reason, detail)

    def __str__(self) -> str:
        return f"{self.reject.detail} ({self.reject.reason})"
