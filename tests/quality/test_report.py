import json
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from corpus.release import Parent, Release, finalize
from quality.gate import judge
from quality.report import NoReport, ReportDiffers, read_report, write
from quality.report.documents import concentration
from quality.report.losses import duplicates
from quality.report.publishing import compose, count, tell
from quality.report.samples import instruct
from quality.verdict import GateVerdict
from tests.executors import Backwards
from tests.releases import (
    Row,
    document,
    example_documents,
    example_functions,
    example_instruct,
    example_rejects,
    example_release,
    instruction,
    reject,
    write_release,
)

PROJECT = Path(__file__).parents[2]
DOCUMENTATION = PROJECT / "docs/how-to/report.md"
TEMPLATES = PROJECT / "quality/report/templates"


def report_of(release: Release, verdict: GateVerdict | None = None) -> dict[str, Any]:
    write(release, verdict)
    return dict(read_report(release))


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory, sound_verdict: GateVerdict) -> dict[str, Any]:
    return report_of(example_release(tmp_path_factory.mktemp("reported")), sound_verdict)


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory, sound_verdict: GateVerdict) -> str:
    files = write(example_release(tmp_path_factory.mktemp("drawn")), sound_verdict)
    return files.html.read_text(encoding="utf-8")


def test_the_headline_figures_are_those_of_the_rows(report: dict[str, Any]) -> None:
    assert report["summary"] == {
        "documents": 5,
        "packages": 3,
        "archives_seen": 6,
        "files_seen": 12,
        "kept_share": 0.416667,
        "bytes": 724,
        "lines": 29,
        "lexical_tokens": 89,
        "estimated_llm_tokens": 212,
        "functions": 6,
        "instruct_rows": 2,
    }


def test_the_funnel_accounts_for_every_file_and_archive(report: dict[str, Any]) -> None:
    files, archives = report["funnel"]["files"], report["funnel"]["archives"]
    left_out = sum(row["count"] for stage in files["stages"] for row in stage["reasons"])
    assert files["seen"] - left_out == files["documents"] == 5
    assert files["rejected_bytes"]["oversized"] == 2_000_000
    assert [(row["reason"], row["count"]) for row in archives["reasons"]] == [
        ("gone", 1),
        ("license_not_permitted", 1),
        ("truncated", 1),
    ]
    assert archives["kept"] == 3
    assert archives["seen"] - sum(row["count"] for row in archives["reasons"]) == 3


def test_licences_splits_and_languages_add_up(report: dict[str, Any]) -> None:
    licenses = {row["name"]: row["documents"] for row in report["licenses"]["expressions"]}
    assert licenses == {"Apache-2.0": 3, "MIT": 2}
    evidence = {row["name"]: row["documents"] for row in report["licenses"]["evidence"]}
    assert evidence == {"verified": 4, "declared_only": 1}
    assert report["licenses"]["own"] == []
    assert report["licenses"]["refused"] == [
        {
            "expression": "GPL-3.0-only",
            "evidence": "declared_only",
            "reason": "license_not_permitted",
            "archives": 1,
            "share": 0.2,
        }
    ]
    splits = [(row["name"], row["documents"]) for row in report["composition"]["splits"]]
    assert splits == [("train", 3), ("validation", 1), ("test", 1)]
    languages = [(row["name"], row["documents"]) for row in report["composition"]["languages"]]
    assert languages == [("elixir", 4), ("erlang", 1)]


def test_duplicates_tell_counts_similarity_and_clusters(report: dict[str, Any]) -> None:
    found = report["duplicates"]
    assert (found["compared"], found["exact"]["documents"], found["near"]["documents"]) == (7, 1, 1)
    assert [row for row in found["similarities"] if row["count"]] == [
        {"from": 0.84, "to": 0.86, "count": 1}
    ]
    assert found["across_packages"]["pairs"] == [
        {"dropped": "kiosk", "kept": "shop", "documents": 1},
        {"dropped": "ledger", "kept": "shop", "documents": 1},
    ]
    assert found["clusters"]["largest"] == [
        {"files": 3, "kept": 1, "package": "shop", "path": "lib/price.ex"}
    ]
    close = report["samples"]["near_duplicates"]
    assert [(pair["similarity"], pair["kept"]["path"]) for pair in close] == [
        (0.842, "lib/price.ex")
    ]


def told(release: Release) -> dict[str, Any]:
    """The duplicates section on a release."""
    return dict(duplicates(count(release)))


