"""Conversations: what is one, how others write them, their system message and their template.

Our own because a template renders whatever it is given: a chat that a model cannot have had has to
be refused first, and the system message that a template adds must be known before tokens are made.
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Literal

from corpus.untrusted import shown
from train.errors import TrainError
from train.tokenizer.interface import DamagedTokenizer, MalformedConversation, Message, ToolTurns

ROLES = ("system", "user", "assistant")
TOOLS = ("tool", "tools", "tool_call", "tool_calls", "tool_response", "function", "ipython")
TOOLS_OF_SHAREGPT = ("function_call", "function_response", "observation")
MOST = 1000
"""Messages of a chat at most."""


def chat_of(
    messages: Sequence[Message], last: Literal["user", "assistant"]
) -> tuple[str | None, list[str]]:
    """Return a chat's system message, and what user, assistant, user and so on say by turns.

    `last` says whether it ends with a question or an answer. Raises MalformedConversation.
    """
    has_system = bool(messages) and messages[0]["role"] == "system"
    turns = messages[has_system:]
    if not turns:
        raise MalformedConversation("there is neither question nor answer")
    for number, message in enumerate(turns):
        role = ("user", "assistant")[number % 2]
        if message["role"] != role:
            raise MalformedConversation(f"a message of {message['role']} stands in {role}'s place")
        if role == "assistant" and not message["content"].strip():
            raise MalformedConversation("an answer is empty")
    if turns[-1]["role"] != last:
        raise MalformedConversation(f"the last message is not the {last}'s")
    system = messages[0]["content"] if has_system else None
    return system, [turn["content"] for turn in turns]


def read_messages(found: object) -> tuple[Message, ...]:
    """Read a chat with answers as OpenAI and TRL write it, whatever it is.

    Content is a text, or a list of one part of text. Raises ToolTurns for calls of tools and their
    results, and MalformedConversation for all else that is no chat.
    """
    if not isinstance(found, list | tuple):
        raise MalformedConversation("the messages are no list")
    if len(found) > MOST:
        raise MalformedConversation(f"there are more than {MOST:,} messages")
    messages = tuple(_message(number, each) for number, each in enumerate(found, 1))
    chat_of(messages, "assistant")
    return messages


def _message(number: int, found: object) -> Message:
    if not isinstance(found, Mapping):
        raise MalformedConversation(f"message {number} is no object")
    role = found.get("role")
    calls = any(found.get(name) for name in ("tool_calls", "function_call", "tool_call_id"))
    if calls or role in (*TOOLS, *TOOLS_OF_SHAREGPT):
        raise ToolTurns(f"message {number} is a call of a tool, or what one gave")
    if role not in ROLES:
        raise MalformedConversation(
            f"message {number} has the role {shown(role)}; there are {', '.join(ROLES)}"
        )
    if found.get("weight") not in (None, 1):
        raise MalformedConversation(
            f"message {number} has the weight {shown(found['weight'])}, and all answers count alike"
        )
    return Message(role=str(role), content=_content(number, found.get("content")))


def _content(number: int, found: object) -> str:
    if isinstance(found, list) and len(found) == 1 and isinstance(found[0], Mapping):
        kind = found[0].get("type")
        if kind != "text":
            raise MalformedConversation(
                f"message {number} holds {shown(kind)}, and only text is read"
            )
        found = found[0].get("text")
    if isinstance(found, list):
        raise MalformedConversation(
            f"message {number} has {len(found)} parts, which models join in several ways; join them"
        )
    if not isinstance(found, str):
        raise MalformedConversation(f"message {number} has no text as its content")
    try:
        found.encode()  # JSON can spell half of a surrogate pair
    except UnicodeEncodeError:
        raise MalformedConversation(f"message {number} is no UTF-8") from None
    return found


class NoChatTemplate(TrainError):
    """Conversations cannot be rendered, since the tokenizer does not say how."""

    def __init__(self, folder: Path) -> None:
        super().__init__(
            f"{folder}: no chat template, neither in chat_template.jinja nor in "
            "tokenizer_config.json. Add one, or leave out the stage of conversations with "
            "`stage2.enabled=false`."
        )


class UnusableTemplate(TrainError):
    """A chat template that fails, or from which answers cannot be told apart."""

    def __init__(self, template: Path, reason: str) -> None:
        super().__init__(
            f"{template}: {reason}. Use another template, one that appends to a chat without "
            "altering what came before."
        )


class UnusableSystemPrompt(TrainError):
    """The system prompt cannot be read, or the model's template cannot take it."""

    def __init__(self, why: str) -> None:
        super().__init__(
            f"system_prompt: {why}. Set it to a text, `file:PATH`, `default` for the model's own "
            "or `none`."
        )


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

        Raises UnusableTemplate if the template refuses the messages, renders nothing, or is no
        Jinja.
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
        if not rendered[0]:
            raise UnusableTemplate(self.path, "the template renders nothing of a chat")
        return str(rendered[0])


def system_prompt(setting: str, folder: Path) -> str | None:
    """Return the system message of chats without one, None for none.

    `default` takes the model's own: SYSTEM_PROMPT.txt, else what its template adds. `none` is an
    empty message where the template would add one. `file:PATH` and all other texts are what they
    say. Raises UnusableSystemPrompt.
    """
    template = template_of(folder)
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


def template_of(folder: Path) -> ChatTemplate | None:
    """Return the template of a tokenizer's folder, from its own file or from the configuration.

    None where there is none. Raises DamagedTokenizer.
    """
    config = read_config(folder)
    tokens = special_tokens(config)
    path = folder / TEMPLATE_NAME
    if path.is_file():
        try:
            return ChatTemplate(path, path.read_text(encoding="utf-8"), tokens)
        except UnicodeDecodeError as error:
            raise DamagedTokenizer(path, f"no text: {error}") from error
    found = config.get("chat_template")
    if isinstance(found, list):  # several by name, for tools and the like
        named = [each for each in found if isinstance(each, dict) and each.get("name") == "default"]
        found = named[-1].get("template") if named else None
    return ChatTemplate(folder / CONFIG_NAME, found, tokens) if isinstance(found, str) else None


def read_config(folder: Path) -> dict[str, object]:
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


def special_tokens(config: Mapping[str, object]) -> dict[str, str]:
    """Return what a configuration calls bos_token, eos_token and so on."""
    named = {name: config[name] for name in config if name.endswith("_token")}
    texts = {
        name: token.get("content") if isinstance(token, dict) else token
        for name, token in named.items()
    }
    return {name: text for name, text in texts.items() if isinstance(text, str)}
