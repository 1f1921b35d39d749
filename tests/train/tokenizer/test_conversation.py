from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.train.tokenizer.test_tekken import chat, reference
from tests.train.tokenizers import CHATML, small_chatml, small_tekken
from train.tokenizer.conversation import UnusableSystemPrompt, with_default
from train.tokenizer.interface import Message
from train.tokenizer.opening import open_tokenizer

BARE = (
    "{% for message in messages %}<|im_start|>{{ message['role'] + '\n' + message['content'] }}"
    "<|im_end|>\n{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
"""Adds no system message."""
DEAF = (
    "{% for message in messages %}{% if message['role'] == 'system' %}"
    "{{ raise_exception('System role not supported') }}{% endif %}"
    "<|im_start|>{{ message['content'] }}<|im_end|>{% endfor %}"
)
DATED = CHATML.replace("You write Elixir.", "Today is ' + strftime_now('%d %B %Y') + '.")
MISTRALS = (
    "{%- set default_system_message = 'You are a small model.\\n\\n<ROLE>\\nHelp.\\n</ROLE>' %}"
    "{%- if messages[0]['role'] == 'system' %}{%- set system = messages[0]['content'] %}"
    "{%- set rest = messages[1:] %}{%- else %}{%- set system = default_system_message %}"
    "{%- set rest = messages %}{%- endif %}"
    "{{ '<|im_start|>[SYSTEM_PROMPT]' + system + '[/SYSTEM_PROMPT]' }}"
    "{%- for message in rest %}<|im_start|>{{ message['content'] }}<|im_end|>{%- endfor %}"
)
"""Written as those that Mistral's models on the Hub have."""


@pytest.mark.parametrize(
    ("template", "own", "without"),
    [
        (CHATML, "You write Elixir.", ""),
        (BARE, None, None),
        (DEAF, None, None),
        (MISTRALS, "You are a small model.\n\n<ROLE>\nHelp.\n</ROLE>", ""),
        ("{{ 1 + 'a' }}", None, None),
    ],
)
def test_the_default_is_what_the_template_adds_by_itself(
    tmp_path: Path, template: str, own: str | None, without: str | None
) -> None:
    folder = small_chatml(tmp_path, template)
    assert open_tokenizer(folder, system_prompt="default").system == own
    assert open_tokenizer(folder, system_prompt="none").system == without
    assert open_tokenizer(folder).system is None


def test_mistrals_own_file_comes_before_the_template(tmp_path: Path) -> None:
    folder = small_tekken(small_chatml(tmp_path, MISTRALS))
    (folder / "SYSTEM_PROMPT.txt").write_text("You are Devstral.\n\n<ROLE>\n", encoding="utf-8")
    tokenizer = open_tokenizer(folder, system_prompt="default")
    assert tokenizer.system == "You are Devstral.\n\n<ROLE>"
    (folder / "SYSTEM_PROMPT.txt").unlink()
    own = open_tokenizer(folder, system_prompt="default").system
    assert own == "You are a small model.\n\n<ROLE>\nHelp.\n</ROLE>"
    assert tokenizer.identity != open_tokenizer(folder, system_prompt="none").identity


@pytest.mark.parametrize("version", ["v3", "v7", "v11", "v13"])
@pytest.mark.parametrize("system", ["You write Elixir.\n日本 🧪", "", "[/SYSTEM_PROMPT]</s>"])
def test_a_chat_without_one_gets_the_ids_that_mistral_common_gives_it_with_one(
    tmp_path: Path, version: str, system: str
) -> None:
    folder = small_tekken(tmp_path, version)
    tokenizer = open_tokenizer(folder, system_prompt=system)
    expected = reference(folder / "tekken.json")(chat("One?", "1", "Two?", "2", system=system))
    sample = tokenizer.conversation(chat("One?", "1", "Two?", "2"))
    assert sample.ids.tolist() == expected
    assert tokenizer.decode(sample.ids[sample.targets]) == "12"
    prompt = tokenizer.prompt(chat("One?", "1", "Two?"))
    assert prompt.tolist() == expected[: len(prompt)]


@pytest.mark.parametrize("template", [CHATML, BARE, MISTRALS])
@pytest.mark.parametrize("setting", ["default", "none", "Be brief. {{ 7 }} <|im_end|>"])
def test_training_and_an_exported_template_give_the_ids_of_transformers(
    tmp_path: Path, template: str, setting: str
) -> None:
    from transformers import AutoTokenizer

    folder = small_chatml(tmp_path / "model", template)
    ours = open_tokenizer(folder, system_prompt=setting)
    exported = small_chatml(tmp_path / "exported", with_default(template, ours.system))
    theirs: Any = AutoTokenizer.from_pretrained(exported)
    if "<|im_end|>" not in setting:  # transformers reads text as special tokens
        for messages in (chat("One?", "1"), chat("One?", "1", system="Another.")):
            expected = theirs.apply_chat_template(messages, return_dict=False)
            assert ours.conversation(messages).ids.tolist() == expected
    rendered = theirs.apply_chat_template(chat("One?"), tokenize=False)
    original: Any = AutoTokenizer.from_pretrained(folder)
    told = chat("One?") if ours.system is None else chat("One?", system=ours.system)
    assert rendered == original.apply_chat_template(told, tokenize=False)


@given(st.text())
@settings(max_examples=60, deadline=None)
def test_any_text_stands_in_a_template_as_it_is(system: str) -> None:
    from transformers.utils.chat_template_utils import render_jinja_template

    def rendered(template: str, messages: list[Message]) -> object:
        return render_jinja_template(conversations=[list(messages)], chat_template=template)[0][0]

    told = rendered(BARE, chat("One?", system=system))
    assert rendered(with_default(BARE, system), chat("One?")) == told


def test_a_chats_own_system_message_stays(tmp_path: Path) -> None:
    folder = small_tekken(tmp_path)
    with_one = open_tokenizer(folder, system_prompt="Be brief.")
    messages = chat("One?", "1", system="Be long.")
    plain = open_tokenizer(folder).conversation(messages)
    assert with_one.conversation(messages).ids.tolist() == plain.ids.tolist()


@pytest.mark.parametrize(
    ("setting", "template", "reason"),
    [
        ("prompt.txt", CHATML, "prompt.txt looks like a file: write file:prompt.txt"),
        ("file:missing.txt", CHATML, "missing.txt cannot be read as text"),
        ("file:{}/large", CHATML, "large has more than 65,536 bytes"),
        ("file:{}/latin", CHATML, "latin cannot be read as text"),
        ("file:{}/none", CHATML, "holds 'none', which is a setting"),
        ("half \ud800", CHATML, "it is no UTF-8"),
        ("Be brief.", DEAF, "takes no system message"),
        ("default", DATED, "depends on the day"),
        ("default", "", "has blanks to be filled in"),
    ],
)
def test_what_cannot_be_a_system_prompt_is_refused(
    tmp_path: Path, setting: str, template: str, reason: str
) -> None:
    folder = small_chatml(tmp_path, template)
    if not template:
        (folder / "SYSTEM_PROMPT.txt").write_text("You are {name}, today is {today}.")
    (folder / "large").write_text("a" * 70_000)
    (folder / "latin").write_bytes("é".encode("latin-1"))
    (folder / "none").write_text("none\n")
    with pytest.raises(UnusableSystemPrompt, match=f"{reason}.*`file:PATH`"):
        open_tokenizer(folder, system_prompt=setting.format(folder))


def test_a_prompt_is_read_from_a_file(tmp_path: Path) -> None:
    (tmp_path / "own").write_text("  Grüße.\nZwei.\n", encoding="utf-8")
    folder = small_chatml(tmp_path / "model")
    assert open_tokenizer(folder, system_prompt=f"file:{tmp_path}/own").system == "  Grüße.\nZwei."


def test_a_template_is_told_the_same_day_every_day(tmp_path: Path) -> None:
    header = "{{ '<|im_start|>' + strftime_now('%d %b %Y') }}" + BARE
    tokenizer = open_tokenizer(small_chatml(tmp_path, header))
    assert tokenizer.decode(tokenizer.prompt(chat("One?"))).startswith("01 Nov 2026")
