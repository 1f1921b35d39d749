import gc
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

settings.register_profile("busy machine", deadline=None)
settings.load_profile("busy machine")
"""Hypothesis gives an example 200 ms by the clock, which a busy machine takes for anything. What
has to be fast has a test of its own that counts processor time."""

os.environ.setdefault("OMP_NUM_THREADS", "1")
"""The models here are tiny: a second thread mostly waits for the first, and two workers of pytest
with two threads each keep each other from computing. torch reads it when it is imported."""

SLOW = frozenset(
    f"{folder}/test_{name}.py".removeprefix("./")
    for folder, names in {
        ".": "architecture console_command contributing site fast",
        "benchmarks": "hostile",
        "corpus": "adding_a_table build build_hostile console erlang_terms executor "
        "explain fingerprint_comments full_disk inspect instruct licenses_files parsing "
        "google_storage places provenance stages store store_copying store_index supervision",
        "corpus/elixir": "against_the_compiler",
        "corpus/ingest": "isolation",
        "corpus/optout": "removals releases",
        "corpus/release": "manifest verification",
        "corpus/verification": "verdicts",
        "corpus/sources": "folder github hexpm",
        "crawler": "crawl crawl_endings crawl_faults crawl_patience crawl_republished "
        "crawls_in_one_process github_crawl github_faults github_search killed_writer progress "
        "reference",
        "datacards": "card",
        "demo": "agreement demo model packages real repositories",
        "elixir_corpus": "object_store pipeline releases_at_urls",
        "quality": "commands gate gate_on_builds memory report",
        "reference": "archive_against_rebar3 registry_against_rebar3 terms_against_erlang",
        "sandbox": "hostile unavailable",
        "train": "card chat checkpoint run",
        "train/evaluate": "benchmarks comparison harness held_out judge judge_cheats published "
        "subject subject_answers",
        "train/export": "adapter gguf hub merged run",
        "train/loop": "consolidation processes stopping",
        "train/model": "fingerprint loading",
        "train/report": "report",
    }.items()
    for name in names.split()
)
"""Files that `make test-fast` leaves out."""
LONGEST = (
    "train/evaluate/test_judge_cheats.py",
    "crawler/test_crawl_faults.py",
    "demo/test_demo.py",
    "corpus/test_build.py",
    "test_console_command.py",
    "elixir_corpus/test_object_store.py",
    "train/export/test_gguf.py",
    "train/test_run.py",
    "benchmarks/test_hostile.py",
    "quality/test_gate.py",
    "test_contributing.py",
    "train/evaluate/test_judge.py",
    "train/loop/test_processes.py",
    "elixir_corpus/test_pipeline.py",
    "corpus/test_executor.py",
    "crawler/test_github_faults.py",
    "crawler/test_github_crawl.py",
    "crawler/test_crawl_republished.py",
    "crawler/test_crawl_endings.py",
    "train/evaluate/test_comparison.py",
    "train/evaluate/test_subject_answers.py",
    "corpus/ingest/test_isolation.py",
)
"""Files of 20 s and more, in the order in which they begin. The first uses two processors, and the
second mostly waits."""
MOST = 2.0
"""Seconds of a processor that a test of another file may take there, with what it imports."""


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--fast", action="store_true", help="Leave out files whose tests take long.")


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    is_slow = collection_path.relative_to(Path(__file__).parent).as_posix() in SLOW
    return True if is_slow and config.getoption("fast") else None


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the files that take longest, so that no worker is left with one of them."""
    tests = Path(__file__).parent
    rank = {name: number for number, name in enumerate(LONGEST)}

    def place(item: pytest.Item) -> tuple[int, bool]:
        name = item.path.relative_to(tests).as_posix()
        return rank.get(name, len(rank)), name not in SLOW

    items.sort(key=place)


def pytest_collection_finish() -> None:
    """Let garbage collection pass by what stays: modules and tests take half of its time."""
    gc.freeze()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Iterator[None]:
    """Fail a test that makes the fast ones slow, so that SLOW stays true."""
    before = sum(os.times()[:4])
    yield
    seconds = sum(os.times()[:4]) - before
    if item.config.getoption("fast") and seconds > MOST:
        pytest.fail(
            f"It took {seconds:.1f} s of a processor: name its file in SLOW.", pytrace=False
        )


@pytest.fixture(autouse=True, scope="session")
def _interrupts() -> None:
    """Let SIGINT interrupt, here and in what tests start: a shell's background jobs ignore it."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
