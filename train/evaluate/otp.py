"""Our own problems: small OTP tasks with tests, one TOML file each in `tasks/`."""

import tomllib
from collections.abc import Iterator
from pathlib import Path

from train.evaluate.problems import Problem, Prompt

SOURCE = "otp"
TASKS = Path(__file__).with_name("tasks")


def load(path: Path = TASKS) -> Iterator[Problem]:
    """Yield the tasks of a folder in the order of their names."""
    for file in sorted(path.glob("*.toml")):
        task = tomllib.loads(file.read_text(encoding="utf-8"))
        yield Problem(
            identity=f"{SOURCE}/{file.stem}",
            source=SOURCE,
            prompt=Prompt(question=task["question"].strip()),
            tests={"test/completed_test.exs": task["tests"]},
            reference=task["reference"],
            requires=task.get("requires", ""),
        )
