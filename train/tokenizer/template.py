"""Chat templates: Jinja text that comes with a tokenizer and turns messages into one string."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from train.tokenizer.errors import DamagedTokenizer, NoChatTemplate, UnusableTemplate
from train.tokenizer.sample import Message

TEMPLATE_NAME = "chat_template.jinja"
CONFIG_NAME = "tokenizer_config.json"


@dataclass(frozen=True, slots=True)
class ChatTemplate:
    """A template, the file it was found in, and the special tokens that it may name."""

    path: Path
    text: str
    tokens: Mapping[str, str]

    def render(self, messages: Sequence[Message], answer_follows: bool) -> str:
        """Return the chat as text, up to where an answer begins if one is to follow.

        Raises UnusableTemplate if the template refuses the messages or is no Jinja.
        """
        from jinja2 import TemplateError
        from transformers.utils.chat_template_utils import render_jinja_template

        try:
            rendered, _ = render_jinja_template(
                conversations=[list(messages)],
                chat_template=self.text,
                add_generation_prompt=answer_follows,
                **self.tokens,
            )
        except TemplateError as error:
            raise UnusableTemplate(self.path, f"the template refuses a chat: {error}") from error
        return str(rendered[0])


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
