# SPDX-License-Identifier: Apache-2.0
"""``trunkline inspect``: what exports are, how they will be fed, why, and what they share."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from trunkline.cli.faults import EXIT_FAILED, complain
from trunkline.errors import ExportError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from trunkline.engine.overview import Overview
    from trunkline.models import Model

__all__ = ["inspect_command"]


@click.command("inspect")
@click.option(
    "--json",
    "as_json",
    is_flag=True,
    help="Print one JSON object per model and line, and one for what they share.",
)
@click.option(
    "--plot",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Draw what they share into this file, .png or .svg.",
)
@click.argument("exports", metavar="EXPORT...", nargs=-1, required=True, type=click.Path())
def inspect_command(*, as_json: bool, plot: Path | None, exports: tuple[str, ...]) -> None:
    """Say what each export is, how it will be fed and why, and what they share.

    EXPORT is a folder, a zip or a model file, or a folder of exports. One that cannot be read is
    reported, the others are shown all the same, and the exit status is 2.

    What they share: the trunks, each of which runs once for all models that hang on it; the
    multiply-accumulates (MACs), weights and memory of all with sharing and without; and where
    trunks are almost the same, the first operation in which they differ. Nothing is compiled.
    """
    if plot:
        from trunkline.cli.drawing import check_plot

        check_plot(plot)
    from trunkline.engine.overview import overview

    inspection = _Inspection(as_json=as_json)
    found = overview(inspection.models(exports))
    for failure in found.failures:
        inspection.show(failure)
    inspection.show_sharing(found)
    if plot and found.models:
        from trunkline.cli.drawing import draw_plot

        draw_plot(found, plot)
    if inspection.failed:
        raise click.exceptions.Exit(EXIT_FAILED)


class _Inspection:
    """Shows models as they are read."""

    def __init__(self, *, as_json: bool) -> None:
        self._as_json = as_json
        self.failed = False

    def models(self, exports: tuple[str, ...]) -> Iterator[Model]:
        """Yield the models that can be read, each after it has been shown."""
        from trunkline.exports.reading import read_models

        for export in exports:
            for model in read_models(export):
                self.show(model)
                if not isinstance(model, ExportError):
                    yield model

    def show(self, model: Model | ExportError) -> None:
        self.failed = self.failed or isinstance(model, ExportError)
        if self._as_json:
            _print_json(_described(model))
        elif isinstance(model, ExportError):
            complain(model)
        else:
            from trunkline.cli.descriptions import describe
            from trunkline.cli.tables import plain_console

            plain_console().print(describe(model), soft_wrap=True)

    def show_sharing(self, found: Overview) -> None:
        from trunkline.cli.sharing import sharing_lines, sharing_values

        if self._as_json:
            _print_json(sharing_values(found))
        elif found.models:
            from trunkline.cli.tables import plain_console

            console = plain_console()
            for line in sharing_lines(found):
                console.print(line, soft_wrap=True)


def _print_json(value: dict[str, Any]) -> None:
    from trunkline.cli.answers import json_line

    click.echo(json_line(value))


def _described(model: Model | ExportError) -> dict[str, Any]:
    if isinstance(model, ExportError):
        return {"source": model.source, "error": str(model)}
    return {
        "name": model.name,
        "format": model.format,
        "source": model.source,
        "task": model.task,
        "labels": list(model.labels),
        "contract": asdict(model.contract),
        "decisions": [asdict(decision) for decision in model.decisions],
        "notes": list(model.notes),
    }
