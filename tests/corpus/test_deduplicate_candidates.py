"""Candidates equal datasketch's, and copies in thousands stay cheap."""

import random
import time
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import numpy.typing as npt
import pytest
from datasketch import MinHash, MinHashLSH
from hypothesis import given, settings
from hypothesis import strategies as st

from corpus.deduplicate import Buckets, Stars, band_keys, buckets, stars, version_key
from corpus.deduplicate.exact import joined
from corpus.deduplicate.stars import InsidePackage
from corpus.fingerprint import signature

Signatures = npt.NDArray[np.uint32]


def pairs(found: Buckets) -> set[tuple[int, int]]:
    """All pairs that share a bucket."""
    return {
        pair
        for start, end in zip(found.starts[:-1], found.starts[1:], strict=True)
        for pair in combinations(found.members[start:end].tolist(), 2)
    }


def everyone(signatures: Signatures, bands: tuple[int, int] = (25, 5)) -> Buckets:
    return buckets(band_keys(signatures, bands), np.ones(len(signatures), dtype=bool))


def datasketch_pairs(signatures: Signatures, bands: tuple[int, int]) -> set[tuple[int, int]]:
    """What `MinHashLSH` answers when every document asks for its candidates."""
    index = MinHashLSH(num_perm=128, params=bands)
    minhashes = [MinHash(hashvalues=row, scheme="affine32") for row in signatures]
    for number, minhash in enumerate(minhashes):
        index.insert(number, minhash)
    answers = {number: index.query(minhash) for number, minhash in enumerate(minhashes)}
    return {(a, b) for a, found in answers.items() for b in found if a < b}


def shifted(count: int, seed: int) -> Signatures:
    """Signatures of overlapping ranges, whose similarities spread from 0 to 1."""
    places = np.random.default_rng(seed).integers(0, 600, count)
    sets = [np.arange(place, place + 200, dtype=np.uint64) for place in places]
    return np.stack([signature(shingles, 128, 1) for shingles in sets])


@pytest.mark.parametrize("bands", [(25, 5), (9, 13), (128, 1)])
@pytest.mark.parametrize("seed", [1, 2])
def test_candidates_equal_datasketch(bands: tuple[int, int], seed: int) -> None:
    signatures = shifted(150, seed)
    found = pairs(everyone(signatures, bands))
    assert found == datasketch_pairs(signatures, bands)
    assert len(found) > 100


@settings(deadline=None)
@given(st.lists(st.lists(st.integers(0, 2), min_size=4, max_size=4), max_size=12))
def test_candidates_agree_on_a_whole_band(rows: list[list[int]]) -> None:
    signatures = np.array(rows, dtype=np.uint32).reshape(-1, 4)
    assert pairs(everyone(signatures, (2, 2))) == {
        (a, b)
        for a, b in combinations(range(len(rows)), 2)
        if rows[a][:2] == rows[b][:2] or rows[a][2:] == rows[b][2:]
    }


def test_documents_that_take_no_part_are_not_candidates() -> None:
    signatures = np.zeros((3, 128), dtype=np.uint32)
    found = buckets(band_keys(signatures, (25, 5)), np.array([True, False, True]))
    assert pairs(found) == {(0, 2)}


class CountingShingles:
    """Shingles in memory, and how often they were asked for."""

    def __init__(self, sets: list[npt.NDArray[np.uint64]]) -> None:
        self.sets = sets
        self.sizes = np.array([len(shingles) for shingles in sets])
        self.reads = 0

    def shingles(self, document: int) -> npt.NDArray[np.uint64]:
        self.reads += 1
        return self.sets[document]


def test_a_bucket_of_copies_costs_one_comparison_a_copy() -> None:
    base = np.arange(200, dtype=np.uint64)
    copies = [np.append(base, np.uint64(1000 + place)) for place in range(3000)]
    store = CountingShingles(copies)
    settled = stars(everyone(np.zeros((3000, 128), dtype=np.uint32)), store, 0.7)
    assert store.reads == 3000
    assert set(settled.representatives.tolist()) == {0}
    assert set(settled.components.tolist()) == {0}


def test_a_bucket_of_strangers_is_compared_pair_by_pair() -> None:
    sets = [np.arange(place * 50, place * 50 + 50, dtype=np.uint64) for place in range(100)]
    store = CountingShingles(sets)
    settled = stars(everyone(np.zeros((100, 128), dtype=np.uint32)), store, 0.7)
    assert store.reads == 99 + 100 * 99 // 2
    assert settled.representatives.tolist() == list(range(100))


