"""An order in which everything comes after what it depends on.

Packages depend on each other through their requirements, files of a package through the modules
that they name. Both graphs have cycles: packages that require each other in tests, modules that
call each other. Dependencies between members of a cycle are ignored as far as they have to be; all
others hold, and the same graph always gives the same order.

Cycles are the strongly connected components (Tarjan, "Depth-first search and linear graph
algorithms", SIAM Journal on Computing 1(2), 1972), and are ordered by Kahn's algorithm. Time is
O(e log v) for v members and e dependencies.
"""

from collections import defaultdict
from collections.abc import Collection, Hashable, Iterable, Mapping, Sequence
from heapq import heapify, heappop, heappush
from typing import TypeVar

Member = TypeVar("Member", bound=Hashable)


def in_order(
    members: Sequence[Member],
    needs: Mapping[Member, Collection[Member]],
    mentions: Mapping[Member, Collection[Member]] | None = None,
) -> list[Member]:
    """Return all members, each after the others that it needs.

    `members` are distinct and are in the order that is preferred where nothing else decides.
    Members of a cycle follow each other: the one with the fewest needs in the cycle that are
    not met comes first. Of members whose needs are met, the one comes first that `mentions` the
    fewest members which are still to come. What is not among `members` is ignored, and so is a
    member that needs or mentions itself.
    """
    places = {member: place for place, member in enumerate(members)}
    needed = _numbered(places, needs)
    mentioned = _numbered(places, mentions or {})
    cycles = _components(needed)
    cycle_of = {place: number for number, cycle in enumerate(cycles) for place in cycle}
    outside = [
        {cycle_of[other] for place in cycle for other in needed[place]} - {number}
        for number, cycle in enumerate(cycles)
    ]
    named = [
        {cycle_of[other] for place in cycle for other in mentioned[place]} - {number}
        for number, cycle in enumerate(cycles)
    ]
    order = []
    for number in _placed(outside, named, [min(cycle) for cycle in cycles]):
        cycle = sorted(cycles[number])
        if len(cycle) > 1:
            within = {place: at for at, place in enumerate(cycle)}
            inner = [{within[x] for x in needed[place] if x in within} for place in cycle]
            also = [{within[x] for x in mentioned[place] if x in within} for place in cycle]
            cycle = [cycle[at] for at in _placed(inner, also, cycle)]
        order += [members[place] for place in cycle]
    return order


def _numbered(
    places: Mapping[Member, int], edges: Mapping[Member, Iterable[Member]]
) -> list[set[int]]:
    """Return for each member the places of those that an edge leads to."""
    found: list[set[int]] = [set() for _ in places]
    for member, place in places.items():
        for other in edges.get(member, ()):
            if other in places and places[other] != place:
                found[place].add(places[other])
    return found


def _placed(
    needed: Sequence[Collection[int]], mentioned: Sequence[Collection[int]], rank: Sequence[int]
) -> list[int]:
    """Take the one with the fewest needs, then mentions, that are not met, until none is left."""
    waiting = defaultdict[int, list[int]](list)
    mentioning = defaultdict[int, list[int]](list)
    for place, others in enumerate(needed):
        for other in others:
            waiting[other].append(place)
    for place, others in enumerate(mentioned):
        for other in others:
            mentioning[other].append(place)
    unmet = [(len(needed[place]), len(mentioned[place])) for place in range(len(needed))]
    heap = [(*unmet[place], rank[place], place) for place in range(len(needed))]
    heapify(heap)
    order, done = list[int](), [False] * len(needed)
    while heap:
        *counts, _, place = heappop(heap)
        if done[place] or tuple(counts) != unmet[place]:
            continue
        done[place] = True
        order.append(place)
        for lists, change in ((waiting, (1, 0)), (mentioning, (0, 1))):
            for other in lists[place]:
                if not done[other]:
                    first, second = unmet[other]
                    unmet[other] = first - change[0], second - change[1]
                    heappush(heap, (*unmet[other], rank[other], other))
    return order


def _components(edges: Sequence[Collection[int]]) -> list[list[int]]:
    """Return the strongly connected components of a graph, without recursion."""
    index, low = [-1] * len(edges), [0] * len(edges)
    open_, is_open = list[int](), [False] * len(edges)
    found, count = list[list[int]](), 0
    for root in range(len(edges)):
        if index[root] != -1:
            continue
        path = [(root, iter(sorted(edges[root])))]
        index[root] = low[root] = count
        count += 1
        open_.append(root)
        is_open[root] = True
        while path:
            here, rest = path[-1]
            other = next(rest, None)
            if other is None:
                path.pop()
                if path:
                    above = path[-1][0]
                    low[above] = min(low[above], low[here])
                if low[here] == index[here]:
                    component = list[int]()
                    while not component or component[-1] != here:
                        component.append(open_.pop())
                        is_open[component[-1]] = False
                    found.append(component)
            elif index[other] == -1:
                index[other] = low[other] = count
                count += 1
                open_.append(other)
                is_open[other] = True
                path.append((other, iter(sorted(edges[other]))))
            elif is_open[other]:
                low[here] = min(low[here], index[other])
    return found
