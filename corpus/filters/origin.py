"""Filters that ask where a file comes from: is it source code, and is it this package's own?"""

import re

from corpus.filters.verdict import Candidate, Limits
from corpus.reasons import Reason, Reject, Stage
from corpus.source import CODE_FOLDERS, TEST_FOLDERS
from corpus.untrusted import quoted

FOREIGN_FOLDERS = frozenset({"node_modules", "_build", "_checkouts", ".elixir_ls", "__MACOSX"})
"""Folders that tools fill (npm, Mix, rebar3, ElixirLS, macOS), wherever they stand."""

DEPENDENCY_FOLDERS = frozenset({"deps", "vendor", "third_party"})
"""Folders for other people's code, but only where a project's root can stand."""

VENDORED_HEAD = re.compile(rb"%% Vendored from \w+ v[^\n]+, do not edit manually")
"""First line of the copies that hex_core's vendor script makes (rebar3, Hex and others)."""


def not_source_code(candidate: Candidate, limits: Limits) -> Reject | None:
    """Anything that is not a module, a script or a template of the ecosystem."""
    if candidate.language is None:
        return Reject(Stage.FILTER, Reason.NOT_SOURCE_CODE, candidate.path.rpartition("/")[2])
    return None


def vendored(candidate: Candidate, limits: Limits) -> Reject | None:
    """Other people's code: it belongs to its own package, under its own licence."""
    if folder := foreign_folder(candidate.path):
        return Reject(Stage.FILTER, Reason.VENDORED, folder)
    if candidate.raw.startswith(b"%% V") and (head := VENDORED_HEAD.match(candidate.raw)):
        return Reject(
            Stage.FILTER, Reason.VENDORED, quoted(head[0].decode("utf-8", "replace"), 200)
        )
    return None


def foreign_folder(path: str) -> str | None:
    """Return the path of the folder that makes a file foreign, if one does.

    `lib/shop/vendor/invoice.ex` is about vendors and `apps/deps/mix.exs` is an umbrella's
    application named deps: a dependency folder stands at the root of a package or of a project
    inside it, so never inside a folder of code, and never as the name of an application.
    """
    folders = path.split("/")[:-1]
    for depth, folder in enumerate(folders):
        above = folders[:depth]
        if folder in FOREIGN_FOLDERS or (folder in DEPENDENCY_FOLDERS and holds_projects(above)):
            return "/".join(folders[: depth + 1])
    return None


def holds_projects(above: list[str]) -> bool:
    """Tell whether the folder at `above` can be the root of a project."""
    if above[-1:] == ["apps"]:
        return False
    return CODE_FOLDERS.isdisjoint(above) and TEST_FOLDERS.isdisjoint(above)