def test_a_long_chain_of_equal_codes_is_one_group_after_few_steps() -> None:
    """50,000 rows that two columns join in turns, in any order: 25,000 steps, when made singly."""
    places = np.random.default_rng(1).permutation(50_000)
    began = time.process_time()
    assert set(joined(places // 2, (places + 1) // 2).tolist()) == {0}
    assert time.process_time() - began < 2


@dataclass(frozen=True)
class Settled:
    stars: Stars
    reads: int


def of_one_package(sets: list[npt.NDArray[np.uint64]], paths: npt.NDArray[np.int32]) -> Settled:
    """Settle documents without functions of one package that are all candidates, 10 in vain."""
    count = len(sets)
    store, none = CountingShingles(sets), CountingShingles([np.empty(0, dtype=np.uint64)] * count)
    packages, firsts = np.zeros(count, dtype=np.int32), np.zeros(count, dtype=np.uint64)
    inside = InsidePackage(0.95, 16, 10, packages, paths, none, firsts)
    candidates = everyone(np.zeros((count, 128), dtype=np.uint32))
    return Settled(stars(candidates, store, 0.7, inside), store.reads)


def shaped(place: int, own: int = 10) -> npt.NDArray[np.uint64]:
    """A hundred shingles, of which `own` are of no other place."""
    first = 1000 + 100 * place
    return np.append(np.arange(100 - own), np.arange(first, first + own)).astype(np.uint64)


@pytest.mark.parametrize("own", [10, 25])
def test_a_crowd_of_one_shape_in_one_package_costs_so_many_comparisons_each(own: int) -> None:
    """Of similarity .82, all kept, and of similarity .6, which are no near-duplicates at all."""
    sets = [shaped(place, own) for place in range(300)]
    settled = of_one_package(sets, np.arange(300, dtype=np.int32))
    assert settled.stars.representatives.tolist() == list(range(300))
    assert settled.reads <= 300 * (1 + 10)


def test_of_a_crowd_of_copies_in_one_package_the_first_stands() -> None:
    sets = [shaped(place, 2) for place in range(300)]
    settled = of_one_package(sets, np.arange(300, dtype=np.int32))
    assert set(settled.stars.representatives.tolist()) == {0}
    assert set(settled.stars.components.tolist()) == {0}
    assert settled.reads <= 2 * 300


def test_earlier_states_of_a_file_are_found_in_any_crowd() -> None:
    """Twenty files of one shape in ten versions: those of the newest version stand."""
    sets = [shaped(place % 20) for place in range(200)]
    settled = of_one_package(sets, np.arange(200, dtype=np.int32) % 20)
    assert settled.stars.representatives.tolist() == [*range(20)] * 10


def test_a_copy_of_a_crowd_under_another_name_is_dropped_whole() -> None:
    sets = [shaped(place) for place in range(100)] * 2
    store = CountingShingles(sets)
    none = CountingShingles([np.empty(0, dtype=np.uint64)] * 200)
    packages, paths = np.repeat([0, 1], 100).astype(np.int32), np.arange(200, dtype=np.int32)
    inside = InsidePackage(0.95, 16, 10, packages, paths, none, np.zeros(200, dtype=np.uint64))
    settled = stars(everyone(np.zeros((200, 128), dtype=np.uint32)), store, 0.7, inside)
    kept = settled.representatives == np.arange(200)
    assert kept.tolist() == [True] * 100 + [False] * 100


def test_documents_of_very_different_size_are_not_compared() -> None:
    store = CountingShingles([np.arange(size, dtype=np.uint64) for size in (100, 69)])
    stars(everyone(np.zeros((2, 128), dtype=np.uint32)), store, 0.7)
    assert store.reads == 0


def test_versions_sort_as_semantic_versioning_says() -> None:
    old_to_new = [
        *("0123abcd", "main"),
        *("0.9", "1.0.0-alpha", "1.0.0-alpha.1", "1.0.0-alpha.beta", "1.0.0-beta", "1.0.0-beta.2"),
        *("1.0.0-beta.11", "1.0.0-rc.1", "1.0.0", "1.0.0+build.2", "v1.2", "1.10.0"),
    ]
    shuffled = random.Random(1).sample(old_to_new, len(old_to_new))
    assert sorted(shuffled, key=version_key) == old_to_new
