"""Recognition of licences in a text: the rules of licenseclassifier, with a faster engine.

licenseclassifier compiles the phrases of some 700 licences into one program over words, as
licensecheck does, and runs it as an automaton whose states are made when a text reaches them. Here
the same program is run with the same results. Three things are done otherwise:

* A text is split into words by one regular expression, and not character by character. A text with
  characters for which the two could differ is split by licenseclassifier itself.
* Words are compared by their numbers, in lists, and their places are looked up only at the ends of
  a licence.
* A state computes where a word leads when that word is read, and not for every word at once.

This uses names outside licenseclassifier's public API, so pyproject.toml limits its version, and
tests compare words and results.
"""

import re
import unicodedata
from array import array
from bisect import bisect_right
from collections.abc import Iterator, Sequence, Set
from functools import cache
from itertools import accumulate, compress, count, pairwise
from typing import NamedTuple

from licenseclassifier import COVERAGE_THRESHOLD, LicenseIdentificationResult
from licenseclassifier._engine import builtin_scanner
from licenseclassifier._engine.dictionary import (
    ANY_WORD,
    Dict,
    _html_entity_size,
    _html_tag_size,
    _markdown_anchor_size,
    _markdown_link_size,
    to_fold,
)
from licenseclassifier._engine.matcher import (
    INST_ANY,
    INST_MATCH,
    INST_WORD,
    MultiRE,
    _can_misspell,
    _can_misspell_join,
    _nfa_next,
)
from licenseclassifier._engine.scan import _URL_RE, MAX_COPYRIGHT_WORDS

WORD = re.compile(r"((?=[\w(©])(?:[^\W_]+(?:\(s\))?|\([cC]\)|©))")
"""A word; the assertion before it takes a third of the time off."""
MARKUP = re.compile(r"[<&{]|\]\(")
SIZES = {
    "<": _html_tag_size,
    "&": _html_entity_size,
    "{": _markdown_anchor_size,
    "]": _markdown_link_size,
}
"""Functions that return the length of markup, by its first character; markup is ignored."""
MOST_WORDS = 50_000
"""Maximum number of spellings whose numbers are cached."""
LONGEST_RUN = 256
"""Maximum number of words that are compared at once."""
WORDS_IN_A_ROW = re.compile(re.escape(bytes([INST_WORD])) + b"{1,%d}" % LONGEST_RUN)
UNCLOSED = (("{#", "}", re.compile(r"[^ \r\n]+")), ("](", ")", re.compile(r"[^ \t\r\n]+")))
"""What begins and ends an anchor and the address of a link, and a run of characters within one."""
SIGN = "&copy;"
"""Markup that is a word."""


class Words(NamedTuple):
    """The words of a text, in order: the number, the spelling and the place of each."""

    numbers: list[int]
    spelled: list[str]
    starts: list[int]
    ends: list[int]


class Phrase(NamedTuple):
    """A licence, by its number, and its first word and the one behind its last."""

    license: int
    first: int
    behind: int


def identify(
    text: str, least_percent: float = COVERAGE_THRESHOLD
) -> list[LicenseIdentificationResult]:
    """Return what `licenseclassifier.identify_license` returns, in less than half of the time."""
    return rules().identify(text, least_percent)


@cache
def rules() -> "Rules":
    """Return the rules of licenseclassifier. They are read first, which takes 0.05 s."""
    return Rules()


