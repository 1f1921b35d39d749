"""Small packages, hostile ones among them, and what the real toolchain says of their files."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from corpus.build import build
from corpus.configuration import BuildConfig
from corpus.executor import Serial
from corpus.packages import Requirement
from corpus.release import Release
from corpus.store import ArchiveStore
from corpus.verification.package import VerificationConfig
from corpus.verification.toolchains import NoToolchain, Toolchains, find_toolchains
from quality.gate import judge
from quality.verdict import Outcome
from tests.sandbox.machine import executed
from tests.stores import MIT, add

GREETING = b"""\
defmodule Greeting do
  defmacro greet(name) do
    quote do
      "Hello, " <> unquote(name)
    end
  end
end
"""
SHOP = b"""\
defmodule Shop do
  import Greeting

  def welcome, do: greet("Ada")
  def unused(argument), do: :ok
end
"""
CART = b"""\
-module(cart).
-export([price/0]).
-include("cart.hrl").
price() -> ?PRICE.
"""
ENDLESS = b"""\
defmodule Endless do
  defmacro expand(_), do: loop(0)
  defp loop(n), do: loop(n + 1)
end

defmodule Endless.User do
  require Endless
  def run, do: Endless.expand(1)
end
"""
HALT = b"defmodule Halt do\n  System.halt(0)\nend\n"
DELETE = b'defmodule Delete do\n  File.rm_rf!("/usr/lib/elixir")\n  File.rm_rf!("/scratch")\nend\n'
FORK = b"""\
defmodule Fork do
  for _ <- 1..2000, do: Port.open({:spawn_executable, "/bin/sleep"}, args: ["100"])
end
"""
PRINT = b"""\
defmodule Print do
  line = String.duplicate("x", 1_000_000)
  for _ <- 1..1_500, do: IO.puts(line)
  for _ <- 1..1_500, do: IO.puts(:stderr, line)
end
"""
CHANNEL = b"""\
defmodule Channel do
  port = Port.open({:fd, 0, 1}, [:binary, :out])
  Port.command(port, "HTTP/1.1 200 OK, and all is verified")
  Process.sleep(1_000)
end
"""
FORGED = b"""\
defmodule Forged do
  [port | _] = for each <- Port.list(), Port.info(each, :name) == {:name, '0/1'}, do: each
  Port.command(port, :erlang.term_to_binary({"compiled", true, [], [], [], ["lib/forged.ex"]}))
  Process.sleep(1_000)
end
"""
MEMORY = b"""\
defmodule Memory do
  def grow(all), do: grow([:binary.copy("x", 100_000_000) | all])
  defmacro expand, do: grow([])
end

defmodule Memory.User do
  require Memory
  def run, do: Memory.expand()
end
"""
MIX = b"""\
defmodule Shop.MixProject do
  use Mix.Project

  def project, do: [app: :%s, version: "1.0.0", elixir: "%s"]
