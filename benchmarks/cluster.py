"""A build on a Dask cluster of two hosts without a common disk, archives to release at s3:// URLs.

    sudo .venv/bin/python -m benchmarks.cluster build/real/archives --config demo/real.toml

The hosts are network namespaces with one address each, joined by a bridge. Each process in them has
a mount namespace of its own, in which everything is read-only but an empty /tmp in memory. S3
service (tests/peers/object_store.py) and scheduler listen at the address of the bridge. The build
is killed once with SIGKILL and run again. Fails unless both hosts uploaded what they made, and the
release has the bytes of one that is built from the same archives on this machine's disk.
"""

import argparse
import json
import os
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from corpus.places import files_below, place
from corpus.progress import Silent
from corpus.release import Release, verify
from corpus.release.manifest import TIMINGS_NAME
from corpus.store import ArchiveStore
from corpus.store.copying import copy_store
from tests.peers.object_store import ObjectStore, serving

BRIDGE, PORT = "corpus-br", 18786
HERE = "10.77.31.1"
HOSTS = {"corpus-build": "10.77.31.10", "corpus-one": "10.77.31.11", "corpus-two": "10.77.31.12"}
ALONE = "mount --make-rprivate / && mount -t tmpfs tmpfs /tmp && mount -o remount,bind,ro / && exec"
"""What a shell does before a command, so that it can write to its own /tmp only."""
KILLED_AT = "/corpus/work/select-documents-"


def ip(command: str, check: bool = True) -> None:
    """Run one command of `ip`."""
    subprocess.run(["ip", *command.split()], check=check, capture_output=not check)


@contextmanager
def hosts() -> Iterator[None]:
    """Make a bridge, and a network namespace on it for every host."""
    try:
        ip(f"link add {BRIDGE} type bridge")
        ip(f"addr add {HERE}/24 dev {BRIDGE}")
        ip(f"link set {BRIDGE} up")
        for number, (name, address) in enumerate(HOSTS.items()):
            ip(f"netns add {name}")
            ip(f"link add corpus-v{number} type veth peer name eth0 netns {name}")
            ip(f"link set corpus-v{number} master {BRIDGE} up")
            ip(f"-n {name} addr add {address}/24 dev eth0")
            ip(f"-n {name} link set eth0 up")
            ip(f"-n {name} link set lo up")
        yield
    finally:
        for name in HOSTS:
            ip(f"netns del {name}", check=False)
        ip(f"link del {BRIDGE}", check=False)


def start(host: str, server: ObjectStore, *arguments: str) -> "subprocess.Popen[bytes]":
    """Start Python on a host that shares no disk."""
    command = shlex.join([sys.executable, *arguments])
    inside = ["ip", "netns", "exec", host, "unshare", "--mount", "sh", "-c", f"{ALONE} {command}"]
    return subprocess.Popen(inside, env={**os.environ, **server.environment, "TMPDIR": "/tmp"})


@contextmanager
def running(process: "subprocess.Popen[bytes]") -> Iterator[None]:
    """End a process with the block."""
    try:
        yield
    finally:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()


def build(server: ObjectStore, config: list[str]) -> "subprocess.Popen[bytes]":
    """Start a build on the cluster."""
    urls = ["--archives", "s3://archives/store", "--work", "s3://corpus/work"]
    urls += ["--out", "s3://corpus/releases", "--scheduler", f"tcp://{HERE}:{PORT}"]
    return start("corpus-build", server, "-m", "corpus", "build", *urls, *config)


def contents(folder: Path) -> dict[str, bytes]:
    """Return the files of a release."""
    found = {path.relative_to(folder).as_posix(): path for path in files_below(folder)}
    return {name: path.read_bytes() for name, path in found.items() if name != TIMINGS_NAME}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("archives", type=Path)
    parser.add_argument("--config", type=Path)
    given = parser.parse_args()
    config = ["--config", str(given.config.resolve())] if given.config else []
    with ExitStack() as stack:
        here = Path(stack.enter_context(TemporaryDirectory()))
        began = time.monotonic()
        local = ["--archives", str(given.archives), "--out", str(here), "--workers", "2"]
        subprocess.run([sys.executable, "-m", "corpus", "build", *local, *config], check=True)
        on_disk = time.monotonic() - began
        (expected,) = here.glob("[0-9]*")

        stack.enter_context(hosts())
        server = stack.enter_context(serving(HERE))
        stack.enter_context(server.for_this_process())
        for name in ("archives", "corpus"):
            server.make_bucket(name)
        copied = copy_store(ArchiveStore(given.archives), "s3://archives/store", Silent())
        settings = {
            "DASK_DISTRIBUTED__SCHEDULER__ALLOWED_FAILURES": "1",
            "DASK_DISTRIBUTED__SCHEDULER__WORKER_SATURATION": "1.0",
        }
        listens = ["--host", HERE, "--port", str(PORT), "--no-dashboard"]
        scheduler = [sys.executable, "-m", "distributed.cli.dask_scheduler", *listens]
        process = subprocess.Popen(scheduler, env={**os.environ, **settings})
        stack.enter_context(running(process))
        for host in ("corpus-one", "corpus-two"):
            alone = ["--nthreads", "1", "--no-dashboard", "--local-directory", "/tmp/dask"]
            worker = ["-m", "distributed.cli.dask_worker", f"tcp://{HERE}:{PORT}", *alone]
            stack.enter_context(running(start(host, server, *worker)))

        server.forget_requests()
        began = time.monotonic()
        process = build(server, config)

        def kill(path: str) -> None:
            if path.startswith(KILLED_AT):
                server.on_upload = lambda path: None
                os.kill(process.pid, signal.SIGKILL)

        server.on_upload = kill
        assert process.wait() == -signal.SIGKILL
        killed = time.monotonic() - began
        process = build(server, config)
        assert process.wait() == 0
        at_urls = time.monotonic() - began

        release = Release.open(f"s3://corpus/releases/{expected.name}")
        assert verify(release) == []
        assert contents(release.path) == contents(place(expected))
        assert all(server.uploaders[HOSTS[each]] for each in ("corpus-one", "corpus-two"))
        told = {
            "archives": copied.uploaded,
            "release": release.identity,
            "seconds on disk, two processes": round(on_disk, 1),
            "seconds on two hosts, killed once": round(at_urls, 1),
            "killed after": round(killed, 1),
            "uploads by host": {name: server.uploaders[each] for name, each in HOSTS.items()},
            "requests": len(server.log),
        }
        print(json.dumps(told, indent=2))


if __name__ == "__main__":
    main()
