# SPDX-License-Identifier: Apache-2.0
"""Unpacking zips that may come from anyone.

Python's ``zipfile`` reads the format; this module decides what may be unpacked. The list of entries
is judged before anything is written, and what it says is checked again while writing, because the
list can lie.
"""

from __future__ import annotations

import copy
import io
import re
import stat
import sys
import zipfile
import zlib
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from trunkline.errors import ExportError, UnsupportedExportError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

__all__ = ["DEFAULT_LIMITS", "ArchiveLimits", "extract", "names"]

Parts = tuple[str, ...]

_CHUNK = 1 << 20
_LARGEST_LIST = 4 << 20
"""The largest list of entries, in bytes; ten thousand entries with long names fit in it."""
_LOCAL_HEADER = 30
"""The bytes before an entry's name and data (PKWARE APPNOTE 4.3.7)."""
_BLOCK = 4096
"""What any file takes on a disk, however small it is."""

# Bit 0 is the old encryption, bit 6 the strong one, bit 13 a hidden list (APPNOTE 4.4.4).
_ENCRYPTED = 0x1 | 0x40 | 0x2000
# bzip2 and LZMA can turn a few bytes into gigabytes in one step, which no limit could stop.
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_OTHER_METHODS = {9: "Deflate64", 12: "bzip2", 14: "LZMA", 93: "Zstandard", 95: "XZ"}

_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_DRIVE = re.compile(r"[A-Za-z]:")
_DEVICE = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)\s*(\..*)?", re.IGNORECASE)
_DEEPEST = 32
_LONGEST_NAME = 255
_LONGEST_PATH = 1024


@dataclass(frozen=True, slots=True)
class ArchiveLimits:
    """How much a zip may hold.

    Attributes:
        entries: The most files and folders.
        total: The most bytes of all files together. A file counts for at least one disk block.
        ratio: The most bytes per byte of the zip. Deflate reaches 1032 at best, on a single
            repeated byte; weights reach about 1.1 and graphs as text about 20.
        free: The bytes up to which the ratio does not matter.
    """

    entries: int = 10_000
    total: int = 4 << 30
    ratio: int = 200
    free: int = 64 << 20

    def allowance(self, size: int) -> int:
        """Return how many bytes a zip of ``size`` bytes may unfold to."""
        return min(self.total, max(self.free, self.ratio * size))


DEFAULT_LIMITS = ArchiveLimits()


def names(path: Path, *, source: str | None = None) -> tuple[str, ...]:
    """Return the names in a zip's list, with slashes, without unpacking anything.

    Args:
        path: The zip.
        source: What to call it in messages; its path if left out.

    Raises:
        ExportError: It is not a zip, or damaged.
    """
    with _opened(path, source or str(path)) as archive:
        return tuple(info.filename.replace("\\", "/") for info in archive.infolist())


def extract(
    path: Path, into: Path, limits: ArchiveLimits = DEFAULT_LIMITS, *, source: str | None = None
) -> ArchiveLimits:
    """Unpack a zip, or refuse it with a reason.

    Nothing is ever written outside ``into``, and no file that exists is overwritten. Entries
    become plain files and folders with the permissions of new ones. Backslashes count as slashes,
    as old Windows programs wrote them. When a zip is refused while unpacking, what was written so
    far stays in ``into`` for the caller to remove.

    Args:
        path: The zip.
        into: The folder to unpack into; made if need be.
        limits: How much it may hold.
        source: What to call it in messages; its path if left out.

    Returns:
        What is left of the limits, for zips inside this one.

    Raises:
        ExportError: It is not a zip, damaged, larger than the limits, or one of its entries is
            not a plain file or folder inside it. The message names the entry.
        UnsupportedExportError: It is encrypted or compressed in a way that is not read.
    """
    source = source or str(path)
    with _opened(path, source) as archive:
        infos = archive.infolist()
        if len(infos) > limits.entries:
            raise ExportError(
                source, f"holds {len(infos)} files; at most {limits.entries} are unpacked."
            )
        room = limits.allowance(path.stat().st_size) - _size(infos)
        if room < 0:
            raise ExportError(
                source,
                f"would unfold to {_size(infos) >> 20} MiB from {path.stat().st_size >> 10} KiB, "
                "more than any export does; unpack it yourself if you trust it.",
            )
        _refuse_overlaps(infos, source)
        files, folders = _plan(infos, source)
        for parts in sorted(folders):
            into.joinpath(*parts).mkdir(parents=True, exist_ok=True)
        into.mkdir(parents=True, exist_ok=True)
        for parts, info in files.items():
            _write(archive, info, into.joinpath(*parts), source)
    return ArchiveLimits(limits.entries - len(infos), room, limits.ratio, limits.free)


class _Bounded(io.BufferedReader):
    """A file that gives no more at once than a list of entries may be long.

    ``zipfile`` reads the whole list into memory and makes objects of it before anyone can ask how
    many there are.
    """

    def read(self, size: int | None = -1, /) -> bytes:
        if size is not None and size > _LARGEST_LIST:
            raise zipfile.BadZipFile("its list of entries is too long")
        return super().read(size)


