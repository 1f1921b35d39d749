import contextlib
import time

import pytest

from corpus.parsing import NestedTooDeeply, refuse_deep_brackets


@pytest.mark.parametrize("brackets", [b"(", b"[", b"{", b"([{"])
def test_one_bracket_more_than_a_thousand_is_refused(brackets: bytes) -> None:
    allowed = (brackets * 1000)[:1000]
    refuse_deep_brackets(allowed)
    with pytest.raises(NestedTooDeeply, match="1001 brackets stand open at once"):
        refuse_deep_brackets(allowed + b"(")


def test_brackets_that_close_again_do_not_add_up() -> None:
    refuse_deep_brackets(b"f([1], {2}) " * 10_000)


def test_brackets_in_strings_and_characters_need_not_balance() -> None:
    refuse_deep_brackets(rb'def red, do: "\e[31m"; def open, do: ?[ # "quoted \" [" ' * 2000)
    refuse_deep_brackets(b'@doc """\n((( "((\n"""\n' * 2000)


@pytest.mark.parametrize("piece", [b'"', b'"""', b'"\\', b'"""a', b'?"', b'["', b'"["\\'])
def test_quotes_left_open_cost_no_time(piece: bytes) -> None:
    start = time.process_time()
    with contextlib.suppress(NestedTooDeeply):
        refuse_deep_brackets(b'"[" ' * 1001 + piece * 50_000)
    assert time.process_time() - start < 1
