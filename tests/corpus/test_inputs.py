from pathlib import Path

import pytest

from corpus.inputs import read_inputs
from corpus.progress import Silent
from corpus.reasons import Reason, Stage
from corpus.store import ArchiveReject, ArchiveStore
from tests.stores import add, module


@pytest.mark.parametrize(
    ("stage", "reason", "stays"),
    [
        (Stage.LICENSE, Reason.LICENSE_NOT_PERMITTED, False),
        (Stage.UNPACK, Reason.MALFORMED_METADATA, False),
        (Stage.CRAWL, Reason.UNAVAILABLE, True),
    ],
)
def test_an_archive_whose_new_content_was_refused_is_not_read(
    tmp_path: Path, stage: Stage, reason: Reason, stays: bool
) -> None:
    store = ArchiveStore(tmp_path)
    archive = add(store, "shop", {"lib/a.ex": module("A", "alpha")})
    reject = ArchiveReject(
        source="hex",
        name="shop",
        version="1.0.0",
        url=archive.url,
        stage=stage,
        reason=reason,
        detail="the new content",
        recorded_at="2026-11-23T08:00:00Z",
    )
    store.reject(reject)
    inputs = read_inputs(store, Silent())
    assert inputs.archives == ((archive,) if stays else ())
    assert inputs.refused == (() if stays else (reject,))
