from pathlib import Path

import pytest

from corpus.sandbox import Sandbox, SandboxUnavailable
from corpus.sandbox.system_calls import ARCHITECTURES, seccomp_filter


def test_without_bubblewrap_it_refuses_and_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(SandboxUnavailable, match=r"not installed.*apt-get install bubblewrap"):
        Sandbox()


def test_a_bubblewrap_that_the_kernel_refuses_is_no_sandbox(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "bwrap"
    program.write_text(
        "#!/bin/sh\necho 'bwrap: No permissions to create new namespace' >&2\nexit 1"
    )
    program.chmod(0o755)
    tmp_path.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(SandboxUnavailable, match=r"does not hold.*No permissions.*sysctl"):
        Sandbox()


def test_a_bubblewrap_that_confines_nothing_is_found_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "bwrap"
    program.write_text('#!/bin/sh\nwhile [ "$1" != -- ]; do shift; done\nshift\nexec "$@"\n')
    program.chmod(0o755)
    tmp_path.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    with pytest.raises(SandboxUnavailable, match="does not hold"):
        Sandbox()


@pytest.mark.parametrize("machine", sorted(ARCHITECTURES))
def test_a_filter_has_one_comparison_a_call_and_seven_steps_around_them(machine: str) -> None:
    program = seccomp_filter(machine)
    assert program is not None
    assert len(program) == 8 * (7 + len(ARCHITECTURES[machine][1]))


def test_an_unknown_machine_has_no_filter() -> None:
    assert seccomp_filter("riscv64") is None
