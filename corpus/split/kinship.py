"""Join families that share code, though not a repository: forks, renames, copies."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import combinations

from corpus.split.configuration import SplitConfig
from corpus.split.groups import Groups


@dataclass(frozen=True, slots=True)
class Census:
    """Documents by family: all of them, those that stay, and those in common.

    `shared[a, b]` counts the documents of `a` that lie in clusters where `b` has some too.
    """

    documents: Counter[str] = field(default_factory=Counter)
    kept: Counter[str] = field(default_factory=Counter)
    shared: Counter[tuple[str, str]] = field(default_factory=Counter)


def count(rows: Iterable[tuple[str, str | None, bool]], boilerplate: int) -> Census:
    """Count documents, given as family, cluster and whether it stays.

    Clusters found in more than `boilerplate` families are in nobody's `shared`.
    """
    census = Census()
    clusters: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for family, cluster, is_kept in rows:
        census.documents[family] += 1
        census.kept[family] += is_kept
        if cluster is not None:
            clusters[cluster][family] += 1
    for members in clusters.values():
        if len(members) <= boilerplate:
            for first, second in combinations(members, 2):
                census.shared[first, second] += members[first]
                census.shared[second, first] += members[second]
    return census


def join_kin(census: Census, config: SplitConfig) -> dict[str, str]:
    """Return the family that each family becomes a part of, often itself.

    The closest kin are joined first, up to the limit of size. The larger family gives its name,
    so that it is the newcomer that moves.
    """
    groups = Groups(census.documents)
    sizes = Counter(census.documents)
    limit = config.largest_family * census.documents.total()
    for pair in closest_first(census, config.kinship):
        first, second = sorted(map(groups.leader, pair), key=lambda name: (-sizes[name], name))
        if first != second and sizes[first] + sizes[second] <= limit:
            groups.follow(first, second)
            sizes[first] += sizes[second]
    return {family: groups.leader(family) for family in census.documents}


def closest_first(census: Census, least: float) -> list[tuple[str, str]]:
    """Return the pairs of families whose kinship is at least `least`, the closest first."""
    kinship: defaultdict[tuple[str, str], float] = defaultdict(float)
    for (one, other), shared in census.shared.items():
        pair = (min(one, other), max(one, other))
        kinship[pair] = max(kinship[pair], shared / census.documents[one])
    return sorted(
        (pair for pair, closeness in kinship.items() if closeness >= least),
        key=lambda pair: (-kinship[pair], pair),
    )


def merged(counts: Mapping[str, int], into: Mapping[str, str]) -> Counter[str]:
    """Return counts by the families after joining."""
    total: Counter[str] = Counter()
    for family, number in counts.items():
        total[into[family]] += number
    return total