class Rules:
    """The phrases of all licences and their addresses, as licenseclassifier has compiled them."""

    def __init__(self) -> None:
        """Read the rules."""
        scanner = builtin_scanner()
        self._ids: list[str] = scanner.ids
        self._license_at = scanner._license_url
        self._words: Dict = scanner.dict
        self._beginnings: Set[tuple[int, int]] = scanner.re.start
        """The first two words of every licence."""
        self._automaton = Automaton(scanner.re)
        self._numbers = Numbers(self._words)
        self._folded = Folded()
        self._copyright: int = self._words.lookup("copyright")
        self._http: int = self._words.lookup("http")

    def identify(self, text: str, least_percent: float) -> list[LicenseIdentificationResult]:
        """Return the licences of a text that they cover in part, in order."""
        words = self.split(text)
        found: list[LicenseIdentificationResult] = []
        covered = done = 0
        for phrase in self.phrases(words):
            first = self.with_copyright(words, phrase.first, done)
            addresses, covering = self.addresses(text, words, done, first)
            found += addresses
            start, end = whole_lines(text, words, first, phrase.behind)
            found.append(LicenseIdentificationResult(self._ids[phrase.license], start, end))
            covered += covering + phrase.behind - first
            done = phrase.behind
        addresses, covering = self.addresses(text, words, done, len(words.numbers))
        percent = 100.0 * (covered + covering) / max(1, len(words.numbers))
        return [*found, *addresses] if percent >= least_percent else []

    def split(self, text: str) -> Words:
        """Return the words of a text."""
        text = without_unclosed(text)
        if SIGN in text or not is_plain(text):
            cut: list[tuple[int, int, int]] = self._words.split(text)
            numbers, starts, ends = ([word[part] for word in cut] for part in range(3))
            return Words(numbers, [text[start:end] for _, start, end in cut], starts, ends)
        if len(self._numbers) > MOST_WORDS:
            self._numbers.clear()
            self._folded.clear()
        parts = WORD.split(without_markup(text))
        places = list(accumulate(map(len, parts)))
        numbers = list(map(self._numbers.__getitem__, parts[1::2]))
        words = Words(numbers, parts[1::2], places[:-1:2], places[1::2])
        if numbers.count(self._copyright) < 2:
            return words
        twice = (self._copyright, self._copyright)
        keep = [True, *map(twice.__ne__, pairwise(numbers))]
        return Words(
            list(compress(words.numbers, keep)),
            list(compress(words.spelled, keep)),
            list(compress(words.starts, keep)),
            list(compress(words.ends, keep)),
        )

    def phrases(self, words: Words) -> Iterator[Phrase]:
        """Yield the licences of a text, the longest at each place, in order."""
        numbers = words.numbers
        is_beginning = map(self._beginnings.__contains__, pairwise(numbers))
        seconds = compress(count(1), is_beginning)
        second = next(seconds, None)
        while second is not None:
            last = second
            license_number, length = self._automaton.run(words, second - 1, self._folded)
            if license_number >= 0 and length:
                last = second - 1 + length
                yield Phrase(license_number, second - 1, last)
                # As in licensecheck, the pair behind a licence is made of its own second word.
                if last < len(numbers) and (numbers[second], numbers[last]) in self._beginnings:
                    second = last
                    continue
            second = next((place for place in seconds if place > last), None)

    def with_copyright(self, words: Words, first: int, done: int) -> int:
        """Return the first word of a licence with the copyright lines before it."""
        try:
            return words.numbers.index(
                self._copyright, max(first - MAX_COPYRIGHT_WORDS, done), first
            )
        except ValueError:
            return first

    def addresses(
        self, text: str, words: Words, place: int, end: int
    ) -> tuple[list[LicenseIdentificationResult], int]:
        """Return the addresses of licences between two words, and the number of their words."""
        found: list[LicenseIdentificationResult] = []
        covered = 0
        limit = words.starts[end] if end < len(words.numbers) else len(text)
        while place < end:
            try:
                place = words.numbers.index(self._http, place, end)
            except ValueError:
                break
            start = words.starts[place]
            address = _URL_RE.match(text, start)
            license_id = address and self._license_at(address.group())
            if address is None or license_id is None or address.end() > limit:
                place += 1
                continue
            found.append(LicenseIdentificationResult(license_id, start, address.end()))
            behind = min(end, bisect_right(words.ends, address.end()))
            covered += behind - place
            place = behind
        return found, covered


def whole_lines(text: str, words: Words, first: int, behind: int) -> tuple[int, int]:
    """Return where the lines of a licence begin and end, as far as no other words are in them."""
    start, end = words.starts[first], words.ends[behind - 1]
    if first == 0:
        start = 0
    elif (newline := text.rfind("\n", words.ends[first - 1], start)) >= 0:
        start = newline + 1
    if behind == len(words.numbers):
        end = len(text)
    elif (newline := text.find("\n", end, words.starts[behind])) >= 0:
        end = newline + 1
    return start, end


