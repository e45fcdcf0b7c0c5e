# SPDX-License-Identifier: Apache-2.0
"""The sets of pictures of the few-shot benchmark, all from packages or from ``../shared``."""

from __future__ import annotations

import gzip
import io
import random
import struct
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from few_shot_packages import debian, icons, resources

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from numpy.typing import NDArray

__all__ = ["SETS", "PictureSet", "open_rgb", "split", "splits_of"]

MOST = 60
"""The most pictures of a tag that are used: enough for 20 to train on and 40 to test."""

LARGEST = 400_000
"""Files of clip art beyond this many bytes are left out: some have over 100 megapixels."""

SPARE = 4
"""A tag takes part at a number of shots if so many pictures are left to test on."""

SPLITS = 10
"""So many splits tell two ways apart by a point, on sets of hundreds of pictures."""

SMALL = 300
SPLITS_OF_SMALL = 40
"""Below so many pictures, where one test picture is worth a point or more, it takes so many."""


_PHOTOGRAPHS = (
    ("fish", "fishes/"),
    ("monument", "monuments/"),
    ("tool", "tools/"),
    ("windmill", "renewable/windmill"),
)
"""Tags of photographs with their grounds, by what their path in GCompris' file begins with."""


@dataclass(frozen=True, slots=True)
class PictureSet:
    """Labelled pictures.

    Attributes:
        name: A short name.
        title: What they are, for the page.
        pictures: Each picture as the bytes of a file, in a fixed order.
        tags: The tag of each.
    """

    name: str
    title: str
    pictures: tuple[bytes, ...]
    tags: tuple[str, ...]


def split(
    tags: tuple[str, ...], shots: int, seed: int
) -> tuple[NDArray[np.intp], NDArray[np.intp]] | None:
    """Choose what is trained on and what is tested.

    Tags that would have fewer than ``SPARE`` pictures to test on take no part.

    Args:
        tags: The tag of each picture.
        shots: Pictures per tag to train on.
        seed: The same seed gives the same split.

    Returns:
        Indices of the training pictures, ``shots`` per tag, and of the test pictures; None where
        fewer than two tags have enough pictures.
    """
    members = _members(tags)
    rows = [row for row in members.values() if len(row) >= shots + SPARE]
    if len(rows) < 2:
        return None
    generator = np.random.default_rng((seed, shots))
    mixed = [generator.permutation(row) for row in rows]
    train = np.concatenate([row[:shots] for row in mixed])
    test = np.concatenate([row[shots:] for row in mixed])
    return train, test


def splits_of(pictures: PictureSet) -> int:
    """Return how many splits of a set are run unless a person says so."""
    return SPLITS_OF_SMALL if len(pictures.pictures) < SMALL else SPLITS


def open_rgb(picture: bytes) -> NDArray[np.uint8]:
    """Decode a picture to RGB, what is transparent on white.

    Returns:
        uint8 array of shape (height, width, 3).
    """
    with Image.open(io.BytesIO(picture)) as image:
        cut_out = image.convert("RGBA")
    page = Image.new("RGBA", cut_out.size, "white")
    page.alpha_composite(cut_out)
    return np.asarray(page.convert("RGB"))


def stamps(folder: Path, shared: Path) -> PictureSet:
    """Photographs cut out for a children's drawing program, and some of another with grounds."""
    del shared
    root = debian("tuxpaint-stamps-default", folder) / "tuxpaint" / "stamps"
    places = {
        "bird": "animals/birds", "bovine": "animals/mammals/bovines", "clothes": "clothes",
        "fish": "animals/fish", "flower": "plants/flowers", "fruit": "food/fruit",
        "insect": "animals/insects", "road sign": "town/roadsigns", "tool": "household/tools",
        "vegetable": "food/vegetables",
    }  # fmt: skip
    found = [
        (tag, path.read_bytes())
        for tag, place in places.items()
        for path in sorted((root / place).glob("*.png"))
        if not path.stem.endswith("_mirror")
    ]
    rcc = debian("gcompris-qt-data", folder) / "gcompris-qt" / "rcc" / "categorization.rcc"
    for path, content in sorted(resources(rcc.read_bytes())):
        place, file = path.split("/")[-2:]
        tag = next((tag for tag, start in _PHOTOGRAPHS if f"{place}/{file}".startswith(start)), "")
        if tag and file.endswith(".webp"):
            found.append((tag, content))
    return _make("stamps", "tuxpaint-stamps-default with gcompris-qt-data", found)


