"""Our reader of terms against `file:consult/1`."""

import json
import random
from pathlib import Path
from typing import Any

import pytest

from corpus.erlang_terms import Atom, MalformedTerms, Map, Term, consult
from demo.reference import consult_many, unavailable

pytestmark = [
    pytest.mark.toolchain,
    pytest.mark.skipif(unavailable() is not None, reason=str(unavailable())),
]

PIECES = r"""
    { } [ ] , , , << >> #{ => | : / . - + \ ' " ? ( $ ... % ÷ ×
    foo a@b_C 'xy' 'a\'' '' é1 Éa ßx a÷ end maybe X _a '\'
    12 00012 1_0 1.5 1.0e3 1.0E-3 1e3 1. 0.0 -0.0 1.0e400 16#1F 2#101 37#1 1#0 -1
    $a $\n $' $" $\x41 $\^A $\^? "" "ab" "é€" "a""b"
    "\x41\x{42}\101\^A\q\s" "\x{d800}" "\x{110000}" "\xg" [] {} <<>> /utf8
    <<"a""b">> <<"é">> <<"é"/utf8>> <<300>> <<-1>> <<$a>> <<1,"b">> <<1/utf8>> <<-1/utf8>>
    #{a=>1,a=>2} #{1=>a,1.0=>b} {a,[b,"c"]}
"""
FRAGMENTS = [*PIECES.split(), " ", "\n", ".\n", "\x00", "\xa0", "%c\n", "$ ", "'x y'", '"a"\n"b"']


def value(choice: random.Random, depth: int = 0) -> str:
    """Return a term, or something close to one."""
    items = [value(choice, depth + 1) for _ in range(choice.randint(0, 3) if depth < 4 else 0)]
    match choice.randint(0, 5):
        case 0:
            return f"[{','.join(items)}]"
        case 1:
            return f"{{{','.join(items)}}}"
        case 2:
            return f"#{{{','.join(f'{item} => {item}' for item in items)}}}"
        case _:
            return choice.choice(FRAGMENTS)


def texts(count: int) -> list[str]:
    choice = random.Random(2026)
    loose = [
        "".join(choice.choice(FRAGMENTS) for _ in range(choice.randint(1, 5))) for _ in range(count)
    ]
    return [f"{text}." for text in loose] + [f"{value(choice)}.\n" for _ in range(count)]


def spelt(term: Term) -> Any:
    """Return a term as the reference script spells it out."""
    match term:
        case Map():
            pairs = {json.dumps(spelt(key)): spelt(value) for key, value in term.pairs}
            return {"map": sorted(pairs.items())}
        case Atom():
            return {"atom": str(term)}
        case str():
            return [ord(character) for character in term]
        case bytes():
            return {"binary": list(term)}
        case tuple():
            return {"tuple": [spelt(item) for item in term]}
        case list():
            return [spelt(item) for item in term]
        case float():
            return {"float": term}
    return term


def comparable(answer: Any) -> Any:
    """Return what the script answered with floats as numbers and maps in our order."""
    match answer:
        case list():
            return [comparable(item) for item in answer]
        case {"float": text}:
            return {"float": float(text)}
        case {"tuple": items}:
            return {"tuple": comparable(items)}
        case {"map": pairs}:
            found = [(json.dumps(comparable(key)), comparable(item)) for key, item in pairs]
            return {"map": sorted(found)}
    return answer


def read(text: str) -> Any:
    try:
        return [spelt(term) for term in consult(text.encode())]
    except MalformedTerms:
        return None


def test_texts_are_read_or_refused_as_by_erlang(tmp_path: Path) -> None:
    asked = texts(1500)
    paths = [tmp_path / f"{number}.terms" for number in range(len(asked))]
    for path, text in zip(paths, asked, strict=True):
        path.write_bytes(text.encode())
    theirs = [
        None if verdict.error else comparable(verdict.value) for verdict in consult_many(paths)
    ]
    differences = {
        text: (read(text), answer)
        for text, answer in zip(asked, theirs, strict=True)
        if json.dumps(read(text)) != json.dumps(answer)
    }
    assert differences == {}
    assert sum(answer is not None for answer in theirs) > 300
