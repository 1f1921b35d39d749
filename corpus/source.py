"""The language and the role of a source file, and whether it is vendored, from its path."""

import re
from typing import Final

MOST_ARGUMENTS: Final = 255
"""Maximum number of arguments of a function (Erlang's Efficiency Guide, system limits)."""

LANGUAGES = {
    ".ex": "elixir",
    ".exs": "elixir",
    ".erl": "erlang",
    ".hrl": "erlang",
    ".escript": "erlang",
    ".heex": "heex",
    ".leex": "eex",
    ".eex": "eex",
    ".gleam": "gleam",
    ".md": "markdown",
    ".markdown": "markdown",
    ".livemd": "livemd",
}
"""Language by suffix. Terms (`.app.src`, `rebar.config`, `mix.lock`) and grammars (`.xrl`,
`.yrl`) are read by Erlang's tools, but they are not Erlang modules."""

PROSE = frozenset({"markdown", "livemd"})
"""Languages of guides: texts for people, with code in them."""

CODE_FOLDERS = frozenset({"lib", "src", "include", "web"})
"""Folders that hold a project's own code: what lies below one is named by its author."""
TEST_FOLDERS = frozenset(
    ("test", "tests", "integration_test", "integration_tests", "property_test", "e2e", "eqc")
)
"""`eqc` holds properties for QuickCheck (riak_kv, riak_pb), `property_test` OTP's."""
FOREIGN_FOLDERS = frozenset({"node_modules", "_build", "_checkouts", ".elixir_ls", "__MACOSX"})
"""Folders that tools create (npm, Mix, rebar3, ElixirLS, macOS), at any place."""

DEPENDENCY_FOLDERS = frozenset({"deps", "vendor", "third_party"})
"""Folders for vendored code, but only at a possible root of a project."""
SIDE_ROLES = (
    dict.fromkeys(("example", "examples", "sample", "samples", "demo", "demos"), "example")
    | dict.fromkeys(("guide", "guides", "tutorial", "tutorials", "playground"), "example")
    | dict.fromkeys(("livebooks", "notebooks"), "example")
    | dict.fromkeys(("bench", "benches", "benchmark", "benchmarks"), "benchmark")
    | dict.fromkeys(("perf", "performance"), "benchmark")
    | dict.fromkeys(("script", "scripts", "tool", "tools", "bin", "rel", "priv"), "script")
    | dict.fromkeys(("docs", ".github", ".circleci", ".gitlab"), "script")
)
"""Role by folder, for code that stands beside a project and is no part of what it compiles."""
ROLES = (
    "library",
    "test",
    "script",
    "example",
    "benchmark",
    "config",
    "migration",
    "template",
    "guide",
)
"""The closed list of roles of a file in its package."""

TEMPLATES = re.compile(r"(?:^|/)priv/templates/")
CODE_TEMPLATE = re.compile(r"(?:^|/)(?:priv|installer)/templates/.+\.exs?$")
TEST_NAME = re.compile(
    r"(?:_test\.exs|_spec\.exs|/test_helper\.exs|_SUITE\.erl|_tests\.erl|_SUITE\.hrl)$"
)
CONFIG_NAME = re.compile(r"/(?:mix\.exs|\.[^/]+\.exs)$|^(?:.*/)?config/.+\.exs$")
MIGRATION = re.compile(r"(?:^|/)priv/(?:.+/)?[a-z_]*migrations/.+\.exs$")


def language_of(path: str) -> str | None:
    """Return the language, one of LANGUAGES' values, or None where the suffix is none of them.

    Generators keep their templates as `priv/templates/NAME.ex` (Phoenix): those are EEx.
    """
    if "/templates/" in path and CODE_TEMPLATE.search(path):
        return "eex"
    stem, dot, suffix = path.rpartition("/")[2].rpartition(".")
    return LANGUAGES.get(dot + suffix) if stem else None


def role_of(path: str, language: str) -> str:
    """Return the role of a file, one of ROLES.

    A test, a project's file or a migration is that wherever it stands, in an example too.
    """
    if language in ("heex", "eex") or TEMPLATES.search(path):
        return "template"
    rooted = f"/{path}"
    if is_test(rooted):
        return "test"
    if language in PROSE:
        return "guide"
    if MIGRATION.search(path):
        return "migration"
    if CONFIG_NAME.search(rooted):
        return "config"
    if beside := side_role(path):
        return beside
    return "script" if path.endswith((".exs", ".escript")) else "library"


def side_role(path: str) -> str | None:
    """Return the role that a folder beside the project's code gives, None if none does.

    As with tests, a folder below `lib` or `src` is the library's own (lib/shop/examples/cart.ex),
    except for scripts, which no library is compiled from (lib/ex_unit/examples/one_of_each.exs).
    An application of an umbrella may have any name (apps/tools/lib/tools.ex).
    """
    folders = path.lower().split("/")[:-1]
    scripts = path.endswith((".exs", ".escript"))
    for depth, folder in enumerate(folders):
        if folder in CODE_FOLDERS and not scripts:
            return None
        if folder in SIDE_ROLES and folders[depth - 1 : depth] != ["apps"]:
            return SIDE_ROLES[folder]
    return None


def is_test(path: str) -> bool:
    """Return whether a path belongs to a test suite.

    A test folder below `lib` or `src` holds a library's own modules
    (lib/phoenix/test/conn_test.ex), except for scripts, which no library is compiled from
    (lib/mix/test/mix_test.exs).
    """
    if TEST_NAME.search(path):
        return True
    folders = path.split("/")[:-1]
    before = next((n for n, folder in enumerate(folders) if folder in TEST_FOLDERS), None)
    if before is None:
        return False
    return path.endswith(".exs") or CODE_FOLDERS.isdisjoint(folders[:before])


def foreign_folder(path: str) -> str | None:
    """Return the path of the vendor folder that contains a file, or None.

    `lib/shop/vendor/invoice.ex` is about vendors, and `apps/deps/mix.exs` is an umbrella's
    application named deps. A dependency folder is at the root of a package or of a project inside
    it, so it is never inside a folder of code, and never the name of an application.
    """
    folders = path.split("/")[:-1]
    for depth, folder in enumerate(folders):
        above = folders[:depth]
        if folder in FOREIGN_FOLDERS or (folder in DEPENDENCY_FOLDERS and holds_projects(above)):
            return "/".join(folders[: depth + 1])
    return None


def holds_projects(above: list[str]) -> bool:
    """Return whether the folder at `above` can be the root of a project."""
    if above[-1:] == ["apps"]:
        return False
    return CODE_FOLDERS.isdisjoint(above) and TEST_FOLDERS.isdisjoint(above)
