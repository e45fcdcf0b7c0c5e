# SPDX-License-Identifier: Apache-2.0
"""The feature store's SQLite file, which is opened, mended or done without."""

from __future__ import annotations

import sqlite3
import threading
from typing import TYPE_CHECKING, Any, TypeVar

from trunkline.training.space import SCHEMA
from trunkline.trunks.cachefolder import cache_folder

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

__all__ = ["Database", "chunks", "marks"]

T = TypeVar("T")

# A schema of another number gets another file, so none is ever changed in place.
_NAME = f"features-{SCHEMA}.sqlite"
_TABLES = """
CREATE TABLE IF NOT EXISTS features (
    space BLOB, digest BLOB, view BLOB, data BLOB, used REAL, check_sum INTEGER,
    PRIMARY KEY (space, digest, view)
);
CREATE INDEX IF NOT EXISTS features_by_use ON features (used);
CREATE TABLE IF NOT EXISTS files (
    path BLOB PRIMARY KEY, size INTEGER, modified INTEGER, changed INTEGER, digest BLOB,
    used REAL, check_sum INTEGER
);
"""
_WAIT_SECONDS = 2.0
# Anything but these says that the file is not what was written into it.
_IN_THE_WAY = frozenset(
    {
        sqlite3.SQLITE_BUSY,
        sqlite3.SQLITE_CANTOPEN,
        sqlite3.SQLITE_FULL,
        sqlite3.SQLITE_IOERR,
        sqlite3.SQLITE_LOCKED,
        sqlite3.SQLITE_NOMEM,
        sqlite3.SQLITE_PERM,
        sqlite3.SQLITE_PROTOCOL,
        sqlite3.SQLITE_READONLY,
    }
)
_VARIABLES = 500


class Database:
    """A file of features that may be missing, damaged or in use without anyone minding.

    After the first fault that cannot be mended nothing is tried again: each try may wait.

    Args:
        folder: Where the file is; by default Trunkline's cache folder.
    """

    def __init__(self, folder: Path | None) -> None:
        self._connection: sqlite3.Connection | None = None
        self._path = (folder or cache_folder()) / _NAME
        self._lock = threading.Lock()
        self.fault: str | None = None
        """Why the file is not used; None while it is."""

    def __del__(self) -> None:
        # Python 3.13 warns of a connection that nobody closed; a store may be left to its fate.
        self._close()

    def read(self, work: Callable[[sqlite3.Connection], list[tuple[Any, ...]]]) -> list[Any]:
        """Return what ``work`` reads; nothing where the file cannot be used."""
        return self._do(work) or []

    def write(self, work: Callable[[sqlite3.Connection], object]) -> None:
        """Do ``work`` as one transaction, or none of it where the file cannot be used."""
        self._do(work)

    def close(self) -> None:
        """Close the file, if it is open."""
        with self._lock:
            self._close()

    def _do(self, work: Callable[[sqlite3.Connection], T]) -> T | None:
        with self._lock:
            for mended in (False, True):
                if self.fault is not None:
                    return None
                try:
                    with self._open() as connection:
                        return work(connection)
                except OSError as error:
                    self._give_up(error)
                # Not only sqlite3.Error: of a damaged file even the messages may not be text.
                except Exception as error:
                    self._mend(error, again=mended)
            return None

    def _open(self) -> sqlite3.Connection:
        if self._connection is None:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._connection = sqlite3.connect(
                self._path, timeout=_WAIT_SECONDS, check_same_thread=False
            )
            self._connection.execute("PRAGMA page_size = 8192")  # a row of 1280 features fits in
            self._connection.execute("PRAGMA journal_mode = WAL")
            self._connection.execute("PRAGMA synchronous = NORMAL")
            self._connection.executescript(_TABLES)
        return self._connection

    def _mend(self, error: Exception, *, again: bool) -> None:
        """Begin a damaged file anew; give up where that is not the trouble, or did not help."""
        code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_CORRUPT) & 0xFF
        if again or code in _IN_THE_WAY:
            self._give_up(error)
            return
        self._close()
        try:
            for suffix in ("", "-wal", "-shm"):
                self._path.with_name(_NAME + suffix).unlink(missing_ok=True)
        except OSError as failure:
            self._give_up(failure)

    def _give_up(self, error: Exception) -> None:
        self.fault = f"{self._path} cannot be used ({error}), so features are computed each time"
        self._close()

    def _close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None


def chunks(items: Sequence[T]) -> Iterator[Sequence[T]]:
    """Yield the items in runs that are short enough for one statement."""
    for start in range(0, len(items), _VARIABLES):
        yield items[start : start + _VARIABLES]


def marks(items: Sequence[object]) -> str:
    """Return the question marks that stand for items in a statement."""
    return ", ".join("?" * len(items))
