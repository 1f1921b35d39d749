"""`elixir-corpus`: every command of the project under one name.

An installed console command never imports from the working directory, so it also runs in a folder
that has a package `train` or `quality` of its own, where `python -m train.qlora` would take that
one (`python -P -m train.qlora` does not).
"""

import os
from functools import partial
from typing import Any

import typer
from typer.main import get_command_name

import corpus.__main__
import datacards.__main__
import demo.__main__
import quality.__main__
import train.chat
import train.evaluate.__main__
import train.export.__main__
import train.report.__main__
from corpus.console import Version, application

PASSED_ON: Any = {
    "add_help_option": False,
    "context_settings": {
        "allow_extra_args": True,
        "ignore_unknown_options": True,
        "help_option_names": [],
    },
}
"""Everything behind the command's name is the business of what it calls, `--help` too."""

app = application("Turn the Elixir ecosystem into training data, and that data into a model.")


for_models = partial(app.command, rich_help_panel="Model", **PASSED_ON)


@app.callback()
def elixir_corpus(version: Version = False) -> None:
    """Turn the Elixir ecosystem into training data, and that data into a model."""


@app.command(
    rich_help_panel="Corpus",
    **PASSED_ON,
    epilog="Example: `elixir-corpus crawl hex -a limit=100`",
)
def crawl(context: typer.Context) -> None:
    """Crawl a Hex repository or GitHub into an archive store: `scrapy crawl`, from any folder."""
    from scrapy.cmdline import execute

    os.environ["SCRAPY_SETTINGS_MODULE"] = "crawler.settings"
    execute(["elixir-corpus", "crawl", *context.args])


def add(tree: typer.Typer, panel: str, **renamed: str) -> None:
    """Add the commands of another application; `renamed` maps their names to other ones here."""
    for command in tree.registered_commands:
        assert command.callback is not None
        own = command.name or get_command_name(command.callback.__name__)
        name = renamed.get(own, own)
        app.command(name, rich_help_panel=panel, epilog=command.epilog)(command.callback)
    for group in tree.registered_groups:
        assert group.typer_instance is not None
        app.add_typer(
            group.typer_instance, name=group.name, rich_help_panel=panel, epilog=group.epilog
        )


add(corpus.__main__.app, "Corpus")
add(quality.__main__.app, "Corpus")
add(datacards.__main__.app, "Corpus", render="card")


@for_models(epilog="Example: `elixir-corpus plan --release releases/2026.11.1 --vram 32`")
def plan(context: typer.Context) -> None:
    """Say whether fine-tuning fits on a GPU: `python -m train.plan`."""
    from train.plan import main

    raise typer.Exit(main(context.args))


@for_models(name="train", epilog="Example: `elixir-corpus train --release releases/2026.11.1`")
def fine_tune(context: typer.Context) -> None:
    """Fine-tune a model on a release: `python -m train.qlora`."""
    from train.qlora import main

    raise typer.Exit(main(context.args))


@for_models(name="sandbox", epilog="Example: `elixir-corpus sandbox --escapes`")
def hold(context: typer.Context) -> None:
    """Say whether programs of a model can be run here, and what holds them: `python -m sandbox`."""
    from sandbox.__main__ import main

    raise typer.Exit(main(context.args, "elixir-corpus sandbox"))


add(train.evaluate.__main__.app, "Model")
add(train.chat.app, "Model")
add(train.export.__main__.app, "Model")
add(train.report.__main__.app, "Model", report="train-report")
app.add_typer(demo.__main__.app, name="demo", rich_help_panel="To try")


def main() -> None:
    """Run the console command."""
    app(prog_name="elixir-corpus")


if __name__ == "__main__":
    main()
