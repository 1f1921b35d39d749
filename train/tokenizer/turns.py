"""Which lists of messages are a chat, and how others write them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from corpus.untrusted import shown
from train.tokenizer.errors import MalformedConversation, ToolTurns
from train.tokenizer.sample import Message

ROLES = ("system", "user", "assistant")
TOOLS = ("tool", "tools", "tool_call", "tool_calls", "tool_response", "function", "ipython")
TOOLS_OF_SHAREGPT = ("function_call", "function_response", "observation")
MOST = 1000
"""Messages of a chat at most."""


@dataclass(frozen=True, slots=True)
class Chat:
    """Messages whose roles are known to come by turns."""

    system: str | None
    turns: tuple[str, ...]
    """Contents of user, assistant, user and so on."""


def answered(messages: Sequence[Message]) -> Chat:
    """Read a chat that ends with an answer. Raises MalformedConversation."""
    chat = read(messages)
    if len(chat.turns) % 2:
        raise MalformedConversation("the last message is not the assistant's")
    return chat


def asked(messages: Sequence[Message]) -> Chat:
    """Read a chat that ends with a question. Raises MalformedConversation."""
    chat = read(messages)
    if not len(chat.turns) % 2:
        raise MalformedConversation("the last message is not the user's")
    return chat


def read(messages: Sequence[Message]) -> Chat:
    """Read a chat. Raises MalformedConversation."""
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
    system = messages[0]["content"] if has_system else None
    return Chat(system, tuple(turn["content"] for turn in turns))


def read_messages(found: Any) -> tuple[Message, ...]:
    """Read a chat with answers as OpenAI and TRL write it, whatever it is.

    Content is a text, or a list of one part of text. Raises ToolTurns for calls of tools and their
    results, and MalformedConversation for all else that is no chat.
    """
    if not isinstance(found, list | tuple):
        raise MalformedConversation("the messages are no list")
    if len(found) > MOST:
        raise MalformedConversation(f"there are more than {MOST:,} messages")
    messages = tuple(_message(number, each) for number, each in enumerate(found, 1))
    answered(messages)
    return messages


def _message(number: int, found: Any) -> Message:
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


def _content(number: int, found: Any) -> str:
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
