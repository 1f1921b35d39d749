"""The documentation is held to the code: commands, options, keys, reasons, links, examples."""

import ast
import re
import shlex
import tomllib
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from importlib import import_module
from pathlib import Path
from typing import Any, get_args, get_type_hints

import click
import pytest
import yaml
from typer.main import get_command

import corpus.__main__
import datacards.__main__
import demo.__main__
import elixir_corpus.__main__
import quality.__main__
import train.chat
import train.evaluate.__main__
import train.export.__main__
import train.plan
import train.report.__main__
from corpus.configuration import BuildConfig
from corpus.reasons import Reason, Stage
from crawler import settings
from crawler.arguments import ARGUMENTS, DEFAULTS
from crawler.github import order
from tests.project import PACKAGES, PROJECT
from train.command_line import Parser, add_recipe_options, add_run_options, dashed

PAGES = {
    path.relative_to(PROJECT).as_posix(): path.read_text(encoding="utf-8")
    for path in (
        *(PROJECT / name for name in ("README.md", "CONTRIBUTING.md", "SECURITY.md")),
        *sorted((PROJECT / "docs").rglob("*.md")),
    )
}
PROJECT_VERSION = tomllib.loads((PROJECT / "pyproject.toml").read_text(encoding="utf-8"))[
    "project"
]["version"]
BUILD = PAGES["docs/how-to/build.md"]
CRAWL = PAGES["docs/how-to/crawl.md"]
CRAWL_GITHUB = PAGES["docs/how-to/crawl-github.md"]

CONSOLE: Any = get_command(elixir_corpus.__main__.app)
TREES: dict[str, Any] = {
    "corpus": get_command(corpus.__main__.app),
    "datacards": get_command(datacards.__main__.app),
    "demo": get_command(demo.__main__.app),
    "quality": get_command(quality.__main__.app),
}
SINGLE: dict[str, Any] = {
    "train.chat": get_command(train.chat.app),
    "train.evaluate": get_command(train.evaluate.__main__.app),
    "train.export": get_command(train.export.__main__.app),
    "train.report": get_command(train.report.__main__.app),
}


def groups_of(tree: Any) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the groups of commands in a tree: their name as it is written, and their commands."""
    for name, command in tree.commands.items():
        if hasattr(command, "commands"):
            yield f"{name} ", command.commands


COMMANDS: dict[str, Any] = {
    f"python -m {package} {group}{name}": command
    for package, tree in TREES.items()
    for group, commands in [("", tree.commands), *groups_of(tree)]
    for name, command in commands.items()
} | {f"python -m {name}": command for name, command in SINGLE.items()}
WITH_RECIPES = {
    "train.plan": train.plan.add_plan_options,
    "train.qlora": add_run_options,
}
"""What adds the options of a command that takes those of a recipe besides."""

FENCE = re.compile(r"^```\w*\n(.*?)^```$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\[[^\]]+\]\((?!https?:)([^)#]+)(?:#[^)]*)?\)")


def options_of(command: Any) -> Iterator[str]:
    """Yield the long names of a command's options."""
    for parameter in command.params:
        if parameter.param_type_name == "option":
            yield from (name for name in parameter.opts if name.startswith("--"))


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_is_documented_with_all_its_options(name: str) -> None:
    pages = [text for text in PAGES.values() if name in text]
    assert pages, f"no page mentions `{name}`"
    everywhere = ("--help", "--version")
    options = [option for option in options_of(COMMANDS[name]) if option not in everywhere]
    missing = [
        option
        for option in options
        if not any(f"{option}`" in text or f"{option}\n" in text for text in pages)
    ]
    assert missing == []


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_explains_itself_with_an_example(name: str) -> None:
    command = COMMANDS[name]
    assert command.help
    assert f"`{name} " in command.epilog


def test_every_argument_and_setting_of_the_spiders_is_documented() -> None:
    assert [name for name in ARGUMENTS if f"`{name}=" not in CRAWL] == []
    assert [name for name in DEFAULTS if f"`{name}`" not in CRAWL] == []
    assert [name for name in order.ARGUMENTS if f"`{name}=" not in CRAWL_GITHUB] == []
    assert [name for name in order.DEFAULTS if f"`{name}`" not in CRAWL_GITHUB] == []
    ours = [name for name in vars(settings) if name.startswith(("RATE_LIMIT_", "RETRY_", "GONE_"))]
    assert [name for name in ours if f"`{name}`" not in CRAWL] == ["RETRY_ENABLED"]


