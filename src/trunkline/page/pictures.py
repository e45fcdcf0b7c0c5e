# SPDX-License-Identifier: Apache-2.0
"""The last pictures of cameras, and pictures that were dropped, held for those who look."""

from __future__ import annotations

import asyncio
import io
import secrets
from collections import OrderedDict
from typing import TYPE_CHECKING

from PIL import Image

from trunkline.images import read_picture

if TYPE_CHECKING:
    from trunkline.page.view import PictureView, View

__all__ = ["Dropped", "Shelf", "small_jpeg"]

_KEPT_VERSIONS = 4
_KEPT_DROPPED = 32
_LONGEST_SIDE = 1600
_QUALITY = 85


class Shelf:
    """The last few pictures of each camera; each is asked for once, however many look.

    Args:
        view: Where they come from.
    """

    def __init__(self, view: View) -> None:
        self._view = view
        self._kept: dict[str, OrderedDict[int, PictureView]] = {}
        self._asking: dict[str, asyncio.Lock] = {}

    async def latest(self, camera: str) -> PictureView | None:
        """Return a camera's last picture; None where there is none yet, or no such camera."""
        versions = {each.name: each.version for each in self._view.cameras()}
        self._forget(set(versions))
        if camera not in versions:
            return None
        kept = self._kept.setdefault(camera, OrderedDict())
        async with self._asking.setdefault(camera, asyncio.Lock()):
            if not kept or next(reversed(kept)) != versions[camera]:
                picture = await self._view.picture(camera)
                if picture is not None:
                    _keep(kept, picture)
        return next(reversed(kept.values())) if kept else None

    def of_version(self, camera: str, version: int) -> PictureView | None:
        """Return a picture that ``latest`` has returned lately."""
        return self._kept.get(camera, OrderedDict()).get(version)

    def _forget(self, there: set[str]) -> None:
        for gone in set(self._kept) - there:
            del self._kept[gone]
            self._asking.pop(gone, None)


def _keep(kept: OrderedDict[int, PictureView], picture: PictureView) -> None:
    kept[picture.version] = picture
    kept.move_to_end(picture.version)
    while len(kept) > _KEPT_VERSIONS:
        kept.popitem(last=False)


class Dropped:
    """Pictures that people have dropped, for as long as they are shown; the oldest go first."""

    def __init__(self) -> None:
        self._kept: OrderedDict[str, bytes] = OrderedDict()

    def put(self, jpeg: bytes) -> str:
        """Hold a picture and return the word, which cannot be guessed, that it is found by."""
        token = secrets.token_urlsafe(16)
        self._kept[token] = jpeg
        while len(self._kept) > _KEPT_DROPPED:
            self._kept.popitem(last=False)
        return token

    def get(self, token: str) -> bytes | None:
        """Return a picture that is held."""
        return self._kept.get(token)

    def discard(self, token: str) -> None:
        """Let a picture go."""
        self._kept.pop(token, None)


def small_jpeg(data: bytes) -> tuple[bytes, int, int]:
    """Return a picture as the models saw it, upright, as a JPEG that any browser can show.

    What a browser is given was written here: a file of somebody else's could be a script.

    Args:
        data: The picture's file.

    Returns:
        The JPEG, its width and its height in pixels.

    Raises:
        PictureError: It cannot be read.
    """
    image = Image.fromarray(read_picture(data))
    image.thumbnail((_LONGEST_SIDE, _LONGEST_SIDE))
    file = io.BytesIO()
    image.save(file, "JPEG", quality=_QUALITY)
    return file.getvalue(), image.width, image.height
