"""Datasets of the Hub on loopback, and programs that use them."""

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from hashlib import sha1
from pathlib import Path

from tests.peers import hub_server
from tests.project import PROJECT

Datasets = Mapping[str, Mapping[str, bytes]]
"""Files by path, of datasets by OWNER/NAME."""


def commit_of(name: str) -> str:
    """Return the only commit of a dataset."""
    return sha1(name.encode()).hexdigest()


@contextmanager
def serving(datasets: Datasets) -> Iterator[str]:
    """Serve datasets on a free port of loopback; yield the address."""
    peer = hub_server.HubServer()
    for name, files in datasets.items():
        peer.add(f"datasets/{name}", files, commit_of(name))
    with hub_server.serving(peer):
        yield peer.url


def printed(hub: str, home: Path, code: str, *told: str) -> str:
    """Return what code prints in a process that uses the Hub at an address.

    In a process of its own, because huggingface_hub reads its environment when it starts.
    """
    kept = {name: value for name, value in os.environ.items() if not name.startswith("HF_")}
    chosen = {"HF_ENDPOINT": hub, "HF_HOME": str(home), "NO_PROXY": "127.0.0.1,localhost"}
    done = subprocess.run(
        [sys.executable, "-c", code, *told],
        cwd=PROJECT,
        env=kept | chosen,
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.strip()
