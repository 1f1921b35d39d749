import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from corpus.errors import CorpusError
from corpus.progress import Silent
from corpus.release import Release
from tests.peers.hub_datasets import commit_of, printed, serving
from tests.releases import document, instruction, write_release
from tests.train.tokenizer.test_tekken import reference
from tests.train.tokenizers import small_chatml, small_tekken
from train.dataset.rows import prepare
from train.dataset.sources import BadRow, UnsupportedRow, UnusableChats, open_chats
from train.options import BadValue
from train.recipe import DataSettings, Recipe
from train.tokenizer.conversation import read_messages
from train.tokenizer.interface import MalformedConversation, Message, ToolTurns
from train.tokenizer.opening import open_tokenizer

ASKED, ANSWERED = {"role": "user", "content": "Hi."}, {"role": "assistant", "content": "Hello."}
CHAT = [ASKED, ANSWERED]
CALL = {"id": "1", "type": "function", "function": {"name": "add", "arguments": "{}"}}


def settings_of(place: Path | str, **more: Any) -> DataSettings:
    return DataSettings(chats={"mine": str(place)}, **{"licences": {"mine": "MIT"}} | more)


def written(path: Path, *rows: Any) -> Path:
    lines = (row if isinstance(row, str) else json.dumps(row) for row in rows)
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return path


def said(place: Path | str, **more: Any) -> list[list[str]]:
    """Return roles and contents of every row of the only source."""
    (chats,) = open_chats(settings_of(place, **more))
    return [
        [f"{m['role']}: {m['content']}" for m in each.messages] for each in chats.conversations()
    ]


@pytest.mark.parametrize(
    "row",
    [
        {"messages": CHAT},
        {"messages": [ASKED | {"name": "ana"}, ANSWERED | {"weight": 1, "tool_calls": []}]},
        {"messages": [ASKED | {"content": [{"type": "text", "text": "Hi."}]}, ANSWERED]},
        {"prompt": "Hi.", "completion": "Hello."},
        {"prompt": [ASKED], "completion": [ANSWERED]},
        {"conversations": [{"from": "human", "value": "Hi."}, {"from": "gpt", "value": "Hello."}]},
        {"messages": None, "conversations": CHAT, "tools": []},
    ],
)
def test_a_row_is_read_in_every_format_that_is_in_use(tmp_path: Path, row: Any) -> None:
    assert said(written(tmp_path / "a.jsonl", row)) == [["user: Hi.", "assistant: Hello."]]


def test_a_system_message_may_stand_beside_the_turns(tmp_path: Path) -> None:
    row = {"system": "Be brief.", "conversations": CHAT}
    expected = ["system: Be brief.", "user: Hi.", "assistant: Hello."]
    assert said(written(tmp_path / "a.jsonl", row, "", row)) == [expected, expected]


def test_the_files_of_a_folder_are_read_in_order(tmp_path: Path) -> None:
    written(tmp_path / "b.jsonl", {"prompt": "Two?", "completion": "2"})
    written(tmp_path / "a.jsonl", "\ufeff" + json.dumps({"prompt": "One?", "completion": "1"}))
    assert [row[0] for row in said(tmp_path)] == ["user: One?", "user: Two?"]


BAD = {
    "a tool's result": ([*CHAT, {"role": "tool", "content": "4"}], "message 3 is a call of a tool"),
    "a function's": ([*CHAT, {"role": "function", "content": "4"}], "message 3 is a call of a"),
    "a call": ([ASKED, {"role": "assistant", "content": None, "tool_calls": [CALL]}], "message 2"),
    "an old call": ([ASKED, ANSWERED | {"function_call": {"name": "a"}}], "message 2 is a call"),
    "an odd role": ([{"role": "developer", "content": "a"}, *CHAT], "the role 'developer'; there"),
    "a role that is none": ([ASKED | {"role": ["user"]}, ANSWERED], "message 1 has the role list"),
    "two users": ([ASKED, *CHAT], "a message of user stands in assistant's place"),
    "a late system": ([*CHAT, {"role": "system", "content": "a"}], "a message of system stands in"),
    "an empty answer": ([ASKED, ANSWERED | {"content": " "}], "an answer is empty"),
    "no answer": ([ASKED], "the last message is not the assistant's"),
    "null": ([ASKED, ANSWERED | {"content": None}], "message 2 has no text as its content"),
    "several parts": (
        [ASKED | {"content": [{"type": "text", "text": "a"}] * 2}, ANSWERED],
        "message 1 has 2 parts",
    ),
    "an image": ([ASKED | {"content": [{"type": "image_url"}]}, ANSWERED], "holds 'image_url'"),
    "no loss": ([ASKED, ANSWERED | {"weight": 0}], "message 2 has the weight 0"),
    "half a pair": ([ASKED | {"content": "\ud800"}, ANSWERED], "message 1 is no UTF-8"),
    "no list": ({"role": "user"}, "the messages are no list"),
    "no objects": (["Hi.", "Hello."], "message 1 is no object"),
    "nothing": ([], "there is neither question nor answer"),
    "endless": (CHAT * 501, "there are more than 1,000 messages"),
}


