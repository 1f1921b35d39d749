import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from corpus.inspect import OtherLanguage, UnreadableFile, inspect, inspect_bytes
from corpus.parsing import NestedTooDeeply

ELIXIR = b"""defmodule Shop.Cart do
  @moduledoc "A cart."
  use GenServer
  alias Shop.Priced
  @behaviour Priced

  @doc "Adds."
  @spec add(t, integer) :: t
  @impl Priced
  def add(cart, item \\\\ 1) when item > 0 do
    [item | cart]
  end

  @doc false
  def add(cart, _), do: cart
end
"""


def test_an_elixir_file_becomes_the_documented_object(tmp_path: Path) -> None:
    path = tmp_path / "cart.ex"
    path.write_bytes(ELIXIR)
    assert inspect(path) == {
        "path": str(path),
        "language": "elixir",
        "parse_errors": 0,
        "modules": [
            {
                "name": "Shop.Cart",
                "kind": "defmodule",
                "start_line": 1,
                "end_line": 16,
                "moduledoc": "string",
                "uses": ["GenServer"],
                "behaviours": ["GenServer", "Shop.Priced"],
            }
        ],
        "functions": [
            {
                "module": "Shop.Cart",
                "name": "add",
                "arity": 2,
                "defaults": 1,
                "kind": "def",
                "clauses": [[10, 12], [15, 15]],
                "doc": "hidden",
                "specs": 1,
                "impl": "Shop.Priced",
                "branch": None,
            }
        ],
    }


def test_an_erlang_file_has_the_same_shape() -> None:
    found = inspect_bytes(Path("a.erl"), b"-module(a).\n-behaviour(gen_server).\nf(X) -> X.\n")
    assert (found["language"], found["parse_errors"]) == ("erlang", 0)
    assert found["modules"] == [
        {
            "name": "a",
            "kind": "module",
            "start_line": 1,
            "end_line": 3,
            "moduledoc": None,
            "uses": [],
            "behaviours": ["gen_server"],
        }
    ]
    assert found["functions"][0]["clauses"] == [[3, 3]]


def test_the_object_is_json() -> None:
    found = inspect_bytes(Path("cart.exs"), ELIXIR)
    assert json.loads(json.dumps(found)) == found


def test_a_file_of_another_language_is_refused() -> None:
    with pytest.raises(OtherLanguage, match=r"only .ex, .exs, .erl, .hrl files can be read"):
        inspect_bytes(Path("notes.md"), b"")


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UnreadableFile, match="No such file or directory"):
        inspect(tmp_path / "missing.ex")


def test_nesting_by_a_machine_is_refused() -> None:
    with pytest.raises(NestedTooDeeply):
        inspect_bytes(Path("deep.ex"), b"[" * 100_000)


def test_a_folder_or_a_pipe_is_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.ex")
    for path in (tmp_path, tmp_path / "pipe.ex"):
        with pytest.raises(UnreadableFile, match="not a file"):
            inspect(path)


def test_a_reader_that_leaves_early_is_no_error(tmp_path: Path) -> None:
    (tmp_path / "a.ex").write_text("defmodule A do\nend\n")
    files = " ".join([str(tmp_path / "a.ex")] * 500)
    command = f"{sys.executable} -m corpus inspect {files} | head -n 1"
    done = subprocess.run(command, shell=True, capture_output=True, text=True, check=False)
    assert done.stdout.startswith('{"path"')
    assert done.stderr == ""


def test_files_are_decoded_as_for_a_build(tmp_path: Path) -> None:
    path = tmp_path / "a.erl"
    path.write_bytes(b"%% coding: latin-1\n-module(a).\ncaf\xe9() -> 1.\n")
    found = inspect(path)
    assert (found["functions"][0]["name"], found["parse_errors"]) == ("café", 0)
    path.write_bytes(b"-module(a).\ncaf\xe9() -> 1.\n")
    with pytest.raises(UnreadableFile, match="not_utf8: byte 0xe9 at 15; save it in UTF-8"):
        inspect(path)


def run_inspect(*arguments: str, given: bytes = b"") -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "corpus", "inspect", *arguments]
    done = subprocess.run(command, input=given, capture_output=True, check=False)
    return subprocess.CompletedProcess(
        command, done.returncode, done.stdout.decode(), done.stderr.decode()
    )


def test_a_folder_is_read_with_all_source_files_below_it(tmp_path: Path) -> None:
    for name in ("lib/b.ex", "lib/a/a.erl", "deps/x/x.ex", ".git/y.ex", "README.md", "mix.exs"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b"")
    (tmp_path / "lib" / "loop").symlink_to(tmp_path)
    done = run_inspect(str(tmp_path))
    paths = [json.loads(line)["path"] for line in done.stdout.splitlines()]
    assert paths == [str(tmp_path / name) for name in ("mix.exs", "lib/b.ex", "lib/a/a.erl")]
    assert done.returncode == 0


def test_a_folder_without_source_is_named(tmp_path: Path) -> None:
    (tmp_path / "README.md").write_bytes(b"")
    done = run_inspect(str(tmp_path))
    assert (done.returncode, done.stdout) == (0, "")
    assert done.stderr == f"note: {tmp_path}: no file below it is Elixir or Erlang source\n"


def test_standard_input_is_read_under_a_name(tmp_path: Path) -> None:
    elixir = json.loads(run_inspect("-", given=ELIXIR).stdout)
    assert (elixir["path"], elixir["modules"][0]["name"]) == ("stdin.ex", "Shop.Cart")
    erlang = run_inspect("-", "--name", "a.erl", given=b"-module(a).\nf() -> ok.\n")
    assert json.loads(erlang.stdout)["language"] == "erlang"


STUCK = """
import os, signal
import corpus.elixir

extract = corpus.elixir.extract

def extract_or_take_too_long(text):
    if b"hostile" in text:
        os.kill(os.getpid(), signal.SIGPROF)  # as the kernel does
    return extract(text)

corpus.elixir.extract = extract_or_take_too_long
"""


def test_a_file_over_its_budget_is_told_and_the_next_one_read(tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text(STUCK)
    bad, good = tmp_path / "bad.ex", tmp_path / "good.ex"
    bad.write_text("hostile\n")
    good.write_text("defmodule A do\nend\n")
    done = subprocess.run(
        [sys.executable, "-m", "corpus", "inspect", str(bad), str(good)],
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    told = "reading it took more than 10 s of processor time; only hostile input does that: leave"
    assert told in done.stderr.replace("\n", " ")
    assert [json.loads(line)["path"] for line in done.stdout.splitlines()] == [str(good)]
