# SPDX-License-Identifier: Apache-2.0
"""Looking at a picture's file without decoding its pixels."""

from __future__ import annotations

import hashlib
import io
import os
import stat
from typing import IO, TYPE_CHECKING, NamedTuple

from trunkline.errors import PictureError
from trunkline.images import DEFAULT_MAX_PIXELS
from trunkline.images.rasters import open_raster

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["SMALLEST_SIDE", "Stamp", "inspect_bytes", "inspect_file", "stamp_of"]

SMALLEST_SIDE = 16
"""The fewest pixels a side may have. Pictures of 28 x 28 still train well; icons do not."""

# ISO/IEC 23008-12, annex B: the brands of files that hold HEVC pictures.
_HEIC = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx")
# Most are TIFF inside and would be read as the small preview they begin with.
_RAW = (".arw", ".cr2", ".cr3", ".dng", ".nef", ".orf", ".raf", ".rw2")


class Stamp(NamedTuple):
    """What tells one state of a file from another without reading it.

    Attributes:
        path: The file's absolute path.
        size: Its bytes.
        modified: When its content changed, in nanoseconds.
        changed: When anything about it changed, which a copied time of modification cannot hide.
    """

    path: str
    size: int
    modified: int
    changed: int


def stamp_of(path: Path) -> Stamp:
    """Return a file's stamp.

    Raises:
        PictureError: There is no such file, it cannot be looked at, or it is no file or empty.
    """
    try:
        status = path.stat()
    except FileNotFoundError as error:
        broken = os.path.islink(path)  # noqa: PTH114 - Path.is_symlink() raises for odd names
        what = "this link leads nowhere; remove it" if broken else "there is no such file"
        raise PictureError(path, what) from error
    # ValueError is what a name with a null character raises.
    except (OSError, ValueError) as error:
        raise PictureError(path, f"the file cannot be opened ({error})") from error
    if not stat.S_ISREG(status.st_mode):
        kind = "a folder" if stat.S_ISDIR(status.st_mode) else "not a file"
        raise PictureError(path, f"this is {kind}; give a picture")
    if status.st_size == 0:
        raise PictureError(path, "it is empty, with zero bytes; get it again from its source")
    return Stamp(str(path.absolute()), status.st_size, status.st_mtime_ns, status.st_ctime_ns)


def inspect_file(path: Path) -> str:
    """Read a picture's header, and digest its content.

    Args:
        path: The file.

    Returns:
        Hexadecimal SHA-256 of the content.

    Raises:
        PictureError: It cannot be opened, is not a picture by its first bytes, is too small to
            learn from or has more pixels than are decoded.
    """
    if path.suffix.lower() in _RAW:
        raise PictureError(
            path, "camera raw files are not read here; export it as JPEG with the camera's program"
        )
    try:
        with path.open("rb") as file:
            return _inspect(file)
    except OSError as error:
        raise PictureError(
            path, f"the file cannot be read ({error.strerror}); check its permissions"
        ) from error


def inspect_bytes(data: bytes) -> str:
    """Do what ``inspect_file`` does with a picture's bytes."""
    return _inspect(io.BytesIO(data))


def _inspect(file: IO[bytes]) -> str:
    _check_header(file)
    file.seek(0)
    return hashlib.file_digest(file, "sha256").hexdigest()  # type: ignore[arg-type]


def _check_header(file: IO[bytes]) -> None:
    head = file.read(64)
    file.seek(0)
    try:
        width, height = open_raster(file, "").size
    except PictureError:
        if head[4:8] == b"ftyp" and any(brand in head[8:] for brand in _HEIC):
            raise PictureError(
                "",
                "HEIC is not read here; convert it to JPEG, with heif-convert of the package "
                "libheif-examples for one",
            ) from None
        raise
    if min(width, height) < SMALLEST_SIDE:
        raise PictureError(
            "",
            f"{width} x {height} pixels are too few to learn from; give a picture with at least "
            f"{SMALLEST_SIDE} on each side",
        )
    if width * height > DEFAULT_MAX_PIXELS:
        raise PictureError(
            "",
            f"{width} x {height} are {width * height:,} pixels, more than the "
            f"{DEFAULT_MAX_PIXELS:,} allowed; shrink the picture",
        )
