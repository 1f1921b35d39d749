"""Disjoint groups that can be joined."""

from collections.abc import Iterable
from typing import Generic, TypeVar

Member = TypeVar("Member")


class Groups(Generic[Member]):
    """Members in disjoint groups (union-find); each group has one member as its leader."""

    def __init__(self, members: Iterable[Member] = ()) -> None:
        self._leaders = {member: member for member in members}

    def add(self, member: Member) -> None:
        """Add a member in its own group, unless it is already there."""
        self._leaders.setdefault(member, member)

    def leader(self, member: Member) -> Member:
        """Return the leader of a member's group."""
        leaders = self._leaders
        while leaders[member] != member:
            leaders[member] = member = leaders[leaders[member]]
        return member

    def follow(self, leader: Member, member: Member) -> None:
        """Put the whole group of `member` under the leader of the group of `leader`."""
        self._leaders[self.leader(member)] = self.leader(leader)

    def members(self) -> list[Member]:
        """Return all members in the order in which they were added."""
        return list(self._leaders)
