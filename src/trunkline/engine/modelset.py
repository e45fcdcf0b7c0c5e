# SPDX-License-Identifier: Apache-2.0
"""The model set: what ``predict`` is called on, and what models come to and go from."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Literal

from trunkline.engine.cores import available_cores
from trunkline.engine.planning import Build, Draft, Workshop, removing
from trunkline.errors import ExportError, ModelNameError, TrunklineError
from trunkline.exports.reading import Read, read_all, read_named
from trunkline.images import DEFAULT_MAX_PIXELS, read_picture
from trunkline.models import Model

if TYPE_CHECKING:
    import os
    from collections.abc import Collection, Iterable

    import numpy as np
    import PIL.Image
    from numpy.typing import NDArray

    from trunkline.contracts import ChannelOrder
    from trunkline.engine.answers import Answers
    from trunkline.engine.compiled import Optimise
    from trunkline.engine.plan import Plan
    from trunkline.exports.reading import Known

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
            draft, failures = Draft.of(self._build), list[TrunklineError]()
            reads: list[Read] = []
            for item in _read(exports, named, draft.known):
                try:
                    read = _unless_broken(item)
                    draft.add(read)
                    reads.append(read)
                except (ExportError, ModelNameError) as error:
                    if on_error == "raise":
                        raise
                    failures.append(error)
            self._build = self._finished(draft, reads, failures, on_error)
            self._failures += tuple(failures)

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
            draft = Draft.of(removing(self._build, list(named)))
            for item in _read((), named, draft.known):
                draft.add(_unless_broken(item))
            self._build = self._workshop.finish(draft, self._build)

    def _finished(
        self,
        draft: Draft,
        reads: Iterable[Read],
        failures: list[TrunklineError],
        on_error: Literal["raise", "skip"],
    ) -> Build:
        """Compile all at once; where that fails, one by one, to find out which ones fail."""
        try:
            return self._workshop.finish(draft, self._build)
        except ExportError:
            if on_error == "raise":
                raise
        build = self._build
        for read in reads:
            draft = Draft.of(build)
            try:
                draft.add(read)
                build = self._workshop.finish(draft, build)
            except ExportError as error:
                failures.append(error)
        return build


def _read(
    exports: Sequence[Export], named: Mapping[str, Export], known: Collection[Known]
) -> Iterator[Read | ExportError]:
    for export in exports:
        if isinstance(export, Model):
            yield Read(export)
        else:
            yield from read_all(export, known)
    for name, export in named.items():
        if isinstance(export, Model):
            yield Read(export.renamed(name))
        else:
            yield read_named(export, name, known)


def _unless_broken(item: Read | ExportError) -> Read:
    if isinstance(item, ExportError):
        raise item
    return item


def _check_known(names: Sequence[str], plan: Plan) -> None:
    for name in names:
        if name not in plan.entries:
            loaded = ", ".join(plan.entries) or "none"
            raise ModelNameError(f"No model is called {name!r}. Loaded: {loaded}.")
