"""Writing the report: values from the files of a run, drawn as one page."""

from pathlib import Path
from typing import Any

from corpus.atomic import write_bytes
from train.report.page import render
from train.report.sections.checkpoints import checkpoints
from train.report.sections.curves import curves
from train.report.sections.data import data
from train.report.sections.evaluation import evaluation
from train.report.sections.held_out import elastic, held_out
from train.report.sections.identity import identity
from train.report.sections.speed import speed
from train.report.sources import read_sources

HTML_NAME = "report.html"


def compose(run: Path) -> dict[str, Any]:
    """Work out every section of the report; equal files give equal values.

    Raises NoRunFiles, UnreadableRunFile and train.telemetry.DamagedMetrics.
    """
    sources = read_sources(run)
    return {
        "identity": identity(sources),
        "speed": speed(sources),
        "held_out": held_out(sources),
        "elastic": elastic(sources),
        "curves": curves(sources),
        "data": data(sources),
        "checkpoints": checkpoints(sources),
        "evaluation": evaluation(sources),
    }


def write(run: Path) -> Path:
    """Write report.html into a run's folder, whole or not at all; return its path.

    Raises what `compose` raises, and OSError.
    """
    path = run / HTML_NAME
    write_bytes(path, render(compose(run)))
    return path
