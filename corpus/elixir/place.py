"""Where the walk stands."""

from typing import Final

from corpus.elixir.names import Scope
from corpus.elixir.record import ModuleRecord
from corpus.extraction import NestedTooDeeply

DEEPEST: Final = 200
"""Nested scopes; the deepest in the sources of Elixir and RabbitMQ is 7."""


class Place:
    """Where the walk is: the module around, the aliases in force, and whether a function is."""

    __slots__ = ("depth", "in_function", "module", "scope")

    def __init__(
        self, module: ModuleRecord | None, scope: Scope, in_function: bool, depth: int
    ) -> None:
        self.module, self.scope, self.in_function, self.depth = module, scope, in_function, depth
        if depth > DEEPEST:
            raise NestedTooDeeply(
                f"blocks nest more than {DEEPEST} deep; nobody writes that by hand: leave it out"
            )

    def inner(self) -> "Place":
        """Return the same place in a new scope of aliases."""
        return Place(self.module, Scope(self.scope), self.in_function, self.depth + 1)
