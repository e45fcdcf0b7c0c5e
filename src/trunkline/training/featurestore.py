# SPDX-License-Identifier: Apache-2.0
"""Features and digests of pictures, kept between runs.

Nothing here can fail: a store that is damaged, locked or cannot be written costs time, as what it
would have known is computed again.
"""

from __future__ import annotations

import os
import time
import zlib
from typing import TYPE_CHECKING, Any

import numpy as np

from trunkline.training.database import Database, chunks, marks
from trunkline.training.space import space_of

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Collection, Iterator, Mapping, Sequence
    from pathlib import Path
    from types import TracebackType
    from typing import Self

    from numpy.typing import NDArray

    from trunkline.training.inspection import Stamp
    from trunkline.trunks.trunk import Trunk

__all__ = ["DEFAULT_LIMIT", "FeatureStore"]

DEFAULT_LIMIT = 2 << 30
"""How large the store may become, in bytes: about 80 000 views on the default trunk."""

# A file that changed this recently may change again without its times showing it.
_SETTLED_SECONDS = 2.0
# Use is noted once an hour at most: noting it is a write, and reading should stay quick.
_NOTED_SECONDS = 3600.0
# What is left when the store is over its limit. The rest makes room for some time.
_LEFT = 0.9


class FeatureStore:
    """Features by content, trunk and view, and digests by file. Several processes may share one.

    It is safe to use from several threads.

    Args:
        folder: Where its file is; by default Trunkline's cache folder.
        limit: How many bytes it may take; what was not used for longest goes first.
    """

    def __init__(self, folder: Path | None = None, *, limit: int = DEFAULT_LIMIT) -> None:
        self._database = Database(folder)
        self._limit = limit

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the file. The store opens it again where it is used again."""
        self._database.close()

    @property
    def fault(self) -> str | None:
        """Why nothing is kept, for a person to read; None while all is well."""
        return self._database.fault

    def features(
        self, trunk: Trunk, digests: Sequence[str], views: Sequence[str]
    ) -> dict[str, dict[str, NDArray[np.float32]]]:
        """Look features up.

        Args:
            trunk: What made them.
            digests: The pictures' digests.
            views: The keys of views.

        Returns:
            By digest and key of view, float32 arrays of shape (features,); what is not kept is
            missing.
        """
        space = space_of(trunk)
        rows = self._database.read(
            lambda connection: list(_select_features(connection, space, digests, views))
        )
        found: dict[str, dict[str, NDArray[np.float32]]] = {}
        for digest, view, check, data in rows:
            sound = _are_bytes(digest, view, data) and check == _check(space, digest, view, data)
            if sound and len(data) == 4 * trunk.features:
                values = np.frombuffer(data, "<f4").astype(np.float32)
                found.setdefault(digest.decode(), {})[view.decode()] = values
        if found:
            self._database.write(lambda connection: _note_features(connection, space, [*found]))
        return found

    def remember_features(
        self, trunk: Trunk, digest: str, rows: Mapping[str, NDArray[np.float32]]
    ) -> None:
        """Keep features.

        Args:
            trunk: What made them.
            digest: The picture's digest.
            rows: By key of view, float32 arrays of shape (features,).
        """
        space, key, now = space_of(trunk), digest.encode(), time.time()
        records = []
        for name, values in rows.items():
            view, data = name.encode(), values.astype("<f4").tobytes()
            records.append((space, key, view, data, now, _check(space, key, view, data)))
        self._database.write(lambda connection: self._insert(connection, records))

    def digests(self, stamps: Collection[Stamp]) -> dict[Stamp, str]:
        """Look up the digests of files that have not changed since they were read."""
        by_path = {os.fsencode(stamp.path): stamp for stamp in stamps}
        rows = self._database.read(lambda connection: list(_select_files(connection, [*by_path])))
        found: dict[Stamp, str] = {}
        for path, size, modified, changed, digest, check in rows:
            stamp = by_path.get(path)
            same = stamp is not None and stamp[1:] == (size, modified, changed)
            sound = _are_bytes(digest) and same
            if stamp is not None and sound and check == _check_file(stamp, digest):
                found[stamp] = digest.decode()
        if found:
            paths = [os.fsencode(stamp.path) for stamp in found]
            self._database.write(lambda connection: _note_files(connection, paths))
        return found

    def remember_digests(self, digests: Mapping[Stamp, str]) -> None:
        """Keep the digests of files whose headers are in order; not of files that just changed."""
        now = time.time()
        records = [
            (
                os.fsencode(stamp.path),
                *stamp[1:],
                text.encode(),
                now,
                _check_file(stamp, text.encode()),
            )
            for stamp, text in digests.items()
            if max(stamp.modified, stamp.changed) / 1e9 < now - _SETTLED_SECONDS
        ]
        if records:
            self._database.write(
                lambda connection: connection.executemany(
                    "INSERT OR REPLACE INTO files VALUES (?, ?, ?, ?, ?, ?, ?)", records
                )
            )

    def _insert(
        self, connection: sqlite3.Connection, records: Sequence[tuple[object, ...]]
    ) -> None:
        connection.executemany("INSERT OR REPLACE INTO features VALUES (?, ?, ?, ?, ?, ?)", records)
        _trim(connection, self._limit)


def _select_features(
    connection: sqlite3.Connection, space: bytes, digests: Sequence[str], views: Sequence[str]
) -> Iterator[tuple[Any, ...]]:
    keys = [view.encode() for view in views]
    for some in chunks([digest.encode() for digest in digests]):
        yield from connection.execute(
            "SELECT digest, view, check_sum, data FROM features WHERE space = ? "  # noqa: S608
            f"AND digest IN ({marks(some)}) AND view IN ({marks(keys)})",
            (space, *some, *keys),
        )


def _note_features(connection: sqlite3.Connection, space: bytes, digests: Sequence[str]) -> None:
    now = time.time()
    for some in chunks([digest.encode() for digest in digests]):
        connection.execute(
            "UPDATE features SET used = ? WHERE used < ? AND space = ? "  # noqa: S608
            f"AND digest IN ({marks(some)})",
            (now, now - _NOTED_SECONDS, space, *some),
        )


def _select_files(
    connection: sqlite3.Connection, paths: Sequence[bytes]
) -> Iterator[tuple[Any, ...]]:
    for some in chunks(paths):
        yield from connection.execute(
            "SELECT path, size, modified, changed, digest, check_sum FROM files "  # noqa: S608
            f"WHERE path IN ({marks(some)})",
            some,
        )


def _note_files(connection: sqlite3.Connection, paths: Sequence[bytes]) -> None:
    now = time.time()
    for some in chunks(paths):
        connection.execute(
            f"UPDATE files SET used = ? WHERE used < ? AND path IN ({marks(some)})",  # noqa: S608
            (now, now - _NOTED_SECONDS, *some),
        )


def _trim(connection: sqlite3.Connection, limit: int) -> None:
    """Delete what was not used for longest, if the pages in use are more than allowed."""
    pages, free, size = (
        connection.execute(f"PRAGMA {name}").fetchone()[0]
        for name in ("page_count", "freelist_count", "page_size")
    )
    taken = (pages - free) * size
    if taken <= limit:
        return
    (rows,) = connection.execute("SELECT count(*) FROM features").fetchone()
    connection.execute(
        "DELETE FROM features WHERE rowid IN "
        "(SELECT rowid FROM features ORDER BY used, rowid LIMIT ?)",
        (-int(-rows * (1 - _LEFT * limit / taken) // 1),),
    )
    connection.execute(
        "DELETE FROM files WHERE used < coalesce((SELECT min(used) FROM features), 0)"
    )


def _are_bytes(*values: object) -> bool:
    """SQLite lets any column hold any type, and so does a flipped bit."""
    return all(isinstance(value, bytes) for value in values)


def _check(space: bytes, digest: bytes, view: bytes, data: bytes) -> int:
    """SQLite would hand out a flipped bit as it is; a check sum turns it into a miss."""
    return zlib.crc32(b"\n".join([space, digest, view, data]))


def _check_file(stamp: Stamp, digest: bytes) -> int:
    numbers = f"{stamp.size} {stamp.modified} {stamp.changed}".encode()
    return zlib.crc32(b"\n".join([os.fsencode(stamp.path), numbers, digest]))