def keys_of(model: type, prefix: str = "") -> Iterator[tuple[str, str]]:
    """Yield each key of a configuration with the table that it stands in."""
    hints = get_type_hints(model)
    for field in fields(model):
        if is_dataclass(hints[field.name]):
            yield from keys_of(hints[field.name], f"{prefix}{field.name}.")
        elif row := next(filter(is_dataclass, get_args(hints[field.name])), None):
            assert isinstance(row, type)
            yield from keys_of(row, f"{prefix}{field.name}.")
        else:
            yield prefix.removesuffix("."), field.name


def test_every_key_of_the_configuration_is_documented() -> None:
    sections = re.split(r"\*\*`\[([\w.]+)\]`\*\*", BUILD)
    documented = dict(zip(sections[1::2], sections[2::2], strict=True))
    missing = [
        f"{table}.{key}"
        for table, key in keys_of(BuildConfig)
        if f"`{key}`" not in documented.get(table, "")
    ]
    assert missing == []


def test_no_key_is_documented_that_does_not_exist() -> None:
    sections = re.findall(r"\*\*`\[([\w.]+)\]`\*\*", BUILD)
    assert set(sections) - {"ingest"} == {table for table, _ in keys_of(BuildConfig)} - {"ingest"}


def test_every_reason_is_documented_with_its_stage() -> None:
    assert [reason for reason in Reason if f"`{reason}`" not in BUILD] == []
    assert [stage for stage in Stage if f"`{stage}`" not in BUILD] == []


@pytest.mark.parametrize("page", PAGES)
def test_relative_links_lead_somewhere(page: str) -> None:
    folder = (PROJECT / page).parent
    assert [link for link in LINK.findall(PAGES[page]) if not (folder / link).exists()] == []


def named_paths(text: str) -> list[str]:
    """Return every path below one of the project's folders that a text names; patterns too."""
    tops = "|".join((*PACKAGES, "benchmarks", "tests"))
    return re.findall(rf"(?<![\w/.-])(?:{tops})(?:/[\w*.-]*[\w*])+", text)


@pytest.mark.parametrize("script", ["Makefile", ".ci/run", ".ci/pythons"])
def test_every_path_that_a_script_names_exists(script: str) -> None:
    text = (PROJECT / script).read_text(encoding="utf-8")
    assert [path for path in named_paths(text) if not any(PROJECT.glob(path))] == []


# CONTRIBUTING names files that its recipes make; tests/test_contributing.py makes them.
@pytest.mark.parametrize("page", [page for page in PAGES if page != "CONTRIBUTING.md"])
def test_every_source_file_that_a_page_names_exists(page: str) -> None:
    files = [path for path in named_paths(PAGES[page]) if path.endswith(".py")]
    assert [path for path in files if not any(PROJECT.glob(path))] == []


def test_the_changelog_has_the_sections_of_keep_a_changelog() -> None:
    text = (PROJECT / "CHANGELOG.md").read_text(encoding="utf-8")
    versions = re.findall(r"^## (.+)$", text, re.MULTILINE)
    assert versions[0] == "Unreleased"
    assert all(re.fullmatch(r"\d+\.\d+\.\d+ - \d{4}-\d\d-\d\d", each) for each in versions[1:])
    assert f"## {PROJECT_VERSION} - " in text
    kinds = {"Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"}
    assert set(re.findall(r"^### (.+)$", text, re.MULTILINE)) <= kinds


def test_the_citation_names_the_version() -> None:
    citation = yaml.safe_load((PROJECT / "CITATION.cff").read_text(encoding="utf-8"))
    assert citation["version"] == PROJECT_VERSION
    assert citation["license"] == "Apache-2.0"
    assert {"cff-version", "message", "title", "authors"} <= set(citation)


def test_issue_forms_ask_for_what_is_needed() -> None:
    folder = PROJECT / ".github" / "ISSUE_TEMPLATE"
    forms = {
        path.stem: yaml.safe_load(path.read_text(encoding="utf-8"))
        for path in folder.glob("*.yml")
        if path.stem != "config"
    }
    assert sorted(forms) == ["bug", "data", "idea", "opt_out"]
    for form in forms.values():
        assert {"name", "description", "body"} <= set(form)
        asked = [field for field in form["body"] if field["type"] != "markdown"]
        assert all(field["id"] and field["attributes"]["label"] for field in asked)
        assert any(field.get("validations", {}).get("required") for field in asked)


