"""The end of a run: the adapter in its own folder, and what it changed on the test split."""

import shutil
import tempfile
from pathlib import Path

from corpus.atomic import flush_to_disk
from train.loop.run import Run
from train.loop.state import adapter_files

ADAPTER = "adapter"


def finish(out: Path, run: Run) -> None:
    """Write the adapter in peft's format; the first process does."""
    if run.processes.is_first:
        write_adapter(out, run)
    run.processes.wait()


def write_adapter(out: Path, run: Run) -> Path:
    """Write the adapter's folder, whole or not at all; one that is there gives way."""
    temporary = Path(tempfile.mkdtemp(dir=out, prefix=f".{ADAPTER}.", suffix=".tmp"))
    try:
        for name, write in adapter_files(run.model.adapted).items():
            write(temporary / name)
            flush_to_disk(temporary / name)
        temporary.chmod(0o755)
        shutil.rmtree(out / ADAPTER, ignore_errors=True)
        temporary.rename(out / ADAPTER)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    return out / ADAPTER
