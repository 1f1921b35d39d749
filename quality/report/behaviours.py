"""Figures about what modules are on the BEAM: behaviours, uses, supervision, messages."""

from collections import Counter, defaultdict
from collections.abc import Mapping
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc

from corpus.release import Span
from quality.partial import Counts, Observed
from quality.report.figures import Section, counted, distribution, share
from quality.report.sources import Partial, Sources

TOP: Final = 20
UNWRITTEN: Final = "not written out"
DEFAULT: Final = "default"


class Resolved(Partial):
    """Behaviours and uses of the modules, and their processes."""

    table = "modules"
    columns = ("behaviours", "uses", "starts", "supervisors", "messages", "links", "hooks")

    def __init__(self) -> None:
        self.modules: Counts[str] = Counts()
        self.behaviours: Counts[tuple[str, str]] = Counts()
        self.through: Counts[str] = Counts()
        self.uses: Counts[str] = Counts()
        self.silent: Counts[str] = Counts()
        self.absent: Counts[str] = Counts()
        self.strategies: Counts[str] = Counts()
        self.intensities: Counts[str] = Counts()
        self.restarts: Counts[str] = Counts()
        self.children = Observed()
        self.started: Counts[str] = Counts()
        self.messages: Counts[tuple[str, str]] = Counts()
        self.links: Counts[str] = Counts()
        self.hooks: Counts[str] = Counts()

    def add(self, batch: pa.RecordBatch, span: Span) -> None:
        """Count what the modules of a batch have."""
        self.modules["all"] += len(batch)
        for column in ("behaviours", "supervisors", "messages"):
            self.modules[column] += pc.sum(_fills(batch[column])).as_py() or 0
        found = batch["behaviours"].flatten()
        pairs = (found.field(name).to_pylist() for name in ("name", "evidence"))
        self.behaviours.update(zip(*pairs, strict=True))
        self.through.update(found.field("through").drop_null().to_pylist())
        self._use(batch["uses"].flatten())
        self._supervise(batch["supervisors"].flatten())
        self.started.update(batch["starts"].flatten().field("name").to_pylist())
        self._answer(batch["messages"].flatten())
        self.links.update(batch["links"].flatten().field("kind").to_pylist())
        self.hooks.update(batch["hooks"].flatten().to_pylist())

    def _use(self, uses: pa.StructArray) -> None:
        reasons = uses.field("unresolved")
        self.uses.update(reason or "resolved" for reason in reasons.to_pylist())
        self.absent.update(uses.field("name").filter(pc.equal(reasons, "absent")).to_pylist())
        leaves = pc.or_(uses.field("leaves_behaviour"), pc.is_valid(reasons))
        self.silent.update(uses.field("name").filter(pc.invert(leaves)).to_pylist())

    def _supervise(self, supervisors: pa.StructArray) -> None:
        self.strategies.update(each or UNWRITTEN for each in _strings(supervisors, "strategy"))
        limits = (_strings(supervisors, name) for name in ("max_restarts", "max_seconds"))
        self.intensities.update(
            DEFAULT if both == (None, None) else "{} in {} s".format(*map(_or_default, both))
            for both in zip(*limits, strict=True)
        )
        children = supervisors.field("children")
        self.children.add(pc.list_value_length(children))
        self.restarts.update(each or DEFAULT for each in _strings(children.flatten(), "restart"))

    def _answer(self, messages: pa.StructArray) -> None:
        """Count shapes of messages by kind, and how many of them are sent, answered or both."""
        kinds = messages.field("kind").to_pylist()
        sent, answered = (_fills(messages.field(name)).to_pylist() for name in ("sent", "answered"))
        for kind, is_sent, is_answered in zip(kinds, sent, answered, strict=True):
            self.messages[kind, "shapes"] += 1
            self.messages[kind, "sent"] += is_sent
            self.messages[kind, "answered"] += is_answered
            self.messages[kind, "both"] += is_sent and is_answered


def _fills(lists: pa.ListArray) -> pa.Array:
    """Return for each list whether it has an entry."""
    return pc.greater(pc.list_value_length(lists), 0)


def _strings(values: pa.StructArray, name: str) -> list[str | None]:
    found: list[str | None] = values.field(name).to_pylist()
    return found


def _or_default(number: str | None) -> str:
    return DEFAULT if number is None else str(number)


def behaviours(sources: Sources) -> Section:
    """Return behaviours by evidence, uses by whether they were followed, and processes."""
    found = sources.of(Resolved)
    every = found.uses.total()
    return {
        "modules": found.modules["all"],
        "with_behaviours": found.modules["behaviours"],
        "count": found.behaviours.total(),
        "distinct": len({name for name, _ in found.behaviours}),
        "evidence": _by_evidence(found.behaviours),
        "top": _top(found.behaviours),
        "through": counted(found.through, TOP),
        "uses": {
            "count": every,
            "resolved": found.uses["resolved"],
            "resolved_share": share(found.uses["resolved"], every),
            "unresolved": counted(_without(found.uses, "resolved")),
            "absent": counted(found.absent, TOP),
            "leave_none": counted(found.silent, TOP),
        },
        "supervision": {
            "modules": found.modules["supervisors"],
            "supervisors": found.strategies.total(),
            "strategies": counted(found.strategies),
            "intensities": counted(found.intensities, TOP),
            "restarts": counted(found.restarts),
            "children": distribution(*found.children.arrays()),
        },
        "started": counted(found.started, TOP),
        "messages": {
            "modules": found.modules["messages"],
            "kinds": _kinds(found.messages),
        },
        "links": counted(found.links),
        "hooks": counted(found.hooks),
    }


def _without(counts: Counts[str], name: str) -> dict[str, int]:
    return {each: count for each, count in counts.items() if each != name}


def _by_evidence(found: Mapping[tuple[str, str], int]) -> list[Section]:
    by_evidence: Counter[str] = Counter()
    for (_, evidence), count in found.items():
        by_evidence[evidence] += count
    return [dict(each) for each in counted(by_evidence)]


def _top(found: Mapping[tuple[str, str], int]) -> list[Section]:
    by_name: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for (name, evidence), count in found.items():
        by_name[name][evidence] += count
    whole = sum(found.values())
    ordered = sorted(by_name.items(), key=lambda item: (-item[1].total(), item[0]))[:TOP]
    return [
        {
            "name": name,
            "count": counts.total(),
            "share": share(counts.total(), whole),
            "evidence": dict(sorted(counts.items())),
        }
        for name, counts in ordered
    ]


def _kinds(found: Mapping[tuple[str, str], int]) -> list[Section]:
    kinds = sorted({kind for kind, _ in found}, key=lambda kind: (-found[kind, "shapes"], kind))
    return [
        {
            "name": kind,
            **{name: found[kind, name] for name in ("shapes", "sent", "answered", "both")},
        }
        for kind in kinds
    ]
