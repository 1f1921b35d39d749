"""Seeing a run: its metrics on the disk, on the terminal and in a tracker."""

from train.telemetry.metrics import DamagedMetrics, Line, Metrics, read_metrics
from train.telemetry.progress import Note, training_progress
from train.telemetry.trackers import (
    MissingTracker,
    TrackedMetrics,
    Tracker,
    TrackerNotStarted,
    check_tracker,
    open_tracker,
)

__all__ = [
    "DamagedMetrics",
    "Line",
    "Metrics",
    "MissingTracker",
    "Note",
    "TrackedMetrics",
    "Tracker",
    "TrackerNotStarted",
    "check_tracker",
    "open_tracker",
    "read_metrics",
    "training_progress",
]
