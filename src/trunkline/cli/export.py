# SPDX-License-Identifier: Apache-2.0
"""``trunkline export``: a model written anew, in one of the service's formats."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import click

from trunkline.cli.words import amount, one_line

if TYPE_CHECKING:
    from trunkline.models import Model

__all__ = ["export_command"]


@click.command("export")
@click.argument("model", type=click.Path())
@click.option(
    "--to",
    "platform",
    required=True,
    metavar="PLATFORM",
    help="TensorFlow, ONNX, OpenVino or CoreML, in any case.",
)
@click.option(
    "--flavor",
    metavar="FLAVOR",
    help="A form of it, such as TensorFlowLite, TensorFlowSavedModel, TensorFlowJs or OnnxFloat16.",
)
@click.option(
    "-o",
    "--output",
    required=True,
    type=click.Path(path_type=Path),
    metavar="OUT",
    help="A new folder; or a zip, where it ends in .zip.",
)
@click.option("--name", help="What to call the model; else it is called as OUT is.")
@click.option("--overwrite", is_flag=True, help="Replace an export that is there already.")
def export_command(  # noqa: PLR0913 - one for each option
    *,
    model: str,
    platform: str,
    flavor: str | None,
    output: Path,
    name: str | None,
    overwrite: bool,
) -> None:
    """Write a model as an export for a platform, as the service did.

    MODEL is a folder, a zip or a model file that holds one model, and may be of another format.
    Beside the model are written its labels, a manifest, metadata, a README and a model.toml, so
    that programs and people know what to feed it. An export that is read again answers as the
    model did; a flavor of float16 weights may differ in the third digit.
    """
    from trunkline.writers.package import write_export
    from trunkline.writers.targets import find_target

    target = find_target(platform, flavor)  # before a model is read in vain
    read = _only_model(model)
    written = write_export(read, output, platform, flavor, name=name, overwrite=overwrite)
    size = amount(_size(written), "B")
    click.echo(f"{one_line(str(written))}: {target.title}, {size}")


def _only_model(path: str) -> Model:
    from trunkline.errors import ExportError
    from trunkline.exports.reading import read_models

    found = list(read_models(path))
    if len(found) != 1:
        raise ExportError(path, f"it holds {len(found)} models; name the one to export.")
    if isinstance(found[0], ExportError):
        raise found[0]
    return found[0]


def _size(path: Path) -> int:
    """Return the bytes of a file, or of all files in a folder."""
    if path.is_file():
        return path.stat().st_size
    return sum(
        Path(folder, file).stat().st_size for folder, _, files in os.walk(path) for file in files
    )