def test_packages_that_are_mostly_copies_of_another_are_named(tmp_path: Path) -> None:
    web = [document("web", f"lib/{name}.ex", f"def {name}") for name in "abc"]
    mine = document("aaa_web", "lib/mine.ex", "def mine", bytes=100)
    dropped = [
        reject(package, row["path"], "deduplicate", reason, bytes=size, **stands)
        for row, package, reason, size, lost in (
            (web[0], "aaa_web", "exact_duplicate", 150, 0),
            (web[1], "aaa_web", "near_duplicate", 150, 2),
            (web[2], "other", "exact_duplicate", 50, 0),
        )
        for stands in [{"representative_id": row["document_id"], "functions_lost": lost}]
    ]
    other = document("other", "lib/other.ex", "def other", bytes=100)
    found = told(write_release(tmp_path, [*web, mine, other], rejects=dropped))
    assert found["copied_packages"] == {
        "count": 1,
        "largest": [
            {
                "package": "aaa_web",
                "of": "web",
                "documents": 2,
                "share_of_documents": 0.666667,
                "bytes": 300,
                "share_of_bytes": 0.75,
            }
        ],
    }
    assert found["functions_lost"] == {
        "inside_packages": 0,
        "earlier_versions": 0,
        "across_packages": 2,
    }


def attribute(release: Release, columns: dict[str, list[Any]]) -> None:
    """Put columns in place of those of the attribution table, whose packages are sorted."""
    path = release.path / "attribution.parquet"
    table = pq.read_table(path)
    assert table["package"].to_pylist() == sorted(table["package"].to_pylist())
    for name, values in columns.items():
        place = table.schema.get_field_index(name)
        table = table.set_column(place, name, pa.array(values, table.schema.field(name).type))
    pq.write_table(table, path)


def test_families_say_why_they_were_joined(tmp_path: Path) -> None:
    release = write_release(
        tmp_path / "2026.11.1",
        [document(name, "lib/a.ex", f"def {name}") for name in ("cart", "fork", "hat", "till")],
    )
    attribute(
        release,
        {
            "family": ["mono", "mono", "hat", "mono"],
            "joined_by": ["repository", "kinship", None, "repository"],
            "joined_with": ["mono", "till", None, "mono"],
            "joined_share": [None, 0.25, None, None],
            "joined_documents": [None, 3, None, None],
        },
    )
    repository = {"by": "repository", "with": "mono", "share": None, "documents": None}
    assert concentration(count(release))["families"] == {
        "count": 2,
        "of_several": 1,
        "by_kinship": 1,
        "largest": [
            {
                "family": "mono",
                "packages": 3,
                "joined": [
                    {
                        "package": "fork",
                        "by": "kinship",
                        "with": "till",
                        "share": 0.25,
                        "documents": 3,
                    },
                    {"package": "cart", **repository},
                    {"package": "till", **repository},
                ],
            }
        ],
    }
    page = write(release, None).html.read_text(encoding="utf-8")
    assert "fork: 25% of the code in 3 files shared with till; cart: same repository" in page


def test_versions_on_hex_are_told_with_the_commit_that_has_them(tmp_path: Path) -> None:
    release = write_release(
        tmp_path / "2026.11.1",
        [document(name, "lib/a.ex", f"def {name}") for name in ("cart", "hat", "till")],
    )
    address = "https://github.com/shop/mono"
    attribute(
        release,
        {
            "repository": [address, None, address],
            "commit": ["c0ffee" * 6 + "c0ff", None, "c0ffee" * 6 + "c0ff"],
            "repository_folder": ["apps/cart/", None, ""],
            "aligned_files": [4, None, 9],
            "aligned_share": [1.0, None, 2 / 3],
        },
    )
    found = told(release)["aligned"]
    till = {"package": "till", "folder": "", "files": 9, "share": 0.667}
    cart = {"package": "cart", "folder": "apps/cart/", "files": 4, "share": 1.0}
    same = {"version": "1.0.0", "repository": address, "commit": "c0ffee" * 6 + "c0ff"}
    assert found == {
        "versions": 3,
        "aligned": 2,
        "repositories": 1,
        "unchanged": 1,
        "median_share": 0.833,
        "largest": [{**till, **same}, {**cart, **same}],
    }
    page = write(release, None).html.read_text(encoding="utf-8")
    assert "2 of 3 versions from Hex are aligned with a commit of 1 repository" in page


