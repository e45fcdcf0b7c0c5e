# SPDX-License-Identifier: Apache-2.0
"""Checks of single values in a settings file: each returns the value in its final form."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import PurePosixPath
from typing import Any, TypeGuard

from trunkline.exports.labels import fault

__all__ = [
    "Check",
    "UnfitError",
    "array",
    "boolean",
    "choice",
    "either",
    "file_name",
    "integer",
    "label",
    "number",
    "one_of",
    "shown",
]

Check = Callable[[object], Any]
"""Takes a value as ``tomllib`` gives it; returns it in its final form or raises ``UnfitError``."""

_SHOWN_LENGTH = 60


class UnfitError(Exception):
    """A value is not what it should be; the text says what that is, after "it should be"."""


def shown(value: object) -> str:
    """Return a value as it may have been written, cut to a line's length."""
    try:
        text = json.dumps(value, ensure_ascii=False, default=str)
    except ValueError:  # Python refuses to write out whole numbers of thousands of digits
        return "a number of thousands of digits"
    return text if len(text) <= _SHOWN_LENGTH else f"{text[:_SHOWN_LENGTH]}..."


def boolean(value: object) -> bool:
    """Accept true and false."""
    if not isinstance(value, bool):
        raise UnfitError("true or false, without quotes")
    return value


def integer(low: int, high: int) -> Check:
    """Return a check for whole numbers from ``low`` to ``high``."""

    def check(value: object) -> int:
        if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
            raise UnfitError(f"a whole number from {low} to {high}")
        return value

    return check


def number(low: float, high: float) -> Check:
    """Return a check for finite numbers from ``low`` to ``high``, which become floats."""

    def check(value: object) -> float:
        if not _is_number(value) or not low <= value <= high:
            raise UnfitError(f"a number from {low:g} to {high:g}")
        return float(value)

    return check


def one_of(*numbers: float) -> Check:
    """Return a check for one of a few numbers, which become floats."""

    def check(value: object) -> float:
        if not _is_number(value) or value not in numbers:
            raise UnfitError(" or ".join(f"{each:g}" for each in numbers))
        return float(value)

    return check


def choice(*words: str) -> Check:
    """Return a check for one of a few words; a member of an enumeration comes back as such."""

    def check(value: object) -> str:
        for word in words:
            if isinstance(value, str) and value == word:
                return word
        quoted = [f'"{word}"' for word in words]
        raise UnfitError(f"{', '.join(quoted[:-1])} or {quoted[-1]}")

    return check


def label(value: object) -> str:
    """Accept a line of text that is not blank; white space around it is dropped."""
    if not isinstance(value, str) or fault(value):
        raise UnfitError("text in quotes, on one line and not blank")
    return value.strip()


def file_name(value: object) -> str:
    """Accept the name of a file without any folder."""
    name = label(value)
    if name in {".", ".."} or "\\" in name or PurePosixPath(name).name != name:
        raise UnfitError("the name of a file in the same folder, without any folder in it")
    return name


def array(check: Check, least: int, most: int) -> Check:
    """Return a check for an array whose items all pass ``check``; it becomes a tuple."""
    count = str(least) if least == most else f"{least} to {most}"

    def checked(value: object) -> tuple[Any, ...]:
        if not isinstance(value, list) or not least <= len(value) <= most:
            raise UnfitError(f"an array of {count} items")
        try:
            return tuple(check(item) for item in value)
        except UnfitError as unfit:
            raise UnfitError(f"an array of {count} items, each {unfit}") from unfit

    return checked


def either(first: Check, second: Check, expected: str) -> Check:
    """Return a check that passes where an array passes ``first`` or another value ``second``."""

    def check(value: object) -> Any:  # noqa: ANN401 - whatever the checks give
        if not isinstance(value, (list, str)):
            raise UnfitError(expected)
        return first(value) if isinstance(value, list) else second(value)

    return check


def _is_number(value: object) -> TypeGuard[int | float]:
    if isinstance(value, bool):
        return False
    return isinstance(value, int) or (isinstance(value, float) and math.isfinite(value))
