# SPDX-License-Identifier: Apache-2.0
"""``trunkline evaluate``: how well a model tells pictures whose tags are known."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING

import click

from trunkline.cli.faults import EXIT_FAILED, complain
from trunkline.cli.words import one_line
from trunkline.errors import ExportError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from trunkline.models import Model
    from trunkline.training.judging import Judgement
    from trunkline.training.pictureset import PictureSet
    from trunkline.training.problems import Problem
    from trunkline.training.report.page import Report

__all__ = ["check_report", "evaluate_command", "left_out", "write_page"]


_PROBLEMS_SHOWN = 5


def _number(ctx: click.Context, param: click.Parameter, value: float) -> float:
    """Refuse NaN, which is in no range, and which no comparison finds out."""
    if math.isnan(value):
        raise click.BadParameter("nan is not in the range 0<=x<=1.", ctx, param)
    return value


_THRESHOLD = click.option(
    "--threshold",
    type=click.FloatRange(0, 1),
    default=0.5,
    callback=_number,
    show_default=True,
    help="The least probability that counts as a prediction.",
)


@click.command("evaluate")
@_THRESHOLD
@click.option(
    "--report",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Write a page with plots and pictures into this file, .html.",
)
@click.option("--json", "as_json", is_flag=True, help="Print all of it as one JSON object.")
@click.option("-q", "--quiet", is_flag=True, help="Show no progress bar.")
@click.argument("model", type=click.Path(path_type=Path))
@click.argument("pictures", type=click.Path(path_type=Path))
def evaluate_command(  # noqa: PLR0913 - one for each option and argument
    *,
    threshold: float,
    report: Path | None,
    as_json: bool,
    quiet: bool,
    model: Path,
    pictures: Path,
) -> None:
    """Say how well a model tells pictures whose tags are known.

    MODEL is a classifier's export: folder, zip or model file. PICTURES is a folder with one folder
    of pictures per tag, or a CSV or COCO file; pictures without a tag are suggested for tagging.
    They should not be those that the model was trained on: of those it knows the answers.

    A picture that is left out is reported on standard error, the others are evaluated all the
    same, and the exit status is 2.
    """
    if report:
        check_report(report)
    name, found, judgement = _judge(model, pictures, threshold=threshold, quiet=quiet)
    problems = (*found.problems, *judgement.problems)
    for problem in problems:
        complain(problem)
    # First of all, as whoever reads the output may stop reading.
    if report:
        write_page(report, _page(name, judgement, problems, found.source), found)
    show = _print_json if as_json else _print
    show(name, judgement, problems)
    if problems:
        raise click.exceptions.Exit(EXIT_FAILED)


def _judge(
    source: Path, pictures: Path, *, threshold: float, quiet: bool
) -> tuple[str, PictureSet, Judgement]:
    from trunkline.cli.progress import progress_bar
    from trunkline.engine.modelset import ModelSet
    from trunkline.training.judging import check_classifier, judge
    from trunkline.training.pictures import read_pictures

    model = _only(source)
    found = read_pictures(pictures, task=check_classifier(model))
    models = ModelSet()
    models.add(model)
    total = len(found.pictures) + len(found.untagged)
    with progress_bar(total, quiet=quiet) as bar:

        def asked() -> None:
            with bar.step():
                pass

        return model.name, found, judge(models, model.name, found, threshold=threshold, asked=asked)


def _only(source: Path) -> Model:
    """Read the one model that there is at a path."""
    from trunkline.exports.reading import read_models

    models = list(read_models(source))
    if len(models) > 1:
        names = ", ".join(
            each.source if isinstance(each, ExportError) else each.name for each in models
        )
        raise ExportError(
            source, f"there are {len(models)} models ({names}); one is evaluated at a time: name it"
        )
    if isinstance(models[0], ExportError):
        raise models[0]
    return models[0]


def _print(name: str, judgement: Judgement, _: tuple[Problem, ...]) -> None:
    from rich.text import Text

    from trunkline.cli.evaluation import evaluation_lines
    from trunkline.cli.tables import plain_console

    console = plain_console()
    console.print(Text(one_line(name), "bold"), soft_wrap=True)
    for line in evaluation_lines(judgement.evaluation, suggestions=judgement.suggestions):
        console.print(line, soft_wrap=True)
    if judgement.remarks:
        console.print()
    for remark in judgement.remarks:
        console.print(one_line(remark), soft_wrap=True)


def _print_json(name: str, judgement: Judgement, problems: tuple[Problem, ...]) -> None:
    from dataclasses import asdict

    from trunkline.cli.answers import json_line

    value = {
        "model": name,
        **judgement.evaluation.to_dict(),
        "suggestions": [asdict(each) for each in judgement.suggestions],
        "remarks": list(judgement.remarks),
        "problems": [asdict(each) for each in problems],
    }
    click.echo(json_line(value))


def check_report(path: Path) -> None:
    """Refuse a file that cannot be a report, before any picture is looked at.

    Raises:
        click.BadParameter: Its name does not end in ``.html``, or its folder is not there.
    """
    if path.suffix.lower() not in (".html", ".htm"):
        raise click.BadParameter(f"{path} must end in .html.", param_hint="--report")
    if not path.absolute().parent.is_dir():
        raise click.BadParameter(f"There is no folder {path.parent}.", param_hint="--report")


def write_page(path: Path, report: Report, pictures: PictureSet) -> None:
    """Write a report, and say so on standard error.

    Args:
        path: Where to.
        report: What to report.
        pictures: Where the report's pictures are read from.
    """
    from trunkline.training.report.page import write_report

    readers = {each.source: each.read for each in (*pictures.pictures, *pictures.untagged)}
    write_report(report, path, lambda source: readers[source]())
    click.echo(f"The report is in {one_line(str(path))}.", err=True)


def left_out(problems: Sequence[Problem]) -> Iterator[str]:
    """Yield sentences about the pictures that were left out: the first five, and how many more."""
    for problem in problems[:_PROBLEMS_SHOWN]:
        yield f"Left out: {problem}."
    if len(problems) > _PROBLEMS_SHOWN:
        yield f"{len(problems) - _PROBLEMS_SHOWN} more were left out."


def _page(name: str, judgement: Judgement, problems: tuple[Problem, ...], source: str) -> Report:
    from trunkline.training.report.page import Report

    return Report(
        name,
        judgement.evaluation,
        remarks=(*judgement.remarks, *left_out(problems)),
        facts=(("model", name), ("pictures", source), ("left out", str(len(problems)))),
        suggestions=judgement.suggestions,
    )
