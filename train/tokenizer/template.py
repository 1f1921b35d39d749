"""Chat templates, and the system message that stands in a chat which has none of its own."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from train.tokenizer.errors import (
    DamagedTokenizer,
    NoChatTemplate,
    UnusableSystemPrompt,
    UnusableTemplate,
)
from train.tokenizer.sample import Message

TEMPLATE_NAME = "chat_template.jinja"
CONFIG_NAME = "tokenizer_config.json"
PROMPT_NAME = "SYSTEM_PROMPT.txt"
"""Where Mistral's repositories have the system message that their models are to be used with."""
DEFAULT, NONE, FROM_FILE = "default", "none", "file:"
"""What the setting `system_prompt` may be besides a text."""
LARGEST = 65_536
"""Bytes of a system prompt at most."""
FILLED_IN = re.compile(r"\{(?:name|today|yesterday)\}")
"""What Mistral leaves to be filled in when a model is used."""
DAYS = (datetime(2026, 11, 1), datetime(2025, 4, 30))
"""The day that templates are told, so that tokens do not follow from the day on which they are
made; the second shows whether a template asks."""
ASKED, TOLD = "qqfpqz", "wwxjzk"
"""A question and a system message that no template has."""


@dataclass(frozen=True, slots=True)
class ChatTemplate:
    """A template, the file it was found in, and the special tokens that it may name."""

    path: Path
    text: str
    tokens: Mapping[str, str]

    def render(
        self, messages: Sequence[Message], answer_follows: bool, day: datetime = DAYS[0]
    ) -> str:
        """Return the chat as text, up to where an answer begins if one is to follow.

        Raises UnusableTemplate if the template refuses the messages or is no Jinja.
        """
        from transformers.utils.chat_template_utils import render_jinja_template

        try:
            rendered, _ = render_jinja_template(
                conversations=[list(messages)],
                chat_template=self.text,
                add_generation_prompt=answer_follows,
                strftime_now=day.strftime,
                **self.tokens,
            )
        except Exception as error:  # whatever a template that others wrote runs into
            raise UnusableTemplate(self.path, f"the template refuses a chat: {error}") from error
        return str(rendered[0])


def system_prompt(setting: str, folder: Path) -> str | None:
    """Return the system message of chats without one, None for none.

    `default` takes the model's own: SYSTEM_PROMPT.txt, else what its template adds. `none` is an
    empty message where the template would add one. `file:PATH` and all other texts are what they
    say. Raises UnusableSystemPrompt.
    """
    template = _template_of(folder)
    if setting == DEFAULT:
        path = folder / PROMPT_NAME
        found = _text_of(path) if path.is_file() else template and added_by(template)
        if found and FILLED_IN.search(found):
            raise UnusableSystemPrompt(f"{path} has blanks to be filled in when it is used")
        return found or None
    if setting == NONE:
        return "" if template and added_by(template) else None
    text = setting
    if _is_file(setting):
        text = _text_of(Path(setting.removeprefix(FROM_FILE)))
        if text in (DEFAULT, NONE) or _is_file(text):
            raise UnusableSystemPrompt(f"{setting} holds {text!r:.60}, which is a setting")
    if not text.isascii() and any("\ud800" <= each <= "\udfff" for each in text):
        raise UnusableSystemPrompt("it is no UTF-8")
    if template and not _is_heard(template):
        raise UnusableSystemPrompt(f"{template.path} takes no system message")
    return text


def added_by(template: ChatTemplate) -> str:
    """Return the system message that a template adds to a chat without one, empty for none.

    What surrounds it is learnt from a chat that has one, and that the same comes out if the chat
    has it by itself is checked. Raises UnusableSystemPrompt if it depends on the day.
    """
    found = [_added_by(template, day) for day in DAYS]
    if found[0] != found[1]:
        raise UnusableSystemPrompt(f"the message that {template.path} adds depends on the day")
    return found[0]


