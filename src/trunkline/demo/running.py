# SPDX-License-Identifier: Apache-2.0
"""The demonstration from its first line to its last."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from trunkline.demo.exports import make_exports
from trunkline.demo.pictures import moving_scenes, random_scenes, to_jpeg
from trunkline.demo.report import introduction, summary
from trunkline.demo.show import show
from trunkline.engine.loading import load

if TYPE_CHECKING:
    from rich.console import Console

    from trunkline.demo.tally import Tally

__all__ = ["run_demo"]

_FRAMES = 240
_FILM_SEED, _KEPT_SEED = 3, 4
_KEPT_PICTURES = 6


def run_demo(console: Console, seconds: float, keep: Path | None = None) -> Tally:
    """Make models, load them, run them on a moving picture, and say how it went.

    Args:
        console: Where everything is printed.
        seconds: How long to run on the moving picture.
        keep: Where to leave the exports (``models/``) and a few pictures (``pictures/``); by
            default they are removed in the end.

    Returns:
        What was counted.
    """
    with tempfile.TemporaryDirectory(prefix="trunkline-demo-") as workspace:
        folder = keep or Path(workspace)
        models_folder = folder / "models"
        models_folder.mkdir(parents=True)
        begun = time.perf_counter()
        made = make_exports(models_folder)
        fitted = time.perf_counter()
        models = load(models_folder)
        loaded = time.perf_counter()
        console.print(introduction(made, fitted - begun, loaded - fitted), soft_wrap=True)
        tally = show(models, moving_scenes(_FRAMES, _FILM_SEED), seconds, console)
        console.print(summary(models, tally), soft_wrap=True)
    if keep:
        _keep_pictures(keep)
        console.print(
            f"\nKept. Try: trunkline predict -m {keep / 'models'} {keep / 'pictures'}",
            soft_wrap=True,
        )
    return tally


def _keep_pictures(folder: Path) -> None:
    """Draw a few more pictures, named after what is to be seen on them."""
    pictures = folder / "pictures"
    pictures.mkdir()
    for number, scene in enumerate(random_scenes(_KEPT_PICTURES, _KEPT_SEED), start=1):
        name = "-".join([str(number), *scene.truth.values()])
        (pictures / f"{name}.jpg").write_bytes(to_jpeg(scene))
