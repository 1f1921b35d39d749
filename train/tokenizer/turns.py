"""Which lists of messages are a chat."""

from collections.abc import Sequence
from dataclasses import dataclass

from train.tokenizer.errors import MalformedConversation
from train.tokenizer.sample import Message


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
