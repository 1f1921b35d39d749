"""`python -m train.evaluate`: what a run changed, measured on held-out text and by execution."""

import json
from pathlib import Path
from typing import Annotated

import typer

from corpus.console import Version, application, output, plain_errors
from corpus.terminal import show_progress

app = application("Measure a run against its base, or any two models.")


@app.command(
    epilog="Examples: `python -m train.evaluate runs/devstral-32gb-2026.11.1`, "
    "`python -m train.evaluate runs/mine --benchmark otp --benchmark multipl-e=elixir.jsonl "
    "--samples 5 -k 1 -k 5`, `python -m train.evaluate runs/mine --against runs/other "
    "--out comparison.json`, `python -m train.evaluate runs/mine --show otp/rooms`"
)
def evaluate(
    run: Annotated[Path, typer.Argument(help="A folder that `python -m train.qlora` wrote.")],
    problem: Annotated[
        str, typer.Argument(help="With --show: a problem's name, or a part of it.")
    ] = "",
    release: Annotated[
        Path | None,
        typer.Option(help="The release with the held-out text; the run's own if unset."),
    ] = None,
    against: Annotated[
        str, typer.Option(help="Another run's folder, or a model; the run's base if unset.")
    ] = "",
    split: Annotated[str, typer.Option(help="The split that is measured.")] = "test",
    documents: Annotated[
        int, typer.Option(help="Documents to score at most; 0 for all.", min=0)
    ] = 200,
    gaps: Annotated[int, typer.Option(help="Missing lines to be written.", min=0)] = 0,
    benchmark: Annotated[
        list[str] | None,
        typer.Option(
            help="Run answers to: otp, doctests, callbacks, multipl-e=PLACE, mceval=PLACE, "
            "exercism=PLACE; a path, or OWNER/NAME/FOLDER on the Hub. Can be repeated."
        ),
    ] = None,
    samples: Annotated[int, typer.Option(help="Answers to each problem.", min=1)] = 1,
    k: Annotated[
        list[int] | None, typer.Option("-k", help="Report pass@k for these.", min=1)
    ] = None,
    temperature: Annotated[float, typer.Option(help="0 takes the likeliest token.", min=0)] = 0.2,
    longest: Annotated[int, typer.Option(help="Tokens of an answer at most.", min=1)] = 512,
    general: Annotated[
        Path | None, typer.Option(help="General text, to tell what was forgotten.")
    ] = None,
    workers: Annotated[
        int, typer.Option(help="Programs run at once; one per CPU if 0.", min=0)
    ] = 0,
    out: Annotated[
        Path | None,
        typer.Option(
            help="The file to write; RUN/evaluation.json if unset. Needed with --against, --split "
            "train or another release than the run's."
        ),
    ] = None,
    shown: Annotated[
        bool,
        typer.Option(
            "--show",
            help="Measure nothing: list the problems of the last evaluation (or that of --out), "
            "those that the adapter lost first, or print the answers to PROBLEM.",
        ),
    ] = False,
    lm_eval: Annotated[
        Path | None,
        typer.Option(
            help="Measure nothing: write tasks for EleutherAI's lm-evaluation-harness into this "
            "folder, of the held-out documents and of each --benchmark."
        ),
    ] = None,
    version: Version = False,
) -> None:
    """Compare a run's model with its base, or with another, and write what was found as JSON.

    What was answered to problems, and what became of it, is written beside it. Programs that a
    model writes are run in a sandbox, or not at all where none can be had. Exit code 2: something
    that was asked for cannot be measured.
    """
    from train.evaluate.comparison import Request, evaluate_run, write_harness
    from train.evaluate.scores import show
    from train.evaluate.subject import Sampling
    from train.evaluate.transcript import show as show_answers
    from train.libraries import quieten

    request = Request(
        run=run,
        release=release,
        against=against,
        split=split,
        documents=documents,
        gaps=gaps,
        benchmarks=tuple(benchmark or ()),
        samples=samples,
        ks=tuple(k or (1,)),
        sampling=Sampling(temperature=temperature, longest=longest),
        general=general,
        workers=workers,
        out=out,
    )
    if lm_eval is not None:
        with plain_errors():
            for name in write_harness(request, lm_eval):
                output.print(name)
        return
    if shown:
        with plain_errors():
            show_answers(request.file, problem, against or "base")
        return
    if problem:
        raise typer.BadParameter("it is for --show.", param_hint="'PROBLEM'")
    quieten()
    with plain_errors(), show_progress() as progress:
        measures = evaluate_run(request, progress)
    show(measures, against or "base")
    if benchmark:
        memory = json.loads(request.file.read_bytes())["sandbox"]["memory"]
        output.print(f"\nprograms were held by bubblewrap, their memory by {memory}")
    output.print(f"\n{request.file}")


if __name__ == "__main__":
    app(prog_name="python -m train.evaluate")
