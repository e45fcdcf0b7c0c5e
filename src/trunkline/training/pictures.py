# SPDX-License-Identifier: Apache-2.0
"""Reading pictures and their tags from what a person has: folders, tables, or Python objects."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from trunkline.engine.cores import available_cores
from trunkline.errors import PictureError, TrainingError
from trunkline.images import read_picture
from trunkline.training.coco import list_coco
from trunkline.training.folders import list_folder
from trunkline.training.inspection import Stamp, inspect_bytes, inspect_file, stamp_of
from trunkline.training.listing import Entry, Listing, clean_tag, shown
from trunkline.training.picture import Picture
from trunkline.training.pictureset import PictureSet, TrainingTask
from trunkline.training.settling import settle
from trunkline.training.tables import list_table
from trunkline.training.workers import workers

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from trunkline.images.decode import PictureSource
    from trunkline.training.featurestore import FeatureStore

__all__ = ["Picture", "PictureSet", "TrainingTask", "gather_pictures", "read_pictures"]

_TABLES = frozenset({".csv", ".tsv", ".txt"})


def read_pictures(
    path: str | os.PathLike[str],
    *,
    task: TrainingTask | None = None,
    store: FeatureStore | None = None,
) -> PictureSet:
    """Read pictures and their tags. No pixel is decoded: what is damaged shows in ``extract``.

    Args:
        path: A folder with one folder per tag, a CSV file or a COCO file (JSON).
        task: ``"multiclass"`` or ``"multilabel"``; None for multilabel where a picture has several
            tags, and multiclass otherwise.
        store: Where the digests of files that were read before are kept.

    Returns:
        The pictures that can be used; the others are its problems.

    Raises:
        TrainingError: There is nothing at ``path``, or nothing that says which pictures have which
            tags.
    """
    place = Path(path)
    try:
        listing = _list(place)
    except OSError as error:
        raise TrainingError(shown(place), f"it cannot be read ({error.strerror})") from error
    return settle(listing, _inspect(listing, store), shown(place), task)


def gather_pictures(
    pictures: Sequence[PictureSource],
    tags: Sequence[str | Iterable[str]],
    *,
    task: TrainingTask | None = None,
    store: FeatureStore | None = None,
) -> PictureSet:
    """Put pictures and tags together that a program has.

    Args:
        pictures: Whatever ``trunkline.images.read_picture`` takes: paths, bytes of files, Pillow
            pictures, RGB arrays.
        tags: For each picture its tag, or its tags; none of them for a picture that shows none.
        task: As for ``read_pictures``.
        store: As for ``read_pictures``.

    Raises:
        TrainingError: There are not as many tags as pictures.
    """
    if len(pictures) != len(tags):
        raise TrainingError(
            "pictures", f"there are {len(pictures)} pictures and {len(tags)} tags; give one each"
        )
    listing = Listing()
    for number, (picture, given) in enumerate(zip(pictures, tags, strict=True)):
        names = {clean_tag(tag) for tag in ([given] if isinstance(given, str) else given)} - {""}
        entry = Entry(f"picture {number}", None, names, complete=True)
        try:
            _fill(entry, picture)
        except PictureError as error:
            listing.report(entry.source, error.problem)
        else:
            listing.entries.append(entry)
    return settle(listing, _inspect(listing, store), "pictures", task)


def _fill(entry: Entry, picture: PictureSource) -> None:
    if isinstance(picture, str | os.PathLike):
        entry.source, entry.path = shown(picture), Path(picture)
    elif isinstance(picture, bytes):
        entry.data = picture
    else:
        pixels = read_picture(picture)
        height, width, _ = pixels.shape
        # A portable pixmap: the samples as they are, behind a line that says their number.
        entry.data = b"P6 %d %d 255\n" % (width, height) + pixels.tobytes()


def _list(path: Path) -> Listing:
    if path.is_dir():
        return list_folder(path)
    if not path.exists():
        raise TrainingError(shown(path), "there is no such folder or file; check the path")
    suffix = path.suffix.lower()
    if suffix == ".json":
        return list_coco(path)
    if suffix in _TABLES:
        return list_table(path)
    raise TrainingError(
        shown(path),
        "pictures and tags come from a folder with one folder per tag, from a CSV file or from a "
        "COCO file (.json); give one of these, unpacked",
    )


def _inspect(listing: Listing, store: FeatureStore | None) -> list[tuple[Entry, str]]:
    """Return the entries that are pictures by their headers, with their digests; report others."""
    entries = listing.entries
    with workers(available_cores()) as pool:
        stamps = [_stamp(entry) for entry in entries]
        asked = [stamp for stamp in stamps if isinstance(stamp, Stamp)]
        known = store.digests(asked) if store else {}
        digests = list(pool.map(lambda entry, stamp: _digest(entry, stamp, known), entries, stamps))
    found: list[tuple[Entry, str]] = []
    fresh: dict[Stamp, str] = {}
    for entry, stamp, digest in zip(entries, stamps, digests, strict=True):
        if isinstance(digest, PictureError):
            listing.report(entry.source, digest.problem)
            continue
        found.append((entry, digest))
        if isinstance(stamp, Stamp) and stamp not in known:
            fresh[stamp] = digest
    if store:
        store.remember_digests(fresh)
    return found


def _stamp(entry: Entry) -> Stamp | PictureError | None:
    if entry.path is None:
        return None
    try:
        return stamp_of(entry.path)
    except PictureError as error:
        return error


def _digest(
    entry: Entry, stamp: Stamp | PictureError | None, known: Mapping[Stamp, str]
) -> str | PictureError:
    if isinstance(stamp, PictureError):
        return stamp
    try:
        if stamp is None or entry.path is None:
            return inspect_bytes(entry.data or b"")
        return known.get(stamp) or inspect_file(entry.path)
    except PictureError as error:
        return error
