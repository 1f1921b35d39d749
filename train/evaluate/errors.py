"""What keeps a benchmark from being read."""

from pathlib import Path

from train.errors import TrainError


class NoBenchmark(TrainError):
    """Nothing of the benchmark lies where it was said to."""

    def __init__(self, path: Path | str, expected: str) -> None:
        super().__init__(f"{path}: no benchmark here. Expected {expected}.")


class MalformedBenchmark(TrainError):
    """A file of the benchmark is not what its format says."""

    def __init__(self, path: Path, problem: str) -> None:
        super().__init__(f"{path}: {problem}. Fetch it again from where it is published.")


class NoToolchain(TrainError):
    """There is no Elixir to run programs with."""

    def __init__(self, said: str) -> None:
        super().__init__(
            f"elixir cannot be run in the sandbox ({said.strip() or 'it said nothing'}). "
            "On Debian, as root: apt-get install elixir. One that lies in a home folder is out of "
            "the sandbox's reach; install one under /usr/local."
        )
