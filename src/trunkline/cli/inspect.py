# SPDX-License-Identifier: Apache-2.0
"""``trunkline inspect``: what an export is, how it will be fed, and why."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from trunkline.cli.faults import EXIT_FAILED, complain
from trunkline.errors import ExportError

if TYPE_CHECKING:
    from trunkline.models import Model

__all__ = ["inspect_command"]


@click.command("inspect")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object per model and line.")
@click.argument("exports", metavar="EXPORT...", nargs=-1, required=True, type=click.Path())
def inspect_command(*, as_json: bool, exports: tuple[str, ...]) -> None:
    """Say what each export is, how its graph will be fed, and why that was decided.

    EXPORT is a folder, a zip or a model file, or a folder of exports. One that cannot be read is
    reported, the others are shown all the same, and the exit status is 2.
    """
    from trunkline.exports.reading import read_models

    failed = False
    show = _print_json if as_json else _print_text
    for export in exports:
        for model in read_models(export):
            failed = failed or isinstance(model, ExportError)
            show(model)
    if failed:
        raise click.exceptions.Exit(EXIT_FAILED)


def _print_json(model: Model | ExportError) -> None:
    from trunkline.cli.answers import json_line

    click.echo(json_line(_described(model)))


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
    }


def _print_text(model: Model | ExportError) -> None:
    from trunkline.cli.descriptions import describe
    from trunkline.cli.tables import plain_console

    if isinstance(model, ExportError):
        complain(model)
        return
    plain_console().print(describe(model), soft_wrap=True)
