"""What every kind of instruction asks of its material."""

from dataclasses import dataclass, field


@dataclass(frozen=True, kw_only=True, slots=True)
class DocumentationToFunction:
    """Lengths in characters."""

    shortest_documentation: int = 40
    """Less is a title ("Returns the name."), and no task."""
    longest_documentation: int = 4_000
    shortest_function: int = 60
    """Less is an accessor."""
    longest_function: int = 4_000


@dataclass(frozen=True, kw_only=True, slots=True)
class BehaviourModule:
    """Lengths in characters."""

    shortest_purpose: int = 60
    longest_purpose: int = 6_000
    shortest_module: int = 200
    """Less is a stub."""
    longest_module: int = 16_000


@dataclass(frozen=True, kw_only=True, slots=True)
class InstructConfig:
    """One entry a kind."""

    documentation_to_function: DocumentationToFunction = field(
        default_factory=DocumentationToFunction
    )
    behaviour_module: BehaviourModule = field(default_factory=BehaviourModule)
