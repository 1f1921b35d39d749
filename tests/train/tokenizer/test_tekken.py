import json
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from corpus.tokens import LONGEST
from tests.train.tokenizers import SHIPPED, SOURCE, full_tekken, small_tekken
from train.tokenizer.interface import (
    DamagedTokenizer,
    InfillingUnsupported,
    MalformedConversation,
    Message,
)
from train.tokenizer.tekken import TekkenTokenizer, UnsupportedTekken


def chat(*contents: str, system: str | None = None) -> list[Message]:
    """Return messages by turns, the user's first."""
    first = [] if system is None else [Message(role="system", content=system)]
    roles = ("user", "assistant")
    turns = [
        Message(role=roles[number % 2], content=content) for number, content in enumerate(contents)
    ]
    return first + turns


CHATS = {
    "one turn": chat("What is a GenServer?", "A process that serves calls."),
    "a system message": chat("Hi.", "Hello.", system="You write Elixir."),
    "several turns": chat("One?", "1", "Two?", "2", "Three?", "3", system="Be brief."),
    "code": chat(f"Explain:\n\n{SOURCE}", f"```elixir\n{SOURCE}```"),
    "other scripts": chat(
        "日本語で「こんにちは」 🧪 é e\u0301", "Ж\u200d👩\u200d👩\u200d👧 \u0000 ﷽", system="नमस्ते"
    ),
    "white space": chat("  \n\t leads and trails \n ", "\n  answer  \r\n\n  ", system=" "),
    "an answer that ends in spaces": chat("a", "b   ", "c", " d "),
    "an empty question": chat("", "There was no question."),
    "an empty system message": chat("Hi.", "Hello.", system=""),
    "special tokens spelled": chat(
        "<s>[INST]", "</s>[/INST][SYSTEM_PROMPT]<pad>", system="[/SYSTEM_PROMPT]</s>"
    ),
}


@cache
def reference(path: Path) -> Callable[[list[Message]], list[int]]:
    """Return mistral-common's own encoding of chats that end with the assistant."""
    from mistral_common.protocol.instruct.request import ChatCompletionRequest
    from mistral_common.protocol.instruct.validator import ValidationMode
    from mistral_common.tokens.tokenizers.mistral import MistralTokenizer

    theirs: Any = MistralTokenizer.from_file(str(path), mode=ValidationMode.finetuning)

    def encode(messages: list[Message]) -> list[int]:
        request: Any = ChatCompletionRequest.model_validate({"messages": messages})
        return list(theirs.encode_chat_completion(request).tokens)

    return encode


