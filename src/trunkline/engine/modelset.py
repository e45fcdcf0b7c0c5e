# SPDX-License-Identifier: Apache-2.0
"""The model set: what ``predict`` is called on, and what models come to and go from."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Literal

from trunkline.engine.cores import available_cores
from trunkline.engine.drafts import Draft
from trunkline.engine.memory import give_back_memory
from trunkline.engine.planning import Build, RefusedError, Workshop
from trunkline.engine.steps import step
from trunkline.errors import ExportError, ModelNameError, TrunklineError
from trunkline.exports.reading import Read, read_all, read_named
from trunkline.images import DEFAULT_MAX_PIXELS, read_picture
from trunkline.models import Model

if TYPE_CHECKING:
    import os
    from collections.abc import Collection

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
        if cores is not None and cores < 1:
            raise ValueError(f"cores is {cores}; it must be at least 1")
        if optimise not in ("latency", "throughput"):
            raise ValueError(f"optimise is {optimise!r}; it must be 'latency' or 'throughput'")
        self._workshop = Workshop(cores or available_cores(), optimise)
        self._max_pixels = max_pixels
        self._build = Build.empty()
        self._changing = threading.Lock()
        self._failures: tuple[TrunklineError, ...] = ()

    def __getitem__(self, name: str) -> Model:
        plan = self.plan
        if name not in plan.entries:
            raise _unknown(name, plan)
        return plan.entries[name].model

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

    def predict(
        self,
        picture: Picture,
        *,
        order: ChannelOrder = "RGB",
        models: Collection[str] | None = None,
    ) -> Answers:
        """Return every model's answer for one picture, by model name.

        Nothing is opened or built here but the picture.

        Args:
            picture: A path, an encoded file as bytes, a PIL image, or a uint8 array of shape
                (height, width, 3).
            order: The channel order of an array: ``"RGB"``, or ``"BGR"`` for frames of OpenCV.
            models: Whose answers are wanted; by default all. What only others need is not done.

        Raises:
            PictureError: The picture cannot be read.
            ModelNameError: One of ``models`` is not loaded.
        """
        plan = self.plan
        if models is not None:
            plan = _only(plan, models)
        with step("decode picture"):
            decoded = read_picture(picture, order=order, max_pixels=self._max_pixels)
        return plan.predict(decoded)

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
            self._add(exports, named, skip=on_error == "skip")
        give_back_memory()

    def remove(self, *names: str) -> None:
        """Unload models; all of them, or none where one is unknown.

        Raises:
            ModelNameError: No model has this name.
        """
        with self._changing:
            self._build = self._finished(self._draft_without(names))
        give_back_memory()

    def replace(self, **named: Export) -> None:
        """Put other exports in the place of loaded models, under the same names, in one step.

        No frame is answered without them. Where one fails, all stay as they were.

        Raises:
            ExportError: An export cannot be read or run.
            ModelNameError: No model has this name.
        """
        with self._changing:
            self._replace(named)
        give_back_memory()

    # What is read and drafted is let go when these return, and given back by their callers.

    def _add(self, exports: Sequence[Export], named: Mapping[str, Export], *, skip: bool) -> None:
        draft, failures = Draft.of(self._build), list[TrunklineError]()
        for item in _read(exports, named, draft.known):
            try:
                draft.add(_unless_broken(item))
            except (ExportError, ModelNameError) as error:
                if not skip:
                    raise
                failures.append(error)
        self._build = self._finished(draft, failures if skip else None)
        self._failures += tuple(map(_without_frames, failures))

    def _replace(self, named: Mapping[str, Export]) -> None:
        draft = self._draft_without(named)
        for item in _read((), named, draft.known):
            draft.add(_unless_broken(item))
        self._build = self._finished(draft)

    def _draft_without(self, names: Collection[str]) -> Draft:
        for name in names:
            if name not in self.plan.entries:
                raise _unknown(name, self.plan)
        draft = Draft.of(self._build)
        draft.drop(names)
        return draft

    def _finished(self, draft: Draft, failures: list[TrunklineError] | None = None) -> Build:
        """Compile what a draft needs; given a list of failures, without the models that fail."""
        while True:
            try:
                return self._workshop.finish(draft, self._build)
            except RefusedError as error:
                if failures is None:
                    raise
                failures.append(error)
                draft.drop([error.name])


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


def _only(plan: Plan, names: Collection[str]) -> Plan:
    for name in names:
        if name not in plan.entries:
            raise _unknown(name, plan)
    return plan.narrowed(names)


def _unless_broken(item: Read | ExportError) -> Read:
    if isinstance(item, ExportError):
        raise item
    return item


def _unknown(name: str, plan: Plan) -> ModelNameError:
    loaded = ", ".join(plan.entries) or "none"
    return ModelNameError(f"No model is called {name!r}. Loaded: {loaded}.")


def _without_frames(error: TrunklineError) -> TrunklineError:
    """Return an error to be kept: its frames would keep the graphs that they worked on."""
    link: BaseException | None = error
    while link is not None:
        link.__traceback__ = None
        link = link.__cause__ or link.__context__
    return error
