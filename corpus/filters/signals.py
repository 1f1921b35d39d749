"""Count invisible characters, and text that a chat model may read as a control token.

Both are only signals on a document, because they can be legitimate: a lexer of HTML contains
`</s>`, and a test of a parser a bidirectional override. Users of the data decide what to do with
them.
"""

import re

from corpus.screen import Screen

HIDDEN = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f"
    "\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff9-\ufffb\U000110bd\U000110cd\U0001bca0-\U0001bca3"
    "\U0001d173-\U0001d17a\U000e0000-\U000e0fff]"
)
"""Format characters and fillers without a shape (Unicode 16: Default_Ignorable_Code_Point, the
interlinear anchors, and the number signs of Kaithi), which may each have an ordinary use."""

JOINERS = "\u200c\u200d"
MARKS = "\u061c\u200e\u200f"
SELECTORS = re.compile("[\ufe00-\ufe0f\U000e0100-\U000e01ef]")
MONGOLIAN_SELECTORS = re.compile("[\u180b-\u180f]")
JOINING = re.compile(
    "[\u0590-\u08ff\u0900-\u0dff\u0e00-\u109f\u1780-\u18af\u1a20-\u1aaf\ua840-\ua87f\ua980-\uaadf"
    "\ufb1d-\ufdff\ufe70-\ufefe]"
)
"""Scripts whose ordinary text has joiners, directional marks or spaces without width: Hebrew and
Arabic, those of India, South-East Asia and Mongolia."""
PICTURE = re.compile("[\u00a9\u00ae\u2049-\u2bff\u3030-\u3299\ufe0f\U0001f000-\U0001faff]")
"""Symbols in emoji sequences."""
SELECTABLE = re.compile(
    "[#*0-9\u00a9\u00ae\u2030-\u2bff\u3000-\u9fff\uf900-\ufaff\U0001f000-\U0003ffff]"
)
"""Symbols, digits of key caps, and ideographs, which a variation selector may follow."""
FLAG = "\U0001f3f4"
TAGS = re.compile("[\U000e0020-\U000e007f]")


def hidden_characters(text: str) -> int:
    """Count invisible characters without an ordinary use at their place.

    These are bidirectional controls, tags, fillers, spaces and joiners without width, soft hyphens
    and runs of variation selectors. Ordinary, and not counted, are joiners inside an emoji and
    inside words of scripts that need them, directional marks beside letters of such scripts, one
    selector after its base character, and the tags of a regional flag. A byte order mark at the
    beginning of a file was removed by `decode`.
    """
    if text.isascii() or not HIDDEN.search(_unusual(text)):
        return 0
    flag_until = 0
    count = 0
    for match in HIDDEN.finditer(text):
        at = match.start()
        before, after = text[at - 1 : at] if at else "", text[at + 1 : at + 2]
        if TAGS.match(match[0]) and (before == FLAG or (flag_until == at and at)):
            flag_until = at + 1
        elif not _is_ordinary(match[0], before, after):
            count += 1
    return count


ASCII = bytes(range(128))


def _unusual(text: str) -> str:
    """Return the non-ASCII characters, which are few in code."""
    return text.encode(errors="surrogatepass").translate(None, ASCII).decode(errors="surrogatepass")


def _is_ordinary(character: str, before: str, after: str) -> bool:
    """Return whether an invisible character has an ordinary use between its neighbours."""
    if SELECTORS.match(character):
        return SELECTABLE.match(before) is not None
    if MONGOLIAN_SELECTORS.match(character):
        return "\u1800" <= before <= "\u18af" and not MONGOLIAN_SELECTORS.match(before)
    if character == "\u200d" and PICTURE.match(before) and PICTURE.match(after):
        return True
    if character in JOINERS or character == "\u200b":
        return JOINING.match(before) is not None
    if character in MARKS:
        return JOINING.match(before) is not None or JOINING.match(after) is not None
    return False


NAMED = (
    rb"INST|SYSTEM_PROMPT|AVAILABLE_TOOLS|TOOL_RESULTS|TOOL_CALLS|TOOL_CONTENT|CALL_ID|ARGS|IMG|"
    rb"IMG_BREAK|IMG_END|PREFIX|MIDDLE|SUFFIX|THINK|AUDIO|BEGIN_AUDIO|MODEL_SETTINGS"
)
"""Mistral's (mistral-common, tekken v3 to v13)."""
TAGGED = (
    rb"start_of_turn|end_of_turn|start_of_image|end_of_image|bos|eos|pad|unk|fim_prefix|fim_middle"
    rb"|fim_suffix|fim_pad|file_sep|repo_name|tool_call|/tool_call|tool_response|/tool_response"
    rb"|think|/think|/SYS>"
)
"""Gemma's, Llama 2's, StarCoder's, Qwen's and DeepSeek's; `<<SYS>>` alone is a binary."""
LINE = 1_000
"""Bytes within which `<s>` and `</s>` can be a pair."""
ANGLED = re.compile(
    rb"<(?:\|[A-Za-z][\w.-]{0,60}\|>|\xef\xbd\x9c[^<>\n]{1,90}\xef\xbd\x9c>|/?s>|(?:"
    + TAGGED
    + rb")>)"
)
SQUARE = re.compile(rb"\[/?(?:" + NAMED + rb")\]")
_UNBOUNDED = ANGLED.pattern.replace(b"{0,60}", b"*").replace(b"{1,90}", b"+")
TOKENS = Screen({"token": _UNBOUNDED + b"|" + SQUARE.pattern})


def control_tokens(text: bytes) -> int:
    """Count texts that look like a control token of a chat or code model, in UTF-8.

    `<s>...</s>` on one line without another token inside is struck-through HTML.
    """
    if not TOKENS(text):
        return 0
    count = struck_out = 0
    opened = -1
    for match in ANGLED.finditer(text):
        count += 1
        if match[0] == b"<s>":
            opened = match.end()
            continue
        if match[0] == b"</s>" and opened >= 0:
            inside = text[opened : min(match.start(), opened + LINE)]
            if len(inside) < LINE and b"\n" not in inside and not SQUARE.search(inside):
                struck_out += 2
        opened = -1
    return count - struck_out + sum(1 for _ in SQUARE.finditer(text))
