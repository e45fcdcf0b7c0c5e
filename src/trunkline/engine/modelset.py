# SPDX-License-Identifier: Apache-2.0
"""The model set: what ``predict`` is called on, and what models come to and go from."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Literal

from trunkline.engine.cores import available_cores
from trunkline.engine.planning import Build, Workshop, removing
from trunkline.errors import ExportError, ModelNameError, TrunklineError
from trunkline.exports.reading import read_models, read_one
from trunkline.images import DEFAULT_MAX_PIXELS, read_picture
from trunkline.models import Model

if TYPE_CHECKING:
    import numpy as np
    import PIL.Image
    from numpy.typing import NDArray

    from trunkline.contracts import ChannelOrder
    from trunkline.engine.answers import Answers
    from trunkline.engine.compiled import Optimise
    from trunkline.engine.plan import Plan

    Export = str | os.PathLike[str] | Model
    Picture = str | os.PathLike[str] | bytes | PIL.Image.Image | NDArray[np.uint8]

__all__ = ["ModelSet"]


class ModelSet(Mapping[str, Model]):
    """Models loaded together, all of which answer for every frame.

    A model set is a mapping from names to models. Networks that begin alike share that beginning:
    it is compiled, held and run once. A model set is safe to use from several threads: a change
    builds a new plan beside the old one and swaps it in, and frames in flight finish on the one
    they began with.

    Args:
        cores: How many cores to use; by default all that the process may.
        optimise: ``"latency"`` for the shortest time per frame, ``"throughput"`` for the most
            frames where several threads call ``predict``.
        max_pixels: The largest picture to decode, in pixels.
    """

    def __init__(
        self,
        *,
        cores: int | None = None,
        optimise: Optimise = "latency",
        max_pixels: int = DEFAULT_MAX_PIXELS,
    ) -> None:
        self._workshop = Workshop(cores or available_cores(), optimise)
        self._max_pixels = max_pixels
        self._build = Build.empty()
        self._changing = threading.Lock()
        self._failures: tuple[TrunklineError, ...] = ()

    def __getitem__(self, name: str) -> Model:
        _check_known([name], self.plan)
        return self.plan.entries[name].model

    def __iter__(self) -> Iterator[str]:
        return iter(self.plan.entries)

    def __len__(self) -> int:
        return len(self.plan.entries)

    def __repr__(self) -> str:
        return f"<ModelSet of {len(self)}: {', '.join(self)}>"

    @property
    def plan(self) -> Plan:
        """What frames are run through at present."""
        return self._build.plan

    @property
    def failures(self) -> tuple[TrunklineError, ...]:
        """What ``on_error="skip"`` passed over, in the order it was met."""
        return self._failures

    def predict(self, picture: Picture, *, order: ChannelOrder = "RGB") -> Answers:
        """Return every model's answer for one picture, by model name.

        Nothing is opened or built here but the picture.

        Args:
            picture: A path, an encoded file as bytes, a PIL image, or a uint8 array of shape
                (height, width, 3).
            order: The channel order of an array: ``"RGB"``, or ``"BGR"`` for frames of OpenCV.

        Raises:
            PictureError: The picture cannot be read.
        """
        plan = self.plan
        return plan.predict(read_picture(picture, order=order, max_pixels=self._max_pixels))

    def add(
        self,
        *exports: Export,
        on_error: Literal["raise", "skip"] = "raise",
        **named: Export,
    ) -> None:
        """Load more models; all of them, or none where one fails.

        Args:
            *exports: Folders, zips or model files, each named after itself; a folder of exports
                is many models. Or models already read.
            on_error: ``"raise"`` to add nothing where one fails; ``"skip"`` to add the others and
                keep the errors in ``failures``.
            **named: One export each, under the name of its argument.

        Raises:
            ExportError: An export cannot be read or run.
            ModelNameError: Two models have the same name.
        """
        with self._changing:
            found = _read(exports, named)
            if on_error == "raise":
                self._build = self._with([_unless_broken(item) for item in found], self._build)
            else:
                self._add_what_can_be(list(found))

    def remove(self, *names: str) -> None:
        """Unload models; all of them, or none where one is unknown.

        Raises:
            ModelNameError: No model has this name.
        """
        with self._changing:
            _check_known(names, self.plan)
            self._build = removing(self._build, names)

    def replace(self, **named: Export) -> None:
        """Put other exports in the place of loaded models, under the same names, in one step.

        No frame is answered without them. Where one fails, all stay as they were.

        Raises:
            ExportError: An export cannot be read or run.
            ModelNameError: No model has this name.
        """
        with self._changing:
            _check_known(list(named), self.plan)
            models = [_unless_broken(item) for item in _read((), named)]
            self._build = self._with(models, removing(self._build, list(named)))

    def _with(self, models: Sequence[Model], build: Build) -> Build:
        _check_free(models, build.plan)
        return self._workshop.adding(build, models)

    def _add_what_can_be(self, items: Sequence[Model | ExportError]) -> None:
        """Add all at once; where that fails, one by one, to find out which ones fail."""
        models = [item for item in items if isinstance(item, Model)]
        failures: list[TrunklineError] = [item for item in items if isinstance(item, ExportError)]
        try:
            self._build = self._with(models, self._build)
        except (ExportError, ModelNameError):
            for model in models:
                try:
                    self._build = self._with([model], self._build)
                except (ExportError, ModelNameError) as error:
                    failures.append(error)
        self._failures += tuple(failures)


def _read(exports: Sequence[Export], named: Mapping[str, Export]) -> Iterator[Model | ExportError]:
    for export in exports:
        if isinstance(export, Model):
            yield export
        else:
            yield from read_models(export)
    for name, export in named.items():
        yield export.renamed(name) if isinstance(export, Model) else read_one(export, name)


def _unless_broken(item: Model | ExportError) -> Model:
    if isinstance(item, ExportError):
        raise item
    return item


def _check_known(names: Sequence[str], plan: Plan) -> None:
    for name in names:
        if name not in plan.entries:
            loaded = ", ".join(plan.entries) or "none"
            raise ModelNameError(f"No model is called {name!r}. Loaded: {loaded}.")


def _check_free(models: Sequence[Model], plan: Plan) -> None:
    taken = {name: entry.model for name, entry in plan.entries.items()}
    for model in models:
        other = taken.setdefault(model.name, model)
        if other is not model:
            raise ModelNameError(
                f"Two models are called {model.name!r}: {other.source} and {model.source}. "
                f"Give one another name: load(other={model.source!r}) in Python, "
                f"-m other={model.source} on the command line."
            )
