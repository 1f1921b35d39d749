"""Base against adapter, measure by measure, as evaluation.json tells it."""

from collections.abc import Iterator
from typing import Final, Literal, TypedDict

from corpus.console import visible
from pages.formats import plural, words
from train.evaluate.intervals import FEWEST
from train.evaluate.transcript import Entry, by_interest, passed, summary
from train.report.run_files import Sources, Values

ANSWERING: Final[tuple[Literal["base", "adapter"], ...]] = ("base", "adapter")
MOST_LISTED, MOST_SHOWN, MOST_CHARACTERS = 400, 40, 3000
"""Problems in the table, problems with their answers, characters of each text: half a megabyte."""
MARGIN = 0.06
"""Share of the scale that is left free at both ends."""


class Interval(TypedDict):
    """A value with the ends of its interval, which may be unknown."""

    value: float
    low: float | None
    high: float | None


def evaluation(sources: Sources) -> list[Values]:
    """Return the measures by group, in the order of the file, each with a common scale."""
    groups: dict[str, list[Values]] = {}
    for measure in sources.evaluation.get("measures") or []:
        groups.setdefault(str(measure.get("group") or "evaluation"), []).append(_row(measure))
    return [
        {"name": name, "unit": rows[0]["unit"], "rows": rows, "scale": _scale(rows)}
        for name, rows in groups.items()
    ]


def comparison(sources: Sources) -> Values:
    """Return what stands where the base does, and in sentences what was compared on what."""
    told = sources.evaluation
    against = str(told.get("against") or "base")
    warnings = list(_warnings(sources))
    return {
        "against": against,
        "is_of_new_text": not warnings,
        "sentences": [_subject(told, against), *warnings, *_notes(sources)],
    }


def _subject(told: Values, against: str) -> str:
    """Say what was compared with what, and on which text."""
    compared = "The base model against the same model with the adapter"
    if against != "base":
        compared = f"{against} against this run's model"
    split, version = told.get("split"), (told.get("release") or {}).get("version")
    of = [f"the split {split}"] * bool(split) + [f"release {version}"] * bool(version)
    return f"{compared}, on {' of '.join(of)}." if of else f"{compared}."


def _warnings(sources: Sources) -> Iterator[str]:
    """Yield why the figures may not be of new text."""
    measured, learned = (
        (each.get("release") or {}).get("sha256") for each in (sources.evaluation, sources.run)
    )
    if measured and learned and measured != learned:
        yield "This run was trained on another release, which may hold some of that text."
    if sources.evaluation.get("split") == "train":
        yield "This run was trained on that split."


def _notes(sources: Sources) -> Iterator[str]:
    """Yield what else is to be known of the figures, and of the answers behind them."""
    told = sources.evaluation
    if any(each.get("packages") is None for each in told.get("measures") or []):
        yield (
            "An older version wrote its intervals, which are too narrow: they take documents of "
            "one package for independent. Evaluate the run again for verdicts."
        )
    if asked := told.get("answers"):
        yield (
            f"{plural(asked['samples'], 'answer')} to each problem, at temperature "
            f"{asked['temperature']:g} and of {asked['longest']:,} tokens at most, were run with "
            f"Elixir {asked['elixir']}."
        )
    base, adapter = (
        sum(each["verdict"] == "refused" for entry in sources.answers for each in entry[subject])
        for subject in ANSWERING
    )
    if base or adapter:
        yield (
            "Answers refused, because they called what no right answer needs: "
            f"{base:,} of the first, {adapter:,} of the second."
        )
    if left_out := told.get("left_out"):
        counts = [f"{len(names)} ({words(reason)})" for reason, names in left_out.items()]
        yield f"Problems left out, because they cannot be decided there: {', '.join(counts)}."


