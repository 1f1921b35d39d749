from pages.frame import cell, ticked


def test_backticks_become_code_after_escaping() -> None:
    assert ticked("a `<use>` b") == "a <code>&lt;use&gt;</code> b"


def test_text_stays_in_its_cell() -> None:
    assert cell("a|b\nc") == "a\\|b c"