@pytest.mark.parametrize("kind", BAD)
def test_a_row_that_is_no_chat_is_refused_with_file_and_line_or_counted(
    tmp_path: Path, kind: str
) -> None:
    messages, why = BAD[kind]
    path = written(tmp_path / "a.jsonl", {"messages": CHAT}, {"messages": messages})
    with pytest.raises(BadRow, match=rf"a\.jsonl:2: .*{why}.*malformed drop"):
        open_chats(settings_of(path))
    assert said(path, malformed="drop") == [["user: Hi.", "assistant: Hello."], []]


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(st.sampled_from(["role", "content", "type", "text", "weight"]), inner)
        ),
        max_leaves=12,
    )
)
def test_whatever_is_given_is_a_chat_or_one_error(found: Any) -> None:
    for each in (found, [found], [found, ANSWERED]):
        try:
            messages = read_messages(each)
        except MalformedConversation:
            continue
        assert [type(message["content"]) for message in messages] == [str] * len(messages)
        assert messages[-1]["role"] == "assistant"


@pytest.mark.parametrize(
    ("lines", "why"),
    [
        ("{", r"a\.jsonl:1: it is no line of JSON"),
        ("[1]", "it is no JSON object"),
        ('{"messages": [], "messages": []}', "an object has a key twice"),
        ("[" * 100_000, "it nests too deeply"),
        ("x" * (8 * 2**20 + 9), "the line has more than 8,388,608 bytes"),
        ('{"text": "a"}', "neither `messages`, nor `prompt` and `completion`, nor `conversations`"),
        ('{"prompt": "a", "completion": ["b"]}', "neither two texts nor two lists"),
        ('{"messages": [], "tools": [{}]}', "it has tools"),
    ],
)
def test_a_line_that_is_no_row_is_refused(tmp_path: Path, lines: str, why: str) -> None:
    with pytest.raises((UnusableChats, BadRow), match=why):
        open_chats(settings_of(written(tmp_path / "a.jsonl", lines)))


@pytest.mark.parametrize(
    ("place", "why"),
    [
        ("missing.jsonl", "there is no JSONL file"),
        ("a.csv", "there is no JSONL file"),
        (".", "there is no JSONL file"),
        ("hub:ana/chats", "this names no dataset with a revision"),
        ("hub:ana@main", "this names no dataset with a revision"),
    ],
)
def test_a_place_without_chats_is_refused(tmp_path: Path, place: str, why: str) -> None:
    (tmp_path / "a.csv").write_text("a,b\n")
    place = place if place.startswith("hub:") else str(tmp_path / place)
    with pytest.raises(UnusableChats, match=f"{why}.*hub:OWNER/NAME@REVISION"):
        open_chats(settings_of(place))


def test_a_licence_has_to_be_stated() -> None:
    with pytest.raises(BadValue, match=r"licences\.mine is '', but must be the licence of a\.json"):
        DataSettings(chats={"mine": "a.jsonl"})
    with pytest.raises(BadValue, match=r"stage1\.data\.chats"):
        Recipe(stage1=replace(Recipe().stage1, data=settings_of("a.jsonl")))


OPEN = """
import json, sys
from corpus.errors import CorpusError
from train.recipe import DataSettings
from train.dataset.sources import open_chats
licences = {"mine": sys.argv[2]} if len(sys.argv) > 2 else {}
try:
    (chats,) = open_chats(DataSettings(chats={"mine": sys.argv[1]}, licences=licences))
    answers = [each.messages[-1]["content"] for each in chats.conversations()]
    print(json.dumps(chats.describe() | {"answers": answers}))
except CorpusError as error:
    print(error)
"""


def table(*answers: str) -> bytes:
    sink = pa.BufferOutputStream()
    rows = [[ASKED, {"role": "assistant", "content": answer}] for answer in answers]
    pq.write_table(pa.table({"messages": rows, "id": list(range(len(rows)))}), sink)
    return bytes(sink.getvalue().to_pybytes())


@pytest.fixture(scope="module")
def hub() -> Iterator[str]:
    card = b"---\nlicense: %s\n---\n# Chats\n"
    files = {
        "README.md": card % b"cc-by-4.0",
        "data/train-00000-of-00002.parquet": table("one", "two"),
        "data/train-00001-of-00002.parquet": table("three"),
        "data/test-00000-of-00001.parquet": table("held out"),
        "loader.py": b"raise SystemExit('this must not run')",
    }
    both = {"README.md": b"# None\n", "a/train/0.parquet": table("a"), "b/train/0.parquet": b"no"}
    with serving({"ana/chats": files, "ana/both": both}) as address:
        yield address


def fetched(hub: str, home: Path, *told: str) -> str:
    return printed(hub, home, OPEN, *told)


def test_a_split_of_a_dataset_is_read_with_its_commit_and_licence(hub: str, tmp_path: Path) -> None:
    told = json.loads(fetched(hub, tmp_path, "hub:ana/chats@main"))
    assert told["answers"] == ["one", "two", "three"]
    assert told["rows"] == 3
    assert (told["license"], told["revision"]) == ("cc-by-4.0", commit_of("ana/chats"))
    assert not list(tmp_path.rglob("loader.py"))
    assert json.loads(fetched(hub, tmp_path, "hub:ana/chats@main:test"))["answers"] == ["held out"]