@contextmanager
def _opened(path: Path, source: str) -> Iterator[zipfile.ZipFile]:
    try:
        with (
            path.open("rb", buffering=0) as raw,
            _Bounded(raw) as file,
            zipfile.ZipFile(file) as archive,
        ):
            yield archive
    except ExportError:
        raise
    except OSError as error:
        raise ExportError(source, f"could not be unpacked ({error.strerror or error}).") from error
    except Exception as error:
        raise ExportError(
            source, f"is not an intact zip ({error}); copy or download it again."
        ) from error


def _size(infos: Sequence[zipfile.ZipInfo]) -> int:
    return sum(max(info.file_size, _BLOCK) for info in infos)


def _refuse_overlaps(infos: Sequence[zipfile.ZipInfo], source: str) -> None:
    """Refuse entries that share bytes, by which a small zip unfolds to petabytes."""
    end = 0
    for info in sorted(infos, key=lambda info: info.header_offset):
        if info.header_offset < end:
            raise _refusal(source, info, "shares its bytes with another entry")
        end = info.header_offset + _LOCAL_HEADER + len(info.orig_filename) + info.compress_size


def _plan(
    infos: Sequence[zipfile.ZipInfo], source: str
) -> tuple[Mapping[Parts, zipfile.ZipInfo], set[Parts]]:
    """Return the files by path and all folders, every entry having been judged."""
    files: dict[Parts, zipfile.ZipInfo] = {}
    folders: set[Parts] = set()
    for info in infos:
        _refuse_kind(info, source)
        name, parts = _parts(info, source)
        folders.update(parts[:depth] for depth in range(1, len(parts)))
        if name.endswith("/"):
            folders.add(parts)
        elif not parts:
            raise _refusal(source, info, "has no name")
        elif parts in files:
            raise _refusal(source, info, "comes twice")
        else:
            files[parts] = info
    for parts in files.keys() & folders:
        raise _refusal(source, files[parts], "is both a file and a folder")
    return files, folders - {()}


def _refuse_kind(info: zipfile.ZipInfo, source: str) -> None:
    # The upper half of these attributes is the Unix mode, or zero where another system wrote it.
    if stat.S_IFMT(info.external_attr >> 16) not in (0, stat.S_IFREG, stat.S_IFDIR):
        raise _refusal(source, info, "is a link or a device, not a file")
    if info.flag_bits & _ENCRYPTED:
        raise UnsupportedExportError(
            source, f"its entry {_shown(info)} is encrypted; unpack it and give the folder."
        )
    if info.compress_type not in _METHODS:
        method = _OTHER_METHODS.get(info.compress_type, f"method {info.compress_type}")
        raise UnsupportedExportError(
            source,
            f"its entry {_shown(info)} is compressed with {method}, which is not read; "
            "unpack it and give the folder.",
        )


def _parts(info: zipfile.ZipInfo, source: str) -> tuple[str, Parts]:
    """Return an entry's name with slashes, and its parts; refuse it where it could do harm."""
    # The first is what the zip holds; the second is what zipfile made of it, cut at a NUL.
    name = info.filename.replace("\\", "/")
    parts = tuple(part for part in name.split("/") if part not in ("", "."))
    if _CONTROL.search(info.orig_filename) or _CONTROL.search(name):
        raise _refusal(source, info, "has control characters in its name")
    if name.startswith("/") or any(_DRIVE.match(part) for part in parts):
        raise _refusal(source, info, "has an absolute path")
    # Windows drops dots and spaces at the end of a name, so ".. ." climbs there as well.
    if any(not part.strip(". ") for part in parts):
        raise _refusal(source, info, "climbs out of the zip")
    if any(_DEVICE.fullmatch(part) for part in parts):
        raise _refusal(source, info, "is named like a device of Windows")
    if (
        len(parts) > _DEEPEST
        or len(name.encode()) > _LONGEST_PATH
        or any(len(part.encode()) > _LONGEST_NAME for part in parts)
    ):
        raise _refusal(source, info, "has too long a name")
    return name, parts


def _write(archive: zipfile.ZipFile, info: zipfile.ZipInfo, target: Path, source: str) -> None:
    # zipfile would cut an entry off at the size that its header states and call it whole.
    unbounded = copy.copy(info)
    unbounded.file_size = sys.maxsize
    written = 0
    try:
        with archive.open(unbounded) as stream, target.open("xb") as file:
            while chunk := stream.read(_CHUNK):
                written += len(chunk)
                if written > info.file_size:
                    raise _refusal(source, info, "is larger than the zip's list says")
                file.write(chunk)
    except (zipfile.BadZipFile, zlib.error, EOFError) as error:
        raise _refusal(source, info, "is damaged; copy or download the zip again") from error
    if written != info.file_size:
        raise _refusal(source, info, "is smaller than the zip's list says")


def _refusal(source: str, info: zipfile.ZipInfo, what: str) -> ExportError:
    return ExportError(source, f"its entry {_shown(info)} {what}.")


def _shown(info: zipfile.ZipInfo) -> str:
    name = info.orig_filename
    return repr(name if len(name) <= 80 else f"{name[:77]}...")
