"""Writing the report: values from the files of a run, drawn as one page."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from corpus.atomic import write_bytes
from train.report.page import render
from train.report.sections.checkpoints import checkpoints
from train.report.sections.curves import curves
from train.report.sections.data import data
from train.report.sections.evaluation import answers, comparison, evaluation
from train.report.sections.held_out import elastic, held_out, samples
from train.report.sections.identity import identity
from train.report.sections.speed import speed
from train.report.sections.steps import selected
from train.report.sources import Sources, UnknownShape, read_sources

HTML_NAME = "report.html"


SECTIONS: dict[str, Callable[[Sources], Any]] = {
    "identity": identity,
    "speed": speed,
    "held_out": held_out,
    "elastic": elastic,
    "selected": selected,
    "curves": curves,
    "samples": samples,
    "data": data,
    "checkpoints": checkpoints,
    "evaluation": evaluation,
    "comparison": comparison,
    "answers": answers,
}


def compose(run: Path) -> dict[str, Any]:
    """Work out every section of the report; equal files give equal values.

    Raises NoRunFiles, UnreadableRunFile, UnknownShape and train.telemetry.DamagedMetrics.
    """
    sources = read_sources(run)
    return {name: _worked_out(name, section, sources) for name, section in SECTIONS.items()}


def _worked_out(name: str, section: Callable[[Sources], Any], sources: Sources) -> Any:
    try:
        return section(sources)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise UnknownShape(sources.folder, name, error) from error


def write(run: Path) -> Path:
    """Write report.html into a run's folder, whole or not at all; return its path.

    Raises what `compose` raises, and OSError.
    """
    path = run / HTML_NAME
    write_bytes(path, render(compose(run)))
    return path
