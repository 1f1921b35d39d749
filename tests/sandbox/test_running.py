import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from sandbox import Limits, Sandbox, SandboxFailed
from tests.sandbox.machine import needs_elixir, needs_sandbox, sandbox

pytestmark = needs_sandbox


def test_a_command_finds_its_files_its_input_and_its_environment() -> None:
    outcome = sandbox().run(
        ["sh", "-c", 'cat lib/said; cat; echo "$MOOD $HOME"; echo aside >&2; exit 3'],
        files={"lib/said": "from a file\n"},
        stdin="from outside\n",
        environment={"MOOD": "calm"},
    )
    assert outcome.stdout == "from a file\nfrom outside\ncalm /scratch\n"
    assert outcome.stderr == "aside\n"
    assert (outcome.status, outcome.stop, outcome.truncated) == (3, None, False)
    assert 0 < outcome.seconds < 5


def test_input_is_read_once_and_cannot_be_had_again() -> None:
    outcome = sandbox().run(["sh", "-c", "cat; cat; cat /proc/self/fd/0; true"], stdin="once\n")
    assert outcome.stdout == "once\n"


def test_more_input_than_a_pipe_holds_is_refused() -> None:
    with pytest.raises(ValueError, match="more than a pipe holds"):
        sandbox().run(["cat"], stdin=bytes(1 << 21))


def test_nothing_of_our_environment_is_handed_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("API_TOKEN", "secret")
    outcome = sandbox().run(["env"])
    names = {line.partition("=")[0] for line in outcome.stdout.splitlines()}
    assert names == {"HOME", "LANG", "PATH", "PWD"}


def test_a_folder_that_is_lent_can_be_read_and_not_written(public: Path) -> None:
    (public / "note").write_text("lent\n")
    (public / "note").chmod(0o666)
    lent = Sandbox({"/lent": public})
    outcome = lent.run(["sh", "-c", "cat /lent/note; echo more >> /lent/note"])
    assert outcome.stdout == "lent\n"
    assert "Read-only file system" in outcome.stderr
    assert (public / "note").read_text() == "lent\n"


def test_each_run_has_a_scratch_folder_of_its_own() -> None:
    sandbox().run(["sh", "-c", "echo left > behind"])
    assert sandbox().run(["ls", "-A"]).stdout == ""


@pytest.mark.parametrize("name", ["/etc/x", "../x", "a/../../x", "", "."])
def test_a_file_outside_of_the_scratch_folder_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="inside the scratch folder"):
        sandbox().run(["true"], files={name: "x"})


def test_a_command_that_is_not_there_ends_with_127() -> None:
    assert sandbox().run(["no-such-command"]).status == 127


def test_a_sandbox_that_cannot_be_set_up_is_no_outcome_of_the_command(tmp_path: Path) -> None:
    with pytest.raises(SandboxFailed, match="gone"):
        Sandbox({"/lent": tmp_path / "gone"}).run(["true"])


def test_a_command_that_dies_of_a_signal_says_which() -> None:
    assert sandbox().run(["sh", "-c", "kill -SEGV $$"]).status == 128 + signal.SIGSEGV


def test_bytes_that_are_no_text_do_not_stop_it() -> None:
    assert sandbox().run(["printf", r"a\377b"]).stdout == "a\N{REPLACEMENT CHARACTER}b"


def test_hundreds_of_files_can_be_given() -> None:
    files = {f"lib/m{number}.ex": str(number) for number in range(300)}
    assert sandbox().run(["sh", "-c", "ls lib | wc -l"], files=files).stdout == "300\n"


def test_more_files_can_be_given_than_a_process_may_open_at_first() -> None:
    script = (
        "import resource\n"
        "hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]\n"
        "resource.setrlimit(resource.RLIMIT_NOFILE, (64, hard))\n"
        "from sandbox import Sandbox\n"
        "files = {f'm{number}': 'x' for number in range(100)}\n"
        "print(Sandbox().run(['sh', '-c', 'ls | wc -l; ulimit -n'], files=files).stdout)\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.stdout.split() == ["100", "256"], done.stderr


def test_a_command_sees_no_process_but_its_own() -> None:
    script = "import json, os; print(json.dumps([p for p in os.listdir('/proc') if p.isdigit()]))"
    outcome = sandbox().run(["python3", "-c", script])
    assert len(json.loads(outcome.stdout)) <= 3


@pytest.mark.parametrize("name", ["wall", "cpu", "memory", "processes", "output", "disk", "files"])
def test_a_limit_that_nothing_could_keep_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match=f"{name}=0"):
        Limits(**{name: 0})


@needs_elixir[2]
def test_the_toolchain_needs_no_socket_but_those_of_the_machine_itself() -> None:
    code = """
    ExUnit.start()
    defmodule T do
      use ExUnit.Case, async: true
      import ExUnit.{CaptureIO, CaptureLog}
      require Logger
      @tag :tmp_dir
      test "of all that it brings", %{tmp_dir: folder} do
        assert capture_log(fn -> Logger.error("logged") end) =~ "logged"
        assert capture_io(fn -> IO.puts("said") end) == "said\\n"
        assert System.cmd("echo", ["run"]) == {"run\\n", 0}
        assert File.write(Path.join(folder, "file"), "") == :ok
        assert :inet.gethostname() == {:ok, ~c"nohost.nodomain"}
        assert {:ok, _} = :gen_tcp.listen(0, ifaddr: {:local, "socket"})
        assert :gen_tcp.listen(0, []) == {:error, :eafnosupport}
      end
    end
    """
    outcome = sandbox().run(["elixir", "-e", code])
    assert "1 test, 0 failures" in outcome.stdout, outcome.stdout
