# SPDX-License-Identifier: Apache-2.0
"""The demonstration's pictures: a coloured shape over a grey, noisy ground, 640 x 480."""

from __future__ import annotations

import functools
import io
import math
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, ImageDraw

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import NDArray

__all__ = [
    "ASPECTS",
    "HEIGHT",
    "WIDTH",
    "Scene",
    "draw",
    "moving_scenes",
    "random_scenes",
    "to_jpeg",
]

WIDTH, HEIGHT = 640, 480

_COLOURS = MappingProxyType(
    {"red": (200, 45, 45), "green": (45, 165, 60), "blue": (50, 80, 200), "yellow": (225, 200, 50)}
)
# Corners of each shape, and what its circumscribed circle is enlarged by so that all look as big.
_SHAPES = MappingProxyType({"circle": (0, 1.0), "square": (4, 1.2), "triangle": (3, 1.35)})
_GROUNDS = ("clouds", "stripes", "tiles")

ASPECTS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {"colour": tuple(_COLOURS), "shape": tuple(_SHAPES), "ground": _GROUNDS}
)
"""What can be asked about a picture, and the possible answers."""

_TEXTURE_SEED = 20170901
_FRAMES_PER_LOOK = 24


@dataclass(frozen=True, slots=True)
class Scene:
    """Everything that a picture shows.

    Attributes:
        colour: One of the colours in ``ASPECTS``.
        shape: One of the shapes in ``ASPECTS``.
        ground: One of the grounds in ``ASPECTS``.
        x: Centre of the shape as a fraction of the width.
        y: Centre of the shape as a fraction of the height.
        radius: Half the size of the shape, in pixels.
        turn: How far it is turned, in degrees.
        shade: Added to the colour's red, green and blue.
        corner: Upper left corner of the part of the ground that is seen, in pixels.
    """

    colour: str
    shape: str
    ground: str
    x: float
    y: float
    radius: float
    turn: float
    shade: tuple[int, int, int]
    corner: tuple[int, int]

    @property
    def truth(self) -> dict[str, str]:
        """The right answer for each aspect."""
        return {"colour": self.colour, "shape": self.shape, "ground": self.ground}


def random_scenes(count: int, seed: int) -> list[Scene]:
    """Return scenes that have nothing to do with each other; the same for the same seed."""
    rng = np.random.default_rng(seed)
    return [
        Scene(
            colour=str(rng.choice(list(_COLOURS))),
            shape=str(rng.choice(list(_SHAPES))),
            ground=str(rng.choice(_GROUNDS)),
            x=rng.uniform(0.3, 0.7),
            y=rng.uniform(0.25, 0.75),
            radius=rng.uniform(60, 100),
            turn=rng.uniform(-15, 15),
            shade=(_shade(rng), _shade(rng), _shade(rng)),
            corner=(int(rng.integers(0, WIDTH + 1)), int(rng.integers(0, HEIGHT + 1))),
        )
        for _ in range(count)
    ]


def _shade(rng: np.random.Generator) -> int:
    return int(rng.integers(-25, 26))


def moving_scenes(count: int, seed: int) -> list[Scene]:
    """Return a film: one shape that wanders about and changes its look every second or so.

    The paths are closed after ``count`` scenes, so the film can be shown in a loop.
    """
    looks = random_scenes(math.ceil(count / _FRAMES_PER_LOOK), seed)
    scenes = []
    for i in range(count):
        look = looks[i // _FRAMES_PER_LOOK]
        angle = 2 * math.pi * i / count
        scenes.append(
            Scene(
                colour=look.colour,
                shape=look.shape,
                ground=look.ground,
                x=0.5 + 0.2 * math.sin(3 * angle),
                y=0.5 + 0.24 * math.sin(2 * angle),
                radius=80 + 18 * math.sin(5 * angle),
                turn=13 * math.sin(4 * angle),
                shade=look.shade,
                corner=(int(320 + 300 * math.cos(angle)), int(240 + 230 * math.sin(angle))),
            )
        )
    return scenes


def draw(scene: Scene) -> NDArray[np.uint8]:
    """Draw a scene: uint8 of shape (480, 640, 3), RGB."""
    left, top = scene.corner
    picture = Image.fromarray(_texture(scene.ground)[top : top + HEIGHT, left : left + WIDTH])
    pencil = ImageDraw.Draw(picture)
    corners, scale = _SHAPES[scene.shape]
    x, y, radius = scene.x * WIDTH, scene.y * HEIGHT, scene.radius * scale
    red, green, blue = (
        channel + shade for channel, shade in zip(_COLOURS[scene.colour], scene.shade, strict=True)
    )
    fill = (red, green, blue)
    if corners:
        pencil.regular_polygon((x, y, radius), corners, rotation=scene.turn, fill=fill)
    else:
        box = (x - radius, y - radius, x + radius, y + radius)
        pencil.ellipse(box, fill=fill)
    return np.asarray(picture)


def to_jpeg(scene: Scene) -> bytes:
    """Draw a scene and encode it, as a camera would send it."""
    file = io.BytesIO()
    Image.fromarray(draw(scene)).save(file, "JPEG", quality=90)
    return file.getvalue()


@functools.cache
def _texture(ground: str) -> NDArray[np.uint8]:
    """Draw a ground with coloured noise over it, twice as wide and high as a picture."""
    rng = np.random.default_rng([_TEXTURE_SEED, _GROUNDS.index(ground)])
    grey = _GREYS[ground](rng)
    noisy = grey[:, :, None] + rng.normal(0, 18, (*grey.shape, 3))
    return noisy.clip(0, 255).astype(np.uint8)


def _clouds(rng: np.random.Generator) -> NDArray[np.float64]:
    coarse = Image.fromarray(rng.integers(70, 170, (40, 52), dtype=np.uint8))
    smooth = coarse.resize((2 * WIDTH, 2 * HEIGHT), Image.Resampling.BICUBIC)
    return np.asarray(smooth, np.float64)


def _stripes(rng: np.random.Generator) -> NDArray[np.float64]:
    rows, columns = np.mgrid[: 2 * HEIGHT, : 2 * WIDTH]
    direction = rng.uniform(0.3, 0.6)
    across = rows * math.cos(direction) + columns * math.sin(direction)
    stripes: NDArray[np.float64] = 120 + 35 * np.sin(2 * math.pi * across / 56)
    return stripes


def _tiles(rng: np.random.Generator) -> NDArray[np.float64]:
    side = 64
    shades = rng.uniform(85, 155, (2 * HEIGHT // side + 1, 2 * WIDTH // side + 1))
    tiles = shades.repeat(side, axis=0).repeat(side, axis=1)[: 2 * HEIGHT, : 2 * WIDTH].copy()
    tiles[::side] = tiles[:, ::side] = tiles[1::side] = tiles[:, 1::side] = 60
    return tiles


_GREYS: Mapping[str, Callable[[np.random.Generator], NDArray[np.float64]]] = MappingProxyType(
    {"clouds": _clouds, "stripes": _stripes, "tiles": _tiles}
)