def test_the_elixir_view_counts_modules_behaviours_and_documentation(
    report: dict[str, Any],
) -> None:
    view = report["elixir"]
    assert {row["name"]: row["count"] for row in view["modules"]["kinds"]} == {
        "module": 4,
        "erlang module": 1,
    }
    assert view["modules"]["behaviours"]["top"] == [
        {"name": "GenServer", "count": 1, "share": 0.5, "evidence": {"table": 1}},
        {"name": "gen_server", "count": 1, "share": 0.5, "evidence": {"direct": 1}},
    ]
    assert {row["name"]: row["count"] for row in view["modules"]["moduledocs"]} == {
        "none": 3,
        "string": 1,
    }
    assert view["coverage"] == [
        {
            "language": "elixir",
            "public": 5,
            "documented": 2,
            "documented_share": 0.4,
            "specified": 1,
            "specified_share": 0.2,
        }
    ]
    assert {row["name"]: row["count"] for row in view["functions"]["kinds"]} == {
        "def": 5,
        "erlang function": 1,
    }


def test_redactions_and_contamination_are_told_plainly(report: dict[str, Any]) -> None:
    assert report["redactions"]["rules"] == [
        {"name": "encoded", "spans": 1, "documents": 1, "bytes": 900}
    ]
    assert report["redactions"]["largest"][0]["path"] == "lib/token.ex"
    assert report["contamination"]["measured"] is False
    assert report["contamination"]["benchmarks"] == []
    assert "not compared with any benchmark" in report["contamination"]["statement"]


def test_signals_are_counted_with_the_documents_that_have_most(report: dict[str, Any]) -> None:
    place = {"package": "ledger", "path": "lib/token.ex"}
    assert report["signals"] == {
        "hidden_characters": {"count": 3, "documents": 1, "largest": [{**place, "count": 3}]},
        "control_tokens": {"count": 2, "documents": 1, "largest": [{**place, "count": 2}]},
    }


def test_there_is_a_sample_for_every_reason_and_every_kind(report: dict[str, Any]) -> None:
    assert {row["reason"] for row in report["samples"]["rejects"]} == {
        "not_source_code",
        "vendored",
        "oversized",
        "nested_too_deeply",
        "license_not_permitted",
        "near_duplicate",
        "exact_duplicate",
        "truncated",
        "gone",
    }
    assert {row["name"]: row["rows"] for row in report["instruct"]["kinds"]} == {
        "documentation_to_function": 1,
        "behaviour_module": 1,
    }
    assert all(len(row["sample"]["messages"]) == 2 for row in report["instruct"]["kinds"])


def test_instruction_rows_are_counted_with_what_was_left_out(
    tmp_path: Path,
) -> None:
    of = document("shop", "lib/a.ex", "defmodule A do\nend\n")
    needs = [
        [],
        [{"kind": "private_function", "name": "f/1"}, {"kind": "private_function", "name": "g/1"}],
        [{"kind": "private_function", "name": "f/1"}, {"kind": "alias", "name": "B"}],
    ]
    rows = [
        instruction(
            of, "documentation_to_function", f"Write {n}.", f"def a{n}, do: {n}", needs=each
        )
        for n, each in enumerate(needs)
    ]
    rows[0]["difficulty"] = "hard"
    release = write_release(
        tmp_path,
        [of],
        instruct=rows,
        instructions_left_out={"repeated_answer": 84, "too_long": 2},
        instructions_left_out_by_kind={
            "any": {"extraction_failed": 1},
            "behaviour_module": {"too_long": 2},
            "documentation_to_function": {"repeated_answer": 84},
        },
    )
    found = instruct(count(release))
    assert found["left_out"] == {"repeated_answer": 84, "too_long": 2}
    one, other = found["kinds"]
    assert (one["name"], other["name"]) == ("documentation_to_function", "behaviour_module")
    assert one["needs"] == {"alias": 1, "nothing": 1, "private_function": 2}
    assert one["difficulty"] == {"glue": 0, "easy": 2, "medium": 0, "hard": 1}
    assert one["left_out"] == {"repeated_answer": 84}
    assert (other["rows"], other["left_out"], other["sample"]) == (0, {"too_long": 2}, None)


def test_the_tables_list_every_shard_with_its_digest(
    report: dict[str, Any], sound_release: Release
) -> None:
    listed = {
        shard["path"]: shard["sha256"]
        for table in report["tables"]
        for split in table["splits"]
        for shard in split["shards"]
    }
    assert listed == {shard.path: shard.sha256 for shard in sound_release.manifest.shards}
    documents = report["tables"][0]
    assert [split["name"] for split in documents["splits"]] == ["train", "validation", "test"]
    assert {
        "name": "text",
        "meaning": "the file in UTF-8, without what `redactions` names",
        "dtype": "large_string",
    } in documents["features"]


