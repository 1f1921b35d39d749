"""Running untrusted code with the real toolchain, isolated by the operating system.

The command sees the system's programs and a scratch folder in memory, and nothing else: no home,
no network, no other process. See `sandbox.bubblewrap` for how.
"""

from sandbox.finding import HeldBy, SandboxUnavailable
from sandbox.limits import Limits, Stop
from sandbox.running import CommandOutcome, Sandbox, SandboxFailed, SandboxGivenUp
from sandbox.session import Broken, Session, SessionEnded

__all__ = [
    "Broken",
    "CommandOutcome",
    "HeldBy",
    "Limits",
    "Sandbox",
    "SandboxFailed",
    "SandboxGivenUp",
    "SandboxUnavailable",
    "Session",
    "SessionEnded",
    "Stop",
]
