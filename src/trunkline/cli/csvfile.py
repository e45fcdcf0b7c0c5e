# SPDX-License-Identifier: Apache-2.0
"""The CSV file: one row per picture, model, and label or box."""

from __future__ import annotations

import csv
import os
from contextlib import contextmanager
from typing import IO, TYPE_CHECKING, Any

from trunkline.errors import TrunklineError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from trunkline.cli.answers import Answer

__all__ = ["COLUMNS", "CsvRows", "csv_file"]

COLUMNS = (
    "frame",
    "model",
    "task",
    "label",
    "probability",
    "left",
    "top",
    "width",
    "height",
    "error",
)
"""The columns. A classifier's rows leave those of a box empty."""


class CsvRows:
    """Writes the rows of answers into an open file.

    Args:
        file: A text file opened with ``newline=""``.
    """

    def __init__(self, file: IO[str]) -> None:
        self._rows = csv.DictWriter(file, COLUMNS, restval="")
        self._rows.writeheader()

    def write(self, answer: Answer) -> None:
        """Write the rows of one picture.

        A detector that found nothing gets one row without a label, and a picture that could not
        be read one row with the error, so that every picture is in the file.
        """
        if answer.error:
            self._rows.writerow({"frame": answer.frame, "error": str(answer.error)})
        for model, prediction in answer.predictions.items():
            found = prediction.to_dict()
            head = {"frame": answer.frame, "model": model, "task": found["task"]}
            results: list[dict[str, Any]] = found.get("labels") or found.get("boxes") or [{}]
            self._rows.writerows({**head, **result} for result in results)


@contextmanager
def csv_file(path: Path) -> Iterator[CsvRows]:
    """Open a CSV file that appears whole or not at all.

    The rows go to a file beside it, which takes its name at the end; a file that was there stays
    as it was until then, and for good where the end is not reached.

    Args:
        path: Where to write; a device or a pipe is written to as it is.

    Raises:
        TrunklineError: It cannot be written there.
    """
    path = path.resolve()  # through a symbolic link, which would otherwise be replaced itself
    if path.exists() and not path.is_file():
        with _opened(path, path) as file:
            yield CsvRows(file)
        return
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    opened = _opened(part, path)
    try:
        with opened as file:
            yield CsvRows(file)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def _opened(path: Path, meant: Path) -> IO[str]:
    try:
        return path.open("w", encoding="utf-8", errors="backslashreplace", newline="")
    except OSError as error:
        raise TrunklineError(
            f"{meant}: the CSV file cannot be written here ({error.strerror}). Name another place."
        ) from error
