from corpus.provenance import READING, RELEASE, code_digest


def test_what_judges_and_tells_a_release_is_part_of_its_code_and_not_of_what_is_read() -> None:
    assert code_digest(READING) == code_digest(("corpus",))
    assert code_digest(RELEASE) != code_digest(READING)
    assert code_digest(RELEASE) != code_digest(("corpus", "quality"))
