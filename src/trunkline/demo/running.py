# SPDX-License-Identifier: Apache-2.0
"""The demonstration from its first line to its last."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from trunkline.demo.apart import rate_apart
from trunkline.demo.pictures import moving_scenes, random_scenes, to_jpeg
from trunkline.demo.report import introduction, summary
from trunkline.demo.show import show
from trunkline.demo.training import train_models
from trunkline.engine.loading import load

if TYPE_CHECKING:
    from rich.console import Console

    from trunkline.demo.tally import Tally

__all__ = ["run_demo"]

_FRAMES = 240
_FILM_SEED, _KEPT_SEED, _TAGGED_SEED = 3, 4, 5
_KEPT_PICTURES, _TAGGED_PICTURES = 6, 36
_APART = 0.3  # of the time together


def run_demo(console: Console, seconds: float, keep: Path | None = None) -> Tally:
    """Train models, load them, run them on a moving picture, and say how it went.

    Args:
        console: Where everything is printed.
        seconds: How long to run on the moving picture, all models together.
        keep: Where to leave the exports (``models/``), a few pictures (``pictures/``), and others
            sorted by shape, to train on (``tagged/shape/``); by default all goes in the end.

    Returns:
        What was counted.
    """
    with tempfile.TemporaryDirectory(prefix="trunkline-demo-") as workspace:
        folder = keep or Path(workspace)
        models_folder = folder / "models"
        models_folder.mkdir(parents=True)
        begun = time.perf_counter()
        trained = train_models(models_folder, Path(workspace))
        ready = time.perf_counter()
        models = load(models_folder)
        loaded = time.perf_counter()
        console.print(introduction(trained, ready - begun, loaded - ready), soft_wrap=True)
        film = moving_scenes(_FRAMES, _FILM_SEED)
        tally = show(models, film, seconds, console)
        exports = [models_folder / name for name in models]
        apart = rate_apart(exports, film, seconds * _APART)
        console.print(summary(models, tally, apart), soft_wrap=True)
    if keep:
        _keep_pictures(keep)
        console.print(
            f"\nKept. Try: trunkline predict -m {keep / 'models'} {keep / 'pictures'}\n"
            f"      and: trunkline train {keep / 'tagged/shape'} -o {keep / 'models/mine'}",
            soft_wrap=True,
        )
    return tally


def _keep_pictures(folder: Path) -> None:
    """Draw a few more pictures: named after what is to be seen on them, and sorted by shape."""
    pictures = folder / "pictures"
    pictures.mkdir()
    for number, scene in enumerate(random_scenes(_KEPT_PICTURES, _KEPT_SEED), start=1):
        name = "-".join([str(number), *scene.truth.values()])
        (pictures / f"{name}.jpg").write_bytes(to_jpeg(scene))
    for number, scene in enumerate(random_scenes(_TAGGED_PICTURES, _TAGGED_SEED), start=1):
        tag = folder / "tagged" / "shape" / scene.shape
        tag.mkdir(parents=True, exist_ok=True)
        (tag / f"{number}.jpg").write_bytes(to_jpeg(scene))
