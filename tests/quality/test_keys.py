import numpy as np
import pyarrow as pa

from quality.lookup import among, joined, keys


def test_equal_ids_have_equal_keys_whatever_they_look_like() -> None:
    found = keys(pa.array(["a" * 64, "no digest", "a" * 64, "", "A" * 64]))
    assert found.itemsize == 16
    assert [int(np.flatnonzero(found == key)[0]) for key in found] == [0, 1, 0, 3, 4]


def test_an_unknown_id_has_no_key() -> None:
    assert len(keys(pa.array([None, "a", None]))) == 1


def test_keys_are_found_by_their_first_place() -> None:
    ordered = np.sort(joined([keys(pa.array(["one", "two"])), keys(pa.array(["two"]))]))
    places = among(keys(pa.array(["two", "three"])), ordered)
    assert ordered[places[0]] == keys(pa.array(["two"]))[0]
    assert places[0] == 0 or ordered[places[0] - 1] != ordered[places[0]]
    assert places[1] == -1


def test_nothing_is_among_nothing() -> None:
    assert among(keys(pa.array(["one"])), joined([])).tolist() == [-1]
