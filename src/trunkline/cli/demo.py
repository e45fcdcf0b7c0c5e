# SPDX-License-Identifier: Apache-2.0
"""``trunkline demo``: several models on a moving picture, all made on the spot."""

from __future__ import annotations

from pathlib import Path

import click

from trunkline.cli.options import Seconds

__all__ = ["demo_command"]


@click.command("demo")
@click.option(
    "--seconds",
    type=Seconds(),
    default=10,
    show_default=True,
    help="How long to run on the moving picture.",
)
@click.option(
    "--keep",
    type=click.Path(path_type=Path),
    metavar="FOLDER",
    help="Leave the models, and pictures to try and to train on, in this new folder.",
)
def demo_command(*, seconds: float, keep: Path | None) -> None:
    """Run several models on a moving picture, all made on the spot.

    Three classifiers are trained on drawn pictures, written as exports, loaded like anybody's and
    run on a drawn film. Printed are how well they do, their answers beside the truth, and frames
    per second beside those of each model by itself.
    """
    if keep:
        _make_fresh(keep)
    from trunkline.cli.tables import plain_console
    from trunkline.demo import run_demo

    run_demo(plain_console(), seconds, keep)


def _make_fresh(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if not any(folder.iterdir()):
            return
    except OSError as error:
        raise click.BadParameter(
            f"{folder} cannot be made: {error.strerror}.", param_hint="--keep"
        ) from error
    raise click.BadParameter(f"{folder} is not empty; name a new folder.", param_hint="--keep")