def test_the_same_release_gives_the_same_bytes_wherever_it_lies(
    tmp_path: Path, sound_verdict: GateVerdict
) -> None:
    first = write(example_release(tmp_path / "here"), sound_verdict)
    second = write(example_release(tmp_path / "there" / "renamed"), sound_verdict)
    assert first.json.read_bytes() == second.json.read_bytes()
    assert first.html.read_bytes() == second.html.read_bytes()
    again = write(Release.open(tmp_path / "here"), sound_verdict)
    assert again.html.read_bytes() == second.html.read_bytes()


def test_how_the_rows_are_divided_among_tasks_changes_nothing(tmp_path: Path) -> None:
    documents = example_documents()
    rows = (documents, example_functions(documents), example_instruct(documents))
    release = write_release(tmp_path, *rows, example_rejects(documents), row_group_rows=1)
    assert len(release.spans("documents", 1)) == len(documents)
    divided = count(release, Backwards(), span_rows=1)
    assert tell(divided, None) == compose(release, None)
    assert judge(release, executor=Backwards()) == judge(release)


def test_a_published_report_is_made_again_to_the_byte(tmp_path: Path) -> None:
    candidate = example_release(tmp_path / "candidate")
    verdict = judge(candidate)
    written = write(candidate, verdict).html.read_bytes()
    release = finalize(candidate, verdict.summary(), tmp_path / "2026.11.1")
    assert write(release, judge(release)).html.read_bytes() == written


def test_a_published_report_that_differs_is_named_and_left_alone(tmp_path: Path) -> None:
    candidate = example_release(tmp_path / "candidate")
    verdict = judge(candidate)
    path = write(candidate, verdict).json
    altered = json.loads(path.read_bytes()) | {"summary": {"documents": 1_000_000}}
    path.write_text(json.dumps(altered), encoding="utf-8")
    release = finalize(candidate, verdict.summary(), tmp_path / "2026.11.1")
    before = (release.path / "report.json").read_bytes()
    with pytest.raises(ReportDiffers, match=r"published one: summary\.") as raised:
        write(release, verdict)
    assert raised.value.sections == ["summary"]
    assert (release.path / "report.json").read_bytes() == before


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (None, "there is no report here"),
        ("{", "not JSON"),
        ('{"schema_version": 99}', "schema version 99"),
        ("[]", "schema version None"),
    ],
)
def test_a_report_that_cannot_be_read_says_why(
    tmp_path: Path, content: str | None, complaint: str
) -> None:
    release = example_release(tmp_path)
    if content is not None:
        (tmp_path / "report.json").write_text(content, encoding="utf-8")
    with pytest.raises(NoReport, match=complaint):
        read_report(release)


def parent_and_child(folder: Path) -> Release:
    """Write two versions: one package moves to another split, one is new, one text changes."""
    parent = example_release(folder / "2026.11.1")
    documents = example_documents()
    documents[4]["split"] = "train"
    changed = document("shop", "lib/price.ex", "defmodule Shop.Price do\nend\n")
    fresh = document("fresh", "lib/fresh.ex", "defmodule Fresh do\nend\n", "test")
    rows = [documents[0], changed, *documents[2:], fresh]
    told = Parent(version="2026.11.1", identity=parent.identity)
    return write_release(folder / "2026.11.2.candidate", rows, version="2026.11.2", parent=told)


def test_drift_tells_what_changed_since_the_parent(tmp_path: Path) -> None:
    drift = report_of(parent_and_child(tmp_path))["drift"]
    assert drift["parent"] == "2026.11.1"
    assert drift["documents"] == {"added": 2, "kept": 4, "removed": 1}
    assert drift["packages"]["added"] == {"count": 1, "first": ["fresh"]}
    assert drift["moved"] == [{"before": "test", "now": "train", "documents": 1}]
    assert {"name": "documents", "before": 5, "now": 6, "change": 1} in drift["figures"]
    causes = {name: [each["why"] for each in drift["causes"][name]] for name in drift["causes"]}
    assert causes == {
        "added": ["content_changed", "not_read"],
        "removed": ["content_changed"],
        "moved": ["unknown"],
    }


def test_the_page_says_why_documents_came_and_went(tmp_path: Path) -> None:
    candidate = parent_and_child(tmp_path)
    page = write(candidate, None).html.read_text(encoding="utf-8")
    assert "1 document: 2026.11.1 has other content at the same path: shop/lib/price.ex" in page
    assert "1 document: the package is not among the archives of 2026.11.1" in page
    assert "1 document from test to train: nothing in the releases says why" in page


