"""Joining of families that share code without a common repository: forks, renames, copies.

Generated files, configuration and guides are no evidence of it, and neither is a single file that
one took from the other, unless it is most of its code.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import combinations
from math import inf
from types import MappingProxyType

from corpus.split.configuration import SplitConfig
from corpus.split.groups import Groups

SCAFFOLD = re.compile(
    r"""(?:.*/)?(?:
        mix\.exs | \.formatter\.exs | \.credo\.exs | \.iex\.exs | test_helper\.exs | seeds\.exs
      | (?:config|rel)/[^/]+\.exs | (?:application|repo|mailer|release|gettext|telemetry)\.ex
      | [^/]+_web\.ex
      | [^/]+_web/(?:endpoint|router|gettext|telemetry)\.ex
      | (?:core_components|layouts|error_html|error_json|error_view|error_helpers)\.ex
      | (?:layout_view|page_view|page_html|page_controller|user_socket|changeset_view)\.ex
      | (?:changeset_json|fallback_controller)\.ex
      | (?:conn|data|channel)_case\.exs?
      | (?:error_html|error_json|error_view|layout_view|page_view|page_controller)_test\.exs
      | (?:scope|user_(?:auth|token|notifier)|(?:accounts|user)_fixtures)\.ex
      | user_(?:session|registration|settings|confirmation|login|(?:forgot|reset)_password)
        (?:_instructions)?(?:_controller|_html|_json|_view|_live)?\.ex
      | user_(?:auth|session|registration|settings|confirmation|login|(?:forgot|reset)_password)
        (?:_instructions)?(?:_controller|_live)?_test\.exs
      | [^/]+_(?:app|sup)\.erl
    )""",
    re.VERBOSE,
)
"""Paths that `mix new`, `mix phx.new`, `mix phx.gen.*` and `rebar3 new` write to (Elixir 1.18,
Phoenix 1.3 to 1.8, rebar3 3.24)."""
MOST = 0.5
"""Share of its code from which one document in common makes a family kin."""


@dataclass(frozen=True, slots=True)
class Document:
    """What is asked of a document: whose it is, its cluster, whether it stays, and what it is."""

    family: str
    cluster: str | None
    is_kept: bool
    path: str
    role: str
    tokens: int

    @property
    def tells(self) -> bool:
        """Return whether a shared document is evidence of kinship."""
        return self.role not in ("config", "guide") and SCAFFOLD.fullmatch(self.path) is None


@dataclass(slots=True)
class Shared:
    """The code of one family in clusters with another: documents, and their tokens."""

    documents: int = 0
    tokens: int = 0


@dataclass(frozen=True, slots=True)
class Census:
    """Documents by family: all of them, those that stay, and those in common.

    `code` counts tokens of documents that tell of kinship, and `shared[a, b]` what of those of `a`
    lies in clusters where `b` has some too.
    """

    documents: Counter[str] = field(default_factory=Counter)
    kept: Counter[str] = field(default_factory=Counter)
    code: Counter[str] = field(default_factory=Counter)
    shared: defaultdict[tuple[str, str], Shared] = field(
        default_factory=lambda: defaultdict(Shared)
    )


@dataclass(frozen=True, slots=True)
class Kin:
    """Why a family was joined to another: the related family, and the shared code.

    `share` is the larger of the two shares of their code, `documents` are those of that family.
    """

    family: str
    share: float
    documents: int


def count(rows: Iterable[Document], boilerplate: int) -> Census:
    """Count documents; clusters found in more than `boilerplate` families do not count."""
    census = Census()
    clusters: defaultdict[str, dict[str, Shared]] = defaultdict(dict)
    for row in rows:
        census.documents[row.family] += 1
        census.kept[row.family] += row.is_kept
        if row.tells:
            census.code[row.family] += row.tokens
            if row.cluster is not None:
                found = clusters[row.cluster].setdefault(row.family, Shared())
                found.documents += 1
                found.tokens += row.tokens
    for members in clusters.values():
        if len(members) <= boilerplate:
            for pair in combinations(members, 2):
                for one, other in (pair, pair[::-1]):
                    census.shared[one, other].documents += members[one].documents
                    census.shared[one, other].tokens += members[one].tokens
    return census


def join_kin(
    census: Census, config: SplitConfig, published: Mapping[str, int] = MappingProxyType({})
) -> tuple[dict[str, str], dict[str, Kin]]:
    """Return the family that each family becomes a part of, often itself, and why it was joined.

    The closest kin are joined first, up to the limit of size. The family that was published first
    gives its name, so that it is the newcomer that moves, and the larger one where `published` (in
    any unit that grows with time) does not tell; only those that move have a reason.
    """
    groups = Groups(census.documents)
    sizes = Counter(census.documents)

    def standing(family: str) -> tuple[float, int, str]:
        return published.get(family, inf), -sizes[family], family

    limit = config.largest_family * census.documents.total()
    reasons: dict[str, Kin] = {}
    for pair, kin in closest_first(census, config):
        first, second = sorted(map(groups.leader, pair), key=standing)
        if first != second and sizes[first] + sizes[second] <= limit:
            near = pair[0] if groups.leader(pair[0]) == first else pair[1]
            reasons[second] = Kin(near, kin.share, kin.documents)
            groups.follow(first, second)
            sizes[first] += sizes[second]
    return {family: groups.leader(family) for family in census.documents}, reasons


def closest_first(census: Census, config: SplitConfig) -> list[tuple[tuple[str, str], Kin]]:
    """Return the pairs of related families, the closest first."""
    kinship: dict[tuple[str, str], Kin] = {}
    for (one, other), shared in sorted(census.shared.items()):
        share = shared.tokens / census.code[one] if shared.tokens else 0.0
        enough = shared.documents > 1 or share >= MOST
        if share >= config.kinship and shared.tokens >= config.least_shared and enough:
            pair = (min(one, other), max(one, other))
            if pair not in kinship or share > kinship[pair].share:
                kinship[pair] = Kin(one, share, shared.documents)
    return sorted(kinship.items(), key=lambda item: (-item[1].share, item[0]))


def merged(counts: Mapping[str, int], into: Mapping[str, str]) -> Counter[str]:
    """Return counts by the families after joining."""
    total: Counter[str] = Counter()
    for family, number in counts.items():
        total[into[family]] += number
    return total
