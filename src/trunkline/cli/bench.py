# SPDX-License-Identifier: Apache-2.0
"""``trunkline bench``: how fast models answer, with sharing and without."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from trunkline.cli.faults import EXIT_FAILED, complain
from trunkline.cli.options import Seconds
from trunkline.cli.pictures import find_pictures
from trunkline.cli.sources import LoadedSources, ModelSource, load_sources, parse_source
from trunkline.errors import PictureError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from trunkline.engine.modelset import ModelSet

__all__ = ["bench_command"]

_MOST_PICTURES = 16  # decoded beforehand, so that decoding is no part of what is compared
_DRAWN, _SEED = 4, 20


@click.command("bench")
@click.option(
    "-m",
    "--model",
    "named",
    type=parse_source,
    metavar="[NAME=]PATH",
    multiple=True,
    help="One more export, as for predict. May be repeated.",
)
@click.option(
    "--frames",
    metavar="PICTURES",
    multiple=True,
    type=click.Path(),
    help="A picture, or a folder of pictures; drawn ones by default. May be repeated.",
)
@click.option(
    "--seconds",
    type=Seconds(0.1),
    default=10,
    show_default=True,
    help="How long to time, for all sides together.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.argument("exports", metavar="[EXPORT]...", nargs=-1, type=click.Path())
def bench_command(
    *,
    named: tuple[ModelSource, ...],
    frames: tuple[str, ...],
    seconds: float,
    as_json: bool,
    exports: tuple[str, ...],
) -> None:
    """Time how fast models answer, with sharing and without.

    EXPORT is a folder, a zip or a model file, or a folder of exports. Of more than 16 pictures, 16
    are taken.

    Together, the models are one model set. Apart, each is a model set of its own, and they are
    called one after another on the same decoded picture, each with its own input tensor and trunk.
    The sides take turns. The time of a frame is from the decoded picture to all answers, read;
    memory is that of a process of its own, which has loaded the models and answered. The answers
    of the sides are compared.
    """
    sources = (*(ModelSource(Path(export)) for export in exports), *named)
    if not sources:
        raise click.UsageError("Name at least one export.")
    if not _bench(sources, frames, seconds, as_json=as_json):
        raise click.exceptions.Exit(EXIT_FAILED)


def _bench(
    sources: tuple[ModelSource, ...], frames: tuple[str, ...], seconds: float, *, as_json: bool
) -> bool:
    """Print what is measured, and return whether every export and picture took part."""
    models, failures = load_sources(sources)
    pictures, wrong = _pictures(frames)
    for problem in (*failures, *wrong):
        complain(problem)
    if not models or not pictures:
        complain("There is nothing to time.")
        return False
    _compare(models, sources, pictures, seconds, as_json=as_json)
    return not failures and not wrong


def _compare(
    models: ModelSet,
    sources: tuple[ModelSource, ...],
    pictures: Sequence[str | bytes],
    seconds: float,
    *,
    as_json: bool,
) -> None:
    from trunkline.cli.answers import json_line
    from trunkline.cli.results import headline, result_lines, result_values
    from trunkline.cli.tables import plain_console
    from trunkline.engine.comparison import compare

    console = plain_console()
    if not as_json:
        console.print(headline(len(models), len(pictures), seconds))
    found = compare(models, LoadedSources(sources, frozenset(models)), pictures, seconds)
    if as_json:
        click.echo(json_line(result_values(found, len(models), len(pictures))))
        return
    for line in result_lines(found):
        console.print(line)


def _pictures(named: Sequence[str]) -> tuple[list[str | bytes], list[PictureError]]:
    """Return the pictures to answer for, and why others cannot be."""
    if not named:
        from trunkline.demo.pictures import random_scenes, to_jpeg

        return [to_jpeg(scene) for scene in random_scenes(_DRAWN, _SEED)], []
    from trunkline.images import read_picture

    good: list[str | bytes] = []
    wrong: list[PictureError] = []
    for picture in _spread(list(find_pictures(named))):
        try:
            if isinstance(picture, PictureError):
                raise picture
            read_picture(picture)
            good.append(picture)
        except PictureError as error:
            wrong.append(error)
    return good, wrong


def _spread(found: Sequence[str | PictureError]) -> list[str | PictureError]:
    """Return at most sixteen of many, evenly spread."""
    count = min(len(found), _MOST_PICTURES)
    return [found[number * len(found) // count] for number in range(count)]
