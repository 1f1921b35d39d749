import ast
import inspect
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from corpus import build as building
from corpus.build import STAGES
from corpus.configuration import BuildConfig
from corpus.instruct.configuration import InstructConfig
from corpus.parts import write_part
from corpus.release.planning import Part, ShardLimits, TableParts, plan_table
from corpus.release.runs import plan_runs, write_run
from corpus.release.shards import write_shard
from corpus.stages import (
    OWN,
    Origin,
    Sources,
    Stage,
    Step,
    Timing,
    carry_out,
    folder_of,
    origins,
    plan,
    read_timings,
    write_timings,
)
from corpus.tables import SHARDED
from tests.project import PACKAGES, PROJECT

BEFORE_INSTRUCTIONS = [
    *("read archives", "resolve behaviours", "verify documents", "align repositories"),
    *("find duplicates", "assign splits", "compare with benchmarks", "select documents"),
]
FROM_INSTRUCTIONS = ["write instructions", "sort rows", "write shards", "write manifest"]
GIVEN = {
    **dict.fromkeys(("inputs.archives", "inputs.refused", "inputs.published"), "0"),
    **dict.fromkeys(("optout.ledger", "optout.archives", "inputs.tags"), "0"),
    **dict.fromkeys(("benchmarks", "toolchains", "release", "inputs.standings"), "0"),
}


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with a copy of the sources of the corpus."""
    folder = tmp_path_factory.mktemp("sources")
    shutil.copytree(
        PROJECT / "corpus", folder / "corpus", ignore=shutil.ignore_patterns("__pycache__")
    )
    shutil.copytree(
        PROJECT / "sandbox", folder / "sandbox", ignore=shutil.ignore_patterns("__pycache__")
    )
    return folder


@pytest.fixture(scope="module")
def unchanged(copy: Path) -> dict[str, Origin]:
    return origins(STAGES, GIVEN, BuildConfig(), Sources(copy))


def changed_by_edit(
    copy: Path, unchanged: dict[str, Origin], file: str, old: bytes = b"", new: bytes = b""
) -> list[str]:
    """Return the stages whose digest changes with an edit of a file, which is taken back.

    `new` stands in the place of `old` then, or something at the end of the file.
    """
    path = copy / file
    whole = path.read_bytes()
    assert old in whole
    try:
        path.write_bytes(whole.replace(old, new) if old else whole + b"\n# edited\n")
        edited = origins(STAGES, GIVEN, BuildConfig(), Sources(copy))
    finally:
        path.write_bytes(whole)
    return [name for name, origin in edited.items() if origin.digest != unchanged[name].digest]


def test_an_edit_in_an_instruction_kind_concerns_instructions_and_what_follows(
    copy: Path, unchanged: dict[str, Origin]
) -> None:
    kind = "corpus/instruct/kinds/behaviour_module.py"
    assert changed_by_edit(copy, unchanged, kind) == FROM_INSTRUCTIONS


def test_an_edit_in_behaviours_concerns_what_is_made_of_modules(
    copy: Path, unchanged: dict[str, Origin]
) -> None:
    made = ["write instructions", "write contexts", *FROM_INSTRUCTIONS[1:]]
    changed = changed_by_edit(copy, unchanged, "corpus/behaviours/modules.py")
    assert changed == ["resolve behaviours", *made]
    for file in ("resolution", "reach"):  # the order of packages reads requirements as well
        changed = changed_by_edit(copy, unchanged, f"corpus/behaviours/{file}.py")
        assert changed == ["resolve behaviours", "verify documents", *made]


def test_an_edit_in_verification_concerns_verdicts_and_what_follows(
    copy: Path, unchanged: dict[str, Origin]
) -> None:
    for file in ("verification/package.py", "verification/server.exs"):
        changed = changed_by_edit(copy, unchanged, f"corpus/{file}")
        assert changed == ["verify documents", "sort rows", "write shards", "write manifest"]


@pytest.mark.parametrize(
    ("file", "first"),
    [
        ("corpus/licenses/permissive.json", "read archives"),
        ("corpus/elixir/extract.py", "read archives"),
        ("corpus/behaviours/resolution.py", "resolve behaviours"),
        ("corpus/verification/server.exs", "verify documents"),
        ("corpus/counterparts.py", "align repositories"),
        ("corpus/deduplicate/stars.py", "find duplicates"),
        ("corpus/split/kinship.py", "assign splits"),
        ("corpus/decontamination/matching.py", "compare with benchmarks"),
        ("corpus/selection.py", "select documents"),
        ("corpus/signals.py", "measure signals"),
        ("corpus/elixir/smells.py", "measure signals"),
        ("corpus/tokens.py", "measure signals"),
        ("corpus/instruct/registry.py", "write instructions"),
        ("corpus/context/references.py", "write contexts"),
        ("corpus/origin/index.py", "index origins"),
        ("corpus/release/runs.py", "sort rows"),
        ("corpus/release/shards.py", "write shards"),
    ],
)
def test_a_file_counts_from_the_first_stage_that_uses_it(
    unchanged: dict[str, Origin], file: str, first: str
) -> None:
    assert next(name for name, origin in unchanged.items() if file in origin.sources) == first


@pytest.mark.parametrize(
    ("file", "old", "new", "stages"),
    [
        (
            "corpus/tables.py",
            b'"lines of `text`"',
            b'"how many lines `text` has"',
            ["write shards", "write manifest"],
        ),
        (
            "corpus/tables.py",
            b'column("lines", pa.int32()',
            b'column("lines", pa.int64()',
            [
                *BEFORE_INSTRUCTIONS,
                *("measure signals", "write instructions", "write contexts", "index origins"),
                *("sort rows", "write shards", "write manifest"),
            ],
        ),
        ("corpus/tables.py", b"", b"", []),
        ("corpus/atomic.py", b"", b"", []),
        ("corpus/atomic.py", b"[a-z0-9_]{8}", b"[a-z0-9_]{9}", []),
        ("corpus/atomic.py", b'"sha256"', b'"sha512"', ["write shards", "write manifest"]),
        ("corpus/executor.py", b"", b"", []),
        ("corpus/store/index.py", b"", b"", []),
    ],
)
def test_of_declarations_and_small_helpers_only_what_a_stage_uses_counts(
    copy: Path,
    unchanged: dict[str, Origin],
    file: str,
    old: bytes,
    new: bytes,
    stages: list[str],
) -> None:
    assert changed_by_edit(copy, unchanged, file, old, new) == stages


def test_shards_tell_what_columns_mean_now_whatever_the_parts_tell(tmp_path: Path) -> None:
    """So reading archives need not be repeated for another description."""
    schema = SHARDED["instruct"].schema
    bare = pa.schema(map(untold, schema))
    assert not bare.equals(schema, check_metadata=True)
    of_now = shard_of(tmp_path / "now", [schema, schema])
    told = pq.read_schema(pa.BufferReader(of_now)).field("subject")
    assert told.equals(schema.field("subject"), check_metadata=True)
    assert shard_of(tmp_path / "mixed", [bare, schema]) == of_now
    assert shard_of(tmp_path / "before", [bare, bare]) == of_now


def shard_of(folder: Path, schemas: list[pa.Schema]) -> bytes:
    """Return a shard with a row of each of several parts, which have these schemas."""
    row = {
        **dict.fromkeys(("kind", "subject", "license_expression", "verification"), "a"),
        "messages": [{"role": "user", "content": "b"}],
        "needs": [{"kind": "alias", "name": "A"}],
        "document_ids": ["c"],
        "purls": ["pkg:hex/d@1.0.0"],
        "split": "train",
    }
    folder.mkdir()
    parts = []
    for number, schema in enumerate(schemas):
        rows = pa.Table.from_pylist([{**row, "id": f"{number:064x}"}], schema=schema)
        parts.append(Part(folder / f"{number}.arrow", None))
        write_part(rows, parts[-1].path)
    _, plans = plan_table((TableParts("instruct", tuple(parts)), ShardLimits()))
    runs = [write_run(run) for run in plan_runs("instruct", parts, plans, folder / "runs")]
    (shard,) = [write_shard((runs, plan, folder)) for plan in plans if plan.split == "train"]
    assert shard.rows == len(schemas)
    return (folder / shard.path).read_bytes()


def untold(field: pa.Field) -> pa.Field:
    """Return a field without what it means, nor what the fields inside it mean."""
    kind = field.type
    if pa.types.is_list(kind):
        kind = pa.list_(untold(kind.value_field))
    elif pa.types.is_struct(kind):
        kind = pa.struct([untold(kind.field(place)) for place in range(kind.num_fields)])
    return pa.field(field.name, kind, field.nullable)


@pytest.mark.parametrize("file", ["corpus/explain.py", "corpus/build.py", "corpus/terminal.py"])
def test_what_the_stages_do_not_use_counts_for_none(
    unchanged: dict[str, Origin], file: str
) -> None:
    assert not [name for name, origin in unchanged.items() if file in origin.sources]


def test_a_kind_that_is_added_concerns_instructions_and_what_follows(
    copy: Path, unchanged: dict[str, Origin], tmp_path: Path
) -> None:
    shutil.copytree(copy, tmp_path, dirs_exist_ok=True)
    kinds = tmp_path / "corpus" / "instruct" / "registry.py"
    (kinds.parent / "kinds" / "another.py").write_text('KIND = "another"\n')
    kinds.write_text(f"from corpus.instruct.kinds import another\n{kinds.read_text()}")
    edited = origins(STAGES, GIVEN, BuildConfig(), Sources(tmp_path))
    changed = [n for n, origin in edited.items() if origin.digest != unchanged[n].digest]
    assert changed == FROM_INSTRUCTIONS
    assert "corpus/instruct/kinds/another.py" in edited["write instructions"].sources


def test_a_setting_of_instructions_concerns_them_and_what_follows(
    copy: Path, unchanged: dict[str, Origin]
) -> None:
    kind = BuildConfig().instruct.behaviour_module
    shorter = type(kind)(longest_module=8_000)
    config = BuildConfig(instruct=InstructConfig(behaviour_module=shorter))
    other = origins(STAGES, GIVEN, config, Sources(copy))
    changed = [name for name, origin in other.items() if origin.digest != unchanged[name].digest]
    assert changed == FROM_INSTRUCTIONS


def test_a_stage_names_the_libraries_whose_versions_can_change_what_it_makes(
    unchanged: dict[str, Origin],
) -> None:
    assert {name: sorted(origin.tools) for name, origin in unchanged.items()} == {
        "read archives": [
            *("datasketch", "hyperscan", "isal", "kingfisher-secret-scanner"),
            *("license-expression", "licenseclassifier", "licenselynx", "numpy"),
            *("pyarrow", "tree-sitter", "tree-sitter-elixir", "tree-sitter-language-pack"),
        ],
        "resolve behaviours": ["pyarrow"],
        "verify documents": ["isal", "numpy", "pyarrow"],
        "align repositories": ["isal", "numpy", "pyarrow"],
        "find duplicates": ["isal", "numpy", "pyarrow"],
        "assign splits": ["isal", "numpy", "pyarrow"],
        "compare with benchmarks": ["numpy", "pyarrow"],
        "select documents": ["isal", "licenseclassifier", "numpy", "pyarrow"],
        "measure signals": [
            *("isal", "mistral-common", "numpy", "pyarrow", "tiktoken"),
            *("tree-sitter", "tree-sitter-elixir"),
        ],
        "write instructions": [
            *("datasketch", "hyperscan", "isal", "numpy", "pyarrow"),
            *("tree-sitter", "tree-sitter-elixir", "tree-sitter-language-pack"),
        ],
        "write contexts": [
            *("isal", "license-expression", "licenselynx", "mistral-common", "numpy"),
            *("pyarrow", "tiktoken"),
        ],
        "index origins": ["datasketch", "isal", "numpy", "pyarrow"],
        "sort rows": ["isal", "numpy", "pyarrow"],
        "write shards": ["isal", "numpy", "pyarrow"],
        "write manifest": [
            *("datasketch", "hyperscan", "isal", "licenseclassifier", "numpy", "pyarrow"),
            *("tree-sitter", "tree-sitter-elixir", "tree-sitter-language-pack"),
        ],
    }


def test_a_stage_looks_at_the_settings_and_inputs_that_it_declares() -> None:
    for stage in STAGES:
        looked_at = set(attributes(stage.run.__name__))
        config = {name for owner, name in looked_at if owner == "config"}
        given = {f"inputs.{name}" for owner, name in looked_at if owner == "inputs"}
        assert config <= set(stage.config), stage.name
        assert given <= set(stage.inputs), stage.name
        assert "release" in stage.inputs or "release" not in {owner for owner, _ in looked_at}


def attributes(function: str) -> Iterator[tuple[str, str]]:
    """Yield `(config, split)` for `job.config.split` in a function of the build and its helpers."""
    tree = ast.parse(inspect.getsource(getattr(building, function)))
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Attribute):
            yield node.value.attr, node.attr
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            helper = node.func.id
            yield from attributes(helper) if helper.startswith("_") else ()


def test_the_packages_of_this_project_are_those_that_it_ships() -> None:
    assert set(OWN) == set(PACKAGES)


SMALL = {
    "demo/__init__.py": "from demo.inner import used, unused\n",
    "demo/inner.py": "from demo import data\nimport numpy\n\ndef used(): ...\n",
    "demo/data.py": "import xml\n",
    "demo/words.txt": "a b",
    "demo/other.py": "unused = 1\n",
    "demo/lazy/__init__.py": "",
    "demo/lazy/deep.py": "from ..other import unused\n",
    "demo/stages.py": """from typing import TYPE_CHECKING

