"""Running untrusted code with the real toolchain, isolated by the operating system.

The command sees the system's programs and a scratch folder in memory, and nothing else: no home,
no network, no other process. See `sandbox.bubblewrap` for how.
"""

from sandbox.bubblewrap import HeldBy, SandboxUnavailable
from sandbox.running import Outcome, Sandbox, SandboxFailed, SandboxGivenUp
from sandbox.watching import Limits, Stop

__all__ = [
    "HeldBy",
    "Limits",
    "Outcome",
    "Sandbox",
    "SandboxFailed",
    "SandboxGivenUp",
    "SandboxUnavailable",
    "Stop",
]
