import pytest

from corpus.extraction import NestedTooDeeply
from corpus.nesting import refuse_deep_brackets


@pytest.mark.parametrize("brackets", [b"(", b"[", b"{", b"([{"])
def test_one_bracket_more_than_a_thousand_is_refused(brackets: bytes) -> None:
    allowed = (brackets * 1000)[:1000]
    refuse_deep_brackets(allowed)
    with pytest.raises(NestedTooDeeply, match="1001 brackets stand open at once"):
        refuse_deep_brackets(allowed + b"(")


def test_brackets_that_close_again_do_not_add_up() -> None:
    refuse_deep_brackets(b"f([1], {2}) " * 10_000)