class State:
    """A place where the automaton may stand: the instructions that may come next, in order.

    `license` ends here, or is -1. `expected` are the words that lead on, in order, each with the
    instructions that read it, and `following` the states behind those that were read before.
    `otherwise` are the instructions that read any word. `only` are the words, up to `LONGEST_RUN`,
    that lead on where each has to be the next: almost all words of a licence.
    """

    __slots__ = ("expected", "following", "instructions", "license", "only", "otherwise")

    def __init__(self, program: "Program", instructions: tuple[int, ...]) -> None:
        """Sort the instructions by what they read."""
        operations, arguments = program.operations, program.arguments
        self.instructions = instructions
        self.otherwise = [each for each in instructions if operations[each] == INST_ANY]
        ended = [arguments[each] for each in instructions if operations[each] == INST_MATCH]
        self.license: int = min(ended, default=-1)
        expected: dict[int, list[int]] = {}
        for each in instructions:
            if operations[each] == INST_WORD:
                expected.setdefault(arguments[each], []).append(each)
        self.expected = dict(sorted(expected.items()))
        self.following: dict[int, State] = {}
        is_alone = len(expected) == 1 and not self.otherwise and not ended
        self.only = program.common_words(instructions) if is_alone else []


class Program:
    """The compiled phrases: instructions of one operation and one argument."""

    def __init__(self, compiled: MultiRE) -> None:
        """Take what licenseclassifier has compiled."""
        self.operations = bytes(compiled.ops.tolist())
        self.arguments: array[int] = compiled.args

    def common_words(self, instructions: tuple[int, ...]) -> list[int]:
        """Return the words that all of some places in the program read next."""
        first = instructions[0]
        length = min(self.words_from(each) for each in instructions)
        words = self.arguments[first : first + length].tolist()
        for each in instructions[1:]:
            others = self.arguments[each : each + length].tolist()
            if others != words:
                length = common_length(words, others)
                words = words[:length]
        return words

    def words_from(self, place: int) -> int:
        """Return how many instructions from a place on read one word each."""
        found = WORDS_IN_A_ROW.match(self.operations, place)
        return found.end() - place if found else 0

    def behind(self, instructions: Sequence[int], word: int) -> tuple[int, ...]:
        """Return the instructions that follow when a word is read."""
        behind: tuple[int, ...] = _nfa_next(self.operations, self.arguments, instructions, word)
        return behind


def common_length(words: Sequence[int], others: Sequence[int]) -> int:
    """Return how many words two lists have in common at their beginning."""
    pairs = enumerate(zip(words, others, strict=False))
    return next((place for place, (a, b) in pairs if a != b), min(len(words), len(others)))


