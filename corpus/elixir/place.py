"""The position of the walk."""

from typing import Final

from corpus.elixir.names import Scope
from corpus.elixir.record import Branch, ModuleRecord
from corpus.extraction import NestedTooDeeply

DEEPEST: Final = 200
"""Nested scopes; the deepest in the sources of Elixir and RabbitMQ is 7."""


class Place:
    """Where the walk is: the module around, the aliases in force, and whether a function is.

    `branch` names the conditional code around.
    """

    __slots__ = ("branch", "depth", "in_function", "module", "scope")

    def __init__(
        self,
        module: ModuleRecord | None,
        scope: Scope,
        in_function: bool,
        depth: int,
        branch: Branch,
    ) -> None:
        self.module, self.scope, self.in_function, self.depth = module, scope, in_function, depth
        self.branch = branch
        if depth > DEEPEST:
            raise NestedTooDeeply(f"blocks nest more than {DEEPEST} deep; people write far fewer")

    def inner(self) -> "Place":
        """Return the same place in a new scope of aliases."""
        scope = Scope(self.scope)
        return Place(self.module, scope, self.in_function, self.depth + 1, self.branch)

    def within(self, branch: str) -> "Place":
        """Return the same place in a branch of conditional code, which is a scope too."""
        inner = self.inner()
        inner.branch = (*self.branch, branch)
        return inner