def test_every_page_can_be_reached_from_the_readme() -> None:
    reached, waiting = set(), ["README.md"]
    while waiting:
        page = waiting.pop()
        reached.add(page)
        links = [(PROJECT / page).parent / link for link in LINK.findall(PAGES[page])]
        named = (link.resolve().relative_to(PROJECT.resolve()).as_posix() for link in links)
        waiting += [name for name in named if name in PAGES and name not in reached]
    assert sorted(set(PAGES) - reached) == []


def test_everything_on_the_api_page_exists() -> None:
    names = re.findall(r"^::: (.+)$", PAGES["docs/api.md"], re.MULTILINE)
    assert "corpus.release.Release" in names
    missing = []
    for name in names:
        module, _, attribute = name.rpartition(".")
        found = getattr(import_module(module), attribute, None)
        if found is None or not found.__doc__:
            missing.append(name)
    assert missing == []


def said(source: Path) -> Iterator[str]:
    """Yield the strings of a module that a user may see: all but docstrings."""
    tree = ast.parse(source.read_text(encoding="utf-8"))
    beside = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if (
            isinstance(node, ast.Constant)
            and isinstance(node.value, str)
            and id(node) not in beside
        ):
            yield node.value


def test_no_message_points_to_a_page_that_is_not_installed() -> None:
    files = [path for name in PACKAGES for path in (PROJECT / name).rglob("*.py")]
    pointing = [(path.name, text) for path in files for text in said(path) if "docs/" in text]
    assert [(name, text) for name, text in pointing if ".md" in text] == []


def examples() -> list[tuple[str, str]]:
    """Return every command line in a fenced block, with its page."""
    return [
        (page, line.removeprefix("$ "))
        for page, text in PAGES.items()
        for block in FENCE.findall(text)
        for line in block.splitlines()
        if re.match(r"(?:\$ )?(?:\.venv/bin/)?(?:python -m|make|scrapy|elixir-corpus) ", line)
    ]


def test_there_are_examples() -> None:
    assert ("README.md", "make demo") in examples()
    assert len(examples()) > 20


@pytest.mark.parametrize(("page", "line"), examples())
def test_an_example_would_run(page: str, line: str) -> None:
    program, *arguments = shlex.split(line.removeprefix(".venv/bin/"))
    if program == "make":
        makefile = (PROJECT / "Makefile").read_text(encoding="utf-8")
        assert re.search(rf"^{arguments[0]}:", makefile, re.MULTILINE)
    elif program == "elixir-corpus":
        parse(CONSOLE, arguments)
    elif program == "scrapy":
        assert arguments[0] == "crawl"
        known = {"hex": ARGUMENTS, "github": order.ARGUMENTS}[arguments[1]]
        given = [arguments[n + 1] for n, word in enumerate(arguments) if word == "-a"]
        assert {each.split("=")[0] for each in given} <= set(known)
    elif arguments[1] in TREES:
        parse(TREES[arguments[1]], arguments[2:])
    elif arguments[1] in SINGLE:
        SINGLE[arguments[1]].make_context("example", arguments[2:])
    elif arguments[1] in WITH_RECIPES:
        parse_recipe(arguments[1], arguments[2:])
    else:
        module = PROJECT / Path(*arguments[1].split("."))
        assert module.with_suffix(".py").exists() or (module / "__main__.py").exists()


def parse(tree: click.Group, arguments: list[str]) -> None:
    """Parse a command line as the program would. Raises click.UsageError."""
    with tree.make_context("example", [*arguments]) as context:
        _, command, rest = tree.resolve_command(context, arguments)
        assert command is not None
        command.make_context("example", rest)


def parse_recipe(name: str, arguments: list[str]) -> None:
    """Parse a command line that takes a recipe's options. Leaves with 2 if that cannot be done."""
    parser = Parser(name, "", "", "")
    WITH_RECIPES[name](parser)
    add_recipe_options(parser, arguments)
    parser.parse_args(dashed(arguments))