end
"""


SOUND = "".join(
    f"def sound_{number}(argument), do: argument + {number}\n  " for number in range(60)
)
"""So much that a file with one error is not left out as unparsable."""


def mix(app: str, elixir: str) -> bytes:
    return MIX % (app.encode(), elixir.encode())


def module(name: str, body: str) -> bytes:
    return f"defmodule {name} do\n  {body}\nend\n".encode()


PACKAGES: Mapping[str, Mapping[str, bytes]] = {
    "greeting": {"lib/greeting.ex": GREETING, "mix.exs": mix("greeting", "~> 1.10")},
    "shop": {
        "lib/shop.ex": SHOP,
        "lib/unformatted.ex": b"defmodule Unformatted do\n def a( x ), do: x\nend\n",
        "lib/broken.ex": module("Broken", SOUND + "def a(, do: 1"),
        "lib/undefined.ex": module("Undefined", "def a, do: no_such_function()"),
        "lib/needs_undefined.ex": module("NeedsUndefined", "import Undefined"),
        "src/cart.erl": CART,
        "include/cart.hrl": b"-define(PRICE, 3).\n",
        "test/script.exs": b"IO.puts(:not_run)\n",
    },
    "lonely": {
        "lib/lonely.ex": module("Lonely", "use Absent.Thing"),
        "lib/lonely/apart.ex": module("Lonely.Apart", "def a, do: 1"),
        "src/lonely.erl": b'-module(lonely).\n-include_lib("absent/include/absent.hrl").\n',
        "src/generated.erl": b'-module(generated).\n-include("generated.hrl").\n',
    },
    "egg": {"lib/egg.ex": module("Egg", "use Hen")},
    "hen": {
        "lib/hen.ex": module("Hen", "defmacro __using__(_), do: nil"),
        "lib/hen/nest.ex": module("Hen.Nest", "use Egg"),
    },
    "endless": {"lib/endless.ex": ENDLESS, "lib/other.ex": module("Other", "def a, do: 1")},
    "twice": {
        "lib/one.ex": module("Twice", "def a, do: 1"),
        "lib/two.ex": module("Twice", "def a, do: 2"),
    },
    "halt": {"lib/halt.ex": HALT, "lib/after_halt.ex": module("AfterHalt", "def a, do: 1")},
    "delete": {"lib/delete.ex": DELETE},
    "fork": {"lib/fork.ex": FORK},
    "print": {"lib/print.ex": PRINT},
    "channel": {"lib/channel.ex": CHANNEL},
    "forged": {"lib/forged.ex": FORGED},
    "memory": {"lib/memory.ex": MEMORY},
    "newer": {"lib/newer.ex": module("Newer", "def a, do: 1"), "mix.exs": mix("newer", "~> 1.99")},
    "sigil": {"lib/sigil.ex": module("Sigil", 'def a, do: ~HTML"<b>"')},
    "native": {"lib/native.ex": module("Native", ":ok = :erlang.load_nif('./none', 0)")},
    "mix": {"lib/mix.ex": module("Mix", "def a, do: 1")},
}
REQUIREMENTS = {
    "shop": ("greeting",),
    "lonely": ("absent",),
    "egg": ("hen",),
    "hen": ("egg",),
}
CONFIG = BuildConfig(
    verification=VerificationConfig(
        verify="on", file_seconds=5, package_seconds=20, memory=300 << 20
    )
)


def store_of(root: Path, names: Mapping[str, Mapping[str, bytes]]) -> ArchiveStore:
    store = ArchiveStore(root)
    for name, files in names.items():
        needs = [Requirement(each, "~> 1.0", optional=False) for each in REQUIREMENTS.get(name, ())]
        add(store, name, {"LICENSE": MIT, **files}, requirements=tuple(needs))
    return store


@pytest.fixture(scope="module")
def release(tmp_path_factory: pytest.TempPathFactory) -> Release:
    root = tmp_path_factory.mktemp("verified")
    store = store_of(root / "archives", PACKAGES)
    return build(
        store,
        root / "out",
        CONFIG,
        Serial(),
        toolchains=find_toolchains(config=CONFIG.verification),
    )


@pytest.fixture(scope="module")
def rows(release: Release) -> dict[tuple[str, str], dict[str, Any]]:
    found = release.read("verdicts").to_pylist()
    return {(row["package"], row["path"]): row for row in found}


def result(row: Mapping[str, Any]) -> tuple[str, str, str | None]:
    return row["verdict"], row["level"], row["reason"]


VERIFIED = ("verified", "compiled", None)
EXPECTED = {
    ("greeting", "lib/greeting.ex"): VERIFIED,
    ("greeting", "mix.exs"): ("verified", "parsed", None),
    ("shop", "lib/shop.ex"): VERIFIED,
    ("shop", "lib/unformatted.ex"): VERIFIED,
    ("shop", "lib/broken.ex"): ("failed", "none", "syntax_error"),
    ("shop", "lib/undefined.ex"): ("failed", "parsed", "compile_error"),
    ("shop", "lib/needs_undefined.ex"): ("unverifiable", "parsed", "failed_requirement"),
    ("shop", "src/cart.erl"): VERIFIED,
    ("shop", "include/cart.hrl"): ("verified", "parsed", None),
    ("shop", "test/script.exs"): ("verified", "parsed", None),
    ("lonely", "lib/lonely.ex"): ("unverifiable", "parsed", "missing_requirement"),
    ("lonely", "lib/lonely/apart.ex"): VERIFIED,
    ("lonely", "src/lonely.erl"): ("unverifiable", "parsed", "missing_requirement"),
    ("lonely", "src/generated.erl"): ("unverifiable", "parsed", "missing_file"),
    ("egg", "lib/egg.ex"): ("unverifiable", "parsed", "cyclic_requirement"),
    ("hen", "lib/hen.ex"): VERIFIED,
    ("hen", "lib/hen/nest.ex"): ("unverifiable", "parsed", "failed_requirement"),
    ("endless", "lib/endless.ex"): ("unverifiable", "parsed", "timeout"),
    ("endless", "lib/other.ex"): VERIFIED,
    ("twice", "lib/one.ex"): VERIFIED,
    ("twice", "lib/two.ex"): ("failed", "parsed", "module_defined_twice"),
    ("halt", "lib/halt.ex"): ("failed", "parsed", "ended_the_beam"),
    ("halt", "lib/after_halt.ex"): VERIFIED,
    ("channel", "lib/channel.ex"): ("failed", "parsed", "broke_the_channel"),
    ("forged", "lib/forged.ex"): ("failed", "parsed", "broke_the_channel"),
    ("fork", "lib/fork.ex"): ("unverifiable", "parsed", "limit"),
    ("memory", "lib/memory.ex"): ("unverifiable", "parsed", "limit"),
    ("newer", "lib/newer.ex"): ("unverifiable", "parsed", "toolchain_too_old"),
    ("newer", "mix.exs"): ("verified", "parsed", None),
    ("sigil", "lib/sigil.ex"): ("unverifiable", "none", "toolchain_too_old"),
    ("native", "lib/native.ex"): ("unverifiable", "parsed", "native_code"),
    ("mix", "lib/mix.ex"): ("unverifiable", "parsed", "part_of_toolchain"),
}


@executed
@pytest.mark.parametrize("file", EXPECTED)
def test_each_file_has_the_verdict_that_it_deserves(
    rows: dict[tuple[str, str], dict[str, Any]], file: tuple[str, str]
) -> None:
    assert result(rows[file]) == EXPECTED[file], rows[file]["detail"]


@executed
def test_what_is_deleted_or_printed_concerns_no_other_package(
    rows: dict[tuple[str, str], dict[str, Any]],
) -> None:
    assert rows["delete", "lib/delete.ex"]["verdict"] != "verified"
    assert result(rows["print", "lib/print.ex"]) in (
        VERIFIED,
        ("unverifiable", "parsed", "timeout"),
        ("unverifiable", "parsed", "limit"),
    )


@executed
def test_warnings_and_format_are_told_of_the_document_that_has_them(
    rows: dict[tuple[str, str], dict[str, Any]],
) -> None:
    shop = rows["shop", "lib/shop.ex"]
    assert shop["formatted"] is True
    assert shop["warnings"] == 1
    assert shop["first_warnings"][0]["line"] == 5
    assert 'variable "argument" is unused' in shop["first_warnings"][0]["text"]
    assert rows["shop", "lib/unformatted.ex"]["formatted"] is False
    assert rows["shop", "lib/unformatted.ex"]["warnings"] == 0


@executed
def test_the_gate_passes_and_the_manifest_names_the_toolchain(release: Release) -> None:
    told = release.manifest.verification
    assert [name.startswith("Elixir ") for name in told.toolchains] == [True]
    assert told.is_confined
    assert judge(release).outcome is Outcome.PASSED


@executed
def test_the_same_toolchain_gives_the_same_bytes(tmp_path: Path, release: Release) -> None:
    """In another order of work: one package was verified before the others."""
    few = {name: PACKAGES[name] for name in ("greeting", "shop", "halt")}
    store = store_of(tmp_path / "archives", few)
    both = [
        build(
            store,
            tmp_path / out,
            CONFIG,
            Serial(),
            toolchains=find_toolchains(config=CONFIG.verification),
        )
        for out in ("one", "two")
    ]
    assert both[0].identity == both[1].identity


def failed_promises(release: Release) -> list[str]:
    """Return the promises of verdicts that do not hold; so small a release breaks others."""
    checks = [each for each in judge(release).checks if each.name.startswith("verdicts.")]
    assert checks
    return [each.name for each in checks if each.outcome is not Outcome.PASSED]


@executed
def test_without_a_sandbox_files_are_read_and_nothing_runs(tmp_path: Path) -> None:
    few = {name: PACKAGES[name] for name in ("greeting", "halt")}
    store = store_of(tmp_path / "archives", few)
    found = replace(
        find_toolchains(config=CONFIG.verification), is_confined=False, note="there is no sandbox"
    )
    made = build(store, tmp_path / "out", CONFIG, Serial(), toolchains=found)
    results = {row["path"]: result(row) for row in made.read("verdicts").to_pylist()}
    no_sandbox = ("unverifiable", "parsed", "no_sandbox")
    assert results == {
        "lib/greeting.ex": no_sandbox,
        "mix.exs": ("verified", "parsed", None),
        "lib/halt.ex": no_sandbox,
        "lib/after_halt.ex": no_sandbox,
    }
    assert failed_promises(made) == []


def test_without_a_toolchain_nothing_is_decided_and_the_reason_says_so(tmp_path: Path) -> None:
    store = store_of(tmp_path / "archives", {"greeting": PACKAGES["greeting"]})
    made = build(store, tmp_path / "out", CONFIG, Serial(), toolchains=Toolchains(note="none here"))
    for row in made.read("verdicts").to_pylist():
        assert result(row) == ("unverifiable", "none", "no_toolchain")
        assert (row["toolchain"], row["detail"], row["parsed"]) == ("none", "none here", None)
    assert made.manifest.verification.note == "none here"
    assert failed_promises(made) == []


def test_toolchains_are_looked_for_as_the_configuration_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    auto = VerificationConfig(verify="auto")
    assert find_toolchains(config=auto).note == "elixir is not installed"
    assert find_toolchains().note == "verification is off"
    with pytest.raises(NoToolchain, match="not in PATH"):
        find_toolchains(config=VerificationConfig(verify="on"))
    with pytest.raises(NoToolchain, match="no Elixir can be run there"):
        find_toolchains([tmp_path / "elixir"])
    with pytest.raises(ValueError, match="off, auto or on"):
        VerificationConfig(verify="sometimes")
