# SPDX-License-Identifier: Apache-2.0
"""A COCO file: pictures, annotations and categories as JSON."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from trunkline.errors import TrainingError
from trunkline.training.listing import Entry, Listing, clean_tag, locate, shown

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    Record = dict[str, Any]

__all__ = ["list_coco"]


def list_coco(path: Path) -> Listing:
    """List the pictures of a COCO file; a picture's tags are the categories annotated in it.

    Args:
        path: The file. Its pictures are looked for in its folder, in a folder ``images`` there,
            and in one beside its folder.

    Returns:
        The pictures in the file's order. One without annotations shows none of the categories.

    Raises:
        TrainingError: The file cannot be read, or is not COCO.
    """
    document = _document(path)
    listing = Listing()
    by_image = _tags_by_image(document, shown(path), listing)
    folders = [path.parent, path.parent / "images", path.parent.parent / "images"]
    entries: dict[Path, Entry] = {}
    for number, image in enumerate(document["images"]):
        name = image.get("file_name") if isinstance(image, dict) else None
        if not isinstance(name, str) or not name.strip() or "\0" in name:
            listing.report(f"{shown(path)}, image {number}", "it has no file_name; give it one")
            continue
        place = locate(name, folders)
        entry = entries.setdefault(place, Entry(shown(name), place, complete=True))
        entry.tags.update(by_image.get(_key(image.get("id")), ()))
    listing.entries.extend(entries.values())
    return listing


def _document(path: Path) -> Record:
    try:
        document = json.loads(path.read_bytes())
    except OSError as error:
        raise TrainingError(
            shown(path), f"the file cannot be read ({error.strerror}); check its permissions"
        ) from error
    # RecursionError is what thousands of nested brackets raise.
    except (ValueError, RecursionError) as error:
        raise TrainingError(
            shown(path), "it is not JSON, or is cut off; export it again as COCO"
        ) from error
    keys = ("images", "annotations", "categories")
    if not isinstance(document, dict) or not all(isinstance(document.get(k), list) for k in keys):
        raise TrainingError(
            shown(path),
            "it is not a COCO file, which has lists of images, annotations and categories; "
            "export it again as COCO, or give a CSV file",
        )
    return document


def _tags_by_image(document: Record, source: str, listing: Listing) -> dict[str | None, set[str]]:
    """Return, by the key of an image's id, the tags annotated in it."""
    tags = {
        key: clean_tag(category["name"])
        for category in _records(document["categories"])
        if isinstance(category.get("name"), str) and (key := _key(category.get("id"))) is not None
    }
    found: dict[str | None, set[str]] = {}
    unknown = 0
    for annotation in _records(document["annotations"]):
        image, category = (_key(annotation.get(name)) for name in ("image_id", "category_id"))
        if category is None or not tags.get(category):
            unknown += 1
        elif image is not None:
            found.setdefault(image, set()).add(tags[category])
    if unknown:
        listing.report(
            source,
            f"{unknown} of its annotations have a category that is not named; add it to categories",
        )
    return found


def _records(items: Iterable[object]) -> Iterator[Record]:
    return (item for item in items if isinstance(item, dict))


def _key(number: object) -> str | None:
    """Return an id as text: some programs write the same one as 7 here and as "7" there."""
    return str(number) if isinstance(number, int | str) else None
