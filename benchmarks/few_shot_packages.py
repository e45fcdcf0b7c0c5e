# SPDX-License-Identifier: Apache-2.0
"""Fetching the packages whose pictures the few-shot benchmark uses, and opening them.

Debian packages are unpacked beside the system, not installed: ``apt-get download`` needs no
rights and ``dpkg -x`` touches only the folder it is given.
"""

from __future__ import annotations

import io
import json
import struct
import subprocess
import tarfile
import zlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["debian", "icons", "resources"]

_NODE = 22


def debian(name: str, folder: Path) -> Path:
    """Unpack a Debian package beneath a folder, downloading it where it is not there yet.

    Args:
        name: The package.
        folder: Where downloads are kept.

    Returns:
        The folder that stands for ``/usr/share`` of the package.

    Raises:
        RuntimeError: apt or dpkg failed; ``apt-get update`` may be needed.
    """
    root = folder / "debian" / name
    if not root.is_dir():
        downloads = folder / "downloads"
        downloads.mkdir(parents=True, exist_ok=True)
        _call("apt-get", "download", name, cwd=downloads)
        package = next(downloads.glob(f"{name}_*.deb"))
        root.parent.mkdir(exist_ok=True)
        fresh = root.with_name(f"{name}.part")
        _call("dpkg", "-x", str(package), str(fresh), cwd=downloads)
        fresh.rename(root)
    return root / "usr" / "share"


def icons(name: str, version: str, folder: Path) -> dict[str, Any]:
    """Read an icon set of npm's ``@iconify-json``, downloading it where it is not there yet.

    Returns:
        Its ``icons.json``: the SVG bodies by name, and the default ``width`` and ``height``.

    Raises:
        RuntimeError: npm failed.
    """
    downloads = folder / "downloads"
    downloads.mkdir(parents=True, exist_ok=True)
    archive = downloads / f"iconify-json-{name}-{version}.tgz"
    if not archive.is_file():
        _call("npm", "pack", "--silent", f"@iconify-json/{name}@{version}", cwd=downloads)
    with tarfile.open(archive) as file:
        member = file.extractfile("package/icons.json")
        assert member is not None
        document: dict[str, Any] = json.load(io.TextIOWrapper(member, "utf-8"))
    return document


def resources(document: bytes) -> Iterator[tuple[str, bytes]]:
    """List the files in a Qt resource file (``.rcc``).

    Args:
        document: The file's bytes. Format: Qt's ``rcc.cpp``, versions 2 and 3: a header, data,
            UTF-16 names and a tree of nodes of 22 bytes, all numbers big-endian.

    Yields:
        Path and bytes of each file that is stored plainly or deflated.

    Raises:
        ValueError: It is no resource file of these versions.
    """
    magic, version, tree, data, names = struct.unpack_from(">4s4I", document)
    if magic != b"qres" or version not in (2, 3):
        raise ValueError(f"no Qt resources of version 2 or 3: {magic!r}, {version}")

    def walk(node: int, prefix: str) -> Iterator[tuple[str, bytes]]:
        offset = tree + node * _NODE
        name_at, flags = struct.unpack_from(">IH", document, offset)
        name = "" if node == 0 else _name(document, names + name_at)
        if flags & 2:
            count, first = struct.unpack_from(">2I", document, offset + 6)
            for child in range(first, first + count):
                yield from walk(child, f"{prefix}{name}/")
        elif not flags & 4:
            (start,) = struct.unpack_from(">I", document, offset + 10)
            yield prefix + name, _payload(document, data + start, deflated=bool(flags & 1))

    return walk(0, "")


def _name(document: bytes, offset: int) -> str:
    (length,) = struct.unpack_from(">H", document, offset)
    return document[offset + 6 : offset + 6 + 2 * length].decode("utf-16-be")


def _payload(document: bytes, offset: int, *, deflated: bool) -> bytes:
    (length,) = struct.unpack_from(">I", document, offset)
    content = document[offset + 4 : offset + 4 + length]
    # Qt writes the inflated size, 4 bytes, before the zlib stream.
    return zlib.decompress(content[4:]) if deflated else content


def _call(*command: str, cwd: Path) -> None:
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)} failed: {done.stderr.strip()[-400:]}")
