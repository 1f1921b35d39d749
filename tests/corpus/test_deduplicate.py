"""Clusters: what is kept, what is dropped for what, and that nothing else decides it."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from corpus.deduplicate import BadFingerprints, NearDuplicates, cluster
from corpus.fingerprint import signature
from corpus.parts import read_part, write_part
from corpus.tables import CLUSTERS, FINGERPRINTS

CONFIG = NearDuplicates()
Row = dict[str, Any]


def document(name: str, shingles: Sequence[int], **changed: Any) -> Row:
    """A fingerprint row in a package of its own: its code is a digest of its shingles."""
    values = np.unique(np.array(shingles, dtype=np.uint64))
    row: Row = {
        "document_id": name,
        "content_id": name,
        "source": "hex",
        "package": f"package_{name}",
        "version": "1.0.0",
        "archive_sha256": "",
        "path": f"lib/{name}.ex",
        "bytes": 100,
        "role": "library",
        "license_evidence": "verified",
        "normalized_id": hashlib.sha256(values.tobytes()).hexdigest(),
        "shingles": values.tolist(),
        "signature": signature(values, 128, 1).tobytes(),
        "functions": [],
    }
    return row | changed


def write(path: Path, rows: Sequence[Row]) -> Path:
    write_part(pa.Table.from_pylist(list(rows), schema=FINGERPRINTS), path)
    return path


def clusters(
    folder: Path,
    *rows: Row,
    config: NearDuplicates = CONFIG,
    published: Mapping[tuple[str, str], int] | None = None,
) -> dict[str, tuple[Any, ...]]:
    """document_id -> (cluster_id, representative_id, relation, similarity to three places)."""
    part, destination = write(folder / "part.arrow", rows), folder / "clusters.arrow"
    found = cluster([part], destination, config, published)
    return as_dict(found)


def as_dict(path: Path) -> dict[str, tuple[Any, ...]]:
    return {
        name: (*rest, round(similarity, 3))
        for name, *rest, similarity in (tuple(row.values()) for row in read_part(path).to_pylist())
    }


def representatives(found: Mapping[str, tuple[Any, ...]]) -> dict[str, str]:
    return {name: row[1] for name, row in found.items()}


def test_documents_with_nothing_in_common_stand_for_themselves(tmp_path: Path) -> None:
    found = clusters(tmp_path, document("b", range(50)), document("a", range(50, 100)))
    assert found == {"a": ("a", "a", "representative", 1.0), "b": ("b", "b", "representative", 1.0)}


def test_equal_code_is_an_exact_duplicate(tmp_path: Path) -> None:
    found = clusters(tmp_path, document("b", range(50)), document("a", range(50)))
    assert found == {"a": ("a", "a", "representative", 1.0), "b": ("a", "a", "exact", 1.0)}


def test_equal_bytes_are_an_exact_duplicate_whatever_their_language_makes_of_them(
    tmp_path: Path,
) -> None:
    rows = [
        document("a", range(50), content_id="same"),
        document("b", range(50, 100), content_id="same"),
    ]
    assert clusters(tmp_path, *rows)["b"] == ("a", "a", "exact", 1.0)


def test_equal_bytes_and_equal_code_in_turns_are_one_group(tmp_path: Path) -> None:
    rows = [
        document("a", range(50), content_id="one"),
        document("b", range(50, 100), content_id="one"),
        document("c", range(50, 100), content_id="two"),
        document("d", range(100, 150), content_id="two"),
    ]
    found = representatives(clusters(tmp_path, *rows))
    assert found == dict.fromkeys("abcd", "a")


def test_similar_code_is_a_near_duplicate(tmp_path: Path) -> None:
    found = clusters(tmp_path, document("a", range(100)), document("b", range(10, 110)))
    assert found == {"a": ("a", "a", "representative", 1.0), "b": ("a", "a", "near", 0.818)}


def test_a_similarity_of_exactly_the_threshold_is_enough(tmp_path: Path) -> None:
    found = clusters(tmp_path, document("a", range(70)), document("b", range(100)))
    assert found["b"] == ("a", "a", "near", 0.7)


def test_a_similarity_just_below_the_threshold_is_not(tmp_path: Path) -> None:
    found = clusters(tmp_path, document("a", range(699)), document("b", range(1000)))
    assert found["b"] == ("b", "b", "representative", 1.0)


def test_the_end_of_a_chain_is_kept_in_the_same_cluster(tmp_path: Path) -> None:
    """A is near B and B near C, but A is not near C: dropping C for A would lose its code."""
    a, b, c = (document(name, range(at, at + 100)) for name, at in (("a", 0), ("b", 15), ("c", 30)))
    assert clusters(tmp_path, a, b, c) == {
        "a": ("a", "a", "representative", 1.0),
        "b": ("a", "a", "near", 0.739),
        "c": ("a", "c", "representative", 1.0),
    }


def test_two_stars_that_meet_in_dropped_documents_only_are_one_cluster(tmp_path: Path) -> None:
    """A and C are kept; B is dropped for A, D for C, and only B and D are near each other."""
    places = {"a": 0, "c": 45, "b": 15, "d": 30}
    rows = [
        document(name, range(at, at + 100), role="library" if name in "ac" else "test")
        for name, at in places.items()
    ]
    found = clusters(tmp_path, *rows)
    assert representatives(found) == {"a": "a", "b": "a", "c": "c", "d": "c"}
    assert {row[0] for row in found.values()} == {"a"}


def test_an_exact_duplicate_of_a_dropped_document_is_dropped_with_it(tmp_path: Path) -> None:
    rows = [document("a", range(100)), document("b", range(10, 110)), document("c", range(10, 110))]
    assert clusters(tmp_path, *rows)["c"] == ("a", "a", "near", 0.818)


def test_documents_without_tokens_are_exact_duplicates_only(tmp_path: Path) -> None:
    rows = [document("a", []), document("b", []), document("c", [], normalized_id="other")]
    found = clusters(tmp_path, *rows)
    assert found["b"] == ("a", "a", "exact", 1.0)
    assert found["c"] == ("c", "c", "representative", 1.0)


def test_equal_shingles_of_different_code_are_near_duplicates(tmp_path: Path) -> None:
    rows = [document("a", range(9)), document("b", range(9), normalized_id="repeats itself")]
    assert clusters(tmp_path, *rows)["b"] == ("a", "a", "near", 1.0)


@pytest.mark.parametrize(
    ("preferred", "other"),
    [
        ({"license_evidence": "verified"}, {"license_evidence": "text_only"}),
        ({"license_evidence": "text_only"}, {"license_evidence": "declared_only"}),
        ({"license_evidence": "declared_only"}, {"license_evidence": "something_new"}),
        ({"license_evidence": "verified", "role": "test"}, {"license_evidence": "text_only"}),
        ({"role": "library"}, {"role": "test"}),
        ({"role": "library", "package": "z"}, {"role": "script", "package": "a"}),
        ({"version": "1.10.0"}, {"version": "1.9.0"}),
        ({"version": "1.9.0", "path": "z"}, {"version": "1.9.0-rc.1", "path": "a"}),
        ({"version": "0.1.0"}, {"version": "9f2c41ab"}),
        ({"package": "a", "version": "1.0.0"}, {"package": "b", "version": "2.0.0"}),
        ({"path": "lib/a.ex"}, {"path": "lib/b.ex"}),
    ],
)
def test_the_representative_is_the_preferred_document(
    tmp_path: Path, preferred: Row, other: Row
) -> None:
    rows = [
        document(name, range(50), **{"package": "package", **changed})
        for name, changed in (("a", other), ("z", preferred))
    ]
    assert representatives(clusters(tmp_path, *rows)) == {"a": "z", "z": "z"}


@pytest.mark.parametrize(
    ("preferred", "other"),
    [
        (2015, 2019),
        (2015, None),
        (None, None),
    ],
)
def test_the_package_that_was_published_first_stands_whatever_else_speaks_for_the_other(
    tmp_path: Path, preferred: int | None, other: int | None
) -> None:
    times = {"b_original": preferred, "a_copy": other}
    best = {"license_evidence": "verified", "role": "library"}
    worse = {"license_evidence": "declared_only", "role": "test"}
    if preferred is None:
        best, worse = worse, best
    rows = [
        document("copy", range(50), package="a_copy", **best),
        document("original", range(50), package="b_original", **worse),
    ]
    published = {("hex", name): time for name, time in times.items() if time is not None}
    assert representatives(clusters(tmp_path, *rows, published=published)) == {
        "copy": "original",
        "original": "original",
    }


def test_inside_a_package_the_newest_version_stands_whenever_it_was_published(
    tmp_path: Path,
) -> None:
    rows = [
        document("old", range(95), package="p", version="1.0.0", path="lib/p.ex"),
        document("new", range(100), package="p", version="1.1.0", path="lib/p.ex"),
    ]
    found = clusters(tmp_path, *rows, published={("hex", "p"): 2015})
    assert representatives(found) == {"old": "new", "new": "new"}


def alike(name: str, package: str, functions: Sequence[int], *, at: int = 3, **more: Any) -> Row:
    """A document of a hundred shingles, of which `at` are not those of the one at 0."""
    code = {"package": package, "functions": functions, "normalized_id": name}
    return document(name, range(at, at + 100), **code | more)


def test_documents_of_one_package_that_share_a_shape_are_kept_unless_no_function_is_lost(
    tmp_path: Path,
) -> None:
    rows = [
        alike("a", "one", [1, 2, 3], at=0),
        alike("b", "one", [2, 3]),
        alike("c", "one", [3, 4]),
        alike("d", "two", [5]),
    ]
    found = clusters(tmp_path, *rows)
    assert representatives(found) == {"a": "a", "b": "a", "c": "c", "d": "a"}
    assert {row[0] for row in found.values()} == {"a"}


def test_a_document_of_one_package_is_dropped_for_the_first_that_holds_all_its_functions(
    tmp_path: Path,
) -> None:
    rows = [alike(name, "one", held) for name, held in (("a", [1]), ("b", [2]), ("c", [2]))]
    assert representatives(clusters(tmp_path, *rows)) == {"a": "a", "b": "b", "c": "b"}


@pytest.mark.parametrize(("at", "kept"), [(5, False), (6, True)])
def test_what_is_no_function_has_to_stand_in_the_other_as_well(
    tmp_path: Path, at: int, kept: bool
) -> None:
    """Templates, tests and schemas: 95 of 100 shingles are enough, 94 are not."""
    rows = [alike("a", "one", [], at=0), alike("b", "one", [], at=at)]
    assert representatives(clusters(tmp_path, *rows))["b"] == ("b" if kept else "a")


@pytest.mark.parametrize(("at", "kept"), [(16, False), (17, True)])
def test_of_a_long_document_no_more_may_be_missing_than_of_a_short_one(
    tmp_path: Path, at: int, kept: bool
) -> None:
    """A test more in a file of a thousand shingles is one that stands nowhere else."""
    rows = [
        document(name, range(first, first + 1000), package="one", normalized_id=name)
        for name, first in (("a", 0), ("b", at))
    ]
    assert representatives(clusters(tmp_path, *rows))["b"] == ("b" if kept else "a")


@pytest.mark.parametrize(
    ("path", "stands"),
    [
        ("lib/vendor/jason/decoder.ex", "own"),
        ("apps/web/lib/third_party/jason-1.4.0/decoder.ex", "own"),
        ("lib/vendor/decoder.ex", "older"),
        ("lib/vendor/poison/decoder.ex", "older"),
        ("lib/vendor/older/decoder.ex", "older"),
        ("lib/jason/decoder.ex", "older"),
    ],
)
def test_what_an_older_package_keeps_of_another_in_a_folder_for_that_is_dropped(
    tmp_path: Path, path: str, stands: str
) -> None:
    rows = [
        document("own", range(50), package="jason", path="lib/decoder.ex"),
        document("older", range(51), package="older", path=path),
    ]
    published = {("hex", "older"): 2012, ("hex", "jason"): 2017}
    found = representatives(clusters(tmp_path, *rows, published=published))
    assert set(found.values()) == {stands}


def test_an_earlier_state_of_a_file_is_dropped_for_a_later_one_that_resembles_it(
    tmp_path: Path,
) -> None:
    rows = [
        alike("new", "one", [2], at=0, version="2.0.0", path="lib/a.ex"),
        alike("old", "one", [1], at=9, version="1.0.0", path="lib/a.ex"),
        alike("elsewhere", "one", [3], at=9, version="1.0.0", path="lib/b.ex"),
    ]
    found = representatives(clusters(tmp_path, *rows))
    assert found == {"new": "new", "old": "new", "elsewhere": "elsewhere"}


def test_packages_of_one_name_from_two_sources_are_two(tmp_path: Path) -> None:
    rows = [alike("a", "one", [1], at=0), alike("b", "one", [2], source="github")]
    assert representatives(clusters(tmp_path, *rows)) == {"a": "a", "b": "a"}


def test_the_output_has_the_schema_and_is_sorted(tmp_path: Path) -> None:
    path = write(tmp_path / "part.arrow", [document(name, range(9)) for name in "cab"])
    table = read_part(cluster([path], tmp_path / "made" / "clusters.arrow", CONFIG))
    assert table.schema.equals(CLUSTERS)
    assert table["document_id"].to_pylist() == ["a", "b", "c"]


@pytest.mark.parametrize("parts", [0, 1])
def test_no_documents_give_no_rows(tmp_path: Path, parts: int) -> None:
    paths = [write(tmp_path / f"{part}.arrow", []) for part in range(parts)]
    found = cluster(paths, tmp_path / "clusters.arrow", CONFIG)
    assert read_part(found).num_rows == 0


def test_nothing_but_the_result_is_left_behind(tmp_path: Path) -> None:
    clusters(tmp_path, document("a", range(50)), document("b", range(50)))
    assert {path.name for path in tmp_path.iterdir()} == {"part.arrow", "clusters.arrow"}


def test_an_existing_result_is_left_as_it_is(tmp_path: Path) -> None:
    destination = tmp_path / "clusters.arrow"
    destination.write_bytes(b"done")
    assert cluster([tmp_path / "gone.arrow"], destination, CONFIG) == destination
    assert destination.read_bytes() == b"done"


@dataclass(frozen=True)
class Drawn:
    """One of a hundred shingles from four kins, shifted by up to thirty."""

    kin: int
    shift: int
    role: str
    package: str
    path: str
    functions: frozenset[int]


edits = st.lists(
    st.builds(
        Drawn,
        kin=st.integers(0, 3),
        shift=st.integers(0, 30),
        role=st.sampled_from(["library", "test"]),
        package=st.sampled_from("pqr"),
        path=st.sampled_from(["lib/x.ex", "lib/y.ex"]),
        functions=st.frozensets(st.integers(1, 3)),
    ),
    min_size=1,
    max_size=14,
)
TIGHT = NearDuplicates(bands=(128, 1))
"""Every pair that could reach the threshold is a candidate, but for one chance in 10**67."""
PUBLISHED = {("hex", "q"): 1, ("hex", "p"): 2}
"""When packages were published first; of r it is not known."""


def family(chosen: Sequence[Drawn]) -> list[Row]:
    """Documents, each in a version of its package of its own."""
    return [
        document(
            f"{place:02}",
            range(1000 * drawn.kin + drawn.shift, 1000 * drawn.kin + drawn.shift + 100),
            role=drawn.role,
            package=drawn.package,
            path=drawn.path,
            version=f"{place}.0.0",
            functions=sorted(drawn.functions),
            normalized_id=f"{place}",
        )
        for place, drawn in enumerate(chosen)
    ]


def jaccard(left: Row, right: Row) -> float:
    mine, theirs = set(left["shingles"]), set(right["shingles"])
    return len(mine & theirs) / len(mine | theirs)


def may_stand_for(kept: Row, row: Row) -> bool:
    """The rule for one pair: a document, and one that is kept and may stand for it."""
    if jaccard(kept, row) < 0.7:
        return False
    if kept["package"] != row["package"] or kept["path"] == row["path"]:
        return True
    held = set(kept["shingles"]) & set(row["shingles"])
    return set(row["functions"]) <= set(kept["functions"]) and len(held) >= 95


def expected(rows: Sequence[Row]) -> dict[str, tuple[str, str, float]]:
    """Cluster, representative and similarity of each document, by comparing all pairs."""
    ordered = sorted(
        rows, key=lambda row: ("qpr".index(row["package"]), row["role"], -int(row["document_id"]))
    )
    cluster_ids = {row["document_id"]: row["document_id"] for row in rows}
    kept: list[Row] = []
    stands: dict[str, tuple[str, float]] = {}
    for row in ordered:
        name = row["document_id"]
        near = [(k["document_id"], jaccard(k, row)) for k in kept if may_stand_for(k, row)]
        if not near:
            kept.append(row)
        stands[name] = near[0] if near else (name, 1.0)
        for other in rows:
            if jaccard(row, other) >= 0.7:
                joined = {cluster_ids[name], cluster_ids[other["document_id"]]}
                for member, found in cluster_ids.items():
                    if found in joined:
                        cluster_ids[member] = min(joined)
    return {name: (cluster_ids[name], *stands[name]) for name in sorted(stands)}


@settings(max_examples=60, deadline=None)
@given(chosen=edits)
def test_clusters_equal_a_comparison_of_all_pairs(
    tmp_path_factory: pytest.TempPathFactory, chosen: list[Drawn]
) -> None:
    rows = family(chosen)
    folder = tmp_path_factory.mktemp("pairs")
    found = clusters(folder, *rows, config=TIGHT, published=PUBLISHED)
    by_name = {row["document_id"]: row for row in rows}
    for name, (_, stands, relation, _) in found.items():
        assert relation != "near" or may_stand_for(by_name[stands], by_name[name])
        assert found[stands][2] == "representative"
    assert {n: (c, r, s) for n, (c, r, _, s) in found.items()} == {
        name: (c, r, round(similarity, 3)) for name, (c, r, similarity) in expected(rows).items()
    }


@settings(max_examples=30, deadline=None)
@given(chosen=edits, data=st.data())
def test_order_and_division_of_the_input_change_nothing(
    tmp_path_factory: pytest.TempPathFactory,
    chosen: list[Drawn],
    data: st.DataObject,
) -> None:
    folder = tmp_path_factory.mktemp("parts")
    rows = family(chosen)
    whole = cluster([write(folder / "whole", rows)], folder / "from_whole", CONFIG, PUBLISHED)
    shuffled = data.draw(st.permutations(rows))
    cuts = sorted(data.draw(st.lists(st.integers(0, len(rows)), max_size=3)))
    pieces = zip([0, *cuts], [*cuts, len(rows)], strict=True)
    parts = [write(folder / f"{a}-{i}", shuffled[a:b]) for i, (a, b) in enumerate(pieces)]
    divided = cluster(parts, folder / "from_parts", CONFIG, PUBLISHED)
    assert divided.read_bytes() == whole.read_bytes()


def damaged(change: str) -> pa.Table:
    table = pa.Table.from_pylist([document("a", range(9))], schema=FINGERPRINTS)
    column = table.schema.get_field_index
    match change:
        case "column role is missing":
            return table.drop_columns(["role"])
        case "column path is int64, not string":
            return table.set_column(column("path"), "path", pa.array([1]))
        case "column role holds nulls":
            return table.set_column(column("role"), "role", pa.array([None], pa.string()))
        case "column signature is fixed_size_binary[8], not fixed_size_binary[512]":
            short = pa.array([bytes(8)], pa.binary(8))
            return table.set_column(column("signature"), "signature", short)
        case "column shingles holds nulls":
            none = pa.array([None], FINGERPRINTS.field("shingles").type)
            return table.set_column(column("shingles"), "shingles", none)
        case "shingles are not sorted and unique" | "functions are not sorted and unique":
            name = change.split()[0]
            twice = pa.array([[7, 7]], FINGERPRINTS.field(name).type)
            return table.set_column(column(name), name, twice)
        case _:
            return pa.concat_tables([table, table])


@pytest.mark.parametrize(
    "problem",
    [
        "column role is missing",
        "column path is int64, not string",
        "column role holds nulls",
        "column signature is fixed_size_binary[8], not fixed_size_binary[512]",
        "column shingles holds nulls",
        "shingles are not sorted and unique",
        "functions are not sorted and unique",
        "document_id a occurs more than once in the input",
    ],
)
def test_bad_fingerprints_are_named_and_nothing_is_written(tmp_path: Path, problem: str) -> None:
    part = tmp_path / "part.arrow"
    write_part(damaged(problem), part)
    with pytest.raises(BadFingerprints) as error:
        cluster([part], tmp_path / "clusters.arrow", CONFIG)
    advice = f"Remove the folder {tmp_path} and build again to remake it."
    assert str(error.value) == f"{part}: {problem}. {advice}"
    assert list(tmp_path.iterdir()) == [part]


def test_a_document_that_two_parts_hold_is_refused(tmp_path: Path) -> None:
    parts = [write(tmp_path / name, [document("a", range(9))]) for name in ("one", "two")]
    with pytest.raises(BadFingerprints, match="two: document_id a occurs more than once"):
        cluster(parts, tmp_path / "clusters", CONFIG)


@pytest.mark.parametrize("content", [b"", b"<html>not Arrow</html>", None])
def test_a_part_that_is_not_arrow_is_refused(tmp_path: Path, content: bytes | None) -> None:
    part = tmp_path / "part.arrow"
    if content is not None:
        part.write_bytes(content)
    with pytest.raises(BadFingerprints, match=r"part\.arrow: cannot be read"):
        cluster([part], tmp_path / "clusters.arrow", CONFIG)


def test_a_truncated_part_is_refused(tmp_path: Path) -> None:
    part = write(tmp_path / "part.arrow", [document("a", range(9))])
    whole = part.read_bytes()
    part.write_bytes(whole[:50] + bytes(len(whole) - 2000) + whole[-1950:])
    with pytest.raises(BadFingerprints, match="cannot be read"):
        cluster([part], tmp_path / "clusters.arrow", CONFIG)


@pytest.mark.parametrize("threshold", [0.0, -1.0, 1.1])
def test_a_threshold_that_is_no_similarity_is_refused(threshold: float) -> None:
    with pytest.raises(ValueError, match="above 0, at most 1"):
        NearDuplicates(threshold=threshold)


@pytest.mark.parametrize("share", [0.0, 1.1])
def test_a_share_that_is_none_is_refused(share: float) -> None:
    with pytest.raises(ValueError, match="share of shingles: above 0, at most 1"):
        NearDuplicates(within_package=share)


@pytest.mark.parametrize("bands", [(26, 5), (0, 5), (5, 0)])
def test_bands_that_do_not_fit_are_refused(bands: tuple[int, int]) -> None:
    with pytest.raises(ValueError, match="do not fit into 128 permutations"):
        NearDuplicates(bands=bands)