def answers(sources: Sources) -> Values | None:
    """Return the problems with their verdicts, and some with all that was asked, answered and said.

    What the adapter lost comes first, then what it failed and gained. None without answers.
    """
    if not sources.answers:
        return None
    entries = by_interest(sources.answers)
    kept = sum(passed(each["base"]) == passed(each["adapter"]) for each in entries)
    told = f"{plural(len(entries), 'problem')}: the adapter does as well on {kept:,}"
    for name, sign in (("better", 1), ("worse", -1)):
        found = sum((passed(each["adapter"]) - passed(each["base"])) * sign > 0 for each in entries)
        told += f", {name} on {found:,}"
    wrong = [each for each in entries if passed(each["adapter"]) < len(each["adapter"])]
    gained = [each for each in entries if passed(each["base"]) < passed(each["adapter"])]
    shown = [*wrong, *(each for each in gained if each not in wrong)]
    return {
        "sentence": f"{told}. What it lost comes first; `--show` of `python -m train.evaluate` "
        f"prints every answer, of which {min(len(shown), MOST_SHOWN):,} are below.",
        "rows": [
            {
                "problem": visible(each["problem"]),
                "base": words(summary(each["base"])),
                "adapter": words(summary(each["adapter"])),
            }
            for each in entries[:MOST_LISTED]
        ],
        "more": max(0, len(entries) - MOST_LISTED),
        "shown": [_shown(each) for each in shown[:MOST_SHOWN]],
    }


def _shown(told: Entry) -> Values:
    """Return what a page shows of a problem: the end of its prompt, and the first answer of each.

    The first that failed stands for several of the adapter.
    """
    failed = [each for each in told["adapter"] if each["verdict"] != "passed"]
    chosen = [("base", told["base"][:1]), ("adapter", (failed or told["adapter"])[:1])]
    prompt = told["prompt"]
    return {
        "problem": visible(told["problem"]),
        "change": f"{words(summary(told['base']))}, then {words(summary(told['adapter']))}",
        "prompt": visible(prompt[-MOST_CHARACTERS:]),
        "samples": [
            {
                "of": name,
                "verdict": words(each["verdict"]),
                "answer": visible(each["answer"][:MOST_CHARACTERS]),
                "detail": visible(each["detail"][-MOST_CHARACTERS:]),
            }
            for name, found in chosen
            for each in found
        ],
    }


def _row(measure: Values) -> Values:
    told = {name: _figure(measure.get(name)) for name in (*ANSWERING, "difference")}
    return {
        "name": measure.get("name"),
        "unit": measure.get("unit"),
        "better": measure.get("better"),
        "count": measure.get("count"),
        "packages": measure.get("packages"),
        **told,
        "verdict": _verdict(told["difference"], measure.get("better"), measure.get("packages")),
    }


def _figure(told: Values | None) -> Interval | None:
    """Return a value with the ends of its interval, which may be unknown; None without a value."""
    if not told or told.get("value") is None:
        return None
    low, high = told.get("low"), told.get("high")
    known = low is not None and high is not None
    return {"value": told["value"], "low": low if known else None, "high": high if known else None}


def _verdict(difference: Interval | None, better: str | None, packages: int | None) -> str:
    """Say whether the interval of the difference lies on one side of zero.

    Files of older versions tell no packages: their intervals, of documents, are too narrow.
    """
    if difference is None or better is None or packages is None:
        return ""
    if packages < FEWEST:
        return "too few packages to tell"
    low, high = difference["low"], difference["high"]
    if low is None or high is None or low <= 0 <= high:
        return "no clear difference"
    return "better" if (low > 0) == (better == "higher") else "worse"


def _scale(rows: list[Values]) -> Values:
    """Return the range that all intervals of a group fit into."""
    figures = [row[name] for row in rows for name in ANSWERING if row[name]]
    ends = [value for told in figures for value in told.values() if value is not None]
    low, high = min(ends, default=0.0), max(ends, default=1.0)
    margin = MARGIN * ((high - low) or 1.0)
    return {"low": low - margin, "high": high + margin}
