import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from corpus.filters import control_tokens, hidden_characters
from corpus.ingest.source_file import FileConfig, SourceText, read_text
from corpus.sources import Member

HIDDEN = {
    "bidi override": ("if admin \u202e do", 1),
    "bidi isolates": ("# \u2066 } \u2069 \u2066", 3),
    "mark beside Latin": ("ad\u200emin", 1),
    "tags that spell a command": ("x\U000e0072\U000e006d", 2),
    "zero width inside an identifier": ("ad\u200bmin\u200d_\u200cx\u2060", 4),
    "byte order mark inside": ("a\ufeffb", 1),
    "soft hyphen": ("fünf\u00adund", 1),
    "Hangul filler as a variable": ("\u3164 = 1", 1),
    "run of selectors": ("a\ufe00\ufe01\U000e0101", 3),
    "run of selectors behind a symbol": ("\u2764\ufe0f\ufe0f\ufe00", 2),
    "joiner at the beginning": ("\u200dx", 1),
    "interlinear": ("a\ufff9b\ufffac\ufffb", 3),
    "plain": ("def f(x), do: x", 0),
    "umlauts and ideographs": ("größe 半分 \u00a0", 0),
    "family emoji": ("\U0001f468\u200d\U0001f469\u200d\U0001f467", 0),
    "heart on fire": ("\u2764\ufe0f\u200d\U0001f525", 0),
    "key cap": ("1\ufe0f\u20e3", 0),
    "flag of Scotland": (
        "\U0001f3f4\U000e0067\U000e0062\U000e0073\U000e0063\U000e0074\U000e007f",
        0,
    ),
    "Persian": ("می\u200cخواهم", 0),
    "Hindi": ("क्\u200dष", 0),
    "Hebrew with a mark": ("שלום\u200f (1)", 0),
    "Khmer with spaces without width": ("ខ្មែរ\u200bខ្មែរ", 0),
    "ideographic variant": ("葛\U000e0100", 0),
}


@pytest.mark.parametrize("case", HIDDEN)
def test_hidden_characters_are_those_without_an_ordinary_use(case: str) -> None:
    text, count = HIDDEN[case]
    assert hidden_characters(text) == count


CONTROL = [
    ("<|im_start|>user<|im_end|>", 2),
    ("<|endoftext|>", 1),
    ("<|user|> <|reserved_special_token_0|>", 2),
    ("<｜begin▁of▁sentence｜>", 1),
    ("[INST] hello [/INST]", 2),
    ("<s>[INST] hello [/INST] hi</s>", 4),
    ("[SYSTEM_PROMPT]x[/SYSTEM_PROMPT][TOOL_CALLS][PREFIX][SUFFIX][MIDDLE]", 6),
    ("<start_of_turn>user<end_of_turn><bos><eos>", 4),
    ("<think></think><tool_call></tool_call>", 4),
    ("<</SYS>>", 1),
    ('@eos "</s>"', 1),
    ('@bos "<s>"', 1),
    ("<s>\n</s>", 2),
    ("<p><s>old</s> new</p>", 0),
    ("<s>old</s> and </s>", 1),
    ("a <|> b |> c(x) <||> <| d |>", 0),
    ("<<SYS>> = x, [inst], [Inst], <mask>, <small>, <S>", 0),
    ("list[INST_1]", 0),
]


@pytest.mark.parametrize(("text", "count"), CONTROL)
def test_control_tokens_are_counted_and_struck_out_html_is_not(text: str, count: int) -> None:
    assert control_tokens(text.encode()) == count


def test_both_are_told_of_a_document() -> None:
    raw = '\ufeff# \u202e <|im_start|> </s>\nx = "می\u200cخواهم"\n'.encode()
    source = read_text(Member("lib/a.exs", raw), FileConfig())
    assert isinstance(source, SourceText)
    assert (source.hidden_characters, source.control_tokens) == (1, 2)


@given(st.text(st.sampled_from("a1\u200b\u200d\ufe0f\u202e\U000e0041\U0001f3f4ا\u2764<s>/|")))
def test_counts_have_bounds(text: str) -> None:
    assert 0 <= hidden_characters(text) <= len(text)
    assert 0 <= control_tokens(text.encode()) <= len(text)


@pytest.mark.parametrize(
    "piece", ["<", "<|a", "<s>", "</s>", "[", "<｜", "\u200d", "\U0001f3f4\U000e0041"]
)
def test_time_is_linear(piece: str) -> None:
    text = piece * (300_000 // len(piece))
    started = time.process_time()
    hidden_characters(text)
    control_tokens(text.encode())
    assert time.process_time() - started < 6
