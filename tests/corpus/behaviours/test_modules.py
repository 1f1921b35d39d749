"""The table of modules in a release: behaviours across packages, and processes."""

from pathlib import Path
from typing import Any

from corpus.build import build
from corpus.configuration import BuildConfig
from corpus.executor import Serial
from corpus.packages import Requirement
from corpus.release import Release
from corpus.store import ArchiveStore
from quality.gate import judge
from quality.verdict import Outcome
from tests.stores import MIT, add

PLUG = b"""\
defmodule Plug do
  @callback call(conn :: map, opts :: term) :: map
end

defmodule Plug.Builder do
  defmacro __using__(_opts) do
    quote do
      @behaviour Plug
      @before_compile Plug.Builder
    end
  end

  defmacro __before_compile__(_env), do: quote(do: def(call(conn, _opts), do: conn))
end
"""
OLD_PLUG = b"""\
defmodule Plug.Builder do
  defmacro __using__(_opts), do: quote(do: @behaviour(Plug.Old))
end
"""
SHOP = b"""\
defmodule Shop.Router do
  use Plug.Builder
  use Absent.Thing
end

defmodule Shop.Supervisor do
  use Supervisor

  def init(_argument) do
    children = [{Registry, keys: :unique, name: Shop.Registry}, Shop.Cart]
    Supervisor.init(children, strategy: :one_for_all, max_restarts: 2)
  end
end
"""
TEST = b"""\
defmodule Plug.Builder do
  defmacro __using__(_opts), do: quote(do: @behaviour(Plug.InATest))
end
"""


def built(tmp_path: Path, requirement: str) -> Release:
    store = ArchiveStore(tmp_path / "archives")
    needs = (Requirement("plug", requirement, optional=False),)
    files = {"LICENSE": MIT, "lib/shop.ex": SHOP, "test/support/plug.ex": b"# nothing\n"}
    add(store, "shop", files, requirements=needs)
    files = {"LICENSE": MIT, "test/plug_test.exs": TEST, "lib/plug.ex": PLUG}
    add(store, "plug", files, version="1.2.0")
    add(store, "plug", {"LICENSE": MIT, "lib/plug.ex": OLD_PLUG}, version="0.9.0")
    return build(store, tmp_path / "out", BuildConfig(), Serial())


def modules(release: Release) -> dict[str, dict[str, Any]]:
    return {
        row["module"]: row
        for row in release.read("modules").to_pylist()
        if row["package"] == "shop"
    }


def told(row: dict[str, Any]) -> list[tuple[object, ...]]:
    return [tuple(each.values()) for each in row["behaviours"]]


def test_behaviours_are_followed_into_the_version_that_is_required(tmp_path: Path) -> None:
    release = built(tmp_path, "~> 1.0")
    router = modules(release)["Shop.Router"]
    assert told(router) == [("Plug", "cross_package", 1.0, "Plug.Builder")]
    assert [tuple(each.values()) for each in router["uses"]] == [
        ("Absent.Thing", "direct", False, "absent"),
        ("Plug.Builder", "direct", True, None),
    ]
    checks = [check for check in judge(release).checks if check.name.startswith("modules.")]
    assert {check.outcome for check in checks} == {Outcome.PASSED}


def test_another_version_is_another_behaviour(tmp_path: Path) -> None:
    assert told(modules(built(tmp_path, "== 0.9.0"))["Shop.Router"]) == [
        ("Plug.Old", "cross_package", 1.0, "Plug.Builder")
    ]


def test_processes_are_columns_of_the_module(tmp_path: Path) -> None:
    row = modules(built(tmp_path, "~> 1.0"))["Shop.Supervisor"]
    assert told(row) == [("Supervisor", "table", 1.0, "Supervisor")]
    assert row["starts"] == [{"name": "Registry", "how": "child", "function": "init/1", "line": 10}]
    (supervisor,) = row["supervisors"]
    children = supervisor.pop("children")
    assert [(child["module"], child["line"]) for child in children] == [
        ("Registry", 10),
        ("Shop.Cart", 10),
    ]
    assert supervisor == {
        "function": "init/1",
        "line": 11,
        "strategy": "one_for_all",
        "max_restarts": 2,
        "max_seconds": None,
        "is_complete": True,
    }
