# SPDX-License-Identifier: Apache-2.0
"""Training: pictures and tags in, a model out."""

from __future__ import annotations

import importlib.util
import os
from pathlib import Path
from typing import TYPE_CHECKING, cast

from trunkline import trunks
from trunkline.contracts import Decision
from trunkline.decoding import ClassificationDecoder
from trunkline.errors import MissingExtraError, TrunklineError
from trunkline.training.evaluation import evaluate
from trunkline.training.features import extract
from trunkline.training.featurestore import FeatureStore
from trunkline.training.pictures import gather_pictures, read_pictures
from trunkline.training.pictureset import truth_of
from trunkline.training.trained import TrainedModel, Training
from trunkline.training.views import PLAIN, TRAINING_VIEWS
from trunkline.trunks import Trunk

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from trunkline.images.decode import PictureSource
    from trunkline.training.features import Features
    from trunkline.training.pictures import Picture, PictureSet, TrainingTask
    from trunkline.training.selection import Head

    Progress = Callable[[int, int], None]

__all__ = ["DEFAULT_TRUNK", "Trainer", "check_installed", "find_trunk"]

DEFAULT_TRUNK = "efficientnet-lite0"


class Trainer:
    """Trains models that share one trunk: each is a new last layer for it.

    Args:
        trunk: The name of a trunk (``trunkline trunks`` lists them), a path to a classifier whose
            trunk is taken, or a ``Trunk``.
        task: ``"multiclass"`` or ``"multilabel"``; by default multilabel where a picture has
            several tags.
        seed: What the choice of folds begins with. Same pictures, tags and seed: same model.
        cores: How many cores to use; by default all that the process may.
        store: Where features are kept, so that known pictures cost nothing the next time; by
            default a file in Trunkline's cache folder.

    Raises:
        MissingExtraError: What training needs, or the trunk's package, is not installed.
        TrunklineError: There is no such trunk.
        ExportError: The model whose trunk was asked for cannot be read, or has none.
    """

    def __init__(
        self,
        trunk: str | os.PathLike[str] | Trunk = DEFAULT_TRUNK,
        *,
        task: TrainingTask | None = None,
        seed: int = 0,
        cores: int | None = None,
        store: FeatureStore | None = None,
    ) -> None:
        if task not in (None, "multiclass", "multilabel"):
            raise ValueError(f"task is {task!r}; it must be 'multiclass' or 'multilabel'")
        check_installed()
        self.trunk = trunk if isinstance(trunk, Trunk) else find_trunk(trunk)
        self._task: TrainingTask | None = task
        self._seed = seed
        self._cores = cores
        self._store = store or FeatureStore()

    def fit(
        self,
        pictures: str | os.PathLike[str] | PictureSet | Sequence[PictureSource],
        tags: Sequence[str | Iterable[str]] | None = None,
        *,
        name: str = "model",
        progress: Progress | None = None,
    ) -> TrainedModel:
        """Train a model.

        Args:
            pictures: A folder with one folder per tag, a CSV file or a COCO file; or pictures:
                paths, bytes of files, Pillow pictures, RGB arrays.
            tags: For each of such pictures its tag, or its tags; none of them for a picture that
                shows none.
            name: What to call the model.
            progress: Called with the numbers of pictures looked at and of all pictures.

        Raises:
            TrainingError: No model can be trained on this; the message says what is missing.
        """
        chosen = self.read(pictures, tags)
        chosen.check_trainable()
        found = self.look(chosen.pictures, progress=progress)
        chosen = chosen.keeping(found.pictures, found.problems)
        chosen.check_trainable()
        truth = truth_of(chosen.pictures, chosen.tags)
        from trunkline.training.selection import fit_head

        head = fit_head(found.values, truth, task=chosen.task, seed=self._seed)
        return self._model(name, chosen, truth, head)

    def read(
        self,
        pictures: str | os.PathLike[str] | PictureSet | Sequence[PictureSource],
        tags: Sequence[str | Iterable[str]] | None = None,
    ) -> PictureSet:
        """Return pictures with their tags, as ``fit`` takes them, without training."""
        if tags is not None:
            given = cast("Sequence[PictureSource]", pictures)
            return gather_pictures(given, tags, task=self._task, store=self._store)
        if isinstance(pictures, str | os.PathLike):
            return read_pictures(pictures, task=self._task, store=self._store)
        return cast("PictureSet", pictures)

    def look(
        self,
        pictures: Sequence[Picture],
        *,
        plain: bool = False,
        progress: Progress | None = None,
    ) -> Features:
        """Return what the trunk makes of pictures.

        Args:
            pictures: The pictures.
            plain: Whether to look at each once, as a running model does, and not as training does.
            progress: As for ``fit``.
        """
        return extract(
            self.trunk,
            pictures,
            views=(PLAIN,) if plain else TRAINING_VIEWS,
            store=self._store,
            cores=self._cores,
            progress=progress,
        )

    def _model(
        self, name: str, chosen: PictureSet, truth: NDArray[np.bool_], head: Head
    ) -> TrainedModel:
        trunk = self.trunk
        evaluation = evaluate(
            head.out_of_fold,
            truth,
            chosen.tags,
            task=chosen.task,
            folds=head.folds,
            sources=[picture.source for picture in chosen.pictures],
        )
        why = "it was trained so"
        return TrainedModel(
            name=name,
            labels=chosen.tags,
            task=chosen.task,
            contract=trunk.contract,
            graph=trunks.with_head(trunk, head.weights, head.bias, head.activation),
            decoder=ClassificationDecoder(chosen.task),
            format="trained here",
            source=name,
            decisions=(Decision("task", chosen.task, why), Decision("trunk", trunk.name, why)),
            training=Training(
                trunk=trunk.name,
                platform=trunk.platform,
                flavor=trunk.flavor,
                head=head,
                seed=self._seed,
                pictures=chosen,
                evaluation=evaluation,
            ),
        )


def check_installed() -> None:
    """Say at once what only the last step needs.

    Raises:
        MissingExtraError: It is not installed.
    """
    if importlib.util.find_spec("threadpoolctl") is None:
        raise MissingExtraError("Training", package="threadpoolctl", extra="train")


def find_trunk(name: str | os.PathLike[str]) -> Trunk:
    """Return the trunk of a name, or of the model at a path.

    Raises:
        TrunklineError: There is neither.
    """
    known = [info.name for info in trunks.available()]
    if name in known:
        return trunks.get(os.fspath(name))
    if Path(name).exists():
        return trunks.borrow(name)
    raise TrunklineError(
        f"There is no trunk named {os.fspath(name)!r}, and no model at such a path. "
        f"There are: {', '.join(known)}."
    )
