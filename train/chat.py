"""`python -m train.chat`: talk to what a run made."""

import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from corpus.console import INTERRUPTED, Version, application, plain_errors, say_part
from train.errors import TrainError

if TYPE_CHECKING:
    from train.evaluate.subject import Subject
    from train.tokenizer.interface import Message

LONGEST_QUESTION = 2**20
"""Characters that are read from another program at most."""

app = application("Talk to the model of a run.")


class NothingToTalkTo(TrainError):
    """A folder holds neither a run nor an export."""

    def __init__(self, folder: Path, why: str) -> None:
        super().__init__(
            f"{folder}: {why}. Name a finished run's folder, or one that `python -m train.export` "
            "wrote with --to adapter or --to merged."
        )


class QuestionTooLong(TrainError):
    """A question leaves no room for an answer."""

    def __init__(self, tokens: int, positions: int, longest: int) -> None:
        super().__init__(
            f"the question has {tokens:,} tokens, and with an answer of {longest:,} the model has "
            f"room for {positions:,}. Shorten it, or lower --max-tokens."
        )


@dataclass(slots=True)
class Chat:
    """A conversation with a model."""

    subject: "Subject"
    longest: int
    """Tokens of an answer at most."""
    temperature: float
    seed: int
    messages: list["Message"] = field(default_factory=list)

    def ask(self, question: str, show: Callable[[str], None]) -> bool:
        """Hand an answer to `show` as it is written; return False if Ctrl-C ended it.

        What was written until then is the answer. The oldest turns are forgotten where the model
        has no room for them. Raises QuestionTooLong and what the tokenizer raises.
        """
        import torch

        from train.model.generation import generated

        tokenizer = self.subject.tokenizer
        asked: list[Message] = [*self.messages, {"role": "user", "content": question}]
        room = self.subject.positions - self.longest
        while len(prompt := tokenizer.prompt(asked)) > room:
            if len(asked) == 1:
                raise QuestionTooLong(len(prompt), self.subject.positions, self.longest)
            asked = asked[2:]
        torch.manual_seed(self.seed + len(self.messages) // 2)
        shown = ""

        def take(ids: Sequence[int]) -> None:
            nonlocal shown
            text = tokenizer.decode(ids)
            if not text.endswith("\N{REPLACEMENT CHARACTER}"):  # half of a character
                show(plain(text[len(shown) :]))
                shown = text

        model, is_whole = self.subject.model.adapted, True
        try:
            (ids,) = generated(
                model, tokenizer, prompt, self.longest, temperature=self.temperature, take=take
            )
            whole = tokenizer.decode(ids)
            show(plain(whole[len(shown) :]))
            shown = whole
        except KeyboardInterrupt:
            is_whole = False
        if shown.strip():
            self.messages = [*asked, {"role": "assistant", "content": shown}]
        return is_whole


def plain(text: str) -> str:
    """Write a model's text so that it cannot steer a terminal: control characters are escaped."""
    return "".join(
        each
        if each.isprintable() or each in "\n\t"
        else each.encode("unicode_escape", "backslashreplace").decode()
        for each in text
    )


def open_model(folder: Path) -> "Subject":
    """Return the Subject of a finished run or an export, with its system prompt.

    Raises NothingToTalkTo, NotARun, NoSuchModel, DamagedAdapter, NoTokenizer and
    UnusableSystemPrompt.
    """
    from train.checkpoint import ADAPTER_SETTINGS
    from train.evaluate.subject import open_subject
    from train.export.run import adapter_settings, open_run
    from train.recipe import ModelSettings, load
    from train.tokenizer.opening import open_tokenizer

    if (folder / "recipe.json").is_file() or (folder / "adapter").is_dir():
        open_run(folder)
        recipe = load(folder / "recipe.json")
        tokenizer = open_tokenizer(*recipe.model.tokenizer_place, recipe.system_prompt)
        return open_subject(recipe.model, folder / "adapter", tokenizer)
    if (folder / ADAPTER_SETTINGS).is_file():
        base = str(adapter_settings(folder)["base_model_name_or_path"])
        settings, adapter = ModelSettings(name=base, quantization="none"), folder
    elif (folder / "config.json").is_file():
        settings, adapter = ModelSettings(name=str(folder), quantization="none"), None
    elif any(folder.glob("*.gguf")):
        raise NothingToTalkTo(folder, "llama.cpp talks to a GGUF file: `llama-cli -m FILE`")
    else:
        raise NothingToTalkTo(folder, "neither a run nor an export is here")
    return open_subject(settings, adapter, open_tokenizer(folder, system_prompt=told_by(folder)))


def told_by(folder: Path) -> str:
    """Return the system prompt that export.json tells of, else the model's own."""
    from corpus.untrusted import parse_object

    try:
        made_from = parse_object((folder / "export.json").read_bytes())["made_from"]
        prompt = made_from["system_prompt"]
    except (OSError, ValueError, KeyError, TypeError):
        return "default"
    return "none" if prompt is None else str(prompt)


@app.command(
    epilog="Examples: `python -m train.chat runs/mine`, `python -m train.chat runs/mine --prompt "
    "'Write a GenServer that counts.'`, `python -m train.chat exports/merged < question.txt`"
)
def chat(
    run: Annotated[
        Path,
        typer.Argument(help="A finished run, or an export of an adapter or of merged weights."),
    ],
    prompt: Annotated[
        str,
        typer.Option(help="Answer this and leave; unset, read what is piped in, if anything is."),
    ] = "",
    max_tokens: Annotated[int, typer.Option(help="Tokens of an answer at most.", min=1)] = 1024,
    temperature: Annotated[
        float, typer.Option(help="0 takes the likeliest token.", min=0, max=2)
    ] = 0.2,
    seed: Annotated[int, typer.Option(help="Equal seeds give equal answers.", min=0)] = 20261101,
    version: Version = False,
) -> None:
    """Talk to the model of a run or an export, with the system prompt that it was trained with.

    Answers appear as they are written. Ctrl-C ends an answer, Ctrl-D the conversation; `/new`
    begins another one. With --prompt, or with a question on standard input, one answer is written.
    Exit code 130: Ctrl-C ended that answer.
    """
    from train.libraries import quieten

    is_talk = not prompt and sys.stdin.isatty()
    with plain_errors():
        question = prompt if prompt or is_talk else sys.stdin.read(LONGEST_QUESTION)
        if not is_talk and not question.strip():
            raise NothingToTalkTo(run, "there is no question, neither in --prompt nor piped in")
        quieten()
        talk = Chat(open_model(run), max_tokens, temperature, seed)
        if not is_talk:
            is_whole = talk.ask(question.strip(), say_part)
            say_part("\n")
            raise typer.Exit(0 if is_whole else INTERRUPTED)
        converse(talk)


def converse(talk: Chat) -> None:
    """Ask on a terminal until Ctrl-D."""
    with suppress(ImportError):  # without it lines are edited less comfortably
        import readline  # noqa: F401
    while True:
        try:
            question = input("> ").strip()
        except EOFError:
            say_part("\n")
            return
        except KeyboardInterrupt:
            say_part("\n")
            continue
        if question == "/new":
            talk.messages = []
        elif question:
            try:
                say_part("\n" if talk.ask(question, say_part) else " [ended]\n")
            except QuestionTooLong as error:
                say_part(f"{error}\n")


if __name__ == "__main__":
    app(prog_name="python -m train.chat")
