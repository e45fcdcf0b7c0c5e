# SPDX-License-Identifier: Apache-2.0
"""What a trunk makes of pictures."""

from __future__ import annotations

from collections import deque
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from trunkline.engine.compiled import CompiledGraph
from trunkline.engine.cores import available_cores
from trunkline.errors import PictureError
from trunkline.training.opening import open_picture
from trunkline.training.problems import Problem
from trunkline.training.views import PLAIN, tensors
from trunkline.training.workers import workers

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
    from concurrent.futures import Future

    from numpy.typing import NDArray

    from trunkline.training.featurestore import FeatureStore
    from trunkline.training.picture import Picture
    from trunkline.training.views import View
    from trunkline.trunks.trunk import Trunk

    Progress = Callable[[int, int], None]
    # By key of view, a picture's features.
    Rows = dict[str, NDArray[np.float32]]

__all__ = ["Features", "extract"]

# Decoded pictures and features wait in memory, so not all pictures are begun at once.
_BEGUN_PER_CORE = 3


@dataclass(frozen=True, eq=False)
class Features:
    """What a trunk made of pictures.

    Attributes:
        values: float32 array of shape (pictures, views, features).
        pictures: The pictures, in the order in which they were given; one that could not be
            decoded is not among them.
        views: The views, in the order of the second axis.
        problems: What could not be decoded, and why.
    """

    values: NDArray[np.float32]
    pictures: tuple[Picture, ...]
    views: tuple[View, ...]
    problems: tuple[Problem, ...]


def extract(  # noqa: PLR0913
    trunk: Trunk,
    pictures: Sequence[Picture],
    *,
    views: Sequence[View] = (PLAIN,),
    store: FeatureStore | None = None,
    cores: int | None = None,
    progress: Progress | None = None,
) -> Features:
    """Run a trunk on pictures.

    A picture is decoded once for all its views, and not at all where the store has them. Every core
    decodes, resizes and runs the trunk by itself, so none waits for another. Features are those of
    a running model, and do not depend on the number of cores.

    Args:
        trunk: The trunk.
        pictures: The pictures.
        views: The ways of looking at each.
        store: Where features are looked up and kept.
        cores: How many cores to use; by default all that the process may.
        progress: Called with the numbers of pictures done and of all, at the start and after each.

    Raises:
        RuntimeError: OpenVINO cannot compile or run the trunk.
    """
    by_digest = {picture.digest: picture for picture in pictures}
    rows = _known(trunk, by_digest, views, store)
    todo = [
        (picture, lacking)
        for digest, picture in by_digest.items()
        if (lacking := [view for view in views if view.key not in rows[digest]])
    ]
    tell = progress or (lambda _done, _all: None)
    tell(known := len(by_digest) - len(todo), len(by_digest))
    failed: dict[str, PictureError] = {}
    # Closed at once when Ctrl-C ends the loop: a traceback would keep it, and its threads, alive.
    with closing(_run(trunk, todo, cores or available_cores())) as outcomes:
        for done, (picture, outcome) in enumerate(outcomes, known + 1):
            if isinstance(outcome, PictureError):
                failed[picture.digest] = outcome
            else:
                rows[picture.digest].update(outcome)
                if store:
                    store.remember_features(trunk, picture.digest, outcome)
            tell(done, len(by_digest))
    return _collect(pictures, views, rows, failed, trunk.features)


def _known(
    trunk: Trunk, digests: Iterable[str], views: Sequence[View], store: FeatureStore | None
) -> dict[str, Rows]:
    rows: dict[str, Rows] = {digest: {} for digest in digests}
    if store:
        rows.update(store.features(trunk, list(rows), [view.key for view in views]))
    return rows


def _run(
    trunk: Trunk, todo: Sequence[tuple[Picture, Sequence[View]]], cores: int
) -> Generator[tuple[Picture, Rows | PictureError], None, None]:
    if not todo:
        return
    begun: deque[tuple[Picture, Future[Rows | PictureError]]] = deque()
    with workers(1) as aside, workers(cores) as pool:
        # Every call has one thread: sums come out the same, to the bit, whatever cores there are.
        graph = aside.submit(CompiledGraph, trunk.graph, cores, "throughput")
        if len(todo) > cores:
            # A few pictures are decoded meanwhile. With many that would cost more than it brings:
            # the C library learns from what is freed first what memory to keep, and would map the
            # pages of every picture anew. For the same reason no decoding thread compiles.
            graph.result()
        for picture, views in todo:
            begun.append((picture, pool.submit(_features, trunk, graph, picture, views)))
            if len(begun) > _BEGUN_PER_CORE * cores:
                yield _first(begun)
        while begun:
            yield _first(begun)


def _first(
    begun: deque[tuple[Picture, Future[Rows | PictureError]]],
) -> tuple[Picture, Rows | PictureError]:
    picture, outcome = begun.popleft()
    return picture, outcome.result()


def _features(
    trunk: Trunk, graph: Future[CompiledGraph], picture: Picture, views: Sequence[View]
) -> Rows | PictureError:
    try:
        pixels = open_picture(picture.read())
    except PictureError as error:
        return error
    inputs = tensors(pixels, views, trunk.contract)
    run = graph.result()
    return {
        view.key: run(tensor)[0].reshape(trunk.features)
        for view, tensor in zip(views, inputs, strict=True)
    }


def _collect(
    pictures: Sequence[Picture],
    views: Sequence[View],
    rows: Mapping[str, Rows],
    failed: Mapping[str, PictureError],
    width: int,
) -> Features:
    kept = tuple(picture for picture in pictures if picture.digest not in failed)
    values = np.empty((len(kept), len(views), width), np.float32)
    for at, picture in enumerate(kept):
        for column, view in enumerate(views):
            values[at, column] = rows[picture.digest][view.key]
    problems = tuple(
        Problem.of(failed[picture.digest], picture.source)
        for picture in pictures
        if picture.digest in failed
    )
    return Features(values, kept, tuple(views), problems)
