"""MkDocs hooks: pages of the site that are generated while it is built.

The command reference is made from the commands themselves, so it cannot differ from `--help`. The
pages in the root of the repository (README, CHANGELOG, ...) become pages of the site, with their
links rewritten.
"""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page
from typer.main import get_command

PROJECT = Path(__file__).parents[1]
sys.path.insert(0, str(PROJECT))  # MkDocs loads this file by its path

ROOT_PAGES = {
    "README.md": "index.md",
    "CHANGELOG.md": "changelog.md",
    "CONTRIBUTING.md": "contributing.md",
    "SECURITY.md": "security.md",
}
"""Pages in the root of the repository, with their names in the site."""

PROGRAM = "elixir-corpus"
ESCAPED = "\\|"
"""A bar inside a cell of a table."""


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the generated pages. MkDocs calls this once it knows the files of `docs/`."""
    pages = {name: root_page(source) for source, name in ROOT_PAGES.items()}
    pages["commands.md"] = command_reference()
    for name, text in pages.items():
        files.append(File.generated(config, name, content=text))
    return files


def on_page_markdown(markdown: str, page: Page, **_: Any) -> str:
    """Rewrite the links of a page in `docs/` that lead to a page in the root."""
    up = "../" * page.file.src_uri.count("/")
    for source, target in ROOT_PAGES.items():
        markdown = markdown.replace(f"]({up}../{source}", f"]({up}{target}")
    return markdown


def root_page(name: str) -> str:
    """Return a page of the root as a page of the site, with its links rewritten."""
    text = (PROJECT / name).read_text(encoding="utf-8")
    text = re.sub(r"(\]\(|src=\"|srcset=\")docs/", r"\1", text)
    for source, target in ROOT_PAGES.items():
        text = text.replace(f"]({source}", f"]({target}")
    return text


def command_reference() -> str:
    """Return the page that lists every command of `elixir-corpus` with its options."""
    from elixir_corpus.__main__ import app

    head = (
        "# Commands\n\n"
        "This page is generated from the commands. "
        f"`{PROGRAM} COMMAND --help` prints the same on a terminal.\n"
    )
    return "\n".join([head, *sections(get_command(app), PROGRAM)])


def sections(group: Any, name: str) -> Iterator[str]:
    """Yield one section for each command below a group, in the order of its help."""
    for word, command in group.commands.items():
        full = f"{name} {word}"
        if hasattr(command, "commands"):
            yield from sections(command, full)
        else:
            yield section(command, full)


def section(command: Any, name: str) -> str:
    """Return what a command's help says, as Markdown."""
    parts = [f"## {name}", prose(command.help or "")]
    if command.context_settings.get("ignore_unknown_options"):
        parts.append(f"```text\n{printed_help(name)}\n```")
    else:
        context = click.Context(command, info_name=name)
        usage = command.get_usage(context).removeprefix("Usage: ")
        parts += [f"```text\n{usage}\n```", table(command.get_params(context), context)]
    if command.epilog:
        parts.append(prose(command.epilog))
    return "\n\n".join(parts) + "\n"


def prose(text: str) -> str:
    """Return help as Markdown: its indentation is no code block."""
    return re.sub(r"^[ \t]+", "", text, flags=re.MULTILINE)


def table(parameters: list[Any], context: click.Context) -> str:
    """Return the arguments and options of a command as a Markdown table."""
    rows = ["| Argument or option | Meaning | Default |", "|---|---|---|"]
    for parameter in parameters:
        if "--help" in parameter.opts:
            continue
        if parameter.param_type_name == "argument":
            names = f"`{parameter.metavar or parameter.name.upper()}`"
        else:
            names = ", ".join(f"`{name}`" for name in (*parameter.opts, *parameter.secondary_opts))
        meaning = getattr(parameter, "help", None) or ""
        cells = [names, meaning, default_of(parameter)]
        rows.append(f"| {' | '.join(cell.replace('|', ESCAPED) for cell in cells)} |")
    return "\n".join(rows)


def default_of(parameter: Any) -> str:
    """Return a parameter's default, without what belongs to the machine that builds the site."""
    if parameter.required:
        return "required"
    if parameter.name == "workers":
        return "one per CPU"
    value = parameter.default
    if value in (None, False, "", ()) or callable(value):
        return ""
    return f"`{getattr(value, 'value', value)}`"


def printed_help(name: str) -> str:
    """Return what a command prints for `--help`, where it reads its options itself."""
    done = subprocess.run(
        [sys.executable, "-m", "elixir_corpus", *name.split()[1:], "--help"],
        cwd=PROJECT,
        env={**os.environ, "COLUMNS": "100", "NO_COLOR": "1"},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.strip()
