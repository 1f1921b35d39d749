"""Text to token ids, and which of them are trained on; for Tekken and for tokenizer.json."""

from train.tokenizer.agreement import Difference, agreement, check_agreement
from train.tokenizer.errors import (
    DamagedTokenizer,
    InfillingUnsupported,
    MalformedConversation,
    NoChatTemplate,
    NoTokenizer,
    TokenizersDisagree,
    TokenizerUnreachable,
    ToolTurns,
    UnsupportedTekken,
    UnusableSystemPrompt,
    UnusableTemplate,
)
from train.tokenizer.interface import Tokenizer
from train.tokenizer.opening import locate, open_tokenizer
from train.tokenizer.sample import Flags, Ids, Message, Sample

__all__ = [
    "DamagedTokenizer",
    "Difference",
    "Flags",
    "Ids",
    "InfillingUnsupported",
    "MalformedConversation",
    "Message",
    "NoChatTemplate",
    "NoTokenizer",
    "Sample",
    "Tokenizer",
    "TokenizerUnreachable",
    "TokenizersDisagree",
    "ToolTurns",
    "UnsupportedTekken",
    "UnusableSystemPrompt",
    "UnusableTemplate",
    "agreement",
    "check_agreement",
    "locate",
    "open_tokenizer",
]