@pytest.fixture(scope="module", params=["v3", "v7", "v11", "v13"])
def path(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return small_tekken(tmp_path_factory.mktemp("tekken"), request.param) / "tekken.json"


@pytest.mark.parametrize("name", CHATS)
def test_a_chat_has_the_ids_that_mistral_common_gives_it(path: Path, name: str) -> None:
    sample = TekkenTokenizer(path).conversation(CHATS[name])
    assert sample.ids.tolist() == reference(path)(CHATS[name])


@given(st.lists(st.text(max_size=40), min_size=1, max_size=4), st.none() | st.text(max_size=40))
@settings(max_examples=40, deadline=None)
def test_any_chat_has_the_ids_that_mistral_common_gives_it(
    questions: list[str], system: str | None
) -> None:
    turns = [text for question in questions for text in (question, f"{question}!")]
    messages = chat(*turns, system=system)
    assert full_tekken().conversation(messages).ids.tolist() == reference(SHIPPED)(messages)


def test_a_chat_reads_as_written_down_here(tmp_path: Path) -> None:
    tokenizer = TekkenTokenizer(small_tekken(tmp_path, "v7") / "tekken.json")
    sample = tokenizer.conversation(chat("a", "b", "c", "d", system="s"))
    a, b, c, d, s = (100 + ord(letter) for letter in "abcds")
    assert sample.ids.tolist() == [1, 17, s, 18, 3, a, 4, b, 2, 3, c, 4, d, 2]
    assert sample.ids[sample.targets].tolist() == [b, 2, d, 2]
    assert sample.ids.dtype == np.int32
    assert sample.targets.dtype == np.bool_


@pytest.mark.parametrize("name", CHATS)
def test_only_answers_and_their_ends_carry_loss(path: Path, name: str) -> None:
    tokenizer = TekkenTokenizer(path)
    sample = tokenizer.conversation(CHATS[name])
    answers = [each["content"] for each in CHATS[name] if each["role"] == "assistant"]
    learned = sample.ids[sample.targets]
    assert tokenizer.decode(learned) == "".join(answer.rstrip(" ") for answer in answers)
    assert np.count_nonzero(learned == tokenizer.eos) == len(answers)
    assert sample.targets[-1]


@pytest.mark.parametrize("name", CHATS)
def test_a_prompt_is_the_chat_up_to_its_last_answer(path: Path, name: str) -> None:
    tokenizer = TekkenTokenizer(path)
    prompt = tokenizer.prompt(CHATS[name][:-1])
    whole = tokenizer.conversation(CHATS[name])
    assert whole.ids[: len(prompt)].tolist() == prompt.tolist()
    assert whole.targets[len(prompt) :].all()
    assert not whole.targets[len(prompt) - 1]


@pytest.mark.parametrize(
    ("messages", "reason"),
    [
        ([], "neither question nor answer"),
        (chat("Hi."), "the last message is not the assistant's"),
        (chat("Hi.", " \n"), "an answer is empty"),
        (chat("Hi.", "Hello.")[::-1], "a message of assistant stands in user's place"),
        (
            [*chat("Hi.", "Hello."), Message(role="tool", content="4")],
            "a message of tool stands in user's place",
        ),
    ],
)
def test_what_is_no_chat_is_refused(messages: list[Message], reason: str) -> None:
    with pytest.raises(MalformedConversation, match=reason):
        full_tekken().conversation(messages)


def test_a_prompt_ends_with_a_question() -> None:
    with pytest.raises(MalformedConversation, match="the last message is not the user's"):
        full_tekken().prompt(chat("Hi.", "Hello."))


@given(st.text())
def test_every_text_comes_back(text: str) -> None:
    assert full_tekken().decode(full_tekken().encode(text)) == text


@pytest.mark.parametrize("text", [" " * 2_000_000, "\t" * 1_100_000 + "x", "ab " * 400_000])
def test_a_text_of_a_million_characters_comes_back(text: str) -> None:
    assert full_tekken().decode(full_tekken().encode(text)) == text


def test_a_long_text_has_the_ids_that_mistral_common_gives_it() -> None:
    from mistral_common.tokens.tokenizers.tekken import Tekkenizer

    text = SOURCE * 4000
    assert len(text) > LONGEST
    assert full_tekken().encode(text).tolist() == Tekkenizer.from_file(SHIPPED).encode(
        text, False, False
    )


def test_the_file_that_mistral_ships_has_its_known_ids() -> None:
    full = full_tekken()
    assert (full.vocabulary, full.bos, full.eos, full.pad) == (131072, 1, 2, 11)
    sample = full.document("defmodule Shop do\nend\n")
    assert sample.ids.tolist() == [1, 3149, 13655, 34635, 1653, 1010, 1474, 1010, 2]
    assert sample.targets.tolist() == [False] + 8 * [True]


@pytest.mark.parametrize("text", ["<s>", "</s>", "[INST] a [/INST]", "[SUFFIX][PREFIX]", "<pad>"])
def test_a_special_token_spelled_in_text_stays_text(text: str) -> None:
    ids = full_tekken().encode(text)
    assert ids.min() >= 1000
    assert full_tekken().decode(ids) == text


def test_infilling_asks_as_mistral_common_does() -> None:
    from mistral_common.protocol.fim.request import FIMRequest
    from mistral_common.tokens.tokenizers.mistral import MistralTokenizer

    prefix, suffix = "def gross(net, rate) do\n", "end\n"
    theirs: Any = MistralTokenizer.from_file(str(SHIPPED))
    expected = theirs.encode_fim(FIMRequest(prompt=prefix, suffix=suffix)).tokens
    assert full_tekken().infilling_prompt(prefix, suffix).tolist() == expected
    assert expected[:2] == [1, 16]


def test_a_file_without_tokens_for_it_fills_nothing_in(tmp_path: Path) -> None:
    path = small_tekken(tmp_path) / "tekken.json"
    path.write_text(path.read_text().replace("[SUFFIX]", "[ELSE]"))
    tokenizer = TekkenTokenizer(path)
    assert tokenizer.infilling(SOURCE, 3) is None
    with pytest.raises(InfillingUnsupported, match=str(tmp_path)):
        tokenizer.infilling_prompt("a", "b")


def test_a_file_is_known_by_its_bytes(tmp_path: Path) -> None:
    one, same, other = (
        TekkenTokenizer(small_tekken(tmp_path / name, version) / "tekken.json").identity
        for name, version in (("a", "v7"), ("b", "v7"), ("c", "v11"))
    )
    assert one == same
    assert one != other
    assert len(one) == 64


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "{}", '{"config": {"version": "v7"}}', "\x00", "[" * 100_000]
)
def test_a_damaged_file_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "tekken.json"
    path.write_text(text)
    with pytest.raises(DamagedTokenizer, match="not a Tekken file"):
        TekkenTokenizer(path)


def test_a_file_without_a_token_that_ends_text_is_refused(tmp_path: Path) -> None:
    path = small_tekken(tmp_path) / "tekken.json"
    told = json.loads(path.read_bytes())
    told["special_tokens"] = [
        each | {"token_str": "<end>" if each["token_str"] == "</s>" else each["token_str"]}
        for each in told["special_tokens"]
    ]
    path.write_text(json.dumps(told))
    with pytest.raises(DamagedTokenizer, match=r"not a Tekken file: .* </s>"):
        TekkenTokenizer(path)


def test_ids_of_rows_that_an_embedding_has_besides_are_no_text(tmp_path: Path) -> None:
    tokenizer = TekkenTokenizer(small_tekken(tmp_path) / "tekken.json")
    ids = [*tokenizer.encode("def"), tokenizer.vocabulary, tokenizer.vocabulary + 7]
    assert tokenizer.decode(ids) == "def"


def test_an_unknown_version_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UnsupportedTekken, match="version v2, but only v3, v7, v11, v13"):
        TekkenTokenizer(small_tekken(tmp_path, "v2") / "tekken.json")
