# SPDX-License-Identifier: Apache-2.0
"""The data plane: what every API calls with a picture, and nothing else runs models.

Decoding and running happen on a few threads of their own, off the event loop. More requests than
the queue holds are refused at once, and one that has waited past its deadline is not run at all:
whoever asked has given up.
"""

from __future__ import annotations

import asyncio
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from trunkline.engine.cores import available_cores
from trunkline.engine.steps import carried
from trunkline.errors import ModelNameError, PictureError
from trunkline.server.faults import BadRequestError, BusyError, NotFoundError, UnavailableError
from trunkline.server.feeding import fed
from trunkline.server.tally import Tally

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable
    from typing import Any

    import numpy as np
    from numpy.typing import NDArray

    from trunkline.engine.answers import Answers
    from trunkline.engine.modelset import ModelSet

    Picture = bytes | NDArray[np.uint8]

__all__ = ["DataPlane", "Served"]

_T = TypeVar("_T")

_CALLERS_PER_CORE = 2  # one decodes while the other runs


@dataclass(frozen=True, slots=True)
class Served:
    """One request as it went, for the metrics.

    Attributes:
        models: Whose answers were wanted; None for all.
        waited: Seconds in the queue.
        ran: Seconds of decoding and running.
        outcome: ``"answered"``, ``"busy"``, ``"late"``, ``"picture"`` for one that cannot be read
            and a tensor that does not fit, ``"unknown"`` for a model that is not there, or
            ``"failed"``.
    """

    models: frozenset[str] | None
    waited: float
    ran: float
    outcome: str


class DataPlane:
    """Answers pictures from any number of requests at once.

    Args:
        models: What answers; best loaded with ``optimise="throughput"``.
        waiting: How many requests may wait for a thread; more are refused.
        deadline: Seconds that a request may wait; after that it is dropped.
        seen: Called after every request, on any thread.

    Attributes:
        models: What answers.
        draining: Whether no more requests are taken.
        tally: How often each model was asked.
    """

    def __init__(
        self,
        models: ModelSet,
        *,
        waiting: int = 64,
        deadline: float = 10.0,
        seen: Callable[[Served], None] = lambda _: None,
    ) -> None:
        self.models = models
        self.draining = False
        self.tally = Tally()
        self._workers = _CALLERS_PER_CORE * available_cores()
        self._pool = ThreadPoolExecutor(self._workers, "trunkline")
        self._waiting = waiting
        self._deadline = deadline
        self._seen = seen
        self._inside = 0
        self._counting = threading.Lock()

    @property
    def depth(self) -> int:
        """How many requests wait for a thread."""
        return max(0, self._inside - self._workers)

    @property
    def inside(self) -> int:
        """How many requests wait or run."""
        return self._inside

    async def predict(self, picture: Picture, names: Collection[str] | None = None) -> Answers:
        """Return models' answers for one picture.

        Args:
            picture: An encoded file, or a uint8 array of shape (height, width, 3), RGB.
            names: Whose answers are wanted; by default all models'.

        Raises:
            BadRequestError: The picture cannot be read.
            NotFoundError: One of ``names`` is not loaded.
            BusyError: The queue is full.
            UnavailableError: The server is about to stop, or the request waited too long.
        """
        return await self.tell(picture, names, _as_they_are)

    async def tell(
        self, picture: Picture, names: Collection[str] | None, form: Callable[[Answers], _T]
    ) -> _T:
        """Return what is made of models' answers for one picture; see ``predict``.

        Args:
            picture: As for ``predict``.
            names: As for ``predict``.
            form: Makes it, on the thread that has answered.
        """
        wanted = None if names is None else frozenset(names)
        return await self._ask(lambda: self.models.predict(picture, models=wanted), wanted, form)

    async def predict_tensor(self, tensor: NDArray[Any], name: str) -> Answers:
        """Return one model's answer for one picture that has been made ready for it.

        Args:
            tensor: What the model's own contract asks for, without a batch axis; see
                ``trunkline.server.feeding``.
            name: The model.

        Raises:
            BadRequestError: The tensor does not fit the model.
            NotFoundError: The model is not loaded.
            BusyError: The queue is full.
            UnavailableError: The server is about to stop, or the request waited too long.
        """
        wanted = frozenset([name])
        return await self._ask(lambda: fed(self.models, name, tensor), wanted, _as_they_are)

    async def _ask(
        self,
        answer: Callable[[], Answers],
        wanted: frozenset[str] | None,
        form: Callable[[Answers], _T],
    ) -> _T:
        if self.draining:
            raise UnavailableError("The server is about to stop.", retry_after=5)
        if self.depth >= self._waiting:
            self._note(Served(wanted, 0.0, 0.0, "busy"))
            raise BusyError("Too many requests are waiting; try again later.", retry_after=1)
        self._count(1)
        work = self._pool.submit(carried(self._run), answer, wanted, form, time.monotonic())
        try:
            return await asyncio.shield(asyncio.wrap_future(work))
        except asyncio.CancelledError:
            # Whoever asked is gone. What runs already cannot be stopped, and counts until it ends.
            if work.cancel():
                self._count(-1)
            raise

    async def drain(self) -> None:
        """Take no more requests, and wait for those inside."""
        self.draining = True
        while self._inside:
            await asyncio.sleep(0.01)

    def close(self) -> None:
        """Give the threads back; call ``drain`` first."""
        self._pool.shutdown()

    def _count(self, change: int) -> None:
        with self._counting:
            self._inside += change

    def _note(self, served: Served, every: Iterable[str] = ()) -> None:
        if served.outcome == "answered":
            self.tally.answered(served.models, every, served.waited, served.ran)
        elif served.outcome != "unknown":
            # Those refused at once may name anything.
            checked = served.outcome in {"picture", "failed"}
            self.tally.failed(served.models, served.waited + served.ran, checked=checked)
        self._seen(served)

    def _run(
        self,
        answer: Callable[[], Answers],
        names: frozenset[str] | None,
        form: Callable[[Answers], _T],
        asked: float,
    ) -> _T:
        begun = time.monotonic()
        outcome = "failed"
        answers: Iterable[str] = ()
        try:
            if begun - asked > self._deadline:
                outcome = "late"
                raise UnavailableError("The request waited too long; try again.", retry_after=1)
            answers = answered = answer()
            formed = form(answered)
        except PictureError as error:
            outcome = "picture"
            raise BadRequestError(str(error), code="BadRequestImageFormat") from error
        except BadRequestError:
            outcome = "picture"
            raise
        except ModelNameError as error:
            outcome = "unknown"
            raise NotFoundError(str(error)) from error
        else:
            outcome = "answered"
            return formed
        finally:
            self._count(-1)
            ended = time.monotonic()
            self._note(Served(names, begun - asked, ended - begun, outcome), answers)


def _as_they_are(answers: Answers) -> Answers:
    return answers
