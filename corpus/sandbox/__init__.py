"""Running foreign code with the real toolchain where the operating system holds it.

The command sees the system's programs and a scratch folder in memory, and nothing else: no home,
no network, no other process. See `corpus.sandbox.bubblewrap` for how.
"""

from corpus.sandbox.errors import SandboxFailed, SandboxGivenUp, SandboxUnavailable
from corpus.sandbox.limits import Limits, Stop
from corpus.sandbox.running import Outcome, Sandbox

__all__ = [
    "Limits",
    "Outcome",
    "Sandbox",
    "SandboxFailed",
    "SandboxGivenUp",
    "SandboxUnavailable",
    "Stop",
]
