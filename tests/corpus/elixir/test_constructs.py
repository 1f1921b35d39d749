import pytest
from hypothesis import given
from hypothesis import strategies as st

from corpus.elixir.constructs import CONSTRUCTS, constructs


def told(code: str) -> str:
    """Return runs of the same construct, blanks left out, as `construct=text`."""
    source = code.encode()
    runs: list[tuple[str, bytes]] = []
    for label, byte in zip(constructs(source).tolist(), source, strict=True):
        name = CONSTRUCTS[label]
        earlier = runs.pop()[1] if runs and runs[-1][0] == name else b""
        runs.append((name, earlier + bytes([byte])))
    shown = (f"{name}={text.decode()}" for name, text in runs if name != "white space")
    return " / ".join(shown)


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("x |> f()", "identifier=x / |>=|> / identifier=f / punctuation=()"),
        ("Shop.Cart", "module name=Shop.Cart"),
        ("[a: :b]", "punctuation=[ / keyword list key=a: / atom=:b / punctuation=]"),
        ("größe = true", "identifier beyond ASCII=größe / other operator== / atom=true"),
        ('@doc "Adds."', 'module attribute=@doc / documentation="Adds."'),
        ("@limit 10", "module attribute=@limit / number=10"),
        ("@tag a, b", "module attribute=@tag / identifier=a / punctuation=, / identifier=b"),
        ("x + @limit", "identifier=x / other operator=+ / module attribute=@limit"),
        ('"a#{b}c"', 'string="a / interpolation=#{ / identifier=b / interpolation=} / string=c"'),
        ("<<a>>", "binary pattern=<< / identifier=a / binary pattern=>>"),
        ("a::8", "identifier=a / ::=:: / number=8"),
        ("~w(a b)", "sigil=~w(a / sigil=b)"),
        ("# why\n1", "comment=# / comment=why / number=1"),
        ("fn a -> 1 end", "reserved word=fn / identifier=a / ->=-> / number=1 / reserved word=end"),
        ("for a <- b", "identifier=for / identifier=a / <-=<- / identifier=b"),
    ],
)
def test_every_byte_belongs_to_a_construct(code: str, expected: str) -> None:
    assert told(code) == expected


@given(st.text(max_size=80))
def test_any_text_has_a_construct_for_each_byte(text: str) -> None:
    source = text.encode("utf-8", "surrogatepass")
    labels = constructs(source)
    assert len(labels) == len(source)
    assert all(label < len(CONSTRUCTS) for label in labels.tolist())