@pytest.mark.parametrize(
    ("told", "why"),
    [
        (["hub:ana/chats@main:validation"], "no Parquet file of the split validation"),
        (["hub:ana/none@main", "MIT"], "the Hub did not give it"),
        (["hub:ana/both@main", "MIT"], "the split is there in several: take one of a/train, b/tr"),
        (["hub:ana/both@main:a/train"], "its card states no licence: state it with --stage2.data"),
        (["hub:ana/both@main:b/train", "MIT"], "it cannot be read as Parquet"),
    ],
)
def test_a_dataset_that_cannot_be_used_is_one_clear_error(
    hub: str, tmp_path: Path, told: list[str], why: str
) -> None:
    assert why in fetched(hub, tmp_path, *told)


@pytest.fixture
def release(tmp_path: Path) -> Release:
    documents = [document("shop", "lib/a.ex", "def a, do: 1\n")]
    held_out = [document("kiosk", "lib/b.ex", "def b, do: 2\n", "test")]
    instructions = [
        instruction(documents[0], "documentation_to_function", "One.", "def a, do: 1"),
        instruction(held_out[0], "documentation_to_function", "Two.", "def held, do: :out"),
    ]
    return write_release(tmp_path / "release", [*documents, *held_out], instruct=instructions)


def test_own_chats_are_a_source_of_stage_2_without_what_is_held_out(
    release: Release, tmp_path: Path
) -> None:
    answers = ["Mine.", "def held,  do: :out", "```elixir\ndef b, do: 2\n```", "Mine too."]
    rows = [{"prompt": f"{n}?", "completion": answer} for n, answer in enumerate(answers)]
    path = written(tmp_path / "mine.jsonl", *rows, {"messages": BAD["a call"][0]})
    data = settings_of(path, malformed="drop", mixture={"chat.mine": 2.0})
    recipe = Recipe(length=128, stage2=replace(Recipe().stage2, data=data))
    tokenizer = open_tokenizer(small_chatml(tmp_path / "model"))
    read = prepare(
        release, 2, "train", recipe, tokenizer, tmp_path / "work", Silent(), open_chats(data)
    )
    told = read.describe()
    assert told["passes"] == {"chat.mine": 2.0}
    assert told["sources"]["chat.mine"]["samples"] == 2
    assert told["dropped"] == {"chat.mine": {"in_held_out": 2, "tool_turns": 1}}
    packed = (read.row(0, number) for number in range(read.rows_in(0)))
    learned = "".join(tokenizer.decode(row.ids[row.labels != -100].tolist()) for row in packed)
    assert sorted(learned.split("M")) == ["", "ine too.", "ine too.", "ine.", "ine."]


@pytest.mark.parametrize("made", [small_tekken, small_chatml])
def test_a_release_whose_rows_call_tools_is_refused_before_the_start(
    tmp_path: Path, made: Any
) -> None:
    documents = [document("shop", "lib/a.ex", "def a, do: 1\n")]
    row = instruction(documents[0], "documentation_to_function", "One.", "def a, do: 1")
    row["messages"] = [ASKED, {"role": "tool", "content": "4"}]
    release = write_release(tmp_path / "release", documents, instruct=[row])
    tokenizer = open_tokenizer(made(tmp_path / "model"))
    with pytest.raises(UnsupportedRow, match=f"row {row['id']} message 2 is a call of a tool"):
        prepare(release, 2, "train", Recipe(length=128), tokenizer, tmp_path / "work", Silent())


@pytest.mark.parametrize("version", ["v3", "v7", "v11", "v13"])
def test_own_chats_have_the_ids_of_mistral_common(tmp_path: Path, version: str) -> None:
    rows = [{"messages": [{"role": "system", "content": "s"}, *CHAT, *CHAT]}, {"messages": CHAT}]
    (chats,) = open_chats(settings_of(written(tmp_path / "a.jsonl", *rows)))
    folder = small_tekken(tmp_path / "model", version)
    tokenizer = open_tokenizer(folder)
    for each in chats.conversations():
        expected = reference(folder / "tekken.json")(list(each.messages))
        assert tokenizer.conversation(each.messages).ids.tolist() == expected


def test_a_changed_row_gives_another_digest(tmp_path: Path) -> None:
    path = written(tmp_path / "a.jsonl", {"messages": CHAT})
    (before,) = open_chats(settings_of(path))
    (again,) = open_chats(settings_of(path))
    written(path, {"messages": CHAT}, {"messages": CHAT})
    (after,) = open_chats(settings_of(path))
    assert before == again
    assert (before.rows, after.rows) == (1, 2)
    assert before.sha256 != after.sha256


def test_tools_are_told_from_other_mistakes() -> None:
    with pytest.raises(ToolTurns):
        read_messages([*CHAT, Message(role="tool", content="4")])
    assert issubclass(ToolTurns, CorpusError)