from demo import used
from demo.other import unused

if TYPE_CHECKING:
    from demo.lazy import deep

FACTOR = 2

def first(job: unused) -> unused:
    return _helped(job)

def _helped(job):
    return used(job) * FACTOR

def second(job):
    from demo.lazy import deep
    return deep.run(job)
""",
}


@pytest.fixture
def small(tmp_path: Path) -> Path:
    for name, text in SMALL.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    return tmp_path


def test_code_is_followed_from_a_function_by_its_names_and_imports(small: Path) -> None:
    used = Sources(small).used_by("demo.stages", "first")
    assert list(used.sources) == [
        "demo/__init__.py: used",
        "demo/data.py",
        "demo/inner.py",
        "demo/stages.py: FACTOR",
        "demo/stages.py: _helped",
        "demo/stages.py: first",
        "demo/stages.py: used",
        "demo/words.txt",
    ]
    assert list(used.tools) == ["numpy"]


def test_imports_inside_functions_and_relative_ones_count(small: Path) -> None:
    used = Sources(small).used_by("demo.stages", "second")
    assert list(used.sources) == [
        "demo/lazy/deep.py",
        "demo/other.py",
        "demo/stages.py: second",
        "demo/words.txt",
    ]
    assert used.tools == {}


def test_a_package_that_takes_a_name_from_elsewhere_is_other_code(small: Path) -> None:
    before = Sources(small).used_by("demo.stages", "first").sources
    (small / "demo" / "__init__.py").write_text("from demo.data import used\n")
    after = Sources(small).used_by("demo.stages", "first").sources
    assert after["demo/__init__.py: used"] != before["demo/__init__.py: used"]
    assert "demo/inner.py" not in after


@dataclass
class Toy:
    """A build of two stages that copy a text."""

    folder: Path
    made: list[str] = field(default_factory=list)


def lower(job: Toy) -> None:
    job.made.append("lower")
    (job.folder / "lowered").write_text("abc")


def upper(job: Toy) -> None:
    job.made.append("upper")
    (job.folder / "raised").write_text("ABC")


@dataclass(frozen=True)
class Settings:
    loudness: int = 1


TOYS: tuple[Stage[Toy], ...] = (
    Stage("make lower", inputs=("text",), outputs=("lowered",), config=(), run=lower),
    Stage("make upper", inputs=("lowered",), outputs=("raised",), config=("loudness",), run=upper),
)


class Bench:
    """Plans and carries out the toy stages in a folder, with a text and a loudness."""

    def __init__(self, work: Path) -> None:
        self.work = work
        self.made: list[str] = []
        self.text, self.loudness = "abc", 1
        self.sources = Sources(PROJECT, ("tests",))

    def origins(self) -> dict[str, Origin]:
        given = {"text": self.text}
        return origins(TOYS, given, Settings(self.loudness), self.sources)

    def folder(self, number: int) -> Path:
        return folder_of(self.work, TOYS[number], self.origins()[TOYS[number].name])

    def plan(self) -> list[Step]:
        places = {"lowered": self.folder(0), "raised": self.folder(1)}
        return plan(TOYS, self.origins(), self.work, lambda name: [places[name] / name])

    def run(self) -> list[Timing]:
        def job_of(stage: Stage[Toy], folder: Path) -> Toy:
            return Toy(folder, self.made)

        return carry_out(TOYS, self.plan(), self.origins(), self.work, job_of)

    def reasons(self) -> dict[str, tuple[str, ...]]:
        return {step.stage: step.because for step in self.plan() if step.runs}


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path / "work")


def test_a_stage_that_never_ran_runs_and_a_plan_writes_nothing(bench: Bench) -> None:
    assert bench.reasons() == {
        "make lower": ("never ran here",),
        "make upper": ("never ran here",),
    }
    assert not bench.work.exists()


def test_what_exists_is_done(bench: Bench) -> None:
    first = bench.run()
    assert bench.reasons() == {}
    again = bench.run()
    assert bench.made == ["lower", "upper"]
    assert [(each.stage, each.ran) for each in first] == [
        ("make lower", True),
        ("make upper", True),
    ]
    assert [(each.ran, each.seconds) for each in again] == [
        (False, first[0].seconds),
        (False, first[1].seconds),
    ]


def test_a_setting_runs_the_stage_that_looks_at_it(bench: Bench) -> None:
    bench.run()
    bench.loudness = 2
    assert bench.reasons() == {"make upper": ("config: loudness",)}
    bench.run()
    assert bench.made == ["lower", "upper", "upper"]


def test_another_input_runs_everything_that_follows(bench: Bench) -> None:
    bench.run()
    bench.text = "abd"
    assert bench.reasons() == {"make lower": ("input: text",), "make upper": ("input: lowered",)}


def test_a_stage_that_was_interrupted_goes_on_in_its_folder(bench: Bench) -> None:
    bench.run()
    (bench.folder(1) / "stage.json").unlink()
    (bench.folder(1) / "half").write_text("made before")
    (step,) = [step for step in bench.plan() if step.runs]
    assert (step.stage, step.because, step.goes_on) == ("make upper", ("was interrupted",), True)
    bench.run()
    assert (bench.folder(1) / "half").read_text() == "made before"


def test_what_follows_a_stage_that_has_to_run_again_is_made_again(bench: Bench) -> None:
    bench.run()
    (bench.folder(0) / "lowered").unlink()
    (bench.folder(1) / "half").write_text("of another life")
    assert bench.reasons() == {
        "make lower": ("files of it are missing",),
        "make upper": ("follows make lower",),
    }
    bench.run()
    assert not (bench.folder(1) / "half").exists()


def test_a_broken_record_is_a_stage_that_did_not_end(bench: Bench) -> None:
    bench.run()
    (bench.folder(1) / "stage.json").write_text("{")
    assert bench.reasons() == {"make upper": ("was interrupted",)}


def test_an_input_that_nothing_makes_is_a_mistake(bench: Bench) -> None:
    with pytest.raises(KeyError):
        origins(TOYS[1:], {}, Settings(), Sources(PROJECT))


def test_timings_are_read_as_they_were_written(tmp_path: Path) -> None:
    timings = [Timing("read archives", 1.5, ran=True), Timing("sort rows", None, ran=False)]
    write_timings(tmp_path, timings)
    assert read_timings(tmp_path) == timings
    (tmp_path / "timings.json").write_text("[]")
    assert read_timings(tmp_path) == []
