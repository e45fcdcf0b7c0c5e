# SPDX-License-Identifier: Apache-2.0
"""``trunkline train``: a new model from a few pictures."""

from __future__ import annotations

import importlib
import os
from pathlib import Path
from typing import TYPE_CHECKING

import click

from trunkline.cli.evaluate import check_report, left_out, write_page
from trunkline.cli.faults import complain
from trunkline.cli.loading import loading
from trunkline.cli.progress import progress_bar

if TYPE_CHECKING:
    from collections.abc import Callable

    from trunkline.training.pictureset import PictureSet, TrainingTask
    from trunkline.training.report.page import Report
    from trunkline.training.study import Study
    from trunkline.training.trained import TrainedModel
    from trunkline.training.trainer import Trainer

__all__ = ["train_command"]


_NEEDED_LAST = (
    "trunkline.training.selection",
    "trunkline.writers.onnx",
    "trunkline.cli.evaluation",
    "trunkline.cli.tables",
)

_OPTIONS = (
    click.option(
        "-o",
        "--output",
        type=click.Path(path_type=Path),
        metavar="PATH",
        required=True,
        help="Where to write the model: a folder, or a zip where it ends in .zip.",
    ),
    click.option(
        "--trunk",
        default="efficientnet-lite0",
        show_default=True,
        metavar="NAME|MODEL",
        help="What to put the new head on: a name that trunkline trunks lists, or your model.",
    ),
    click.option(
        "--task",
        type=click.Choice(["multiclass", "multilabel"]),
        help="One tag per picture or any number; by default as the pictures are tagged.",
    ),
    click.option("--name", help="What to call the model; by default as the output is called."),
    click.option(
        "--seed",
        type=click.IntRange(0),
        default=0,
        show_default=True,
        help="Same seed, same model.",
    ),
    click.option(
        "--report",
        type=click.Path(dir_okay=False, path_type=Path),
        metavar="FILE",
        help="Write a page with plots and pictures into this file, .html.",
    ),
    click.option("--overwrite", is_flag=True, help="Replace an export that was not trained here."),
    click.option("--json", "as_json", is_flag=True, help="Print all of it as one JSON object."),
    click.option("-q", "--quiet", is_flag=True, help="Show no progress bar."),
    click.argument("pictures", type=click.Path(path_type=Path)),
)


def _with_options(command: Callable[..., None]) -> Callable[..., None]:
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


@click.command("train")
@_with_options
def train_command(  # noqa: PLR0913 - one for each option and argument
    *,
    pictures: Path,
    output: Path,
    trunk: str,
    task: TrainingTask | None,
    name: str | None,
    seed: int,
    report: Path | None,
    overwrite: bool,
    as_json: bool,
    quiet: bool,
) -> None:
    """Train a model on pictures and write it as an export.

    PICTURES is a folder with one folder of pictures per tag, or a CSV or COCO file. A tag called
    Negative is for pictures that show none of the others. Pictures without a tag are suggested for
    tagging in the report.

    Nothing but the last layer is new, so the model shares its trunk with every other model that
    was trained on it. Its figures come from pictures that were held out. To retrain, add pictures
    or take some away and run the same command again: what is known of the others is kept.

    A picture that cannot be used is reported on standard error and left out; the model is trained
    on the others, and the exit status is 0.
    """
    if report:
        check_report(report)
    # Before NumPy is imported: heads are fitted on one thread, and others would only wait busily.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    with loading():
        from trunkline.training.trained import check_output

        check_output(output, overwrite=overwrite)
        trainer, found = _begin(trunk, task, seed, pictures)
    with progress_bar(len(found.pictures), quiet=quiet) as bar:
        model = trainer.fit(found, name=name or output.stem, progress=bar.move_to)
    for problem in model.training.pictures.problems:
        complain(problem)
    model.save(output, overwrite=True)
    studied = _reported(trainer, model, report) if report else None
    if as_json:
        _print_json(model, output)
    else:
        _print(model, output, studied)


def _begin(
    trunk: str, task: TrainingTask | None, seed: int, pictures: Path
) -> tuple[Trainer, PictureSet]:
    """Return a trainer, and the pictures it is to train on.

    Reading and digesting a trunk's files leaves the interpreter free. Meanwhile the pictures are
    listed, and what comes last is imported.
    """
    from trunkline.training import trainer as training
    from trunkline.training.featurestore import FeatureStore
    from trunkline.training.pictures import read_pictures
    from trunkline.training.workers import workers

    training.check_installed()
    with workers(1) as aside:
        coming = aside.submit(training.find_trunk, trunk)
        for module in _NEEDED_LAST:
            importlib.import_module(module)
        store = FeatureStore()
        found = read_pictures(pictures, task=task, store=store)
        return training.Trainer(coming.result(), task=task, seed=seed, store=store), found


def _reported(trainer: Trainer, model: TrainedModel, report: Path) -> Study:
    """Look into what more pictures would bring, and write the report."""
    from trunkline.training.study import study

    studied = study(trainer, model)
    write_page(report, _page(model, studied), model.training.pictures)
    return studied


def _print(model: TrainedModel, output: Path, studied: Study | None) -> None:
    from rich.text import Text

    from trunkline.cli.evaluation import evaluation_lines
    from trunkline.cli.tables import plain_console
    from trunkline.cli.words import one_line

    training = model.training
    console = plain_console()
    console.print(Text(one_line(model.name), "bold"), soft_wrap=True)
    lines = evaluation_lines(
        training.evaluation,
        suggestions=studied.suggestions if studied else (),
        learning=studied.learning if studied else None,
    )
    for line in lines:
        console.print(line, soft_wrap=True)
    for warning in training.pictures.warnings():
        console.print()
        console.print(one_line(warning), soft_wrap=True)
    console.print()
    console.print(f"Trained on {training.trunk}: {training.recipe}.", soft_wrap=True)
    console.print(f"Written to {one_line(str(output))}.", soft_wrap=True)


def _print_json(model: TrainedModel, output: Path) -> None:
    from trunkline.cli.answers import json_line

    value = {"model": model.name, "path": str(output), **model.training.to_dict()}
    click.echo(json_line({**value, "warnings": list(model.training.pictures.warnings())}))


def _page(model: TrainedModel, studied: Study) -> Report:
    from trunkline.training.report.page import Report

    training, pictures = model.training, model.training.pictures
    return Report(
        model.name,
        training.evaluation,
        remarks=(*pictures.warnings(), *left_out(pictures.problems)),
        facts=(
            ("pictures", pictures.source),
            ("trunk", training.trunk),
            ("head", training.recipe),
            ("left out", str(len(pictures.problems))),
        ),
        suggestions=studied.suggestions,
        learning=studied.learning,
    )
