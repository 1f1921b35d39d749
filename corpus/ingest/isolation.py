"""Reading a bundle in a separate process: a file that ends the process becomes a reject."""

from dataclasses import replace
from pathlib import Path

from corpus.atomic import is_complete, publish_folder
from corpus.errors import CorpusError
from corpus.ingest.bundle import Bundle, ingest, rehearse
from corpus.ingest.opened import SEVERAL, WHOLE, ReadConfig
from corpus.places import copied_here, is_remote, scratch
from corpus.reasons import Reason, Reject, Stage
from corpus.supervision import Cause, Ended, Watch, tidily, watched

FORGIVEN = 5
"""After this number of deaths in a row, each at another place, the archives are probably not the
cause.
"""


class ReaderDied(CorpusError):
    """The process that reads a bundle died, and none of its archives was found to be the cause."""

    def __init__(self, bundle: Bundle) -> None:
        names = ", ".join(f"{archive.name} {archive.version}" for archive in bundle.archives)
        super().__init__(
            "The process that reads these archives died, and none of their files was found to be "
            f"the cause: {names}. It was probably out of memory: run the same command again with "
            "fewer --workers or a "
            "smaller ingest.bundle_bytes; finished parts are kept."
        )


def read_bundle(bundle: Bundle) -> Path:
    """Ingest a bundle in a separate process; return the folder of its parts.

    A file that exceeds its budget, or ends that process in another way, is refused, and the rest is
    read again. An archive is refused as a whole if none of its files is the cause, or if its
    refused files have used up its budget. A death of unknown cause counts only if it is repeated at
    the same place, because the system also kills a process for memory that others use, and a
    release must not depend on that. That process sees files of this machine only: archives at a
    URL are copied here first, and a folder for a URL is uploaded afterwards, so that a slow network
    uses up no budget and what reads foreign bytes needs no credentials. Raises ReaderDied, and what
    `ingest` and the copying raise.
    """
    if is_complete(bundle.destination):
        return bundle.destination
    with copied_here(bundle.paths) as paths:
        near = replace(bundle, paths=tuple(paths))
        if not is_remote(bundle.destination):
            return _read(near)
        with scratch() as folder:
            made = _read(replace(near, destination=folder / bundle.destination.name))
            if not is_complete(bundle.destination):  # else the same task ran twice
                publish_folder(made, bundle.destination)
    return bundle.destination


def _read(bundle: Bundle) -> Path:
    deaths: set[Ended] = set()
    while True:
        outcome = watched(_ingest, bundle, bundle.config.read.budget)
        if not isinstance(outcome, Ended):
            return outcome
        if outcome.cause is not Cause.DIED or outcome in deaths:
            bundle = _without_cause(bundle, outcome)
            deaths.clear()
        elif len(deaths) == FORGIVEN:
            raise ReaderDied(bundle)
        else:
            deaths.add(outcome)


def _ingest(bundle: Bundle, watch: Watch) -> Path:
    return tidily(lambda task: ingest(task, watch), bundle)


def _rehearse(bundle: Bundle, watch: Watch) -> None:
    tidily(lambda task: rehearse(task, watch), bundle)


def _without_cause(bundle: Bundle, ended: Ended) -> Bundle:
    """Return the bundle with one more refusal, or in the mode file by file, to find the cause."""
    if ended.item == SEVERAL:
        return replace(bundle, one_by_one=True)
    if ended.group >= 0:
        return _refusing(bundle, ended.group, ended.item, ended.cause)
    for number in range(len(bundle.archives)):
        if WHOLE not in bundle.refusals.get(number, {}):
            alone = watched(_rehearse, _alone(bundle, number), bundle.config.read.budget)
            if isinstance(alone, Ended):
                item = alone.item if alone.group >= 0 else WHOLE
                return _refusing(bundle, number, item, alone.cause)
    raise ReaderDied(bundle)


def _alone(bundle: Bundle, number: int) -> Bundle:
    return replace(
        bundle,
        archives=(bundle.archives[number],),
        paths=(bundle.paths[number],),
        refusals={0: bundle.refusals.get(number, {})},
        one_by_one=True,
        opted_out=frozenset({0} if number in bundle.opted_out else ()),
    )


def _refusing(bundle: Bundle, number: int, item: int, cause: Cause) -> Bundle:
    refusals = {**bundle.refusals.get(number, {})}
    seconds = bundle.config.read.seconds(bundle.archives[number])
    refusals[item] = _refusal(cause, item, seconds, bundle.config.read)
    more = replace(bundle, refusals={**bundle.refusals, number: refusals})
    if item == WHOLE or more.seconds(number) > 0:
        return more
    return _refusing(bundle, number, WHOLE, Cause.TIME)


def _refusal(cause: Cause, item: int, seconds: float, config: ReadConfig) -> Reject:
    """Return the reject.

    Its detail has limits and no measurements, so that it is always the same.
    """
    budget = config.budget
    stage, what = (Stage.UNPACK, "opening") if item == WHOLE else (Stage.PARSE, "reading")
    if cause is Cause.DIED:
        return Reject(stage, Reason.KILLED_WORKER, f"{what} it ended the worker process")
    if cause is Cause.MEMORY:
        took = f"{what} it took more than {budget.memory} bytes of memory"
    elif cause is Cause.CLOCK:
        took = f"{what} it went on for more than {budget.clock} times its processor time"
    elif item == WHOLE:
        took = f"its files took more than {seconds:.0f} s of processor time together"
    else:
        took = f"a step on it took more than {budget.file_seconds} s of processor time"
    return Reject(stage, Reason.OVER_BUDGET, took)
