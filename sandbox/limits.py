"""What a command in the sandbox may use, and the limits for which it is ended."""

from dataclasses import dataclass, fields
from enum import StrEnum

SCRATCH = "/scratch"
"""The folder inside that may be written to."""
DESCRIPTORS, SIGNALS = 256, 1024
"""Open files of a process, and signals that wait for all; a timer counts as one of those."""


class Stop(StrEnum):
    """The limit for which a command was ended."""

    WALL = "wall"
    CPU = "cpu"
    MEMORY = "memory"
    PROCESSES = "processes"
    OUTPUT = "output"
    DISK = "disk"


@dataclass(frozen=True, kw_only=True, slots=True)
class Limits:
    """The most that a command and all its descendants together may use."""

    wall: float = 30.0
    """Seconds from start to end."""
    cpu: float = 60.0
    """Seconds of processor time."""
    memory: int = 1 << 30
    """Bytes of memory that no file backs."""
    processes: int = 256
    """Processes and threads at one time; the BEAM alone takes about 20 on two processors."""
    output: int = 1 << 20
    """Bytes of standard output, and as many of standard error."""
    disk: int = 64 << 20
    """Bytes in the scratch folder, which lies in memory."""
    files: int = 10_000
    """Files and folders in the scratch folder."""

    def __post_init__(self) -> None:
        """Raise ValueError for a limit that nothing could keep."""
        for limit in fields(self):
            if getattr(self, limit.name) <= 0:
                raise ValueError(f"{limit.name}={getattr(self, limit.name)}: must be above zero.")
