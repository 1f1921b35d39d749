"""What can be wrong with a tokenizer and with what it is given."""

from pathlib import Path

from train.errors import TrainError


class NoTokenizer(TrainError):
    """There are no tokenizer files where they were looked for."""

    def __init__(self, place: Path | str) -> None:
        super().__init__(
            f"{place}: neither tekken.json nor tokenizer.json here, so there is no tokenizer. "
            "Name the model's folder or its name on the Hub, or another tokenizer's "
            "in `model.tokenizer`."
        )


class TokenizerUnreachable(TrainError):
    """The Hub did not hand out the files."""

    def __init__(self, name: str, reason: str) -> None:
        super().__init__(
            f"{name}: no such folder, and the Hub did not give its tokenizer: {reason} "
            "Check the name and the network, run `hf auth login` if access to the model is "
            "granted on request, or name a folder that has the files."
        )


class DamagedTokenizer(TrainError):
    """A tokenizer's file cannot be read, or lacks something that training needs."""

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(f"{path}: {reason}. Fetch the tokenizer's files again.")


class UnsupportedTekken(TrainError):
    """A version of Tekken whose chats are not known here."""

    def __init__(self, path: Path, version: str, known: str) -> None:
        super().__init__(
            f"{path}: Tekken version {version}, but only {known} are known here. "
            "Move the file away where a tokenizer.json with a chat template stands beside it."
        )


class InfillingUnsupported(TrainError):
    """The tokenizer has no tokens that mark prefix and suffix."""

    def __init__(self, place: Path) -> None:
        super().__init__(
            f"{place}: no [SUFFIX] and [PREFIX] tokens, so nothing can be filled in. "
            "Set `data.infilling_rate` to 0 and leave infilling out of the evaluation."
        )


class MalformedConversation(TrainError):
    """Messages that are no chat: a wrong role, or an empty answer."""

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(
            f"Not a conversation: {reason}. It is at most one system message, then user and "
            "assistant by turns."
        )


class ToolTurns(MalformedConversation):
    """A chat in which tools are called."""

    def __init__(self, what: str) -> None:
        super().__init__(f"{what}, and only chats without tools are trained on")


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


class TokenizersDisagree(TrainError):
    """The two forms of one tokenizer give different ids, so one of them is not the model's."""

    def __init__(self, folder: Path, differing: int, compared: int, example: str) -> None:
        super().__init__(
            f"{folder}: tekken.json and tokenizer.json give different ids for {differing} of "
            f"{compared} texts; {example}. One of them belongs to another model: "
            "fetch both again, or move the wrong one away."
        )
