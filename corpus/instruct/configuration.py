"""Configuration of the kinds of instructions."""

from dataclasses import dataclass, field

from corpus.bounds import check_fractions, check_least, check_order


@dataclass(frozen=True, kw_only=True, slots=True)
class DocumentationToFunction:
    """Lengths in characters."""

    shortest_documentation: int = 40
    """Shorter documentation is a title ("Returns the name."), and not a task."""
    longest_documentation: int = 4_000
    shortest_function: int = 60
    """A shorter function is an accessor."""
    longest_function: int = 4_000

    def __post_init__(self) -> None:
        """Raise ValueError if no length is allowed."""
        check_order(self, "shortest_documentation", "longest_documentation")
        check_order(self, "shortest_function", "longest_function")


@dataclass(frozen=True, kw_only=True, slots=True)
class BehaviourModule:
    """Lengths in characters."""

    shortest_purpose: int = 60
    longest_purpose: int = 6_000
    shortest_module: int = 200
    """A shorter module is a stub."""
    longest_module: int = 16_000

    def __post_init__(self) -> None:
        """Raise ValueError if no length is allowed."""
        check_order(self, "shortest_purpose", "longest_purpose")
        check_order(self, "shortest_module", "longest_module")


@dataclass(frozen=True, kw_only=True, slots=True)
class Caps:
    """How many rows are taken of each kind."""

    per_package: int = 60
    per_module: int = 8
    per_kind: int = 200_000
    """Of the whole release."""
    glue_share: float = 0.1
    """Of the rows of a package, those of a few lines around one call."""

    def __post_init__(self) -> None:
        """Raise ValueError if nothing is allowed."""
        check_least(1, self, "per_package", "per_module", "per_kind")
        check_fractions(self, "glue_share")


@dataclass(frozen=True, kw_only=True, slots=True)
class InstructConfig:
    """The caps of all kinds, and one entry for each kind that has limits of its own."""

    caps: Caps = field(default_factory=Caps)
    documentation_to_function: DocumentationToFunction = field(
        default_factory=DocumentationToFunction
    )
    behaviour_module: BehaviourModule = field(default_factory=BehaviourModule)
