# SPDX-License-Identifier: Apache-2.0
"""A server under twice the load that it can take, and its end in the midst of it."""

from __future__ import annotations

import asyncio
import io
import json
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

from PIL import Image

from options import picture_beside, say
from reliability_changes import Turnover
from reliability_load import Ask, Clients, Outcome
from reliability_rude import RudeClients
from reliability_server import ServerProcess

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["DEADLINE", "Trial", "conduct", "percentile"]

DEADLINE = 10.0
"""The server's ``deadline`` in seconds, as it is by default."""

SERVED = ("fruit-2", "fruit-4", "bears", "sign-14", "cat-dog-onnx-opset7")
COMING = ("bear-1-label", "rock-paper-scissors")
"""What is loaded and replaced meanwhile; they have other labels."""

# Only what rude clients run into is shortened, so that it is seen often. Connections may idle for
# long: a request that is sent while the server closes its connection is lost by nobody's fault, and
# clients whose machine is busy do not know how long a connection has idled.
_SETTINGS = {
    "DEADLINE": DEADLINE, "BODY_SECONDS": 2, "HEADER_SECONDS": 2, "KEEP_ALIVE_SECONDS": 60
}  # fmt: skip
_CLIENTS = 16  # as many as it takes to keep the server busy
_TIMES = 2.0  # the load, in capacities
_RUDE = 7.0  # rude clients per second, of as many kinds
_SIZE = 640, 480
_SAMPLES = 200  # of memory
_PROJECT = "/customvision/v3.0/prediction/6c1e5b1f-8d4a-4f0e-9a43-2b7f1f0c1d2e"


@dataclass(frozen=True, slots=True)
class Trial:
    """What was seen.

    Attributes:
        seconds: How long the load went on before the signal.
        capacity: Answers per second in a closed loop.
        alone: Seconds of requests that were asked one at a time.
        loaded: Requests under load, before the signal.
        ended: Requests from the signal on.
        held_back: Requests that the clients had no room for.
        memory: MiB that the server had in use, evenly spaced.
        turnover: Who changed models.
        rude: Who sent what should not be sent.
        log: The server's.
        status: The server's exit status.
        drained: Seconds from the signal to its end.
    """

    seconds: float
    capacity: float
    alone: Sequence[float]
    loaded: Sequence[Outcome]
    ended: Sequence[Outcome]
    held_back: int
    memory: Sequence[float]
    turnover: Turnover
    rude: RudeClients
    log: Sequence[Mapping[str, object]]
    status: int
    drained: float

    @property
    def unanswered(self) -> list[Outcome]:
        """Requests that got no answer before the signal."""
        return [each for each in self.loaded if each.status is None]

    @property
    def lost(self) -> list[str]:
        """Requests that the server took, by its own log, and whose client got no answer."""
        missing = {o.request for o in (*self.loaded, *self.ended) if o.status is None}
        return sorted(missing & {str(event.get("request")) for event in self.log})

    @property
    def untaken(self) -> list[Outcome]:
        """Requests that were cut after the signal, and which the server never saw."""
        lost = set(self.lost)
        return [o for o in self.ended if o.why in ("cut", "never") and o.request not in lost]

    @property
    def faults(self) -> list[Mapping[str, object]]:
        """What the server logged as its own faults."""
        return [e for e in self.log if e.get("level") == "error" or e.get("code") == 500]

    @property
    def bound(self) -> float:
        """The longest that a request may take: the deadline, and the time it runs."""
        return DEADLINE + percentile(self.alone, 99)

    @property
    def memory_by_eighths(self) -> list[float]:
        """MiB in use, the median of each eighth of the load."""
        eighth = len(self.memory) // 8
        return [median(self.memory[n * eighth : (n + 1) * eighth]) for n in range(8)]

    @property
    def growth(self) -> float:
        """MiB per minute between the third quarter of the load and the last."""
        quarter = len(self.memory) // 4
        third, last = self.memory[2 * quarter : 3 * quarter], self.memory[3 * quarter :]
        return (median(last) - median(third)) / (self.seconds / 4 / 60)

    def took(self, *statuses: int) -> list[float]:
        """Return the seconds of requests under load that were answered so."""
        return [o.seconds for o in self.loaded if o.status in statuses]