class Automaton:
    """licensecheck's automaton: the longest licence from a word on, with some slips of the pen."""

    def __init__(self, compiled: MultiRE) -> None:
        """Begin where all licences begin."""
        self._dictionary: Dict = compiled.dict
        self._spellings: list[str] = compiled.dict.list
        self._program = Program(compiled)
        self._states: dict[tuple[int, ...], State] = {}
        self._start = self.state(compiled._start_state)

    def state(self, instructions: tuple[int, ...]) -> State:
        """Return the state of some instructions, which is made once."""
        state = self._states.get(instructions)
        if state is None:
            state = self._states[instructions] = State(self._program, instructions)
        return state

    def follow(self, state: State, word: int) -> State:
        """Return the state behind a word that is expected, or behind `ANY_WORD`."""
        following = state.following.get(word)
        if following is None:
            reading = [*state.expected.get(word, ()), *state.otherwise]
            following = self.state(self._program.behind(reading, word))
            state.following[word] = following
        return following

    def follow_only(self, state: State, length: int) -> State:
        """Return the state behind so many of the words that have to follow."""
        if length == 1:
            return self.follow(state, state.only[0])
        following = state.following.get(-length)
        if following is None:
            last = tuple(each + length - 1 for each in state.instructions)
            following = self.state(self._program.behind(last, state.only[length - 1]))
            state.following[-length] = following
        return following

    def run(self, words: Words, first: int, folded: "Folded") -> tuple[int, int]:
        """Return the number of the longest licence from a word on and of its words, or -1 and 0."""
        numbers, spelled = words.numbers, words.spelled
        state, place, end = self._start, first, len(numbers)
        license_number, length = -1, 0
        while place < end:
            if state.license >= 0:
                license_number, length = state.license, place - first
            if only := state.only:
                read = numbers[place : place + len(only)]
                same = len(only) if read == only else common_length(read, only)
                if same:
                    state = self.follow_only(state, same)
                    place += same
                    continue
            number = numbers[place]
            following = state.following.get(number) if number >= 0 else None
            if following is None and number in state.expected:
                following = self.follow(state, number)
            if following is not None:
                state = following
                place += 1
                continue
            have = folded[spelled[place]]
            have_next = folded[spelled[place + 1]] if place + 1 < end else ""
            for wanted in state.expected:
                want = self._spellings[wanted]
                if _can_misspell_join(want, have, have_next):
                    state = self.follow(state, wanted)
                    place += 2
                    break
                if len(have) > len(want) and have.startswith(want):
                    between = self.follow(state, wanted)
                    following = self.follow_spelled(between, have[len(want) :])
                    if following is not None:
                        if between.license >= 0:
                            license_number, length = between.license, place - first
                        state = following
                        place += 1
                        break
                if _can_misspell(want, have):
                    state = self.follow(state, wanted)
                    place += 1
                    break
            else:
                if not state.otherwise:
                    return license_number, length
                state = self.follow(state, ANY_WORD)
                place += 1
        if state.license >= 0:
            license_number, length = state.license, end - first
        return license_number, length

    def follow_spelled(self, state: State, rest: str) -> State | None:
        """Return the state behind the rest of two words that are written as one, or None."""
        number = self._dictionary.lookup(rest)
        if number in state.expected:
            return self.follow(state, number)
        return self.follow(state, ANY_WORD) if state.otherwise else None


class Numbers(dict[str, int]):
    """The numbers of words by their spelling, each looked up once."""

    def __init__(self, words: Dict) -> None:
        """Use the numbers of a dictionary."""
        super().__init__()
        self._words = words

    def __missing__(self, written: str) -> int:
        """Return the number of one word from the dictionary."""
        number: int = self._words.split(written)[0][0]
        self[written] = number
        return number


class Folded(dict[str, str]):
    """The spellings of words as licensecheck compares them, each folded once."""

    def __missing__(self, written: str) -> str:
        """Return a word without capitals, accents and parentheses."""
        folded: str = to_fold(written)
        self[written] = folded
        return folded


def is_plain(text: str) -> bool:
    """Return whether `WORD` finds the same letters and digits, also outside ASCII."""
    if text.isascii():
        return True
    others = {each for each in set(text) if each > "\x7f"}
    return not any(
        unicodedata.category(each) == "Mn"
        or (each.isalpha() or each.isdigit()) != (WORD.fullmatch(each) is not None)
        for each in others - {"©"}
    )


def without_unclosed(text: str) -> str:
    """Return a text of the same words and length in which every anchor and link is closed.

    Behind each beginning the end is searched for, so many beginnings without an end would take
    quadratic time.
    """
    for opening, closing, run in UNCLOSED:
        if text.count(opening) < 2:
            continue
        parts: list[str] = []
        done = 0
        for match in run.finditer(text):
            if opening in match[0]:
                last = match.start() + match[0].rfind(closing) + 1
                parts += [text[done:last], text[last : match.end()].replace(opening, "..")]
                done = match.end()
        text = "".join([*parts, text[done:]])
    return text


def without_markup(text: str) -> str:
    """Return a text with blanks where it has tags and entities of HTML, and links of Markdown."""
    parts: list[str] = []
    done = place = 0
    while found := MARKUP.search(text, place):
        start = found.start()
        size = SIZES[text[start]](text, start)
        if size:
            parts += [text[done:start], " " * size]
            done = start + size
        place = start + max(1, size)
    return "".join([*parts, text[done:]])