def clipart(folder: Path, shared: Path) -> PictureSet:
    """Drawings by many hands, sorted into folders by what they show."""
    del shared
    root = debian("openclipart-png", folder) / "openclipart" / "png"
    places = (
        "animals/birds", "animals/bugs", "animals/mammals", "buildings/homes",
        "computer/hardware", "food/beverages", "food/desserts", "food/fruit",
        "food/meats_and_eggs", "geography", "office", "people/clothing", "people/smilies",
        "plants/flowers", "recreation/music", "recreation/sports", "tools",
        "transportation/boating", "transportation/roadsigns", "transportation/vehicles",
    )  # fmt: skip
    found = [
        (place, path.read_bytes())
        for place in places
        for path in sorted((root / place).glob("*.png"))
        if path.stat().st_size <= LARGEST
    ]
    return _make("clipart", "openclipart-png", found)


def fashion(folder: Path, shared: Path) -> PictureSet:
    """Articles of clothing, 28 x 28 pixels, grey."""
    del shared
    root = debian("dataset-fashion-mnist", folder) / "datasets" / "fashion-mnist"
    with gzip.open(root / "t10k-images-idx3-ubyte.gz") as file:
        _, count, height, width = struct.unpack(">4I", file.read(16))
        pictures = np.frombuffer(file.read(), np.uint8).reshape(count, height, width)
    with gzip.open(root / "t10k-labels-idx1-ubyte.gz") as file:
        labels = file.read()[8:]
    members = _members(tuple(map(str, labels)))
    few = [(tag, int(row)) for tag, rows in members.items() for row in rows[:MOST]]
    found = [(tag, _png(Image.fromarray(pictures[row]))) for tag, row in few]
    return _make("fashion", "dataset-fashion-mnist", found)


def emoji(folder: Path, shared: Path) -> PictureSet:
    """One drawing per picture character and design house: ten of each of 85 characters."""
    del shared
    import resvg_py

    houses = {
        "fluent-emoji": "1.2.7", "fluent-emoji-flat": "1.2.6",
        "fluent-emoji-high-contrast": "1.2.6", "noto": "1.2.9", "noto-v1": "1.2.5",
        "openmoji": "1.2.29", "twemoji": "1.2.5", "emojione": "1.2.3", "emojione-v1": "1.2.3",
        "emojione-monotone": "1.2.1",
    }  # fmt: skip
    designs = [icons(name, version, folder) for name, version in houses.items()]
    common = sorted(set.intersection(*(set(design["icons"]) for design in designs)))
    chosen = sorted(random.Random(0).sample(common, 85))
    found = []
    for tag in chosen:
        for design in designs:
            icon = design["icons"][tag]
            width, height = (icon.get(side, design.get(side, 16)) for side in ("width", "height"))
            drawing = (
                f'<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink"'
                f' viewBox="0 0 {width} {height}" color="black">{icon["body"]}</svg>'
            )
            found.append(
                (tag, bytes(resvg_py.svg_to_bytes(svg_string=drawing, width=224, height=224)))
            )
    return _make("emoji", "emoji renderers", found)


def food(folder: Path, shared: Path) -> PictureSet:
    """Photographs of three dishes."""
    del folder
    return _make("food", "food", _folders(shared / "pictures" / "food"))


def plankton(folder: Path, shared: Path) -> PictureSet:
    """Microscope pictures of six kinds."""
    del folder
    return _make("plankton", "plankton", _folders(shared / "pictures" / "plankton"))


SETS: dict[str, Callable[[Path, Path], PictureSet]] = {
    "stamps": stamps,
    "emoji": emoji,
    "clipart": clipart,
    "fashion": fashion,
    "food": food,
    "plankton": plankton,
}
"""By name, what makes each set from the folder of downloads and the folder ``shared``."""


def _folders(root: Path) -> list[tuple[str, bytes]]:
    return [
        (path.parent.name, path.read_bytes())
        for path in sorted(root.glob("*/*"))
        if path.suffix.lower() in (".bmp", ".jpg", ".jpeg", ".png")
    ]


def _make(name: str, title: str, found: Iterable[tuple[str, bytes]]) -> PictureSet:
    """Leave out what is there twice, and of a tag with many pictures all but a fixed choice."""
    unique = list({content: (tag, content) for tag, content in found}.values())
    members = _members(tuple(tag for tag, _ in unique))
    kept: list[int] = []
    for rows in members.values():
        few = random.Random(0).sample(list(rows), min(MOST, len(rows)))
        kept.extend(sorted(few))
    return PictureSet(
        name,
        title,
        tuple(unique[row][1] for row in kept),
        tuple(unique[row][0] for row in kept),
    )


def _members(tags: tuple[str, ...]) -> dict[str, list[int]]:
    members: dict[str, list[int]] = defaultdict(list)
    for row, tag in enumerate(tags):
        members[tag].append(row)
    return dict(sorted(members.items()))


def _png(image: Image.Image) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return buffer.getvalue()
