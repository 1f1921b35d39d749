import json
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from tests.train.report.runs import RUN, event, held_out, step, write_run
from train.evaluate.transcript import Entry, place
from train.evaluate.transcript import write as write_answers
from train.report import UnusableRun, compose, write
from train.report.curves import smoothed, thinned

PROJECT = Path(__file__).parents[3]
FILES = ("run.json", "recipe.json", "evaluation.json", "metrics.jsonl")


class Page(HTMLParser):
    """The text of a page, what it would fetch, and whether its elements are closed."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.words: list[str] = []
        self.fetched: list[str] = []
        self.open: list[str] = []
        self.ids: list[str] = []
        self.links: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self.fetched += [value for name in ("src", "data") if (value := given.get(name))]
        self.links += [value for value in [given.get("href")] if value]
        self.ids += [value for value in [given.get("id")] if value]
        if tag not in ("meta", "wbr", "br", "rect", "line", "polyline", "path", "polygon"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if self.open and self.open[-1] == tag:
            self.open.pop()

    def handle_data(self, data: str) -> None:
        self.words += data.split()

    @property
    def text(self) -> str:
        return " ".join(self.words)


def test_answers_to_the_same_prompt_are_told_over_the_steps(tmp_path: Path) -> None:
    run = write_run(tmp_path / "run")
    (told,) = compose(run)["samples"]
    assert told["question"] == "Write <b>tide/1</b>."
    assert told["answers"] == [
        {"stage": 1, "step": 0, "answer": "I cannot.", "again": 1},
        {"stage": 1, "step": 100, "answer": "def tide(day), do: day\n", "again": 0},
    ]
    assert "Stage 1, step 0, and the same once more: I cannot." in page_of(run).text
    assert "&lt;b&gt;tide/1&lt;/b&gt;" in write(run).read_text(encoding="utf-8")


def page_of(run: Path) -> Page:
    return Page(write(run).read_text(encoding="utf-8"))


def test_a_page_tells_what_the_files_of_the_run_tell(tmp_path: Path) -> None:
    text = page_of(write_run(tmp_path / "run")).text
    for told in (
        "mistralai/Devstral-Small-2507",
        "2026.11.1",
        "840 steps, 13.8M tokens, 44 min 48 s",
        "1.0951",  # the stage-1 loss at the end
        "−16.4%",
        "Stage 2 raised the loss on stage-1 documents by 1.0%. Elastic weight consolidation",
        "strength of 5,000",
        "[0.5411, 0.5682]",
        "44.7%",
        "+3.1",
        "no clear difference",
        "54,811 rows an epoch, 99.5% full. Left out: 31 of documents.elixir (too long).",
        "The run went on once: from stage 1, step 300",
        "47% of the device's peak",
        "q_proj, k_proj, v_proj, o_proj",
    ):
        assert told in text


def test_a_page_needs_nothing_besides_itself(tmp_path: Path) -> None:
    page = page_of(write_run(tmp_path / "run"))
    assert page.fetched == []
    assert page.open == []
    assert [link for link in page.links if link.removeprefix("#") not in page.ids] == []


def test_the_same_files_give_the_same_bytes(tmp_path: Path) -> None:
    run = write_run(tmp_path / "run")
    first = write(run).read_bytes()
    assert write(run).read_bytes() == first


@pytest.mark.parametrize("missing", FILES)
def test_any_file_may_be_missing(tmp_path: Path, missing: str) -> None:
    page = page_of(write_run(tmp_path / "run", leave_out=(missing,)))
    assert page.open == []


@pytest.mark.parametrize("alone", FILES)
def test_any_file_may_be_alone(tmp_path: Path, alone: str) -> None:
    others = tuple(name for name in FILES if name != alone)
    assert page_of(write_run(tmp_path / "run", leave_out=others)).open == []


def test_a_run_without_an_evaluation_says_how_to_make_one(tmp_path: Path) -> None:
    page = page_of(write_run(tmp_path / "run", leave_out=("evaluation.json",)))
    assert "This run has not been evaluated. python -m train.evaluate" in page.text


def test_a_folder_that_is_no_run_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UnusableRun, match=r"none of run.json, .* `python -m train.qlora` wrote"):
        write(tmp_path)


@pytest.mark.parametrize("text", ["{", "[]", "\x00"])
def test_a_file_that_cannot_be_read_is_named(tmp_path: Path, text: str) -> None:
    run = write_run(tmp_path / "run")
    (run / "recipe.json").write_text(text)
    with pytest.raises(UnusableRun, match=r"recipe.json: .* move it away"):
        write(run)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ('{"world_size": "two"}', "world_size: Input should be a valid integer"),
        ('{"release": "2026.11.1"}', "release: Input should be a valid dictionary"),
        ('{"device": {"count": "2"}}', "device.count: Input should be a valid integer"),
    ],
)
def test_a_field_of_another_type_is_named(tmp_path: Path, text: str, why: str) -> None:
    run = write_run(tmp_path / "run")
    (run / "run.json").write_text(text)
    with pytest.raises(UnusableRun, match=rf"run.json: {why}\. .* move it away"):
        write(run)


INSTANT = '{"kind": "step", "stage": 1, "step": 1, "loss": 1, "tokens": 1, "seconds": 0}\n'


@pytest.mark.parametrize(
    ("name", "text", "section"),
    [
        ("run.json", '{"data": {"train": {"stage1": {}}}}', "data"),
        ("evaluation.json", '{"measures": [1]}', "evaluation"),
        ("metrics.jsonl", '{"kind": "step", "stage": 1, "step": 1}\n', "speed"),
        ("metrics.jsonl", INSTANT, "curves"),
    ],
)
def test_files_of_another_version_are_one_clear_error(
    tmp_path: Path, name: str, text: str, section: str
) -> None:
    run = write_run(tmp_path / "run")
    (run / name).write_text(text)
    with pytest.raises(UnusableRun, match=f"the section {section} .* Another version"):
        write(run)


def run_of(folder: Path, lines: list[dict[str, Any]]) -> Path:
    folder.mkdir()
    (folder / "metrics.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    return folder


def test_a_run_that_has_only_begun_can_be_looked_at(tmp_path: Path) -> None:
    began = [event(1, 0, "stage_began", steps=600), held_out(1, 0, 1, 1.31)]
    assert page_of(run_of(tmp_path / "begun", began)).open == []
    text = page_of(run_of(tmp_path / "on", [*began, step(1, 1, 600, 3.0)])).text
    assert "1 step, 16.4k tokens, 3 s" in text


def test_figures_that_are_not_known_stay_out_of_curves_and_sums(tmp_path: Path) -> None:
    lines = [step(1, number, 3, 1.0) for number in (1, 2, 3)]
    lines[1] |= {"gradient_norm": None, "memory": None, "flops": None}
    values = compose(run_of(tmp_path / "run", lines))
    norm = next(each for each in values["curves"]["course"] if "Gradient" in each["name"])
    assert [len(each["points"]) for each in norm["series"]] == [2]
    assert values["speed"]["memory"] == 19_400_000_000
    assert page_of(tmp_path / "run").open == []


def test_what_was_held_out_has_the_same_colour_in_both_charts(tmp_path: Path) -> None:
    page = write(write_run(tmp_path / "run")).read_text(encoding="utf-8")
    for on in (1, 2):
        keys = re.findall(rf'<li class="swatch-held-(\d)[^"]*">held out, stage {on}</li>', page)
        assert keys == [str(on)] * 2


def test_one_stage_alone_has_its_own_columns(tmp_path: Path) -> None:
    lines = [held_out(2, 0, 2, 1.0), step(2, 1, 1, 1.0), held_out(2, 1, 2, 0.75)]
    values = compose(run_of(tmp_path / "run", lines))
    (row,) = values["held_out"]
    assert (row["on"], row["before"]["loss"]) == (2, 1.0)
    assert [(each["stage"], each["loss"], each["change"]) for each in row["after"]] == [
        (2, 0.75, -0.25)
    ]
    assert values["elastic"] is None
    assert values["curves"]["course"][0]["border"] is None


def test_what_stage_two_forgot_is_measured_from_where_it_began(tmp_path: Path) -> None:
    lines = [
        held_out(1, 0, 1, 2.0),
        step(1, 1, 1, 1.0),
        held_out(1, 1, 1, 1.0),
        held_out(2, 0, 1, 1.0),
        event(2, 0, "fisher_rows", loss=0.5),
        step(2, 1, 1, 1.0),
        held_out(2, 1, 1, 1.25),
        event(2, 1, "fisher_rows", loss=0.55),
    ]
    values = compose(run_of(tmp_path / "run", lines))
    assert values["elastic"] is not None
    assert values["elastic"]["change"] == 0.25
    assert values["elastic"]["on_fisher_rows"] == pytest.approx(0.1)
    (row,) = values["held_out"]
    assert [(each["loss"], each["change"]) for each in row["after"]] == [
        (1.0, -0.5),
        (1.25, -0.375),
    ]


def test_throughput_and_utilisation_are_those_of_all_steps(tmp_path: Path) -> None:
    lines = [
        step(1, 1, 2, 1.0) | {"tokens": 100, "seconds": 1.0, "flops": 4e14, "waited": 0.0},
        step(1, 2, 2, 1.0) | {"tokens": 300, "seconds": 3.0, "flops": 4e14, "waited": 0.5},
    ]
    run = run_of(tmp_path / "run", lines)
    (run / "run.json").write_text(json.dumps({"device": {"count": 2, "peak_flops": 1e15}}))
    speed = compose(run)["speed"]
    assert (speed["tokens_per_second"], speed["utilisation"]) == (100.0, 0.1)
    assert speed["waited"] == 0.125


def test_an_interval_on_one_side_of_zero_is_called_better_or_worse(tmp_path: Path) -> None:
    def measure(low: float, high: float, better: str) -> dict[str, Any]:
        told = {"value": (low + high) / 2, "low": low, "high": high}
        figures = {"base": told, "adapter": told, "difference": told}
        return {"name": "x", "better": better, "packages": 3, **figures}

    measures = [
        measure(-2, -1, "lower"),
        measure(-2, -1, "higher"),
        measure(1, 2, "higher"),
        measure(-1, 1, "higher"),
    ]
    (tmp_path / "evaluation.json").write_text(json.dumps({"measures": measures}))
    (group,) = compose(tmp_path)["evaluation"]
    assert [row["verdict"] for row in group["rows"]] == [
        "better",
        "worse",
        "better",
        "no clear difference",
    ]


def test_a_page_names_what_stands_in_the_place_of_the_base(tmp_path: Path) -> None:
    run = write_run(tmp_path / "run")
    told = json.loads((run / "evaluation.json").read_bytes()) | {"against": "owner/<other>"}
    (run / "evaluation.json").write_text(json.dumps(told))
    page = write(run).read_text(encoding="utf-8")
    assert "owner/&lt;other&gt; against this run&#39;s model, on the split test" in page
    assert "The base model against" not in page
    assert '<th class="r">owner/&lt;other&gt;</th>' in page


def test_too_few_packages_get_no_verdict_and_intervals_of_documents_none(tmp_path: Path) -> None:
    figure = {"value": 1.0, "low": 0.5, "high": 1.5}
    one = {"name": "x", "better": "higher", "count": 90}
    measure = one | {"base": figure, "adapter": figure, "difference": figure}
    told = {"measures": [measure | {"packages": 2}, measure]}
    (tmp_path / "evaluation.json").write_text(json.dumps(told))
    found = compose(tmp_path)
    assert [row["verdict"] for row in found["evaluation"][0]["rows"]] == [
        "too few packages to tell",
        "",
    ]
    assert "An older version wrote its intervals" in " ".join(found["comparison"]["sentences"])


def test_answers_are_shown_what_was_lost_first_escaped_and_within_bounds(tmp_path: Path) -> None:
    def entry(number: int, base: str, adapter: str) -> Entry:
        text = "<script>x\x1b[2J\u202e</script>" + "y" * 9000
        return {
            "problem": f"made/{number}",
            "source": "made",
            "package": "",
            "prompt": text,
            "base": [{"verdict": base, "detail": "", "answer": text}],
            "adapter": [{"verdict": adapter, "detail": text, "answer": text}],
        }

    run = write_run(tmp_path / "run")
    without = write(run).read_text(encoding="utf-8")
    assert 'id="answers"' not in without, "an evaluation by an older version has none"
    entries = [entry(n, "failed", "failed") for n in range(500)]
    entries += [entry(500, "failed", "passed"), entry(501, "passed", "failed")]
    told = json.loads((run / "evaluation.json").read_bytes())
    told["answers"]["sha256"] = write_answers(place(run / "evaluation.json"), entries)
    (run / "evaluation.json").write_text(json.dumps(told))
    found = compose(run)["answers"]
    assert found is not None
    assert found["sentence"].startswith(
        "502 problems: the adapter does as well on 500, better on 1, worse on 1."
    )
    assert [each["problem"] for each in found["rows"][:2]] == ["made/501", "made/0"]
    assert found["shown"][0]["change"] == "passed, then failed"
    page = write(run).read_text(encoding="utf-8")
    assert "<script" not in page
    assert "&lt;script&gt;x\\x1b[2J\\u202e&lt;/script&gt;y" in page
    assert len(page) < 1_000_000
    told["answers"]["sha256"] = "ab" * 32
    (run / "evaluation.json").write_text(json.dumps(told))
    assert compose(run)["answers"] is None, "the file is another evaluation's"


def test_a_stage_that_goes_on_is_not_called_complete(tmp_path: Path) -> None:
    lines = [event(1, 0, "stage_began", steps=3), held_out(1, 0, 1, 2.0)]
    lines += [step(1, 1, 3, 1.0), step(1, 2, 3, 1.0), held_out(1, 2, 1, 1.5)]
    run = run_of(tmp_path / "run", lines)
    assert "so far in stage 1" in page_of(run).text
    with (run / "metrics.jsonl").open("a") as file:
        file.write(json.dumps(step(1, 3, 3, 1.0)) + "\n")
    assert "after stage 1" in page_of(run).text


def test_the_losses_at_the_edges_are_means(tmp_path: Path) -> None:
    losses = [4.0, 2.0, *[9.0] * 36, 1.0, 2.0]  # 40 steps, so two at each edge
    lines = [step(1, n, 40, 1.0) | {"loss": loss} for n, loss in enumerate(losses, start=1)]
    (stage,) = compose(run_of(tmp_path / "run", lines))["speed"]["stages"]
    assert (stage["first_loss"], stage["last_loss"]) == (3.0, 1.5)


def test_names_from_the_files_cannot_become_markup(tmp_path: Path) -> None:
    run = write_run(tmp_path / "run")
    bad = RUN | {"model": {"name": "<script>alert(1)</script>"}}
    (run / "run.json").write_text(json.dumps(bad))
    assert "<script" not in write(run).read_text(encoding="utf-8")


def test_a_long_run_has_a_page_of_the_size_of_a_short_one(tmp_path: Path) -> None:
    lines = [step(1, number, 20_000, 3.0) for number in range(1, 20_001)]
    assert write(run_of(tmp_path / "run", lines)).stat().st_size < 150_000


def test_thinning_keeps_both_ends_and_the_mean_of_what_lies_between() -> None:
    points = [(float(number), 2.0) for number in range(1000)]
    thin = thinned(points)
    assert len(thin) <= 300
    assert (thin[0], thin[-1]) == ((0.0, 2.0), (999.0, 2.0))
    assert {y for _, y in thin} == {2.0}


def test_smoothing_averages_neighbours() -> None:
    points = [(float(number), float(number % 2)) for number in range(100)]
    assert [y for _, y in smoothed(points)][50] == pytest.approx(0.4)  # 48 to 52: two odd ones
    assert smoothed(points[:10]) == points[:10]


def test_the_command_writes_the_page_and_says_where(tmp_path: Path) -> None:
    run = write_run(tmp_path / "run")
    command = [sys.executable, "-m", "train.report", str(run)]
    done = subprocess.run(command, cwd=PROJECT, check=True, capture_output=True, text=True)
    assert done.stdout == f"{run / 'report.html'}\n"
    assert (run / "report.html").is_file()


def test_the_command_says_what_is_wrong_in_a_sentence(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "train.report", str(tmp_path)]
    done = subprocess.run(command, cwd=PROJECT, check=False, capture_output=True, text=True)
    assert done.returncode == 2
    assert done.stderr.startswith(f"error: {tmp_path}: none of run.json")