def percentile(values: Sequence[float], percent: float) -> float:
    """Return the smallest value that so many percent of all are no larger than."""
    ordered = sorted(values)
    return ordered[max(0, -(-len(ordered) * int(percent) // 100) - 1)]


def conduct(models: Path, seconds: float) -> Trial:
    """Start a server, load it with twice what it can take, and stop it meanwhile.

    Args:
        models: The folder of real exports.
        seconds: How long the load goes on before the signal.
    """
    served = [models / name for name in SERVED]
    with (
        tempfile.TemporaryDirectory() as folder,
        ServerProcess(Path(folder), served, _SETTINGS) as process,
    ):
        address = process.ready()
        picture = _shrunk(picture_beside(models))
        coming = (models / COMING[0], models / COMING[1])
        return asyncio.run(_Conductor(process, address, picture, coming, seconds).go())


@dataclass(slots=True)
class _Conductor:
    process: ServerProcess
    address: tuple[str, int]
    picture: bytes
    coming: tuple[Path, Path]
    seconds: float
    stopped: bool = False
    over: bool = False
    memory: list[float] = field(default_factory=list)

    async def go(self) -> Trial:
        asks = _asks(self.picture)
        capacity, alone = await self._unloaded(asks)
        say(f"  capacity {capacity:.0f} per second; {_TIMES:g} times that for {self.seconds:g} s")
        clients = Clients(self.address, "load")
        turnover = Turnover(self.address, self.coming, self.picture)
        rude = RudeClients(self.address, asks[0])
        beside = [
            asyncio.create_task(turnover.go_round(lambda: self.over)),
            asyncio.create_task(rude.come(_RUDE, lambda: self.stopped)),
            asyncio.create_task(self._watch_memory()),
        ]
        loading = asyncio.create_task(
            clients.open_loop(asks, _TIMES * capacity, 10 * self.seconds, lambda: self.stopped)
        )
        begun = asyncio.get_running_loop().time()
        await asyncio.sleep(self.seconds)
        self.over = True
        await asyncio.gather(beside[0], beside[2])
        rude.ending = True
        signalled, status, drained = await self._stop()
        outcomes = await loading
        await beside[1]
        clients.close()
        before = [each for each in outcomes if each.begun + each.seconds < signalled]
        after = [each for each in outcomes if each.begun + each.seconds >= signalled]
        return Trial(
            seconds=signalled - begun,
            capacity=capacity,
            alone=alone,
            loaded=before,
            ended=after,
            held_back=clients.held_back,
            memory=self.memory,
            turnover=turnover,
            rude=rude,
            log=self.process.log(),
            status=status,
            drained=drained,
        )

    async def _unloaded(self, asks: Sequence[Ask]) -> tuple[float, list[float]]:
        """Return how many requests are answered per second, and how long one takes alone."""
        clients, span = Clients(self.address, "before"), max(1.0, min(5.0, self.seconds / 10))
        await clients.closed_loop(asks, _CLIENTS, span)
        counted = await clients.closed_loop(asks, _CLIENTS, span)
        one = await clients.closed_loop(asks, 1, span)
        clients.close()
        for each in (*counted, *one):
            if each.status != 200:
                raise RuntimeError(f"an unloaded server answered {each}")
        return len(counted) / span, [each.seconds for each in one]

    async def _watch_memory(self) -> None:
        while not self.over:
            self.memory.append(self.process.resident())
            await asyncio.sleep(self.seconds / _SAMPLES)

    async def _stop(self) -> tuple[float, int, float]:
        """Send the signal under load; return when, the exit status, and the seconds it took."""
        clock = asyncio.get_running_loop().time
        signalled = clock()
        self.process.terminate()
        status = await asyncio.to_thread(self.process.ended)
        drained = clock() - signalled
        self.stopped = True
        return signalled, status, drained


def _asks(picture: bytes) -> list[Ask]:
    """Return requests to every API over HTTP; those that predict outnumber the others."""
    inputs = {"name": "image", "datatype": "BYTES", "shape": [1]}
    length = len(picture).to_bytes(4, "little")
    inputs["parameters"] = {"binary_data_size": len(picture) + 4}
    head = json.dumps({"inputs": [inputs]}).encode()
    binary = f"Inference-Header-Content-Length: {len(head)}"
    name = SERVED[0]
    return [
        Ask("POST", "/predict", picture),
        Ask("POST", f"{_PROJECT}/classify/iterations/{name}/image", picture),
        Ask("POST", f"/{name}/image", picture),
        Ask("POST", f"/v2/models/{name}/infer", head + length + picture, (binary,)),
        Ask("POST", "/predict", picture),
        Ask("GET", "/models"),
    ]


def _shrunk(photograph: Path) -> bytes:
    """Return a photograph as a JPEG of 0.3 megapixels."""
    buffer = io.BytesIO()
    with Image.open(photograph) as picture:
        picture.convert("RGB").resize(_SIZE).save(buffer, "JPEG", quality=90)
    return buffer.getvalue()
