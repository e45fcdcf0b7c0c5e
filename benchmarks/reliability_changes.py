# SPDX-License-Identifier: Apache-2.0
"""Models that are loaded, replaced, broken and removed while a server is busy."""

from __future__ import annotations

import asyncio
import io
import itertools
import json
import zipfile
from typing import TYPE_CHECKING, Any

from reliability_load import Ask, exchange

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

__all__ = ["Turnover", "zipped"]

_NAME = "guest"
_MODEL = f"/models/{_NAME}"
_TRIES, _PAUSE = 600, 0.05
_BUSY = {429, 503}


def zipped(export: Path) -> bytes:
    """Return the files of an export as a zip."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for file in sorted(export.iterdir()):
            archive.write(file, file.name)
    return buffer.getvalue()


class Turnover:
    """One who manages models: the same steps over and over, each followed by a look at the effect.

    Args:
        address: Host and port.
        exports: Two exports with other labels.
        picture: An encoded picture.

    Attributes:
        rounds: How many times all steps were taken.
        steps: Seconds of each change that the server made.
        wrong: What the server did that it should not have.
    """

    def __init__(
        self, address: tuple[str, int], exports: tuple[Path, Path], picture: bytes
    ) -> None:
        self._address = address
        self._zips = [zipped(export) for export in exports]
        self._picture = picture
        self._names = (f"change-{number}" for number in itertools.count())
        self.rounds = 0
        self.steps: list[float] = []
        self.wrong: list[str] = []

    async def go_round(self, until: Callable[[], bool], pause: float = 0.2) -> None:
        """Go on until told to stop, always to the end of a round."""
        while not until():
            await self._round()
            self.rounds += 1
            await asyncio.sleep(pause)

    async def _round(self) -> None:
        one, other = self._zips
        await self._step("POST", one, 201)
        first = await self._answering()
        await self._step("PUT", other, 200)
        second = await self._answering()
        if first == second:
            self.wrong.append(f"after the replacement, the labels are still {first}")
        await self._step("PUT", one[: len(one) // 2], 400)
        if (after := await self._answering()) != second:
            self.wrong.append(f"a broken replacement changed the labels to {after}")
        await self._step("DELETE", b"", 200)
        await self._expect(self._predict(), 404)

    async def _step(self, method: str, body: bytes, expected: int) -> None:
        begun = asyncio.get_running_loop().time()
        await self._expect(Ask(method, _MODEL, body), expected)
        self.steps.append(asyncio.get_running_loop().time() - begun)

    async def _answering(self) -> tuple[str, ...]:
        answer = await self._expect(self._predict(), 200)
        found = answer.get("predictions", {}).get(_NAME, {})
        return tuple(sorted(each["label"] for each in found.get("labels", ())))

    def _predict(self) -> Ask:
        return Ask("POST", f"/predict?models={_NAME}", self._picture)

    async def _expect(self, ask: Ask, status: int) -> dict[str, Any]:
        """Ask until the server has room; note an answer that is another."""
        for _ in range(_TRIES):
            found, body = await exchange(self._address, ask, next(self._names))
            if found not in _BUSY:
                break
            await asyncio.sleep(_PAUSE)
        if found != status:
            self.wrong.append(f"{ask.method} {ask.path}: {found}, not {status}: {body[:200]!r}")
        answer: dict[str, Any] = json.loads(body)
        return answer