def with_default(template: str, system: str | None) -> str:
    """Return a chat template that adds a system message to chats without one; None changes nothing.

    It does what `with_system` does before tokens are made, wherever the template is used.
    """
    if system is None:
        return template
    literal = json.dumps(system, ensure_ascii=False)
    return (
        "{%- if not messages or messages[0]['role'] != 'system' %}"
        "{%- set messages = [{'role': 'system', 'content': " + literal + "}] + messages %}"
        "{%- endif %}" + template
    )


def with_system(messages: Sequence[Message], system: str | None) -> Sequence[Message]:
    """Put a system message before a chat that has none."""
    if system is None or (messages and messages[0]["role"] == "system"):
        return messages
    return [Message(role="system", content=system), *messages]


def _added_by(template: ChatTemplate, day: datetime) -> str:
    question = Message(role="user", content=ASKED)
    try:
        alone = template.render([question], True, day)
        told = template.render(with_system([question], TOLD), True, day)
        before, found, after = told.partition(TOLD)
        if not found or not alone.startswith(before) or not alone.endswith(after):
            return ""
        added = alone[len(before) : len(alone) - len(after)]
        same = template.render(with_system([question], added), True, day) == alone
    except UnusableTemplate:  # as of one that knows no system messages
        return ""
    return added if same else ""


def _is_heard(template: ChatTemplate) -> bool:
    try:
        return TOLD in template.render(
            with_system([Message(role="user", content=ASKED)], TOLD), True
        )
    except UnusableTemplate:
        return False


def _template_of(folder: Path) -> ChatTemplate | None:
    config = read_config(folder)
    try:
        return find_template(folder, config, special_tokens(config))
    except NoChatTemplate:
        return None


def _is_file(setting: str) -> bool:
    if setting.startswith(FROM_FILE):
        return True
    if re.fullmatch(r"\S+\.(txt|md)", setting):
        raise UnusableSystemPrompt(f"{setting} looks like a file: write {FROM_FILE}{setting}")
    return False


def _text_of(path: Path) -> str:
    """Read a system prompt; line ends at its end are no part of it."""
    try:
        data = path.read_bytes()
        if len(data) > LARGEST:
            raise UnusableSystemPrompt(f"{path} has more than {LARGEST:,} bytes")
        return data.decode().rstrip("\r\n")
    except (OSError, UnicodeDecodeError) as error:
        raise UnusableSystemPrompt(f"{path} cannot be read as text ({error})") from error


def find_template(
    folder: Path, config: Mapping[str, Any], tokens: Mapping[str, str]
) -> ChatTemplate:
    """Return the template of a tokenizer's folder, from its own file or from the configuration.

    Raises NoChatTemplate.
    """
    if (folder / TEMPLATE_NAME).is_file():
        text = (folder / TEMPLATE_NAME).read_text(encoding="utf-8")
        return ChatTemplate(folder / TEMPLATE_NAME, text, tokens)
    found = config.get("chat_template")
    if isinstance(found, list):  # several by name, for tools and the like
        named = [each for each in found if isinstance(each, dict) and each.get("name") == "default"]
        found = named[-1].get("template") if named else None
    if not isinstance(found, str):
        raise NoChatTemplate(folder)
    return ChatTemplate(folder / CONFIG_NAME, found, tokens)


def read_config(folder: Path) -> dict[str, Any]:
    """Return tokenizer_config.json, or nothing where there is none. Raises DamagedTokenizer."""
    path = folder / CONFIG_NAME
    if not path.is_file():
        return {}
    try:
        config = json.loads(path.read_bytes())
    except (RecursionError, ValueError) as error:
        raise DamagedTokenizer(path, f"not JSON: {error}") from error
    if not isinstance(config, dict):
        raise DamagedTokenizer(path, "not a JSON object")
    return config


def special_tokens(config: Mapping[str, Any]) -> dict[str, str]:
    """Return what a configuration calls bos_token, eos_token and so on."""
    named = {name: config[name] for name in config if name.endswith("_token")}
    texts = {
        name: token.get("content") if isinstance(token, dict) else token
        for name, token in named.items()
    }
    return {name: text for name, text in texts.items() if isinstance(text, str)}
