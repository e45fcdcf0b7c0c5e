# SPDX-License-Identifier: Apache-2.0
"""``trunkline predict``: every model's answer for every picture."""

from __future__ import annotations

import sys
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import click

from trunkline.cli.faults import EXIT_FAILED, complain
from trunkline.cli.pictures import STANDARD_INPUT, find_pictures
from trunkline.cli.sources import ModelSource, load_sources, parse_source
from trunkline.errors import PictureError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from trunkline.cli.answers import Answer, Writer
    from trunkline.engine.modelset import ModelSet

__all__ = ["predict_command"]


@click.command("predict")
@click.option(
    "-m",
    "--model",
    "sources",
    type=parse_source,
    metavar="[NAME=]PATH",
    multiple=True,
    required=True,
    help="An export: folder, zip or model file; or a folder of exports. May be repeated.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object per picture and line.")
@click.option(
    "--csv",
    "csv_path",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write one row per picture, model and label or box to this file, too.",
)
@click.option("-q", "--quiet", is_flag=True, help="Show no progress bar.")
@click.argument("pictures", metavar="PICTURE...", nargs=-1, required=True, type=click.Path())
def predict_command(
    *,
    sources: tuple[ModelSource, ...],
    as_json: bool,
    csv_path: Path | None,
    quiet: bool,
    pictures: tuple[str, ...],
) -> None:
    """Print every model's answer for every picture.

    PICTURE is a file, a folder to search for pictures, or - for one picture on standard input.

    A model or picture that cannot be read is reported on standard error (with --json, a picture
    on standard output), the others are answered all the same, and the exit status is 2.
    """
    models, failures = load_sources(sources)
    for failure in failures:
        complain(failure)
    if not models:
        complain("No model could be loaded, so no picture was looked at.")
        raise click.exceptions.Exit(EXIT_FAILED)
    found = list(find_pictures(pictures))
    answered = _predict(models, found, as_json=as_json, csv_path=csv_path, quiet=quiet)
    if failures or not answered:
        raise click.exceptions.Exit(EXIT_FAILED)


def _predict(
    models: ModelSet,
    pictures: Sequence[str | PictureError],
    *,
    as_json: bool,
    csv_path: Path | None,
    quiet: bool,
) -> bool:
    """Write the answers for all pictures, and return whether every one was answered."""
    from trunkline.cli.csvfile import csv_file
    from trunkline.cli.progress import progress_bar

    everything = True
    with ExitStack() as stack:
        writers = [_printer(models, pictures, as_json=as_json)]
        if csv_path:
            writers.append(stack.enter_context(csv_file(csv_path)))
        bar = stack.enter_context(progress_bar(len(pictures), quiet=quiet))
        for answer in _answers(models, pictures):
            everything = everything and answer.error is None
            with bar.step():
                for writer in writers:
                    writer.write(answer)
    return everything


def _printer(models: ModelSet, pictures: Iterable[str | PictureError], *, as_json: bool) -> Writer:
    if as_json:
        from trunkline.cli.answers import JsonLines

        return JsonLines()
    from trunkline.cli.tables import Table

    return Table((picture for picture in pictures if isinstance(picture, str)), models)


def _answers(models: ModelSet, pictures: Iterable[str | PictureError]) -> Iterator[Answer]:
    from trunkline.cli.answers import Answer

    for picture in pictures:
        if isinstance(picture, PictureError):
            yield Answer(picture.source, error=picture)
            continue
        try:
            predictions = models.predict(_content(picture))
        except PictureError as error:
            yield Answer(picture, error=_of(picture, error))
        else:
            yield Answer(picture, predictions)


def _content(picture: str) -> str | bytes:
    if picture == STANDARD_INPUT:
        return sys.stdin.buffer.read()
    return picture


def _of(picture: str, error: PictureError) -> PictureError:
    """Name standard input in an error about the bytes that were read from it."""
    if picture == STANDARD_INPUT:
        return PictureError("standard input", error.problem)
    return error