def test_drift_says_that_the_parent_is_absent_or_another(tmp_path: Path) -> None:
    child = parent_and_child(tmp_path)
    manifest = tmp_path / "2026.11.1" / "manifest.json"
    manifest.write_text(manifest.read_text().replace("0.1.0", "0.1.1"), encoding="utf-8")
    drift = report_of(child)["drift"]
    assert drift["compared"] is False
    assert "was not beside this release" in drift["why"]


def test_an_empty_release_can_be_reported(tmp_path: Path) -> None:
    release = write_release(tmp_path, [])
    report = report_of(release, judge(release))
    assert report["summary"]["documents"] == 0
    assert report["gate"]["outcome"] == "failed"


VOID = {"meta", "link", "br", "rect", "line", "polyline", "polygon", "hr", "img"}


class Balance(HTMLParser):
    """Notes every element that is closed out of turn, and every address."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.wrong: list[str] = []
        self.addresses: list[str] = []
        self.ids: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        self.addresses += [str(values[name]) for name in ("src", "href") if name in values]
        self.ids += [str(values["id"])] if "id" in values else []
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in VOID and (not self.open or self.open.pop() != tag):
            self.wrong.append(tag)


def test_the_page_is_whole_and_fetches_nothing(page: str) -> None:
    found = Balance()
    found.feed(page)
    assert found.wrong == []
    assert found.open == []
    assert len(found.ids) == len(set(found.ids))
    assert set(found.addresses) == {f"#{name}" for name in found.ids}
    assert "<script" not in page
    assert "@import" not in page
    assert "url(" not in page


def test_the_page_shows_figures_verdict_and_samples(page: str) -> None:
    text = re.sub(r"<[^>]+>", " ", page)
    for expected in (
        "5 source files from 3 packages, 42% of the 12 files seen",
        "No benchmark was compared with this version.",
        "at most 25% of all bytes are from one package",
        "license not permitted",
        "lib/counter.ex",
        "Jaccard similarity 0.842 to its representative",
        "This is the first version.",
    ):
        assert expected in text


def test_no_table_is_wider_than_a_phone() -> None:
    """A table of four columns does not fit 320 pixels unless its rows are stacked or it scrolls."""
    tables = re.compile(r'(<div class="scroll">\s*)?<table(?: class="(\w+)[^>]*)?>\s*<thead>(.*)')
    found = [
        match for path in TEMPLATES.glob("*.j2") for match in tables.finditer(path.read_text())
    ]
    assert len(found) > 15
    wide = [match for match in found if match[3].count("<th") >= 4]
    assert [match[0] for match in wide if not match[1] and match[2] not in ("rows", "bars")] == []


def test_what_packages_wrote_is_shown_and_never_obeyed(tmp_path: Path) -> None:
    hostile = "<script>alert(1)</script>"
    documents = example_documents()
    documents[0] |= {"path": f"lib/{hostile}.ex", "text": f"# {hostile}\n", "lines": 20}
    documents[0] |= {"bytes": len(documents[0]["text"])}
    rejects: list[Row] = [
        *example_rejects(documents),
        reject("shop", f"{hostile}.ex", "filter", "minified", detail=hostile),
    ]
    page = write(write_release(tmp_path, documents, rejects=rejects), None).html.read_text()
    assert "<script" not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page


def luminance(colour: str) -> float:
    """Relative luminance as WCAG 2 defines it."""
    channels = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("scheme", [0, 1, 2], ids=["light", "dark", "print"])
def test_all_text_has_the_contrast_that_wcag_asks_for(page: str, scheme: int) -> None:
    blocks = re.findall(r":root \{(.*?)\}", page, re.DOTALL)
    themes = [dict(re.findall(r"--([\w-]+): (#[0-9a-f]{3,6})", block)) for block in blocks]
    theme = {name: _long(colour) for name, colour in themes[scheme].items()}
    words = ["ink", "muted", "a", "ok", "warn", "fail", "unknown"]
    code = ["ink", "keyword", "string", "name", "atom", "comment"]
    pairs = [(name, ground) for name in words for ground in ("paper", "raised")]
    pairs += [(name, "faint") for name in code]
    assert [pair for pair in pairs if contrast(theme[pair[0]], theme[pair[1]]) < 4.5] == []


def _long(colour: str) -> str:
    return colour if len(colour) == 7 else "#" + "".join(digit * 2 for digit in colour[1:])


def test_the_documentation_names_every_section(report: dict[str, Any]) -> None:
    text = DOCUMENTATION.read_text(encoding="utf-8")
    assert [name for name in report if f"`{name}`" not in text] == []
